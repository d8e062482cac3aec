# SPDX-License-Identifier: BSD-2-Clause
"""What else a system behind Lifeboat's chain does with its machine: it sleeps in RAM, hibernates, restarts, powers
off.

A resumed system compares the memory map with the one that it knew, so Lifeboat's region and hook must be where they
were. A panic after the resume is captured, with the memory that came from the disk.
"""

import re
import subprocess
import time

import debian_image
import pytest
from conftest import build
from debian_agent import Agent
from debian_image import DebianDisk
from lifeboat_guest import guest_files
from scenarios import FULL_ONLY
from vm import boot_loaders
from vm.machine import Disk, Machine, MachineSpec

pytestmark = [pytest.mark.vm, FULL_ONLY, pytest.mark.xdist_group("power")]

_MIB = 1 << 20
_SECONDS = 1200.0
_CONF = b"console ttyS0\nchain \\EFI\\Linux\\debian.efi\n"
_PLACES = "sed -n 's/^crash=/crash=/p; s/^hook=/hook=/p' /sys/firmware/efi/efivars/Lifeboat-*"


def _tell(machine: Machine, answers: dict) -> None:
    agent = Agent(machine)

    def ask(name: str, command: str) -> None:
        answers[name] = agent.run(command, _SECONDS)

    def back(name: str) -> None:
        """Waits for the command that sent the machine to sleep, which ends when the machine is awake."""
        answers[name] = agent.answer(name, _SECONDS)
        agent.be_heard(_SECONDS)

    machine.power_on()
    agent.await_up(_SECONDS)
    ask("proved", "lifeboatctl boot-complete; lifeboatctl status")
    agent.type("echo mem >/sys/power/state")
    machine.wait_qmp("SUSPEND", time.monotonic() + _SECONDS)
    machine.qmp.execute("system_wakeup")
    back("suspend")
    ask("awake", "dmesg | grep 'PM: suspend exit'")
    ask("swap", "mkswap -q /dev/vdb && swapon /dev/vdb && echo reboot >/sys/power/disk")
    ask("places", _PLACES)
    ask("mark", "echo lifeboat-before-hibernation >/run/mark; echo lifeboat-before-hibernation >/dev/kmsg")
    agent.type("echo disk >/sys/power/state")
    agent.was_reset(_SECONDS)
    back("hibernate")
    ask("resumed", "dmesg | grep 'PM: hibernation: hibernation exit'; cat /run/mark")
    ask("boot", "lifeboatctl status")
    ask("places again", _PLACES)
    agent.type("echo c >/proc/sysrq-trigger")
    machine.wait_line("lifeboat-capture: dump complete: ", time.monotonic() + _SECONDS)
    agent.was_reset(_SECONDS)
    agent.await_up(_SECONDS)
    agent.type("systemctl poweroff")
    machine.wait_qmp("SHUTDOWN", time.monotonic() + _SECONDS)


def test_sleep_hibernation_a_panic_and_power_off(tmp_path, firmware, loader):
    root, answers = debian_image.make_root(), {}
    linux = boot_loaders.Linux(
        root.kernel, {"initrd.img": root.initrd}, f"{debian_image.arguments()} resume=/dev/vdb", tmp_path
    )
    uki = boot_loaders.BOOT_LOADERS["uki"].make(linux).image.read_bytes()
    esp = {"EFI/BOOT/BOOTX64.EFI": loader, "EFI/BOOT/lifeboat.conf": _CONF, "EFI/Linux/debian.efi": uki}
    path, swap = tmp_path / "disk.img", tmp_path / "swap.img"
    debian_image.make_disk(path, root, DebianDisk(esp, guest_files(build)))
    with open(swap, "wb") as image:
        image.truncate(1024 * _MIB)
    disks = [Disk("first", path, boot=True), Disk("swap", swap)]
    with Machine(MachineSpec(firmware, disks, memory_bytes=512 * _MIB, cpus=2), tmp_path) as machine:
        try:
            _tell(machine, answers)
        finally:
            console = "\n".join(line.text for line in machine.lines)
            (tmp_path / "power.log").write_text(console + "\n" + "\n".join(map(str, answers.items())))
    assert "state=prepared" in answers["proved"].output and answers["awake"].status == 0, answers
    assert [answers[name].status for name in ("suspend", "swap", "hibernate", "mark")] == [0] * 4, answers
    assert answers["resumed"].output.endswith("lifeboat-before-hibernation"), answers["resumed"]
    assert answers["places"].output.count("=") == 2 and answers["places"] == answers["places again"]
    # The boot that resumed was armed. The boot after the panic has no other partition. Nothing complained of
    # a changed map.
    assert len(re.findall("^lifeboat: prepared", console, re.MULTILINE)) == 2 and "standing aside" not in console
    assert console.count("lifeboat-capture: dump complete: ") == 1
    saved = tmp_path / "saved"
    saved.mkdir()
    subprocess.run([build("lifeboat-save"), "--force", path, saved], check=True, capture_output=True)
    (folder,) = saved.iterdir()
    log = (folder / "vmcore-dmesg.txt").read_text()
    assert "lifeboat-before-hibernation" in log and "PM: hibernation: hibernation exit" in log
    assert re.search("reason: .*sysrq", (folder / "report.txt").read_text())
