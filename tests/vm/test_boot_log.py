# SPDX-License-Identifier: BSD-2-Clause
"""Tests of boot_log.py, which judges memory maps."""

import struct

import boot_log
from boot_log import Entry


def test_reads_and_computes():
    """Reads a kernel's lines, and applies the rules to a map made for them."""
    log = (
        "[    0.000000] BIOS-provided physical RAM map:\n"
        "[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable\n"
        "[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] soft reserved\n"
        "[    0.000000] BIOS-e820: [mem 0x0000000000200000-0x00000000002fffff] type 20\n"
        "[    0.000000] efi: ACPI=0x7f77e000 ACPI 2.0=0x7f77e014 INITRD=0x7e9a0018 \n"
    )
    low, soft, odd = Entry(0, 0xA0000, 1), Entry(1 << 20, 2 << 20, boot_log.SOFT_RESERVED), Entry(2 << 20, 3 << 20, 20)
    assert boot_log.printed_whole(log) == [low, soft, odd]
    assert boot_log.efi_tables(log) == {"ACPI": 0x7F77E000, "ACPI 2.0": 0x7F77E014, "INITRD": 0x7E9A0018}
    saved = [low, soft, Entry(16 << 20, 32 << 20, 1), Entry(32 << 20, 33 << 20, 4)]
    assert boot_log.second_map(saved, [(20 << 20, 24 << 20)]) == [
        low, soft, Entry(16 << 20, 20 << 20, 2), Entry(20 << 20, 24 << 20, 1), Entry(24 << 20, 32 << 20, 2), saved[3],
    ]  # fmt: skip
    assert boot_log.differences(saved, boot_log.retyped(saved, 16 << 20, 17 << 20, 1, 3)) == [
        (16 << 20, 17 << 20, 1, 3)
    ]
    assert boot_log.without([(0, 10)], 4, 6) == [(0, 4), (6, 10)]
    assert boot_log.joined([(4, 6), (0, 4), (7, 9)]) == [(0, 6), (7, 9)]


def test_reads_boot_params():
    """Reads a zero page with two entries, and setup_data with one more entry behind a node of another kind."""
    memory = {0x5000: struct.pack("<QII", 0x6000, 9, 4) + b"seed"}
    memory[0x6000] = struct.pack("<QII", 0, 1, 20) + struct.pack("<QQI", 0x200000, 0x1000, 4)
    page = bytearray(4096)
    page[0x1E8] = 2
    struct.pack_into("<Q", page, 0x250, 0x5000)
    struct.pack_into("<QQIQQI", page, 0x2D0, 0, 0x1000, 2, 0x1000, 0x9F000, 1)

    def read(address: int, count: int) -> bytes:
        base = address & ~0xFFF
        return memory[base][address - base : address - base + count]

    assert boot_log.handed_over(bytes(page), read) == [
        Entry(0, 0x1000, 2), Entry(0x1000, 0xA0000, 1), Entry(0x200000, 0x201000, 4),
    ]  # fmt: skip
