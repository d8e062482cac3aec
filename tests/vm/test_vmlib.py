# SPDX-License-Identifier: BSD-2-Clause
"""The parts of scripts/vm that need no virtual machine."""

import gzip
import io
import json
import re
import socket
import struct
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import status_schema
from conftest import build

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from captureimage import cpio  # noqa: E402
from vm import disk, firmware, gdbstub, gpt, guest, inject, kernel, panics, stub_panics, timeline, tools  # noqa: E402
from vm.builtin import BuiltinCapture  # noqa: E402
from vm.capture_lines import BuiltinLines  # noqa: E402
from vm.console import LineReader, clean  # noqa: E402
from vm.errors import VmError  # noqa: E402
from vm.key_values import parse_key_values  # noqa: E402
from vm.machine import CONTROLLERS  # noqa: E402
from vm.progress import Progress  # noqa: E402
from vm.qmp import QmpClient  # noqa: E402
from vm.rehearsal import Options, Outcome, Rehearsal  # noqa: E402
from vm.results import result  # noqa: E402
from vm.sizes import format_size, parse_size  # noqa: E402
from vm.vmcore import LIFEBOAT_NOTE_TYPE, VmcoreError, parse_notes, read_vmcore  # noqa: E402

# cpio


def test_cpio_is_what_cpio_reads(tmp_path):
    archive = cpio.Archive()
    archive.file("d/odd", b"12345", executable=True)
    archive.file("d/empty", b"")
    archive.file("x", b"abcd")
    busybox = [tools.find("busybox"), "cpio"]
    listed = subprocess.run([*busybox, "-t"], input=archive.bytes(), capture_output=True, check=True)
    assert listed.stdout.decode().split() == ["d", "d/empty", "d/odd", "x"]
    subprocess.run([*busybox, "-i", "-d"], input=archive.bytes(), cwd=tmp_path, capture_output=True, check=True)
    assert (tmp_path / "d/odd").read_bytes() == b"12345"
    assert (tmp_path / "d/odd").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "d/empty").read_bytes() == b""
    assert (tmp_path / "x").read_bytes() == b"abcd"


def test_overlay_holds_a_valid_script_and_program(tmp_path):
    unpack = [tools.find("busybox"), "cpio", "-i", "-d"]
    overlay = guest.overlay("echo the end", before="echo before")
    subprocess.run(unpack, input=overlay, cwd=tmp_path, capture_output=True, check=True)
    init = tmp_path / "lifeboat/init"
    subprocess.run([tmp_path / "lifeboat/busybox", "sh", "-n", init], check=True)
    assert (tmp_path / "lifeboat/before").read_text() == "echo before\n"
    assert (tmp_path / "lifeboat/end").read_text() == "echo the end\n"
    assert init.read_text().startswith("#!/lifeboat/busybox sh\n")
    # The program makes system calls for ever. After some time it must still run, not be killed by a signal.
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([tmp_path / "lifeboat/busy"], timeout=0.2, check=True)


def test_overlay_refuses_a_missing_busybox(tmp_path):
    with pytest.raises(VmError, match="nothing-here: No such file"):
        guest.overlay("", busybox=tmp_path / "nothing-here")


def test_busy_loop_is_the_jump_of_the_busy_program():
    program = guest.busy_program()
    entry, base = struct.unpack_from("<Q", program, 24)[0], struct.unpack_from("<Q", program, 80)[0]
    code = program[entry - base :]
    assert code[guest.BUSY_LOOP - entry] == 0xEB
    jump = struct.unpack_from("b", code, guest.BUSY_LOOP - entry + 1)[0]
    assert guest.BUSY_LOOP + 2 + jump == entry


@pytest.mark.parametrize("panic", panics.PANICS)
def test_end_of_each_panic_is_a_valid_script(panic):
    end = panics.script_of(panic, "reboot")
    assert (end is None) == (panic in ("vfs", "planted"))
    subprocess.run([tools.find("busybox"), "sh", "-n"], input=(end or "").encode(), check=True)


@pytest.mark.parametrize("action", panics.ACTIONS)
def test_end_of_each_action_is_a_valid_script(action):
    end = panics.script_of("none", action)
    assert end == panics.ACTIONS[action].script
    subprocess.run([tools.find("busybox"), "sh", "-n"], input=end.encode(), check=True)


# vmcore


def note(name: bytes, kind: int, data: bytes) -> bytes:
    pad = lambda b: b + bytes(-len(b) % 4)  # noqa: E731
    return struct.pack("<III", len(name) + 1, len(data), kind) + pad(name + b"\0") + pad(data)


INFO = b"OSRELEASE=6.1.0-test\nPAGESIZE=4096\nBUILD-ID=0a1b\nnot a pair\n"
STAMPS = b"VERSION=1\nTSC.entry=1100\nTSC.hook=0x3e8\nTSC.verify=1300\n"
NOTES = note(b"CORE", 1, bytes(336)) + note(b"VMCOREINFO", 0, INFO) + note(b"LIFEBOAT", LIFEBOAT_NOTE_TYPE, STAMPS)


def elf_core(notes=NOTES, loads=((0x1000, 0x2000),), flags=0, extended=False, kind=4) -> bytes:
    """loads: (physical address, bytes). The content is zeroes."""
    count = 1 + len(loads)
    ident = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)
    at = 64 + 56 * count
    shoff = at + len(notes) if extended else 0
    header = ident + struct.pack(
        "<HHIQQQIHHHHHH", kind, 62, 1, 0, 64, shoff, flags, 64, 56, 0xFFFF if extended else count, 64, 0, 0
    )
    body = notes + (bytes(44) + struct.pack("<I", count) + bytes(16) if extended else b"")
    headers = struct.pack("<IIQQQQQQ", 4, 0, at, 0, 0, len(notes), len(notes), 0)
    offset = at + len(body)
    for physical, size in loads:
        headers += struct.pack("<IIQQQQQQ", 1, 7, offset, 0xFFFF888000000000 + physical, physical, size, size, 0)
        offset += size
        body += bytes(size)
    return header + headers + body


def kdump(notes=NOTES, status=1, pages=3, version=6, lost=0, level=31) -> bytes:
    header = bytearray(4096)
    header[:8] = b"KDUMP   "
    struct.pack_into("<i", header, 8, version)
    header[142:154] = b"6.1.0-test\0\0"
    struct.pack_into("<IiiI", header, 424, status, 4096, 1, 2)
    sub = bytearray(4096)
    struct.pack_into("<i", sub, 8, level)
    struct.pack_into("<QQ", sub, 48, 4096 + 104, len(notes))
    sub[104 : 104 + len(notes)] = notes
    bitmap = ((1 << pages) - 1).to_bytes(4096, "little")
    data_at = 4 * 4096 + 24 * pages
    table = b"".join(struct.pack("<QIIQ", 0 if n < lost else data_at + 10 * n, 10, 1, 0) for n in range(pages))
    return bytes(header) + bytes(sub) + b"\xff" * 4096 + bitmap + table + bytes(10 * pages)


def read_bytes(tmp_path, content: bytes):
    path = tmp_path / "vmcore"
    path.write_bytes(content)
    return read_vmcore(path)


@pytest.mark.parametrize("content", [elf_core(), elf_core(extended=True), kdump()], ids=["elf", "elf-xnum", "kdump"])
def test_vmcore_notes(tmp_path, content):
    core = read_bytes(tmp_path, content)
    assert core.vmcoreinfo == {"OSRELEASE": "6.1.0-test", "PAGESIZE": "4096", "BUILD-ID": "0a1b"}
    assert core.lifeboat["VERSION"] == "1"
    assert core.purgatory_stages == {"hook": 1000, "entry": 1100, "verify": 1300}
    assert list(core.purgatory_stages) == ["hook", "entry", "verify"]
    assert len(core.cpu_notes) == 1
    assert core.release == "6.1.0-test"
    assert core.problems() == []


def test_vmcore_loads(tmp_path):
    core = read_bytes(tmp_path, elf_core(loads=((0x1000, 0x2000), (0x100000, 0x3000))))
    assert [(load.physical, load.memory_bytes) for load in core.loads] == [(0x1000, 0x2000), (0x100000, 0x3000)]
    assert core.loads[1].virtual == 0xFFFF888000100000


def test_vmcore_level(tmp_path):
    assert read_bytes(tmp_path, kdump(level=17)).level == 17
    assert read_bytes(tmp_path, elf_core()).level is None


def test_vmcore_counts_stored_pages(tmp_path):
    assert read_bytes(tmp_path, kdump(pages=1234)).stored_pages == 1234


@pytest.mark.parametrize(
    "content, problem",
    [
        (elf_core(flags=1), "marked incomplete"),
        (kdump(status=8), "marked incomplete"),
        (elf_core(notes=note(b"CORE", 1, bytes(336))), "no VMCOREINFO"),
        (elf_core(notes=note(b"VMCOREINFO", 0, b"X=1\n")), "no OSRELEASE"),
        (elf_core(notes=note(b"VMCOREINFO", 0, INFO)), "no NT_PRSTATUS"),
        (elf_core(loads=()), "no PT_LOAD"),
        (elf_core()[:-1], "the file at"),
        (kdump(pages=0), "stores no page"),
        (kdump(lost=2), "2 of its 3 pages have no data"),
        (kdump()[:-1], "its pages end at"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_vmcore_problems(tmp_path, content, problem):
    assert problem in "; ".join(read_bytes(tmp_path, content).problems())


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "begins with b''"),
        (b"makedumpfile\0\0\0\0" * 300, "flattened"),
        (b"\x7fELF" + bytes(60), "ELF class 0"),
        (elf_core(kind=2), "ELF type 2"),
        (elf_core()[:100], "program headers"),
        (elf_core()[:200], "notes"),
        (kdump(version=3), "version 3"),
        (kdump()[:4500], "notes"),
        (kdump()[: 3 * 4096 + 100], "bitmap"),
        (kdump()[: 4 * 4096 + 30], "page descriptors"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_vmcore_refuses_damage(tmp_path, content, message):
    with pytest.raises(VmcoreError, match=message):
        read_bytes(tmp_path, content)


def test_every_truncation_of_a_dump_is_told(tmp_path):
    for whole, step in ((elf_core(loads=((0, 64),)), 7), (kdump(), 61)):
        assert read_bytes(tmp_path, whole).problems() == []
        for length in range(0, len(whole), step):
            try:
                problems = read_bytes(tmp_path, whole[:length]).problems()
            except VmcoreError:
                continue
            assert problems, f"{length} of {len(whole)} bytes were taken for a whole core"


def test_notes_end_at_a_zero_header_and_refuse_overlong_ones():
    assert [n.name for n in parse_notes(NOTES + bytes(24), "x")] == ["CORE", "VMCOREINFO", "LIFEBOAT"]
    with pytest.raises(VmcoreError, match="only 8 are there"):
        parse_notes(struct.pack("<III", 5, 100, 1) + b"CORE\0\0\0\0", "x")


# Console


def test_lines_come_whole_from_any_pieces():
    stream = b"\x1b[2J\x1b[01;01HBdsDxe: loading\r\n\r\n[    0.0] Linux version 6.1\r\n\xc3\xa4 \xff end\npartial"
    for size in (1, 2, 7, len(stream)):
        reader, lines = LineReader(), []
        for start in range(0, len(stream), size):
            lines += reader.feed(stream[start : start + size])
        assert lines == ["BdsDxe: loading", "[    0.0] Linux version 6.1", "ä \ufffd end"]
        assert reader.partial == "partial"


def test_a_line_without_end_does_not_grow_for_ever():
    reader = LineReader()
    lines = [line for _ in range(40) for line in reader.feed(b"x" * 4096)]
    assert sum(map(len, lines)) > 65536 and len(reader.partial) <= 65536


def test_clean_keeps_tabs_and_drops_sequences():
    assert clean("\x1b[0;37;40ma\tb\x07\x1b(B  ") == "a\tb"


# Progress

RUN = """\
lifeboat: plan crash=0x6e000000-0x7a000000 crash_bytes=201326592 page_table_bytes=20480 pml4=4096 pdpt=4096 pd=8192 pt=4096
lifeboat: plan cmdline="console=ttyS0 panic=-1" odd words
lifeboat: warning: no HPET table
lifeboat: armed: 192 MiB at 0x6e000000
[    0.000000] Linux version 6.1.0-test (x@y)
[    0.000000] Command line: console=ttyS0 panic=-1 reboot=efi,cold,panic_warm
[    0.100000] Kernel command line: console=ttyS0 panic=-1 reboot=efi,cold,panic_warm
[    0.200000] WARNING: CPU: 0 the first kernel's own business
lifeboat-vm: first kernel up cpus=2
[    3.4] Kernel panic - not syncing: sysrq triggered crash
lifeboat-purgatory: entry
lifeboat-purgatory: verify
lifeboat-purgatory: quiesce
lifeboat-purgatory: describe
lifeboat-purgatory: swap
lifeboat-purgatory: jump
[    0.000000] Linux version 6.1.0-test (x@y)
[    0.300000] ..MP-BIOS bug: 8254 timer not connected to IO-APIC
lifeboat-capture: start kernel=6.1.0-test level=17 uptime=1.00
lifeboat-capture: note TSC.hook=1000 uptime=1.10
lifeboat-capture: note TSC.entry=0x5dc uptime=1.10
lifeboat-capture: log lines=400 bytes=30000 uptime=1.20
[    0.000000] Linux version 6.1.0-test (x@y)
[    3.3] WARNING: CPU: 0 PID: 1 in the dead kernel's log
[    3.4] Kernel panic - not syncing: sysrq triggered crash
lifeboat-capture: log end=1 uptime=1.30
lifeboat-capture: target kind=fs device=/dev/vda uptime=1.40
lifeboat-capture: log saved=/dev/vda:/x uptime=1.45
lifeboat-capture: warning reason=x message="half a thing" uptime=1.46
lifeboat-capture: dump percent=50 uptime=1.50
lifeboat-capture: dump percent=90 uptime=1.60
lifeboat-capture: verify result=ok uptime=1.70
lifeboat-capture: done bytes=1000 uptime=1.80
"""


def observe(text: str) -> Progress:
    progress = Progress()
    for number, line in enumerate(text.splitlines()):
        progress.observe(float(number), line)
    return progress


def test_a_whole_capture():
    progress = observe(RUN)
    assert list(progress.stages) == [
        "loader", "armed", "first_kernel", "up", "panic", "purgatory", "purgatory_entry", "purgatory_verify",
        "purgatory_quiesce", "purgatory_describe", "purgatory_swap", "purgatory_jump", "second_kernel",
        "capture_start", "capture_log", "capture_target", "capture_dump", "capture_verify", "capture_done",
    ]  # fmt: skip
    assert list(progress.stages.values()) == sorted(progress.stages.values())
    assert progress.captured and progress.took_over and progress.cpus == 2
    assert progress.plan["crash_bytes"] == "201326592"
    assert progress.plan["cmdline"] == "console=ttyS0 panic=-1"
    assert progress.first_kernel_cmdline == "console=ttyS0 panic=-1 reboot=efi,cold,panic_warm"
    assert progress.ticks == {"hook": 1000, "entry": 1500}
    assert progress.second_panic is None
    assert progress.level_asked == 17
    assert progress.messages == [
        "lifeboat: warning: no HPET table",
        "[    0.300000] ..MP-BIOS bug: 8254 timer not connected to IO-APIC",
        "lifeboat-capture: warning: half a thing",
    ]


BUILTIN_RUN = """\
second kernel: built-in, zstd -d 31, 2 of 2 CPUs; then reset, failed: reset
lifeboat: armed
[    0.000000] Linux version 6.1.0-test (x@y)
[    3.4] Kernel panic - not syncing: sysrq triggered crash
lifeboat-purgatory: entry
lifeboat-purgatory: jump
lifeboat-capture: version 0.1.0, 8 MiB of crash memory, heap 6.5 MiB, 1 targets, up to 2 CPUs
lifeboat-capture: warning: IOMMU at 0xfed90000 does not answer
lifeboat-capture: target PARTLABEL=lifeboat-dump: 0000:00:02.0 unit 0
lifeboat-capture: 16% of 17182 pages, 10.8 MiB/s of memory, 2.4 MiB/s to disk, 5 s left
lifeboat-capture: 40% of 17182 pages, 13.0 MiB/s of memory, 4.7 MiB/s to disk, 3 s left
lifeboat-capture: log on disk 245 ms after the panic; level 31, 2 CPUs, 2 checkpoints
lifeboat-capture: memory: 4.5 MiB of a heap of 6.5 MiB used
"""


def test_a_dump_disk_that_nobody_wrote_to_has_no_report(tmp_path):
    capture = BuiltinCapture(build("lifeboat-save"))
    capture.make_dump_disk(tmp_path / "disk.img", 128 << 20)
    assert capture.collect(tmp_path / "disk.img", tmp_path) == (None, None)
    assert capture.report is None


def observe_builtin(text: str) -> Progress:
    progress = Progress(BuiltinLines())
    for number, line in enumerate(text.splitlines()):
        progress.observe(float(number), line)
    return progress


def test_a_whole_capture_by_the_built_in_kernel():
    progress = observe_builtin(BUILTIN_RUN + "lifeboat-capture: dump complete: 15835848 bytes in 3.8 s\n")
    assert list(progress.stages) == [
        "loader", "armed", "first_kernel", "panic", "purgatory", "purgatory_entry", "purgatory_jump",
        "capture_begin", "capture_target", "capture_dump", "capture_done",
    ]  # fmt: skip
    assert progress.captured and progress.took_over and progress.capture_failed is None
    assert progress.details["capture_done"] == "15835848 bytes in 3.8 s"
    assert progress.capture_left_kib == 2048
    assert progress.level_asked == 31
    assert progress.messages == ["lifeboat-capture: warning: IOMMU at 0xfed90000 does not answer"]


def test_a_filter_that_steps_down_is_said():
    said = "lifeboat-capture: filter: level 1 instead of 31: free pages are dumped too"
    progress = observe_builtin(BUILTIN_RUN.replace("zstd -d 31", "zlib -d 16") + said)
    assert progress.messages[1:] == [said] and progress.level_asked == 16
    assert observe_builtin(BUILTIN_RUN.replace("zstd -d 31", "elf -d 31")).level_asked == 0
    assert observe_builtin("lifeboat: armed").level_asked is None


def test_a_capture_by_the_built_in_kernel_that_failed():
    log = "lifeboat-capture: | Kernel panic - not syncing: error\nlifeboat-capture: | dump complete: no\n"
    progress = observe_builtin(BUILTIN_RUN + log + "lifeboat-capture: no dump: full: the partition's 1 bytes\n")
    assert progress.capture_failed == "full: the partition's 1 bytes" and not progress.captured
    assert list(progress.stages)[-1] == "capture_failed" and progress.panics == 1
    assert progress.messages[1:] == ["lifeboat-capture: no dump: full: the partition's 1 bytes"]


@pytest.mark.parametrize("more, wanted", [([], ["dump-to PARTLABEL=lifeboat-dump"]), (["dump-to auto"], [])])
def test_the_built_in_kernel_dumps_to_its_disk_unless_told(more, wanted):
    assert BuiltinCapture(Path("lifeboat-save")).config(more) == wanted


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--panic", "planted", "--panic-at", "zz"], "error: argument --panic-at: zz: not a number, such as 0x"),
        (["--none-action", "reboot"], "--none-action reboot: only with --panic none"),
        (["--before", "/absent"], "--before /absent: No such file or directory"),
        (["--before", sys.executable], f"--before {sys.executable}: not a text of shell commands"),
    ],
    ids=["panic-at", "none-action", "before-absent", "before-binary"],
)
def test_a_wrong_word_is_named(words, message):
    command = [Path(__file__).resolve().parents[2] / "scripts" / "lifeboat-vm", "--kernel", __file__, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done
    assert done.stderr.splitlines()[-1].startswith(f"lifeboat-vm: {message}"), done


def test_the_second_kernels_of_a_rehearsal(tmp_path):
    known = {"kernel": tmp_path / "vmlinuz", "folder": tmp_path, "firmware": mock.Mock(), "loader": tmp_path / "l.efi"}
    with pytest.raises(VmError, match="lifeboat-save: no such file; what takes dumps off a partition .run make"):
        (tmp_path / "vmlinuz").touch()
        (tmp_path / "l.efi").touch()
        Rehearsal(Options(**known)).run()
    for name in ("lifeboat-save", "other"):
        (tmp_path / name).touch()
    titles = {"builtin": "builtin", "linux": str(tmp_path / "vmlinuz"), tmp_path / "other": str(tmp_path / "other")}
    for capture, title in titles.items():
        assert Rehearsal(Options(capture=capture, **known)).capture.title == title
    with pytest.raises(VmError, match="--capture-initrd and --capture-args are for a Linux"):
        Rehearsal(Options(capture_args="x", **known)).run()
    with pytest.raises(VmError, match="absent: no such file; the capture kernel is wanted"):
        Rehearsal(Options(capture="absent", **known)).run()


@pytest.mark.parametrize(
    ("content", "strict", "ok", "level"),
    [
        (kdump(level=31), True, True, 31),
        (kdump(level=1), False, True, 1),
        (kdump(level=1), True, False, 1),
        (elf_core(), False, True, None),
        (elf_core(), True, False, None),
    ],
)
def test_a_strict_rehearsal_wants_the_level_it_asked_for(tmp_path, content, strict, ok, level):
    rehearsal = Rehearsal(Options(kernel=tmp_path / "k", folder=tmp_path, firmware=mock.Mock(), strict=strict))
    rehearsal.progress.level_asked = 31
    (tmp_path / "vmcore").write_bytes(content)
    rehearsal.capture.collect = lambda *_: (tmp_path / "vmcore", None)
    outcome = Outcome(True, "captured", 1.0, rehearsal.progress, [])
    rehearsal._collect(outcome, tmp_path / "dump.img")
    findings = status_schema.read(json.dumps(result(rehearsal, outcome, None)), "vm")
    assert (findings["ok"], findings["filter_level"]) == (ok, level)
    said = "a verified dump of 6.1.0-test" if ok else "the dump has .* instead of level 31"
    assert re.fullmatch(said, findings["reason"])


def test_dump_disks_and_their_controllers(tmp_path):
    partition = gpt.make_dump_disk(tmp_path / "disk", 4 << 20)
    image = (tmp_path / "disk").read_bytes()
    assert len(image) == 6 << 20 and image[512:520] == b"EFI PART" == image[-512:-504]
    assert image[510:512] == b"\x55\xaa" and image[1024:1040] == gpt.DUMP_TYPE.bytes_le
    assert (partition.start, partition.size) == (1 << 20, 4 << 20)
    for words in CONTROLLERS.values():
        assert all(word.format(name="dump") != word for word in words)


def test_the_console_s_own_log_after_a_failure_is_not_news():
    progress = observe(
        "Kernel panic - not syncing: a\nlifeboat-purgatory: entry\nLinux version 6\n"
        'lifeboat-capture: failed reason=target-missing message="no disk" uptime=9.00\n'
        "lifeboat-capture: the dead kernel's log, whole, since no target has it:\n"
        "Kernel panic - not syncing: a\n"
        "lifeboat-capture: end of the dead kernel's log\n"
        "Kernel panic - not syncing: b\n"
    )
    assert progress.capture_failed == "no disk"
    assert progress.second_panic == "Kernel panic - not syncing: b"


def test_not_armed_and_faults():
    assert observe("lifeboat: error: not armed: crashkernel=9T is larger than memory").refused == (
        "crashkernel=9T is larger than memory"
    )
    progress = observe("Kernel panic - not syncing: a\nlifeboat-purgatory: fault: segment kernel differs")
    assert progress.purgatory_fault == "fault: segment kernel differs"
    assert progress.messages == ["lifeboat-purgatory: fault: segment kernel differs"]
    assert observe("lifeboat: bad\nUEFI Interactive Shell v2.2").firmware_again is not None


def test_the_plan_is_read_off_the_loader_s_screen():
    progress = observe(
        'BdsDxe: starting Boot0001 "x"\ncrash memory: 0x70c00000-0x7ba00000, 174 MiB, armed\n'
        "page tables: 24576 bytes = PML5 4096 + PML4 4096 + PDPT 4096 + PD 8192 + PT 4096\n"
        "page tables: 28672 bytes = PML5 4096 + PML4 4096 + PDPT 4096 + PD 8192 + PT 8192\nlifeboat: armed\n"
    )
    assert list(progress.stages) == ["loader", "armed"]
    assert progress.plan == {
        "crash": "0x70c00000-0x7ba00000", "crash_bytes": "182452224", "page_table_bytes": "28672",
        "pml5": "4096", "pml4": "4096", "pdpt": "4096", "pd": "8192", "pt": "8192",
    }  # fmt: skip


def test_what_the_purgatory_found_is_no_trouble():
    progress = observe(
        "Kernel panic - not syncing: a\nlifeboat-purgatory: dead kernel: _text 0x1 at 0x2, VMCOREINFO found"
    )
    assert progress.messages == [] and "purgatory" in progress.stages


def test_second_kernel_without_a_purgatory_console():
    progress = observe("Linux version 6.1\nKernel panic - not syncing: x\nLinux version 6.1")
    assert list(progress.stages) == ["first_kernel", "panic", "second_kernel"]


def test_pairs():
    assert parse_key_values('plan a=1 b="two words" loose c.d=0x10 =x') == {"a": "1", "b": "two words", "c.d": "0x10"}


# Debug stub


def test_packet_framing():
    assert gdbstub.frame(b"OK") == b"$OK#9a"
    assert gdbstub.frame(b"") == b"$#00"
    assert gdbstub.frame(b"a}b") == b"$a}]b#" + b"%02x" % (sum(b"a}]b") & 0xFF)


def test_packets_survive_framing_and_any_pieces():
    payloads = [b"m0,4", b"", b"#$}*", bytes(range(256)), b"T05thread:01;"]
    stream = b"+".join(gdbstub.frame(payload) for payload in payloads)
    for size in (1, 3, len(stream)):
        decoder, found = gdbstub.PacketDecoder(), []
        for start in range(0, len(stream), size):
            found += decoder.feed(stream[start : start + size])
        assert found == payloads


def test_run_lengths_are_expanded():
    assert gdbstub.unescape(b"0* x") == b"0000x"


def test_damaged_packet_is_an_error():
    with pytest.raises(VmError, match="checksum b'9b', wanted 9a"):
        gdbstub.PacketDecoder().feed(b"$OK#9b")


def test_register_numbers_follow_qemu_s_description():
    assert gdbstub.REGISTERS["rip"] == (16, 8)
    assert gdbstub.REGISTERS["eflags"] == (17, 4)
    assert gdbstub.REGISTERS["cr3"] == (29, 8)
    assert gdbstub.REGISTERS["efer"] == (32, 8)


def test_only_a_settled_system_call_is_struck():
    kernel_half = 0xFFFF_FFFF_8100_0000
    good = {"cs": 0x10, "eflags": 0x202, "rip": kernel_half, "rsp": kernel_half, "gs_base": kernel_half}
    assert stub_panics.in_system_call(good)
    for change in ({"cs": 0x33}, {"eflags": 2}, {"rip": 0x401000}, {"rsp": 0x7FFF0000}, {"gs_base": 0}):
        assert not stub_panics.in_system_call({**good, **change})


def test_planted_instruction_lies_where_the_kernel_stopped_and_nowhere_else():
    stub = mock.Mock(**{"read_register.return_value": 0x1000})
    planted = stub_panics.Planted(stub, 0x1000)
    stub.insert_breakpoint.assert_called_once_with(0x1000)
    planted.strike(1)
    stub.write_memory.assert_called_once_with(0x1000, b"\x0f\x0b")
    stub.detach.assert_called_once_with()
    stub = mock.Mock(**{"read_register.return_value": 0x2000})
    with pytest.raises(VmError, match="CPU 0 stopped at 0x2000, wanted 0x1000"):
        stub_panics.Planted(stub, 0x1000).strike(1)
    stub.write_memory.assert_not_called()


def test_what_the_guest_asks_for_is_done():
    progress = observe("lifeboat-vm: first kernel up cpus=2\nlifeboat-vm: ask nmi\nlifeboat-vm: ask mce")
    assert progress.asks == ["nmi", "mce"]
    machine = mock.Mock()
    for word in progress.asks:
        inject.act(machine, word, 1)
    machine.qmp.execute.assert_called_once_with("inject-nmi")
    assert machine.qmp.human.call_args.args[0].split()[:4] == ["mce", "-b", "1", "0"]
    with pytest.raises(VmError, match="asked for 'tea'"):
        inject.act(machine, "tea", 0)


# QMP


def test_qmp_sorts_answers_from_events():
    ours, theirs = socket.socketpair()
    client = QmpClient(ours)
    theirs.sendall(b'{"QMP": {}}\r\n{"return": {}}\r\n')
    client.handshake(timeout=5)
    theirs.sendall(b'{"event": "RESET", "data": {"guest": true}}\r\n{"return": {"running": true}}\r\n')
    assert client.execute("query-status", timeout=5) == {"running": True}
    assert [event["event"] for event in client.events] == ["RESET"]
    theirs.sendall(b'{"error": {"class": "GenericError", "desc": "no such thing"}}\r\n')
    with pytest.raises(VmError, match="refused nonsense: no such thing"):
        client.execute("nonsense", timeout=5)
    theirs.close()
    with pytest.raises(VmError, match="gone|ended"):
        client.execute("quit", timeout=5)
    client.close()


def test_qmp_tells_a_timeout():
    ours, theirs = socket.socketpair()
    with theirs, pytest.raises(VmError, match="did not answer the greeting in time"):
        QmpClient(ours).handshake(timeout=0.05)
    ours.close()


# Disks


def test_esp_holds_what_it_was_given(tmp_path):
    (tmp_path / "source").write_bytes(b"from a file")
    image = tmp_path / "esp.img"
    disk.make_esp(image, {"EFI/BOOT/BOOTX64.EFI": tmp_path / "source", "lifeboat.conf": b"kernel /vmlinuz\n"})
    assert tools.run("mtype", "-i", image, "::EFI/BOOT/BOOTX64.EFI") == b"from a file"
    assert tools.run("mtype", "-i", image, "::lifeboat.conf") == b"kernel /vmlinuz\n"
    assert b"FAT32" in image.read_bytes()[:512]


def test_esp_in_a_partition_leaves_the_rest_alone(tmp_path):
    image = tmp_path / "disk.img"
    around = b"\x5a" * (1 << 20)
    image.write_bytes(around + bytes(40 << 20) + around)
    disk.fill_esp(image, {"a/b": b"content"}, 40 << 20, len(around))
    written = image.read_bytes()
    assert written[: len(around)] == around and written[-len(around) :] == around
    assert tools.run("mtype", "-i", f"{image}@@{len(around)}", "::a/b") == b"content"


def test_esp_names_a_missing_file(tmp_path):
    with pytest.raises(VmError, match="absent: No such file or directory; wanted as vmlinuz"):
        disk.make_esp(tmp_path / "esp.img", {"vmlinuz": tmp_path / "absent"})


def test_dump_disk_gives_files_back(tmp_path):
    image, source = tmp_path / "dump.img", tmp_path / "source"
    source.write_bytes(b"core" * 100000)
    disk.make_dump_disk(image, 64 << 20)
    assert image.stat().st_blocks * 512 < 64 << 20
    tools.run("debugfs", "-w", "-R", "mkdir /day", image)
    tools.run("debugfs", "-w", "-R", f"write {source} day/vmcore", image)
    assert disk.find_files(image) == {"/day/vmcore": 400000}
    disk.extract(image, "/day/vmcore", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == source.read_bytes()
    with pytest.raises(VmError, match="no file /day/other"):
        disk.extract(image, "/day/other", tmp_path / "other")


# The rest


def test_firmware_pairs(tmp_path):
    for name in ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd", "OVMF_CODE_4M.secboot.fd"):
        (tmp_path / name).write_bytes(b"")
    plain = firmware.find_firmware(tmp_path)
    assert (plain.code.name, plain.smm) == ("OVMF_CODE_4M.fd", False)
    secure = firmware.find_firmware(tmp_path / "OVMF_CODE_4M.secboot.fd")
    assert (secure.variables.name, secure.smm) == ("OVMF_VARS_4M.fd", True)
    assert "driver=cfi.pflash01,property=secure,value=on" in secure.arguments(tmp_path / "v")
    with pytest.raises(VmError, match="no UEFI firmware"):
        firmware.find_firmware(tmp_path.parent)
    with pytest.raises(VmError, match="no such firmware"):
        firmware.find_firmware(tmp_path / "absent")


def test_release_of_a_bzimage(tmp_path):
    image = bytearray(0x4000)
    image[0x1FE:0x200] = b"\x55\xaa"
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", image, 0x20E, 0x3000)
    image[0x3200:0x3220] = b"6.1.0-test (me@here) #1\0........"
    (tmp_path / "vmlinuz").write_bytes(image)
    assert kernel.release(tmp_path / "vmlinuz") == "6.1.0-test"
    (tmp_path / "text").write_bytes(gzip.compress(b"no kernel"))
    assert kernel.release(tmp_path / "text") == ""


def test_timeline_text_and_svg():
    stages = {"firmware": 0.0, "first_kernel": 4.0, "panic": 8.0, "reset": 10.0}
    lines = timeline.text(stages, 10.0, width=80).splitlines()
    assert [line.split()[2] for line in lines] == list(stages)
    assert lines[0].endswith("4.00 s") and lines[2].endswith("2.00 s")
    assert all(len(line) <= 80 for line in lines)
    drawing = timeline.svg(stages, 10.0, 'a <title> & "more"')
    from xml.etree import ElementTree

    root = ElementTree.parse(io.StringIO(drawing)).getroot()
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == 'a <title> & "more"' and set(stages) <= set(texts)
    assert {"first kernel", "panic", "second kernel", "firmware, Lifeboat's loader"} <= set(texts)
    assert "purgatory" not in texts  # the key names only what is in the picture
    # The second panel has what follows the panic, with times since the panic.
    assert texts.count("panic") == 3 and texts.count("first_kernel") == 1 and texts.count("0 s") == 2
    assert "from the panic" in texts and "from the panic" not in timeline.svg({"firmware": 0.0}, 3.0, "")
    assert timeline.text({}, 0.0) == "no stage was reached"


@pytest.mark.parametrize("text, count", [("2G", 2 << 30), ("512M", 512 << 20), ("1536MiB", 1536 << 20), ("4096", 4096)])
def test_sizes(text, count):
    assert parse_size(text) == count


def test_size_errors_and_words():
    with pytest.raises(VmError, match="size '2 gallons'"):
        parse_size("2 gallons")
    assert format_size(100) == "100 bytes"
    assert format_size(3 << 19) == "1.5 MiB"


def test_tools_name_the_package():
    with pytest.raises(VmError, match="no-such-program: not found on this machine"):
        tools.find("no-such-program")
    with pytest.raises(VmError, match="failed with exit status"):
        tools.run("mtype", "-i", "/dev/null", "::x")
