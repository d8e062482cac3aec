# SPDX-License-Identifier: BSD-2-Clause
"""Takes a program of this host into a guest, with the shared libraries that it needs."""

import re
import subprocess
from pathlib import Path

# Libraries of lifeboatctl that the root of lib/debian_image.py lacks.
NOT_IN_DEBIAN = ("libkdumpfile", "libaddrxlat", "liblzo2", "libsnappy")
_DEBIAN_LIBRARIES = "usr/lib/x86_64-linux-gnu"


def _libraries(program: Path) -> list[Path]:
    """Returns the program's libraries, the dynamic linker among them."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", said)]


def alone(program: Path) -> dict[str, bytes]:
    """Returns the files for a guest without libraries: bin/NAME, and each library by its path on this host."""
    libraries = {str(path).removeprefix("/"): path.read_bytes() for path in _libraries(program)}
    return libraries | {f"bin/{program.name}": program.read_bytes()}


def missing_in_debian(program: Path) -> dict[str, bytes]:
    """Returns the libraries that the Debian of lib/debian_image.py lacks."""
    return {
        f"{_DEBIAN_LIBRARIES}/{path.name}": path.read_bytes()
        for path in _libraries(program)
        if path.name.startswith(NOT_IN_DEBIAN)
    }
