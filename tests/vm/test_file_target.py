# SPDX-License-Identifier: BSD-2-Clause
"""A dump in a file on the ESP: one panic, and what the disk then holds of it and of all else."""

import hashlib
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from vm import reserve
from vm.machine import Disk
from vm.rehearsal import Options, Outcome, Rehearsal

from lib.builtin_runs import console

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("file-target")]


def else_digest(image: Path, partition) -> str:
    """Of all bytes of a disk but the file's."""
    content = bytearray(image.read_bytes())
    for start, length in reserve.find(image, partition.start):
        at = partition.start + start
        content[at : at + length] = bytes(length)
    return hashlib.sha256(content).hexdigest()


class _Watched(Rehearsal):
    def _make_disks(self) -> list[Disk]:
        disks = super()._make_disks()
        self.before = else_digest(disks[0].path, self._esp_partition)
        return disks

    @property
    def partition(self):
        return self._esp_partition


@dataclass
class InFile:
    outcome: Outcome
    folder: Path
    rehearsal: _Watched


@pytest.fixture(scope="module")
def in_file(loader, kernel, firmware, tmp_path_factory):
    folder = tmp_path_factory.mktemp("in-file")
    rehearsal = _Watched(
        Options(
            kernel=kernel,
            folder=folder,
            firmware=firmware,
            loader=loader,
            append="no_timer_check",
            dump_disk="file",
            memory_bytes=512 << 20,
            cpus=1,
            timeout=600,
        )
    )
    yield InFile(rehearsal.run(), folder, rehearsal)
    for image in folder.glob("*.img"):
        image.unlink()


def test_captured(in_file):
    assert in_file.outcome.ok, in_file.outcome.reason
    assert in_file.outcome.frame.level == 31
    said = console(in_file.folder)
    assert "target FILE=/boot/efi/EFI/lifeboat/reserve: virtio-blk, blocks of 512 bytes, file of 64 MiB" in said
    assert "reason: Kernel panic - not syncing: sysrq triggered crash" in in_file.outcome.report.read_text()


def test_crash_shows_the_backtrace(in_file, crash, vmlinux):
    commands = in_file.folder / "commands"
    commands.write_text("bt\nquit\n")
    done = subprocess.run(
        [crash, "--no_scroll", "-i", commands, vmlinux, in_file.outcome.vmcore],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    frames = iter(re.findall(r"^ *#\d+ \[[0-9a-f]+\] (\w+)", done.stdout, re.MULTILINE))
    assert all(name in frames for name in ("panic", "sysrq_handle_crash", "write_sysrq_trigger", "vfs_write")), done.stdout


def test_nothing_else_was_written(in_file):
    assert else_digest(in_file.folder / "esp.img", in_file.rehearsal.partition) == in_file.rehearsal.before


def test_what_the_dump_did_not_take_keeps_its_stamps(in_file):
    raw = in_file.folder / "raw.img"
    reserve.take(in_file.folder / "esp.img", in_file.rehearsal.partition, raw)
    content, whole = raw.read_bytes(), reserve.stamped(reserve.BYTES)
    differ = [at for at in range(0, len(whole), 4096) if content[at : at + 4096] != whole[at : at + 4096]]
    assert len(content) == len(whole) and differ[0] == 0
    # One dump from the beginning on, and then nothing.
    assert in_file.outcome.vmcore.stat().st_size <= differ[-1] + 4096 < in_file.outcome.vmcore.stat().st_size + (2 << 20)


def test_saved_and_ready_again(in_file):
    """What lifeboat-save has saved it puts the stamps back for."""
    image, partition = in_file.folder / "esp.img", in_file.rehearsal.partition
    again = in_file.folder / "again.img"
    reserve.take(image, partition, again)
    tool = in_file.rehearsal.options.loader.parent / "lifeboat-save"
    done = subprocess.run([tool, again, in_file.folder / "again"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "every digest right" in done.stdout
    assert again.read_bytes()[8192:] == reserve.stamped(reserve.BYTES)[8192:]
    listed = subprocess.run([tool, "--list", again], capture_output=True, text=True, check=False)
    assert "complete, saved, erased" in listed.stdout
