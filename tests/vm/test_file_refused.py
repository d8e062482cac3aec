# SPDX-License-Identifier: BSD-2-Clause
"""--dump-to a file: what the loader asks before it takes one. Maps of every kind in one session of the firmware's shell."""

import hashlib
import re
import struct
import uuid
from pathlib import Path

import firmware_shell as shell
import pytest
from vm import gpt, reserve

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("file-refused")]

MIB = 1 << 20
BLOCK = 4096
BYTES = MIB + 3 * BLOCK
LINUX_TYPE = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
PART = 40 * MIB
BOOT = "\\vmlinuz console=ttyS0"


def _partition(number: int, **more) -> gpt.Partition:
    return gpt.Partition(MIB, PART, f"part{number}", unique=uuid.UUID(int=0x2C6D4A52_3F5E_4A53_8F0C_6C6966652000 + number), **more)


# In the order in which their controllers are found.
HOST, CLONED, SLOW, FAR = (_partition(1, type=LINUX_TYPE), _partition(2, type=LINUX_TYPE), _partition(3, type=LINUX_TYPE), _partition(4))
SLOW_BYTES = 32 * MIB  # of a disk that gives 4 MiB a second


def _id(name: str) -> bytes:
    return hashlib.md5(name.encode()).digest()


def _waiting(file_id: bytes) -> bytes:
    """Both headers of a complete dump that nobody has saved (include/lifeboat/dumpdisk.h)."""
    slots = b""
    for sequence in (6, 7):
        header = bytearray(880)
        struct.pack_into("<QII", header, 0, 0x504D55445441424C, 2, 880)
        header[32:48] = file_id
        struct.pack_into("<QIIII", header, 48, BYTES, 0, 0, 2, 0)
        struct.pack_into("<Q", header, 592, sequence)
        header[-32:] = hashlib.sha256(header[:-32]).digest()
        slots += bytes(header).ljust(BLOCK, b"\0")
    return slots


class _Host:
    """Files on a partition, one behind the other, with a hole between their two pieces."""

    def __init__(self, image: Path, partition: gpt.Partition):
        self._image, self._partition, self._at = image, partition, 0
        with image.open("wb") as file:
            file.truncate(partition.start + partition.size + MIB)
        gpt.write_table(image, [partition])

    def add(self, name: str, size: int = BYTES, change=lambda content: content, **more) -> bytes:
        """The file's map."""
        first = 5 * BLOCK
        extents = [(self._at, first), (self._at + first + BLOCK, size - first)]
        content = change(reserve.stamped(size, _id(name)))
        with self._image.open("r+b") as file:
            for (start, length), offset in zip(extents, (0, first), strict=True):
                file.seek(self._partition.start + start)
                file.write(content[offset : offset + length])
        self._at += size + BLOCK
        return reserve.make_map(extents, self._partition, _id(name), **{"esp_path": ""} | more)


def _without_stamp(content: bytes) -> bytes:
    at = 9 * BLOCK + 3584
    return content[:at] + b"X" * 512 + content[at + 512 :]


MESSAGES = {
    "stamp": f"its block at byte {9 * BLOCK} has no stamp: the file was moved, copied or deleted, or a dump is still in it",
    "header": "where it begins are neither its stamps, nor whole headers that Lifeboat made for it",
    "other-disk": "there is no such partition on a disk with a GPT",
    "cloned": "there is more than one such partition",
    "outside": "its map does not fit: ",
    "size": f"\\other has {BYTES - 1} bytes, its map says {BYTES}",
    "nowhere": "\\nothing",
    "damaged": "\\maps\\damaged: file map: its digest does not match",
    "no-map": "\\maps\\no-map cannot be read: lifeboatctl install --reserve makes it",
    "slow": f"its stamps: the firmware's disks are too slow to read all of it: [0-9]+ of {SLOW_BYTES} bytes were read",
    "waits": "it is kept for that dump, since --dump-overwrite was not given",
}


def _make(folder: Path) -> tuple[dict[str, bytes], list[str]]:
    """Files on the ESP, and QEMU's words."""
    host, cloned, slow, far = (
        _Host(folder / f"{name}.img", part)
        for name, part in (("host", HOST), ("cloned", CLONED), ("slow", SLOW), ("far", FAR))
    )
    del far
    maps = {
        "whole": host.add("whole"),
        "on-esp": host.add("on-esp", esp_path="\\there"),
        "stamp": host.add("stamp", change=_without_stamp),
        "header": host.add("header", change=lambda content: bytes(2 * BLOCK) + content[2 * BLOCK :]),
        "other-disk": host.add("other-disk", disk_guid=uuid.UUID(int=7)),
        "cloned": cloned.add("cloned"),
        "size": host.add("size", esp_path="\\other"),
        "nowhere": host.add("nowhere", esp_path="\\nothing"),
        "outside": reserve.make_map([(0, BYTES - BLOCK), (PART, BLOCK)], HOST, _id("outside"), esp_path=""),
        "damaged": host.add("damaged")[:-1] + b"\0",
        "slow": slow.add("slow", SLOW_BYTES),
        "waits": host.add("waits", change=lambda content: _waiting(_id("waits")) + bytes(len(content) - 2 * BLOCK)),
    }
    (folder / "clone.img").write_bytes((folder / "cloned.img").read_bytes())
    files = {f"maps/{name}": content for name, content in maps.items()}
    # The one that is taken where no --dump-to is said.
    files |= {"EFI/lifeboat/reserve.map": maps["waits"], "there": bytes(BYTES), "other": bytes(BYTES - 1)}
    words = []
    for name in ("host", "cloned", "clone", "slow", "far"):
        throttle = ",throttling.bps-read=4194304" if name == "slow" else ""
        words += ["-drive", f"id={name},if=none,format=raw,file={folder / name}.img{throttle}"]
        words += ["-device", f"virtio-blk-pci,drive={name}"]
    return files, words


@pytest.fixture(scope="module")
def session(tmp_path_factory, firmware, loader, kernel):
    folder = tmp_path_factory.mktemp("file-refused")
    files, words = _make(folder)
    files |= {"lifeboat.efi": loader, "vmlinuz": kernel}
    # First of all, while the firmware drives what it boots from, and no more.
    cases = [shell.Case("search", f"fs0:\\lifeboat.efi --dry-run {BOOT}")]
    cases += [
        shell.lifeboat(name, f"--dry-run --dump-to \\maps\\{name} {BOOT}") for name in ("whole", "on-esp", *MESSAGES)
    ]
    cases += [shell.lifeboat("overwrite", f"--dry-run --dump-overwrite --dump-to \\maps\\waits {BOOT}")]
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.img")}
    transcript = shell.run_cases(folder, firmware, files, cases, qemu_args=words)
    after = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in before}
    for path in folder.glob("*.img"):
        path.unlink()
    assert after == before
    return transcript


@pytest.mark.parametrize("name", ["whole", "on-esp"])
def test_taken(session, name):
    text = session[name].text
    assert f"dump to FILE=/boot/efi/{reserve.FILE}:" in text and "left out" not in text, text


@pytest.mark.parametrize("name", MESSAGES)
def test_refused(session, name):
    text = session[name].text
    warning = next((line for line in text.splitlines() if f"warning: --dump-to \\maps\\{name}: " in line), "")
    wanted = MESSAGES[name] if name == "slow" else re.escape(MESSAGES[name])
    assert re.search(wanted, warning) and warning.endswith("left out"), text
    assert "dump to FILE=" not in text


def test_a_dump_that_waits_is_not_overwritten(session):
    """Nothing but stamps says that a file's blocks are still its own."""
    text = session["overwrite"].text
    assert "AN UNSAVED DUMP WAITS on FILE=" in text
    assert f"its block at byte {2 * BLOCK} has no stamp" in text and "dump to FILE=" not in text, text


def test_a_partition_is_looked_for_where_a_dump_waits_in_the_file(session):
    """Behind a controller that the firmware did not drive."""
    text = session["search"].text
    assert "AN UNSAVED DUMP WAITS on FILE=" in text
    assert f"dump to PARTUUID={FAR.unique}:" in text, text
