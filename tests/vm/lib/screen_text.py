# SPDX-License-Identifier: BSD-2-Clause
"""Reads text from a picture of a screen, letter by letter, by the fonts with which it was drawn."""

import gzip
from dataclasses import dataclass
from pathlib import Path

FONTS = [Path(f"/usr/share/consolefonts/spleen-{size}.psfu.gz") for size in ("8x16", "12x24", "16x32")]
_PSF1, _PSF2 = b"\x36\x04", b"\x72\xb5\x4a\x86"
UNKNOWN = "\ufffd"


@dataclass(frozen=True)
class Font:
    width: int
    height: int
    letters: dict[bytes, str]  # by the glyph's pixels, one byte each; 1: set


def read_font(path: Path) -> Font:
    data = gzip.decompress(path.read_bytes())
    if data[:2] == _PSF1:
        start, size, height, width = 4, data[3], data[3], 8
    else:
        assert data[:4] == _PSF2, f"{path}: no console font"
        start, _, _, size, height, width = (int.from_bytes(data[at : at + 4], "little") for at in range(8, 32, 4))
    row = (width + 7) // 8
    letters = {}
    for letter in range(0x20, 0x7F):
        glyph = data[start + letter * size : start + (letter + 1) * size]
        lines = [glyph[y * row : (y + 1) * row] for y in range(height)]
        letters[bytes(line[x // 8] >> (7 - x % 8) & 1 for line in lines for x in range(width))] = chr(letter)
    assert len(letters) == 95, f"{path}: two letters look the same"
    return Font(width, height, letters)


@dataclass(frozen=True)
class Picture:
    """A portable pixmap (ppm(5), raw, 8 bits a colour), as QEMU's screendump writes it."""

    width: int
    height: int
    pixels: bytes  # red, green, blue

    def colors(self) -> set[bytes]:
        return {self.pixels[at : at + 3] for at in range(0, len(self.pixels), 3)}

    def rows(self, font: Font) -> list[str]:
        """Returns the lines of text from the upper left corner on, without blanks at their ends."""
        lit = bytes(any(self.pixels[at : at + 3]) for at in range(0, len(self.pixels), 3))
        rows = []
        for top in range(0, self.height - font.height + 1, font.height):
            lines = [lit[(top + y) * self.width : (top + y + 1) * self.width] for y in range(font.height)]
            cells = (
                b"".join(line[left : left + font.width] for line in lines)
                for left in range(0, self.width - font.width + 1, font.width)
            )
            rows.append("".join(font.letters.get(cell, UNKNOWN) for cell in cells).rstrip())
        return rows


def read_picture(path: Path) -> Picture:
    kind, size, most, pixels = path.read_bytes().split(b"\n", 3)
    assert (kind, most) == (b"P6", b"255"), f"{path}: {kind!r}, {most!r}"
    width, height = map(int, size.split())
    assert len(pixels) == 3 * width * height
    return Picture(width, height, pixels)


def wrapped(lines: list[str], columns: int) -> list[str]:
    """Breaks lines as the capture kernel does: at the last column, wherever that is."""
    return [part for line in lines for part in [line[at : at + columns].rstrip() for at in range(0, max(len(line), 1), columns)]]
