# SPDX-License-Identifier: BSD-2-Clause
"""Memory maps: as a kernel prints them, as boot_params pass them on, and computed by the kernel's rules. Pure
functions, which share nothing with the loader's own arithmetic.

A map is a list of Entry, ordered by address.
"""

import re
import struct
from dataclasses import dataclass

RAM, RESERVED, ACPI, NVS, UNUSABLE, PMEM = 1, 2, 3, 4, 5, 7
SOFT_RESERVED = 0xEFFFFFFF
LOW_END = 1 << 20
ZERO_PAGE_ENTRIES = 128

# arch/x86/kernel/e820.c, e820_print_type().
_TEXTS = {
    "usable": RAM,
    "reserved": RESERVED,
    "ACPI data": ACPI,
    "ACPI NVS": NVS,
    "unusable": UNUSABLE,
    "persistent (type 7)": PMEM,
    "soft reserved": SOFT_RESERVED,
}
_LINE = re.compile(r"(BIOS-e820|extended): \[mem 0x([0-9a-f]{16})-0x([0-9a-f]{16})\] (.+?)\s*$", re.MULTILINE)
_EFI_TABLES = re.compile(r"\befi: (.*=0x.*)")
_EFI_TABLE = re.compile(r"(\w+(?: \d+\.\d+)?)=0x([0-9a-f]+)")

# struct boot_params and struct setup_data, Documentation/arch/x86/boot.rst and zero-page.rst.
_E820_ENTRIES, _E820_TABLE, _SETUP_DATA = 0x1E8, 0x2D0, 0x250
_ENTRY = struct.Struct("<QQI")
_NODE = struct.Struct("<QII")
_SETUP_E820_EXT = 1


@dataclass(frozen=True, order=True)
class Entry:
    start: int
    end: int
    type: int

    def __str__(self) -> str:
        text = next((text for text, number in _TEXTS.items() if number == self.type), f"type {self.type}")
        return f"{self.start:#x}-{self.end:#x} {text}"


def show(entries: list[Entry]) -> str:
    return "\n".join(map(str, entries))


# Read


def printed(log: str, who: str = "BIOS-e820") -> list[Entry]:
    """Returns the map of one kernel's log, from the lines that begin with `who`."""
    found = []
    for said, start, last, text in _LINE.findall(log):
        if said == who:
            number = _TEXTS.get(text) or int(re.fullmatch(r"type (\d+)", text)[1])
            found.append(Entry(int(start, 16), int(last, 16) + 1, number))
    return found


def printed_whole(log: str) -> list[Entry]:
    """Returns the whole map, with the entries that came by setup_data."""
    return printed(log, "extended") or printed(log)


def efi_tables(log: str) -> dict[str, int]:
    """Returns the configuration tables that the kernel lists, by name."""
    return {
        name: int(address, 16)
        for line in _EFI_TABLES.findall(log)
        for name, address in _EFI_TABLE.findall(line)
    }


def from_bytes(data: bytes) -> list[Entry]:
    """Reads an array of struct boot_e820_entry."""
    return [Entry(start, start + size, kind) for start, size, kind in _ENTRY.iter_unpack(data)]


def handed_over(boot_params: bytes, read) -> list[Entry]:
    """Returns the map that a kernel with these boot_params gets. `read(address, bytes)` reads its setup_data."""
    count = boot_params[_E820_ENTRIES]
    entries = from_bytes(boot_params[_E820_TABLE : _E820_TABLE + count * _ENTRY.size])
    (node,) = struct.unpack_from("<Q", boot_params, _SETUP_DATA)
    while node:
        following, kind, count = _NODE.unpack(read(node, _NODE.size))
        if kind == _SETUP_E820_EXT:
            entries += from_bytes(read(node + _NODE.size, count))
        node = following
    return entries


# Compute


def merged(entries: list[Entry]) -> list[Entry]:
    """Joins adjacent entries of one type, except soft-reserved ones (e820_nomerge())."""
    result: list[Entry] = []
    for entry in sorted(entries):
        last = result[-1] if result else None
        if last and last.end == entry.start and last.type == entry.type != SOFT_RESERVED:
            result[-1] = Entry(last.start, entry.end, entry.type)
        else:
            result.append(entry)
    return result


def retyped(entries: list[Entry], start: int, end: int, old: int, new: int) -> list[Entry]:
    """Changes the type in [start, end) from `old` to `new`."""
    result = []
    for entry in entries:
        middle = Entry(max(entry.start, start), min(entry.end, end), new)
        if entry.type != old or middle.start >= middle.end:
            result.append(entry)
            continue
        parts = [Entry(entry.start, middle.start, old), middle, Entry(middle.end, entry.end, old)]
        result += [part for part in parts if part.start < part.end]
    return merged(result)


def second_map(saved: list[Entry], stays: list[tuple[int, int]]) -> list[Entry]:
    """Makes the second kernel's map: RAM below 1 MiB and in `stays` is RAM, other RAM is reserved, the rest is
    unchanged."""
    entries = retyped(saved, LOW_END, 1 << 64, RAM, RESERVED)
    for start, end in stays:
        # Only what was RAM becomes RAM again.
        for ram in ram_of(saved):
            if ram[0] < end and start < ram[1]:
                entries = retyped(entries, max(ram[0], start), min(ram[1], end), RESERVED, RAM)
    return entries


def ram_of(entries: list[Entry]) -> list[tuple[int, int]]:
    return [(entry.start, entry.end) for entry in entries if entry.type == RAM]


def without(ranges: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    """Returns the ranges without [start, end)."""
    pieces = [piece for s, e in ranges for piece in ((s, min(e, start)), (max(s, end), e))]
    return [(s, e) for s, e in pieces if s < e]


def joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorts ranges, and joins those that touch."""
    return [(entry.start, entry.end) for entry in merged([Entry(start, end, RAM) for start, end in ranges])]


def differences(wanted: list[Entry], found: list[Entry]) -> list[tuple[int, int, int | None, int | None]]:
    """Returns (start, end, type wanted, type found) wherever two maps differ; None is a hole."""
    borders = sorted({border for entry in wanted + found for border in (entry.start, entry.end)})
    result: list[tuple[int, int, int | None, int | None]] = []
    for start, end in zip(borders, borders[1:]):
        types = [
            next((entry.type for entry in entries if entry.start <= start < entry.end), None)
            for entries in (wanted, found)
        ]
        if types[0] == types[1]:
            continue
        if result and result[-1][1] == start and list(result[-1][2:]) == types:
            result[-1] = (result[-1][0], end, *types)
        else:
            result.append((start, end, *types))
    return result
