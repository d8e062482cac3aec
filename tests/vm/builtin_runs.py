# SPDX-License-Identifier: BSD-2-Clause
"""Rehearsals with the built-in capture kernel in which something about its disks is unusual."""

import dataclasses
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from vm import gpt
from vm.builtin import BuiltinCapture
from vm.machine import ConsoleLine, Disk, Machine
from vm.rehearsal import Options, Outcome, Rehearsal

MIB = 1 << 20
MEMORY_BYTES = 512 * MIB


class Unusual(Rehearsal):
    """`disk_bytes`: of the dump partition; `old_disk`: an image to go on with instead; `drive` and
    `device`: QEMU's words for them, with a comma in front; `more_disks`: labels of further ones;
    `yank_at`: text of a console line at which the dump's drive is taken away."""

    def __init__(
        self,
        options: Options,
        disk_bytes: int = 0,
        old_disk: Path | None = None,
        drive: str = "",
        device: str = "",
        more_disks: tuple[str, ...] = (),
        yank_at: str = "",
        mark: bool = True,
    ):
        super().__init__(options)
        self.capture = BuiltinCapture(options.loader.parent / "lifeboat-save", mark)
        self.yanked = False
        self._disk_bytes = disk_bytes
        self._old_disk = old_disk
        self._drive = drive
        self._device = device
        self._more_disks = more_disks
        self._yank_at = yank_at

    def make_dump_disk(self, image: Path) -> None:
        if self._old_disk:
            shutil.copyfile(self._old_disk, image)
        elif self._disk_bytes:
            gpt.make_dump_disk(image, self._disk_bytes)
        else:
            super().make_dump_disk(image)

    def dump_disk(self, image: Path) -> Disk:
        return Disk("dump", image, controller=self.options.dump_disk, more=self._drive, where=self._device)

    def _make_disks(self) -> list[Disk]:
        disks = super()._make_disks()
        for number, label in enumerate(self._more_disks):
            image = self.options.folder / f"{label}.img"
            partition = gpt.make_dump_disk(image, MEMORY_BYTES)
            unique = uuid.UUID(int=partition.unique.int + number + 1)
            gpt.write_table(image, [dataclasses.replace(partition, label=label, unique=unique)])
            disks.insert(-1, Disk(label, image))
        return disks

    def on_console(self, machine: Machine, line: ConsoleLine) -> None:
        if self._yank_at and not self.yanked and self._yank_at in line.text:
            machine.qmp.human("drive_del dump")
            self.yanked = True


class Builtin:
    """builtin(name, unusual={...}, **options) runs once and returns (outcome, folder)."""

    def __init__(self, folder: Path, make_options: Callable[..., Options]):
        self._folder = folder
        self._make_options = make_options
        self._runs: dict[str, tuple[Outcome, Path]] = {}

    def __call__(self, name: str, unusual: dict | None = None, **options) -> tuple[Outcome, Path]:
        if name not in self._runs:
            folder = self._folder / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            rehearsal = Unusual(self._make_options(folder=folder, **options), **(unusual or {}))
            self._runs[name] = rehearsal.run(), folder
        return self._runs[name]


def console(folder: Path) -> str:
    return (folder / "console.log").read_text(errors="replace")
