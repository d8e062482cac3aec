# SPDX-License-Identifier: BSD-2-Clause
"""lifeboat-report on the dumps of test_readers.py, compared with the dead kernel's own trace, on what makedumpfile
makes from a dump, on damaged dumps, and on files that are no dump. The tool is the one built with ASan and UBSan."""

import hashlib
import json
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from conftest import build
from scenarios import READ
from test_readers import CALLERS, dump, without_callers  # noqa: F401 (a fixture)

DONE, FAILED, USAGE = range(3)
AARCH64, X86_64 = 183, 62
BTF_HEAD = b"\x9f\xeb\x01\x00\x18\x00\x00\x00"  # magic, version, flags, hdr_len
ELF = pytest.mark.xdist_group("stopped")


@pytest.fixture(scope="module")
def tool() -> Path:
    return build("lifeboat-report.checked")


@pytest.fixture
def run(tool):
    """run(*words, status=0) runs the tool, and returns its standard output and error."""

    def run(*words, status=DONE) -> tuple[str, str]:
        done = subprocess.run([tool, *words], capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == status, f"exit status {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout, done.stderr

    return run


@pytest.fixture
def report_of(run):
    """report_of(path, *words) is the report of one dump, from --json."""

    def report_of(path, *words) -> dict:
        said = json.loads(run("--json", *words, path)[0])
        assert said["schema"] == "lifeboat-reports-1" and not said["errors"]
        (one,) = said["reports"]
        assert one["file"] == str(path) and one["report"]["schema"] == "lifeboat-report-1"
        return one["report"]

    return report_of


def traced(log: str) -> list[str]:
    """Returns the kernel's own trace of its last panic, from the caller of panic() on, without uncertain frames."""
    trace = log[log.rindex("Call Trace:") :].partition("</TASK>")[0]
    frames = re.findall(r"\]  ([\w.]+\+0x[0-9a-f]+/0x[0-9a-f]+)(?: \[\w+\])?$", trace, re.MULTILINE)
    return frames[[frame.partition("+")[0] for frame in frames].index("panic") + 1 :]


def named(frames: list[dict]) -> list[str]:
    return [f"{f['function']}+0x{f['offset']:x}/0x{f['size']:x}" for f in frames if f["function"]]


def functions(frames: list[dict]) -> list[str]:
    return [frame["function"] for frame in frames]


# Dumps of a real kernel. test_readers.py has the fixture `dump`.


@pytest.mark.vm
def test_backtrace_is_the_kernel_s_own(dump, report_of):  # noqa: F811
    report = report_of(dump.path)
    panicked, *others = report["cpus"]
    assert panicked["cpu"] == report["cpu"] == dump.panic_cpu and panicked["panicked"]
    assert named(panicked["frames"]) == traced(dump.log)
    assert all(frame["certain"] for frame in panicked["frames"]) and panicked["end"] is None
    assert panicked["frames"][-1]["program"]
    assert [cpu["cpu"] for cpu in others] == [1 - dump.panic_cpu]
    # The other task may be at any place, but its stack ends where all stacks end.
    assert others[0]["end"] is None and others[0]["pid"] is not None
    if others[0]["command"].startswith("swapper"):
        assert "do_idle" in functions(others[0]["frames"])


@pytest.mark.vm
def test_signature_is_what_is_documented(dump, report_of, run):  # noqa: F811
    """The signature is the same for four machines, two capture kernels, and any place that KASLR chose."""
    report = report_of(dump.path)
    hashed = [re.sub(r"(\.(cold|isra|constprop|part)(\.\d+)?)+$", "", name) for name in CALLERS[1:]]
    frames = functions(report["cpus"][0]["frames"])
    names = [re.sub(r"(\.(cold|isra|constprop|part)(\.\d+)?)+$", "", name) for name in frames if name]
    assert [name for name in names if name in hashed] == hashed
    digest = hashlib.sha256("".join(f"{name}\n" for name in names).encode()).hexdigest()[:8]
    assert report["signature"] == f"sysrq:sysrq_handle_crash:{digest}"
    assert run("--signature", dump.path)[0] == f"{report['signature']}\n"


@pytest.mark.vm
def test_head_and_state(dump, report_of):  # noqa: F811
    report = report_of(dump.path)
    assert report["reason"] == "Kernel panic - not syncing: sysrq triggered crash"
    assert report["reasons"] == [report["reason"], "sysrq: Trigger a crash"]
    assert report["command"] == "busybox" and report["pid"] > 1
    assert report["tainted"] == "no" and report["build_id"] and report["release"]
    assert f"ommand line: {report['command_line']}\n" in dump.log
    assert re.findall(r"^\[ *(\d+\.\d{3})", dump.log, re.MULTILINE)[-1] == f"{report['uptime_seconds']:.3f}"
    assert [module["name"] for module in report["modules"]] == ([READ.modules[0]] if dump.modules else [])
    assert len(report["registers"]) == 21 and int(report["registers"]["rip"], 16) >> 47 == 0x1FFFF
    total = re.fullmatch(r"([\d.]+) ([MG])iB", report["sections"]["memory"]["note"])
    unit = {"M": 1 << 10, "G": 1 << 20}[total[2]]
    # Rounded down to a tenth. Most memory of a guest that has just booted is free.
    assert float(total[1]) / 2 * unit < report["memory_kib"]["free"] < (float(total[1]) + 0.1) * unit
    ours, theirs = (without_callers(text).splitlines() for text in ("\n".join(report["log"]), dump.log))
    assert ours == theirs[-len(ours) :]
    assert len(ours) > 50 and report["cut"] is None


@pytest.mark.vm
def test_text_is_bounded_and_masked(dump, run):  # noqa: F811
    text, _ = run(dump.path)
    assert len(text) <= 16384 and text.isascii()
    words = re.search(r"^command-line: (.*)$", text, re.MULTILINE)[1]
    masked, _ = run("--mask", dump.path)
    assert f"\ncommand-line: {words}\n" in masked  # the line has no secret


# What makedumpfile makes of a whole dump.


@pytest.fixture(scope="session")
def whole(stopped_run) -> Path:
    """An ELF core with every page."""
    return stopped_run.dump


@pytest.mark.vm
@ELF
@pytest.mark.parametrize("words", [["-c"], ["-l"], ["-E"], ["-F", "-c"]], ids=["zlib", "lzo", "elf", "flattened"])
def test_form_of_the_dump_does_not_matter(whole, run, tmp_path, monkeypatch, words):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    path = tmp_path / "vmcore"
    command = ["/usr/bin/makedumpfile", *words, "-d", "31", whole]
    if "-F" in words:
        with path.open("wb") as out:
            subprocess.run(command, stdout=out, stderr=subprocess.DEVNULL, check=True)
    else:
        subprocess.run([*command, path], capture_output=True, check=True)
    assert run(path)[0] == run(whole)[0]
    assert [file.name for file in tmp_path.iterdir()] == ["vmcore"]


@pytest.mark.vm
@ELF
def test_groups_and_counts(whole, run, tmp_path):
    none = tmp_path / "none"
    none.write_bytes(core(X86_64))
    text, _ = run(none, whole, whole)
    signature = run("--signature", whole)[0].strip()
    assert text.splitlines() == [
        f"2\t{signature}\tKernel panic - not syncing: sysrq triggered crash", f"\t{whole}", f"\t{whole}",
        "1\tunknown:none:none\tnot known: log: VMCOREINFO has no number for SYMBOL(prb)", f"\t{none}",
    ]  # fmt: skip
    said = json.loads(run("--json", none, whole, whole)[0])
    assert [(group["signature"], group["count"], group["files"]) for group in said["groups"]] == [
        (signature, 2, [str(whole)] * 2), ("unknown:none:none", 1, [str(none)]),
    ]  # fmt: skip


@pytest.fixture
def damaged(whole, tmp_path):
    """damaged(old, new) is the ELF core with every `old` replaced by as many bytes of `new`."""

    def damaged(old: bytes, new: bytes) -> Path:
        path = tmp_path / "damaged"
        shutil.copyfile(whole, path)
        data = path.read_bytes()
        assert old in data and len(old) == len(new)
        path.write_bytes(data.replace(old, new))
        return path

    return damaged


@pytest.mark.vm
@ELF
def test_without_a_log(damaged, report_of):
    """Linux 5.8, for example, has no ring buffer that can be read. The backtrace is there all the same."""
    report = report_of(damaged(b"SYMBOL(prb)=", b"SYMBOL(old)="))
    assert report["reason"] == "not known: log: VMCOREINFO has no number for SYMBOL(prb)"
    assert report["signature"].startswith("unknown:sysrq_handle_crash:") and not report["log"]
    assert report["sections"]["log"]["note"].startswith("none: log: ")
    assert set(CALLERS[1:2]) <= set(functions(report["cpus"][0]["frames"]))


@pytest.mark.vm
@ELF
def test_without_btf(damaged, report_of):
    report = report_of(damaged(BTF_HEAD, b"\0" * len(BTF_HEAD)))
    assert report["signature"].startswith("sysrq:sysrq_handle_crash:")
    assert functions(report["cpus"][0]["frames"])[0] == "sysrq_handle_crash"
    for name in ("tasks", "modules", "memory"):
        assert report["sections"][name]["note"].startswith("none: BTF at 0x")
    assert report["pid"] > 1  # found in the log


NOTE_HEAD = struct.pack("<III8s", 5, 336, 1, b"CORE")  # NT_PRSTATUS
_OTHER_NOTE = struct.pack("<III8s", 5, 336, 99, b"CORE")


@pytest.fixture
def without_first_note(whole, tmp_path) -> Path:
    """The ELF core without registers of CPU 0."""
    path = tmp_path / "without-first-note"
    shutil.copyfile(whole, path)
    with path.open("r+b") as file:
        at = file.read(1 << 20).index(NOTE_HEAD)
        file.seek(at)
        file.write(_OTHER_NOTE)
    return path


@pytest.mark.vm
@ELF
def test_a_cpu_that_left_no_note_does_not_shift_the_others(whole, without_first_note, report_of):
    """The dump has one note, of CPU 1, which panicked."""
    report = report_of(without_first_note)
    assert report["cpus"][0] == report_of(whole)["cpus"][0]
    assert functions(report["cpus"][0]["frames"])[0] == "sysrq_handle_crash"


@pytest.mark.vm
@ELF
def test_notes_of_nobody_are_not_believed(without_first_note, report_of):
    """With fewer notes of the kernel's than CPUs it is unknown whose they are. Then the CPU's own area is read,
    where the CPU that panicked has left nothing here."""
    data = without_first_note.read_bytes()
    without_first_note.write_bytes(data.replace(b"LIFEBOAT\0", b"LIFEBELT\0", 1))
    report = report_of(without_first_note)
    assert report["sections"]["backtrace"]["note"] == "none: the registers of the CPU that panicked are not known"


@pytest.mark.vm
@ELF
def test_cut_off(whole, run, tmp_path):
    path = tmp_path / "cut"
    for percent in (5, 50):
        with whole.open("rb") as file:
            path.write_bytes(file.read(whole.stat().st_size * percent // 100))
        text, _ = run(path)
        assert re.search(r"^release: 6\.1\.0", text, re.MULTILINE)
        # KASLR chose the log's place, so the log is there, gone, or partly gone.
        assert text.startswith(("reason: not known: ", "reason: Kernel panic"))


# Files that are no dump of a kernel, made without a machine.


def core(machine: int) -> bytes:
    """Makes an ELF core with one page of memory and no notes."""
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 4, machine, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    note = struct.pack("<IIQQQQQQ", 4, 0, 4096, 0, 0, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 7, 4096, 0xFFFF888000001000, 4096, 4096, 4096, 0)
    return (head + note + load).ljust(8192, b"\0")


INCOMPLETE = 8  # in the status of a kdump-compressed dump


def kdump_head(status: int = 0) -> bytes:
    """Makes a kdump-compressed dump with nothing but its two headers, the second of which is cut in its notes."""
    head = bytearray(b"KDUMP   \x06\0\0\0".ljust(8192, b"\0"))
    for i, word in enumerate((b"Linux", b"(none)", b"6.1.0", b"#1", b"x86_64", b"(none)")):
        head[12 + 65 * i : 12 + 65 * i + len(word)] = word
    struct.pack_into("<IiiII", head, 424, 32 | status, 4096, 2, 32, 524012)  # status, block, sub header, bitmaps, pages
    struct.pack_into("<QQ", head, 4096 + 48, 4200, 4504)  # place and size of the notes
    return bytes(head)


def test_kdump_cut_off_in_its_head(run, tmp_path):
    path = tmp_path / "vmcore-incomplete"
    path.write_bytes(kdump_head())
    text, _ = run(path)
    assert text.startswith("reason: not known: ")


def kdump(pages: dict[int, int], version: int = 6, split: int = 0) -> bytes:
    """A kdump-compressed dump of 100 page frames, in which are those in `pages`: frame number to bytes. A frame of 0 bytes
    is in no file, as of a dump that was interrupted."""
    head = bytearray(kdump_head())
    struct.pack_into("<I", head, 8, version)
    struct.pack_into("<II", head, 436, 2, 100)  # bitmaps, pages
    struct.pack_into("<i", head, 4096 + 12, split)
    struct.pack_into("<QQ", head, 4096 + 48, 0, 0)
    struct.pack_into("<Q", head, 4096 + 96, 100)
    bits = sum(1 << frame for frame in pages).to_bytes(4096, "little")
    at, descs, data = 12288 + 8192 + 24 * len(pages), b"", b""
    for frame in sorted(pages):
        descs += struct.pack("<QIIQ", (at + len(data)) * bool(pages[frame]), pages[frame], 0, 0)
        data += bytes(pages[frame])
    return bytes(head) + bytes(4096) + b"\xff" * 4096 + bits + descs + data


WHOLE = kdump({3: 4096, 70: 4096, 99: 4096})
ELF_WHOLE = core(X86_64)


@pytest.mark.parametrize(
    ("data", "there"),
    [
        (ELF_WHOLE[:-1], "8191 of 8192"),
        (WHOLE[:-1], f"{len(WHOLE) - 1} of {len(WHOLE)}"),
        (WHOLE[:-5000], f"{len(WHOLE) - 5000} of {len(WHOLE)}"),
        (WHOLE[:20500], "20500 of at least 20552"),
        (WHOLE[:15000], "15000 of at least 20480"),
        (kdump({3: 4096, 70: 4096}, 5)[:-1], f"{len(WHOLE) - 4120 - 1} of {len(WHOLE) - 4120}"),
    ],
    ids=["elf", "kdump", "kdump-a-page", "kdump-in-its-table", "kdump-in-its-bitmap", "kdump-5"],
)
def test_a_dump_that_was_cut_is_called_short(run, tmp_path, data, there):
    path = tmp_path / "vmcore"
    path.write_bytes(data)
    lacks = f"{path}: shorter than it announces: {there} bytes are there"
    text, error = run(path)
    assert f"\n\nlifeboat: what it did\n  {lacks}\n" in text and error == f"lifeboat-report: {lacks}\n"
    (one,) = json.loads(run("--json", path)[0])["reports"]
    assert one["lacks"] == lacks and one["report"]["lifeboat"][0] == lacks


@pytest.mark.parametrize(
    "data",
    [ELF_WHOLE, WHOLE, WHOLE + bytes(10), kdump({3: 4096, 70: 4096}, 5), kdump({3: 4096, 70: 0}), kdump({3: 10**9}, split=1)[:30000]],
    ids=["elf", "kdump", "longer", "kdump-5", "a-page-that-is-not-in-it", "split"],
)  # fmt: skip
def test_a_whole_dump_lacks_nothing(run, tmp_path, data):
    path = tmp_path / "vmcore"
    path.write_bytes(data)
    assert run(path)[1] == ""
    assert json.loads(run("--json", path)[0])["reports"][0]["lacks"] is None


def test_nothing_was_begun(run, tmp_path):
    """Exit status 2 where none of the dumps that are named is there."""
    nowhere = tmp_path / "nowhere"
    assert run(nowhere, status=USAGE) == ("", f"lifeboat-report: {nowhere}: No such file or directory\n")
    assert len(json.loads(run("--json", nowhere, nowhere, status=USAGE)[0])["errors"]) == 2


def flattened(*pieces: bytes) -> bytes:
    """Makes pieces of the flattened form one behind the other, without the mark of the end."""
    parts = [struct.pack(">16sqq", b"makedumpfile", 1, 1).ljust(4096, b"\0")]
    at = 0
    for piece in pieces:
        parts.append(struct.pack(">qq", at, len(piece)) + piece)
        at += len(piece)
    return b"".join(parts)


@pytest.mark.parametrize(
    ("data", "lacks"),
    [
        (kdump_head(INCOMPLETE), "it says of itself that it is incomplete"),
        (core(X86_64)[:48] + b"\1" + core(X86_64)[49:], "it says of itself that it is incomplete"),
        (flattened(kdump_head()), "flattened, and cut at byte 12304: it has no end"),
        (flattened(kdump_head(), bytes(100))[:-1], "flattened: its piece at byte 12320 of 100 bytes: the file ends before"),
    ],
    ids=["kdump", "elf", "flattened", "flattened-in-a-piece"],
)
def test_what_a_dump_lacks_is_said(run, tmp_path, data, lacks):
    path = tmp_path / "vmcore"
    path.write_bytes(data)
    text, _ = run(path)
    assert f"\n\nlifeboat: what it did\n  {path}: {lacks}\n" in text


def test_flattened_and_cut_before_any_dump(run, tmp_path):
    path = tmp_path / "vmcore"
    path.write_bytes(flattened(b"KDUM"))
    assert run(path, status=FAILED) == ("", f"lifeboat-report: {path}: flattened, and cut at byte 4116: it has no end\n")


def test_folder_is_no_dump(run, tmp_path):
    assert run(tmp_path, status=FAILED) == ("", f"lifeboat-report: {tmp_path}: a folder, want the dump in it\n")


@pytest.mark.parametrize("words", [[], ["--json"], ["--signature"]], ids=["text", "json", "signature"])
def test_output_that_does_not_get_out(tool, tmp_path, words):
    path = tmp_path / "vmcore"
    path.write_bytes(core(X86_64))
    with open("/dev/full", "w") as full:
        done = subprocess.run([tool, *words, path], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == FAILED
    assert done.stderr.startswith("lifeboat-report: standard output cannot be written")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "a dump of 0 bytes: nothing was written to it"),
        (b"hello\n" * 2000, "no dump: neither an ELF core nor kdump-compressed, nor of another format that libkdumpfile knows"),
        (core(X86_64)[:16] + struct.pack("<H", 3) + core(X86_64)[18:], "no dump: an ELF file of type 3, want 4, a core"),
        (core(X86_64)[:7], "shorter than it announces: 7 of 64 bytes are there"),
        (core(X86_64)[:100], "shorter than it announces: 100 of at least 176 bytes are there"),
        (b"KDUMP   " + bytes(8), "shorter than it announces: 16 of 464 bytes are there"),
        (core(AARCH64), "of architecture aarch64, want x86_64"),
        (b"KDUMP   " + bytes(8192), "no dump that can be read: "),
        (struct.pack(">16sqq", b"makedumpfile", 1, 1).ljust(4096, b"\0"), "flattened, and cut at byte 4096"),
        (struct.pack(">16sqq", b"makedumpfile", 1, 1).ljust(4096, b"\0") + struct.pack(">qq", -1, 7), "flattened: "),
    ],
    ids=["empty", "text", "program", "elf-head", "elf-segments", "kdump-16-bytes", "aarch64", "kdump-head", "flattened-cut", "flattened-nowhere"],
)  # fmt: skip
def test_what_is_no_dump(run, tmp_path, data, why):
    bad, good, absent = tmp_path / "bad", tmp_path / "good", tmp_path / "absent"
    bad.write_bytes(data)
    good.write_bytes(core(X86_64))
    out, err = run(bad, good, absent, status=FAILED)
    first, second = err.splitlines()
    assert first.startswith(f"lifeboat-report: {bad}: {why}")
    assert second == f"lifeboat-report: {absent}: No such file or directory"
    assert f"\t{good}\n" in out and str(bad) not in out
    said = json.loads(run("--json", bad, good, absent, status=FAILED)[0])
    assert [report["file"] for report in said["reports"]] == [str(good)]
    assert said["reports"][0]["lacks"] is None
    assert [f"lifeboat-report: {error}" for error in said["errors"]] == [first, second]


@pytest.mark.parametrize("signature", [b"KDUMP   ", b"DISKDUMP"])
def test_a_head_that_libkdumpfile_refuses(tmp_path, signature):
    """By the tool as it is installed: libkdumpfile reads through NULL there when what it refused is freed."""
    bad, good = tmp_path / "bad", tmp_path / "good"
    bad.write_bytes(signature + bytes(9000))
    good.write_bytes(core(X86_64))
    done = subprocess.run([build("lifeboat-report"), bad, good], capture_output=True, text=True, check=False)
    assert done.returncode == FAILED and f"\t{good}\n" in done.stdout
    assert done.stderr.startswith(f"lifeboat-report: {bad}: no dump that can be read: ")


def test_dump_without_vmcoreinfo(run, tmp_path):
    path = tmp_path / "vmcore"
    path.write_bytes(core(X86_64))
    text, _ = run(path)
    assert text.startswith("reason: not known: log: VMCOREINFO has no number for SYMBOL(prb)\nsignature: unknown:none:none\n")
    assert re.findall(r"^(\w+): none: ", text, re.MULTILINE) == [
        "backtrace", "registers", "cpus", "tasks", "modules", "memory", "log",
    ]  # fmt: skip


def test_usage(run):
    for words in ([], ["--json"], ["--json", "--signature", "x"], ["--bogus", "x"], ["--mask"]):
        out, err = run(*words, status=USAGE)
        assert not out and "lifeboat-report: " in err
    assert run("--help")[0].startswith("usage: lifeboat-report ")
    assert run("--version")[0].startswith("lifeboat-report (Lifeboat) ")


def test_manual_names_every_option(run):
    page = build("man/lifeboat-report.1").read_text().replace("\\", "")
    words = re.findall(r"^ +(?:-\w, +)?(--[a-z-]+)", run("--help")[0], re.MULTILINE)
    assert {"--json", "--signature", "--mask"} <= set(words)
    assert not [word for word in words if word not in page]
