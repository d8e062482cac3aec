# SPDX-License-Identifier: BSD-2-Clause
"""A GPT on a disk image, with the partition that Lifeboat writes dumps to (UEFI 2.10, chapter 5)."""

import struct
import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path

# LB_DUMP_TYPE_TEXT of include/lifeboat/dumpdisk.h.
DUMP_TYPE = uuid.UUID("5a1d3c0e-7b5f-4f0e-9c55-4c6966654201")
DUMP_LABEL = "lifeboat-dump"
ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
DISK = uuid.UUID("2c6d4a52-3f5e-4a53-8f0c-6c6966650000")
MIB = 1 << 20
_ENTRIES, _ENTRY_BYTES = 128, 128


@dataclass(frozen=True)
class Partition:
    """In bytes from the disk's beginning; both multiples of the block size."""

    start: int
    size: int
    label: str = DUMP_LABEL
    type: uuid.UUID = DUMP_TYPE
    unique: uuid.UUID = uuid.UUID("2c6d4a52-3f5e-4a53-8f0c-6c6966650001")


def _entry(partition: Partition, block: int) -> bytes:
    first = partition.start // block
    last = (partition.start + partition.size) // block - 1
    name = partition.label.encode("utf-16-le").ljust(72, b"\0")
    return struct.pack("<16s16sQQQ72s", partition.type.bytes_le, partition.unique.bytes_le, first, last, 0, name)


def _header(mine: int, other: int, entries_at: int, table: bytes, blocks: int, block: int) -> bytes:
    table_blocks = len(table) // block

    def packed(crc: int) -> bytes:
        return struct.pack(
            "<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, crc, 0, mine, other, 2 + table_blocks,
            blocks - table_blocks - 2, DISK.bytes_le, entries_at, _ENTRIES, _ENTRY_BYTES, zlib.crc32(table),
        )  # fmt: skip

    return packed(zlib.crc32(packed(0))).ljust(block, b"\0")


def write_table(path: Path, partitions: list[Partition], block: int = 512) -> None:
    """On an image that has its size: protective MBR, table and its backup."""
    blocks = path.stat().st_size // block
    table = b"".join(_entry(partition, block) for partition in partitions).ljust(_ENTRIES * _ENTRY_BYTES, b"\0")
    table_blocks = len(table) // block
    mbr = bytearray(block)
    struct.pack_into("<B3sB3sII", mbr, 446, 0, b"\0\x02\0", 0xEE, b"\xff\xff\xff", 1, min(blocks - 1, 0xFFFFFFFF))
    mbr[510:512] = b"\x55\xaa"
    with open(path, "r+b") as image:
        image.write(bytes(mbr) + _header(1, blocks - 1, 2, table, blocks, block) + table)
        image.seek((blocks - 1 - table_blocks) * block)
        image.write(table + _header(blocks - 1, 1, blocks - 1 - table_blocks, table, blocks, block))


def make_dump_disk(path: Path, size: int, block: int = 512) -> Partition:
    """A sparse disk with nothing but an empty partition of `size` bytes for dumps."""
    partition = Partition(MIB, size)
    with open(path, "wb") as image:
        image.truncate(size + 2 * MIB)
    write_table(path, [partition], block)
    return partition
