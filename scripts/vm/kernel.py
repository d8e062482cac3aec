# SPDX-License-Identifier: BSD-2-Clause
"""The kernels and the capture image a rehearsal runs."""

import struct
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Header:
    """The fields of a bzImage's setup header that a boot depends on (Documentation/arch/x86/boot.rst)."""

    protocol: int  # 0x20c and up
    init_bytes: int  # that the kernel takes to start


_HEADER_END = 0x264


def read_header(path: Path) -> Header:
    """VmError unless the file is a whole 64-bit bzImage; the loader asks for the same."""
    with path.open("rb") as file:
        data = file.read(_HEADER_END)
    size = path.stat().st_size
    if len(data) < _HEADER_END or data[0x202:0x206] != b"HdrS":
        raise VmError(f"{path}: no Linux bzImage: no HdrS at 0x202")
    (protocol,) = struct.unpack_from("<H", data, 0x206)
    if protocol < 0x20C:
        raise VmError(f"{path}: boot protocol {protocol >> 8}.{protocol & 0xFF:02}, wanted 2.12 or newer")
    (flags,) = struct.unpack_from("<H", data, 0x236)
    if not flags & 1:
        raise VmError(f"{path}: a 32-bit kernel (xloadflags {flags:#x}, wanted bit 0)")
    (sixteenths,) = struct.unpack_from("<I", data, 0x1F4)
    wanted = ((data[0x1F1] or 4) + 1) * 512 + sixteenths * 16
    if size < wanted:
        raise VmError(f"{path}: truncated: {size} bytes, its header says {wanted}")
    return Header(protocol, struct.unpack_from("<I", data, 0x260)[0])


# Sections of a unified kernel image (systemd's stub).
_UKI_PARTS = {".linux": "uki-vmlinuz", ".initrd": "uki-initrd.img", ".cmdline": "uki-cmdline"}


@dataclass(frozen=True)
class Unified:
    kernel: Path
    initrd: Path | None
    arguments: str


def take_apart(path: Path, folder: Path) -> Unified | None:
    """A unified kernel image's kernel, initrd and arguments, written to `folder`; None: it is none."""
    with path.open("rb") as file:
        if file.read(2) != b"MZ" or b".linux\0\0" not in file.read(4096):
            return None
    parts: dict[str, Path] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for section, name in _UKI_PARTS.items():
        (folder / name).unlink(missing_ok=True)
        tools.run("objcopy", "-O", "binary", f"--only-section={section}", path, folder / name)
        if (folder / name).is_file() and (folder / name).stat().st_size:
            parts[section] = folder / name
    if ".linux" not in parts:
        raise VmError(f"{path}: a unified kernel image with an empty .linux section")
    words = parts[".cmdline"].read_bytes().partition(b"\0")[0] if ".cmdline" in parts else b""
    return Unified(parts[".linux"], parts.get(".initrd"), " ".join(words.decode(errors="replace").split()))


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
