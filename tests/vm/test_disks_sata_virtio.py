# SPDX-License-Identifier: BSD-2-Clause
"""virtio-blk and AHCI disks in the machine of test_disks.py: by the drivers' own calls, and through a partition."""

import os

import pytest

from tried_disks import (
    LARGE_BLOCKS,
    OTHER_SLOT,
    PLUGGED,
    PORT,
    PORT_DEVICE,
    SLOT,
    WHOLE_PAGES,
    FailingOnce,
    Row,
    TriedDisk,
    run_row,
)

pytestmark = pytest.mark.vm

ICH9 = "0000:00:1f.2"  # the controller of every q35 machine
MANY_QUEUES = "packed=on,num-queues=4,queue-size=1024"


def virtio(name: str, at: str, **more) -> TriedDisk:
    return TriedDisk(name, "virtio-blk", at, **more)


def ahci(name: str, at: str, **more) -> TriedDisk:
    return TriedDisk(name, "ahci", at, **more)


# One run for each driver.
ROWS = [
    Row(
        "virtio-blk",
        [
            virtio("both", SLOT),
            virtio("modern", OTHER_SLOT, block=4096, first=16, last=5000, seed=1, words="ecam"),
            FailingOnce("partition", "virtio-blk", "0000:00:07.0", last=WHOLE_PAGES, seed=2, words="partition", weak=9001),
            virtio("legacy", "0000:00:08.0", words="untried", whole=False),
        ],
        [
            "virtio-blk-pci,drive=both,addr=4,disable-legacy=off",
            f"virtio-blk-pci,drive=modern,addr=6,disable-legacy=on,{LARGE_BLOCKS}",
            "virtio-blk-pci,drive=partition,addr=7",
            "virtio-blk-pci,drive=legacy,addr=8,disable-modern=on",
        ],
        [
            "32 requests of up to 1048576",
            "virtio-blk 0000:00:07.0: I/O error (status 1); resetting the controller",
            "a legacy-only device is not supported",
        ],
    ),
    Row(
        "ahci",
        [
            ahci("builtin", ICH9, unit=1),
            ahci("added", SLOT, seed=1, words="ecam"),
            FailingOnce("partition", "ahci", SLOT, unit=1, last=WHOLE_PAGES, seed=2, words="partition", weak=9001),
            ahci("cd", SLOT, unit=2, words="untried", whole=False),
        ],
        [
            "ide-hd,drive=builtin,bus=ide.1",
            "ahci,id=ahci,addr=4",
            "ide-hd,drive=added,bus=ahci.0",
            "ide-hd,drive=partition,bus=ahci.1",
            "ide-cd,drive=cd,bus=ahci.2",
        ],
        [
            "'QEMU HARDDISK': 65536 blocks of 512, 32 requests of up to 1048576",
            "the controller has no such port",
            "ahci 0000:00:04.0 port 1: the disk reports an error",
            "resetting the controller",
            "signature is 0xeb140101, wanted an ATA disk's",
        ],
    ),
]
FULL_ROWS = [
    Row(
        "virtio-blk-queues",
        [
            virtio("short", SLOT, last=9000, words="keep"),
            virtio("one", OTHER_SLOT, last=9000, seed=1),
            virtio("many", "0000:00:07.0", last=9000, seed=2, words="keep ecam"),
            virtio("plain", "0000:00:08.0", last=9000, seed=3),
        ],
        [
            "virtio-blk-pci,drive=short,addr=4,queue-size=8",
            "virtio-blk-pci,drive=one,addr=6,queue-size=4,num-queues=1",
            f"virtio-blk-pci,drive=many,addr=7,{MANY_QUEUES},iommu_platform=on,disable-legacy=on",
            "virtio-blk-pci,drive=plain,addr=8,event_idx=off,indirect_desc=off,ioeventfd=off,write-cache=off",
        ],
        [" 2 requests of up to", " 1 requests of up to"],
    ),
    Row(
        "virtio-blk-bad-block",
        [virtio("disk", SLOT, bad=9001, words="keep"), virtio("partition", OTHER_SLOT, bad=9001, words="partition", whole=False)],
        ["virtio-blk-pci,drive=disk,addr=4", "virtio-blk-pci,drive=partition,addr=6"],
        [
            "failed as it should: virtio-blk 0000:00:04.0: I/O error (status 1)",
            "the partition gave up as it should: the disk: write of ",
            "failed twice: virtio-blk 0000:00:06.0: I/O error (status 1)",
        ],
    ),
    Row(
        "virtio-blk-read-only",
        [virtio("disk", SLOT, words="untried", backend=",read-only=on", whole=False)],
        ["virtio-blk-pci,drive=disk,addr=4"],
        ["the disk is read-only"],
    ),
    Row(
        "virtio-blk-slow",
        [virtio("disk", SLOT, last=5000, words="keep", backend=",throttling.iops-total=10")],
        ["virtio-blk-pci,drive=disk,addr=4"],
    ),
    Row(
        "virtio-blk-unplugged",
        [virtio("disk", PLUGGED, words=f"unplug {PORT}", whole=False)],
        [PORT_DEVICE, "virtio-blk-pci,drive=disk,bus=way"],
        ["unplugged, after ", "the device is gone"],
    ),
    Row(
        "ahci-in-use",
        [
            ahci("builtin", ICH9, unit=0, words="keep"),
            ahci("added", SLOT, unit=5, last=WHOLE_PAGES, seed=1, words="keep partition"),
        ],
        ["ide-hd,drive=builtin,bus=ide.0", "ahci,id=ahci,addr=4", "ide-hd,drive=added,bus=ahci.5"],
        ["bus mastering is on"],
    ),
    Row(
        "ahci-bad-block",
        [ahci("disk", ICH9, unit=1, bad=9001, words="partition", whole=False)],
        ["ide-hd,drive=disk,bus=ide.1"],
        [
            "the partition gave up as it should: the disk: write of ",
            "failed twice: ahci 0000:00:1f.2 port 1: the disk reports an error",
        ],
    ),
    Row(
        "ahci-unplugged",
        [ahci("disk", PLUGGED, unit=1, words=f"unplug {PORT}", whole=False)],
        [PORT_DEVICE, "ahci,id=ahci,bus=way", "ide-hd,drive=disk,bus=ahci.1"],
        ["unplugged, after ", "the controller is gone"],
    ),
    Row(
        "ahci-slow",
        [ahci("disk", ICH9, unit=1, last=5000, words="keep", backend=",throttling.iops-total=10")],
        ["ide-hd,drive=disk,bus=ide.1"],
    ),
    Row(
        "ahci-empty-port",
        [ahci("disk", ICH9, unit=2, words="untried", whole=False)],
        ["ide-hd,drive=disk,bus=ide.1"],
        ["no disk answers"],
    ),
]
if os.environ.get("LIFEBOAT_FULL") == "1":
    ROWS += FULL_ROWS


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_driver(row, tmp_path, firmware, disktest):
    run_row(row, tmp_path, firmware, disktest)
