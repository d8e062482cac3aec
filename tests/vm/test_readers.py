# SPDX-License-Identifier: BSD-2-Clause
"""Common tools open the dump without further options: crash, makedumpfile, drgn.

Two dumps are made by a Linux as second kernel: the default one (kdump-compressed, filtered), of 2 GiB and a panic on
CPU 0, and a whole ELF core, of 512 MiB and a panic on CPU 1. Two are made by the built-in kernel on the same
machines, both kdump-compressed with zstd.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from frames_judge import crash_stacks, differences, read_frames
from scenarios import READ, READ_BUILTIN, Scenario
from stopped import PANIC_CPU, StoppedRun
from vm.vmcore import read_vmcore

pytestmark = pytest.mark.vm

DUMPS = [
    pytest.param(READ, id="kdump", marks=pytest.mark.xdist_group(READ.name)),
    pytest.param("stopped", id="elf", marks=pytest.mark.xdist_group("stopped")),
    pytest.param(READ_BUILTIN, id="builtin-nvme", marks=pytest.mark.xdist_group(READ_BUILTIN.name)),
    pytest.param("stopped_builtin", id="builtin-virtio", marks=pytest.mark.xdist_group("stopped-builtin")),
]
CALLERS = ["panic", "sysrq_handle_crash", "__handle_sysrq", "write_sysrq_trigger", "vfs_write", "ksys_write", "do_syscall_64"]
# With `set debug 1`, `bt` prints how it found a frame's size. This pattern matches panic()'s frame, found by
# an RBP that lies above it on the stack. crash (8.0.6) takes RBP from the frame at the task's thread.sp,
# which is right for a sleeping task. The panicking task runs: its thread.sp is from the last time that it
# left the CPU, and later calls have overwritten that frame. If the value there happens to point into the
# stack, `bt` skips every frame below, although memory and registers in the dump are right. A task that never
# left the CPU has 0 there. A slower machine has fewer such tasks.
BT_MISLED = re.compile(
    r"^ *#0 .* panic at .*\nrsp: .* textaddr: .*\nrsp: \w+ rbp: \w+ prev_sp: \w+ framesize: \d", re.MULTILINE
)
# crash's own complaints. The dead kernel's log is not searched for them.
CRASH_COMPLAINS = re.compile(r"^(crash: |WARNING|\w+: (invalid|cannot|seek error|read error|command not))", re.MULTILINE)


@dataclass(frozen=True)
class Dump:
    path: Path
    builtin: bool
    filtered: bool
    modules: bool  # the modules of READ are in the dump
    log: str  # the dead kernel's log, as the capture saved it
    panic_cpu: int
    cpus: int = 2


@pytest.fixture(scope="module", params=DUMPS)
def dump(request) -> Dump:
    if isinstance(request.param, Scenario):
        run = request.getfixturevalue("run_scenario")(request.param)
        return Dump(run.dump, request.param is READ_BUILTIN, True, True, run.dmesg.read_text(errors="replace"), request.param.panic_cpu)
    stopped: StoppedRun = request.getfixturevalue(f"{request.param}_run")
    log = stopped.outcome.dmesg.read_text(errors="replace")
    builtin = request.param == "stopped_builtin"
    return Dump(stopped.dump, builtin, builtin, False, log, PANIC_CPU)


def assert_in_order(names: list[str], wanted: list[str], text: str) -> None:
    rest = iter(names)
    assert all(name in rest for name in wanted), f"{wanted} in this order; found {names} in:\n{text}"


# crash

COMMANDS = {
    "sys": "sys",
    "debug": "set debug 1",  # so that BT_MISLED can be found
    "bt": "bt",
    "quiet": "set debug 0",
    "gdb": "gdb bt",
    "all": "bt -a",
    "each": "foreach bt",
    "log": "log",
    "ps": "ps",
    "kmem": "kmem -i",
    "mod": "mod",
}


@pytest.fixture(scope="module")
def crash_said(dump, crash, vmlinux, tmp_path_factory) -> dict[str, str]:
    """What each of COMMANDS printed, in one session. "start" is what crash printed at its start."""
    folder = tmp_path_factory.mktemp("crash")
    script = [f"{command} > {folder}/{name}" for name, command in COMMANDS.items()]
    (folder / "commands").write_text("\n".join(script + ["quit"]) + "\n")
    done = subprocess.run(
        [crash, "--no_scroll", "-i", folder / "commands", vmlinux, dump.path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    # Each file begins with the command, because crash repeats the commands that it reads from a file.
    said = {name: (folder / name).read_text(errors="replace").partition("\n")[2] for name in COMMANDS}
    return said | {"start": done.stdout}


def test_crash_has_no_complaint(crash_said):
    for name, text in crash_said.items():
        if name != "log":
            found = CRASH_COMPLAINS.search(text)
            assert not found, f"{name}: {found[0]} in:\n{text}"


def test_crash_bt(dump, crash_said):
    text = crash_said["bt"]
    assert re.match(rf"PID: \d+ +TASK: [0-9a-f]+ +CPU: {dump.panic_cpu} +COMMAND: \"busybox\"", text), text
    frames = re.findall(r"^ *#\d+ \[[0-9a-f]+\] (\w+)", text, re.MULTILINE)
    assert frames[:1] == ["panic"], text
    if not BT_MISLED.search(text):
        assert_in_order(frames, [*CALLERS, "entry_SYSCALL_64_after_hwframe"], text)
    # The registers of the system call are those of write(): user code, descriptor 1, two bytes.
    assert re.search(r"ORIG_RAX: 0000000000000001 +CS: 0033 +SS: 002b", text), text
    assert re.search(r"RDX: 0000000000000002 .*RDI: 0000000000000001", text), text


def test_crash_gdb_bt(crash_said):
    """gdb begins with the registers that the hook saved, so it is not misled like `bt`."""
    text = crash_said["gdb"]
    frames = re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(\w+) \(", text, re.MULTILINE)
    assert frames[:1] == ["__efi_call"], text
    assert_in_order(frames, ["efi_reboot", *CALLERS, "entry_SYSCALL_64"], text)


def running_tasks(crash_said) -> dict[int, str]:
    """The name of the task on each CPU, by `bt -a`. The other CPU was mostly idle, or did some work of the
    kernel's."""
    pattern = r"^PID: \d+ +TASK: [0-9a-f]+ +CPU: (\d+) +COMMAND: \"(.+)\""
    return {int(cpu): name for cpu, name in re.findall(pattern, crash_said["all"], re.MULTILINE)}


def test_crash_bt_of_every_cpu(dump, crash_said):
    text, running = crash_said["all"], running_tasks(crash_said)
    assert sorted(running) == list(range(dump.cpus)) and running[dump.panic_cpu] == "busybox", text
    # The dying kernel's NMI stopped the CPU and saved its registers.
    assert "crash_nmi_callback" in text, text
    assert not running[1 - dump.panic_cpu].startswith("swapper") or "do_idle" in text, text


def test_our_frames_are_crash_s(dump, crash_said, frames_verdict, record_property):
    """frames_verdict works without symbols, crash with them. Every task's frames are compared, address by
    address."""
    ours, theirs = read_frames(frames_verdict, dump.path), crash_stacks(crash_said["each"])
    stacks = [*ours.sleeping, *(stack for cpu, stack in ours.cpus.items() if cpu != dump.panic_cpu)]
    found = {stack.command: differences(stack, theirs[stack.task]) for stack in stacks}
    assert {command: only for command, only in found.items() if only} == {}
    # `bt` may have been misled (BT_MISLED). An inlined function has no address of its own.
    called = [int(address, 16) for address in re.findall(r"^#\d+ +0x([0-9a-f]+) in", crash_said["gdb"], re.MULTILINE)]
    panicking = [frame.address for frame in ours.cpus[dump.panic_cpu].kernel]
    assert panicking == called[-len(panicking) :] and len(panicking) > 5, crash_said["gdb"]
    assert len(stacks) > 40
    record_property("stacks_compared", len(stacks))


def test_crash_sys(dump, crash_said):
    text = crash_said["sys"]
    assert re.search(rf"^ *CPUS: {dump.cpus}$", text, re.MULTILINE), text
    assert "sysrq triggered crash" in text, text
    assert re.findall(r"^ *RELEASE: (\S+)$", text, re.MULTILINE) == [read_vmcore(dump.path).release], text


def without_callers(log: str) -> str:
    """Returns the log as crash, and makedumpfile before 1.7.6, print it: without [      T1] behind the time, and
    with less indentation of further lines."""
    log = re.sub(r"^(\[ *\d+\.\d+\] )\[[ TC\d]{8}\] ", r"\1", log, flags=re.MULTILINE)
    return re.sub(r"^ {11}(?= {15})", "", log, flags=re.MULTILINE)


def test_crash_log(dump, crash_said):
    ours = without_callers(dump.log)
    assert crash_said["log"].strip().splitlines() == ours.strip().splitlines(), crash_said["log"]


def test_crash_ps(dump, crash_said):
    text = crash_said["ps"]
    rows = [line.lstrip(">").split() for line in text.splitlines()[1:]]
    names = [row[-1] for row in rows]
    assert {"[swapper/0]", "[swapper/1]", "[kthreadd]", "init", "busybox"} <= set(names), text
    running = [line.lstrip(">").split() for line in text.splitlines() if line.startswith(">")]
    assert {int(row[2]): row[-1].strip("[]") for row in running} == running_tasks(crash_said), text
    assert len(rows) > 30, text


def test_crash_kmem(dump, crash_said):
    text = crash_said["kmem"]
    pages = dict(re.findall(r"^ *(TOTAL MEM|FREE) +(\d+)", text, re.MULTILINE))
    assert len(pages) == 2, text
    total, free = int(pages["TOTAL MEM"]), int(pages["FREE"])
    usable = sum(
        int(end, 16) + 1 - int(start, 16)
        for start, end in re.findall(r"BIOS-e820: \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\] usable", dump.log)
    )
    # The rest is the kernel itself and its struct pages.
    assert usable * 0.8 < total * 4096 < usable, text
    assert 0 < free < total, text


def test_crash_mod(dump, crash_said):
    if dump.modules:
        assert re.search(rf"^[0-9a-f]{{16}} +{READ.modules[0]} ", crash_said["mod"], re.MULTILINE), crash_said["mod"]
    else:
        assert crash_said["mod"].strip() == "no modules installed", crash_said["mod"]


# makedumpfile


def test_makedumpfile_dumps_the_log(dump, log_by_makedumpfile):
    log = log_by_makedumpfile(dump.path)
    # A Linux capture kernel has this machine's own makedumpfile, which may be an older one.
    if not dump.builtin and not re.search(r"^\[ *\d+\.\d+\] \[ *T\d+\] ", dump.log, re.MULTILINE):
        log = without_callers(log)
    assert log == dump.log


def test_makedumpfile_filters_again(dump, run_makedumpfile, tmp_path):
    """-d 31 of the whole core leaves out most pages. Of the filtered dump it leaves out none."""
    run_makedumpfile("-d", "31", "-l", dump.path, tmp_path / "filtered")
    before, after = read_vmcore(dump.path), read_vmcore(tmp_path / "filtered")
    assert after.problems() == [] and after.format == "kdump"
    assert after.release == before.release
    assert [(note.name, note.type, note.data) for note in after.notes] == [
        (note.name, note.type, note.data) for note in before.notes
    ]
    if dump.filtered:
        assert after.stored_pages == before.stored_pages
    else:
        whole = sum(load.file_bytes for load in before.loads) // 4096
        assert 1000 < after.stored_pages < whole // 2


# drgn


@pytest.fixture(scope="module")
def program(dump, vmlinux):
    import drgn

    program = drgn.Program()
    program.set_core_dump(str(dump.path))
    try:
        program.load_debug_info([str(vmlinux)])
    except drgn.MissingDebugInfoError as error:
        # The module's own symbols are not fetched.
        assert READ.modules[0] in str(error) and "vmlinux" not in str(error), error
    return program


def functions(trace) -> list[str]:
    return [frame.name for frame in trace if frame.name]


def test_drgn_crashed_thread(program):
    trace = program.crashed_thread().stack_trace()
    names = functions(trace)
    # The trace ends where the hook took over: at the kernel's call of the firmware.
    assert names[:1] == ["__efi_call"], str(trace)
    assert_in_order(names, ["efi_reboot", *CALLERS], str(trace))


def test_drgn_task_list(program, crash_said):
    from drgn.helpers.linux.pid import for_each_task

    pids = {task.pid.value_() for task in for_each_task(program)}
    comms = {task.comm.string_().decode() for task in for_each_task(program)}
    assert {"init", "kthreadd", "busybox"} <= comms, comms
    listed = {int(line.lstrip(">").split()[0]) for line in crash_said["ps"].splitlines()[1:]}
    assert pids == listed - {0}, "drgn and crash list the same tasks:\n" + crash_said["ps"]
