# SPDX-License-Identifier: BSD-2-Clause
"""tests/pe finds the faults that it looks for: the built image has none, and has one after each change."""

import struct
import subprocess
from pathlib import Path

import pytest
from conftest import BUILD, ROOT, build

PE = Path(__file__).resolve().parents[1] / "pe"


def judge(path: Path) -> tuple[int, str]:
    done = subprocess.run([PE, path], capture_output=True, text=True, timeout=60, check=False)
    assert not done.stderr
    return done.returncode, done.stdout


@pytest.mark.parametrize("name", ["lifeboat.efi", "lifeboatx64.efi"])
def test_clean(name):
    assert judge(build(name)) == (0, "")


def test_make_sign_wants_a_key_and_its_certificate(tmp_path):
    words = ["make", "-s", "-C", ROOT, "sign", f"B={BUILD}", f"SIGNED_IN={tmp_path}", "SB_KEY=/none"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "wanted a private key and its certificate" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_signature_is_no_fault(signed):
    assert judge(signed) == (0, "")


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


def _unaligned(image: bytearray) -> None:
    struct.pack_into("<I", image, _header(image) + 24 + 32, 512)


def _unaligned_section(image: bytearray) -> None:
    image[_section(image, b".sbat") + 12] |= 0x40


def _section_in_another(image: bytearray) -> None:
    at = _section(image, b".sbat")
    text = struct.unpack_from("<I", image, _section(image, b".text") + 12)
    struct.pack_into("<I", image, at + 12, *text)


def _section_in_headers(image: bytearray) -> None:
    struct.pack_into("<I", image, _section(image, b".sbat") + 20, 0)


def _entry_in_data(image: bytearray) -> None:
    data = struct.unpack_from("<I", image, _section(image, b".data") + 12)
    struct.pack_into("<I", image, _header(image) + 24 + 16, *data)


def _behind_the_signature(image: bytearray) -> None:
    image += bytes(8)


def _signature_elsewhere(image: bytearray) -> None:
    at = _header(image) + 24 + 144
    where, size = struct.unpack_from("<II", image, at)
    struct.pack_into("<II", image, at, where + 8, size - 8)


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
    (_tail, "and its last section ends at"),
    (_unaligned, "has a SectionAlignment that is 0x200 off a page"),
    (_unaligned_section, ".sbat begins at"),
    (_section_in_another, "(address), inside"),
    (_entry_in_data, "in no section that can be executed"),
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


@pytest.mark.parametrize("change, says", [
    (_more_in_memory, ".data has 16777216 bytes in memory"),
    (_section_in_headers, ".sbat begins at 0x0 (file_at), inside the headers"),
    (_behind_the_signature, "and its last section ends at"),
    (_signature_elsewhere, "has its signatures at"),
], ids=lambda value: getattr(value, "__name__", None))  # fmt: skip
def test_a_fault_of_a_signed_image_is_found(tmp_path, signed, change, says):
    image = bytearray(signed.read_bytes())
    change(image)
    changed = tmp_path / "changed.efi"
    changed.write_bytes(image)
    status, said = judge(changed)
    assert status == 1 and says in said
