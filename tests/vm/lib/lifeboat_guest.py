# SPDX-License-Identifier: BSD-2-Clause
"""lifeboatctl, its programs, its libraries and its units, for the root of a Debian (debian_image.py)."""

from collections.abc import Callable
from pathlib import Path

import host_program
from debian_image import GuestFile

FOLDER = "/usr/local/sbin"
UNITS = ("lifeboat-running.service", "lifeboat-boot-complete.service", "lifeboat-save-failed.service")
_SOURCES = Path(__file__).resolve().parents[3] / "tools/ctl/units"


def guest_files(build: Callable[[str], Path]) -> dict[str, GuestFile]:
    """Where a machine looks for them; `build` gives a file of the build folder."""
    names = ("lifeboatctl", "lifeboat.efi", "lifeboatx64.efi")
    files = {f"{FOLDER[1:]}/{name}": GuestFile(build(name).read_bytes(), 0o755) for name in names}
    units = {f"etc/systemd/system/{name}": GuestFile((_SOURCES / name).read_bytes()) for name in UNITS}
    libraries = {name: GuestFile(data) for name, data in host_program.missing_in_debian(build("lifeboatctl")).items()}
    return files | units | libraries
