# SPDX-License-Identifier: BSD-2-Clause
"""Notices a machine that stands still: QEMU uses much CPU time and the machine prints nothing. The CPUs' registers
are then read twice, and the code that they run is named."""

import re
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from vm.errors import VmError
from vm.machine import ConsoleLine, Event, Machine, MachineSpec, QmpEvent

# The limit in QEMU's CPU time, which a busy host does not stretch. It is eight times the longest silence of a
# boot, that from the kernel's start to user space.
CPU_SECONDS = 240.0
# The limit for a machine that waits and uses no CPU time.
WALL_SECONDS = 1200.0
_LOOK_SECONDS = 5.0
_BETWEEN_SECONDS = 5.0
_IMAGE_BYTES = 64 << 20  # an EFI image begins at most this far below its code
_PAGE = 4096
_REGION = re.compile(r"^ {2}([a-z][\w ,]*?\w) +0x([0-9a-f]{12})-0x([0-9a-f]{12}) ")
_HOOK = re.compile(r"lifeboat: plan (hook_text)=0x([0-9a-f]+)-0x([0-9a-f]+)")
_CPU = re.compile(r"^CPU#(\d+)\s*$", re.MULTILINE)
_RIP = re.compile(r"\b[RE]IP=([0-9a-f]+)")
_HALTED = re.compile(r"\bHLT=(\d)")
_FLASH = 0xFF000000  # the firmware's flash, up to 4 GiB
_HIGH_HALF = 1 << 63
# Linux, Documentation/arch/x86/x86_64/mm.rst: the EFI region.
_EFI_VIRTUAL, _EFI_VIRTUAL_END = 0xFFFFFFEF00000000, 0xFFFFFFFF00000000
_LOW_CODE = 0x100000  # trampolines of the firmware, the kernel and Lifeboat lie below


class StandStill(VmError):
    """The machine stands still. The text has each CPU's place, the file all registers."""


@dataclass(frozen=True)
class Cpu:
    number: int
    rip: int
    halted: bool


def parse_registers(text: str) -> list[Cpu]:
    """Reads the human monitor's `info registers -a`."""
    parts = _CPU.split(text)[1:]
    cpus = []
    for number, registers in zip(parts[::2], parts[1::2], strict=True):
        halted = _HALTED.search(registers)
        cpus.append(Cpu(int(number), int(_RIP.search(registers)[1], 16), bool(halted and halted[1] == "1")))
    return cpus


def planned_regions(console: list[str]) -> dict[str, tuple[int, int]]:
    """Returns the ranges of Lifeboat's parts that the last loader printed: first address, and the one behind the
    last."""
    regions: dict[str, tuple[int, int]] = {}
    for line in console:
        if match := _REGION.match(line) or _HOOK.search(line):
            regions[match[1]] = int(match[2], 16), int(match[3], 16)
    return regions


_PLACES = {
    "hook_text": "the hook",
    "purgatory text": "the purgatory",
    "kernel": "the capture kernel",
}


def place(rip: int, regions: dict[str, tuple[int, int]], image: str) -> str:
    """Names the place in words. `image` is what image_at() found there."""
    for name, (start, end) in regions.items():
        if start <= rip < end:
            return f"{_PLACES.get(name, name)} + {rip - start:#x}"
    if _EFI_VIRTUAL <= rip < _EFI_VIRTUAL_END:
        return "EFI runtime code, called by the first kernel"
    if rip & _HIGH_HALF:
        return "the first kernel"
    if _FLASH <= rip < 1 << 32:
        return "the firmware's flash"
    if rip < _LOW_CODE:
        return "the low 1 MiB"
    return image or "no EFI image: the firmware's early phases, or a kernel's decompressor"


def image_size(head: bytes) -> int:
    """Returns SizeOfImage of a 64-bit PE image that begins with `head`; 0 if there is none (PE/COFF 1.11, 2 to
    3)."""
    if len(head) < 0x40 or head[:2] != b"MZ":
        return 0
    (pe,) = struct.unpack_from("<I", head, 0x3C)
    if pe + 0x58 > len(head) or head[pe : pe + 4] != b"PE\0\0" or head[pe + 0x18 : pe + 0x1A] != b"\x0b\x02":
        return 0
    return struct.unpack_from("<I", head, pe + 0x50)[0]


def image_at(memory: bytes, start: int, address: int, known: dict[str, int]) -> str:
    """Names the EFI image in which `address` lies, if its head is in `memory`, which begins at `start`. `known`:
    SizeOfImage of the images that have a name."""
    for page in range((address - start) // _PAGE * _PAGE, -1, -_PAGE):
        size = image_size(memory[page : page + _PAGE])
        if size and address < start + page + size:
            names = [name for name, known_size in known.items() if known_size == size]
            return f"{names[0] if names else f'an EFI image of {size:#x} bytes'} + {address - start - page:#x}"
    return ""


class WatchedMachine(Machine):
    """A Machine on which a wait that sees nothing for CPU_SECONDS of QEMU's time, or WALL_SECONDS, raises
    StandStill. `known`: EFI programs by name."""

    def __init__(self, spec: MachineSpec, folder: Path, known: dict[str, Path], cpu_seconds: float = CPU_SECONDS):
        self._bound = cpu_seconds
        self._known = {name: image_size(path.read_bytes()[:_PAGE]) for name, path in known.items()}
        self.longest_silence = 0.0  # in QEMU's CPU seconds
        self._heard_cpu = self._heard_wall = 0.0
        super().__init__(spec, folder)

    def power_on(self) -> None:
        self._heard()
        super().power_on()

    def next_event(self, deadline: float) -> Event | None:
        while True:
            event = super().next_event(min(deadline, time.monotonic() + _LOOK_SECONDS))
            if isinstance(event, ConsoleLine | QmpEvent):
                self._heard()
            if event is not None or self._exited or time.monotonic() >= deadline:
                return event
            self._judge()

    def _heard(self) -> None:
        now = self.cpu_seconds()
        if self._heard_wall:
            self.longest_silence = max(self.longest_silence, now - self._heard_cpu)
        self._heard_cpu, self._heard_wall = now, time.monotonic()

    def _judge(self) -> None:
        cpu, wall = self.cpu_seconds() - self._heard_cpu, time.monotonic() - self._heard_wall
        if cpu < self._bound and wall < WALL_SECONDS:
            return
        first = self._look()
        # Waits for an event rather than sleeps: a machine that prints something has not stood still.
        if (late := super().next_event(time.monotonic() + _BETWEEN_SECONDS)) is not None:
            self._queue.appendleft(late)
            return
        second = self._look()
        report = self.folder / "stand-still.txt"
        head = f"nothing was said for {cpu:.0f} s of QEMU's CPU time, {wall:.0f} s in all, after: {self.last_line()}"
        rounds = "\n".join(f"== {name}\n{words}\n{raw}" for name, (words, raw) in (("first", first), ("later", second)))
        report.write_text(f"{head}\n{rounds}\n")
        later = f"{_BETWEEN_SECONDS:.0f} s later: {second[0]}"
        raise StandStill("\n".join((head, f"at first: {first[0]}", later, f"registers: {report}")))

    def _look(self) -> tuple[str, str]:
        """Returns each CPU's place in words, and all registers as QEMU prints them."""
        raw = self.qmp.human("info registers -a")
        regions = planned_regions([line.text for line in self.lines])
        words = []
        for cpu in parse_registers(raw):
            halted = ", halted" if cpu.halted else ""
            words.append(f"CPU {cpu.number} at {cpu.rip:#x}{halted}: {place(cpu.rip, regions, self._image(cpu.rip))}")
        return "; ".join(words), raw

    def _image(self, address: int) -> str:
        """Names the image at an address in code that runs with virtual equal to physical: firmware, loader,
        decompressor."""
        if address >= min(self.spec.memory_bytes, 2 << 30):
            return ""
        start = max(0, address // _PAGE * _PAGE - _IMAGE_BYTES)
        saved = self.folder / "below-rip.bin"
        self.qmp.execute("pmemsave", val=start, size=address // _PAGE * _PAGE + _PAGE - start, filename=str(saved))
        try:
            return image_at(saved.read_bytes(), start, address, self._known)
        finally:
            saved.unlink()
