# SPDX-License-Identifier: BSD-2-Clause
"""tests/pe finds what it looks for: the built image is clean, and is not after one change."""

import struct
import subprocess
from pathlib import Path

import pytest

PE = Path(__file__).resolve().parents[1] / "pe"


def judge(path: Path) -> tuple[int, str]:
    done = subprocess.run([PE, path], capture_output=True, text=True, timeout=60, check=False)
    assert not done.stderr
    return done.returncode, done.stdout


def test_clean(loader):
    assert judge(loader) == (0, "")


def _header(image: bytearray) -> int:
    return struct.unpack_from("<I", image, 0x3C)[0]


def _section(image: bytearray, name: bytes) -> int:
    return image.index(name.ljust(8, b"\0"), _header(image))


def _no_nx_compat(image: bytearray) -> None:
    struct.pack_into("<H", image, _header(image) + 94, 0)


def _checksum(image: bytearray) -> None:
    struct.pack_into("<I", image, _header(image) + 88, 1)


def _symbols(image: bytearray) -> None:
    struct.pack_into("<I", image, _header(image) + 16, 3)


def _relocations_stripped(image: bytearray) -> None:
    image[_header(image) + 22] |= 1


def _renamed_sbat(image: bytearray) -> None:
    at = _section(image, b".sbat")
    image[at : at + 5] = b".tabs"


def _sbat_line(image: bytearray) -> None:
    at = image.index(b",no address yet")
    image[at] = ord(" ")


def _writable_code(image: bytearray) -> None:
    image[_section(image, b".text") + 39] |= 0x80


def _more_in_memory(image: bytearray) -> None:
    struct.pack_into("<I", image, _section(image, b".data") + 8, 1 << 24)


def _tail(image: bytearray) -> None:
    image += b"tail"


def _no_image(image: bytearray) -> None:
    image[0] = 0


@pytest.mark.parametrize("change, says", [
    (_no_nx_compat, "lacks NX_COMPAT"),
    (_checksum, "has a checksum, want none"),
    (_symbols, "has a symbol table"),
    (_relocations_stripped, "says that its relocations are stripped"),
    (_renamed_sbat, "has 0 sections .sbat, want one"),
    (_sbat_line, ".sbat has the line lifeboat,1,"),
    (_writable_code, ".text can be written and executed"),
    (_more_in_memory, ".data has 16777216 bytes in memory"),
    (_tail, "and its last section ends at"),
    (_no_image, "is no PE image"),
], ids=lambda value: getattr(value, "__name__", None))  # fmt: skip
def test_a_fault_is_found(tmp_path, loader, change, says):
    image = bytearray(loader.read_bytes())
    change(image)
    changed = tmp_path / "changed.efi"
    changed.write_bytes(image)
    status, said = judge(changed)
    assert status == 1 and says in said
    assert len(said.splitlines()) == 1
