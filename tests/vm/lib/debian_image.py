# SPDX-License-Identifier: BSD-2-Clause
"""Makes a Debian with systemd on a GPT disk, without mounting anything.

mmdebstrap makes the root file system once. The cache keeps it under a name that changes with the recipe. Each test
gets a disk of its own: an ESP, this root, a partition for dumps.
"""

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import debian_agent
from suites import cache_folder
from vm import boot_loaders, disk, gpt, tools
from vm.errors import VmError

MIB = 1 << 20
SUITE = "bookworm"
PACKAGES = ("systemd-sysv", "udev", "efibootmgr")
KERNEL = "linux-image-cloud-amd64"
GENERIC_KERNEL = "linux-image-amd64"  # has a driver for AHCI

_ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
_LINUX_TYPE = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
ESP = gpt.Partition(MIB, 96 * MIB, "esp", _ESP_TYPE, uuid.UUID("2c6d4a52-3f5e-4a53-8f0c-6c6966650002"))
ROOT_FS = gpt.Partition(
    ESP.start + ESP.size, 2048 * MIB, "root", _LINUX_TYPE, uuid.UUID("2c6d4a52-3f5e-4a53-8f0c-6c6966650003")
)
_DUMP_START = ROOT_FS.start + ROOT_FS.size
_TAIL = MIB  # room for the backup table behind the last partition

_FILES = {
    "etc/hostname": "lifeboat-test\n",
    "etc/fstab": f"PARTUUID={ROOT_FS.unique} / ext4 defaults 0 1\n"
    f"PARTUUID={ESP.unique} /boot/efi vfat noauto,umask=0077 0 0\n",
    # Without a machine ID systemd takes the boot for the first one, and enables every unit that it finds.
    "etc/machine-id": "6c69666562000000000000000000000a\n",
}
# The initrd has only the modules that find the root, because an emulated CPU unpacks it at every boot.
_MODULES = ("virtio_pci", "virtio_blk", "nvme", "crc32c_generic", "ext4")
_MORE_MODULES = {KERNEL: (), GENERIC_KERNEL: ("ahci", "sd_mod")}
# Units that run at times of their own, run for long, or start a process at each boot that no test needs.
_MASKED = (
    "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service "
    "fstrim.timer getty-static.service systemd-update-utmp.service systemd-update-utmp-runlevel.service "
    "dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount "
    "sys-fs-fuse-connections.mount modprobe@fuse.service modprobe@loop.service modprobe@dm_mod.service"
).split()
_LEFT_OUT = ("doc", "info", "locale", "man")
_RECIPE_VERSION = 1  # version of _make() and all that it calls


@dataclass(frozen=True)
class DebianRoot:
    """A root in the cache. Nothing in it may be changed."""

    disk: Path  # sparse: room for the ESP, then the root's ext4
    kernel: Path
    initrd: Path


@dataclass(frozen=True)
class GuestFile:
    content: bytes
    mode: int = 0o644


@dataclass
class DebianDisk:
    """What one test's disk has in addition to the root."""

    esp: dict[str, Path | bytes] = field(default_factory=dict)  # as disk.make_esp() takes files
    files: dict[str, GuestFile] = field(default_factory=dict)  # written to the root, into folders that exist
    links: dict[str, str] = field(default_factory=dict)  # symbolic links, with their targets
    dump_bytes: int = 1024 * MIB  # size of the partition for dumps; 0: none


def arguments() -> str:
    """Returns the kernel's arguments: the root, and a console that is left to the agent."""
    words = [f"root=PARTUUID={ROOT_FS.unique}", "ro", "console=ttyS0,115200", "quiet", "systemd.show_status=no"]
    # An emulated CPU forgets all translations whenever the page tables change. Page table isolation changes
    # them at each system call, which costs half of a boot.
    words.append("mitigations=off")
    # On a busy host a pause looks like a lockup, or like a timer without interrupts.
    words += ["nowatchdog", "no_timer_check"]
    return " ".join(words)


def make_root(kernel: str = KERNEL, more: tuple[str, ...] = (), command: str = "") -> DebianRoot:
    """Returns a root from the cache, or makes it: 80 s, and some 100 MB to fetch. `kernel` is KERNEL or
    GENERIC_KERNEL, `more` are additional packages. The shell runs `command` in the root at the end."""
    cache = cache_folder()
    key = hashlib.sha256(json.dumps([_RECIPE_VERSION, _layout(), _recipe(kernel, more, command)]).encode()).hexdigest()[:16]
    folder = cache / f"debian-{SUITE}-{key}"
    with open(cache / ".debian.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _make(folder, _recipe(kernel, more, command))
    return DebianRoot(folder / "disk.img", folder / "vmlinuz", folder / "initrd.img")


def make_uki(root: DebianRoot, arguments: str, with_initrd: bool, folder: Path) -> bytes:
    """Makes a unified kernel image with Debian's stub."""
    linux = boot_loaders.Linux(root.kernel, {"initrd.img": root.initrd} if with_initrd else {}, arguments, folder)
    return boot_loaders.BOOT_LOADERS["uki"].make(linux).image.read_bytes()


def make_disk(path: Path, root: DebianRoot, content: DebianDisk) -> None:
    """Makes a disk that its test may write to."""
    tools.run("cp", "--sparse=always", "--reflink=auto", root.disk, path)
    partitions = [ESP, ROOT_FS]
    if content.dump_bytes:
        partitions.append(gpt.Partition(_DUMP_START, content.dump_bytes))
    os.truncate(path, _DUMP_START + content.dump_bytes + _TAIL)
    gpt.write_table(path, partitions)
    disk.fill_esp(path, content.esp, ESP.size, ESP.start)
    agent = {name: GuestFile(text.encode(), mode) for name, (text, mode) in debian_agent.FILES.items()}
    masked = {f"etc/systemd/system/{name}": "/dev/null" for name in _MASKED}
    write_files(path, agent | content.files, masked | debian_agent.LINKS | content.links)


# The root


def _layout() -> list[int]:
    return [ESP.start, ESP.size, ROOT_FS.start, ROOT_FS.size]


def _initramfs(kernel: str) -> dict[str, str]:
    modules = [*_MODULES, *_MORE_MODULES[kernel]]
    return {
        "etc/initramfs-tools/conf.d/modules": "MODULES=list\n",
        "etc/initramfs-tools/modules": "".join(f"{name}\n" for name in modules),
    }


def _recipe(kernel: str, more: tuple[str, ...], command: str) -> list[str]:
    """Returns mmdebstrap's words, without the one that names its output."""
    words = ["--variant=minbase", "--format=tar", f"--include={','.join([*PACKAGES, kernel, *more])}"]
    words += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT]
    # These files must be there when the kernel is configured, because its initrd is made then.
    words += [f"--essential-hook={_writes(name, text)}" for name, text in _initramfs(kernel).items()]
    words += [f"--customize-hook={_writes(name, text)}" for name, text in _FILES.items()]
    words.append('--customize-hook=mkdir -p "$1/boot/efi"')
    if command:
        words.append(f'--customize-hook=chroot "$1" sh -ec {shlex.quote(command)}')
    return [*words, SUITE]


def _writes(name: str, text: str) -> str:
    """Returns a shell command for mmdebstrap's hooks, whose $1 is the new root, that writes a file."""
    return f'mkdir -p "$1/{os.path.dirname(name)}" && printf %s {shlex.quote(text)} >"$1/{name}"'


def _make(folder: Path, recipe: list[str]) -> None:
    """Makes the root beside its place, and moves it there when it is whole. A run that is cut off leaves no part."""
    scratch = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "root").mkdir(parents=True)
    try:
        tools.run("mmdebstrap", "--quiet", *recipe, scratch / "root.tar")
        disk.make_sparse(scratch / "disk.img", _DUMP_START)
        _make_file_system(scratch)
        for name, found in (("vmlinuz", "vmlinuz-*"), ("initrd.img", "initrd.img-*")):
            (source,) = (scratch / "root" / "boot").glob(found)
            shutil.copyfile(source, scratch / name)
        (scratch / "root.tar").unlink()
    finally:
        shutil.rmtree(scratch / "root", ignore_errors=True)
    scratch.rename(folder)


def _make_file_system(scratch: Path) -> None:
    """Writes the archive as ext4 into the disk. Inside fakeroot the files keep their owners, whoever runs this."""
    script = (
        'tar -x -p --exclude="./dev/*" -C "$1/root" -f "$1/root.tar" && '
        'mke2fs -q -t ext4 -L root -m 0 -d "$1/root" -E "offset=$2,nodiscard,lazy_itable_init=0,'
        'assume_storage_prezeroed=1" "$1/disk.img" "$3"'
    )
    tools.run("fakeroot", "sh", "-c", script, "sh", scratch, ROOT_FS.start, f"{ROOT_FS.size >> 10}k")


# Files of a disk whose machine is off


def write_files(path: Path, files: dict[str, GuestFile], links: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        commands = []
        for number, (name, file) in enumerate(files.items()):
            source = Path(folder) / str(number)
            source.write_bytes(file.content)
            # debugfs writes into its current folder only.
            commands += [f'cd "/{os.path.dirname(name)}"', f'write "{source}" "{os.path.basename(name)}"']
            commands += [f'sif "/{name}" mode 0{0o100000 | file.mode:o}']
        commands += [f'symlink "/{name}" "{target}"' for name, target in links.items()]
        (Path(folder) / "commands").write_text("".join(f"{command}\n" for command in commands))
        _debugfs(path, "-w", "-f", str(Path(folder) / "commands"))


def read_file(path: Path, name: str) -> bytes:
    """Reads a file of the root by its path, "var/log/x"."""
    return _debugfs(path, "-R", f'cat "/{name}"')


def _debugfs(path: Path, *words: str) -> bytes:
    """Returns what debugfs printed. It always exits with 0, so any text beside its version is an error."""
    command = [tools.find("debugfs"), *words, f"{path}?offset={ROOT_FS.start}"]
    done = subprocess.run(command, capture_output=True, check=False)
    _version, *said = done.stderr.decode(errors="replace").strip().splitlines()
    if done.returncode != 0 or said:
        raise VmError(f"debugfs on {path}: {'; '.join(said) or f'exit status {done.returncode}'}")
    return done.stdout
