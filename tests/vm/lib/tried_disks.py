# SPDX-License-Identifier: BSD-2-Clause
"""Machines with disks that disktest.efi tries, and the judge of the disks' content afterwards."""

import json
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path

import firmware_shell as shell
from vm.firmware import Firmware

MIB = 1 << 20
SECTOR = 512
UNTOUCHED = bytes([0x5A]) * SECTOR  # content of the images before
_FACTOR = 0x9E3779B97F4A7C15  # factor of the pattern in disktest_run.c
_SEED_SHIFT = 40
_DEADLINE = 600.0  # seconds, far more than a slow disk takes

# The PCI addresses of the machines' disks.
SLOT = "0000:00:04.0"
OTHER_SLOT = "0000:00:06.0"
PORT = "0000:00:05.0"
PORT_DEVICE = "pcie-root-port,id=way,addr=5,chassis=1"
PLUGGED = "0000:01:00.0"  # behind PORT
WHOLE_PAGES = 39999  # the last block for a partition, which writes whole pages of 4 KiB, so that it fills the range
LARGE_BLOCKS = "logical_block_size=4096,physical_block_size=4096"


def failing(name: str, image: Path, once: bool = False, **requests) -> list[str]:
    """Returns QEMU's words for the disk `name`, on which all such requests (iotype, sector) fail, or the first
    one."""
    rule = {"event": "none", "errno": 5, "once": once, **requests}
    file = {"driver": "file", "filename": str(image)}
    node = {"driver": "blkdebug", "node-name": name, "image": file, "inject-error": [rule]}
    return ["-blockdev", json.dumps(node)]


@dataclass(frozen=True)
class TriedDisk:
    """A disk image, and its line of disktest.conf. `name` is the id of its block backend."""

    __test__ = False  # pytest must not take it for a class of tests

    name: str
    driver: str  # nvme, virtio-blk, ahci, virtio-scsi, pvscsi
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
    errno: int = 5  # error of the write; 28: no space left on the host
    whole: bool = True  # the whole range is written; otherwise perhaps a part, perhaps nothing

    def order(self) -> str:
        bad = "" if self.bad is None else f" bad {self.bad} 1"
        return (
            f"{self.driver} {self.at} unit {self.unit} block {self.block} first {self.first} last {self.last} "
            f"seed {self.seed}{bad} {self.words}\n"
        )

    def arguments(self, image: Path) -> list[str]:
        if self.bad is None:
            return ["-drive", f"if=none,id={self.name},format=raw,file={image}{self.backend}"]
        return failing(self.name, image, iotype="write", sector=self.bad * self.block // SECTOR, errno=self.errno)

    def make(self, image: Path) -> None:
        image.write_bytes(UNTOUCHED * (self.mib * MIB // SECTOR))

    def allowed(self, sector: int) -> tuple[bytes, ...]:
        """Returns the contents that the sector may have afterwards."""
        block = sector * SECTOR // self.block
        if not self.first <= block <= self.last or block == self.bad:
            return (UNTOUCHED,)
        word = (sector + 1 + (self.seed << _SEED_SHIFT)) * _FACTOR & (1 << 64) - 1
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
class FailingOnce(TriedDisk):
    """A disk on which the first write to block `weak` fails, and no other."""

    weak: int = 0

    def arguments(self, image: Path) -> list[str]:
        return failing(self.name, image, once=True, iotype="write", sector=self.weak * self.block // SECTOR)


@dataclass(frozen=True)
class Row:
    """One machine: its disks, their devices, and what must be printed in addition to `ok`."""

    name: str
    disks: list[TriedDisk]
    devices: list[str]
    said: list[str] = field(default_factory=list)


def _said(row: Row, folder: Path, firmware: Firmware, disktest: Path) -> str:
    """Returns what disktest printed until it switched the machine off."""
    arguments = []
    for disk in row.disks:
        disk.make(folder / f"{disk.name}.img")
        arguments += disk.arguments(folder / f"{disk.name}.img")
    for device in row.devices:
        arguments += ["-device", device]
    conf = "".join(disk.order() for disk in row.disks)
    files = {"EFI/BOOT/BOOTX64.EFI": disktest, "disktest.conf": conf.encode()}
    with shell.make_machine(folder, firmware, files, qemu_args=arguments) as machine:
        machine.power_on()
        machine.wait_qmp("SHUTDOWN", time.monotonic() + _DEADLINE)
        return "\n".join(line.text for line in machine.lines if "disktest: " in line.text)


def run_row(row: Row, folder: Path, firmware: Firmware, disktest: Path) -> None:
    """Runs the machine with disktest.efi, and judges its output and the disks' content."""
    said = _said(row, folder, firmware, disktest)
    assert "FAILED" not in said and said.endswith("disktest: end: ok"), said
    for disk in row.disks:
        assert f"disktest: {disk.driver} {disk.at} unit {disk.unit}: ok" in said, said
        disk.check(folder / f"{disk.name}.img")
    for text in row.said:
        assert text in said, f"'{text}' was not said:\n{said}"
