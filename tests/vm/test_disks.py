# SPDX-License-Identifier: BSD-2-Clause
"""The capture kernel's disk drivers, in an EFI application of their own (tests/vm/efi/disktest*.c).

It writes a range of blocks with as many requests in flight as the driver takes, flushes, reads it back,
resets in the middle, and tries what must be refused. Afterwards the image is looked at from outside: the
range holds the pattern, and nothing else was written.
"""

import json
import os
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path

import firmware_shell as shell
import pytest
from conftest import build

pytestmark = pytest.mark.vm

MIB = 1 << 20
SECTOR = 512
UNTOUCHED = bytes([0x5A]) * SECTOR  # what images are full of at first
FACTOR = 0x9E3779B97F4A7C15  # the pattern, as disktest_run.c makes it
SEED_SHIFT = 40
DEADLINE = 600.0  # seconds; a slow disk takes one of them


@dataclass(frozen=True)
class TriedDisk:
    """A disk image and its line of disktest.conf; `name` is the id of its block backend."""

    __test__ = False  # no class of tests, whatever pytest may think of its name

    name: str
    driver: str  # nvme, virtio-blk, ahci
    at: str  # PCI address
    unit: int = 0
    block: int = 512
    first: int = 2048
    last: int = 40000
    seed: int = 0
    words: str = ""  # the rest of the line
    mib: int = 32
    backend: str = ""  # more options of -drive
    bad: int | None = None  # a block that cannot be written
    whole: bool = True  # the whole range is written; else perhaps a part, perhaps nothing

    def order(self) -> str:
        bad = "" if self.bad is None else f" bad {self.bad} 1"
        return (
            f"{self.driver} {self.at} unit {self.unit} block {self.block} first {self.first} last {self.last} "
            f"seed {self.seed}{bad} {self.words}\n"
        )

    def arguments(self, image: Path) -> list[str]:
        if self.bad is None:
            return ["-drive", f"if=none,id={self.name},format=raw,file={image}{self.backend}"]
        rule = {
            "event": "none",
            "iotype": "write",
            "sector": self.bad * self.block // SECTOR,
            "errno": 5,
            "once": False,
        }
        file = {"driver": "file", "filename": str(image)}
        node = {"driver": "blkdebug", "node-name": self.name, "image": file, "inject-error": [rule]}
        return ["-blockdev", json.dumps(node)]

    def make(self, image: Path) -> None:
        image.write_bytes(UNTOUCHED * (self.mib * MIB // SECTOR))

    def allowed(self, sector: int) -> tuple[bytes, ...]:
        """What that sector may hold afterwards."""
        block = sector * SECTOR // self.block
        if not self.first <= block <= self.last or block == self.bad:
            return (UNTOUCHED,)
        word = (sector + 1 + (self.seed << SEED_SHIFT)) * FACTOR & (1 << 64) - 1
        pattern = struct.pack("<Q", word) * (SECTOR // 8)
        return (pattern,) if self.whole else (pattern, UNTOUCHED)

    def check(self, image: Path) -> None:
        content = image.read_bytes()
        assert len(content) == self.mib * MIB, f"{image} has another size than it was made with"
        wrong = [
            sector
            for sector in range(len(content) // SECTOR)
            if content[sector * SECTOR : (sector + 1) * SECTOR] not in self.allowed(sector)
        ]
        assert not wrong, f"{self.name}: {len(wrong)} sectors are not as they should be, from {wrong[0]} to {wrong[-1]}"


@dataclass(frozen=True)
class Row:
    """One machine: its disks, the devices they are in, and what has to be said beside `ok`."""

    name: str
    disks: list[TriedDisk]
    devices: list[str]
    said: list[str] = field(default_factory=list)


NVME = "0000:00:04.0"
PORT = "0000:00:05.0"
PORT_DEVICE = "pcie-root-port,id=rp,addr=5,chassis=1"
PLUGGED = "0000:01:00.0"  # behind PORT

# One run for each driver.
ROWS = [
    Row(
        "nvme",
        [
            TriedDisk("one", "nvme", NVME, unit=1),
            TriedDisk("two", "nvme", NVME, unit=2, block=4096, first=16, last=5000, seed=1, words="ecam"),
        ],
        [
            "nvme,id=nvme,serial=nvme,addr=4",
            "nvme-ns,drive=one,bus=nvme,nsid=1",
            "nvme-ns,drive=two,bus=nvme,nsid=2,logical_block_size=4096,physical_block_size=4096",
        ],
        ["namespace 31 is not active", "32 requests of up to 524288"],
    ),
]
FULL_ROWS = [
    Row(
        "nvme-in-use-8k-requests",
        [TriedDisk("disk", "nvme", NVME, unit=1, block=4096, first=100, last=4000, words="keep ecam")],
        ["nvme,serial=nvme,drive=disk,addr=4,mdts=1,max_ioqpairs=1,logical_block_size=4096,physical_block_size=4096"],
        ["bus mastering is on", "requests of up to 8192"],
    ),
    Row(
        "nvme-function-reset-1m-requests",
        [TriedDisk("disk", "nvme", NVME, unit=1, first=0, last=65535, words="function-reset")],
        ["nvme,serial=nvme,drive=disk,addr=4,mdts=0"],
        ["requests of up to 1048576"],
    ),
    Row(
        "nvme-slow",
        [TriedDisk("disk", "nvme", NVME, unit=1, last=5000, words="keep", backend=",throttling.iops-total=5")],
        ["nvme,serial=nvme,drive=disk,addr=4"],
    ),
    Row(
        "nvme-bad-block",
        [TriedDisk("disk", "nvme", NVME, unit=1, bad=9001)],
        ["nvme,serial=nvme,drive=disk,addr=4"],
        ["failed as it should: 0000:00:04.0: a request failed: status type 2 code 0x80 (write fault)"],
    ),
    Row(
        "nvme-unplugged",
        [TriedDisk("disk", "nvme", PLUGGED, unit=1, words=f"unplug {PORT}", whole=False)],
        [PORT_DEVICE, "nvme,serial=nvme,drive=disk,bus=rp"],
        ["unplugged, after ", "the controller is gone from its slot"],
    ),
    Row(
        "nvme-none-for-us",
        [
            TriedDisk("large", "nvme", NVME, unit=1, words="untried", whole=False),
            TriedDisk("meta", "nvme", NVME, unit=2, words="untried", whole=False),
        ],
        [
            "nvme,id=nvme,serial=nvme,addr=4",
            "nvme-ns,drive=large,bus=nvme,nsid=1,logical_block_size=8192,physical_block_size=8192",
            "nvme-ns,drive=meta,bus=nvme,nsid=2,ms=8",
        ],
        ["blocks of 2^13 bytes, not 512 or 4096", "8 bytes of metadata with each block"],
    ),
]
if os.environ.get("LIFEBOAT_FULL") == "1":
    ROWS += FULL_ROWS


def _said(folder: Path, firmware, row: Row) -> str:
    """What disktest said until it switched the machine off."""
    arguments = []
    for disk in row.disks:
        disk.make(folder / f"{disk.name}.img")
        arguments += disk.arguments(folder / f"{disk.name}.img")
    for device in row.devices:
        arguments += ["-device", device]
    conf = "".join(disk.order() for disk in row.disks)
    files = {"EFI/BOOT/BOOTX64.EFI": build("disktest.efi"), "disktest.conf": conf.encode()}
    with shell.make_machine(folder, firmware, files, qemu_args=arguments) as machine:
        machine.power_on()
        machine.wait_qmp("SHUTDOWN", time.monotonic() + DEADLINE)
        return "\n".join(line.text for line in machine.lines if "disktest: " in line.text)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_driver(row, tmp_path, firmware):
    said = _said(tmp_path, firmware, row)
    assert "FAILED" not in said and said.endswith("disktest: end: ok"), said
    for disk in row.disks:
        assert f"disktest: {disk.driver} {disk.at} unit {disk.unit}: ok" in said, said
        disk.check(tmp_path / f"{disk.name}.img")
    for text in row.said:
        assert text in said, f"'{text}' was not said:\n{said}"


def test_the_pattern_is_told_from_what_is_untouched(tmp_path):
    """The judge itself: a block too much, one too few, one in another's place."""
    disk = TriedDisk("disk", "nvme", NVME, first=4, last=7, mib=1)
    image = tmp_path / "disk.img"
    sectors = [disk.allowed(sector)[0] for sector in range(MIB // SECTOR)]
    image.write_bytes(b"".join(sectors))
    disk.check(image)
    for sector, content in ((3, sectors[4]), (8, sectors[7]), (5, UNTOUCHED), (6, sectors[5])):
        image.write_bytes(b"".join([*sectors[:sector], content, *sectors[sector + 1 :]]))
        with pytest.raises(AssertionError, match=f"from {sector} to {sector}"):
            disk.check(image)
