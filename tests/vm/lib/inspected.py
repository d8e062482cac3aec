# SPDX-License-Identifier: BSD-2-Clause
"""A rehearsal that is stopped in the first kernel's user space, just before it oopses. What was armed is read from
crash memory, and a pattern is put into low memory.

preamble.efi can run before the loader, to give the firmware another memory map.
"""

import shutil
import struct
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import boot_log
import images
from boot_log import Entry
from stopped import parse_range
from vm.machine import Machine
from vm.rehearsal import Options, Outcome, Rehearsal
from vm.vmcore import Load

PAGE = 4096
# No version of Linux uses the first 64 KiB (X86_RESERVE_LOW), so these pages are free.
PATTERN_PAGES = tuple(range(0x1000, 0x10000, PAGE))
_SECOND_BEGINS = "lifeboat-purgatory: jump"
_CAPTURE_BEGINS = "lifeboat-capture: start"


def pattern(page: int) -> bytes:
    """Returns a page of numbers that occur nowhere else. They tell who wrote the page, and which page it is."""
    return b"".join(struct.pack("<4sI", b"LBPL", page + at) for at in range(0, PAGE, 8))


def elf_loads(core: bytes) -> list[Load]:
    """Returns the PT_LOADs of a core header, read here from Elf64_Ehdr and Elf64_Phdr."""
    (at,) = struct.unpack_from("<Q", core, 32)
    (count,) = struct.unpack_from("<H", core, 56)
    headers = [struct.unpack_from("<IIQQQQQQ", core, at + 56 * index) for index in range(count)]
    return [Load(*fields[2:7]) for fields in headers if fields[0] == 1]


@dataclass
class Armed:
    """What was in crash memory."""

    saved: list[Entry]  # e820_saved
    second: list[Entry]  # the map planned for the second kernel
    crash: tuple[int, int]
    crash_ram: tuple[int, int]
    crash_low: tuple[int, int]  # (0, 0): none
    swap: list[tuple[int, int]]
    loads: list[Load]  # PT_LOADs of the core header, before the purgatory fills in virtual addresses
    planted: list[int]  # pages below 1 MiB that hold pattern()

    @property
    def taken(self) -> list[tuple[int, int]]:
        return [one for one in (self.crash, self.crash_low) if one[0] < one[1]]


@dataclass(frozen=True)
class InspectedRun:
    outcome: Outcome
    folder: Path
    armed: Armed

    @property
    def plan(self) -> dict[str, str]:
        return self.outcome.progress.plan

    @property
    def dump(self) -> Path:
        return self.outcome.vmcore

    @cached_property
    def first_log(self) -> str:
        """Returns the dead kernel's log, from the dump."""
        return self.outcome.dmesg.read_text(errors="replace")

    @cached_property
    def console(self) -> str:
        return (self.folder / "console.log").read_text(errors="replace").replace("\r", "")

    @cached_property
    def second_log(self) -> str:
        """Returns the second kernel's log, from the console."""
        return self.console.partition(_SECOND_BEGINS)[2].partition(_CAPTURE_BEGINS)[0]


class _Inspected(Rehearsal):
    armed: Armed | None = None

    def __init__(self, options: Options, fields: Path, preamble: Path | None, orders: str):
        super().__init__(options)
        self._fields, self._preamble, self._orders = fields, preamble, orders

    def esp(self, files):
        return files if self._preamble is None else images.behind_preamble(files, self._preamble, self._orders)

    def before_oops(self, machine: Machine) -> None:
        stub = machine.gdb()

        def read(address: int, count: int) -> bytes:
            return stub.read_memory(address, count, physical=True)

        said = self._read_fields(read(int(self.progress.plan["handoff"], 0), PAGE))
        one = {name: values[-1] for name, values in said.items()}
        saved = read(int(one["e820_saved"], 0), 20 * int(one["e820_saved_count"]))
        armed = Armed(
            saved=boot_log.from_bytes(saved),
            second=boot_log.handed_over(read(int(one["boot_params"], 0), PAGE), read),
            crash=parse_range(one["crash"]),
            crash_ram=parse_range(one["crash_ram"]),
            crash_low=parse_range(one["crash_low"]),
            swap=[parse_range(text) for text in said.get("swap", [])],
            loads=elf_loads(read(int(one["elfcorehdr"], 0), int(one["elfcorehdr_bytes"], 0))),
            planted=[],
        )
        for page in PATTERN_PAGES:
            if any(start <= page < end for start, end in boot_log.ram_of(armed.saved)):
                stub.write_memory(page, pattern(page), physical=True)
                armed.planted.append(page)
        self.armed = armed

    def _read_fields(self, handoff: bytes) -> dict[str, list[str]]:
        done = subprocess.run([self._fields], input=handoff, capture_output=True, check=True)
        said: dict[str, list[str]] = {}
        for line in done.stdout.decode().splitlines():
            name, _, value = line.partition("=")
            said.setdefault(name, []).append(value)
        return said


def run(options: Options, fields: Path, preamble: Path | None = None, orders: str = "") -> InspectedRun:
    """Runs it. `fields` is the program handoff_fields; `orders` is preamble.txt."""
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    rehearsal = _Inspected(options, fields, preamble, orders)
    outcome = rehearsal.run()
    assert outcome.ok, "\n".join(
        [outcome.reason, f"kept in {options.folder}; the console's last lines:", *outcome.last_lines]
    )
    return InspectedRun(outcome, options.folder, rehearsal.armed)
