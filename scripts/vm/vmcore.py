# SPDX-License-Identifier: BSD-2-Clause
"""Reads the frame of a dump: its format, notes, VMCOREINFO and LIFEBOAT keys.

ELF cores (/proc/vmcore copied, or `makedumpfile -E`) and kdump-compressed files
(makedumpfile's default). Memory itself is not read; that is what crash and drgn
are for. Everything in the file is checked against the file's length.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from vm.errors import VmError

LIFEBOAT_NOTE_TYPE = 0x4C420001
NT_PRSTATUS = 1

_PT_LOAD, _PT_NOTE = 1, 4
_PN_XNUM = 0xFFFF
_EF_INCOMPLETE = 1  # e_flags bit of makedumpfile's ELF files
_DUMP_DH_INCOMPLETE = 0x8  # status bit of the kdump header
# Far more than thousands of CPUs need; a length above it is damage.
_NOTES_MAX = 64 << 20


class VmcoreError(VmError):
    """Not a dump, or a damaged one."""


@dataclass(frozen=True)
class Note:
    name: str
    type: int
    data: bytes


@dataclass(frozen=True)
class Load:
    """A PT_LOAD of an ELF core."""

    offset: int
    virtual: int
    physical: int
    file_bytes: int
    memory_bytes: int


@dataclass
class Vmcore:
    path: Path
    format: str  # "elf" or "kdump"
    file_bytes: int
    notes: list[Note] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)  # ELF only
    incomplete: bool = False
    release: str = ""  # utsname's release in the kdump header, OSRELEASE in an ELF core
    stored_pages: int = 0  # kdump only: set bits of the second bitmap
    level: int | None = None  # kdump only: makedumpfile's -d bits
    lost_pages: int = 0  # kdump only: announced, but without data
    data_end: int = 0  # kdump only: where the last page's data ends

    @property
    def vmcoreinfo(self) -> dict[str, str]:
        return self._keys("VMCOREINFO")

    @property
    def lifeboat(self) -> dict[str, str]:
        """The note the purgatory left: versions, time stamps, layout."""
        return self._keys("LIFEBOAT")

    @property
    def cpu_notes(self) -> list[Note]:
        return [note for note in self.notes if note.name == "CORE" and note.type == NT_PRSTATUS]

    @property
    def purgatory_stages(self) -> dict[str, int]:
        """Time stamp counter at each stage's begin, in the order of time."""
        ticks = {}
        for key, value in self.lifeboat.items():
            if key.upper().startswith("TSC."):
                try:
                    ticks[key[4:].lower()] = int(value, 0)
                except ValueError as error:
                    raise VmcoreError(f"{self.path}: LIFEBOAT note: {key}={value}: not a number") from error
        return dict(sorted(ticks.items(), key=lambda item: item[1]))

    def problems(self) -> list[str]:
        """Why this is not a whole dump of a Linux kernel; empty if it is."""
        found = []
        if self.incomplete:
            found.append("it is marked incomplete")
        if not any(note.name == "VMCOREINFO" for note in self.notes):
            found.append("it has no VMCOREINFO note")
        elif not self.vmcoreinfo.get("OSRELEASE"):
            found.append("its VMCOREINFO has no OSRELEASE")
        if not self.cpu_notes:
            found.append("it has no NT_PRSTATUS note")
        if self.format == "elf":
            if not self.loads:
                found.append("it has no PT_LOAD")
            for load in self.loads:
                if load.offset + load.file_bytes > self.file_bytes:
                    found.append(
                        f"memory at {load.physical:#x} ends at byte {load.offset + load.file_bytes},"
                        f" the file at {self.file_bytes}"
                    )
            return found
        if self.stored_pages == 0:
            found.append("it stores no page")
        if self.lost_pages:
            found.append(f"{self.lost_pages} of its {self.stored_pages} pages have no data")
        if self.data_end > self.file_bytes:
            found.append(f"its pages end at byte {self.data_end}, the file at {self.file_bytes}")
        return found

    def _keys(self, name: str) -> dict[str, str]:
        for note in self.notes:
            if note.name == name:
                return parse_keys(note.data)
        return {}


def parse_keys(data: bytes) -> dict[str, str]:
    """KEY=VALUE lines as in VMCOREINFO; other lines are passed over."""
    keys = {}
    for line in data.split(b"\0", 1)[0].decode("utf-8", "replace").splitlines():
        key, equals, value = line.partition("=")
        if equals:
            keys[key.strip()] = value.strip()
    return keys


def parse_notes(data: bytes, origin: str) -> list[Note]:
    """Elf64_Nhdr records, each part padded to 4 bytes; an all-zero header ends them."""
    notes, offset = [], 0
    while offset + 12 <= len(data):
        name_bytes, desc_bytes, kind = struct.unpack_from("<III", data, offset)
        if name_bytes == 0 and desc_bytes == 0 and kind == 0:
            break
        name_at = offset + 12
        desc_at = name_at + (name_bytes + 3 & ~3)
        if desc_at + desc_bytes > len(data):
            raise VmcoreError(
                f"{origin}: note at byte {offset} of its notes: name of {name_bytes} and content of"
                f" {desc_bytes} bytes, only {len(data) - name_at} are there"
            )
        name = data[name_at : name_at + name_bytes].rstrip(b"\0").decode("latin-1")
        notes.append(Note(name, kind, data[desc_at : desc_at + desc_bytes]))
        offset = desc_at + (desc_bytes + 3 & ~3)
    return notes


def _read(file: BinaryIO, path: Path, offset: int, count: int, what: str) -> bytes:
    if count > _NOTES_MAX:
        raise VmcoreError(f"{path}: {what}: {count} bytes; at most {_NOTES_MAX} are believed")
    file.seek(offset)
    data = file.read(count)
    if len(data) != count:
        raise VmcoreError(f"{path}: {what}: {count} bytes wanted at {offset}, the file holds {len(data)} of them")
    return data


def _read_elf(file: BinaryIO, path: Path, size: int) -> Vmcore:
    header = _read(file, path, 0, 64, "ELF header")
    if header[4] != 2 or header[5] != 1:
        raise VmcoreError(f"{path}: ELF class {header[4]}, data {header[5]}; 64-bit little endian (2, 1) is wanted")
    kind, machine = struct.unpack_from("<HH", header, 16)
    if (kind, machine) != (4, 62):
        raise VmcoreError(f"{path}: ELF type {kind}, machine {machine}; an x86-64 core (4, 62) is wanted")
    phoff, shoff, flags = struct.unpack_from("<QQI", header, 32)
    phentsize, phnum = struct.unpack_from("<HH", header, 54)
    if phnum == _PN_XNUM:
        phnum = struct.unpack_from("<I", _read(file, path, shoff, 64, "first section header"), 44)[0]
    if phentsize != 56:
        raise VmcoreError(f"{path}: program headers of {phentsize} bytes; 56 are wanted")
    table = _read(file, path, phoff, phnum * 56, "program headers")
    core = Vmcore(path, "elf", size, incomplete=bool(flags & _EF_INCOMPLETE))
    for index in range(phnum):
        ptype, _, offset, virtual, physical, filesz, memsz, _ = struct.unpack_from("<IIQQQQQQ", table, index * 56)
        if ptype == _PT_NOTE:
            core.notes += parse_notes(_read(file, path, offset, filesz, "notes"), str(path))
        elif ptype == _PT_LOAD:
            core.loads.append(Load(offset, virtual, physical, filesz, memsz))
    core.release = core.vmcoreinfo.get("OSRELEASE", "")
    return core


def _read_kdump(file: BinaryIO, path: Path, size: int) -> Vmcore:
    header = _read(file, path, 0, 464, "kdump header")
    version = struct.unpack_from("<i", header, 8)[0]
    if version < 4:
        raise VmcoreError(f"{path}: kdump header version {version}; 4 or later, which has notes, is wanted")
    status, block_bytes, sub_blocks, bitmap_blocks = struct.unpack_from("<IiiI", header, 424)
    if block_bytes != 4096 or sub_blocks < 1:
        raise VmcoreError(f"{path}: blocks of {block_bytes} bytes, {sub_blocks} of sub header; 4096 and 1 or more")
    sub = _read(file, path, block_bytes, 104, "kdump sub header")
    level = struct.unpack_from("<i", sub, 8)[0]
    note_offset, note_bytes = struct.unpack_from("<QQ", sub, 48)
    core = Vmcore(path, "kdump", size, incomplete=bool(status & _DUMP_DH_INCOMPLETE), level=level)
    core.release = header[142:207].split(b"\0", 1)[0].decode("latin-1")
    core.notes = parse_notes(_read(file, path, note_offset, note_bytes, "notes"), str(path))
    # Two bitmaps of equal size: memory there is, then pages stored here.
    half = bitmap_blocks // 2 * block_bytes
    bitmap = (1 + sub_blocks) * block_bytes + half
    for part in _parts(file, path, bitmap, half, "bitmap"):
        core.stored_pages += int.from_bytes(part, "little").bit_count()
    # One page_desc of 24 bytes for each: offset, size, two words of flags.
    table = (1 + sub_blocks + bitmap_blocks) * block_bytes
    for part in _parts(file, path, table, core.stored_pages * 24, "page descriptors"):
        for offset, bytes_stored, _, _ in struct.iter_unpack("<QIIQ", part):
            core.lost_pages += offset == 0
            core.data_end = max(core.data_end, offset + bytes_stored)
    return core


def _parts(file: BinaryIO, path: Path, offset: int, count: int, what: str) -> Iterator[bytes]:
    end = offset + count
    while offset < end:
        part = min(end - offset, 24 << 15)
        yield _read(file, path, offset, part, what)
        offset += part


def read_vmcore(path: Path) -> Vmcore:
    """The dump's frame; VmcoreError says what is wrong with the file."""
    try:
        size = path.stat().st_size
        with open(path, "rb") as file:
            magic = file.read(16)
            if magic.startswith(b"\x7fELF"):
                return _read_elf(file, path, size)
            if magic.startswith(b"KDUMP   "):
                return _read_kdump(file, path, size)
    except OSError as error:
        raise VmcoreError(f"{path}: {error.strerror}") from error
    if magic.startswith(b"makedumpfile"):
        raise VmcoreError(f"{path}: a flattened dump; rearrange it first with makedumpfile -R")
    raise VmcoreError(f"{path}: begins with {magic[:8]!r}; an ELF core or a kdump-compressed file is wanted")
