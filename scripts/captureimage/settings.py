# SPDX-License-Identifier: BSD-2-Clause
"""The settings an image is born with; lifeboat.* on the kernel's command line overrides them."""

import re

from . import ImageError

TARGET_FORMS = "/dev/NAME, /dev/NAME:/DIR, LABEL=NAME:/DIR, UUID=NAME:/DIR or tcp:IPV4:PORT"
_WORD = r"[A-Za-z0-9._+@%-]"
_DEVICE = rf"/dev/{_WORD}+(?:/{_WORD}+)*"
_FOLDER = rf"/(?:{_WORD}+/?)*"
_FILESYSTEM = re.compile(rf"(?:{_DEVICE}|(?:LABEL|UUID)={_WORD}+):{_FOLDER}")
_TCP = re.compile(r"tcp:(\d+\.\d+\.\d+\.\d+):(\d+)")


def check_target(spec):
    if re.fullmatch(_DEVICE, spec) or (_FILESYSTEM.fullmatch(spec) and ".." not in spec.split(":", 1)[1].split("/")):
        return spec
    tcp = _TCP.fullmatch(spec)
    if tcp and 0 < int(tcp[2]) < 65536 and all(int(part) < 256 for part in tcp[1].split(".")):
        return spec
    raise ImageError(f"--target {spec}: wanted {TARGET_FORMS} (no blanks; a host by its IPv4 address, there is no resolver)")


def choose_compression(asked, supported, makedumpfile):
    """lzo unless told otherwise: fast, and read by crash, drgn and gdb's readers alike."""
    if asked is None:
        return "lzo" if "lzo" in supported else "zlib"
    if asked not in supported:
        raise ImageError(f"--compress {asked}: {makedumpfile} was built without it, it has: {', '.join(supported)}")
    return asked


def render(options):
    """The file /etc/lifeboat.conf. All values passed a check that leaves no quote in them."""
    return "".join(f"{key}='{value}'\n" for key, value in options).encode()
