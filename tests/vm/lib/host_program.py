# SPDX-License-Identifier: BSD-2-Clause
"""A program of this host in a guest, with the shared libraries that it asks for."""

import re
import subprocess
from pathlib import Path

# Libraries of lifeboatctl that the root of lib/debian_image.py has not.
NOT_IN_DEBIAN = ("libkdumpfile", "libaddrxlat", "liblzo2", "libsnappy")
_DEBIAN_LIBRARIES = "usr/lib/x86_64-linux-gnu"


def _libraries(program: Path) -> list[Path]:
    """The dynamic linker is one of them."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", said)]


def alone(program: Path) -> dict[str, bytes]:
    """For a guest that has no library: bin/NAME, and all of them by the paths they have here."""
    libraries = {str(path).removeprefix("/"): path.read_bytes() for path in _libraries(program)}
    return libraries | {f"bin/{program.name}": program.read_bytes()}


def missing_in_debian(program: Path) -> dict[str, bytes]:
    """For the Debian of lib/debian_image.py: what it lacks."""
    return {
        f"{_DEBIAN_LIBRARIES}/{path.name}": path.read_bytes()
        for path in _libraries(program)
        if path.name.startswith(NOT_IN_DEBIAN)
    }
