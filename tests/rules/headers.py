# SPDX-License-Identifier: BSD-2-Clause
"""Each .c has one .h with its name, and include guards say where a header lies."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from . import c
from .tree import Tree, folder, stem

# Headers without a source of the same name, and the reason.
_ALONE = {
    "crash/bare/lapic.h": "registers, inline",
    "crash/dead/facts.h": "data, that several fill in",
    "crash/disk/block_reader.h": "data, that who drives the disk fills in",
    "crash/platform/font.h": "data, that crash/platform/mkfont makes",
    "crash/report/source.h": "data, that the caller fills in",
    "lib/bits.h": "inline",
    "lib/cpu.h": "instructions, inline",
    "lib/load.h": "inline",
    "lib/sha256_blocks.h": "sha256.c calls it in sha256_ni.c, which is compiled with other instructions",
    "loader/hook/hook.h": "a protocol, between two programs",
    "loader/hook/state.h": "data of main.c, which entry.asm names too",
}
# Contracts of which several sources keep a part each: header, reason, sources in its folder.
_CONTRACTS = {
    "crash/bare/bare.h": ("a machine without firmware", "console trap window"),
    "crash/capture/capture.h": ("one run's steps", "deadlog keys prepare progress reboot report selftest show target"),
    "crash/disk/disk.h": ("a driver a kind of disk", "ahci nvme pvscsi virtio_blk virtio_scsi"),
    "crash/platform/iommu.h": ("a driver a kind of IOMMU", "iommu_amd iommu_virtio iommu_vtd"),
    "crash/platform/watchdog.h": (
        "a driver a kind of watchdog",
        "watchdog_esb watchdog_ib700 watchdog_itco watchdog_sp5100 watchdog_wdat",
    ),
    "crash/platform/platform.h": ("what the parts may ask of the machine", "clock heap"),
    "purgatory/purgatory.h": ("a stage a file", "describe quiesce swap verify"),
    "tools/footprint/report.h": ("a form a file", "data picture svg text"),
}
# Sources without a header, and the reason. No C calls into a main.c.
_UNSEEN = {
    "crash/platform/libraries.c": "what libzstd.a and libz.a link with",
    "include/lifeboat/asm-defines.c": "compiled for its numbers",
    "lib/sha256_ni.c": "lib/sha256_blocks.h",
    "loader/hook/crossing.c": "loader/hook/state.h",
    "loader/sbat.c": "a section that shim reads",
}

# Headers without a guard, and the reason.
_UNGUARDED = {"include/lifeboat/hidden.h": "the Makefile includes it, once"}


def _kept(header: str) -> list[str]:
    return [f"{folder(header)}/{name}.c" for name in _CONTRACTS[header][1].split()]


LISTED = [*_ALONE, *_CONTRACTS, *_UNSEEN, *_UNGUARDED, *(file for header in _CONTRACTS for file in _kept(header))]


def _guard(header: str) -> str:
    path = header.removeprefix("include/lifeboat/")
    return "LIFEBOAT_" + re.sub(r"\W", "_", path).upper()


def _guards(tree: Tree) -> Iterator[str]:
    for header in tree.of(".h"):
        found = re.search(r"^#ifndef (\w+)\n#define \1$", tree.text(header), re.MULTILINE)
        if header not in _UNGUARDED and (found is None or found[1] != _guard(header)):
            yield f"{header}: include guard {found[1] if found else 'none'}, want {_guard(header)}"


def _is_apart(path: str) -> bool:
    return path.startswith("tests/")


def _headers(tree: Tree) -> Iterator[str]:
    for header in tree.of(".h"):
        if _is_apart(header) or header.startswith("include/") or header in _ALONE or header in _CONTRACTS:
            continue
        if not any(tree.exists(stem(header) + ending) for ending in (".c", ".asm")):
            yield f"{header}: no {PurePosixPath(header).stem}.c beside it, nor on a list of tests/rules/headers.py"


def _sources(tree: Tree) -> Iterator[str]:
    kept = {file for header in _CONTRACTS for file in _kept(header)}
    for source in tree.of(".c"):
        if _is_apart(source) or source in _UNSEEN or source in kept or PurePosixPath(source).name == "main.c":
            continue
        if not tree.exists(stem(source) + ".h"):
            yield f"{source}: no {PurePosixPath(source).stem}.h beside it, nor on a list of tests/rules/headers.py"


def _contracts(tree: Tree) -> Iterator[str]:
    included = {(include.file, include.target) for include in c.includes(tree)}
    for header in _CONTRACTS:
        for source in _kept(header):
            if tree.exists(source) and (source, header) not in included:
                yield f"{source}: does not include {header}, whose contract it keeps by tests/rules/headers.py"


def check(tree: Tree) -> Iterator[str]:
    for judge in (_headers, _sources, _contracts, _guards):
        yield from judge(tree)
