# SPDX-License-Identifier: BSD-2-Clause
"""A disk with an MBR and ext4 on all of it, at whose end the backup GPT of its earlier life still stands."""

import struct
import subprocess
from pathlib import Path

from vm import gpt

MIB = 1 << 20


def make(path: Path, size: int, partition: gpt.Partition) -> None:
    """`partition` is in the stale table, and inside what is the file system now."""
    with open(path, "wb") as image:
        image.truncate(size)
    gpt.write_table(path, [partition])
    mbr = bytearray(512)
    struct.pack_into("<B3sB3sII", mbr, 446, 0, b"", 0x83, b"", MIB // 512, (size - MIB) // 512)
    mbr[510:512] = b"\x55\xaa"
    with open(path, "r+b") as image:
        image.write(bytes(mbr).ljust(MIB, b"\0"))
    # Up to the table, which mkfs does not touch.
    subprocess.run(
        ["mkfs.ext4", "-q", "-F", "-E", f"offset={MIB}", path, f"{(size - MIB) // 1024 - 17}k"], check=True
    )
