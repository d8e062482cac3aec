# SPDX-License-Identifier: BSD-2-Clause
"""Makes an ELF core from a kernel's file: the machine's memory if the kernel were loaded where it is linked, and had
not run yet."""

import ctypes
import ctypes.util
import lzma
import struct
import subprocess
import zlib
from pathlib import Path

_KERNEL_MAP = 0xFFFFFFFF80000000
_PHYSICAL = 0x1000000
_TABLES = 0x2000  # and the three pages behind it
_LARGE = 2 << 20
_RW, _RW_LARGE = 0x3, 0x83


def _unzstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout


def _unlz4(data: bytes) -> bytes:
    """Decompresses the legacy format: blocks of 8 MiB, each behind its size. systemd's libraries need the
    library."""
    decompress = ctypes.CDLL(ctypes.util.find_library("lz4") or "liblz4.so.1").LZ4_decompress_safe
    room, out, at = ctypes.create_string_buffer(8 << 20), b"", 4
    while at + 4 < len(data):
        count = struct.unpack_from("<I", data, at)[0]
        got = decompress(data[at + 4 : at + 4 + count], room, count, len(room))
        assert got > 0, f"lz4: {got} for the block at {at}"
        out += room.raw[:got]
        at += 4 + count
    return out


def _vmlinux(vmlinuz: Path) -> bytes:
    """Returns the kernel's ELF file, from payload_offset and payload_length (Documentation/arch/x86/boot.rst)."""
    data = vmlinuz.read_bytes()
    start = ((data[0x1F1] or 4) + 1) * 512
    offset, count = struct.unpack_from("<II", data, 0x248)
    payload = data[start + offset : start + offset + count]
    if payload[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor().decompress(payload)
    if payload[:2] == b"\x1f\x8b":
        return zlib.decompressobj(31).decompress(payload)
    if payload[:4] == b"\x02\x21\x4c\x18":
        return _unlz4(payload[:-4])  # the last 4 bytes are the uncompressed size
    assert payload[:4] == b"\x28\xb5\x2f\xfd", f"{vmlinuz}: compressed by {payload[:6]!r}"
    return _unzstd(payload[:-4])


def _image(elf: bytes) -> tuple[int, bytes]:
    """Returns (address at which it is linked, the bytes from there on)."""
    table, count = struct.unpack_from("<Q", elf, 32)[0], struct.unpack_from("<H", elf, 56)[0]
    headers = [struct.unpack_from("<IIQQQQQQ", elf, table + 56 * index) for index in range(count)]
    loads = [header for header in headers if header[0] == 1 and header[3] >= _KERNEL_MAP]
    start, end = min(load[3] for load in loads), max(load[3] + load[6] for load in loads)
    image = bytearray(-(-(end - start) // _LARGE) * _LARGE)
    for _, _, offset, virtual, _, in_file, _, _ in loads:
        image[virtual - start : virtual - start + in_file] = elf[offset : offset + in_file]
    return start, bytes(image)


def _page_tables(start: int, count: int) -> bytes:
    """Makes page tables: the image at _PHYSICAL, and physical 0 to 1 GiB as direct map."""
    top, direct, high, pages = ([0] * 512 for _ in range(4))
    top[0x111] = _TABLES + 0x1000 | _RW
    top[511] = _TABLES + 0x2000 | _RW
    direct[0] = _RW_LARGE
    high[510] = _TABLES + 0x3000 | _RW
    for index in range(count // _LARGE):
        pages[(start - _KERNEL_MAP) // _LARGE + index] = _PHYSICAL + index * _LARGE | _RW_LARGE
    return b"".join(struct.pack("<512Q", *table) for table in (top, direct, high, pages))


def write_image_core(vmlinuz: Path, core: Path) -> None:
    start, image = _image(_vmlinux(vmlinuz))
    phys_base = _PHYSICAL - (start - _KERNEL_MAP)
    keys = {
        "OSRELEASE": "file", "BUILD-ID": "00", "PAGESIZE": 4096, "SYMBOL(swapper_pg_dir)": f"{_TABLES - phys_base + _KERNEL_MAP:x}",
        "NUMBER(phys_base)": phys_base, "NUMBER(pgtable_l5_enabled)": 0,
    }  # fmt: skip
    text = "".join(f"{key}={value}\n" for key, value in keys.items()).encode()
    note = struct.pack("<III12s", 11, len(text), 0, b"VMCOREINFO") + text + bytes(-len(text) % 4)
    ram = bytes(_TABLES) + _page_tables(start, len(image))
    ram = ram.ljust(_PHYSICAL, b"\0") + image
    headers = 64 + 2 * 56
    at = -(-(headers + len(note)) // 4096) * 4096
    table = struct.pack("<IIQQQQQQ", 4, 0, headers, 0, 0, len(note), len(note), 0)
    table += struct.pack("<IIQQQQQQ", 1, 7, at, 0, 0, len(ram), len(ram), 0)
    ident = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)
    ehdr = ident + struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    core.write_bytes((ehdr + table + note).ljust(at, b"\0") + ram)
