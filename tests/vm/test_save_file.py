# SPDX-License-Identifier: BSD-2-Clause
"""build/lifeboat-save with a dump in a file: the dump is saved, and the file's stamps are put back. A saved
partition is erased."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import save_tool
from conftest import build
from dump_images import COMPLETE, SLOTS_BYTES, WRITING, Image, newest
from vm import gpt, reserve

DONE, FAILED, _, NOTHING = range(4)
FILE, ERASED = 4, 8  # in the header's flags
ID = bytes(range(16))
BYTES = 1 << 20
STAMPS = reserve.stamped(BYTES, ID)[SLOTS_BYTES:]


@pytest.fixture
def run():
    tool = build("lifeboat-save.checked")

    def run(*words, status=DONE) -> str:
        done = subprocess.run(
            [str(word) for word in (tool, *words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        assert done.returncode == status, f"exit status {done.returncode}: {done.stdout}"
        return done.stdout

    return run


@pytest.fixture
def in_file(tmp_path):
    """in_file(**fields) is a file for dumps that holds a dump. All other blocks have their stamps."""

    def in_file(**fields) -> Path:
        image = Image(fields={"flags": FILE, "partuuid": ID} | fields)
        path, stamps = tmp_path / "reserve", reserve.stamped(BYTES, ID)
        end = image.FILE_AT + len(image.file)
        path.write_bytes(image.bytes()[:end].ljust(end, b"\0") + stamps[end:])
        return path

    return in_file


def header(path: Path) -> dict:
    return newest(path.read_bytes()[:SLOTS_BYTES])


def is_ready(path: Path) -> bool:
    """True if a boot would use the file."""
    return path.read_bytes()[SLOTS_BYTES:] == STAMPS


def test_saved_and_stamped(run, in_file, tmp_path):
    path, out = in_file(), tmp_path / "vmcore"
    assert "every digest right" in run(path, out)
    assert out.read_bytes() == Image().file
    assert is_ready(path)
    found = header(path)
    assert (found["saved"], found["state"], found["flags"]) == (1, COMPLETE, FILE | ERASED)
    assert "saved, erased" in run("--list", path)
    assert json.loads(run("--list", "--json", path))["dumps"][0]["erased"] is True
    assert "it is saved already, and erased" in run("--force", path, tmp_path / "again", status=NOTHING)
    assert not (tmp_path / "again").exists()


def test_to_a_folder(run, in_file, tmp_path):
    path, crash = in_file(), tmp_path / "crash"
    crash.mkdir(0o700)
    run("--force", path, crash)  # whatever room there is
    assert is_ready(path)
    (folder,) = crash.iterdir()
    assert (folder / "vmcore").read_bytes() == Image().file


@pytest.mark.parametrize("words", [["--keep"], ["--no-erase"]])
def test_left_as_it_is(run, in_file, tmp_path, words):
    path = in_file()
    before = path.read_bytes()
    run(*words, path, tmp_path / "vmcore")
    assert path.read_bytes()[SLOTS_BYTES:] == before[SLOTS_BYTES:]
    assert header(path)["saved"] == ("--no-erase" in words)


def test_a_run_that_was_cut_off_is_ended_by_the_next(run, in_file, tmp_path):
    path = in_file(saved=1)
    run(path, tmp_path / "vmcore")
    assert is_ready(path) and header(path)["flags"] & ERASED
    assert not (tmp_path / "vmcore").exists()


def test_not_wanted(run, in_file):
    path = in_file()
    run("--mark-saved", path)
    assert is_ready(path) and header(path)["saved"] == 1


def test_interrupted(run, in_file, tmp_path):
    path = in_file(state=WRITING, file_bytes=0)
    assert "INCOMPLETE" in run(path, tmp_path / "vmcore")
    assert is_ready(path)


def test_interrupted_before_its_first_byte(run, in_file, tmp_path):
    path = in_file(state=WRITING, file_bytes=0, data_bytes=0, desc_total=0, desc_bytes=0, log_bytes=0)
    assert "it ended before its first byte" in run(path, tmp_path / "vmcore")
    assert is_ready(path) and not (tmp_path / "vmcore").exists()


def test_a_wrong_digest_is_not_erased(run, in_file, tmp_path):
    path = in_file()
    content = bytearray(path.read_bytes())
    content[Image.FILE_AT + 30 * 4096] ^= 1
    path.write_bytes(content)
    run(path, tmp_path / "vmcore", status=FAILED)
    assert path.read_bytes() == content
    run("--force", path, tmp_path / "vmcore")
    assert path.read_bytes()[SLOTS_BYTES:] == content[SLOTS_BYTES:]
    assert header(path)["flags"] == FILE


def test_a_file_that_shrank(run, in_file, tmp_path):
    path = in_file()
    os.truncate(path, BYTES - 4096)
    before = path.read_bytes()
    assert "the partition had 1048576 bytes when armed, now it has" in run(path, tmp_path / "vmcore", status=FAILED)
    assert path.read_bytes() == before


def _map(path: Path, names: Path) -> Path:
    content = bytearray(reserve.make_map([(1 << 20, BYTES)], gpt.Partition(0, 0), ID))
    where = 80 + 24 * 16 + 128
    content[where : where + 256] = str(names).encode().ljust(256, b"\0")
    path.write_bytes(reserve.sealed(bytes(content[:-32])))
    return path


def test_by_its_map(run, in_file, tmp_path):
    path = in_file()
    run(_map(tmp_path / "reserve.map", path), tmp_path / "vmcore")
    assert is_ready(path)


def test_the_word_for_the_file_is_no_absent_device(in_file, tmp_path):
    """The map is found on the ESP: a dump that cannot be saved is a failure, not bad usage."""
    boot, tool = tmp_path / "boot", build("lifeboat-save.checked")
    (boot / "EFI/lifeboat").mkdir(parents=True)
    _map(boot / "EFI/lifeboat/reserve.map", in_file())
    words = ["--no-erase", "file"]
    assert "absent/vmcore" in save_tool.run_bound(tool, {boot: "/boot"}, *words, tmp_path / "absent/vmcore", status=FAILED)
    assert "every digest right" in save_tool.run_bound(tool, {boot: "/boot"}, *words, tmp_path / "vmcore")


def test_maps_that_lead_nowhere(run, tmp_path):
    lost = _map(tmp_path / "reserve.map", tmp_path / "nothing")
    said = run(lost, tmp_path / "vmcore", status=FAILED)
    assert "names a file that cannot be read" in said
    lost.write_bytes(lost.read_bytes()[:-1] + b"x")
    assert "its digest does not match" in run(lost, tmp_path / "vmcore", status=FAILED)
    fresh = tmp_path / "fresh"
    fresh.write_bytes(reserve.stamped(BYTES, ID))
    assert "nothing to save" in run(_map(lost, fresh), tmp_path / "vmcore", status=NOTHING)


@pytest.fixture
def loop(tmp_path):
    """loop(path) is a block device of that image."""
    used = []

    def loop(path: Path) -> str:
        done = subprocess.run(["losetup", "-f", "--show", path], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"losetup: {done.stderr.strip()}")
        used.append(done.stdout.strip())
        return used[-1]

    yield loop
    for device in used:
        subprocess.run(["losetup", "-d", device], check=True)


def test_a_partition_is_erased(run, tmp_path, loop):
    path, out = tmp_path / "partition", tmp_path / "vmcore"
    path.write_bytes(Image(size=4 << 20).bytes())
    device = loop(path)
    run(device, out)
    assert out.read_bytes() == Image().file
    left = Path(device).read_bytes()
    assert not any(left[SLOTS_BYTES:]) and newest(left[:SLOTS_BYTES])["flags"] == ERASED
    assert "saved, erased" in run("--list", device)


def test_a_partition_that_stays(run, tmp_path, loop):
    path = tmp_path / "partition"
    path.write_bytes(Image(size=4 << 20).bytes())
    before = path.read_bytes()
    device = loop(path)
    run("--no-erase", device, tmp_path / "vmcore")
    # The next run does not either, because only a file needs stamps.
    run(device, tmp_path / "other", status=NOTHING)
    assert Path(device).read_bytes()[SLOTS_BYTES:] == before[SLOTS_BYTES:]
