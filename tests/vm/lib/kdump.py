# SPDX-License-Identifier: BSD-2-Clause
"""Reads pages of a kdump-compressed file, to compare them, and makes an ELF core from a flat RAM image, for
makedumpfile to judge."""

import bisect
import ctypes
import ctypes.util
import functools
import mmap
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

PAGE = 4096
ZLIB, ZSTD = 1, 0x20
_DESC = struct.Struct("<QIIQ")


@functools.cache
def _libzstd() -> ctypes.CDLL:
    """Returns libzstd, which every Debian has."""
    library = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    library.ZSTD_decompress.restype = ctypes.c_size_t
    library.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    return library


def _unzstd(data: bytes) -> bytes:
    room = ctypes.create_string_buffer(PAGE)
    got = _libzstd().ZSTD_decompress(room, PAGE, data, len(data))
    assert got == PAGE, f"zstd: {got} for a page of {len(data)} compressed bytes"
    return room.raw


def set_bits(bitmap: bytes) -> Iterator[int]:
    for at, byte in enumerate(bitmap):
        while byte:
            yield at * 8 + (byte & -byte).bit_length() - 1
            byte &= byte - 1


class Kdump:
    def __init__(self, path: Path):
        with open(path, "rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        assert self._map[:8] == b"KDUMP   "
        self.status, block, sub_blocks, bitmap_blocks = struct.unpack_from("<IiiI", self._map, 424)
        assert block == PAGE
        half = bitmap_blocks // 2 * PAGE
        start = (1 + sub_blocks) * PAGE
        self.ram = list(set_bits(self._map[start : start + half]))
        self.stored = list(set_bits(self._map[start + half : start + 2 * half]))
        self._table = start + 2 * half
        note_offset, note_bytes = struct.unpack_from("<QQ", self._map, PAGE + 48)
        self.notes = self._map[note_offset : note_offset + note_bytes]

    def descs(self) -> Iterator[tuple[int, int, int, int]]:
        """Yields (page frame, offset, bytes, flags) of each stored page. Offset 0 means that the page is lost."""
        table = self._map[self._table : self._table + _DESC.size * len(self.stored)]
        for frame, (offset, count, flags, _) in zip(self.stored, _DESC.iter_unpack(table), strict=True):
            yield frame, offset, count, flags

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Yields (page frame, its 4096 bytes) of each stored page."""
        for frame, offset, count, flags in self.descs():
            data = self._map[offset : offset + count]
            assert len(data) == count and 0 < count <= PAGE, f"frame {frame:#x}: {count} bytes at {offset}"
            if flags & ZSTD:
                data = _unzstd(data)
            elif flags & ZLIB:
                data = zlib.decompress(data)
            assert len(data) == PAGE, f"frame {frame:#x}: {len(data)} bytes, flags {flags:#x}"
            yield frame, data


def runs(frames: list[int]) -> list[tuple[int, int]]:
    """Returns [start, end) of consecutive frames. `frames` is sorted."""
    found: list[tuple[int, int]] = []
    for frame in frames:
        if found and found[-1][1] == frame:
            found[-1] = (found[-1][0], frame + 1)
        else:
            found.append((frame, frame + 1))
    return found


def unpack_core(path: Path, core: Path) -> None:
    """Writes the kdump-compressed file as an ELF core of all RAM. A page that is not stored becomes a hole of
    zeroes."""
    kdump = Kdump(path)
    ranges = runs(kdump.ram)
    at = -(-(64 + 56 * (len(ranges) + 1) + len(kdump.notes)) // PAGE) * PAGE
    notes_at = 64 + 56 * (len(ranges) + 1)
    table = [struct.pack("<IIQQQQQQ", 4, 0, notes_at, 0, 0, len(kdump.notes), len(kdump.notes), 0)]
    places = {}
    for start, end in ranges:
        count = (end - start) * PAGE
        table.append(struct.pack("<IIQQQQQQ", 1, 7, at, start * PAGE, start * PAGE, count, count, 0))
        places[start] = at
        at += count
    ident = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)
    ehdr = ident + struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, len(table), 0, 0, 0)
    starts = sorted(places)
    with open(core, "wb") as file:
        file.write(ehdr + b"".join(table) + kdump.notes)
        for frame, data in kdump.pages():
            start = starts[bisect.bisect_right(starts, frame) - 1]
            file.seek(places[start] + (frame - start) * PAGE)
            file.write(data)
        file.truncate(at)


def write_core(path: Path, image: Path, ram: list[tuple[int, int]], notes: bytes, page_offset: int,
               text: tuple[int, int, int]) -> None:  # fmt: skip
    """Writes a core like /proc/vmcore: `ram` in frames, taken from the flat `image`. `text`: virtual address,
    physical address and size of the kernel's image."""
    loads = [(page_offset + start * PAGE, start * PAGE, (end - start) * PAGE) for start, end in ram]
    headers = 64 + 56 * (len(loads) + 2)
    at = -(-(headers + len(notes)) // PAGE) * PAGE
    out = [struct.pack("<IIQQQQQQ", 4, 0, headers, 0, 0, len(notes), len(notes), 0)]
    places, file_at = [], at
    for virtual, physical, count in loads:
        out.append(struct.pack("<IIQQQQQQ", 1, 7, file_at, virtual, physical, count, count, 0))
        places.append((file_at, physical, count))
        file_at += count
    virtual, physical, count = text
    holder = next(place for place in places if place[1] <= physical and physical + count <= place[1] + place[2])
    text_at = holder[0] + physical - holder[1]
    out.insert(1, struct.pack("<IIQQQQQQ", 1, 7, text_at, virtual, physical, count, count, 0))
    ident = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)
    ehdr = ident + struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, len(out), 0, 0, 0)
    with open(image, "rb") as source, open(path, "wb") as core:
        core.write((ehdr + b"".join(out) + notes).ljust(at, b"\0"))
        for place, physical, count in places:
            core.seek(place)
            source.seek(physical)
            while count:
                data = source.read(min(count, 1 << 20))
                core.write(data)
                count -= len(data)
