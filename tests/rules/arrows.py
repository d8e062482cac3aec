# SPDX-License-Identifier: BSD-2-Clause
"""Arrows point down: which room may include which."""

import fnmatch
from collections.abc import Iterator

from . import c
from .tree import Tree, folder

_BASE = ("include/lifeboat", "lib")
_PLAN = (*_BASE, "pgtable", "crash/plan")
_BARE = (*_PLAN, "crash/dead", "crash/bare")
_DISK = (*_BARE, "crash/platform", "crash/disk")
_REPORT = ("crash/dead", "crash/report")
# crash/disk/ without its drivers, which need the capture kernel's machine.
_PARTITION = (
    "crash/disk/gpt.h", "crash/disk/dump_header.h", "crash/disk/target_kind.h",
    "crash/disk/extents.h", "crash/disk/file_map.h", "crash/disk/stamp.h",
)  # fmt: skip

# How the capture kernel will reach a disk's function. The loader tries it when it arms.
_PCI = (
    "crash/bare/pci_config.h",
    "crash/bare/pci_bridges.h",
    "crash/bare/pci_registers.h",
    "crash/bare/pci_uart.h",
    "crash/disk/target_function.h",
)

# The rooms from the bottom up. For each room, or pattern of rooms: the rooms or single headers that it may
# include besides itself. Nothing outside may include crash/capture/, loader/, purgatory/, tools/ or tests/.
# crash/dead/ reads hostile input without a machine. purgatory/ knows neither loader nor capture kernel.
ROOMS = {
    "include/lifeboat": (),
    "lib": ("include/lifeboat",),
    "pgtable": _BASE,
    "crash/crypt": _BASE,
    "crash/plan": (*_BASE, "pgtable"),
    "crash/dead": _PLAN,
    "crash/report": (*_PLAN, "crash/dead"),
    "crash/bare": (*_PLAN, "crash/dead"),
    "crash/platform": _BARE,
    "crash/disk": (*_BARE, "crash/platform"),
    "crash/dump": (*_DISK, "crash/crypt"),
    "crash/capture": (*_DISK, "crash/crypt", "crash/report", "crash/dump"),
    "purgatory": _BARE,
    "loader/options": (*_PLAN, "crash/crypt", *_PARTITION),
    "loader/hook": (*_BASE, "crash/plan"),
    "loader": (*_PLAN, "crash/crypt", *_PARTITION, *_PCI, "loader/options", "loader/hook"),
    "tools/common": _PLAN,
    "tools/ctl": (*_PLAN, "crash/crypt", *_REPORT, *_PARTITION, "loader/options", "tools/common", "tools/report", "tools/save"),
    "tools/*": (*_PLAN, "crash/crypt", *_REPORT, *_PARTITION, "tools/common"),
}
# Arrows do not apply here: tests look into every room.
_TESTS = "tests"

# Headers in <>. A compiler has the first group without a libc. The second group has layouts without
# functions.
_FREESTANDING = ("limits.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h")
_LAYOUTS = ("asm/bootparam.h", "elf.h", "linux/screen_info.h")
_LIBC = ("[!e]*.h", "errno.h")
_SYSTEM = {
    "lib": ("immintrin.h",),
    "crash/crypt": ("bearssl.h",),
    "crash/dump": ("zlib.h", "zstd.h"),
    "loader": ("efi*.h",),
    "loader/hook": ("efi*.h",),
    "tools/common": _LIBC,
    "tools/ctl": (*_LIBC, "efivar/*.h"),
    "tools/*": _LIBC,
}

LISTED = [*(room for room in ROOMS if "*" not in room), *_PARTITION]


def _room(place: str) -> str | None:
    if place == _TESTS or place.startswith(_TESTS + "/"):
        return _TESTS
    level = place.count("/")
    return next((room for room in ROOMS if fnmatch.fnmatchcase(place, room) and level == room.count("/")), None)


def _system_headers(room: str) -> tuple[str, ...]:
    return (*_FREESTANDING, *_LAYOUTS, *_SYSTEM.get(room, ()))


def _fault(include: c.Include, room: str) -> str | None:
    """Returns what is wrong with the include, or None."""
    place, target = folder(include.file), include.target
    if include.system:
        if any(fnmatch.fnmatchcase(include.word, header) for header in _system_headers(room)):
            return None
        return f"{place}/ includes <{include.word}>, want one of {', '.join(_system_headers(room))}"
    if target is None:
        return f'includes "{include.word}", which is not there'
    if folder(target) == place or {folder(target), target} & set(ROOMS[room]):
        return None
    return f"{place}/ includes {target}, want one of {', '.join(ROOMS[room]) or 'its own'}"


def check(tree: Tree) -> Iterator[str]:
    for place in sorted({folder(file) for file in tree.of(".c", ".h", ".asm")}):
        if _room(place) is None:
            yield f"{place}/: no room that the table in tests/rules/arrows.py knows"
    for include in c.includes(tree):
        room = _room(folder(include.file))
        if room not in (None, _TESTS) and (fault := _fault(include, room)):
            yield f"{include.file}:{include.line}: {fault}"
