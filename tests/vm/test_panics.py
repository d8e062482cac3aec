# SPDX-License-Identifier: BSD-2-Clause
"""Each panic, and each event that is none: who dies where, and what the log and the notes say."""

import json
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

import quiet
from frames_judge import crash_frames, differences, read_frames
from runs import Run
from scenarios import BUSY, CAPTURED, DEATHS, FULL, PASSING, READ, SINCE_6_10, VFS, Scenario, rows
from vm import panics
from vm.vmcore import LIFEBOAT_NOTE_TYPE

pytestmark = pytest.mark.vm

_BAD_POINTER = r"BUG: kernel NULL pointer dereference, address: 0000000000000008"
_OOPS = (_BAD_POINTER, r"CPU: {cpu} (?:UID: \d+ )?PID: \d+ Comm", r"RIP: 0010:oops\+\S+ \[provoke\]")
_FATAL = r"Kernel panic - not syncing: Fatal exception"

# The kernel's last messages, in order.
LAST_WORDS = {
    "sysrq": (r"sysrq: Trigger a crash", r"Kernel panic - not syncing: sysrq triggered crash", r"CPU: {cpu} (?:UID: \d+ )?PID: \d+ Comm: busybox"),
    "oops": (r"BUG: kernel NULL pointer dereference, address: 0000000000000000", r"Oops: 0010 \[#1\]", r"CPU: {cpu} (?:UID: \d+ )?PID: \d+ Comm: busy ",
             _FATAL),
    "vfs": (r"VFS: Cannot open root device", r"Kernel panic - not syncing: VFS: Unable to mount root fs", r"CPU: {cpu} (?:UID: \d+ )?PID: 1 Comm: swapper/0"),
    "init": (r"Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000000", r"CPU: {cpu} (?:UID: \d+ )?PID: 1 Comm: busybox"),
    "oom": (r"invoked oom-killer", r"Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled", r"CPU: {cpu} (?:UID: \d+ )?PID"),
    "nmi": (r"NMI: Not continuing|Kernel panic - not syncing: NMI", r"CPU: {cpu} (?:UID: \d+ )?PID"),
    "mce": (r"mce: \[Hardware Error\]", r"Kernel panic - not syncing: (Fatal|Timeout).* machine check|Kernel panic - not syncing: .*[Mm]achine check"),
    "self process": (*_OOPS, r"provoke_init", _FATAL),
    "self softirq": (*_OOPS, r"<IRQ>", r"run_timer_softirq", _FATAL + r" in interrupt"),
    "self irq": (*_OOPS, r"<IRQ>", r"hrtimer_interrupt", _FATAL + r" in interrupt"),
    "self bug": (r"kernel BUG at \S+provoke.c:\d+!", r"CPU: {cpu} (?:UID: \d+ )?PID: \d+ Comm", _FATAL),
    "self stack": (r"BUG: TASK stack guard page was hit", r"CPU: {cpu} (?:UID: \d+ )?PID: \d+ Comm", r"deeper", _FATAL),
    "self double": (r"PANIC: double fault", r"CPU: {cpu} (?:UID: \d+ )?PID: \d+ Comm", r"RIP: 0010:double_fault", _FATAL),
    "self soft": (r"BUG: soft lockup - CPU#{cpu} stuck", r"Kernel panic - not syncing: softlockup: hung tasks"),
    "self hung": (r"INFO: task lifeboat-hung:\d+ blocked", r"Kernel panic - not syncing: hung_task: blocked tasks"),
    "self nested": (r"Kernel panic - not syncing: the first disaster of two", r"CPU: {cpu} (?:UID: \d+ )?PID", r"Kernel panic - not syncing: a panic inside a panic"),
    "self nested-oops": (r"Kernel panic - not syncing: the first disaster of two", *_OOPS, r"while_panicking", _FATAL),
    "self in-nmi": (r"Kernel panic - not syncing: a panic inside an NMI", r"CPU: {cpu} (?:UID: \d+ )?PID: \d+ Comm", r"<NMI>"),
}  # fmt: skip
# These panic on any CPU, as the scheduler or the hardware decides.
ANY_CPU = {"vfs", "oom", "mce", "self hung"}
STAGES = (
    "firmware loader armed first_kernel panic purgatory purgatory_entry purgatory_verify purgatory_quiesce"
    " purgatory_describe purgatory_swap purgatory_jump second_kernel capture_start capture_log capture_target"
    " capture_dump capture_verify capture_done reset"
).split()
PURGATORY_STAGES = ["hook", "entry", "verify", "quiesce", "describe", "swap", "jump"]
KEYS = (
    "captured panic kernel capture memory_bytes crash_bytes crash_low_bytes page_table_bytes page_tables"
    " first_kernel_cmdline dump dump_bytes filter_level stages purgatory_stages messages"
).split()
# Trouble of the second kernel itself, which quiet.py does not look for.
COMPLAINTS = re.compile(r"I/O error|BUG:|WARNING: CPU: |Oops|Call Trace")
KERNEL_TEXT = 0xFFFFFFFF80000000
KERNEL_CS, USER_CS = 0x10, 0x33

captured = pytest.mark.parametrize("scenario", rows(CAPTURED + DEATHS + FULL))
by_linux = pytest.mark.parametrize("scenario", rows(CAPTURED + FULL))


def makedumpfile_knows_slab() -> bool:
    """Debian 12's does not: it is older than Linux 6.10, where slab became a page's type."""
    return b"PAGE_SLAB_MAPCOUNT_VALUE" in Path(shutil.which("makedumpfile")).read_bytes()


def panicking_cpu(run: Run) -> int:
    """Returns the CPU that the dying kernel named last."""
    return int(re.findall(r"\bCPU: (\d+) (?:UID: \d+ )?PID: \d+", run.dmesg.read_text(errors="replace"))[-1])


@captured
def test_panic_is_captured(try_scenario, record_row, scenario: Scenario):
    run = try_scenario(scenario)
    record_row(scenario, run)
    run.check()
    log = run.dmesg.read_text(errors="replace")
    at = 0
    for words in LAST_WORDS[scenario.kind]:
        found = re.compile(words.format(cpu=panicking_cpu(run))).search(log, at)
        assert found, f"'{words}' is not in the dead kernel's log, after byte {at}:\n{log[-3000:]}"
        at = found.start()
    assert scenario.kind in ANY_CPU or panicking_cpu(run) == scenario.panic_cpu
    assert run.frame.problems() == []
    assert run.findings["captured"] is True
    assert run.findings["dump"] == str(run.dump) and run.findings["dump_bytes"] == run.dump.stat().st_size > 0


@pytest.mark.parametrize("scenario", rows([one for one in FULL if one.signs]))
def test_surroundings_were_as_named(run_scenario, scenario: Scenario):
    console, at = run_scenario(scenario).console, 0
    for words in scenario.signs:
        at = console.find(words, at)
        assert at >= 0, f"'{words}' is not on the console, or not in this order"


@by_linux
def test_stages_come_in_order(run_scenario, scenario: Scenario):
    findings = run_scenario(scenario).findings
    wanted = list(STAGES)
    if scenario.panic != "vfs":
        wanted.insert(wanted.index("panic"), "up")
    assert list(findings["stages"]) == wanted
    times = list(findings["stages"].values())
    assert times == sorted(times)
    assert list(findings["purgatory_stages"]) == PURGATORY_STAGES
    ticks = list(findings["purgatory_stages"].values())
    assert all(earlier < later for earlier, later in zip(ticks, ticks[1:]))


@by_linux
def test_nothing_is_complained_about(run_scenario, scenario: Scenario):
    run = run_scenario(scenario)
    left_in = [words for words in run.findings["messages"] if "level 23, with the memory of programs" in words]
    assert run.findings["messages"] == left_in
    assert len(left_in) == (scenario.kernel in SINCE_6_10 and not makedumpfile_knows_slab())
    assert "lifeboat-capture: log end=1" in run.console, "the capture did not show the dead kernel's log"
    log = quiet.second_kernel_log(run.console)
    assert quiet.capture_log_is_quiet(log), quiet.noise(log)
    assert [line for line in log.splitlines() if COMPLAINTS.search(line)] == []


@captured
def test_every_cpu_left_its_registers(run_scenario, scenario: Scenario):
    run = run_scenario(scenario)
    frame = run.frame
    assert len(frame.cpu_notes) == scenario.cpus
    for cpu, note in enumerate(frame.cpu_notes):
        assert struct.unpack_from("<i", note.data, 32)[0] == cpu + 1, "pr_pid is not the CPU's number plus one"
        registers = struct.unpack_from("<27Q", note.data, 112)
        rip, cs, rsp = registers[16], registers[17], registers[19]
        in_kernel = cs == KERNEL_CS and rip >= KERNEL_TEXT and rsp >= 1 << 63
        # If a CPU had work, it may have been stopped in a program.
        in_program = cs == USER_CS and 0 < rip < 1 << 47 and 0 < rsp < 1 << 47
        allowed = in_kernel or (scenario.before and in_program and cpu != panicking_cpu(run))
        assert allowed, f"CPU {cpu}: cs {cs:#x} rip {rip:#x} rsp {rsp:#x}"
    assert int(frame.lifeboat["CPU"], 0) == panicking_cpu(run)
    assert int(frame.lifeboat["CPU_NOTES"], 0) == scenario.cpus
    assert [note.name for note in frame.notes if note.type == LIFEBOAT_NOTE_TYPE] == ["LIFEBOAT"]


@captured
def test_kaslr_was_on(run_scenario, scenario: Scenario):
    """The dying kernel prints its offset. With KASLR off it prints 'disabled'."""
    run = run_scenario(scenario)
    printed = re.search(r"Kernel Offset: (\S+) from 0xffffffff81000000", run.dmesg.read_text(errors="replace"))
    assert printed, "the kernel printed no offset: KASLR is off"
    offset = int(run.frame.vmcoreinfo["KERNELOFFSET"], 16)
    assert offset == int(printed[1], 16)
    assert offset % (2 << 20) == 0 and offset < 1 << 30


@pytest.mark.parametrize("scenario", rows([VFS]))
def test_vfs_panic_needs_no_user_space(run_scenario, scenario: Scenario):
    run = run_scenario(scenario)
    log = run.dmesg.read_text(errors="replace")
    assert "as init process" not in log and "Unpacking initramfs" not in log
    assert "up" not in run.findings["stages"]


@pytest.mark.parametrize("scenario", rows([READ]))
def test_json_has_every_documented_key(run_scenario, scenario: Scenario):
    run = run_scenario(scenario)
    findings = json.loads((run.folder / "run.json").read_text())
    assert set(KEYS) <= set(findings)
    assert findings["panic"] == scenario.panic
    assert findings["memory_bytes"] == scenario.memory_mib << 20


@pytest.mark.parametrize("scenario", rows(PASSING))
def test_what_is_no_panic_ends_as_it_should(try_scenario, record_row, scenario: Scenario):
    run = try_scenario(scenario)
    record_row(scenario, run)
    run.check()
    stages = list(run.findings["stages"])
    assert stages[:5] == ["firmware", "loader", "armed", "first_kernel", "up"]
    assert run.findings["captured"] is False
    assert not run.dump.exists()
    end = panics.ACTIONS[scenario.more["none_action"]].end
    if end == panics.NOTICED:
        assert "capture_failed" in stages and stages[-1] == "reset"
        assert [message for message in run.findings["messages"] if "nothing panicked" in message]
    else:
        assert stages[5:] == [end] and run.findings["messages"] == []
        assert "lifeboat-purgatory" not in run.console


@pytest.fixture(scope="module")
def stacks(run_scenario, vmlinux, crash) -> dict[int, tuple[str, str]]:
    """Returns crash's `bt -a`: (command, stack) for each CPU."""
    done = subprocess.run(
        [crash, "-s", vmlinux, run_scenario(BUSY).dump],
        input="bt -a\nquit\n", capture_output=True, text=True, errors="replace", timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    parts = re.split(r'^PID: \d+ +TASK: [0-9a-f]+ +CPU: (\d+) +COMMAND: "(.+)"$', done.stdout, flags=re.MULTILINE)
    return {int(cpu): (command, stack) for cpu, command, stack in zip(parts[1::3], parts[2::3], parts[3::3])}


@pytest.mark.xdist_group(BUSY.name)
def test_every_cpu_s_stack_is_shown(stacks):
    assert sorted(stacks) == list(range(BUSY.cpus))
    for cpu, (command, stack) in stacks.items():
        frames = re.findall(r"^ *#\d+ \[[0-9a-f]+\] (\w+)", stack, re.MULTILINE)
        if cpu == BUSY.panic_cpu:
            assert command == "busy", stack
            # Frames between may be missing: see BT_MISLED in test_readers.py.
            assert "panic" in frames and re.search(r"CS: 0033 +SS: 002b", stack), stack
        else:
            # Stopped by the dying kernel's NMI, in the loop or in the kernel's own work there.
            assert "crash_nmi_callback" in frames, stack
            assert re.search(r"^ *RIP: [0-9a-f]+ ", stack, re.MULTILINE), stack


@pytest.mark.xdist_group(BUSY.name)
def test_every_other_cpu_s_frames_are_crash_s(run_scenario, frames_verdict, stacks):
    """crash does not show every frame of the panicking CPU. test_frames.py compares that one with the kernel's own
    trace."""
    ours = read_frames(frames_verdict, run_scenario(BUSY).dump)
    for cpu, (_, said) in stacks.items():
        if cpu != BUSY.panic_cpu:
            assert differences(ours.cpus[cpu], crash_frames(said)) == [], said
