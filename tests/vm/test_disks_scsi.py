# SPDX-License-Identifier: BSD-2-Clause
"""SCSI disks behind virtio-scsi and PVSCSI, in the machine of test_disks.py: by the drivers' own calls, and through
a partition."""

import os
import subprocess

import pytest

import firmware_shell as shell
from conftest import build
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
from vm import gpt
from vm.machine import ConsoleLine

pytestmark = pytest.mark.vm


def unit(target: int, lun: int) -> int:
    """Returns LB_SCSI_UNIT()."""
    return target << 16 | lun


def virtio(name: str, at: str, **more) -> TriedDisk:
    return TriedDisk(name, "virtio-scsi", at, **more)


def pvscsi(name: str, at: str, **more) -> TriedDisk:
    return TriedDisk(name, "pvscsi", at, **more)


# One run for each driver.
ROWS = [
    Row(
        "virtio-scsi",
        [
            virtio("first", SLOT),
            # This disk's target has no LUN 0.
            virtio("high", OTHER_SLOT, unit=unit(3, 300), block=4096, first=16, last=5000, seed=1, words="ecam"),
            FailingOnce("partition", "virtio-scsi", SLOT, unit=1, last=WHOLE_PAGES, seed=2, words="partition", weak=9001),
            virtio("cd", SLOT, unit=unit(1, 0), words="untried", whole=False),
            virtio("legacy", "0000:00:08.0", words="untried", whole=False),
        ],
        [
            "virtio-scsi-pci,id=both,addr=4,disable-legacy=off",
            "scsi-hd,drive=first,bus=both.0,scsi-id=0,lun=0",
            "scsi-hd,drive=partition,bus=both.0,scsi-id=0,lun=1",
            "scsi-cd,drive=cd,bus=both.0,scsi-id=1",
            "virtio-scsi-pci,id=modern,addr=6,disable-legacy=on",
            f"scsi-hd,drive=high,bus=modern.0,scsi-id=3,lun=300,{LARGE_BLOCKS}",
            "virtio-scsi-pci,id=old,addr=8,disable-modern=on",
            "scsi-hd,drive=legacy,bus=old.0",
        ],
        [
            "'QEMU QEMU HARDDISK': 65536 blocks of 512, 32 requests of up to ",
            "target 0 LUN 31: there is no such logical unit (qualifier 3, type 0x1f)",
            "0000:00:06.0 target 0 LUN 31: no such target (response 3)",
            "virtio-scsi 0000:00:04.0 target 0 LUN 1: aborted command (sense b/00/06); resetting the controller",
            "target 1 LUN 0: is of type 0x5, wanted a disk's, 0",
            "a legacy-only device is not supported",
        ],
    ),
    Row(
        "pvscsi",
        [
            pvscsi("first", SLOT),
            pvscsi("high", SLOT, unit=unit(9, 0), block=4096, first=16, last=5000, seed=1, words="ecam"),
            FailingOnce("partition", "pvscsi", OTHER_SLOT, unit=unit(2, 0), last=WHOLE_PAGES, seed=2, words="partition", weak=9001),
        ],
        [
            "pvscsi,id=one,addr=4",
            "scsi-hd,drive=first,bus=one.0,scsi-id=0",
            f"scsi-hd,drive=high,bus=one.0,scsi-id=9,{LARGE_BLOCKS}",
            "pvscsi,id=other,addr=6",
            "scsi-hd,drive=partition,bus=other.0,scsi-id=2",
        ],
        [
            "'QEMU QEMU HARDDISK': 65536 blocks of 512, 32 requests of up to 262144",
            "no such target (host status 0x11)",
            "pvscsi 0000:00:06.0 target 2 LUN 0: aborted command (sense b/00/06); resetting the controller",
        ],
    ),
]


def _of_both(name: str, host: str, device: str) -> list[Row]:
    """Returns rows that either adapter can have with one disk."""
    disk = "scsi-hd,drive=disk,bus=host.0"
    adapter = f"{device},id=host,addr=4"
    return [
        Row(
            f"{name}-bad-block",
            [TriedDisk("disk", name, SLOT, bad=9001, words="keep")],
            [adapter, disk],
            [f"failed as it should: {name} 0000:00:04.0 target 0 LUN 0: aborted command"],
        ),
        Row(
            f"{name}-bad-partition",
            [TriedDisk("disk", name, SLOT, bad=9001, words="partition", whole=False)],
            [adapter, disk],
            ["the partition gave up as it should: the disk: write of ", f"failed twice: {name} 0000:00:04.0 target 0 LUN 0: "],
        ),
        Row(
            f"{name}-full",
            [TriedDisk("disk", name, SLOT, bad=9001, errno=28, words="keep")],
            [adapter, f"{disk},werror=report"],
            [f"failed as it should: {name} 0000:00:04.0 target 0 LUN 0: data protect (sense 7/27/07)"],
        ),
        Row(
            f"{name}-read-only",
            [TriedDisk("disk", name, SLOT, words="untried", backend=",read-only=on", whole=False)],
            [adapter, disk],
            ["the disk is write-protected"],
        ),
        Row(
            f"{name}-slow",
            [TriedDisk("disk", name, SLOT, last=5000, words="keep", backend=",throttling.iops-total=10")],
            [adapter, disk],
        ),
        Row(
            f"{name}-unplugged",
            [TriedDisk("disk", name, PLUGGED, words=f"unplug {PORT}", whole=False)],
            [PORT_DEVICE, f"{device},id=host,bus=way", disk],
            ["unplugged, after ", f"the {host} is gone"],
        ),
    ]


FULL_ROWS = [
    Row(
        "virtio-scsi-queues",
        [
            virtio("short", SLOT, last=9000, words="keep"),
            virtio("small", OTHER_SLOT, last=9000, seed=1),
            virtio("many", "0000:00:07.0", last=9000, seed=2, words="keep ecam"),
            virtio("uncached", "0000:00:08.0", last=9000, seed=3),
        ],
        [
            "virtio-scsi-pci,id=a,addr=4,virtqueue_size=8,seg_max_adjust=on",
            "scsi-hd,drive=short,bus=a.0",
            "virtio-scsi-pci,id=b,addr=6,max_sectors=24,cmd_per_lun=3",
            "scsi-hd,drive=small,bus=b.0",
            "virtio-scsi-pci,id=c,addr=7,num_queues=4,iommu_platform=on,disable-legacy=on,packed=on",
            "scsi-hd,drive=many,bus=c.0,max_io_size=65536",
            "virtio-scsi-pci,id=d,addr=8,event_idx=off,indirect_desc=off,ioeventfd=off",
            "scsi-hd,drive=uncached,bus=d.0,write-cache=off",
        ],
        [" 2 requests of up to 1048576", " 3 requests of up to 12288", " 32 requests of up to 65536"],
    ),
    *_of_both("virtio-scsi", "device", "virtio-scsi-pci"),
    *_of_both("pvscsi", "adapter", "pvscsi"),
]
FULL = os.environ.get("LIFEBOAT_FULL") == "1"
if FULL:
    ROWS += FULL_ROWS


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_driver(row, tmp_path, firmware, disktest):
    run_row(row, tmp_path, firmware, disktest)


@pytest.mark.skipif(not FULL, reason="only with --full")
def test_a_panic_is_dumped_to_pvscsi(tmp_path, firmware, loader, pvscsi_driver, kernel):
    """The kernel panics because it finds no root file system. lifeboat-vm has no such row, because Debian's firmware
    does not drive the disk."""
    image = tmp_path / "dump.img"
    gpt.make_dump_disk(image, 512 << 20)
    lines = ["@echo -off", "fs0:", "load pvscsi.efi", "lifeboat.efi --dump-to auto \\vmlinuz console=ttyS0"]
    files = {"pvscsi.efi": pvscsi_driver, "lifeboat.efi": loader, "vmlinuz": kernel, **shell.startup(lines)}
    drive = f"if=none,id=dump,format=raw,file={image}"
    devices = ["-device", "pvscsi,id=host", "-device", "scsi-hd,drive=dump,bus=host.0,scsi-id=5"]
    with shell.make_machine(tmp_path, firmware, files, qemu_args=["-drive", drive, *devices]) as machine:
        machine.power_on()
        shell.skip_countdown(machine)
        done = shell.watch(machine, "lifeboat-capture: dump complete:", "lifeboat-capture: no dump")
        said = shell.console_end(machine, 1000)
    assert isinstance(done, ConsoleLine) and "dump complete" in done.text, said
    assert ": pvscsi QEMU QEMU HARDDISK, blocks of 512 bytes" in said, said
    words = [build("lifeboat-save"), "--keep", image, tmp_path / "vmcore"]
    saved = subprocess.run(words, capture_output=True, text=True, check=False)
    assert saved.returncode == 0, saved.stdout + saved.stderr
    assert (tmp_path / "vmcore").read_bytes().startswith(b"KDUMP   ")
