# SPDX-License-Identifier: BSD-2-Clause
"""Lifeboat in front of Debian's own boot loaders, whose configuration has none of Lifeboat's words.

Each way of starting Lifeboat is tried with one boot loader, and the other pairs with LIFEBOAT_FULL=1. lifeboat-vm
itself looks for the boot loader's own line, and for Lifeboat's words in its configuration.
"""

import re

import pytest
import suites
from scenarios import FULL_ONLY, SECURE_FIRMWARE
from vm import boot_loaders

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("boot-loaders")]

NEEDED = ["panic=-1", "reboot=efi,cold,panic_warm", "crash_kexec_post_notifiers", "efi=runtime"]
ADDED = [*NEEDED, "oops=panic", "unknown_nmi_panic"]

# For each way: boot loader, way, further options.
MECHANISMS = {
    "chain": ("grub", {}),
    "sd-boot": ("systemd-boot", {}),
}
PAIRS = {
    "driver": ("uki", {}),  # test_install_debian.py always panics behind a driver
    "grub-driver": ("grub", {"enter": "driver"}),
    "grub-efi-chain": ("grub-efi", {}),
    "grub-efi-driver": ("grub-efi", {"enter": "driver"}),
    "systemd-boot-chain": ("systemd-boot", {"enter": "chain"}),
    "systemd-boot-driver": ("systemd-boot", {"enter": "driver"}),
    "uki-chain": ("uki", {"enter": "chain"}),
    "uki-kernel": ("uki", {"enter": "kernel"}),
    "chain-smm": ("grub", {"firmware": SECURE_FIRMWARE}),
    "driver-smm": ("uki", {"firmware": SECURE_FIRMWARE}),
    "chain-no-root": ("grub", {"panic": "vfs"}),
    "chain-linux": ("grub", {"capture": "linux"}),
}
# Boot loaders of newer suites: boot loader, its package, suite, suite of the firmware ("" is this machine's).
FIRMWARE = {suites.TRIXIE: "ovmf", suites.SID: "ovmf-generic"}
SIGNED_GRUB, SYSTEMD = "grub-efi-amd64-signed", "systemd-boot-efi"
NEWER = {
    "grub-trixie": ("grub", SIGNED_GRUB, suites.TRIXIE, ""),
    "grub-sid": ("grub", SIGNED_GRUB, suites.SID, ""),
    "systemd-boot-trixie": ("systemd-boot", SYSTEMD, suites.TRIXIE, ""),
    "uki-trixie": ("uki", SYSTEMD, suites.TRIXIE, ""),
    "all-trixie": ("grub", SIGNED_GRUB, suites.TRIXIE, suites.TRIXIE),
    "all-trixie-smm": ("systemd-boot", SYSTEMD, suites.TRIXIE, suites.TRIXIE),
    "all-sid": ("systemd-boot", SYSTEMD, suites.SID, suites.SID),
}


def _cases() -> list:
    quick = [pytest.param(name, id=name) for name in MECHANISMS]
    return quick + [pytest.param(name, id=name, marks=FULL_ONLY) for name in PAIRS]


@pytest.fixture(name="booted")
def _booted(rehearse, driver):
    """booted(name) is the run of that name, which ended in a verified dump."""
    assert driver.is_file()

    def run(name: str):
        boot, more = {**MECHANISMS, **PAIRS}[name]
        return rehearse(f"boot-{name}", boot=boot, **{"capture": "builtin", **more}).check()

    return run


@pytest.mark.parametrize("name", _cases())
def test_a_panic_behind_a_boot_loader(booted, name):
    _judge(booted(name))


@FULL_ONLY
@pytest.mark.parametrize("name", NEWER)
def test_a_panic_behind_a_newer_boot_loader(rehearse, driver, tmp_path_factory, name):
    """The boot loader comes from another suite. Three of them run with that suite's firmware."""
    assert driver.is_file()
    boot, package, suite, firmware = NEWER[name]
    lists = tmp_path_factory.getbasetemp() / "suites"
    options = {"boot": boot, "boot_root": suites.unpacked(package, suite, lists)}
    if firmware:
        image = "OVMF_CODE_4M.secboot.fd" if name.endswith("smm") else "OVMF_CODE_4M.fd"
        options["firmware"] = suites.unpacked(FIRMWARE[firmware], firmware, lists) / "usr/share/OVMF" / image
    _judge(rehearse(f"boot-{name}", capture="builtin", **options).check())


def _judge(run) -> None:
    words = run.findings["first_kernel_cmdline"].split()
    assert words[-len(ADDED) :] == ADDED, words
    before = [word for word in words if not word.startswith(("BOOT_IMAGE=", "initrd="))][: -len(ADDED)]
    assert before[0] == "console=ttyS0,115200"
    assert not [word for word in before if word.split("=")[0] in {one.split("=")[0] for one in ADDED}]
    boot = run.findings["boot"]
    assert re.search(boot_loaders.BOOT_LOADERS[boot].line, run.console.replace("\r", ""))
    assert run.findings["captured"]


@FULL_ONLY
def test_a_crashkernel_of_the_distribution_s_stays(rehearse, driver):
    """The kernel gets a desktop's words, except the one that makes kdump less likely to succeed."""
    assert driver.is_file()
    run = rehearse(
        "boot-crashkernel", boot="grub", capture="builtin", append="crashkernel=128M",
        config=["profile desktop"],
    )  # fmt: skip
    words = run.check().findings["first_kernel_cmdline"].split()
    assert "crashkernel=128M" in words
    assert words[-3:] == [word for word in NEEDED if word != "crash_kexec_post_notifiers"]
