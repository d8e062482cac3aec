# SPDX-License-Identifier: BSD-2-Clause
"""A booted Debian runs lifeboatctl install, reboots, panics at a missing root, reboots, and saves the dump with its
report. Its units tell Lifeboat of boots that completed, and count. Then lifeboatctl panics it once more, the boot's own unit
saves, and the machine's report has what that panic came to.

The firmware starts unified kernel images of Debian's stub, whose command lines have none of Lifeboat's words.
"""

import re

import debian_image
import debian_story
import endurance_loop
import pytest
import status_schema
from conftest import build
from debian_image import DebianDisk
from debian_story import Story, Teller
from lifeboat_guest import FOLDER, UNITS, guest_files, saver_files
from vm.machine import Disk, MachineSpec

_MIB = 1 << 20
# By size and time: an emulated CPU takes long for digests.
_FILES = r"cd /boot/efi && find . -type f -printf '%p %s %T@\n' | sort"
_RULE = "etc/udev/rules.d/90-lifeboat-save.rules"  # what has the unit started; at first it is in /root
_REBOOT_TYPE = "/sys/kernel/reboot/type"
_MISSING = "root=/dev/missing console=ttyS0,115200 quiet"


def _disk(root, folder):
    esp = {
        "EFI/BOOT/BOOTX64.EFI": debian_image.make_uki(root, debian_image.arguments(), True, folder),
        "EFI/Linux/missing.efi": debian_image.make_uki(root, _MISSING, False, folder),
    }
    path = folder / "disk.img"
    files = guest_files(build) | saver_files(build)
    files["root/rule"] = files.pop(_RULE)
    debian_image.make_disk(path, root, DebianDisk(esp, files))
    return path


def _tell(teller: Teller) -> None:
    ask = teller.ask
    ask("before", "lifeboatctl status")
    ask("mount", "mount /boot/efi")
    ask("variables", "cd /sys/firmware/efi/efivars && sha256sum Boot* Driver* | sort -k 2")
    ask("files", _FILES)
    ask("dry", f"lifeboatctl install --from {FOLDER} --dry-run")
    ask("install", f"lifeboatctl install --from {FOLDER}")
    ask("remove", "lifeboatctl remove")
    ask("variables after", "cd /sys/firmware/efi/efivars && sha256sum Boot* Driver* | sort -k 2")
    ask("files after", _FILES)
    ask("install again", f"lifeboatctl install --from {FOLDER}")
    ask("enable", f"systemctl enable {' '.join(UNITS[:2])}")
    ask("told", "lifeboatctl status --json")
    ask("conf", "cat /boot/efi/EFI/lifeboat/lifeboat.conf")
    teller.reboot()
    ask("status", "mount /boot/efi && lifeboatctl status")
    ask("status as JSON", "lifeboatctl status --json")
    ask("machine", "lifeboatctl test --report")
    ask("cmdline", "cat /proc/cmdline")
    entry = ask("entry", r"efibootmgr -C -d /dev/vda -p 1 -L missing -l '\EFI\Linux\missing.efi' | grep -o 'Boot....\* missing'")
    ask("next", f"efibootmgr -q -n {entry[4:8]}")
    teller.restart()
    teller.await_dump()
    ask("counted", "lifeboatctl status --json")
    ask("journal", "journalctl -b -o cat SYSLOG_IDENTIFIER=lifeboat")
    ask("waiting", "lifeboatctl list")
    ask("save", "mkdir -p /var/crash && lifeboatctl save")
    ask("saved", "cd /var/crash/* && ls && head -n 3 report.txt")
    ask("report", "lifeboatctl report --signature /var/crash/*/vmcore")
    # Once more, without power-off: now the boot's own unit saves.
    ask("disarmed", f"echo acpi >{_REBOOT_TYPE}; lifeboatctl status; echo efi >{_REBOOT_TYPE}")
    ask("saver", f"cp /root/rule /{_RULE} && sync")
    teller.panic("taskset -c 1 lifeboatctl test --panic --yes")
    ask("unit", endurance_loop.await_unit(endurance_loop.PARTITIONS[1]))
    ask("both", "grep -h ^reason: /var/crash/*/report.txt; lifeboatctl list")
    ask("armed again", "lifeboatctl status")
    ask("machine after", "lifeboatctl test --report")
    # And a third one: the first partition is free again.
    teller.panic()
    ask("unit again", endurance_loop.await_unit(endurance_loop.PARTITIONS[0]))
    ask("all", "grep -h ^reason: /var/crash/*/report.txt; lifeboatctl list")


@pytest.fixture(scope="module")
def story(tmp_path_factory, firmware) -> Story:
    folder = tmp_path_factory.mktemp("install")
    path = _disk(debian_image.make_root(), folder)
    disks = [Disk("first", path, boot=True), endurance_loop.second_disk(folder, "nvme")]
    spec = MachineSpec(firmware, disks, memory_bytes=512 * _MIB, cpus=2)
    return debian_story.tell(spec, folder, _tell)


@pytest.mark.vm
@pytest.mark.xdist_group("install-debian")
def test_install_then_reboot_is_armed(story):
    assert story.answers["before"].status == 1 and "did not go through" in story.answers["before"].output
    for name in ("mount", "install", "remove", "install again"):
        assert story.answers[name].status == 0, story.answers[name]
    assert "mode: driver" in story.answers["install"].output
    assert "console ttyS0" in story.answers["conf"].output.splitlines()
    status = story.answers["status"]
    assert status.status == 0 and "state=prepared" in status.output.splitlines(), status
    assert "mode=driver" in status.output.splitlines()
    installed = r"^installed: /boot/efi/EFI/lifeboat/lifeboatx64\.efi, mode driver, version \S+$"
    assert re.search(installed, status.output, re.MULTILINE)
    assert {"panic=-1", "oops=panic", "efi=runtime"} <= set(story.answers["cmdline"].output.split())


@pytest.mark.vm
@pytest.mark.xdist_group("install-debian")
def test_remove_restored_all(story):
    """Variables byte for byte."""
    assert "would write" in story.answers["dry"].output
    for name in ("variables", "files"):
        assert story.answers[name].output and story.answers[name] == story.answers[f"{name} after"]


@pytest.mark.vm
@pytest.mark.xdist_group("install-debian")
def test_a_panic_at_a_missing_root_is_saved_with_its_report(story):
    assert story.answers["save"].status == 0, story.answers["save"]
    saved = story.answers["saved"].output.splitlines()
    assert {"vmcore", "vmcore-dmesg.txt", "report.txt", "report.json"} <= set(saved), saved
    assert any("VFS: Unable to mount root fs" in line for line in saved), saved
    assert story.answers["report"].status == 0 and story.answers["report"].output, story.answers["report"]


@pytest.mark.vm
@pytest.mark.xdist_group("install-debian")
def test_a_boot_that_completes_proves_the_trial(story):
    assert story.answers["enable"].status == 0, story.answers["enable"]
    assert status_schema.read(story.answers["told"].output)["restart_before_hibernation"]
    told = status_schema.read(story.answers["status as JSON"].output)
    assert told["covered"] and not told["restart_before_hibernation"], told
    assert told["trial"] == {"mark": "proved", "failed": 0, "panics": 0, "why": None}
    assert told["counters"] == {"boots": 1, "armed": 1, "aside": 0, "dumps": 0, "unaccounted": 0, "saves_failed": 0}
    assert isinstance(told["arming_ms"], int)
    assert told["survived"] is None  # nobody knew yet where the boot before had crash memory


@pytest.mark.vm
@pytest.mark.xdist_group("install-debian")
def test_the_dump_is_counted(story):
    told = status_schema.read(story.answers["counted"].output)
    counters = told["counters"]
    assert (counters["boots"], counters["dumps"], counters["unaccounted"]) == (2, 1, 0), told
    # The row of panics ended: this boot completed.
    assert (told["trial"]["mark"], told["trial"]["panics"], told["last_end"]) == ("proved", 0, "dump"), told
    # QEMU's memory outlives a reset, and its firmware leaves these pages alone; the capture kernel's heap did not reach them.
    assert told["survived"] == {"pages": 16, "of": 16}, told
    assert "a panic of kernel 6.1." in story.answers["journal"].output, story.answers["journal"]


@pytest.mark.vm
@pytest.mark.xdist_group("install-debian")
def test_status_says_what_disarms(story):
    disarmed = story.answers["disarmed"]
    complaints = [line for line in disarmed.output.splitlines() if line.startswith("lifeboatctl:")]
    assert complaints == [f'lifeboatctl: {_REBOOT_TYPE} is "acpi", wanted efi: a panic would not call the firmware']
    assert disarmed.status == 0  # the second echo's


@pytest.mark.vm
@pytest.mark.xdist_group("install-debian")
def test_the_next_panic_is_saved_by_the_unit(story):
    """On the other CPU, without power-off between the two; then it is armed again."""
    assert story.answers["saver"].status == 0, story.answers["saver"]
    unit = story.answers["unit"]
    assert unit.status == 0 and "every digest right" in unit.output, unit
    reasons = re.findall(r"^reason: Kernel panic - not syncing: (\w+)", story.answers["both"].output, re.MULTILINE)
    assert reasons == ["VFS", "sysrq"], story.answers["both"]
    again = story.answers["armed again"]
    assert again.status == 0 and "state=prepared" in again.output.splitlines(), again


@pytest.mark.vm
@pytest.mark.xdist_group("install-debian")
def test_a_third_panic_in_a_row_is_saved(story):
    unit = story.answers["unit again"]
    assert unit.status == 0 and "every digest right" in unit.output, unit
    reasons = re.findall(r"^reason: Kernel panic - not syncing: (\w+)", story.answers["all"].output, re.MULTILINE)
    assert reasons == ["VFS", "sysrq", "sysrq"], story.answers["all"]


@pytest.mark.vm
@pytest.mark.xdist_group("install-debian")
def test_the_machine_is_told(story, tmp_path):
    """As docs/machines.md takes it, where this machine is one of them."""
    before = status_schema.read(story.answers["machine"].output, "machine")
    assert before["system"]["vendor"] == "QEMU" and before["cpu"]["virtual"] and before["panic"] is None, before
    assert (before["boot"]["covered"], before["boot"]["state"], before["boot"]["built_in"]) == (True, "prepared", True)
    kinds = {(one["id"], one["driver"], one["dumps"]) for one in before["functions"]}
    assert {("1b36:0010", "nvme", True), ("1af4:1001", "virtio-pci", True)} <= kinds, before
    after = status_schema.read(story.answers["machine after"].output, "machine")
    panic = after.pop("panic")
    assert (panic["outcome"], panic["stale"]) == ("complete", False), panic
    assert 0 < panic["seconds_to_first_byte"] < panic["seconds_to_end"] and panic["dump_bytes"], panic
    same = before.keys() - {"panic", "boot"}
    assert {key: before[key] for key in same} == {key: after[key] for key in same}
    (tmp_path / "qemu-debian.json").write_text(story.answers["machine after"].output + "\n")
