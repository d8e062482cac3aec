# SPDX-License-Identifier: BSD-2-Clause
"""Physical memory as an ELF core has it, and a walk of its page tables."""

import mmap
import struct
from pathlib import Path

from stopped import PHYS_BITS
from vm.vmcore import Load, read_vmcore

_PRESENT, _LARGE = 1, 1 << 7
_ADDRESS_BITS = (1 << PHYS_BITS) - 4096


class CoreMemory:
    def __init__(self, path: Path):
        # Read by headers alone, because QEMU's core has no VMCOREINFO.
        self.loads = read_vmcore(path).loads
        with open(path, "rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def of(self, load: Load, start: int, count: int) -> memoryview:
        at = load.offset + start - load.physical
        return memoryview(self._map)[at : at + count]

    def read(self, start: int, count: int) -> memoryview:
        for load in self.loads:
            if load.physical <= start and start + count <= load.physical + load.file_bytes:
                return self.of(load, start, count)
        raise AssertionError(f"{start:#x}, {count} bytes: not in the core")

    def number(self, start: int) -> int:
        return struct.unpack("<Q", self.read(start, 8))[0]

    def translate(self, cr3: int, levels: int, virtual: int) -> int:
        """Walks the dead kernel's own tables; returns the physical address."""
        table = cr3 & _ADDRESS_BITS
        for level in reversed(range(levels)):
            shift = 12 + 9 * level
            entry = self.number(table + 8 * (virtual >> shift & 511))
            assert entry & _PRESENT, f"{virtual:#x} is not mapped at level {level + 1}"
            if level == 0 or (level < 3 and entry & _LARGE):
                mask = (1 << shift) - 1
                return (entry & _ADDRESS_BITS & ~mask) | (virtual & mask)
            table = entry & _ADDRESS_BITS
        raise AssertionError("unreachable")
