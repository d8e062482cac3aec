# SPDX-License-Identifier: BSD-2-Clause
"""Runs the built-in kernel's filter on an ELF dump's pages, and its judges: makedumpfile on the same file, or, for a
kernel that makedumpfile does not support, the dead kernel's own free lists."""

import struct
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from core_memory import CoreMemory
from kdump import PAGE, Kdump
from vm.vmcore import read_vmcore

KERNEL_MAP = 0xFFFFFFFF80000000
# What makedumpfile prints for a kernel that it does not support. It goes on, but its result may be wrong.
NOT_SUPPORTED = "The kernel version is not supported."


class Ours:
    """Calls build/host/filter_verdict, which writes into `folder`."""

    def __init__(self, program: Path, dump: Path, folder: Path):
        self._program, self._dump, self._folder = program, dump, folder

    def __call__(self, level: int, step: int = 32768) -> tuple[dict[str, str], bytes, int]:
        """Returns the output as pairs, the log, and the bitmap of the pages dumped."""
        log, bitmap = self._folder / "log", self._folder / "bitmap"
        command = [self._program, self._dump, str(level), log, bitmap, str(step)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        printed = dict(line.split("=", 1) for line in done.stdout.splitlines())
        return printed, log.read_bytes(), int.from_bytes(bitmap.read_bytes(), "little")


def makedumpfile_s(run_makedumpfile: Callable[..., str], level: int, dump: Path, out: Path) -> int | None:
    """Returns the bitmap of the pages that makedumpfile dumps; None if it does not support the kernel."""
    said = run_makedumpfile("-c", "-d", level, dump, out)
    stored = Kdump(out).stored
    out.unlink()
    return None if NOT_SUPPORTED in said else sum_of_bits(stored)


def sum_of_bits(frames: list[int] | set[int]) -> int:
    """Returns a bitmap with these bits set."""
    bitmap = bytearray(max(frames, default=0) // 8 + 1)
    for frame in frames:
        bitmap[frame // 8] |= 1 << frame % 8
    return int.from_bytes(bitmap, "little")


def frames(bits: int) -> str:
    """Returns the first page frames of `bits` as text for a message."""
    found = []
    while bits and len(found) < 10:
        lowest = bits & -bits
        found.append(hex(lowest.bit_length() - 1))
        bits ^= lowest
    return ", ".join(found)


class FreeLists:
    """The buddy allocator's lists in an ELF dump, followed from SYMBOL(node_data). They have the pages that the
    kernel would hand out next, whatever the struct pages say."""

    def __init__(self, dump: Path):
        self._core = CoreMemory(dump)
        self._info = read_vmcore(dump).vmcoreinfo
        self._cr3 = int(self._info["SYMBOL(swapper_pg_dir)"], 16) - KERNEL_MAP + int(self._info["NUMBER(phys_base)"])
        self._levels = 4 + int(self._info["NUMBER(pgtable_l5_enabled)"])
        self._physical = cache(lambda page: self._core.translate(self._cr3, self._levels, page))
        # With a virtual memory map every section's map begins where the whole one begins. The low bits are
        # flags.
        section = self._u64(self._u64(self._symbol("mem_section")) + self._offset("mem_section.section_mem_map"))
        self._memory_map = section & ~0xFFFFF

    def frames(self) -> set[int]:
        found: set[int] = set()
        for zone in self._zones():
            for order in range(int(self._info["LENGTH(zone.free_area)"])):
                area = zone + self._offset("zone.free_area") + order * self._size("free_area")
                for head in range(int(self._info["LENGTH(free_area.free_list)"])):
                    at = area + self._offset("free_area.free_list") + head * self._size("list_head")
                    for frame in self._list(at):
                        assert frame % (1 << order) == 0, f"a free block of order {order} at frame {frame:#x}"
                        found.update(range(frame, frame + (1 << order)))
        return found

    def _zones(self) -> Iterator[int]:
        for number in range(int(self._info["LENGTH(node_data)"])):
            node = self._u64(self._symbol("node_data") + 8 * number)
            if node:
                zones = self._u64(node + self._offset("pglist_data.nr_zones")) & 0xFFFFFFFF
                for zone in range(zones):
                    yield node + self._offset("pglist_data.node_zones") + zone * self._size("zone")

    def _list(self, head: int) -> Iterator[int]:
        at = self._u64(head + self._offset("list_head.next"))
        while at != head:
            frame, rest = divmod(at - self._offset("page.lru") - self._memory_map, self._size("page"))
            assert rest == 0, f"{at:#x} is no struct page's list"
            yield frame
            at = self._u64(at + self._offset("list_head.next"))

    def _u64(self, virtual: int) -> int:
        return struct.unpack("<Q", self._core.read(self._physical(virtual & -PAGE) + virtual % PAGE, 8))[0]

    def _symbol(self, name: str) -> int:
        return int(self._info[f"SYMBOL({name})"], 16)

    def _offset(self, name: str) -> int:
        return int(self._info[f"OFFSET({name})"])

    def _size(self, name: str) -> int:
        return int(self._info[f"SIZE({name})"])
