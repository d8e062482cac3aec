# SPDX-License-Identifier: BSD-2-Clause
"""The built-in capture kernel, from panic to saved dump: its findings, every page compared with QEMU's own dump of
the same moment, and disks that are full, slow, gone or hold an unsaved dump. test_readers.py tests what readers make
of its dumps."""

import dataclasses
import hashlib
import os
import re
import struct
import subprocess
from pathlib import Path

import pytest

from builtin_runs import MEMORY_BYTES, MIB, Builtin, console
from core_memory import CoreMemory
from dump_images import EMPTY, PARTIAL, SELFTEST_PASSED, SLOTS_BYTES, newest
from kdump import PAGE, Kdump, runs, write_core
from runs import Run
from screen_text import FONTS, read_font, read_picture, wrapped
from scenarios import CAPTURED, CLOUD, DEATHS, FULL_ONLY, GENERIC, NEWEST, READ_BUILTIN, Scenario, by_builtin, rows
from stopped import kernel_offset, parse_range
from vm import gpt
from vm.rehearsal import Options
from vm.vmcore import read_vmcore

pytestmark = pytest.mark.vm

CRASH_MAX = 16 * MIB  # crash memory with up to eight CPUs
FURTHER_MAX = 4 * MIB // 10  # for each further CPU
STAGES = ["panic", "purgatory", "capture_begin", "capture_target", "capture_dump", "capture_done", "reset"]
SYSRQ = "sysrq triggered crash"

STOPPED = pytest.mark.xdist_group("stopped-builtin")
DISKS = pytest.mark.xdist_group("builtin-disks")


@pytest.fixture(scope="module")
def builtin(loader, kernel, firmware):
    """builtin(name, unusual={...}, **options) is a run with the built-in kernel, 512 MiB, and a panic on CPU 1 of
    2."""
    build = Path(loader).parent
    folder = build / "vm-tests" / os.environ.get("PYTEST_XDIST_WORKER", "main") / "builtin"

    def make_options(**more) -> Options:
        machine = {"memory_bytes": MEMORY_BYTES, "cpus": 2, "panic_cpu": 1, "panic": "sysrq"}
        return Options(**({"kernel": kernel, "firmware": firmware, "loader": loader} | machine | more))

    yield Builtin(folder, make_options)
    for image in folder.glob("*/*.img"):
        image.unlink()


def check_findings(findings: dict, cpus: int = 2) -> None:
    assert findings["capture"] == "builtin" and findings["captured"] is True
    assert 0 < findings["crash_bytes"] <= CRASH_MAX + max(0, cpus - 8) * FURTHER_MAX and findings["crash_low_bytes"] == 0
    stages = list(findings["stages"])
    assert [stage for stage in stages if stage in STAGES] == [stage for stage in STAGES if stage in stages]
    assert {"panic", "purgatory", "capture_begin", "capture_done"} <= set(stages)
    assert stages[-1] in ("reset", "poweroff")
    assert "second_kernel" not in stages
    header = findings["dump_header"]
    assert header["state"] == "complete, not saved"
    parts = "nothing there" if findings["dump_format"] == "elf" else "right"
    assert header["digests"] == f"log right, report right, head right, descriptors {parts}, data {parts}"
    assert int(header["dump bytes"]) == findings["dump_bytes"] > MIB
    done, whole = map(int, header["pages"].split(" of "))
    assert done == whole > 1000
    first, end = (float(header[f"panic to {what}"].split()[0]) for what in ("first byte", "end"))
    assert 0 < first < end
    assert re.match(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC", header["crash time"])


@pytest.mark.xdist_group(READ_BUILTIN.name)
def test_findings(run_scenario):
    run = run_scenario(READ_BUILTIN)
    check_findings(run.findings)
    assert SYSRQ in run.dmesg.read_text(errors="replace")
    assert not [text for text in run.findings["messages"] if text.startswith("lifeboat-capture: ")]


@pytest.mark.xdist_group(READ_BUILTIN.name)
def test_the_dump_on_its_disk_is_marked_saved(run_scenario):
    with open(run_scenario(READ_BUILTIN).folder / "dump.img", "rb") as image:
        image.seek(gpt.MIB)
        assert newest(image.read(SLOTS_BYTES))["saved"] == 1


# Page by page


@pytest.fixture(scope="module")
def ours(stopped_builtin_run) -> Kdump:
    return Kdump(stopped_builtin_run.dump)


@pytest.fixture(scope="module")
def qemu(stopped_builtin_run) -> CoreMemory:
    return CoreMemory(stopped_builtin_run.core)


@STOPPED
def test_every_page_is_as_qemu_saw_it(stopped_builtin_run, ours, qemu, record_property):
    """Only the hook's own stacks and tables differ, which are in use."""
    hook = range(*parse_range(stopped_builtin_run.plan["hook_data"]))
    differ = [frame for frame, page in ours.pages() if page != qemu.read(frame * PAGE, PAGE)]
    record_property("pages_compared", len(ours.stored))
    print(f"{len(ours.stored)} of {len(ours.ram)} pages compared, {len(differ)} differ")
    assert len(ours.stored) > 1000
    other = [frame for frame in differ if frame * PAGE not in hook]
    assert not other, f"{len(other)} pages differ: {', '.join(f'{frame * PAGE:#x}' for frame in other[:20])}"


@STOPPED
def test_all_ram_is_accounted_for(stopped_builtin_run, ours):
    """All that the first kernel called RAM is in the dump, or was left out on purpose."""
    usable = []
    for line in stopped_builtin_run.outcome.dmesg.read_text(errors="replace").splitlines():
        if "BIOS-e820: [mem " in line and line.endswith("usable"):
            start, end = line.split("[mem ")[1].split("]")[0].split("-")
            usable.append(((int(start, 16) + PAGE - 1) // PAGE, (int(end, 16) + 1) // PAGE))
    assert usable, "the first kernel's log has no memory map"
    found = runs(ours.ram)
    for start, end in usable:
        assert any(s <= start and end <= e for s, e in found), f"frames {start:#x} to {end:#x} are not all in the dump"
    crash_start, crash_end = parse_range(stopped_builtin_run.plan["crash"])
    assert all(e * PAGE <= crash_start or s * PAGE >= crash_end for s, e in found), "the dump has crash memory"
    assert set(ours.stored) <= set(ours.ram)


@pytest.fixture(scope="module")
def makedumpfile_s(stopped_builtin_run, ours, qemu, vmlinux, run_makedumpfile) -> Kdump:
    """The dump that makedumpfile -d 31 makes of the same memory, as QEMU saw it."""
    run, folder = stopped_builtin_run, stopped_builtin_run.folder
    listed = subprocess.run(["nm", vmlinux], capture_output=True, text=True, check=True).stdout
    symbols = {name: int(address, 16) for address, _, name in map(str.split, listed.splitlines()) if address != name}
    offset = kernel_offset(run)
    levels = 5 if run.dead_cpu["cr4"] & 1 << 12 else 4

    def at(name: str) -> int:
        return qemu.translate(run.dead_cpu["cr3"], levels, symbols[name] + offset)

    text = (symbols["_text"] + offset, at("_text"), symbols["_end"] - symbols["_text"])
    core, out = folder / "qemu-vmcore", folder / "filtered"
    write_core(core, run.ram, runs(ours.ram), ours.notes, qemu.number(at("page_offset_base")), text)
    run_makedumpfile("-d", "31", "-z", core, out)
    core.unlink()
    return Kdump(out)


@STOPPED
def test_what_is_left_out_makedumpfile_leaves_out_too(ours, makedumpfile_s, record_property):
    left_out = set(ours.ram) - set(ours.stored)
    theirs = set(ours.ram) - set(makedumpfile_s.stored)
    record_property("pages_left_out", len(left_out))
    record_property("pages_only_makedumpfile_leaves_out", len(theirs - left_out))
    wrong = sorted(left_out - theirs)
    assert left_out, "no page is left out, though a kernel that has just booted has free pages"
    assert not wrong, f"{len(wrong)} pages: {', '.join(map(hex, wrong[:20]))}"


@STOPPED
def test_what_makedumpfile_leaves_out_is_left_out(ours, makedumpfile_s):
    """Pages of zeroes are the exception. They cost a descriptor here, and read as zeroes."""
    theirs = set(ours.ram) - set(makedumpfile_s.stored)
    kept = [frame for frame, page in ours.pages() if frame in theirs and page.strip(b"\0")]
    assert not kept, f"{len(kept)} pages: {', '.join(map(hex, kept[:20]))}"


# Disks


@pytest.fixture(scope="module")
def full(builtin):
    """A partition with room for part of the dump, which stays unsaved."""
    return builtin("full", {"disk_bytes": 8 * MIB, "mark": False})


@DISKS
def test_a_full_partition(full):
    outcome, folder = full
    assert not outcome.ok and "the capture failed" in outcome.reason, outcome.reason
    assert "reset" in outcome.progress.stages
    assert any("8 MiB; a dump that nothing can be left out of takes" in text for text in outcome.progress.messages)
    with open(folder / "dump.img", "rb") as image:
        image.seek(gpt.MIB)
        header = newest(image.read(SLOTS_BYTES))
    assert header["state"] == PARTIAL and 0 < header["pages_done"] < header["page_count"]
    assert SYSRQ in outcome.dmesg.read_text(errors="replace")
    frame = read_vmcore(outcome.vmcore)
    assert frame.incomplete and frame.vmcoreinfo["OSRELEASE"] == frame.release
    assert 0 < frame.stored_pages - frame.lost_pages < frame.stored_pages
    assert frame.data_end <= frame.file_bytes


def partition_digest(folder: Path) -> str:
    return hashlib.sha256((folder / "dump.img").read_bytes()).hexdigest()


@DISKS
def test_an_unsaved_dump_survives_a_second_panic(builtin, full):
    _, before = full
    outcome, after = builtin("unsaved", {"old_disk": before / "dump.img", "mark": False})
    waits = console(after).partition("AN UNSAVED DUMP WAITS")[2]
    assert f"  | reason: Kernel panic - not syncing: {SYSRQ}" in waits, "the first screen of its report is not shown"
    assert not outcome.ok and "purgatory" in outcome.progress.stages
    assert partition_digest(after) == partition_digest(before)
    assert SYSRQ in console(after).split("lifeboat-capture: ", 1)[1], "the log is not on the console instead"


@FULL_ONLY
@DISKS
def test_an_unsaved_dump_is_overwritten_when_told(builtin, full):
    _, before = full
    outcome, after = builtin("overwritten", {"old_disk": before / "dump.img", "mark": False}, config=["dump-overwrite"])
    assert partition_digest(after) != partition_digest(before), outcome.reason


@FULL_ONLY
@DISKS
def test_a_yanked_disk_is_given_up_for_the_next_target(builtin):
    labels = [f"dump-to PARTLABEL={label}" for label in (gpt.DUMP_LABEL, "second")]
    unusual = {"more_disks": ("second",), "yank_at": "% of ", "drive": ",throttling.bps-write=4000000"}
    outcome, folder = builtin("yanked", unusual, config=labels)
    assert "second" in console(folder).split("lifeboat-capture: ", 1)[1]
    assert "capture_done" in outcome.progress.stages, outcome.reason
    with open(folder / "second.img", "rb") as image:
        image.seek(gpt.MIB)
        header = newest(image.read(SLOTS_BYTES))
    assert header["pages_done"] == header["page_count"] > 1000


@FULL_ONLY
@DISKS
def test_a_yanked_only_disk_is_said_and_the_machine_resets(builtin):
    outcome, _ = builtin("yanked-only", {"yank_at": "% of ", "drive": ",throttling.bps-write=4000000"})
    assert not outcome.ok and outcome.progress.capture_failed
    assert "reset" in outcome.progress.stages


@FULL_ONLY
@DISKS
def test_a_slow_disk(builtin):
    outcome, _ = builtin("slow", {"drive": ",throttling.bps-write=2000000,throttling.iops-write=200"}, timeout=600)
    assert outcome.ok, outcome.reason


@DISKS
def test_the_self_test_leaves_its_verdict(builtin):
    """There is no crash: the loader enters the capture kernel, and a reset follows."""
    iommu = {"machine": "q35,kernel-irqchip=split", "qemu_args": ["-device", "intel-iommu,intremap=on"]}
    outcome, folder = builtin("selftest", config=["selftest"], **iommu)
    assert "(VT-d): translation was off, is off" in console(folder)
    assert "selftest: no IOMMU translates; that switching one off works is not shown" in console(folder)
    assert "lifeboat-capture: selftest passed" in console(folder), outcome.reason
    # The firmware already drives the disk that it boots from. The search ends at the dump's disk, before the
    # SATA controller.
    asked = re.findall(r"firmware: asked to drive the disks of (\S+)", console(folder))
    assert asked and "0000:00:1f.2" not in asked
    assert "selftest: a page that cannot be read is survived" in console(folder)
    assert "first_kernel" not in outcome.progress.stages and "reset" in outcome.progress.stages
    with open(folder / "dump.img", "rb") as image:
        image.seek(gpt.MIB)
        header = newest(image.read(SLOTS_BYTES))
    assert (header["selftest"], header["state"]) == (SELFTEST_PASSED, EMPTY)


@FULL_ONLY
@DISKS
def test_a_warm_reboot_is_no_panic(builtin):
    outcome, _ = builtin("warm", panic="none", none_action="warm")
    assert outcome.ok, outcome.reason


# The scratch register of COM1's UART keeps what is written to it, and has no effect.
SCRATCH = 0x3FF


def wdat_table(port: int) -> bytes:
    """Returns what follows the header of an ACPI table WDAT whose watchdog is stopped while bit 3 of `port` is
    set."""
    register = struct.pack("<BBBBQ", 1, 8, 3, 1, port)  # I/O, 8 bits, bit 3, access by bytes
    rows = [(0x0A, 0x00), (0x0B, 0x82)]  # query stopped state; set stopped state, and keep the other bits
    entries = b"".join(struct.pack("<BBH", *row, 0) + register + struct.pack("<II", 1, 1) for row in rows)
    return struct.pack("<IHBBB3xIIIB3xI", 32, 0xFF, 0xFF, 0xFF, 0xFF, 1000, 600, 1, 1, len(rows)) + entries


@pytest.fixture(scope="module")
def pushed_out(builtin, tmp_path_factory):
    """With panic_print=1 the kernel prints every task behind the panic's line, which is more text than the log
    holds. The machine's firmware names a watchdog, which runs, and a management controller."""
    folder = tmp_path_factory.mktemp("acpi")
    (folder / "wdat").write_bytes(wdat_table(SCRATCH))
    (folder / "spmi").write_bytes(bytes(29))
    tables = [("-acpitable", f"sig={name.upper()},data={folder / name}") for name in ("wdat", "spmi")]
    sleepers = "n=0; while [ $n -lt 400 ]; do $b sleep 9999 & n=$((n + 1)); done"
    start = f"printf '\\125' | $b dd of=/dev/port bs=1 seek={SCRATCH} conv=notrunc"
    words = {"append": "panic_print=1", "before": f"{start}; {sleepers}"}
    args = [word for table in tables for word in table] + ["-device", "VGA"]
    return builtin("pushed-out", {"picture_at": "CPUs that compress"}, **words, qemu_args=args)


@DISKS
def test_the_screen_shows_the_report(pushed_out):
    """The picture has the report's lines as the console has them, as many as fit, and the line behind them."""
    outcome, folder = pushed_out
    said = console(folder).replace("\r", "")
    assert "screen: auto; 1280x800, 5120 bytes a line" in said
    picture = read_picture(folder / "screen.ppm")
    assert (picture.width, picture.height) == (1280, 800)
    assert picture.colors() == {b"\0\0\0", b"\xff\xff\xff", b"\xff\xff\0"}
    shown = picture.rows(read_font(FONTS[1]))
    assert len(shown) == 33 and shown[0] == "Lifeboat: the kernel has died. Please wait, its memory is being dumped."
    report = [line[2:] for line in re.findall(r"^lifeboat-capture: (>.*)$", said, re.MULTILINE)]
    assert len(report) > 40 and report[0].startswith("reason: ")
    assert shown[2:-2] == wrapped(report, 1280 // 12)[: len(shown) - 4]
    assert (shown[1], shown[-2]) == ("", "")
    assert re.fullmatch(r"CPUs that write the dump: 1; by estimate [\d.]+ MiB in \d+ s", shown[-1])


@DISKS
def test_the_watchdog_of_an_acpi_table_is_stopped(pushed_out):
    said = console(pushed_out[1])
    assert "lifeboat-capture: watchdog WDAT was running, is stopped" in said, pushed_out[0].reason
    unstoppable = re.findall(r"watchdog that nothing stops after a panic: (.*?)\r?\n", said)
    assert set(unstoppable) == {"the management controller's (table SPMI), where the OS runs it"}


@DISKS
def test_a_panic_whose_line_was_pushed_out_of_the_log(pushed_out):
    outcome, folder = pushed_out
    assert outcome.ok, outcome.reason
    log = outcome.dmesg.read_text(errors="replace")
    assert "Kernel panic" not in log and "Trigger a crash" not in log and log.count("task:") > 20
    assert "no sign of a panic in the log, nor of a reboot at its end" in console(folder)
    with open(folder / "dump.img", "rb") as image:
        image.seek(gpt.MIB)
        message = newest(image.read(SLOTS_BYTES))["message"]
    assert message.rstrip(b"\0").endswith(b"; no sign of a panic in the log")


@FULL_ONLY
@DISKS
def test_a_machine_check_that_leaves_the_cpu_going(builtin):
    """The machine check comes in the middle of the dump. At most the current page is lost."""
    outcome, folder = builtin("machine-check", unusual={"check_at": "CPUs that compress"})
    assert outcome.ok, outcome.reason
    lost = re.search(r"warning: (\d+) pages could not be read", console(folder))
    assert not lost or int(lost[1]) == 1
    assert "lifeboat-capture: fault:" not in console(folder)


@FULL_ONLY
@DISKS
def test_ram_that_the_kernel_was_told_not_to_use(builtin):
    """A section of 128 MiB has none of the kernel's RAM, and is left out."""
    outcome, folder = builtin("told-not-to", append="memmap=128M$256M")
    assert outcome.ok, outcome.reason
    unused = re.search(r"pages: (\d+) that the kernel was told not to use, left out", console(folder))
    assert unused and int(unused[1]) == 128 * MIB // PAGE


# Machines


def _machine(name: str, panic: str = "sysrq", **more) -> Scenario:
    words = {"capture": "builtin"} | more.pop("more", {})
    return Scenario(f"full-builtin-{name}", panic, more=words, **more)


_TRANSLATED = "iommu: Default domain type: Translated"


def _iommu(name: str, device: str, signs: tuple[str, ...], kernel: str = CLOUD, append: str = "") -> Scenario:
    """An IOMMU translates the disk's transfers when the kernel panics. If it stayed on, it would block them. A
    kernel that remaps interrupts gives the timer 10 ms, and then panics, but a busy host needs longer."""
    words = {"append": f"no_timer_check {append}", "qemu_arg": ["-device", device], "dump_disk": name.split("-")[-1]}
    return _machine(
        name, machine="q35,kernel-irqchip=split", panic_cpu=1, kernel=kernel, signs=signs, more=words
    )  # fmt: skip


def _intel(name: str, device: str = "", mode: str = "VT-d", append: str = "intel_iommu=on") -> Scenario:
    ended = f"({mode}): translation was on, is off; interrupt remapping was on"
    signs = ("DMAR-IR: Enabled IRQ remapping", _TRANSLATED, "Kernel panic", ended)
    return _iommu(name, f"intel-iommu,intremap=on{device}", signs, append=append)


# Debian's cloud kernel has no driver for AMD's IOMMU.
def _amd(name: str, device: str = "") -> Scenario:
    ended = "(AMD-Vi): translation was on, is off;"
    signs = (_TRANSLATED, "AMD-Vi: Interrupt remapping enabled", "Kernel panic", ended)
    return _iommu(name, f"amd-iommu,intremap=on{device}", signs, kernel=GENERIC)


def _passing(scenario: Scenario, name: str) -> Scenario:
    """The same machine with iommu=pt: translation is on, and lets the disk's transfers pass unchanged."""
    signs = tuple("iommu: Default domain type: Passthrough" if sign == _TRANSLATED else sign for sign in scenario.signs)
    more = scenario.more | {"append": f"{scenario.more['append']} iommu=pt"}
    return dataclasses.replace(scenario, name=name, signs=signs, more=more)


# The driver is a module, in newer kernels only. The disk's driver is loaded after it, so that the disk's
# transfers are translated.
_VIRTIO_IOMMU = _machine(
    "iommu-virtio-nvme", kernel=NEWEST[0], panic_cpu=1, modules=("virtio_iommu", "nvme"),
    before="until [ -e /sys/bus/pci/drivers/nvme/*/iommu_group ]; do :; done\n",
    signs=(_TRANSLATED, "virtio_iommu virtio", "Kernel panic", "(virtio): translation was on, is off"),
    more={"qemu_arg": ["-device", "virtio-iommu-pci"], "dump_disk": "nvme"},
)  # fmt: skip
AMD_IOMMU = dataclasses.replace(_amd("iommu-amd-nvme"), name="builtin-iommu-amd-nvme")
MACHINES = [
    _machine("ahci-cpu1", panic_cpu=1, more={"dump_disk": "ahci"}),
    _machine("ahci-pc", machine="pc", cpu="qemu64", more={"dump_disk": "ahci"}),
    _machine("nvme-8g-cpu3of4", memory_mib=8192, cpus=4, panic_cpu=3, more={"dump_disk": "nvme"}),
    _machine("virtio-scsi-cpu1", panic_cpu=1, more={"dump_disk": "virtio-scsi"}),
    _machine("virtio-16g-no1g", memory_mib=16384, cpu="max,pdpe1gb=off"),
    _machine("virtio-4level-cpu1of4", cpu="max,la57=off", cpus=4, panic_cpu=1),
    _machine("virtio-1cpu", cpus=1),
    # The loader plans for eight CPUs in the least crash memory. All of them must find room there.
    _machine("virtio-cpu0of8", cpus=8, panic_cpu=0, signs=("8 of 8 CPUs; then", "CPUs that compress: 8")),
    # More CPUs than the default once was. How many answer in time depends on the host, which has fewer.
    _machine(
        "virtio-cpu5of10", memory_mib=512, cpus=10, panic_cpu=5, signs=("10 of 10 CPUs; then", "CPUs that compress: "),
        more={"append": "no_timer_check"},
    ),
    # A driver has the screen, so nothing is drawn on it.
    _machine(
        "screen-of-a-driver", kernel=GENERIC, modules=("bochs",), more={"qemu_arg": ["-device", "VGA"]},
        signs=("screen: auto; 1280x800", "nothing is shown on the screen: module drm is loaded"),
    ),
    _machine("vfs", panic="vfs"),
    *(_intel(f"iommu-{disk}") for disk in ("nvme", "ahci")),
    _intel(
        "iommu-scalable-nvme", ",x-scalable-mode=on,device-iotlb=on", "VT-d, scalable mode", "intel_iommu=on,sm_on"
    ),
    _amd("iommu-amd-ahci", ",device-iotlb=on"),
    _passing(_intel("iommu-nvme"), "full-builtin-iommu-pt-nvme"),
    _passing(_amd("iommu-amd-ahci", ",pt=on"), "full-builtin-iommu-amd-pt-ahci"),
    _VIRTIO_IOMMU,
    *(
        _machine(f"format-{word}", memory_mib=512, more={"config": [f"dump-format {word}"]})
        for word in ("zlib", "raw", "elf")
    ),
    _machine("level-0", memory_mib=512, more={"config": ["dump-level 0"]}),
    _machine("capture-cpus-1", cpus=4, panic_cpu=2, more={"config": ["capture-cpus 1"]}),
    _machine("poweroff", memory_mib=512, more={"config": ["on-captured poweroff"]}),
    # The panics that a Linux captures.
    *(by_builtin(one) for one in CAPTURED),
]  # fmt: skip


@pytest.fixture
def check_machine(run_scenario, record_row, log_by_makedumpfile):
    """check_machine(scenario) expects a capture on the scenario's machine, and a right log."""
    return lambda scenario: _check_machine(scenario, run_scenario(scenario), record_row, log_by_makedumpfile)


def _check_machine(scenario: Scenario, run: Run, record_row, log_by_makedumpfile) -> None:
    record_row(scenario, run)
    check_findings(run.findings, scenario.cpus)
    rest = run.console
    for sign in scenario.signs:
        assert sign in rest, f"{sign} is not on the console, or not in this order\n{run.story}"
        rest = rest.split(sign, 1)[1]
    assert log_by_makedumpfile(run.dump) == run.dmesg.read_text(errors="replace")


@pytest.mark.parametrize("scenario", rows(DEATHS))
def test_deaths(run_scenario, log_by_makedumpfile, scenario: Scenario):
    """test_panics.py judges the rows and the last words of these."""
    run = run_scenario(scenario)
    check_findings(run.findings, scenario.cpus)
    assert log_by_makedumpfile(run.dump) == run.dmesg.read_text(errors="replace")


@FULL_ONLY
@pytest.mark.parametrize("scenario", rows(MACHINES))
def test_machines(check_machine, scenario: Scenario):
    check_machine(scenario)


@pytest.mark.parametrize("scenario", rows([AMD_IOMMU]))
def test_an_amd_iommu_is_switched_off(check_machine, scenario: Scenario):
    check_machine(scenario)
