# SPDX-License-Identifier: BSD-2-Clause
"""build/lifeboat-save to a folder: each dump of all disks gets a folder of its own. Room, reports, and the unit that
saves.

Runs no virtual machine. The tool is the one built with ASan and UBSan.
"""

import errno
import fcntl
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import failing_call
import pytest
from conftest import SCRIPTS, build
from dump_images import BLOCK, PARTIAL, WRITING, Image
from save_fixtures import crash, device, machine, run, tool  # noqa: F401 (fixtures)
from save_tool import (
    DONE, FAILED, LOG, NAME, NOTHING, VMCORE, damage, folder_of, header, image_of, listed, make_disk, names,
)  # fmt: skip
from vm import gpt

REPORT = b"""reason: Kernel panic - not syncing: test \x1b[2J
release: 6.1.0-test
signature: panic:test:12345678

log: the last 1 of 1 lines
  [    1.000000] Kernel panic - not syncing: test
"""
GIB = 1 << 30


# All disks


def test_auto_saves_all_that_wait(machine, tmp_path, crash):
    """There are also a saved dump, a disk without one, and a disk in a folder of /dev, whose name sysfs writes with
    a '!'."""
    make_disk(tmp_path / "two", image_of(4), image_of(5))
    auto = machine({
        "nvme10n1": image_of(3).bytes(), "nvme2n1": image_of(2).bytes(), "cciss!c0d0": image_of(1).bytes(),
        "sda": (tmp_path / "two").read_bytes(), "sdb": bytes(1 << 20), "sdc": image_of(6, saved=1).bytes(),
    })  # fmt: skip
    said = auto("auto", crash)
    assert re.findall(f"crash/(.*)/{VMCORE}: ", said) == [folder_of(n) for n in range(1, 6)], "not sorted by device"
    assert names(crash) == [folder_of(n) for n in range(1, 6)]
    assert all((folder / VMCORE).read_bytes() == Image().file for folder in crash.iterdir())
    assert header(tmp_path / "dev" / "cciss" / "c0d0")["saved"] == 1
    assert auto("auto", crash, status=NOTHING).count("saved already") == 6


def test_auto_to_a_file_takes_the_first_that_waits(machine, tmp_path):
    auto = machine({"a": image_of(1, saved=1).bytes(), "b": image_of(2).bytes(), "c": image_of(3).bytes()})
    assert "1 more dumps wait" in auto("auto", tmp_path / VMCORE)
    assert [header(tmp_path / "dev" / name)["saved"] for name in "abc"] == [1, 1, 0]


def test_a_disk_that_cannot_be_read_is_told_and_the_others_are_saved(machine, tmp_path, crash):
    damaged = bytearray(image_of(2).bytes())
    for block in range(2):
        damaged[block * BLOCK + 300] ^= 4
    auto = machine({"a": None, "b": bytes(damaged), "c": image_of(1).bytes()})
    said = auto("auto", crash, status=FAILED)
    assert "/dev/a: No such file or directory" in said and "/dev/b: dump header: its digest" in said
    assert names(crash) == [folder_of(1)] and header(tmp_path / "dev" / "c")["saved"] == 1


def test_no_disk_readable_is_no_success(machine, crash):
    said = machine({"a": None})("auto", crash, status=FAILED)
    assert "/dev/a: No such file or directory" in said and "nothing to save" not in said


def test_what_has_no_medium_is_no_disk(machine, tmp_path, crash):
    auto = machine({"loop0": None, "nvme0c0n1": None, "sda": bytes(1 << 20)})
    (tmp_path / "block" / "loop0" / "size").write_text("0\n")
    (tmp_path / "block" / "nvme0c0n1" / "hidden").write_text("1\n")
    assert "no partition of type 5a1d3c0e-" in auto("auto", crash, status=NOTHING)


def test_two_ways_to_one_disk_are_one(machine, tmp_path, crash):
    auto = machine({"sda": image_of(1, saved=1).bytes(), "sdb": image_of(1).bytes()})
    assert auto("--list", "auto").count("device: ") == 1
    auto("auto", crash)
    assert names(crash) == [folder_of(1)] and header(tmp_path / "dev" / "sdb")["saved"] == 1


def test_a_partition_never_armed_is_no_error(machine, tmp_path, crash):
    make_disk(tmp_path / "disk", Image())
    with open(tmp_path / "disk", "r+b") as disk:
        disk.seek(1 << 20)
        disk.write(bytes(2 * BLOCK))
    auto = machine({"sda": (tmp_path / "disk").read_bytes()})
    assert "nothing to save" in auto("auto", crash, status=NOTHING)
    assert "nothing to save" in auto("--list", tmp_path / "disk", status=NOTHING)


# A folder


def test_a_dump_has_a_folder_of_its_own(run, device, crash):
    path = device()
    said = run(path, crash)
    assert f"{crash}/{NAME}/{VMCORE}: {len(Image().file)} bytes, every digest right" in said
    assert names(crash) == [NAME] and names(crash / NAME) == [VMCORE, LOG]
    assert (crash / NAME / VMCORE).read_bytes() == Image().file
    assert (crash / NAME / LOG).read_bytes() == Image().log
    modes = [entry.stat().st_mode & 0o777 for entry in (crash / NAME, crash / NAME / VMCORE, crash / NAME / LOG)]
    assert modes == [0o700, 0o600, 0o600] and header(path)["saved"] == 1


def test_a_dump_of_unknown_time_has_a_folder_too(run, device, crash):
    run(device(crash_time=0, release=b""), crash)
    assert names(crash) == ["lifeboat-unknown-30313233"]


def test_what_failed_once_can_be_tried_again(run, device, crash):
    path = device()
    damage(path, Image.FILE_AT + 6 * BLOCK)
    assert "the digest of its page data is wrong" in run(path, crash, status=FAILED)
    assert names(crash) == [] and header(path)["saved"] == 0
    damage(path, Image.FILE_AT + 6 * BLOCK)
    run(path, crash)
    assert names(crash) == [NAME] and header(path)["saved"] == 1


def test_what_a_killed_run_left_is_cleared_away(run, device, crash):
    left = crash / f".{NAME}.part"
    left.mkdir(0o700)
    for name in (VMCORE, LOG):
        (left / name).write_bytes(b"half")
    run(device(), crash)
    assert names(crash) == [NAME] and (crash / NAME / VMCORE).read_bytes() == Image().file


def test_what_is_saved_and_not_marked_is_only_marked(run, device, crash):
    path = device()
    run("--keep", path, crash)
    before = (crash / NAME / VMCORE).stat()
    assert header(path)["saved"] == 0
    assert "there already, saved by an earlier run" in run(path, crash)
    assert header(path)["saved"] == 1 and names(crash) == [NAME]
    assert (crash / NAME / VMCORE).stat().st_ino == before.st_ino


def test_force_replaces_what_is_saved(run, device, crash):
    path = device()
    run(path, crash)
    damage(crash / NAME / VMCORE, 100)
    run("--force", path, crash)
    assert (crash / NAME / VMCORE).read_bytes() == Image().file
    assert names(crash) == [NAME] and names(crash / NAME) == [VMCORE, LOG]


def _file(path: Path) -> None:
    path.write_bytes(b"")


def _link(path: Path) -> None:
    path.symlink_to("/nowhere")


def _writable_for_all(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


def _another_dump(path: Path) -> None:
    path.mkdir(0o700)
    (path / VMCORE).write_bytes(b"of another dump")


@pytest.mark.parametrize("name, make", [
    (NAME, _file), (NAME, _link), (NAME, _writable_for_all), (NAME, _another_dump),
    (f".{NAME}.part", _file), (f".{NAME}.part", _link), (f".{NAME}.part", _writable_for_all),
])  # fmt: skip
def test_a_name_that_is_taken_is_left_alone(run, device, crash, name, make):
    make(crash / name)
    run(device(), crash)
    assert names(crash) == sorted([name, f"{NAME}-2"])
    assert (crash / f"{NAME}-2" / VMCORE).read_bytes() == Image().file


def test_a_folder_that_is_a_link_is_refused(run, device, tmp_path, crash):
    (tmp_path / "link").symlink_to(crash)
    for words in (tmp_path / "link", f"{tmp_path}/link/"):
        assert "link: it is a symbolic link, wanted: a folder" in run(device(), words, status=FAILED)
    assert names(crash) == []


def test_a_folder_that_all_may_write_to_is_refused(run, device, crash):
    crash.chmod(0o777)
    assert "its sticky bit is not set" in run(device(), crash, status=FAILED)
    assert names(crash) == []
    crash.chmod(0o1777)
    run(device(), crash)
    assert names(crash) == [NAME]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(run, device, crash):
    os.chown(crash, 12345, -1)
    assert "it belongs to user 12345, wanted: root" in run(device(), crash, status=FAILED)
    assert names(crash) == []


@pytest.mark.parametrize("name", ["crash", "vmcore"], ids=["folder", "file"])
def test_what_does_not_reach_the_disk_gets_no_name_and_no_mark(tool, device, crash, tmp_path, name):
    """fsync() comes before the name, and the name before the mark."""
    disk = device()
    before = disk.read_bytes()
    done = failing_call.run([tool, disk, tmp_path / name], failing_call.FSYNC, errno.EIO)
    assert (done.returncode, done.stdout) == (FAILED, "") and "Input/output error" in done.stderr
    assert disk.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"crash", "partition"} and not list(crash.iterdir())


def test_two_runs_at_once_come_one_after_the_other(tool, device, crash):
    path = device()
    lock = os.open(crash, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with subprocess.Popen([tool, path, crash], stdout=subprocess.PIPE, text=True) as second:
        assert "another run saves to it; waiting for it" in second.stdout.readline()
        assert names(crash) == [] and header(path)["saved"] == 0
        # The second run looks at the disk after the first one has done this.
        path.write_bytes(Image(fields={"saved": 1}).bytes())
        os.close(lock)
        assert "saved already" in second.stdout.read()
        assert second.wait(60) == NOTHING


@pytest.fixture
def run_with_room(tmp_path):
    """run_with_room(whole, free, *words) runs the tool on a file system of that size: exit status, all its
    output."""
    source = (
        "#include <stdlib.h>\n#include <sys/statvfs.h>\n"
        "int fstatvfs(int fd, struct statvfs *status)\n{\n\t(void)fd;\n"
        '\t*status = (struct statvfs){.f_frsize = 1, .f_blocks = strtoull(getenv("WHOLE"), 0, 10),\n'
        '\t\t.f_bavail = strtoull(getenv("FREE"), 0, 10)};\n\treturn 0;\n}\n'
    )
    (tmp_path / "room.c").write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "room.so", tmp_path / "room.c"], check=True)
    tool = build("lifeboat-save")  # without ASan, which must be loaded first

    def run_with_room(whole: int, free: int, *words) -> tuple[int, str]:
        given = os.environ | {"LD_PRELOAD": str(tmp_path / "room.so"), "WHOLE": str(whole), "FREE": str(free)}
        done = subprocess.run(
            list(map(str, [tool, *words])), env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    return run_with_room


@pytest.mark.parametrize("whole, rest", [(100 * GIB, 10 * GIB), (2 * GIB, GIB)], ids=["10 %", "1 GiB"])
def test_where_there_is_too_little_room_the_dump_waits(run_with_room, device, crash, whole, rest):
    path = device()
    both = len(Image().file) + len(Image().log)
    for _ in range(2):
        status, said = run_with_room(whole, rest + both - 1, path, crash)
        assert status == FAILED and f"a dump of {both} bytes is not saved" in said and f"{rest} are to stay" in said
        assert names(crash) == [NAME] and names(crash / NAME) == [LOG] and header(path)["saved"] == 0
        assert (crash / NAME / LOG).read_bytes() == Image().log
    status, said = run_with_room(whole, rest + both, path, crash)
    assert status == DONE, said
    assert names(crash) == [NAME] and names(crash / NAME) == [VMCORE, LOG] and header(path)["saved"] == 1
    assert (crash / NAME / VMCORE).read_bytes() == Image().file


def test_force_fills_the_file_system(run_with_room, device, crash):
    assert run_with_room(2 * GIB, 1 << 20, "--force", device(), crash)[0] == DONE
    assert names(crash / NAME) == [VMCORE, LOG]


def test_a_dump_with_nothing_in_it_is_only_marked(run, device, crash):
    fields = dict.fromkeys(
        ("log_bytes", "file_bytes", "desc_bytes", "desc_total", "data_bytes", "data_offset", "desc_offset"), 0
    )
    path = device(state=WRITING, message=b"writing", **fields)
    assert "ended before its first byte" in run("--keep", path, crash, status=NOTHING)
    assert header(path)["saved"] == 0
    assert "ended before its first byte (writing)" in run(path, crash)
    assert header(path)["saved"] == 1 and names(crash) == []


# The report


def test_a_report_goes_beside_the_dump(run, device, crash):
    said = run(device(Image(report=REPORT)), crash)
    assert f"{crash}/{NAME}/report.txt: the report, {len(REPORT)} bytes" in said
    assert names(crash / NAME) == ["report.json", "report.txt", VMCORE, LOG]
    assert (crash / NAME / "report.txt").read_bytes() == REPORT
    assert json.loads((crash / NAME / "report.json").read_text())["schema"] == "lifeboat-report-1"


def test_a_report_is_saved_where_there_is_nothing_else(run, device, tmp_path, crash):
    """The log could not be read, and the disk ended before the first page."""
    fields = dict.fromkeys(
        ("log_bytes", "file_bytes", "desc_bytes", "desc_total", "data_bytes", "data_offset", "desc_offset"), 0
    )
    path = device(Image(report=REPORT, fields={"state": PARTIAL} | fields))
    assert "--report REPORT" in run("--keep", path, tmp_path / VMCORE, status=FAILED)
    run(path, crash)
    assert names(crash / NAME) == ["report.json", "report.txt"] and header(path)["saved"] == 1
    assert (crash / NAME / "report.txt").read_bytes() == REPORT


def test_a_report_to_a_file(run, device, tmp_path):
    path = device(Image(report=REPORT))
    run("--report", tmp_path / "report", path)
    assert (tmp_path / "report").read_bytes() == REPORT and header(path)["saved"] == 0
    run("--force", "--report", tmp_path / "report", "--log", tmp_path / "log", path, tmp_path / VMCORE)
    assert names(tmp_path) == ["log", "partition", "report", VMCORE] and header(path)["saved"] == 1


def test_a_dump_without_a_report_has_none(run, device, tmp_path):
    run("--report", tmp_path / "report", device(), tmp_path / VMCORE)
    assert names(tmp_path) == ["partition", VMCORE]


def test_list_has_signature_and_reason_in_a_line(run, device):
    found = listed(run("--list", device(Image(report=REPORT))))
    assert found["report"] == "panic:test:12345678: Kernel panic - not syncing: test ?[2J"
    assert found["report bytes"] == str(len(REPORT)) and "report right" in found["digests"]
    (first,) = json.loads(run("--list", "--json", device(Image(report=REPORT))))["dumps"]
    assert first["report"]["schema"] == "lifeboat-report-1" and first["digests"]["report"] == "right"


def test_a_long_signature_is_listed_whole(run, device):
    """Reports are grouped by the signature: class, a function's name of at most 127 letters, hash."""
    signature = f"protection-fault:{'f' * 127}:12345678"
    report = f"reason: general protection fault\nsignature: {signature}\n".encode()
    assert listed(run("--list", device(Image(report=report))))["report"] == f"{signature}: general protection fault"


def test_what_is_no_report_says_so(run, device):
    found = listed(run("--list", device(Image(report=b"\0" * 700))))
    assert found["report"] == "no signature: no reason is known"


def test_a_report_that_changed_is_told(run, device, crash):
    path = device(Image(report=REPORT))
    damage(path, Image.REPORT_AT + 3)
    assert "the digest of its report is wrong" in run("--verify", path, status=FAILED)
    found = listed(run("--list", path))
    assert "report WRONG" in found["digests"] and "report" not in found
    assert "report is wrong" in run(path, crash, status=FAILED)
    assert names(crash) == [] and header(path)["saved"] == 0


@pytest.mark.parametrize("fields", [{"report_bytes": 65537}, {"report_bytes": 1 << 63}, {"report_offset": 4096},
                                    {"report_offset": 1 << 20}])  # fmt: skip
def test_a_report_that_lies_elsewhere_is_refused(run, device, tmp_path, fields):
    path = device(Image(report=REPORT, fields=fields))
    assert "report of" in run("--list", path, status=FAILED)


@pytest.mark.parametrize("flags, words", [(0, "perhaps not all there"), (2, "all there")])
def test_a_dump_cut_short_says_what_it_is_good_for(run, device, flags, words):
    found = listed(run("--list", device(state=WRITING, file_bytes=0, data_bytes=7 * BLOCK, flags=flags)))
    assert found["kernel's own pages"] == words
    assert "kernel's own pages" not in listed(run("--list", device(flags=flags)))


# At next boot


UNITS = sorted(SCRIPTS.glob("*.service"))


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_the_unit_is_one_that_systemd_understands(tool, tmp_path, path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not on this machine")
    unit = tmp_path / path.name
    text = path.read_text()
    assert len(re.findall("^[A-Z].*=/usr/local/sbin/lifeboat-save", text, re.MULTILINE)) == 2, "not twice"
    unit.write_text(text.replace("/usr/local/sbin/lifeboat-save", str(tool)))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert f"SuccessExitStatus={NOTHING}\n" in text


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_nothing_of_the_boot_waits_for_the_unit(path):
    text = path.read_text()
    assert "Type=exec\n" in text and "CPUSchedulingPolicy=idle\nIOSchedulingClass=idle\n" in text
    assert not re.search(r"^(Before|WantedBy|RequiredBy|Type=oneshot)", text, re.MULTILINE)


def test_the_rule_is_of_our_partition_type():
    rule = (SCRIPTS / "90-lifeboat-save.rules").read_text()
    assert f'ENV{{ID_PART_ENTRY_TYPE}}=="{gpt.DUMP_TYPE}"' in rule
    assert 'ENV{SYSTEMD_WANTS}+="lifeboat-save@$major:$minor.service"' in rule
