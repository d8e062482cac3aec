# SPDX-License-Identifier: BSD-2-Clause
"""The first kernel's user space: a few files laid over whatever initrd it has.

Only /lifeboat is touched, so the overlay goes together with any distribution's
initrd; `rdinit=/lifeboat/init` starts it. What it shall do is in two files beside
it, /lifeboat/before (the user's) and /lifeboat/end (one of panics.py).
"""

import struct
from pathlib import Path

from captureimage import cpio
from vm.errors import VmError

BUSYBOX = Path("/bin/busybox")

UP = "lifeboat-vm: first kernel up"
ASK = "lifeboat-vm: ask "  # and a word of inject.py: the host shall act

# A program of our own, so that the host knows where its loop is: a static ELF file
# whose headers and code are mapped at _BUSY_BASE.
_BUSY_BASE = 0x10000000
_BUSY_CODE = (
    b"\xb8\x6e\x00\x00\x00"  # mov eax, 110 (getppid)
    b"\x0f\x05"  # syscall
    b"\xeb\xf7"  # jmp to the beginning
)
_ELF_HEADERS_BYTES = 64 + 56
_BUSY_ENTRY = _BUSY_BASE + _ELF_HEADERS_BYTES
# The jump: whoever is there has been through the loop, so that its page is mapped and
# the next way into the kernel is the system call, not a page fault.
BUSY_LOOP = _BUSY_ENTRY + 7

# The kernel gave us its console as descriptors 0 to 2; nothing is opened here.
_INIT = f"""#!/lifeboat/busybox sh
b=/lifeboat/busybox
$b mkdir -p /proc /sys /dev
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev
cpu=0
for word in $($b cat /proc/cmdline); do
	case $word in
	lifeboat.cpu=*) cpu=${{word#*=}} ;;
	esac
done
ask() {{
	echo "{ASK}$*"
}}
fail() {{
	echo "lifeboat-vm: failed: $*"
	exec $b cat
}}
echo "{UP} cpus=$($b grep -c ^processor /proc/cpuinfo)"
. /lifeboat/before
. /lifeboat/end
fail "the first kernel is still alive after: $($b cat /lifeboat/end)"
"""


def busy_program() -> bytes:
    """An x86-64 program that makes system calls for ever."""
    size = _ELF_HEADERS_BYTES + len(_BUSY_CODE)
    ident = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, _BUSY_ENTRY, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, _BUSY_BASE, _BUSY_BASE, size, size, 4096)
    return ident + header + load + _BUSY_CODE


def overlay(end: str, before: str = "", busybox: Path = BUSYBOX) -> bytes:
    """The overlay as an uncompressed cpio archive; `before` and `end` are shell commands."""
    try:
        program = busybox.read_bytes()
    except OSError as error:
        raise VmError(f"{busybox}: {error.strerror}; install busybox-static") from error
    if b"\0/lib64/ld-linux-x86-64.so.2\0" in program[:8192]:
        raise VmError(f"{busybox}: dynamically linked; busybox-static is wanted")
    archive = cpio.Archive()
    archive.file("lifeboat/busybox", program, executable=True)
    archive.file("lifeboat/busy", busy_program(), executable=True)
    archive.file("lifeboat/init", _INIT.encode(), executable=True)
    archive.file("lifeboat/before", before.encode() + b"\n")
    archive.file("lifeboat/end", end.encode() + b"\n")
    return archive.bytes()


def arguments(cpu: int) -> list[str]:
    """The words the first kernel needs to run the overlay."""
    return ["rdinit=/lifeboat/init", f"lifeboat.cpu={cpu}"]
