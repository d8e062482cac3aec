# SPDX-License-Identifier: BSD-2-Clause
"""A Debian with systemd, armed by its loader's configuration: what lifeboat-status says of it, and the
dump of its panic, which the next boot's unit saves.

One disk, booted twice; each test looks at one part of what was said.
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path

import debian_image
import pytest
from debian_agent import Agent, Answer
from debian_image import DebianDisk, GuestFile
from vm import gpt
from vm.kernel import ROOT
from vm.machine import Disk, Machine, MachineSpec

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("debian")]

_SCRIPTS = ROOT / "scripts"
_CONFIG = f"""kernel \\vmlinuz
initrd \\initrd.img
arguments {debian_image.arguments()}
"""
_DUMP_TO = f"PARTUUID={gpt.Partition(0, 0).unique}"
# The partition's, in the guest's shell.
_UNIT = (
    "lifeboat-save@$(cat /sys/class/block/$(basename $(readlink -f /dev/disk/by-partuuid/"
    f"{gpt.Partition(0, 0).unique}))/dev).service"
)
# Its process ends, then all that it said is in the journal.
_AWAIT_UNIT = (
    f"pid=$(systemctl show -P MainPID {_UNIT}); [ $pid = 0 ] || tail --pid=$pid -f /dev/null; "
    f"journalctl --sync; journalctl -b -o cat -u {_UNIT}"
)
_REBOOT_TYPE = "/sys/kernel/reboot/type"
_CAPTURE_SECONDS = 600.0


@dataclass
class Story:
    """What was asked and answered, in its order."""

    first_boot: str  # systemd's word for how it went
    armed: Answer
    disarmed: Answer
    armed_again: Answer
    firmware: str  # the console of the second boot until its user space
    second_boot: str
    started: Answer  # when the boot started the unit, in microseconds; "0": it did not
    unit: Answer  # what it said, once it is through
    saved: Answer  # the files under /var/crash, with their first bytes
    listed: Answer


def _disk(folder: Path, loader: Path) -> Path:
    root = debian_image.make_root()
    esp = {
        "EFI/BOOT/BOOTX64.EFI": loader,
        "EFI/BOOT/lifeboat.conf": _CONFIG.encode(),
        "vmlinuz": root.kernel,
        "initrd.img": root.initrd,
    }
    # As docs/capture.md has them installed.
    files = {
        "usr/local/sbin/lifeboat-status": GuestFile((_SCRIPTS / "lifeboat-status").read_bytes(), 0o755),
        "usr/local/sbin/lifeboat-save": GuestFile((loader.parent / "lifeboat-save").read_bytes(), 0o755),
        "etc/systemd/system/lifeboat-save@.service": GuestFile((_SCRIPTS / "lifeboat-save@.service").read_bytes()),
        "etc/udev/rules.d/90-lifeboat-save.rules": GuestFile((_SCRIPTS / "90-lifeboat-save.rules").read_bytes()),
    }
    path = folder / "disk.img"
    debian_image.make_disk(path, root, DebianDisk(esp, files))
    return path


@pytest.fixture(scope="module")
def story(tmp_path_factory, loader, firmware) -> Story:
    folder = tmp_path_factory.mktemp("debian")
    image = _disk(folder, loader)
    told = _tell(MachineSpec(firmware, [Disk("disk", image, boot=True)], memory_bytes=512 << 20), folder)
    image.unlink()  # it is large; after a failure it stays
    return told


def _tell(spec: MachineSpec, folder: Path) -> Story:
    # The reset ends the first machine: in the same QEMU (7.2) a second boot took the emulator 30 s
    # of CPU time to the loader where the first took 6, and more than twice as long to user space.
    with Machine(spec, folder) as machine:
        machine.power_on()
        first = _panic(machine)
    with Machine(spec, folder) as machine:
        machine.power_on()
        agent = Agent(machine)
        second_boot = agent.await_up()
        return Story(
            *first,
            "\n".join(line.text for line in machine.lines),
            second_boot,
            agent.run(f"systemctl show -P ExecMainStartTimestampMonotonic {_UNIT}"),
            agent.run(_AWAIT_UNIT, _CAPTURE_SECONDS),
            agent.run("cd /var/crash && for f in */*; do echo $f $(head -c 8 $f); done"),
            agent.run("lifeboat-save --list auto"),
        )


def _panic(machine: Machine) -> tuple[str, Answer, Answer, Answer]:
    """To the reset that ends the capture; the first fields of a Story."""
    agent = Agent(machine)
    first_boot = agent.await_up()
    armed = agent.run("lifeboat-status")
    disarmed = agent.run(f"echo acpi >{_REBOOT_TYPE}; lifeboat-status")
    armed_again = agent.run(f"echo efi >{_REBOOT_TYPE}; lifeboat-status")
    synced = agent.run("sync")
    assert synced.status == 0, synced
    agent.type("echo c >/proc/sysrq-trigger")
    deadline = time.monotonic() + _CAPTURE_SECONDS
    machine.wait_line("lifeboat-capture: dump complete: ", deadline)
    machine.wait_qmp("RESET", deadline)
    return first_boot, armed, disarmed, armed_again


def test_no_unit_fails(story):
    assert (story.first_boot, story.second_boot) == ("running", "running")


def test_status_says_armed_and_where_to(story):
    assert story.armed.status == 0, story.armed
    assert "state=armed" in story.armed.output.splitlines()
    assert f"dump_to={_DUMP_TO} {_DUMP_TO}" in story.armed.output.splitlines(), story.armed
    assert "lifeboat-status:" not in story.armed.output


def test_status_says_what_disarms(story):
    assert story.disarmed.status == 1
    complaints = [line for line in story.disarmed.output.splitlines() if line.startswith("lifeboat-status:")]
    assert complaints == [
        f'lifeboat-status: {_REBOOT_TYPE} is "acpi", wanted efi: a panic would not call the firmware'
    ]
    assert story.armed_again == story.armed


def test_the_next_boots_loader_says_what_waits(story):
    assert f"AN UNSAVED DUMP WAITS on {_DUMP_TO}: complete" in story.firmware, story.firmware[-4000:]


def test_next_boot_saves_the_dump_by_itself(story):
    assert int(story.started.output) > 0, story.started
    assert story.unit.status == 0 and "every digest right" in story.unit.output, story.unit
    files = dict(line.split(" ", 1) for line in story.saved.output.splitlines())
    dump, log = sorted(files)
    assert re.fullmatch(r"lifeboat-\d{8}T\d{6}Z-[0-9a-f]{8}/vmcore", dump) and files[dump].startswith("KDUMP")
    assert log == f"{dump}-dmesg.txt"
    assert re.search("^state: +complete, saved$", story.listed.output, re.MULTILINE), story.listed
