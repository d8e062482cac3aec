# SPDX-License-Identifier: BSD-2-Clause
"""Disk images made and read without root and without mounting anything.

The ESP is a FAT file system written by mtools; the dump target is a sparse ext4
image that the host reads afterwards with debugfs.
"""

import os
import re
import tempfile
from pathlib import Path

from vm import tools
from vm.errors import VmError

MIB = 1 << 20
DUMP_LABEL = "lifeboat"
# A dump of more than this would not be written in a rehearsal's time.
_DUMP_DISK_MAX = 64 << 30
_DUMP_DISK_SLACK = 256 * MIB
# mtools asks about geometry and names as on a floppy unless told not to.
MTOOLS = {"MTOOLS_SKIP_CHECK": "1", "MTOOLS_NO_VFAT": "0"}


def make_sparse(path: Path, size: int) -> None:
    with open(path, "wb") as image:
        image.truncate(size)


def make_esp(path: Path, files: dict[str, Path | bytes]) -> None:
    """A FAT image holding `files`: name with slashes (EFI/BOOT/BOOTX64.EFI) to a file or its bytes."""
    total = 0
    for name, source in files.items():
        if isinstance(source, bytes):
            total += len(source)
            continue
        try:
            total += source.stat().st_size
        except OSError as error:
            raise VmError(f"{source}: {error.strerror}; wanted as {name} on the ESP") from error
    # FAT32 needs at least 65525 clusters: with 512-byte ones, 34 MiB and more.
    size = (max(40 * MIB, total + total // 16 + 8 * MIB) + MIB - 1) // MIB * MIB
    make_sparse(path, size)
    fill_esp(path, files, size)


def fill_esp(path: Path, files: dict[str, Path | bytes], size: int, at: int = 0) -> None:
    """FAT32 and `files` over `size` bytes of an image, `at` bytes from its beginning (a partition)."""
    where = f"{path}@@{at}"
    tools.run(
        "mformat", "-i", where, "-F", "-T", size // 512, "-h", 64, "-s", 32,
        "-N", "4c494645", "-v", "LIFEBOAT", "::", env=MTOOLS,
    )  # fmt: skip
    folders = sorted({"/".join(name.split("/")[:n]) for name in files for n in range(1, name.count("/") + 1)})
    if folders:
        tools.run("mmd", "-i", where, *[f"::{folder}" for folder in folders], env=MTOOLS)
    for name, source in files.items():
        with tempfile.NamedTemporaryFile(dir=path.parent) as held:
            if isinstance(source, bytes):
                held.write(source)
                held.flush()
            host = held.name if isinstance(source, bytes) else source
            tools.run("mcopy", "-i", where, "-o", host, f"::{name}", env=MTOOLS)


def make_dump_disk(path: Path, memory_bytes: int) -> None:
    """An empty ext4 with room for a raw dump of that much memory; sparse, without a journal:
    after the capture's sync there is nothing left to replay."""
    make_sparse(path, min(memory_bytes, _DUMP_DISK_MAX) + _DUMP_DISK_SLACK)
    tools.run(
        "mkfs.ext4", "-q", "-F", "-L", DUMP_LABEL, "-m", 0, "-O", "^has_journal",
        "-E", "lazy_itable_init=1,nodiscard", path,
    )  # fmt: skip


def _debugfs(path: Path, command: str) -> str:
    # debugfs exits with 0 whatever happened; its errors are told apart by the callers.
    return tools.run("debugfs", "-R", command, path).decode(errors="replace")


def list_files(path: Path, folder: str = "/") -> list[tuple[str, int, bool]]:
    """(path, bytes, is a folder) of everything directly in `folder` of an ext4 image."""
    found = []
    for line in _debugfs(path, f'ls -p "{folder}"').splitlines():
        # /inode/mode/uid/gid/name/size/
        match = re.fullmatch(r"/(\d+)/([0-7]+)/\d+/\d+/(.*)/(\d*)/", line)
        if match and match[3] not in (".", "..", "lost+found") and match[1] != "0":
            name = folder.rstrip("/") + "/" + match[3]
            found.append((name, int(match[4] or 0), match[2].startswith("04")))
    return found


def find_files(path: Path) -> dict[str, int]:
    """Every regular file of an ext4 image, at most two folders down: path to bytes."""
    files, folders = {}, [("/", 0)]
    while folders:
        folder, depth = folders.pop()
        for name, size, is_folder in list_files(path, folder):
            if not is_folder:
                files[name] = size
            elif depth < 2:
                folders.append((name, depth + 1))
    return files


def extract(path: Path, name: str, to: Path) -> None:
    """Copy one file out of an ext4 image; the copy appears under `to` only when complete."""
    size = find_files(path).get(name)
    if size is None:
        raise VmError(f"{path}: no file {name} in this image")
    partial = to.with_name(to.name + ".partial")
    # debugfs splits its commands at spaces and knows double quotes.
    if '"' in str(partial):
        raise VmError(f"{partial}: a path without double quotes is wanted")
    _debugfs(path, f'dump "{name}" "{partial}"')
    got = partial.stat().st_size if partial.exists() else 0
    if got != size:
        partial.unlink(missing_ok=True)
        raise VmError(f"{path}: {name} came out with {got} bytes, its directory entry says {size}")
    os.replace(partial, to)
