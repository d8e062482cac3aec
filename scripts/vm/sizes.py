# SPDX-License-Identifier: BSD-2-Clause
"""Sizes as people write them."""

import re

from vm.errors import VmError

_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


def parse_size(text: str) -> int:
    """Bytes of "2G", "512M", "1536m" or a plain number of bytes."""
    match = re.fullmatch(r"(\d+)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not match:
        raise VmError(f"size '{text}': not a number with an optional K, M, G or T")
    return int(match[1]) << _UNITS[match[2].upper()]


def format_size(count: int) -> str:
    """The largest unit that keeps three digits or so: 18.4 MiB."""
    value, unit = float(count), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{count} bytes" if unit == "bytes" else f"{value:.1f} {unit}"
