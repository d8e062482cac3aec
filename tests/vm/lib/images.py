# SPDX-License-Identifier: BSD-2-Clause
"""Damaged and unusual kernels, made from a real one; and an initramfs for tests."""

import struct
import subprocess
from pathlib import Path

import host_program
from captureimage import cpio
from vm import kernel
from vm.guest import BUSYBOX

# Offsets of struct setup_header, Documentation/arch/x86/boot.rst.
HEADER_END = 0x264  # init_size is the last field that is read
_VERSION = 0x206
_RELOCATABLE = 0x234
_XLOADFLAGS = 0x236

RETURN_STATUS = 0x15  # EFI_ABORTED as the UEFI shell prints it
# An EFI program's entry is called with RCX image, RDX system table (UEFI 2.10, 2.3.4).
_RETURN_ABORTED = (
    b"\x48\xb8" + struct.pack("<Q", 1 << 63 | RETURN_STATUS)  # mov rax, EFI_ABORTED
    + b"\xc3"  # ret
)  # fmt: skip
_RETURN_SUCCESS = b"\x31\xc0\xc3"  # xor eax, eax; ret
_RESET_WARM = (
    b"\x48\x83\xec\x28"  # sub rsp, 40
    b"\x48\x8b\x42\x58"  # mov rax, [rdx + 0x58]: RuntimeServices
    b"\xb9\x01\x00\x00\x00"  # mov ecx, EfiResetWarm
    b"\x31\xd2\x45\x31\xc0\x45\x31\xc9"  # edx, r8d, r9d = 0
    b"\xff\x50\x68"  # call [rax + 0x68]: ResetSystem
    b"\xeb\xfe"  # it does not return
)


def patched(image: bytes, at: int, data: bytes) -> bytes:
    return image[:at] + data + image[at + len(data) :]


def old_protocol(image: bytes) -> bytes:
    return patched(image, _VERSION, struct.pack("<H", 0x020B))


def not_relocatable(image: bytes) -> bytes:
    return patched(image, _RELOCATABLE, b"\0")


def only_32_bit(image: bytes) -> bytes:
    (flags,) = struct.unpack_from("<H", image, _XLOADFLAGS)
    return patched(image, _XLOADFLAGS, struct.pack("<H", flags & ~1))


def _with_entry(image: bytes, code: bytes) -> bytes:
    """Makes the PE's entry point run `code`, which the firmware starts. A second kernel's boot does not use this
    entry."""
    (pe,) = struct.unpack_from("<I", image, 0x3C)
    (entry,) = struct.unpack_from("<I", image, pe + 24 + 16)
    (sections,) = struct.unpack_from("<H", image, pe + 6)
    (optional,) = struct.unpack_from("<H", image, pe + 20)
    for index in range(sections):
        size, address, _, offset = struct.unpack_from("<IIII", image, pe + 24 + optional + 40 * index + 8)
        if address <= entry < address + size:
            return patched(image, entry - address + offset, code)
    raise AssertionError("the kernel's EFI entry point lies in none of its sections")


def returning(image: bytes) -> bytes:
    """Makes a kernel that returns EFI_ABORTED when it is started."""
    return _with_entry(image, _RETURN_ABORTED)


def succeeding(image: bytes) -> bytes:
    """Makes a program that returns EFI_SUCCESS when it is started."""
    return _with_entry(image, _RETURN_SUCCESS)


def resetting(image: bytes) -> bytes:
    """Makes a kernel that asks the firmware for a warm reset at once."""
    return _with_entry(image, _RESET_WARM)


def leaving(image: bytes, leave: Path) -> bytes:
    """Makes a kernel that does what tests/vm/efi/leave.c does. `leave` is build/leave.bin, with its ELF file beside
    it."""
    (entry,) = struct.unpack_from("<Q", leave.with_suffix(".elf").read_bytes(), 24)  # e_entry
    jump = b"\xe9" + struct.pack("<i", entry)
    return _with_entry(image, jump + leave.read_bytes())


def behind_preamble(files: dict[str, Path | bytes], preamble: Path, orders: str) -> dict[str, Path | bytes]:
    """Returns the ESP's files, with tests/vm/efi/preamble.c started before the loader. `orders` is its
    preamble.txt."""
    moved = {name.removeprefix("EFI/BOOT/"): source for name, source in files.items()}
    moved["lifeboat.efi"] = moved.pop("BOOTX64.EFI")
    return moved | {"EFI/BOOT/BOOTX64.EFI": preamble, "preamble.txt": orders.encode()}


def unified(program: Path, vmlinuz: Path, folder: Path) -> Path:
    """Makes an EFI program with the sections of a unified kernel image."""
    release = folder / "osrel"
    release.write_text("ID=debian\n")
    output = folder / "unified.efi"
    words = ["objcopy"]
    for name, source, address in ((".osrel", release, 0x100000), (".linux", vmlinuz, 0x200000)):
        words += [f"--add-section={name}={source}", f"--change-section-vma={name}={address:#x}"]
        words += [f"--set-section-flags={name}=alloc,readonly,data"]
    subprocess.run([*words, str(program), str(output)], check=True)
    return output


# Both kernels may get this init. The second kernel is known by /proc/vmcore.
_PROBE = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mkdir -p /proc /sys /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
dmesg -n 1
if [ -e /proc/vmcore ]; then
	echo "probe: second kernel up vmcore=$(dd if=/proc/vmcore bs=4 count=1 2>/dev/null | tail -c 3)"
	poweroff -f
fi
insmod /efivarfs.ko
mount -t efivarfs efivarfs /sys/firmware/efi/efivars
echo "probe: cmdline $(cat /proc/cmdline)"
if [ -e /bin/lifeboatctl ]; then
	lifeboatctl status 2>&1
	echo "probe: lifeboatctl status exits with $?"
fi
echo "probe: tables $(dmesg | grep 'efi:.*ACPI')"
echo "probe: first kernel up"
read -r answer
case $answer in
panic) echo c >/proc/sysrq-trigger ;;
*) poweroff -f ;;
esac
"""
FIRST_UP = "probe: first kernel up"
SECOND_UP = "probe: second kernel up vmcore=ELF"
ARGUMENTS = "console=ttyS0"


def probe(vmlinuz: Path, *, lifeboatctl: Path | None = None) -> bytes:
    """Makes an initramfs that runs what is typed: `panic` or a power-off. With lifeboatctl it first prints what
    Lifeboat left for the OS.
    """
    modules = vmlinuz.parent.parent / "lib/modules" / kernel.release(vmlinuz) / "kernel"
    archive = cpio.Archive()
    archive.file("bin/busybox", BUSYBOX.read_bytes(), executable=True)
    for name, data in (host_program.alone(lifeboatctl) if lifeboatctl else {}).items():
        archive.file(name, data, executable=True)
    archive.file("efivarfs.ko", (modules / "fs/efivarfs/efivarfs.ko").read_bytes())
    archive.file("init", _PROBE.encode(), executable=True)
    archive.symlink("bin/sh", "busybox")
    return archive.bytes()
