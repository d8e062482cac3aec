# SPDX-License-Identifier: BSD-2-Clause
"""Makes a disk with an MBR and ext4 on all of it. The backup GPT of an earlier use still lies at its end."""

import struct
import subprocess
from pathlib import Path

from vm import gpt

MIB = 1 << 20


def make(path: Path, size: int, partition: gpt.Partition) -> None:
    """Makes the disk. `partition` is in the stale table, and lies inside the present file system."""
    with open(path, "wb") as image:
        image.truncate(size)
    gpt.write_table(path, [partition])
    mbr = bytearray(512)
    struct.pack_into("<B3sB3sII", mbr, 446, 0, b"", 0x83, b"", MIB // 512, (size - MIB) // 512)
    mbr[510:512] = b"\x55\xaa"
    with open(path, "r+b") as image:
        image.write(bytes(mbr).ljust(MIB, b"\0"))
    # mkfs does not touch the table behind this end.
    subprocess.run(
        ["mkfs.ext4", "-q", "-F", "-E", f"offset={MIB}", path, f"{(size - MIB) // 1024 - 17}k"], check=True
    )
