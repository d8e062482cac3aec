# SPDX-License-Identifier: BSD-2-Clause
"""The programs inside the image: static busybox, makedumpfile and its libraries."""

import os
import re
import shutil
import subprocess

from . import ImageError

# What scripts/capture/ calls beyond what every busybox has.
APPLETS = {
    "awk", "blockdev", "cmp", "cttyhack", "dd", "dmesg", "findfs", "insmod", "ip", "killall", "losetup", "mkfifo",
    "mount", "nc", "od", "poweroff", "reboot", "sha256sum", "stat", "sync", "tee", "truncate", "udhcpc", "uevent",
}
COMPRESSIONS = ("zlib", "lzo", "snappy", "zstd", "none")


def find_busybox(path=None):
    path = path or shutil.which("busybox")
    if not path:
        raise ImageError("busybox: not found, wanted from package busybox-static (scripts/setup capture)")
    with open(path, "rb") as file:
        if b"/ld-linux" in file.read(4096):
            raise ImageError(f"{path}: dynamically linked, wanted a static busybox (package busybox-static)")
    missing = APPLETS - set(applets(path))
    if missing:
        raise ImageError(f"{path}: built without {', '.join(sorted(missing))}, which the capture needs")
    return path


def applets(busybox):
    output = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout
    return [name for name in output.split() if name != "busybox"]


def find_makedumpfile(path=None):
    found = shutil.which(path or "makedumpfile")
    if not found:
        raise ImageError(f"{path or 'makedumpfile'}: not found, wanted from package makedumpfile (scripts/setup capture)")
    return found


def compressions(makedumpfile):
    """What this build of makedumpfile can compress with; zlib and none always."""
    output = subprocess.run([makedumpfile, "-v"], capture_output=True, text=True, check=False)
    if not output.stdout.startswith("makedumpfile: version"):
        raise ImageError(f"{makedumpfile}: does not call itself makedumpfile when asked for its version (-v)")
    enabled = set(re.findall(r"^(\w+)\s+enabled", output.stdout + output.stderr, re.MULTILINE))
    return [name for name in COMPRESSIONS if name in enabled or name in ("zlib", "none")]


def libraries(program):
    """The shared objects of a program: (interpreter, other files)."""
    output = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    if "not a dynamic executable" in output.stdout + output.stderr:
        return None, []
    absent = re.findall(r"^\s*(\S+) => not found", output.stdout, re.MULTILINE)
    if output.returncode or absent:
        raise ImageError(f"{program}: libraries not found: {', '.join(absent) or output.stderr.strip()}")
    files = re.findall(r"=> (/\S+) \(0x", output.stdout)
    interpreter = re.search(r"^\s*(/\S*/ld-\S+) (?:=> \S+ )?\(0x", output.stdout, re.MULTILINE)
    if not interpreter:
        raise ImageError(f"{program}: ldd names no program interpreter")
    return interpreter.group(1), sorted(files, key=os.path.basename)


def read(path):
    with open(path, "rb") as file:
        return file.read()
