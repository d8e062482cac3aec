# SPDX-License-Identifier: BSD-2-Clause
"""A booted Debian with no partition for dumps: lifeboatctl install --reserve, a panic while that very file system is
written to, and the boot's own unit that saves, tells, and has the file ready again."""

import re

import debian_image
import debian_story
import endurance_loop
import pytest
from conftest import build
from debian_image import DebianDisk
from debian_story import Story, Teller
from lifeboat_guest import FOLDER, UNITS, guest_files, saver_files
from scenarios import FULL_ONLY
from vm.machine import Disk, MachineSpec

pytestmark = [pytest.mark.vm, FULL_ONLY, pytest.mark.xdist_group("file-debian")]

_MIB = 1 << 20
_BYTES = 40 * _MIB
_OTHERS = "find boot usr/bin usr/sbin etc/lifeboat -xdev -type f ! -name lifeboat.dump ! -path 'boot/w/*' -exec sha256sum {} +"
_HOOK = r"printf '#!/bin/sh\necho told of $1 >>/var/lib/told\n' >/etc/lifeboat/saved.d/10-note"
# Files appear and go; their blocks and the journal are written all the time.
_WRITER = "(while :; do cp /usr/bin/[a-m]* /boot/w/; sync -f /boot; rm /boot/w/*; done) >/dev/null 2>&1 &"


def _tell(teller: Teller) -> None:
    ask = teller.ask
    ask("mount", "sed -i s/noauto,// /etc/fstab && mount /boot/efi && mkdir -p /boot/w /etc/lifeboat/saved.d")
    ask("hook", f"{_HOOK} && chmod 755 /etc/lifeboat/saved.d/10-note")
    ask("no partition", f"lifeboatctl install --from {FOLDER} --dry-run")
    ask("on FAT", f"lifeboatctl install --from {FOLDER} --mode driver --reserve 4M --dump-to /boot/efi/dump")
    ask("status on FAT", "lifeboatctl status")
    ask("remove", "lifeboatctl remove; ls /boot/efi /boot/efi/EFI/lifeboat")
    ask("install", f"lifeboatctl install --from {FOLDER} --mode driver --reserve {_BYTES}")
    ask("enable", f"systemctl enable {' '.join(UNITS[:2])}")
    ask("digests", f"cd / && {_OTHERS} >/var/tmp/before && wc -l </var/tmp/before && sync")
    teller.reboot()
    ask("armed", "lifeboatctl status")
    ask("writer", f"{_WRITER} sleep 5; ls /boot/w | wc -l")
    teller.panic(sign="lifeboat-capture: dump ")
    ask("unit", endurance_loop.await_service("lifeboat-save-file.service"))
    ask("afterwards", endurance_loop.await_service("lifeboat-save-afterwards.service"))
    ask("saved", "ls -A /var/crash/*; cat /var/lib/told; grep ^reason: /var/crash/*/report.txt")
    ask("others", "cd / && sha256sum --quiet -c /var/tmp/before")
    ask("listed", "lifeboat-save --list file")
    teller.reboot()
    ask("armed again", "lifeboatctl status")


@pytest.fixture(scope="module")
def story(tmp_path_factory, firmware) -> Story:
    folder = tmp_path_factory.mktemp("file-debian")
    root = debian_image.make_root()
    esp = {"EFI/BOOT/BOOTX64.EFI": debian_image.make_uki(root, debian_image.arguments(), True, folder)}
    path = folder / "disk.img"
    debian_image.make_disk(path, root, DebianDisk(esp, guest_files(build) | saver_files(build), dump_bytes=0))
    spec = MachineSpec(firmware, [Disk("first", path, boot=True)], memory_bytes=512 * _MIB, cpus=2)
    return debian_story.tell(spec, folder, _tell)


def test_a_file_on_a_fat(story):
    """Where its blocks are is said by FIBMAP, and compared with what lies beneath."""
    assert story.answers["mount"].status == 0, story.answers["mount"]
    assert story.answers["hook"].status == 0, story.answers["hook"]
    assert story.answers["no partition"].status != 0, story.answers["no partition"]
    made = story.answers["on FAT"]
    assert made.status == 0 and f"made: /boot/efi/dump, {4 * _MIB} bytes" in made.output, made
    assert "no dump goes to" not in story.answers["status on FAT"].output, story.answers["status on FAT"]
    assert "removed: /boot/efi/dump" in story.answers["remove"].output, story.answers["remove"]


def test_armed(story):
    made = story.answers["install"]
    assert made.status == 0 and f"made: /boot/lifeboat.dump, {_BYTES} bytes" in made.output, made
    for name in ("armed", "armed again"):
        told = story.answers[name]
        assert told.status == 0 and "state=prepared" in told.output.splitlines(), told
        assert re.search(r"^dump_to=FILE=/boot/lifeboat\.dump ", told.output, re.MULTILINE), told


def test_saved_by_its_unit(story):
    unit = story.answers["unit"]
    assert unit.status == 0 and "the log, " in unit.output and "Deactivated successfully" in unit.output, unit
    saved = story.answers["saved"].output
    assert {"vmcore", "vmcore-dmesg.txt", "report.txt", "report.json"} <= set(saved.split()), saved
    assert "reason: Kernel panic - not syncing: sysrq triggered crash" in saved
    assert "saved, erased" in story.answers["listed"].output, story.answers["listed"]


def test_told_by_another_unit(story):
    assert re.findall(r"^told of (/var/crash/lifeboat-\S+)$", story.answers["saved"].output, re.MULTILINE), story.answers["saved"]
    assert "10-note: exit status 0" in story.answers["afterwards"].output, story.answers["afterwards"]
    assert ".new" not in story.answers["saved"].output.split()


def test_nothing_else_changed(story):
    """The panic came while files beside it were written: what was there before is as it was."""
    assert int(story.answers["digests"].output) > 300 and int(story.answers["writer"].output) > 0
    others = story.answers["others"]
    assert (others.status, others.output) == (0, ""), others
