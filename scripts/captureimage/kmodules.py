# SPDX-License-Identifier: BSD-2-Clause
"""Kernel modules for the image: found, put in load order, unpacked.

Order and dependencies come from kmod itself (`modprobe --show-depends`), which also
knows soft dependencies and what is built in. An unpacked package has no index files yet,
so depmod makes them, in a folder of links, never in the package's own tree.
"""

import lzma
import os
import subprocess

from . import ImageError

# Groups of modules; the image's init loads a group when the target needs it.
# Ports and disks come together: which of them the machine has is found out there.
GROUPS = {
    "storage": ("virtio_pci", "virtio_blk", "virtio_scsi", "nvme", "ahci", "sd_mod"),
    "loop": ("loop",),
    "ext4": ("ext4",),
    "xfs": ("xfs",),
    "vfat": ("nls_cp437", "nls_ascii", "nls_iso8859-1", "nls_utf8", "vfat"),
    "net": ("virtio_pci", "virtio_net", "af_packet"),
    "watchdog": ("i6300esb", "iTCO_wdt"),
}
INDEXES = ("modules.dep.bin", "modules.alias.bin", "modules.symbols.bin", "modules.builtin.bin", "modules.softdep")


def find_tree(kernel, release, given=None):
    """The folder that holds the release's modules."""
    boot = os.path.dirname(os.path.abspath(kernel))
    root = os.path.dirname(boot)
    tried = [given] if given else [
        os.path.join(root, release),  # of /usr/lib/modules/RELEASE/vmlinuz, Debian's place since 14
        os.path.join(root, "lib/modules", release),
        os.path.join(root, "usr/lib/modules", release),
        os.path.join("/lib/modules", release),
    ]
    for path in tried:
        if os.path.isdir(os.path.join(path, "kernel")):
            return os.path.abspath(path)
    raise ImageError(f"{kernel}: no modules of release {release} found, looked for a folder kernel/ in " + ", ".join(tried))


class Tree:
    """A module folder as modprobe wants to see it; `scratch` is an empty folder for the links."""

    def __init__(self, path, release, scratch):
        self._release = release
        self._base = scratch
        self._no_configuration = os.path.join(scratch, "modprobe.d")
        os.mkdir(self._no_configuration)
        home = os.path.join(scratch, "lib/modules", release)
        os.makedirs(home)
        indexed = all(os.path.exists(os.path.join(path, name)) for name in INDEXES)
        for name in os.listdir(path):
            made_by_depmod = name.startswith("modules.") and not name.startswith(("modules.builtin", "modules.order"))
            if name not in ("build", "source", "modules.builtin.bin") and (indexed or not made_by_depmod):
                os.symlink(os.path.join(path, name), os.path.join(home, name))
        if indexed:
            os.symlink(os.path.join(path, "modules.builtin.bin"), os.path.join(home, "modules.builtin.bin"))
        else:
            self._run("depmod", "-b", scratch, "-C", self._no_configuration, release)

    def _run(self, *command):
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout
        except FileNotFoundError as error:
            raise ImageError(f"{command[0]}: not found, wanted from package kmod (scripts/setup capture)") from error
        except subprocess.CalledProcessError as error:
            raise ImageError(f"{command[0]} failed: {error.stderr.strip()}") from error

    def load_order(self, module):
        """Files to load in order, or why there is none: ([...], None), ([], "built in"), ([], "missing")."""
        try:
            plan = self._run("modprobe", "-d", self._base, "-C", self._no_configuration, "-S", self._release,
                             "--show-depends", module)
        except ImageError as error:
            if "not found in directory" not in str(error):
                raise
            return [], "missing"
        files = [line.split()[1] for line in plan.splitlines() if line.startswith("insmod ")]
        return files, None if files else "built in"


def module_name(path):
    """The file's name without .ko and what it is compressed with."""
    return os.path.basename(path).split(".ko", 1)[0]


def read_module(path):
    """The module's ELF image, unpacked; its signature, being appended inside, stays whole."""
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".xz"):
        data = lzma.decompress(data)
    elif path.endswith(".zst"):
        data = subprocess.run(["zstd", "-dqc"], input=data, capture_output=True, check=True).stdout
    if not data.startswith(b"\x7fELF"):
        raise ImageError(f"{path}: not an ELF file, wanted a kernel module (.ko, .ko.xz or .ko.zst)")
    return data
