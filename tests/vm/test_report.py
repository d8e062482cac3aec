# SPDX-License-Identifier: BSD-2-Clause
"""A report that fails does not harm the dump. It ends with a line that says where it failed."""

import re

import pytest

from conftest import build
from scenarios import FULL_ONLY, READ_BUILTIN

pytestmark = pytest.mark.vm

SECRET = "my.password=hunter2"
of_the_trial = pytest.mark.xdist_group("report-trial")  # one run for all of them


@pytest.fixture(scope="module")
def trial(rehearse):
    """A run with a capture kernel that lets each section of the report fault, and loop, before the real report is
    made."""
    return rehearse(
        "report-trial", loader=build("report-trial.efi"), capture="builtin", memory="512M", append=SECRET,
        config="mask-report",
    ).check()  # fmt: skip


@pytest.fixture(scope="module")
def ended(trial) -> dict[tuple[str, str], str]:
    """The report's last line, by what was done and in which section."""
    lines = re.findall(r"lifeboat-capture: trial: (\w+) in ([\w -]+?): (.*)", trial.console.replace("\r", ""))
    return {(what, where): line for what, where, line in lines}


@of_the_trial
def test_a_fault_in_any_section_ends_the_report_there(ended):
    faults = {where: line for (what, where), line in ended.items() if what == "fault"}
    assert len(faults) >= 3
    for where, line in faults.items():
        assert re.match(rf"cut: {where}: exception 14 at 0x[0-9a-f]+ of the capture kernel, cr2 0x", line), line


@of_the_trial
def test_a_loop_in_any_section_ends_the_report_there(ended):
    loops = {where: line for (what, where), line in ended.items() if what == "loop"}
    assert len(loops) >= 3
    for where, line in loops.items():
        assert re.match(rf"cut: {where}: no end after 2500 ms, at 0x[0-9a-f]+ of the capture kernel", line), line


@of_the_trial
def test_a_spent_budget_ends_the_report_there(ended):
    ((where, line),) = [(where, line) for (what, where), line in ended.items() if what == "time"]
    assert re.fullmatch(r"cut: \w+: the time for it was up", line), (where, line)


@of_the_trial
def test_the_dump_goes_on(trial):
    """The real report, made at the end, is whole and in the dump."""
    header = trial.findings["dump_header"]
    assert header["digests"] == "log right, report right, head right, descriptors right, data right"
    report = (trial.folder / "report.txt").read_text()
    assert not re.search(r"^cut: (?!.*: the time for it was up)", report, re.MULTILINE), report  # a slow host runs out of time
    assert report.startswith("reason: ")


@of_the_trial
def test_mask_report_masks_the_report_alone(trial):
    report = (trial.folder / "report.txt").read_text()
    assert "hunter2" not in report and " my.password=XXXX" in report
    assert SECRET in trial.dmesg.read_text()


@pytest.mark.xdist_group(READ_BUILTIN.name)
def test_the_report_in_the_findings(run_scenario):
    run = run_scenario(READ_BUILTIN)
    assert run.findings["report"]["schema"] == "lifeboat-report-1"
    report = (run.folder / "report.txt").read_text()
    assert "\nreason: Kernel panic - not syncing: sysrq triggered crash\n" in f"\n{report}"
    assert "\nlockdown: no\n" in report and run.findings["report"]["lockdown"] == "no"
    assert "why it died:" in run.said and "\n  signature: sysrq:" in run.said


@pytest.mark.xdist_group(READ_BUILTIN.name)
def test_the_report_tells_when_each_stage_was_reached(run_scenario):
    run = run_scenario(READ_BUILTIN)
    times = run.findings["report"]["lifeboat_ms"]
    stages = [f"purgatory_{name}" for name in ("entry", "verify", "quiesce", "describe", "swap", "jump")]
    stages += ["capture_kernel", "memory_mapped", "log_on_disk", "report_image", "report_log", "report_symbols"]
    stages += ["report_types", "report_tasks", "report_backtrace", "report_memory", "report_lifeboat"]
    assert [name for name in times if name in stages] == stages
    in_order = [times[name] for name in times]
    assert in_order == sorted(in_order)
    # The header's clock and the report's are the same.
    (said,) = re.findall(r"log on disk (\d+) ms after the panic", run.console)
    assert abs(times["log_on_disk"] - int(said)) <= 50


LOG_MIB = 64
# Fills the ring with records of a kilobyte, none of which reaches the console.
_FILL = """
echo 1 > /proc/sys/kernel/printk
$b yes "a line that fills the log, and another one, and one more" | $b dd of=/dev/kmsg bs=960 count=72000 iflag=fullblock
"""


@FULL_ONLY
def test_a_log_of_64_mib_has_its_end_in_the_report(rehearse, tmp_path):
    """The end of the log is also on the partition. Its last lines matter most."""
    before = tmp_path / "before.sh"
    before.write_text(_FILL)
    run = rehearse(
        "large-log", capture="builtin", memory="1G", panic="sysrq", before=before,
        append=f"log_buf_len={LOG_MIB}M printk.devkmsg=on",
    ).check()  # fmt: skip
    report = run.findings["report"]
    assert report["cut"] is None and report["reason"] == "Kernel panic - not syncing: sysrq triggered crash"
    assert re.fullmatch(r"the last \d+ of more than \d{5,} lines", report["sections"]["log"]["note"])
    assert "sysrq triggered crash" in "\n".join(report["log"][-60:])
    saved = run.dmesg.read_text(errors="replace")
    assert len(saved) > 15 << 20 and "sysrq triggered crash" in saved[-8000:]
    assert "longer than" in run.console and "its beginning is in the dump only" in run.console


@pytest.mark.xdist_group(READ_BUILTIN.name)
def test_the_kernels_own_pages_come_first(run_scenario):
    run = run_scenario(READ_BUILTIN)
    assert re.search(r"the kernel's own pages are written first: by \d+ page tables\r?\n", run.console)
