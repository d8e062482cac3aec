# SPDX-License-Identifier: BSD-2-Clause
"""Rehearsals with the built-in capture kernel and unusual disks."""

import dataclasses
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vm import gpt
from vm.builtin import BuiltinCapture
from vm.machine import ConsoleLine, Disk, Machine
from vm.rehearsal import Options, Outcome, Rehearsal

MIB = 1 << 20
MEMORY_BYTES = 512 * MIB
# IA32_MCi_STATUS: valid, uncorrected, enabled; IA32_MCG_STATUS: in progress, restart address valid.
_MC_STATUS = 1 << 63 | 1 << 61 | 1 << 60
_MC_CAN_GO_ON = 1 << 2 | 1 << 0


@dataclass(frozen=True)
class UnusualDisks:
    disk_bytes: int = 0  # size of the dump partition; 0: the usual size
    old_disk: Path | None = None  # an image to start with, in place of a new one
    drive: str = ""  # QEMU's words for the dump's drive, with a comma in front
    device: str = ""  # the same for its device
    more_disks: tuple[str, ...] = ()  # labels of further disks
    yank_at: str = ""  # text of a console line at which the dump's drive is pulled out
    check_at: str = ""  # text at which the CPU that panicked gets a machine check, with a restart address
    picture_at: str = ""  # text at which the screen is saved as a picture, screen.ppm
    mark: bool = True  # collecting the dump marks it as saved


class Unusual(Rehearsal):
    """A rehearsal with the built-in kernel and these disks."""

    def __init__(self, options: Options, disks: UnusualDisks):
        super().__init__(options)
        self.capture = BuiltinCapture(options.loader.parent / "lifeboat-save", disks.mark)
        self.yanked = False
        self.checked = False
        self._disks = disks

    def make_dump_disk(self, image: Path) -> None:
        if self._disks.old_disk:
            shutil.copyfile(self._disks.old_disk, image)
        elif self._disks.disk_bytes:
            gpt.make_dump_disk(image, self._disks.disk_bytes)
        else:
            super().make_dump_disk(image)

    def dump_disk(self, image: Path) -> Disk:
        controller, disks = self.options.dump_disk, self._disks
        return Disk("dump", image, controller=controller, more=disks.drive, where=disks.device)

    def _make_disks(self) -> list[Disk]:
        disks = super()._make_disks()
        for number, label in enumerate(self._disks.more_disks):
            image = self.options.folder / f"{label}.img"
            partition = gpt.make_dump_disk(image, MEMORY_BYTES)
            unique = uuid.UUID(int=partition.unique.int + number + 1)
            gpt.write_table(image, [dataclasses.replace(partition, label=label, unique=unique)])
            disks.insert(-1, Disk(label, image))
        return disks

    def on_console(self, machine: Machine, line: ConsoleLine) -> None:
        text = self._disks.yank_at
        if text and not self.yanked and text in line.text:
            machine.qmp.human("drive_del dump")
            self.yanked = True
        picture = self.options.folder / "screen.ppm"
        if self._disks.picture_at and not picture.exists() and self._disks.picture_at in line.text:
            machine.qmp.execute("screendump", filename=str(picture))
        if self._disks.check_at and not self.checked and self._disks.check_at in line.text:
            machine.qmp.human(f"mce {self.options.panic_cpu} 0 {_MC_STATUS:#x} {_MC_CAN_GO_ON:#x} 0 0")
            self.checked = True


class Builtin:
    """builtin(name, unusual={...}, **options) runs once for each name, and returns (outcome, folder)."""

    def __init__(self, folder: Path, make_options: Callable[..., Options]):
        self._folder = folder
        self._make_options = make_options
        self._runs: dict[str, tuple[Outcome, Path]] = {}

    def __call__(self, name: str, unusual: dict | None = None, **options) -> tuple[Outcome, Path]:
        if name not in self._runs:
            folder = self._folder / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            rehearsal = Unusual(self._make_options(folder=folder, **options), UnusualDisks(**(unusual or {})))
            self._runs[name] = rehearsal.run(), folder
        return self._runs[name]


def console(folder: Path) -> str:
    return (folder / "console.log").read_text(errors="replace")
