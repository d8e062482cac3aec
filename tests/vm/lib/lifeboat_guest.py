# SPDX-License-Identifier: BSD-2-Clause
"""lifeboatctl, its programs, libraries and units, for the root of a Debian (debian_image.py)."""

from collections.abc import Callable
from pathlib import Path

import host_program
from debian_image import GuestFile

FOLDER = "/usr/local/sbin"
UNITS = ("lifeboat-running.service", "lifeboat-boot-complete.service", "lifeboat-save-failed.service")
_ROOT = Path(__file__).resolve().parents[3]
_SOURCES = _ROOT / "tools/ctl/units"


def guest_files(build: Callable[[str], Path]) -> dict[str, GuestFile]:
    """Returns the files at the places where a machine looks for them. `build` returns a file of the build folder."""
    names = ("lifeboatctl", "lifeboat.efi", "lifeboatx64.efi")
    files = {f"{FOLDER[1:]}/{name}": _program(build, name) for name in names}
    units = {f"etc/systemd/system/{name}": GuestFile((_SOURCES / name).read_bytes()) for name in UNITS}
    return files | units | libraries(build)


def libraries(build: Callable[[str], Path]) -> dict[str, GuestFile]:
    """Returns the libraries of lifeboatctl that a Debian does not have by default."""
    return {name: GuestFile(data) for name, data in host_program.missing_in_debian(build("lifeboatctl")).items()}


def saver_files(build: Callable[[str], Path]) -> dict[str, GuestFile]:
    """Returns lifeboat-save, and the units that start it for each partition for dumps, as docs/capture.md installs
    them."""
    scripts = _ROOT / "scripts"
    units = {f"etc/systemd/system/{path.name}": GuestFile(path.read_bytes()) for path in scripts.glob("*.service")}
    return units | {
        f"{FOLDER[1:]}/lifeboat-save": _program(build, "lifeboat-save"),
        "etc/udev/rules.d/90-lifeboat-save.rules": GuestFile((scripts / "90-lifeboat-save.rules").read_bytes()),
    }


def _program(build: Callable[[str], Path], name: str) -> GuestFile:
    return GuestFile(build(name).read_bytes(), 0o755)
