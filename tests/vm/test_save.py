# SPDX-License-Identifier: BSD-2-Clause
"""build/lifeboat-save to files: dumps of every state, damage of every kind, partitions and whole disks.

Runs no virtual machine. The tool is the one built with ASan and UBSan.
"""

import fcntl
import json
import os
import re
import shutil
import struct
import subprocess
import uuid
from pathlib import Path

import pytest
import stale_table
from dump_images import (
    BLOCK, COMPLETE, EMPTY, HEADER_BYTES, INCOMPLETE, PARTIAL, SLOTS, SLOTS_BYTES, WRITING, Image, both_slots,
    newest,
)  # fmt: skip
from save_fixtures import crash, device, machine, run, tool  # noqa: F401 (fixtures)
from save_tool import FAILED, LOG, NAME, NOTHING, USAGE, VMCORE, damage, header, image_of, listed, make_disk, names
from vm import gpt
from vm.vmcore import read_vmcore


def test_a_disk_that_is_laid_out_anew(run, tmp_path):
    disk, out = tmp_path / "disk", tmp_path / "vmcore"
    stale_table.make(disk, 64 << 20, gpt.Partition(8 << 20, 16 << 20))
    before = disk.read_bytes()
    for words in (["--list", disk], [disk, out]):
        said = run(*words, status=FAILED)
        assert "no entry of the MBR is of type 0xee (the first is 0x83): the GPT is a leftover" in said
        assert "is left alone" in said
    assert disk.read_bytes() == before
    assert not out.exists()


def test_a_complete_dump_comes_out_and_is_marked(run, device, tmp_path):
    path, out = device(), tmp_path / "vmcore"
    before = path.read_bytes()
    said = run(path, out)
    assert f"{out}: {len(Image().file)} bytes, every digest right" in said
    assert out.read_bytes() == Image().file
    assert out.stat().st_mode & 0o077 == 0, "others can read the dump"
    assert read_vmcore(out).problems() == []
    assert header(path)["saved"] == 1 and header(path)["state"] == COMPLETE
    after = path.read_bytes()
    changed = [n for n in range(len(before)) if before[n] != after[n]]
    (slot,) = {n // BLOCK for n in changed}
    assert slot < SLOTS and changed[-1] % BLOCK < HEADER_BYTES, "more than one header has changed"
    assert newest(before)["sequence"] % SLOTS != slot, "the header that counted before has changed"
    assert not list(tmp_path.glob("*.part"))


def test_what_is_saved_is_saved_again_only_when_forced(run, device, tmp_path):
    path, out = device(saved=1), tmp_path / "vmcore"
    assert "it is saved already; --force" in run(path, out, status=NOTHING)
    assert not out.exists()
    run("--force", path, out)
    assert out.read_bytes() == Image().file


def test_keep_writes_nothing(run, device, tmp_path):
    path = device()
    before = path.read_bytes()
    path.chmod(0o400)
    run("--keep", path, tmp_path / "vmcore")
    assert path.read_bytes() == before


def test_mark_saved_saves_nothing(run, device, tmp_path):
    path = device()
    run("--mark-saved", path)
    assert header(path)["saved"] == 1
    assert "saved already" in run("--mark-saved", path, status=NOTHING)
    assert [entry.name for entry in tmp_path.iterdir()] == ["partition"]


@pytest.mark.parametrize("mode", [["--verify"], ["--mark-saved"], []])
def test_an_empty_partition(run, device, tmp_path, mode):
    path = device(Image(pages=0, fields={"state": EMPTY, "log_bytes": 0}))
    words = [*mode, path] + ([] if mode else [tmp_path / "vmcore"])
    assert "nothing to save: it holds no dump" in run(*words, status=NOTHING)


def test_list(run, device):
    found = listed(run("--list", device(selftest=2)))
    assert found["state"] == "complete, not saved"
    assert found["kernel"] == "6.1.0-test"
    assert found["crash time"] == "2026-11-21 07:44:00 UTC"
    assert found["pages"] == "40 of 40"
    assert found["dump bytes"] == str(len(Image().file)) and found["log bytes"] == str(len(Image().log))
    assert found["digests"] == "log right, report nothing there, head right, descriptors right, data right"
    assert found["self-test"] == "passed" and found["message"] == "dump complete"
    assert found["partition"] == "03020100-0504-0706-0809-0a0b0c0d0e0f"
    assert (found["panic to first byte"], found["panic to end"]) == ("0.500 s", "2.000 s")


@pytest.mark.parametrize("verdict, words", [(0, "never asked for"), (1, "begun, and did not come back"), (3, "failed")])
def test_the_self_test_s_verdict(run, device, verdict, words):
    path = device(Image(fields={"state": EMPTY, "selftest": verdict, "message": b"no disk answered"}))
    found = listed(run("--list", path))
    assert found["self-test"] == words and found["message"] == "no disk answered" and found["state"] == "empty"


def test_text_of_a_dead_kernel_does_not_reach_the_terminal_as_it_is(run, device, crash):
    path = device(release=b"\x1b[2J../../6.1", message=b"\x07bell")
    said = run("--list", path)
    assert listed(said)["kernel"] == "?[2J../../6.1" and listed(said)["message"] == "?bell"
    assert "\x1b" not in run(path, crash)
    assert names(crash) == [NAME]


def test_the_log_alone_does_not_mark(run, device, tmp_path):
    path = device()
    run("--log", tmp_path / "log", path)
    assert (tmp_path / "log").read_bytes() == Image().log
    assert header(path)["saved"] == 0


def test_a_file_that_is_there_stays(run, device, tmp_path):
    path, out = device(), tmp_path / "vmcore"
    out.write_bytes(b"mine")
    assert "there already; --force" in run(path, out, status=FAILED)
    assert out.read_bytes() == b"mine" and header(path)["saved"] == 0
    run("--force", path, out)
    assert out.read_bytes() == Image().file


def test_a_dump_is_not_saved_over_itself(run, device):
    path = device()
    before = path.read_bytes()
    assert "where the dump is read from" in run("--force", path, path, status=FAILED)
    assert "where the dump is read from" in run("--force", "--log", path, path, status=FAILED)
    assert path.read_bytes() == before


# Cut short


@pytest.mark.parametrize("state", [WRITING, PARTIAL])
@pytest.mark.parametrize("done", [1, 17, 39])
def test_a_dump_cut_short_comes_out_as_far_as_it_goes(run, device, tmp_path, state, done):
    image = Image()
    ended = {"file_bytes": image.data_offset + done * BLOCK} if state == PARTIAL else {"file_bytes": 0}
    # There are more descriptors than data. Those of pages without data must not be used.
    fields = {"state": state, "desc_bytes": 24 * (done + 1), "data_bytes": done * BLOCK, "pages_done": done}
    path, out = device(Image(fields=fields | ended | {"message": b"the partition is full"})), tmp_path / "vmcore"
    said = run(path, out)
    assert "INCOMPLETE" in said and f"{done} of 40 pages" in said
    assert ("the machine was reset" if state == WRITING else "the partition is full") in said
    dump = out.read_bytes()
    assert len(dump) == image.data_offset + done * BLOCK
    assert struct.unpack_from("<I", dump, 424)[0] == INCOMPLETE
    head = len(image.head)
    assert dump[428:head] == image.head[428:]
    assert dump[head : head + 24 * done] == image.descs[: 24 * done]
    assert not any(dump[head + 24 * done : image.data_offset]), "descriptors hold what the disk held before"
    assert dump[image.data_offset :] == image.data[: done * BLOCK]
    frame = read_vmcore(out)
    assert frame.incomplete and frame.stored_pages == 40 and frame.lost_pages == 40 - done
    assert header(path)["saved"] == 1


def test_a_descriptor_cut_in_two_is_none(run, device, tmp_path):
    fields = {"state": WRITING, "file_bytes": 0, "desc_bytes": 24 * 8 + 11, "data_bytes": 20 * BLOCK}
    run(device(Image(fields=fields)), tmp_path / "vmcore")
    assert read_vmcore(tmp_path / "vmcore").lost_pages == 40 - 8


def test_an_interrupted_dump_is_listed_and_cannot_be_verified(run, device):
    path = device(state=WRITING, file_bytes=0, desc_bytes=240, data_bytes=10 * BLOCK, pages_done=10)
    found = listed(run("--list", path))
    assert found["state"] == "interrupted, not saved" and found["lost pages"] == "30"
    assert found["digests"] == "log not known, report nothing there, head not known, descriptors not known, data not known"
    assert "interrupted: there are no digests" in run("--verify", path, status=FAILED)


def test_before_the_first_page_there_is_the_log(run, device, tmp_path, crash):
    fields = dict.fromkeys(("file_bytes", "desc_bytes", "desc_total", "data_bytes", "data_offset", "desc_offset"), 0)
    path = device(state=WRITING, **fields)
    assert "--log LOG saves the log" in run(path, tmp_path / "vmcore", status=FAILED)
    assert header(path)["saved"] == 0
    run(path, crash)
    assert (crash / NAME / LOG).read_bytes() == Image().log
    assert names(crash / NAME) == [LOG] and header(path)["saved"] == 1


def test_a_partition_that_had_room_for_the_head_only(run, device, tmp_path, crash):
    image = Image()
    fields = {"file_bytes": len(image.head), "desc_bytes": 0, "data_bytes": 0, "pages_done": 0, "message": b"full\x1b"}
    path = device(Image(fields={"state": PARTIAL} | fields))
    assert "it ended before the first page (full?); --log" in run(path, tmp_path / "vmcore", status=FAILED)
    run(path, crash)
    assert (crash / NAME / LOG).read_bytes() == Image().log


def test_digests_that_the_disk_did_not_take_are_not_known(run, device, tmp_path):
    """The built-in kernel ends early, and so does the disk."""
    fields = {"state": PARTIAL, "head_sha256": bytes(32), "data_bytes": 20 * BLOCK}
    found = listed(run("--list", device(Image(fields=fields | {"file_bytes": Image().data_offset + 20 * BLOCK}))))
    assert found["digests"] == "log right, report nothing there, head not known, descriptors right, data right"
    # A complete dump has all digests.
    path = device(Image(fields={"head_sha256": bytes(32)}))
    assert "the digest of its head is wrong" in run(path, tmp_path / "vmcore", status=FAILED)


# Damage


@pytest.mark.parametrize("where, name", [
    (Image.LOG_AT + 3, "log"), (Image.FILE_AT + 3000, "head"),
    (Image.FILE_AT + 4 * BLOCK + 30, "page descriptors"), (Image.FILE_AT + 6 * BLOCK, "page data"),
])  # fmt: skip
def test_a_flipped_bit_is_told(run, device, tmp_path, where, name):
    path = device()
    data = bytearray(path.read_bytes())
    data[where] ^= 1
    path.write_bytes(data)
    assert f"the digest of its {name} is wrong" in run("--verify", path, status=FAILED)
    assert "WRONG" in listed(run("--list", path))["digests"]
    if name == "log":
        words = ["--log", tmp_path / "log", path]
    else:
        words = [path, tmp_path / "vmcore"]
    assert f"{name} is wrong" in run(*words, status=FAILED)
    assert not (tmp_path / "vmcore").exists() and not list(tmp_path.glob("*.part"))
    assert header(path)["saved"] == 0
    run("--force", *words)
    if name != "log":
        assert "WITH A WRONG DIGEST" in run("--force", *words)
        assert len((tmp_path / "vmcore").read_bytes()) == len(Image().file)


def test_every_bit_of_the_header_counts(run, device):
    path = device()
    whole = path.read_bytes()
    for at in (0, 8, 12, 16, 48, 64, 300, 592, HEADER_BYTES - 1):
        data = bytearray(whole)
        for slot in range(SLOTS):
            data[slot * BLOCK + at] ^= 4
        path.write_bytes(data)
        said = run("--list", path, status=FAILED)
        assert re.search(r"partition: (dump header: (version|its digest)|neither Lifeboat's)", said), said


@pytest.mark.parametrize("sector", [0, 1])
@pytest.mark.parametrize("slot", range(SLOTS))
@pytest.mark.parametrize("fill", [b"\0", b"\xff"])
def test_a_dump_whose_header_lost_a_sector_is_saved_whole(run, device, tmp_path, sector, slot, fill):
    path, out = device(), tmp_path / "vmcore"
    data = bytearray(path.read_bytes())
    at = slot * BLOCK + sector * 512
    data[at : at + 512] = fill * 512
    path.write_bytes(data)
    assert "every digest right" in run(path, out)
    assert out.read_bytes() == Image().file
    assert header(path)["saved"] == 1
    assert "saved already" in run(path, out, status=NOTHING)


def test_a_mark_that_is_lost_leaves_the_dump_unsaved(run, device, tmp_path):
    path = device()
    run("--mark-saved", path)
    data = bytearray(path.read_bytes())
    data[header(path)["sequence"] % SLOTS * BLOCK + 600] ^= 1
    path.write_bytes(data)
    run(path, tmp_path / "vmcore")
    assert header(path)["saved"] == 1


def test_a_dump_of_version_1(run, device, tmp_path):
    path, out = device(Image(version=1)), tmp_path / "vmcore"
    before = path.read_bytes()
    run("--log", tmp_path / "log", path)
    assert (tmp_path / "log").read_bytes() == Image().log
    assert f"{out}: {len(Image().file)} bytes, every digest right" in run(path, out)
    assert out.read_bytes() == Image().file
    assert (header(path)["version"], header(path)["saved"]) == (1, 1)
    assert path.read_bytes()[BLOCK:] == before[BLOCK:], "the log, where version 2 has its second slot, has changed"
    assert "saved already" in run(path, out, status=NOTHING)


def test_a_torn_header_of_version_1_is_told(run, device, tmp_path):
    path = device(Image(version=1))
    data = bytearray(path.read_bytes())
    data[512:1024] = bytes(512)
    path.write_bytes(data)
    assert "dump header: its digest does not match" in run(path, tmp_path / "vmcore", status=FAILED)
    assert path.read_bytes() == data


@pytest.mark.parametrize("fields, message", [
    ({"partition_bytes": 2 << 20}, "the partition had 2097152 bytes when armed, now it has 1048576"),
    ({"state": 9}, "state 9, format 0: not known"),
    ({"format": 4}, "state 2, format 4: not known"),
    ({"log_offset": 100}, "log of 83 bytes at 100"),
    ({"log_offset": 0}, "log of 83 bytes at 0"),
    ({"log_offset": BLOCK}, "log of 83 bytes at 4096"),
    ({"log_bytes": 1 << 63}, "log of 9223372036854775808 bytes at 8192"),
    ({"log_bytes": (1 << 64) - 1}, "log of 18446744073709551615 bytes at 8192"),
    ({"file_bytes": 1 << 20}, "file of 1048576 bytes at 16384"),
    ({"file_offset": (1 << 64) - 4096}, "at 18446744073709547520, the partition has"),
    ({"desc_offset": 1 << 63, "desc_total": 1 << 63}, "descriptors at"),
    ({"desc_bytes": 5000}, "descriptors at 16384, 5000 of 960 bytes"),
    ({"data_bytes": (1 << 64) - 1}, "bytes of page data at"),
    ({"data_offset": 0}, "and page data at 0"),
])  # fmt: skip
def test_a_header_that_points_elsewhere_is_refused(run, tmp_path, fields, message):
    image = Image(log=b"x" * 83)
    path = tmp_path / "partition"
    path.write_bytes(both_slots(image.all_fields | fields) + image.bytes()[SLOTS_BYTES:])
    said = run(path, tmp_path / "vmcore", status=FAILED)
    assert message in said and "partition: dump header: " in said
    assert not (tmp_path / "vmcore").exists()


def test_every_truncation_is_told(run, device, tmp_path):
    path = device()
    whole = path.read_bytes()
    for length in (0, 100, HEADER_BYTES - 1, HEADER_BYTES, 3 * BLOCK, len(whole) - 1):
        path.write_bytes(whole[:length])
        said = run(path, tmp_path / "vmcore", status=FAILED)
        assert "partition: " in said, said
        assert not (tmp_path / "vmcore").exists()


def test_a_file_that_is_no_dump_at_all(run, device, tmp_path):
    path = device(Image(fields={"state": PARTIAL}))
    data = bytearray(path.read_bytes())
    data[Image.FILE_AT : Image.FILE_AT + 8] = b"NOTADUMP"
    path.write_bytes(data)
    assert "does not begin as a kdump-compressed file" in run(path, tmp_path / "vmcore", status=FAILED)


# Disks


@pytest.mark.parametrize("block", [512, 4096])
@pytest.mark.parametrize("damage", [False, True])
def test_a_whole_disk(run, tmp_path, block, damage):
    disk = tmp_path / "disk"
    other = gpt.Partition(2 << 20, 1 << 20, "other", uuid.UUID(int=1))
    ours = gpt.make_dump_disk(disk, 3 << 20, block)
    ours = gpt.Partition(3 << 20, 1 << 20)
    gpt.write_table(disk, [other, ours], block)
    with open(disk, "r+b") as image:
        image.seek(ours.start)
        image.write(Image().bytes())
        if damage:  # the first table is damaged, so the backup is used
            image.seek(2 * block + 64)
            image.write(b"\xff" * 8)
    before = disk.read_bytes()
    assert f"{disk}, partition 2" in run("--list", disk)
    run(disk, tmp_path / "vmcore")
    assert (tmp_path / "vmcore").read_bytes() == Image().file
    assert header(disk, ours.start)["saved"] == 1
    after = disk.read_bytes()
    assert after[: ours.start] == before[: ours.start]
    assert after[ours.start + SLOTS_BYTES :] == before[ours.start + SLOTS_BYTES :]


def test_every_dump_of_a_disk_is_listed(run, tmp_path):
    make_disk(tmp_path / "disk", image_of(2, saved=1), image_of(1))
    said = run("--list", tmp_path / "disk")
    assert re.findall("^device: .*disk, partition ([0-9])$", said, re.MULTILINE) == ["1", "2"]
    assert re.findall("^state: +(.*)$", said, re.MULTILINE) == ["complete, saved", "complete, not saved"]


def test_of_two_the_unsaved_one_is_taken(run, tmp_path):
    disk = tmp_path / "disk"
    gpt.make_dump_disk(disk, 3 << 20)
    parts = [gpt.Partition(start << 20, 1 << 20, unique=uuid.UUID(int=start)) for start in (1, 2)]
    gpt.write_table(disk, parts)
    with open(disk, "r+b") as image:
        for part, saved in zip(parts, (1, 0)):
            image.seek(part.start)
            image.write(Image(fields={"saved": saved}).bytes())
    run(disk, tmp_path / "vmcore")
    assert (tmp_path / "vmcore").read_bytes() == Image().file
    assert header(disk, parts[1].start)["saved"] == 1
    assert "saved already" in run(disk, tmp_path / "again", status=NOTHING)


@pytest.mark.parametrize("first, last", [(2048, 2047), (2048, 1 << 40), ((1 << 64) - 1, 0)])
def test_a_partition_beyond_its_disk(run, tmp_path, first, last):
    disk = tmp_path / "disk"
    gpt.make_dump_disk(disk, 1 << 20)
    entry = bytearray(gpt._entry(gpt.Partition(1 << 20, 1 << 20), 512))
    struct.pack_into("<QQ", entry, 32, first, last)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpt, "_entry", lambda *_: bytes(entry))
        gpt.write_table(disk, [gpt.Partition(1 << 20, 1 << 20)])
    assert "disk: " in run("--list", disk, status=FAILED)


def test_an_ordinary_disk_is_not_ours(run, tmp_path):
    disk = tmp_path / "disk"
    gpt.make_dump_disk(disk, 1 << 20)
    gpt.write_table(disk, [gpt.Partition(1 << 20, 1 << 20, "root", uuid.UUID(int=5))])
    assert "5a1d3c0e-7b5f-4f0e-9c55-4c6966654201" in run("--list", disk, status=FAILED)
    disk.write_bytes(bytes(1 << 20))
    assert "neither Lifeboat's dump header nor a GPT partition" in run("--list", disk, status=FAILED)


def test_a_partition_that_was_never_armed_has_nothing(run, tmp_path):
    """The unit names the device; a disk is named directly."""
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists() or not shutil.which("addpart"):
        pytest.skip("partitions need root and loop devices")
    image = tmp_path / "disk"
    gpt.make_dump_disk(image, 1 << 20)
    assert "nothing to save" in run("--list", image, status=NOTHING)
    loop = subprocess.run(["losetup", "-f", "--show", image], capture_output=True, text=True, check=True).stdout.strip()
    try:
        subprocess.run(["addpart", loop, "1", "2048", "2048"], check=True)
        assert "nothing to save" in run("--list", f"{loop}p1", status=NOTHING)
        assert "nothing to save" in run(f"{loop}p1", tmp_path, status=NOTHING)
    finally:
        subprocess.run(["delpart", loop, "1"], check=False)
        subprocess.run(["losetup", "-d", loop], check=True)


# Files


def test_a_log_without_its_dump_is_not_left(run, device, tmp_path):
    path, words = device(), ["--log", tmp_path / "log", tmp_path / "partition", tmp_path / VMCORE]
    damage(path, Image.FILE_AT + 6 * BLOCK)
    run(*words, status=FAILED)
    assert names(tmp_path) == ["partition"]
    damage(path, Image.FILE_AT + 6 * BLOCK)
    run(*words)
    assert names(tmp_path) == ["log", "partition", VMCORE] and header(path)["saved"] == 1


def test_the_same_file_again_is_all_that_was_wanted(run, device, tmp_path):
    path, words = device(), ["--log", tmp_path / "log", tmp_path / "partition", tmp_path / VMCORE]
    run("--keep", *words)
    run(*words)
    assert header(path)["saved"] == 1 and names(tmp_path) == ["log", "partition", VMCORE]
    device()
    damage(tmp_path / VMCORE, 100)
    before = (tmp_path / VMCORE).read_bytes()
    assert "there already; --force" in run(*words, status=FAILED)
    assert (tmp_path / VMCORE).read_bytes() == before and header(path)["saved"] == 0


def test_a_part_that_was_left_behind_goes(run, device, tmp_path):
    (tmp_path / f"{VMCORE}.part").write_bytes(b"x" * 100)
    run(device(), tmp_path / VMCORE)
    assert names(tmp_path) == ["partition", VMCORE] and (tmp_path / VMCORE).read_bytes() == Image().file


def test_a_part_that_somebody_writes_stays(run, device, tmp_path):
    with open(tmp_path / f"{VMCORE}.part", "wb") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        assert "another run writes it" in run(device(), tmp_path / VMCORE, status=FAILED)
        assert (tmp_path / f"{VMCORE}.part").exists()


@pytest.mark.parametrize("name", [VMCORE, f"{VMCORE}.part"])
def test_a_link_is_not_followed(run, device, tmp_path, name):
    (tmp_path / "victim").write_bytes(b"mine")
    (tmp_path / name).symlink_to(tmp_path / "victim")
    assert f"{name}: " in run("--force", device(), tmp_path / VMCORE, status=FAILED)
    assert (tmp_path / "victim").read_bytes() == b"mine"


# For programs


def test_list_for_programs(run, tmp_path):
    disk = tmp_path / 'a"b\\c\tü'
    make_disk(disk, image_of(1), image_of(2, state=EMPTY, selftest=2, message=b'"\\'))
    found = json.loads(run("--list", "--json", disk))
    assert found["errors"] == []
    first, second = found["dumps"]
    assert first["device"] == f"{disk}, partition 1"
    assert (first["state"], first["saved"], first["kernel"]) == ("complete", False, "6.1.0-test")
    assert (first["crash_time"], first["dump_level"], first["format"]) == (1795247040, 31, "zstd")
    assert (first["pages"], first["pages_done"], first["lost_pages"]) == (40, 40, 0)
    assert first["dump_bytes"] == len(Image().file) and first["log_bytes"] == len(Image().log)
    assert first["digests"] == dict.fromkeys(("log", "head", "descriptors", "data"), "right") | {"report": None}
    assert (first["report"], first["report_bytes"], first["kernel_pages_first"]) == (None, 0, False)
    assert (first["seconds_to_begin"], first["seconds_to_first_byte"], first["seconds_to_end"]) == (0.25, 0.5, 2.0)
    assert first["build_id"] is None
    assert (second["state"], second["selftest"], second["message"]) == ("empty", "passed", '"\\')
    assert "kernel" not in second


def test_list_for_programs_has_the_errors(tool, machine, tmp_path):
    auto = machine({"a": None, "b": image_of(1).bytes()})
    said = auto("--list", "--json", "auto", status=FAILED)
    found = json.loads(said[said.index("{") :])
    assert found["errors"] == ["/dev/a: No such file or directory"] and len(found["dumps"]) == 1
    name = os.fsencode(tmp_path) + b"/\xff\xc3"
    shutil.copyfile(tmp_path / "dev" / "b", name)
    done = subprocess.run([tool, "--list", "--json", name], capture_output=True, check=True)
    assert json.loads(done.stdout)["dumps"][0]["device"] == f"{tmp_path}/\ufffd\ufffd"


def test_list_for_programs_where_there_is_nothing(machine):
    assert json.loads(machine({"a": bytes(1 << 20)})("--list", "--json", "auto", status=NOTHING)) == {
        "dumps": [], "errors": [],
    }  # fmt: skip


# Words


@pytest.mark.parametrize("words, message", [
    ([], "DEVICE is wanted"),
    (["disk"], "FILE or FOLDER is wanted"),
    (["a", "b", "c"], "too many words"),
    (["--list", "--verify", "a"], "one of them"),
    (["--list", "a", "b"], "too many words"),
    (["--verify", "--log", "x", "a"], "save nothing"),
    (["--nonsense"], "--nonsense: no such option"), (["--kepe"], "did you mean --keep?"),
    (["--json", "a"], "--list --json"),
    (["--log", "x", "a", "/tmp"], "a folder gets them anyway"),
    (["--list", "--report", "x", "a"], "save nothing"),
])  # fmt: skip
def test_bad_usage(run, words, message):
    assert message in run(*words, status=USAGE)


@pytest.mark.parametrize("words", [["--list"], ["--list", "--json"], ["--verify"]], ids=["list", "json", "verify"])
def test_output_that_does_not_get_out(tool, device, words):
    with open("/dev/full", "w") as full:
        done = subprocess.run([tool, *words, device()], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == FAILED
    assert done.stderr == "lifeboat-save: standard output cannot be written: No space left on device\n"


def test_two_outputs_are_not_one_file(run, device, tmp_path):
    for words in (["--log", "x"], ["--report", "x"], ["--log", "y", "--report", "y"]):
        words = [tmp_path / word if len(word) == 1 else word for word in words]
        assert "FILE, LOG and REPORT are three files" in run(*words, device(), tmp_path / "x", status=USAGE)
    assert {path.name for path in tmp_path.iterdir()} == {"partition"}


def test_help_and_version(run):
    text = run("--help")
    assert "exit status:" in text and max(map(len, text.splitlines())) <= 100
    assert re.fullmatch(r"lifeboat-save \(Lifeboat\) \S+\n", run("--version"))


def test_files_that_cannot_be(run, device, tmp_path):
    assert "No such file or directory" in run(tmp_path / "absent", tmp_path / "vmcore", status=USAGE)
    assert "neither a block device nor a file" in run("/dev/null", tmp_path / "vmcore", status=FAILED)
    assert "absent/vmcore.part" in run(device(), tmp_path / "absent" / "vmcore", status=FAILED)
    assert "not a file" in run(device(), "/dev/null", status=FAILED)
