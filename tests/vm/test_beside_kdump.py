# SPDX-License-Identifier: BSD-2-Clause
"""Beside Debian's kdump-tools and kexec-tools: who captures which panic, and that neither side takes the other's
dump."""

import re

import beside_kdump
import pytest
from beside_kdump import Guest, Setup
from conftest import build
from scenarios import FULL_ONLY

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("beside-kdump")]

WORDS = ("panic=-1", "reboot=efi,cold,panic_warm", "efi=runtime", "oops=panic")


@pytest.fixture(scope="module")
def root():
    return beside_kdump.make_root()


@pytest.fixture
def start(tmp_path, firmware, loader, root):
    """start(...) makes a machine that Lifeboat starts."""
    build("lifeboatctl")

    def start(early: bool = False) -> Guest:
        return Guest(beside_kdump.make_disk(tmp_path, root, loader, Setup(early)), tmp_path, firmware)

    return start


def saved(story, tmp_path):
    """saved(story) is (folder, report) of the dump that Lifeboat wrote."""
    folder = beside_kdump.save(story, build("lifeboat-save"), tmp_path / "saved")
    assert folder, story.lines[-20:]
    return folder, (folder / "report.txt").read_text()


@FULL_ONLY
def test_a_panic_before_kdump_is_loaded_is_ours(start, tmp_path):
    with start(early=True) as guest:
        guest.wait("lifeboat-capture: dump complete: ")
        guest.wait_reset()
    folder, report = saved(guest.story, tmp_path)
    assert "reason: Kernel panic - not syncing: VFS: Unable to mount root fs" in report
    # crashkernel= is on the line. The word that makes kdump less likely to succeed is not, and the report
    # says what is missing without it.
    line = re.search(r"Command line: (.*)", (folder / "vmcore-dmesg.txt").read_text())[1].split()
    assert beside_kdump.CRASHKERNEL in line and set(WORDS) <= set(line)
    assert "crash_kexec_post_notifiers" not in line
    assert "no registers: crash_kexec_post_notifiers is left out beside crashkernel=" in report


@FULL_ONLY
def test_b_with_kdump_loaded_the_dump_is_kdumps(start, tmp_path):
    with start() as guest:
        guest.await_up()
        assert guest.ask("kdump", "kdump-config status").output == "current state   : ready to kdump"
        status = guest.ask("status", "lifeboatctl status")
        assert status.status == 0 and "the system's own kdump is loaded" in status.output, status
        # lifeboat-boot-complete.service does the same. After a trial that did not complete, the next boot
        # would stand aside.
        assert guest.ask("complete", "lifeboatctl boot-complete").status == 0
        beside_kdump.panic(guest)
        guest.wait_reset()  # kdump's kernel has saved the dump
        guest.await_up()
        assert guest.ask("crash", beside_kdump.KDUMPS).output, guest.ask("there", "ls -lR /var/crash")
        guest.ask("list", "lifeboatctl list")
        guest.ask("status after", "lifeboatctl status")
    assert not guest.story.said("lifeboat-capture: ")
    assert guest.story.answers["status after"].status == 0
    assert beside_kdump.save(guest.story, build("lifeboat-save"), tmp_path / "saved") is None


@FULL_ONLY
def test_c_a_panic_of_kdumps_own_kernel_is_ours(start, tmp_path, log_by_makedumpfile):
    """The dump has the memory of the kernel that died first, both logs, and both reasons."""
    with start() as guest:
        guest.await_up()
        beside_kdump.break_kdump(guest)
        assert guest.story.answers["broken"].status == 0, guest.story.answers["broken"]
        assert guest.ask("mark", "echo lifeboat-marked >/dev/kmsg").status == 0
        beside_kdump.panic(guest)
        guest.wait("lifeboat-capture: dump complete: ")
        guest.wait_reset()
    folder, report = saved(guest.story, tmp_path)
    first, _, second = (folder / "vmcore-dmesg.txt").read_text().partition(beside_kdump.LOG_OF_KDUMP)
    assert "lifeboat-marked" in first and "sysrq triggered crash" in first
    assert "elfcorehdr=" in second and "Kernel panic - not syncing" in second
    assert "reason: Kernel panic - not syncing: sysrq triggered crash" in report.partition("\nkdump: ")[0]
    assert re.search("^  reason: Kernel panic - not syncing: ", report.partition("\nkdump: ")[2], re.MULTILINE), report
    # Debian's own reader opens the dump as the first kernel's.
    log = log_by_makedumpfile(folder / "vmcore")
    assert "lifeboat-marked" in log and "elfcorehdr=" not in log


@FULL_ONLY
def test_d_a_kernel_that_kexec_started_is_covered_or_said_not_to_be(start):
    load = "kexec -l -s /boot/vmlinuz-* --initrd=$(ls /boot/initrd.img-*)"
    with start() as guest:
        guest.await_up()
        assert guest.ask("loaded", f"{load} --reuse-cmdline").status == 0
        guest.type("systemctl kexec")
        guest.await_up()
        covered = guest.ask("covered", "lifeboatctl status")
        assert covered.status == 0, covered
        words = "sed 's/panic=-1//; s/reboot=[^ ]*//' /proc/cmdline"
        assert guest.ask("loaded without", f'{load} --command-line="$({words})"').status == 0
        guest.type("systemctl kexec")
        guest.await_up()
        bare = guest.ask("bare", "lifeboatctl status")
    assert bare.status == 1 and "reboot=efi,cold,panic_warm" in bare.output, bare
