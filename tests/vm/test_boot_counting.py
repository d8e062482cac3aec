# SPDX-License-Identifier: BSD-2-Clause
"""Boot counting with Lifeboat in front of it: a new kernel panics in an initcall at every boot, systemd-boot's tries of
it run out, the old kernel boots, and has one dump with its reason.

The entry's own panic=10 is the administrator's. systemd-boot loads lifeboatx64.efi, its entries have none of Lifeboat's
words.
"""

import os
import re

import debian_image
import debian_story
import pytest
import status_schema
from conftest import build
from debian_image import DebianDisk
from debian_story import Story, Teller
from lifeboat_guest import FOLDER, UNITS, guest_files
from vm import boot_loaders
from vm.machine import Disk, MachineSpec

_MIB = 1 << 20
_TRIES = 3
_ENTRIES = "/boot/efi/loader/entries"
# Without it the first initcall that opens a socket of the kernel's, of netlink, follows a NULL pointer.
_PANIC = "initcall_blacklist=sock_init panic=10"


def _entry(title: str, arguments: str) -> str:
    return f"title {title}\nlinux /vmlinuz\ninitrd /initrd.img\noptions {arguments}\n"


def _tell(teller: Teller) -> None:
    ask = teller.ask
    ask("install", f"mount /boot/efi && lifeboatctl install --from {FOLDER} --mode sd-boot")
    ask("enable", f"systemctl enable {' '.join(UNITS[:2])}")
    teller.reboot()
    ask("proved", "lifeboatctl status --json")
    # The first by name that is not out of tries: "b" is before "a".
    lines = _entry("new", f"{debian_image.arguments()} {_PANIC}").splitlines()
    words = " ".join(f"'{line}'" for line in lines)
    ask("new", rf"mount /boot/efi && printf '%s\n' {words} >{_ENTRIES}/b-new+{_TRIES}.conf && ls {_ENTRIES}")
    teller.restart()
    teller.await_dump()
    ask("entries", f"mount /boot/efi && ls {_ENTRIES}")
    ask("status", "lifeboatctl status --json")
    ask("save", "mkdir -p /var/crash && lifeboatctl save")
    ask("saved", "ls -d /var/crash/*/ && head -n 5 /var/crash/*/report.txt")


@pytest.fixture(scope="module")
def story(tmp_path_factory, firmware) -> Story:
    folder = tmp_path_factory.mktemp("counting")
    root = debian_image.make_root()
    esp = {
        "EFI/BOOT/BOOTX64.EFI": boot_loaders.SYSTEMD_BOOT,
        "EFI/systemd/systemd-bootx64.efi": boot_loaders.SYSTEMD_BOOT,
        "loader/loader.conf": b"timeout 0\n",
        "loader/entries/a-old.conf": _entry("old", debian_image.arguments()).encode(),
        "vmlinuz": root.kernel,
        "initrd.img": root.initrd,
    }
    path = folder / "disk.img"
    debian_image.make_disk(path, root, DebianDisk(esp, guest_files(build)))
    spec = MachineSpec(firmware, [Disk("first", path, boot=True)], memory_bytes=512 * _MIB, cpus=2)
    return debian_story.tell(spec, folder, _tell)


@pytest.mark.vm
@pytest.mark.skipif(os.environ.get("LIFEBOAT_FULL") != "1", reason="seven boots: LIFEBOAT_FULL=1 runs it")
def test_tries_run_out_and_the_old_kernel_has_the_dump(story):
    for name in ("install", "enable", "new", "save"):
        assert story.answers[name].status == 0, story.answers[name]
    told = status_schema.read(story.answers["proved"].output)
    assert told["covered"] and told["trial"]["mark"] == "proved", told
    # Each try was taken, and none completed.
    assert story.answers["entries"].output.split() == ["a-old.conf", f"b-new+0-{_TRIES}.conf"]
    # The first is captured; those behind it end as the entry has it, in a reboot after ten seconds.
    assert len(re.findall(r"^\[[ .0-9]+\] Kernel panic - not syncing", story.console, re.MULTILINE)) == _TRIES
    assert story.console.count("lifeboat-capture: dump complete: ") == 1
    folders = [line for line in story.answers["saved"].output.splitlines() if line.startswith("/var/crash/")]
    assert len(folders) == 1, story.answers["saved"]
    assert "reason: BUG: kernel NULL pointer dereference" in story.answers["saved"].output
    told = status_schema.read(story.answers["status"].output)
    assert (told["counters"]["dumps"], told["trial"]["mark"], told["trial"]["panics"]) == (1, "proved", 0), told
