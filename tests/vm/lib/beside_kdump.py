# SPDX-License-Identifier: BSD-2-Clause
"""A Debian with kdump-tools as apt installs it, started by Lifeboat's chain: a machine that has both."""

import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import debian_image
from debian_agent import Agent, Answer
from debian_image import DebianDisk, DebianRoot, GuestFile
from vm import boot_loaders
from vm.machine import Disk, Machine, MachineSpec

MIB = 1 << 20
SECONDS = 2400.0  # the limit of any wait: the machine is emulated, and the host has other work
CRASHKERNEL = "crashkernel=256M"
# kdump-tools only recommends makedumpfile. Without it kdump-tools saves an empty file and reports that it
# saved a vmcore. The libraries are for lifeboatctl.
PACKAGES = ("kdump-tools", "makedumpfile", "libefiboot1", "libefivar1", "libkdumpfile10")
# Lists, in the guest, dumps that are not empty. A dump that was cut off is called "dump-incomplete" by
# kdump-tools.
KDUMPS = "find /var/crash -name 'dump.*' -size +1024k"
CONF = b"console ttyS0\nchain \\EFI\\Linux\\debian.efi\n"
_TOOL = "usr/local/sbin/lifeboatctl"
LOG_OF_KDUMP = "lifeboat: the log of kdump's own kernel"
# kdump's own kernel finds neither an init nor a root.
FAILING = "reset_devices nr_cpus=1 irqpoll rdinit=/nonexistent init=/nonexistent"


@dataclass
class Story:
    """What one machine was asked, what its console printed, and its disk after the power-off."""

    disk: Path
    answers: dict[str, Answer] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # from power-on on

    def said(self, pattern: str) -> list[str]:
        return [line for line in self.lines if re.search(pattern, line)]


# The hook of kernel packages does what the first start with crashkernel= would do, which takes minutes under
# emulation. kdump-config does it again if it has no copy of its sysctls.
_INITRD = (
    "for kernel in /lib/modules/*; do version=${kernel##*/}; /etc/kernel/postinst.d/kdump-tools $version; "
    "cp /etc/kdump/sysctl.conf /var/lib/kdump/latest_sysctls-$version; done"
)


def make_root() -> DebianRoot:
    return debian_image.make_root(more=PACKAGES, command=_INITRD)


@dataclass(frozen=True)
class Setup:
    """The setup of one machine."""

    early: bool = False  # no initrd, and a root that does not exist: the kernel panics before user space
    lifeboat: bool = True
    crashkernel: bool = True
    words: str = ""  # more words for the kernel's command line
    dump_bytes: int = 1024 * MIB  # size of the partition for Lifeboat's dumps; 0: none


def make_disk(folder: Path, root: DebianRoot, loader: Path, setup: Setup) -> Path:
    words = "root=/dev/missing console=ttyS0,115200" if setup.early else debian_image.arguments()
    arguments = " ".join(filter(None, [words, CRASHKERNEL if setup.crashkernel else "", setup.words]))
    initrd = {} if setup.early else {"initrd.img": root.initrd}
    linux = boot_loaders.Linux(root.kernel, initrd, arguments, folder)
    uki = boot_loaders.BOOT_LOADERS["uki"].make(linux).image.read_bytes()
    esp = {"EFI/BOOT/BOOTX64.EFI": uki}
    if setup.lifeboat:
        esp = {"EFI/BOOT/BOOTX64.EFI": loader, "EFI/BOOT/lifeboat.conf": CONF, "EFI/Linux/debian.efi": uki}
    path = folder / "disk.img"
    files = {_TOOL: GuestFile((loader.parent / "lifeboatctl").read_bytes(), 0o755)}
    debian_image.make_disk(path, root, DebianDisk(esp, files, dump_bytes=setup.dump_bytes))
    return path


class Guest:
    """The machine of one story, from power-on. A context manager that keeps its lines."""

    def __init__(self, path: Path, folder: Path, firmware):
        self.story = Story(path)
        spec = MachineSpec(firmware, [Disk("first", path, boot=True)], memory_bytes=1024 * MIB, cpus=2)
        self.machine = Machine(spec, folder)
        self._agent = Agent(self.machine)

    def __enter__(self) -> "Guest":
        self.machine.__enter__()
        self.machine.power_on()
        return self

    def __exit__(self, *what) -> None:
        self.story.lines = [line.text for line in self.machine.lines]
        self.machine.__exit__(*what)

    def await_up(self) -> None:
        self._agent.await_up(SECONDS)

    def ask(self, name: str, command: str) -> Answer:
        self.story.answers[name] = self._agent.run(command, SECONDS)
        return self.story.answers[name]

    def type(self, command: str) -> None:
        self.note(command)
        self._agent.type(command)

    def wait(self, pattern: str) -> None:
        self.machine.wait_line(pattern, time.monotonic() + SECONDS)
        self.note(pattern)

    def wait_reset(self) -> None:
        self.machine.wait_qmp("RESET", time.monotonic() + SECONDS)
        self.note("reset")

    def note(self, name: str) -> None:
        self.story.seconds[name] = self.machine.seconds()


def panic(guest: Guest) -> None:
    """Panics the machine by a system request. If kdump is loaded, it captures first."""
    guest.type("echo c >/proc/sysrq-trigger")


def break_kdump(guest: Guest) -> None:
    """Loads kdump again, with words that make its kernel panic."""
    change = f"printf 'USE_KDUMP=1\\nKDUMP_CMDLINE_APPEND=\"{FAILING}\"\\n' >>/etc/default/kdump-tools"
    guest.ask("broken", f"{change} && kdump-config unload && kdump-config load")


def save(story: Story, tool: Path, folder: Path) -> Path | None:
    """Saves what is on the disk with lifeboat-save; returns the folder, or None if there is nothing."""
    folder.mkdir()
    done = subprocess.run([tool, "--force", story.disk, folder], capture_output=True, text=True, check=False)
    found = list(folder.iterdir())
    assert done.returncode == (0 if found else 3), done
    return found[0] if found else None


def remove(story: Story) -> None:
    story.disk.unlink(missing_ok=True)
    shutil.rmtree(story.disk.parent, ignore_errors=True)
