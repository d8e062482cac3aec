# SPDX-License-Identifier: BSD-2-Clause
"""One machine, powered on once, goes through panic, dump, reset, and a save by the next boot's unit, again and
again."""

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import debian_image
from debian_agent import Agent, Answer
from debian_image import DebianDisk, GuestFile
from endurance import OTHER, Cycle, EnduringMachine
from lifeboat_guest import FOLDER, libraries, saver_files
from stand_still import WatchedMachine
from vm import disk, gpt
from vm.errors import VmError
from vm.firmware import Firmware
from vm.machine import Disk, MachineSpec

_MIB = 1 << 20
_MEMORY_BYTES = 512 * _MIB
_DUMP_BYTES = 1024 * _MIB
# The partitions on the first and the second disk.
PARTITIONS = gpt.Partition(0, 0).unique, uuid.UUID("2c6d4a52-3f5e-4a53-8f0c-6c6966650004")
# A machine that stands still is noticed by its silence long before this limit.
_SECONDS = 7200.0
# What is kept of a saved log's end to tell the cause. A panic in an NMI is followed by two long warnings of
# EFI's pstore.
_TAIL_LINES, _TAIL_COLUMNS = 400, 160

# The loader takes the first of these partitions that holds no dump.
_CONFIG = f"""kernel \\vmlinuz
initrd \\initrd.img
arguments {debian_image.arguments()}
verbose
dump-to PARTUUID={PARTITIONS[0]}
dump-to PARTUUID={PARTITIONS[1]}
"""


def _unit(partition: uuid.UUID) -> str:
    """Returns the partition's unit, as an expression of the guest's shell."""
    device = f"$(basename $(readlink -f /dev/disk/by-partuuid/{partition}))"
    return f"lifeboat-save@$(cat /sys/class/block/{device}/dev).service"


def await_unit(partition: uuid.UUID) -> str:
    """Returns a command that ends when the partition's unit has ended, and prints all that the unit printed."""
    return await_service(_unit(partition))


def await_service(unit: str) -> str:
    """Does the same for a unit by its name. On a busy host the boot may end before the unit has a process."""
    return (
        f"journalctl -b -f -n all -o cat -u {unit} | {{ grep -q -m 1 -e 'Deactivated successfully' -e 'Failed with "
        f"result'; kill $(pidof journalctl); }}; journalctl -b -o cat -u {unit}"
    )


@dataclass
class Boot:
    """What one boot printed before it was brought down. The first boot has nothing to save."""

    state: str  # systemd's word for the state
    status: Answer  # answer to lifeboatctl status
    unit: Answer  # what the unit of the last dump's partition printed; only the boot starts it
    folders: list[str]  # folders below /var/crash, sorted
    vmcore: str  # the first bytes of the newest vmcore
    log: str  # the newest log


@dataclass
class Times:
    """QEMU's CPU seconds of one cycle, and the wall clock's."""

    to_loader: float = 0.0
    to_armed: float = 0.0
    to_up: float = 0.0
    panic_to_reset: float = 0.0
    wall: float = 0.0


@dataclass
class Endurance:
    """One machine's story: cycles[n] ended boots[n], and boots[n + 1] saved the dump."""

    machine: EnduringMachine
    seed: int
    cycles: list[Cycle]
    disarmed: Answer | None = None  # what lifeboatctl status printed with another way to reboot, in the first boot
    listed: Answer | None = None  # the list of all partitions at the end
    boots: list[Boot] = field(default_factory=list)
    times: list[Times] = field(default_factory=list)
    longest_silence: float = 0.0
    console: str = ""


@dataclass(frozen=True)
class Programs:
    loader: Path
    build: Callable[[str], Path]  # returns a file of the build folder
    provoke: bytes | None  # the module for the machine's kernel; None if no cause needs it


def root_of(machine: EnduringMachine) -> debian_image.DebianRoot:
    return debian_image.make_root(debian_image.GENERIC_KERNEL if machine.needs_generic else debian_image.KERNEL)


def _disks(story: Endurance, programs: Programs, folder: Path) -> list[Disk]:
    root = root_of(story.machine)
    esp = {
        "EFI/BOOT/BOOTX64.EFI": programs.loader,
        "EFI/BOOT/lifeboat.conf": _CONFIG.encode(),
        "vmlinuz": root.kernel,
        "initrd.img": root.initrd,
    }
    files = saver_files(programs.build) | libraries(programs.build)
    files[f"{FOLDER[1:]}/lifeboatctl"] = GuestFile(programs.build("lifeboatctl").read_bytes(), 0o755)
    if programs.provoke:
        files["root/provoke.ko"] = GuestFile(programs.provoke)
    first = folder / "first.img"
    debian_image.make_disk(first, root, DebianDisk(esp, files, dump_bytes=_DUMP_BYTES))
    here, there = story.machine.controllers
    return [Disk("first", first, boot=True, controller=here), second_disk(folder, there)]


def second_disk(folder: Path, controller: str) -> Disk:
    """Makes the second disk. Its partition, PARTITIONS[1], takes the dump while the first one's waits to be
    saved."""
    path = folder / "second.img"
    disk.make_sparse(path, _DUMP_BYTES + 2 * _MIB)
    gpt.write_table(path, [gpt.Partition(_MIB, _DUMP_BYTES, unique=PARTITIONS[1])])
    return Disk("second", path, controller=controller)


class Loop:
    """Runs a machine. story() is complete when every cycle's dump was looked for. The tests judge what was found."""

    def __init__(self, story: Endurance, firmware: Firmware, programs: Programs, folder: Path):
        self._story = story
        self._folder = folder
        self._disks = _disks(story, programs, folder)
        self._known = {"lifeboat.efi": programs.loader, "the first kernel's EFI stub": root_of(story.machine).kernel}
        spec = MachineSpec(firmware, self._disks, memory_bytes=_MEMORY_BYTES, cpus=story.machine.cpus)
        self._machine = WatchedMachine(spec, folder, self._known)
        self._agent = Agent(self._machine)
        self._now = Times()

    def run(self) -> None:
        """Runs all cycles. The disks, which are large, are kept only after a failure."""
        with self._machine as machine:
            machine.power_on()
            begun = time.monotonic()
            try:
                for number in range(len(self._story.cycles)):
                    self._boot(number)
                    if number == 0:
                        self._disarm()
                    self._story.times.append(self._now)
                    self._panic(number)
                    self._now.wall, begun = time.monotonic() - begun, time.monotonic()
                self._boot(len(self._story.cycles))
                self._story.listed = self._ask("lifeboat-save --list auto")
            finally:
                self._story.longest_silence = machine.longest_silence
                self._story.console = "\n".join(line.text for line in machine.lines)
        for one in self._disks:
            one.path.unlink()

    def _boot(self, number: int) -> None:
        """Goes from power-on or reset to where all is known of the dump before."""
        self._now = Times()
        machine, agent = self._machine, self._agent
        reset = machine.cpu_seconds()
        deadline = time.monotonic() + _SECONDS
        machine.wait_line("BdsDxe: starting Boot", deadline)
        self._now.to_loader = machine.cpu_seconds() - reset
        machine.wait_line("lifeboat: armed", deadline)
        self._now.to_armed = machine.cpu_seconds() - reset
        state = agent.await_up(_SECONDS)
        self._now.to_up = machine.cpu_seconds() - reset
        self._story.boots.append(self._looked_at(number, state))

    def _looked_at(self, number: int, state: str) -> Boot:
        status = self._ask("lifeboatctl status")
        if number == 0:
            nothing = Answer(0, "")
            return Boot(state, status, nothing, [], "", "")
        before = PARTITIONS[(number - 1) % 2]
        unit = self._ask(await_unit(before))
        folders = self._ask("ls /var/crash").output.split()
        newest = f"/var/crash/{folders[-1]}" if folders else "/nowhere"
        vmcore = self._ask(f"head -c 8 {newest}/vmcore").output
        log = self._ask(f"tail -n {_TAIL_LINES} {newest}/vmcore-dmesg.txt | cut -c -{_TAIL_COLUMNS}").output
        self._ask(f"rm {newest}/vmcore")  # nine of them would not fit
        return Boot(state, status, unit, folders, vmcore, log)

    def _disarm(self) -> None:
        """Disarms by another way to reboot, and arms again, which the first panic shows."""
        self._story.disarmed = self._ask("echo acpi >/sys/kernel/reboot/type; lifeboatctl status")
        self._done("echo efi >/sys/kernel/reboot/type")

    def _panic(self, number: int) -> None:
        """Panics, and goes on to the reset that ends the capture."""
        machine, cycle = self._machine, self._story.cycles[number]
        self._done("sync")
        used = machine.cpu_seconds()
        cpu = panic_cpu(self._story.machine, cycle)
        if cycle.cause.command:
            self._agent.type(f"cpu={cpu}; {cycle.cause.command}")
        else:
            self._ask("echo 1 >/proc/sys/kernel/unknown_nmi_panic")
            machine.qmp.execute("inject-nmi")
        deadline = time.monotonic() + _SECONDS
        machine.wait_line("lifeboat-capture: dump complete: ", deadline)
        machine.wait_qmp("RESET", deadline)
        machine.forget_translations()
        self._now.panic_to_reset = machine.cpu_seconds() - used

    def _done(self, command: str) -> None:
        if (answer := self._ask(command)).status != 0:
            raise VmError(f"'{command}' ended with {answer.status}: {answer.output}")

    def _ask(self, command: str) -> Answer:
        return self._agent.run(command, _SECONDS)


def panic_cpu(machine: EnduringMachine, cycle: Cycle) -> int:
    return machine.cpus - 1 if cycle.kind == OTHER else 0


def missing_words(log: str, cycle: Cycle, cpu: int) -> str:
    """Returns the first of the cause's words that the log lacks, in their order; "" if it has all."""
    at = 0
    for words in cycle.cause.last_words:
        found = re.compile(words.replace("{cpu}", str(cpu))).search(log, at)
        if not found:
            return words
        at = found.end()
    return ""
