# SPDX-License-Identifier: BSD-2-Clause
"""lifeboatctl, its programs, its libraries and its units, for the root of a Debian (debian_image.py)."""

from collections.abc import Callable
from pathlib import Path

import host_program
from debian_image import GuestFile

FOLDER = "/usr/local/sbin"
UNITS = ("lifeboat-running.service", "lifeboat-boot-complete.service", "lifeboat-save-failed.service")
_ROOT = Path(__file__).resolve().parents[3]
_SOURCES = _ROOT / "tools/ctl/units"


def guest_files(build: Callable[[str], Path]) -> dict[str, GuestFile]:
    """Where a machine looks for them; `build` gives a file of the build folder."""
    names = ("lifeboatctl", "lifeboat.efi", "lifeboatx64.efi")
    files = {f"{FOLDER[1:]}/{name}": _program(build, name) for name in names}
    units = {f"etc/systemd/system/{name}": GuestFile((_SOURCES / name).read_bytes()) for name in UNITS}
    return files | units | libraries(build)


def libraries(build: Callable[[str], Path]) -> dict[str, GuestFile]:
    """lifeboatctl's, that no Debian has without it."""
    return {name: GuestFile(data) for name, data in host_program.missing_in_debian(build("lifeboatctl")).items()}


def saver_files(build: Callable[[str], Path]) -> dict[str, GuestFile]:
    """lifeboat-save, and what has systemd start it for each partition of Lifeboat's: as docs/capture.md installs it."""
    scripts = _ROOT / "scripts"
    units = {f"etc/systemd/system/{path.name}": GuestFile(path.read_bytes()) for path in scripts.glob("*.service")}
    return units | {
        f"{FOLDER[1:]}/lifeboat-save": _program(build, "lifeboat-save"),
        "etc/udev/rules.d/90-lifeboat-save.rules": GuestFile((scripts / "90-lifeboat-save.rules").read_bytes()),
    }


def _program(build: Callable[[str], Path], name: str) -> GuestFile:
    return GuestFile(build(name).read_bytes(), 0o755)
