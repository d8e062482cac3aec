# SPDX-License-Identifier: BSD-2-Clause
"""A file for dumps on the ESP of a disk image, and its map, as `lifeboatctl install --reserve` makes them
(include/lifeboat/dumpfile.h); without root, by mtools."""

import hashlib
import re
import struct
import uuid
from pathlib import Path

from vm import disk, gpt, tools
from vm.errors import VmError

FILE = "EFI/lifeboat/reserve"
MAP = "EFI/lifeboat/reserve.map"
BYTES = 64 << 20
_ID = bytes.fromhex("6c6966655f0d4d1e9a3b2c0f11a28d55")
_BLOCK = 4096
_STAMP = 0x504D41545341424C
_MAP, _EXTENTS = 0x50414D454C494642, 24


def stamped(size: int, file_id: bytes = _ID) -> bytes:
    """The whole content of a file without a dump."""
    head = struct.pack("<Q16s", _STAMP, file_id)
    return b"".join(head + struct.pack("<Q", at) for at in range(0, size, 32))


def sealed(body: bytes) -> bytes:
    """A map with its digest."""
    return body + hashlib.sha256(body).digest()


def make_map(
    extents: list[tuple[int, int]],
    partition: gpt.Partition,
    file_id: bytes = _ID,
    disk_guid: uuid.UUID = gpt.DISK,
    esp_path: str = "\\" + FILE.replace("/", "\\"),
) -> bytes:
    """`extents`: each piece's first byte, from the partition's beginning, and its bytes. `esp_path`: "" where
    the firmware cannot read its file system."""
    size = sum(length for _, length in extents)
    head = struct.pack(
        "<QII16s16s16sQII", _MAP, 1, 880, file_id, disk_guid.bytes_le, partition.unique.bytes_le, size, len(extents), 0
    )
    pieces = b"".join(struct.pack("<QQ", *extent) for extent in extents).ljust(16 * _EXTENTS, b"\0")
    paths = esp_path.encode().ljust(128, b"\0") + f"/boot/efi/{FILE}".encode().ljust(256, b"\0")
    return sealed(head + pieces + paths)


def find(image: Path, at: int) -> list[tuple[int, int]]:
    """The file's pieces, by the clusters that mtools finds and the FAT32's own first sector."""
    with image.open("rb") as file:
        file.seek(at)
        boot = file.read(512)
    sector, per_cluster, reserved, fats = struct.unpack_from("<HBHB", boot, 11)
    (fat_sectors,) = struct.unpack_from("<I", boot, 36)
    cluster = sector * per_cluster
    data = (reserved + fats * fat_sectors) * sector
    shown = tools.run("mshowfat", "-i", f"{image}@@{at}", f"::{FILE}", env=disk.MTOOLS).decode()
    extents: list[tuple[int, int]] = []
    for first, last in re.findall(r"<(\d+)(?:-(\d+))?>", shown):
        start = data + (int(first) - 2) * cluster
        length = (int(last or first) - int(first) + 1) * cluster
        extents.append((start, length))
    if not extents or any(length % _BLOCK for _, length in extents) or len(extents) > _EXTENTS:
        raise VmError(f"{image}: {FILE} lies in pieces that no map can have: {shown.strip()}")
    return extents


def fill(image: Path, partition: gpt.Partition, size: int = BYTES) -> None:
    """Makes both on the ESP, which has room for them."""
    where = f"{image}@@{partition.start}"
    made = image.with_name("reserve.made")
    made.write_bytes(stamped(size))
    tools.run("mcopy", "-i", where, "-o", made, f"::{FILE}", env=disk.MTOOLS)
    made.write_bytes(make_map(find(image, partition.start), partition))
    tools.run("mcopy", "-i", where, "-o", made, f"::{MAP}", env=disk.MTOOLS)
    made.unlink()


def take(image: Path, partition: gpt.Partition, to: Path) -> None:
    """The file as it is now."""
    to.unlink(missing_ok=True)
    tools.run("mcopy", "-i", f"{image}@@{partition.start}", "-n", f"::{FILE}", to, env=disk.MTOOLS)
