# SPDX-License-Identifier: BSD-2-Clause
"""What happens at each panic, and at what is none: who dies where, what the log and the notes say."""

import json
import re
import struct

import pytest

from runs import Run
from scenarios import CAPTURED, FULL, PASSING, READ, VFS, Scenario, rows
from vm.vmcore import LIFEBOAT_NOTE_TYPE

pytestmark = pytest.mark.vm

# The kernel's last words, in order.
LAST_WORDS = {
    "sysrq": (r"sysrq: Trigger a crash", r"Kernel panic - not syncing: sysrq triggered crash", r"CPU: {cpu} PID: \d+ Comm: busybox"),
    "oops": (r"BUG: kernel NULL pointer dereference, address: 0000000000000000", r"Oops: 0010 \[#1\]", r"CPU: {cpu} PID: \d+ Comm: busy ",
             r"Kernel panic - not syncing: Fatal exception"),
    "vfs": (r"VFS: Cannot open root device", r"Kernel panic - not syncing: VFS: Unable to mount root fs", r"CPU: {cpu} PID: 1 Comm: swapper/0"),
}  # fmt: skip
STAGES = (
    "firmware loader armed first_kernel panic purgatory purgatory_entry purgatory_verify purgatory_quiesce"
    " purgatory_describe purgatory_swap purgatory_jump second_kernel capture_start capture_log capture_target"
    " capture_dump capture_verify capture_done reset"
).split()
PURGATORY_STAGES = ["hook", "entry", "verify", "quiesce", "describe", "swap", "jump"]
KEYS = (
    "captured panic kernel capture memory_bytes crash_bytes crash_low_bytes page_table_bytes page_tables"
    " first_kernel_cmdline dump dump_bytes stages purgatory_stages messages"
).split()
# The second kernel's complaints about interrupts and devices that were left as they were.
COMPLAINTS = re.compile(
    r"MP-BIOS bug|timed[ -]out|completion polled|nobody cared|I/O error|lost interrupt|BUG:|WARNING:|Oops|Call Trace"
)
KERNEL_TEXT = 0xFFFFFFFF80000000

captured = pytest.mark.parametrize("scenario", rows(CAPTURED + FULL))


def panicking_cpu(run: Run) -> int:
    """As the dying kernel said it last."""
    return int(re.findall(r"\bCPU: (\d+) PID: \d+", run.dmesg.read_text(errors="replace"))[-1])


def second_kernel_log(console: str) -> list[str]:
    """The console after the jump, less the dead kernel's log, which the capture shows."""
    after = console[console.rindex("lifeboat-purgatory: jump") :]
    dead = re.search(r"lifeboat-capture: log lines=.*?lifeboat-capture: log end=1", after, re.DOTALL)
    assert dead, "the capture did not show the dead kernel's log"
    return (after[: dead.start()] + after[dead.end() :]).splitlines()


@captured
def test_panic_is_captured(run_scenario, scenario: Scenario):
    run = run_scenario(scenario)
    log = run.dmesg.read_text(errors="replace")
    at = 0
    for words in LAST_WORDS[scenario.panic]:
        found = re.compile(words.format(cpu=panicking_cpu(run))).search(log, at)
        assert found, f"'{words}' is not in the dead kernel's log, after byte {at}:\n{log[-3000:]}"
        at = found.start()
    # The first process runs where the scheduler puts it; the others were told.
    assert scenario.panic == "vfs" or panicking_cpu(run) == scenario.panic_cpu
    assert run.frame.problems() == []
    assert run.findings["captured"] is True
    assert run.findings["dump"] == str(run.dump) and run.findings["dump_bytes"] == run.dump.stat().st_size > 0


@captured
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


@captured
def test_nothing_is_complained_about(run_scenario, scenario: Scenario):
    run = run_scenario(scenario)
    assert run.findings["messages"] == []
    complaints = [line for line in second_kernel_log(run.console) if COMPLAINTS.search(line)]
    assert complaints == []


@captured
def test_every_cpu_left_its_registers(run_scenario, scenario: Scenario):
    run = run_scenario(scenario)
    frame = run.frame
    assert len(frame.cpu_notes) == scenario.cpus
    for cpu, note in enumerate(frame.cpu_notes):
        assert struct.unpack_from("<i", note.data, 32)[0] == cpu + 1, "drgn takes pr_pid for the CPU's number plus one"
        registers = struct.unpack_from("<27Q", note.data, 112)
        rip, cs, rsp = registers[16], registers[17], registers[19]
        assert cs == 0x10 and rip >= KERNEL_TEXT and rsp >= 1 << 63, f"CPU {cpu}: cs {cs:#x} rip {rip:#x} rsp {rsp:#x}"
    assert int(frame.lifeboat["CPU"], 0) == panicking_cpu(run)
    assert int(frame.lifeboat["CPU_NOTES"], 0) == scenario.cpus
    assert [note.name for note in frame.notes if note.type == LIFEBOAT_NOTE_TYPE] == ["LIFEBOAT"]


@captured
def test_kaslr_was_on(run_scenario, scenario: Scenario):
    """The dying kernel prints its offset; with KASLR off it prints 'disabled'."""
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
def test_what_is_no_panic_passes_through(run_scenario, scenario: Scenario):
    run = run_scenario(scenario)
    action = scenario.more["none_action"]
    last = {"reboot": "reset", "poweroff": "poweroff"}[action]
    assert list(run.findings["stages"]) == ["firmware", "loader", "armed", "first_kernel", "up", last]
    assert run.findings["captured"] is False and run.findings["messages"] == []
    assert "lifeboat-purgatory" not in run.console
    assert not run.dump.exists()
