# SPDX-License-Identifier: BSD-2-Clause
"""Debian's own boot loaders before the first kernel: the words of --boot and --enter.

Their configuration has none of Lifeboat's words. The disk is a GPT with an ESP and an ext4 /boot, from which
GRUB takes kernel and initrds; systemd-boot takes them from the ESP, a unified kernel image has them inside.
"""

import re
import shutil
import struct
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vm import disk, gpt, tools, variables
from vm.errors import VmError

GRUB = Path("/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed")
SYSTEMD_BOOT = Path("/usr/lib/systemd/boot/efi/systemd-bootx64.efi")
STUB = Path("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")
_PACKAGES = {GRUB: "grub-efi-amd64-signed", SYSTEMD_BOOT: "systemd-boot-efi", STUB: "systemd-boot-efi"}

MIB = 1 << 20
_LINUX_TYPE = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
_ESP_UNIQUE = uuid.UUID("2c6d4a52-3f5e-4a53-8f0c-6c6966650011")
_BOOT_UNIQUE = uuid.UUID("2c6d4a52-3f5e-4a53-8f0c-6c6966650012")
_BOOT_LABEL = "lifeboat-boot"
_PAGE = 4096

Files = dict[str, Path | bytes]


@dataclass(frozen=True)
class Linux:
    """What is to be booted."""

    kernel: Path
    initrds: Files  # by name, in order
    arguments: str
    folder: Path  # where files are made
    root: Path = Path("/")  # below it lie the boot loader's own files


@dataclass(frozen=True)
class Loaded:
    """A boot loader with its configuration."""

    program: str  # its path on the ESP, when it is not the one that the firmware starts by itself
    image: Path | bytes
    esp: Files  # further files of the ESP
    boot: Files  # of the ext4 /boot


def _needed(path: Path, linux: Linux) -> Path:
    found = linux.root / path.relative_to("/")
    if not found.is_file():
        raise VmError(f"{found}: no such file; on Debian it is in the package {_PACKAGES[path]}")
    return found


def _grub(linux: Linux, words: str, initrd_words: str) -> Loaded:
    initrds = f"\t{initrd_words} " + " ".join(f"/{name}" for name in linux.initrds) + "\n" if linux.initrds else ""
    find = f"search.fs_label {_BOOT_LABEL} root\nset prefix=($root)/grub\nconfigfile $prefix/grub.cfg\n"
    menu = (
        'set timeout=0\nmenuentry Debian {\n\techo "Loading Linux by ' + words + '"\n'
        f"\t{words} /vmlinuz {linux.arguments}\n{initrds}}}\n"
    )
    return Loaded(
        "EFI/debian/grubx64.efi",
        _needed(GRUB, linux),
        {"EFI/debian/grub.cfg": find.encode()},
        {"vmlinuz": linux.kernel, **linux.initrds, "grub/grub.cfg": menu.encode()},
    )


def _systemd_boot(linux: Linux) -> Loaded:
    entry = f"title Debian\nlinux /vmlinuz\n{''.join(f'initrd /{name}{chr(10)}' for name in linux.initrds)}"
    entry += f"options {linux.arguments}\n"
    # With a second of time it shows itself.
    return Loaded(
        "EFI/systemd/systemd-bootx64.efi",
        _needed(SYSTEMD_BOOT, linux),
        {
            "loader/loader.conf": b"timeout 1\n",
            "loader/entries/debian.conf": entry.encode(),
            "vmlinuz": linux.kernel,
            **linux.initrds,
        },
        {},
    )


def _joined(initrds: Files) -> bytes:
    """Joins archives as the kernel takes them: each begins at a multiple of 4."""
    joined = b""
    for source in initrds.values():
        data = source if isinstance(source, bytes) else source.read_bytes()
        joined += data + bytes(-len(data) % 4)
    return joined


def _end_of_image(image: Path) -> int:
    """ImageBase and SizeOfImage of a PE file: where further sections may begin, as objcopy counts."""
    data = image.read_bytes()
    (pe,) = struct.unpack_from("<I", data, 0x3C)
    (base,) = struct.unpack_from("<Q", data, pe + 24 + 24)
    return base + struct.unpack_from("<I", data, pe + 24 + 56)[0]


def make_uki(stub: Path, sections: dict[str, bytes], output: Path) -> None:
    """A unified kernel image: the stub and these sections, in this order."""
    address = _end_of_image(stub)
    words = ["objcopy"]
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        for name, data in sections.items():
            address = (address + _PAGE - 1) // _PAGE * _PAGE
            part = Path(folder) / name.strip(".")
            part.write_bytes(data)
            words += ["--add-section", f"{name}={part}", "--change-section-vma", f"{name}={address:#x}"]
            address += len(data)
        tools.run(*words, stub, output)


def _uki(linux: Linux) -> Loaded:
    output = linux.folder / "uki.efi"
    sections = {".osrel": b"ID=debian\nPRETTY_NAME=Debian\n", ".cmdline": linux.arguments.encode() + b"\0"}
    if linux.initrds:
        sections[".initrd"] = _joined(linux.initrds)
    sections[".linux"] = linux.kernel.read_bytes()
    make_uki(_needed(STUB, linux), sections, output)
    return Loaded("EFI/Linux/debian.efi", output, {}, {})


@dataclass(frozen=True)
class BootLoader:
    about: str
    enter: str  # the way in that goes with it
    make: Callable[[Linux], Loaded]
    line: str  # what the console says of it alone


_GRUB_LINE = r"(?:Welcome to GRUB!|Booting `Debian')[\s\S]*"  # from 2.12 on without the welcome
_SD_BOOT_LINE = r"Boot in 1 s\.| {8}Debian {8}"  # 262 has only its menu

BOOT_LOADERS = {
    "grub": BootLoader(
        "Debian's signed GRUB, its own loader of Linux",
        "chain",
        lambda linux: _grub(linux, "linux", "initrd"),
        _GRUB_LINE + r"Loading Linux by linux\b",
    ),
    "grub-efi": BootLoader(
        "GRUB 2.06 by the kernel's EFI stub (linuxefi); a newer one always goes by it",
        "chain",
        lambda linux: _grub(linux, "linuxefi", "initrdefi"),
        _GRUB_LINE + r"Loading Linux by linuxefi\b",
    ),
    "systemd-boot": BootLoader("systemd-boot with an entry of type 1", "sd-boot", _systemd_boot, _SD_BOOT_LINE),
    # It says nothing; only the kernel's stub says where the initrd came from.
    "uki": BootLoader(
        "a unified kernel image with systemd's stub",
        "driver",
        _uki,
        r"EFI stub: Loaded initrd from LINUX_EFI_INITRD_MEDIA_GUID device path",
    ),
}

ENTERS = {
    "driver": "lifeboatx64.efi as the firmware's Driver0000",
    "sd-boot": "lifeboatx64.efi in systemd-boot's drivers folder",
    "chain": "lifeboat.efi --chain, which starts the boot loader",
    "kernel": "lifeboat.efi with the unified kernel image as its KERNEL",
}

# Short words for both.
PAIRS = {"driver": ("uki", "driver"), "chain": ("grub", "chain")}


def choose(boot: str, enter: str | None) -> tuple[str, str]:
    """Returns the boot loader and the way in that --boot and --enter name."""
    if boot in PAIRS:
        if enter not in (None, boot):
            raise VmError(f"--boot {boot} --enter {enter}: --boot {boot} says already how Lifeboat is entered")
        return PAIRS[boot]
    enter = enter or BOOT_LOADERS[boot].enter
    if enter == "sd-boot" and boot != "systemd-boot":
        raise VmError(f"--boot {boot} --enter sd-boot: only systemd-boot loads drivers")
    if enter == "kernel" and boot != "uki":
        raise VmError(f"--boot {boot} --enter kernel: only a unified kernel image is a kernel, too")
    return boot, enter


_FALLBACK = "EFI/BOOT/BOOTX64.EFI"  # what the firmware starts of a disk without being told


@dataclass(frozen=True)
class Entered:
    """The ESP of a boot loader that Lifeboat starts before."""

    esp: Files
    config: str  # where lifeboat.conf belongs
    lines: list[str]  # of it
    driver: str = ""  # a driver that the firmware is to load


def enter(way: str, loaded: Loaded, loader: Path, driver: Path) -> Entered:
    """`loader`, `driver`: lifeboat.efi and lifeboatx64.efi."""
    if way in ("chain", "kernel"):
        esp = {**loaded.esp, _FALLBACK: loader, loaded.program: loaded.image}
        chained = loaded.program.replace("/", "\\")
        return Entered(esp, "EFI/BOOT/lifeboat.conf", [f"{way} \\{chained}"])
    folder = "EFI/systemd/drivers" if way == "sd-boot" else "EFI/lifeboat"
    esp = {**loaded.esp, _FALLBACK: loaded.image, f"{folder}/lifeboatx64.efi": driver}
    path = f"\\{folder}/lifeboatx64.efi".replace("/", "\\") if way == "driver" else ""
    return Entered(esp, f"{folder}/lifeboat.conf", [], path)


def _make_boot(image: Path, files: Files, at: int, size: int) -> None:
    """An ext4 file system with `files` over a part of the image."""
    with tempfile.TemporaryDirectory(dir=image.parent) as folder:
        for name, source in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(source, bytes):
                path.write_bytes(source)
            else:
                shutil.copyfile(source, path)
        # Without what GRUB 2.06 does not read.
        tools.run(
            "mkfs.ext4", "-q", "-F", "-L", _BOOT_LABEL, "-d", folder, "-O", "^metadata_csum_seed,^orphan_file",
            "-E", f"offset={at},nodiscard,root_owner=0:0", image, size // 1024,
        )  # fmt: skip


def _bytes_of(files: Files) -> int:
    return sum(len(one) if isinstance(one, bytes) else one.stat().st_size for one in files.values())


def make_disk(image: Path, esp: Files, boot: Files, spare: int = 0) -> gpt.Partition:
    """The boot disk; the partition is its ESP, the first, with `spare` bytes more than it needs."""
    esp_size = max(40 * MIB, (_bytes_of(esp) + spare) * 17 // 16 + 8 * MIB) // MIB * MIB + MIB
    boot_size = _bytes_of(boot) * 9 // 8 // MIB * MIB + 32 * MIB
    first = gpt.Partition(MIB, esp_size, "esp", gpt.ESP_TYPE, _ESP_UNIQUE)
    second = gpt.Partition(MIB + esp_size, boot_size, "boot", _LINUX_TYPE, _BOOT_UNIQUE)
    partitions = [first, second] if boot else [first]
    disk.make_sparse(image, partitions[-1].start + partitions[-1].size + MIB)
    gpt.write_table(image, partitions)
    disk.fill_esp(image, esp, first.size, first.start)
    if boot:
        _make_boot(image, boot, second.start, second.size)
    return first


# Keys of Lifeboat's words (crash/plan/panic_words.c).
_OURS = re.compile(
    rb"\b(?:panic|reboot|efi|oops|softlockup_panic|hung_task_panic|nmi_watchdog)=|crash_kexec_post_notifiers"
)


def check_configuration(loaded: Loaded) -> None:
    """Checks that the boot loader was given none of Lifeboat's words."""
    for name, source in {**loaded.esp, **loaded.boot}.items():
        if isinstance(source, bytes) and name.endswith((".cfg", ".conf")) and (found := _OURS.search(source)):
            raise VmError(f"{name}: holds {found[0].decode()}, which only Lifeboat is to add")


def own_line(boot: str, console: str) -> str | None:
    """The console's line about the boot loader alone; None: it did not run."""
    found = re.search(BOOT_LOADERS[boot].line, console)
    lines = found[0].splitlines() if found else []
    return " ... ".join(dict.fromkeys((lines[0], lines[-1]))) if lines else None


def prepare_firmware(store: Path, entered: Entered, esp: gpt.Partition) -> None:
    """The variables of a machine whose firmware is to load a driver."""
    if entered.driver:
        variables.driver(store, variables.load_option("Lifeboat", esp, 1, entered.driver))
