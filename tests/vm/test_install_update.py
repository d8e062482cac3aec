# SPDX-License-Identifier: BSD-2-Clause
"""lifeboatctl install in a booted Debian before GRUB and systemd-boot, whose configuration is then told of another
kernel, as the hooks of kernel packages do: both kernels get the words, and a panic of the second is saved.
"""

import re
from dataclasses import dataclass

import debian_image
import debian_story
import pytest
from conftest import build
from debian_image import DebianDisk, GuestFile
from debian_story import Teller
from lifeboat_guest import FOLDER, UNITS, guest_files
from scenarios import FULL_ONLY
from vm import boot_loaders
from vm.machine import Disk, MachineSpec

_MIB = 1 << 20
_WORDS = {"panic=-1", "reboot=efi,cold,panic_warm", "crash_kexec_post_notifiers", "efi=runtime", "oops=panic"}
_FALLBACK = "EFI/BOOT/BOOTX64.EFI"


@dataclass(frozen=True)
class Way:
    boot_loader: str
    shown: str  # what the console says of it at each boot
    next_kernel: str  # shell: from now on it starts the other one


WAYS = {
    "chain": Way("grub", "Welcome to GRUB!", "sed -i s/test-first/test-other/g /boot/test.cfg"),
    "sd-boot": Way("systemd-boot", "Boot in 1 s.", "sed -i 's#/first#/other#' /boot/efi/loader/entries/debian.conf"),
}
# GRUB finds the root by its label. The other kernel lies beside the first, with its own initrd.
_GRUB_FIND = "search.fs_label root root\nconfigfile ($root)/boot/test.cfg\n"
_GRUB_MENU = """set timeout=0
menuentry Debian {{
	echo "Loading Linux by linux"
	linux /boot/test-{name} {arguments}
	initrd /boot/test-{name}.img
}}
"""
_ENTRY = "title Debian\nlinux /{name}\ninitrd /{name}.img\noptions {arguments}\n"


def _grub_files(kernels: dict, arguments: str) -> tuple[dict, dict]:
    """Of the ESP, and of the root."""
    root = {"boot/test.cfg": GuestFile(_GRUB_MENU.format(name="first", arguments=arguments).encode())}
    for name, one in kernels.items():
        root[f"boot/test-{name}"] = GuestFile(one.kernel.read_bytes())
        root[f"boot/test-{name}.img"] = GuestFile(one.initrd.read_bytes())
    return {_FALLBACK: boot_loaders.GRUB, "EFI/debian/grub.cfg": _GRUB_FIND.encode()}, root


def _systemd_boot_files(kernels: dict, arguments: str) -> tuple[dict, dict]:
    esp = {
        _FALLBACK: boot_loaders.SYSTEMD_BOOT,
        "EFI/systemd/systemd-bootx64.efi": boot_loaders.SYSTEMD_BOOT,
        "loader/loader.conf": b"timeout 1\n",
        "loader/entries/debian.conf": _ENTRY.format(name="first", arguments=arguments).encode(),
    }
    for name, one in kernels.items():
        esp |= {name: one.kernel, f"{name}.img": one.initrd}
    return esp, {}


def _disk(path, boot_loader: str) -> None:
    kernels = {"first": debian_image.make_root(), "other": debian_image.make_root(debian_image.GENERIC_KERNEL)}
    make = _grub_files if boot_loader == "grub" else _systemd_boot_files
    esp, root = make(kernels, debian_image.arguments())
    debian_image.make_disk(path, kernels["first"], DebianDisk(esp, guest_files(build) | root))


def _tell(teller: Teller, mode: str) -> None:
    ask = teller.ask
    ask("mount", "mount /boot/efi")
    ask("install", f"lifeboatctl install --from {FOLDER} --mode {mode}")
    ask("enable", f"systemctl enable {' '.join(UNITS[:2])}")
    ask("conf", "cat /boot/efi/EFI/lifeboat/lifeboat.conf")
    teller.reboot()
    ask("status", "mount /boot/efi && lifeboatctl status")
    ask("first kernel", "uname -r && cat /proc/cmdline")
    ask("update", WAYS[mode].next_kernel)
    teller.reboot()
    ask("other kernel", "uname -r && cat /proc/cmdline")
    teller.panic()
    ask("save", "mkdir -p /var/crash && lifeboatctl save")
    ask("saved", "cd /var/crash/* && ls && head -n 3 report.txt")


@pytest.mark.vm
@FULL_ONLY
@pytest.mark.parametrize("mode", [pytest.param(mode, marks=pytest.mark.xdist_group(f"update-{mode}")) for mode in WAYS])
def test_a_kernel_update_between_two_boots(tmp_path, firmware, mode):
    disk = tmp_path / "disk.img"
    _disk(disk, WAYS[mode].boot_loader)
    spec = MachineSpec(firmware, [Disk("first", disk, boot=True)], memory_bytes=512 * _MIB, cpus=2)
    story = debian_story.tell(spec, tmp_path, lambda teller: _tell(teller, mode))
    for name in ("install", "enable", "status", "update", "save"):
        assert story.answers[name].status == 0, (name, story.answers[name])
    assert f"mode: {mode}\n" in story.answers["install"].output
    assert ("chain \\EFI\\BOOT\\BOOTX64.EFI" in story.answers["conf"].output) == (mode == "chain")
    status = story.answers["status"].output
    assert "state=prepared" in status.splitlines() and f"mode {mode}, version " in status, status
    (first, *first_line), (other, *other_line) = (
        story.answers[f"{one} kernel"].output.split() for one in ("first", "other")
    )
    assert "cloud" in first and "cloud" not in other
    assert set(first_line) >= _WORDS and set(other_line) >= _WORDS, (first_line, other_line)
    assert len(re.findall(re.escape(WAYS[mode].shown), story.console)) >= 4
    saved = story.answers["saved"].output.splitlines()
    assert {"vmcore", "vmcore-dmesg.txt", "report.txt", "report.json"} <= set(saved), saved
    assert any("sysrq triggered crash" in line for line in saved), saved
