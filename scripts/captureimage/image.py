# SPDX-License-Identifier: BSD-2-Clause
"""Puts the image together, and packs it as its kernel can unpack it."""

import gzip
import os
import shutil
import subprocess

from . import ImageError, cpio, kmodules, programs

SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "capture")
LIBRARY = "lib/lifeboat"


def add_scripts(archive):
    for name in ("init", "capture", "on-uevent", "dhcp-bound"):
        inside = "init" if name == "init" else f"{LIBRARY}/{name}"
        archive.file(inside, programs.read(os.path.join(SCRIPTS, name)), executable=True)
    for name in os.listdir(os.path.join(SCRIPTS, "lib")):
        if name.endswith(".sh"):
            archive.file(f"{LIBRARY}/{name}", programs.read(os.path.join(SCRIPTS, "lib", name)))


def add_places(archive):
    for path in ("proc", "sys", "dev", "run", "tmp", "etc"):
        archive.directory(path)
    # The kernel opens it for init before anything is mounted.
    archive.character_device("dev/console", 5, 1)


def add_programs(archive, busybox, makedumpfile):
    archive.file("bin/busybox", programs.read(busybox), executable=True)
    for applet in programs.applets(busybox):
        archive.symlink(f"bin/{applet}", "busybox")
    # Where the kernel looks for it when a driver asks for another module.
    archive.symlink("sbin/modprobe", "../bin/busybox")
    archive.file("bin/makedumpfile", programs.read(makedumpfile), executable=True)
    interpreter, libraries = programs.libraries(makedumpfile)
    for path in libraries:
        archive.file("lib/" + os.path.basename(path), programs.read(path), executable=True)
    if interpreter:
        archive.file(interpreter.lstrip("/"), programs.read(interpreter), executable=True)


def add_modules(archive, tree, extra):
    """Adds all groups and the modules asked for by name; returns (names put in, {name: why not})."""
    added, skipped = {}, {}
    groups = dict(kmodules.GROUPS)
    if extra:
        groups["extra"] = extra
    for group, modules in groups.items():
        order = []
        for module in modules:
            files, reason = tree.load_order(module)
            if reason:
                if group == "extra" and reason == "missing":
                    raise ImageError(f"--module {module}: the kernel has no such module")
                skipped[module] = reason
            order += [path for path in files if path not in order]
        for path in order:
            added[kmodules.module_name(path)] = path
        if order:
            lines = "".join(kmodules.module_name(path) + "\n" for path in order)
            archive.file(f"lib/modules/groups/{group}", lines.encode())
    for name, path in added.items():
        archive.file(f"lib/modules/{name}.ko", kmodules.read_module(path))
    return sorted(added), skipped


def pack(data, config):
    """Returns (packed bytes, name of the packing). zstd only for a kernel known to unpack it, else gzip."""
    if config.get("CONFIG_RD_ZSTD") == "y" and shutil.which("zstd"):
        # One thread: the bytes must not depend on how many CPUs the builder has.
        command = ["zstd", "-q", "-19", "--single-thread", "--no-progress", "-c"]
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout, "zstd"
    return gzip.compress(data, compresslevel=9, mtime=0), "gzip"


def write(path, data):
    """Writes the image whole or not at all: the loader must not find half of one."""
    temporary = f"{path}.new"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError as error:
        raise ImageError(f"--output {path}: {error.strerror}") from error


def new_archive():
    return cpio.Archive()
