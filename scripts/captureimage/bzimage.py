# SPDX-License-Identifier: BSD-2-Clause
"""What the capture image has to know of its kernel (Documentation/x86/boot.rst)."""

import gzip
import os

from . import ImageError

BOOT_FLAG_AT, BOOT_FLAG = 0x1FE, b"\x55\xaa"
MAGIC_AT, MAGIC = 0x202, b"HdrS"
RELEASE_POINTER_AT = 0x20E
RELEASE_BASE = 0x200
HEADER_BYTES = 0x268


def read_release(path):
    """The kernel's release, the first word of its version string, e.g. 6.1.0-56-cloud-amd64."""
    if os.path.isdir(path):
        raise ImageError(f"{path}: a directory, wanted a kernel image (bzImage)")
    try:
        with open(path, "rb") as file:
            data = file.read(64 * 1024)
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror}") from error
    if not data:
        raise ImageError(f"{path}: empty, wanted a kernel image (bzImage)")
    if data[MAGIC_AT : MAGIC_AT + 4] != MAGIC or data[BOOT_FLAG_AT : BOOT_FLAG_AT + 2] != BOOT_FLAG:
        raise ImageError(f"{path}: {_describe(data)}, wanted a kernel image (bzImage with HdrS at 0x202)")
    pointer = int.from_bytes(data[RELEASE_POINTER_AT : RELEASE_POINTER_AT + 2], "little")
    version = data[RELEASE_BASE + pointer :].split(b"\0", 1)
    if len(data) < HEADER_BYTES or pointer == 0 or len(version) < 2 or not version[0].strip():
        raise ImageError(f"{path}: kernel_version points to 0x{RELEASE_BASE + pointer:x}, where there is no version string")
    release = version[0].split()[0].decode("ascii", "replace")
    if "/" in release or not release.isprintable() or release in (".", ".."):
        raise ImageError(f"{path}: the version string names the release {release!r}, which cannot be one")
    return release


def _describe(data):
    if data.startswith(b"\x7fELF"):
        return "an ELF file (vmlinux?)"
    if data.startswith(b"\x1f\x8b"):
        return "a gzip file"
    if data.startswith(b"MZ") and b".linux\0" in data[:4096]:
        return "a unified kernel image (its .linux section is what is needed: objcopy -O binary -j .linux)"
    if data.startswith(b"MZ"):
        return "an EFI program without a kernel's setup header"
    return "not a kernel"


def config_of(kernel, release):
    """The kernel's configuration as a dictionary; empty when it is not to be found beside the kernel."""
    beside = os.path.dirname(os.path.abspath(kernel))
    candidates = [
        os.path.join(beside, f"config-{release}"),
        os.path.join(os.path.dirname(beside), release, "config"),  # of /usr/lib/modules/RELEASE/vmlinuz
    ]
    if os.uname().release == release:
        candidates.append("/proc/config.gz")
    for path in candidates:
        if os.path.isfile(path):
            opener = gzip.open if path.endswith(".gz") else open
            with opener(path, "rt", encoding="utf-8", errors="replace") as file:
                pairs = (line.rstrip("\n").split("=", 1) for line in file if line.startswith("CONFIG_"))
                return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    return {}
