# SPDX-License-Identifier: BSD-2-Clause
"""Modules for the first kernel: its own, with their dependencies, and that of tests/vm/module."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from captureimage import cpio, kmodules
from vm import kernel

SOURCE = Path(__file__).resolve().parents[1] / "module"
NAME = "provoke"


def load_order(vmlinuz: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """Returns name and ELF image of the modules, in the order of loading. Built-in ones are left out."""
    release = kernel.release(vmlinuz)
    found: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as scratch:
        tree = kmodules.Tree(kmodules.find_tree(vmlinuz, release), release, scratch)
        for name in names:
            files, reason = tree.load_order(name)
            assert reason in (None, "built in"), f"{name}: {reason} in {release}"
            found |= {kmodules.module_name(path): kmodules.read_module(path) for path in files}
    return found


def build(headers: Path, folder: Path) -> bytes:
    """Builds provoke.ko for the kernel of this header Makefile, in `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SOURCE, folder)
    words = ["make", "-C", str(headers.parent), f"M={folder}", "modules"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    return (folder / f"{NAME}.ko").read_bytes()


def initrd(files: dict[str, bytes]) -> bytes:
    """Makes an archive that goes below scripts/vm/guest.py's overlay. Programs are executable."""
    archive = cpio.Archive()
    for path, data in files.items():
        archive.file(path, data, executable=True)
    return archive.bytes()


def insmod(names) -> str:
    """Returns shell commands that load modules/NAME.ko for each name."""
    return "".join(f'$b insmod /modules/{name}.ko || fail "insmod {name}.ko"\n' for name in names)
