# SPDX-License-Identifier: BSD-2-Clause
"""Host programs: where they are, and running them with their words kept."""

import os
import shutil
import subprocess

from vm.errors import VmError

# mkfs and debugfs live where an ordinary user's PATH does not look.
_ALSO = ":/usr/local/sbin:/usr/sbin:/sbin"

_PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mformat": "mtools",
    "mmd": "mtools",
    "mcopy": "mtools",
    "mkfs.ext4": "e2fsprogs",
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "busybox": "busybox-static",
    "objcopy": "binutils",
}


def find(name: str) -> str:
    """The program's path; VmError names the Debian package where it is missing."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + _ALSO)
    if path is None:
        package = _PACKAGES.get(name, name)
        raise VmError(f"{name}: not found on this machine; on Debian it is in the package {package}")
    return path


def run(*words, stdin: bytes = b"", env: dict | None = None) -> bytes:
    """Run to the end and return what it printed; VmError with its own words when it fails."""
    argv = [find(str(words[0]))] + [str(word) for word in words[1:]]
    done = subprocess.run(
        argv,
        input=stdin,
        capture_output=True,
        env=None if env is None else {**os.environ, **env},
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        tail = "; ".join(said[-3:]) or "no message"
        raise VmError(f"{words[0]} failed with exit status {done.returncode}: {tail}")
    return done.stdout
