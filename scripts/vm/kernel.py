# SPDX-License-Identifier: BSD-2-Clause
"""The kernels and the capture image a rehearsal runs."""

from pathlib import Path

from captureimage import ImageError, bzimage
from vm import disk, tools
from vm.errors import VmError

_SCRIPTS = Path(__file__).resolve().parent.parent
ROOT = _SCRIPTS.parent
LOADER = ROOT / "build" / "lifeboat.efi"


def release(path: Path) -> str:
    """The release a bzImage names itself by; "" for anything else."""
    try:
        return bzimage.read_release(path)
    except ImageError:
        return ""


def default_kernel() -> Path:
    """Debian's cloud kernel, fetched into a cache by scripts/fetch-kernel, which prints its path."""
    words = tools.run(_SCRIPTS / "fetch-kernel").decode().split("\n")
    path = Path(next((word for word in reversed(words) if word.strip()), "").strip())
    if not path.is_file():
        raise VmError(f"scripts/fetch-kernel printed '{path}', which is not a file")
    return path


def make_capture_image(kernel: Path, output: Path) -> None:
    """The capture initramfs for that kernel, saving to the rehearsal's dump disk."""
    tools.run(
        _SCRIPTS / "mkcapture", "--kernel", kernel, "--output", output,
        "--target", f"LABEL={disk.DUMP_LABEL}:/", "--then", "reset",
    )  # fmt: skip
