# SPDX-License-Identifier: BSD-2-Clause
"""The capture kernel's disk drivers, in an EFI application of their own (tests/vm/efi/disktest*.c).

It writes a range of blocks with as many requests in flight as the driver takes, flushes, reads it back, resets in
the middle, and tries what must be refused. Afterwards the image on the host must hold the pattern in the range, and
nothing else may have been written.
"""

import os

import pytest

from tried_disks import MIB, SECTOR, UNTOUCHED, Row, TriedDisk, run_row

pytestmark = pytest.mark.vm

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


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_driver(row, tmp_path, firmware, disktest):
    run_row(row, tmp_path, firmware, disktest)


def test_the_pattern_is_told_from_what_is_untouched(tmp_path):
    """The judge itself notices a block too many, one too few, and one at another's place."""
    disk = TriedDisk("disk", "nvme", NVME, first=4, last=7, mib=1)
    image = tmp_path / "disk.img"
    sectors = [disk.allowed(sector)[0] for sector in range(MIB // SECTOR)]
    image.write_bytes(b"".join(sectors))
    disk.check(image)
    for sector, content in ((3, sectors[4]), (8, sectors[7]), (5, UNTOUCHED), (6, sectors[5])):
        image.write_bytes(b"".join([*sectors[:sector], content, *sectors[sector + 1 :]]))
        with pytest.raises(AssertionError, match=f"from {sector} to {sector}"):
            disk.check(image)
