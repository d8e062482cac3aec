# SPDX-License-Identifier: BSD-2-Clause
"""What page tables cost, measured: the loader's own --footprint in a guest, an armed
loader in the same guest, and the armed tables read back from its crash memory."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from vm import disk, tools
from vm.errors import VmError
from vm.firmware import Firmware
from vm.key_values import parse_key_values, parse_number
from vm.machine import ConsoleLine, Disk, Exited, Machine, MachineSpec

GIB = 1 << 30
LOW_END = 1 << 20
POLICIES = ("ours", "crash-exact", "crash-2m", "ram-4k", "ram-2m", "ram-1g", "linux-today", "linux-5.10")

_FOOTPRINT = "lifeboat: footprint "
_PLAN = "lifeboat: plan "
_BEGIN, _PLANNED = "==footprint==", "==planned=="
# Guests below this have room for a real kernel; in larger ones its struct pages would not fit the host.
_BOOTS_LINUX = 8 * GIB
# RAM of a small guest is split at 2 GiB: neither half has room for a region of 3 GiB.
_MOST_ABOVE_4GIB = "q35,max-ram-below-4g=512M"


@dataclass(frozen=True)
class Guest:
    memory_bytes: int
    five_levels: bool
    gib_pages: bool
    region_bytes: int

    @property
    def name(self) -> str:
        """512M-5level-1g-192M, and no1g where the processor has no 1 GiB pages."""
        levels, pages = 5 if self.five_levels else 4, "1g" if self.gib_pages else "no1g"
        return f"{self.memory_bytes >> 20}M-{levels}level-{pages}-{self.region_bytes >> 20}M"

    @property
    def cpu(self) -> str:
        return f"max,la57={_switch(self.five_levels)},pdpe1gb={_switch(self.gib_pages)}"

    @property
    def machine(self) -> str:
        fits = self.region_bytes < GIB or self.memory_bytes > 8 * GIB
        return "q35" if fits else _MOST_ABOVE_4GIB

    @property
    def possible(self) -> bool:
        """Whether the region fits beside what firmware and kernel take."""
        return self.region_bytes + (256 << 20) <= self.memory_bytes


@dataclass
class Report:
    """One `lifeboat.efi --footprint`."""

    key_values: dict[str, str] = field(default_factory=dict)
    e820: list[tuple[int, int, str]] = field(default_factory=list)  # start, last, type
    seconds: float = 0.0  # from the command to its last line

    def number(self, key: str) -> int:
        value = parse_number(self.key_values.get(key))
        if value is None:
            raise VmError(f"lifeboat.efi --footprint said {key}={self.key_values.get(key)}, wanted a number")
        return value

    @property
    def crash(self) -> tuple[int, int]:
        return parse_range(self.key_values.get("crash", ""))


@dataclass
class Measurement:
    guest: Guest
    alone: Report  # without a kernel
    planned: Report  # with one, from the plan
    plan: dict[str, str]  # what was armed
    image: Path  # crash memory from the page tables to its end, read back

    @property
    def armed_bytes(self) -> int:
        return int(self.plan["page_table_bytes"])

    @property
    def crash(self) -> tuple[int, int]:
        return parse_range(self.plan["crash"])

    @property
    def hook(self) -> list[tuple[int, int]]:
        return [parse_range(self.plan["hook_text"]), parse_range(self.plan["hook_data"])]


def _switch(on: bool) -> str:
    return "on" if on else "off"


def parse_range(text: str) -> tuple[int, int]:
    """START-END, END not part of it."""
    start, _, end = text.partition("-")
    try:
        return int(start, 0), int(end, 0)
    except ValueError as error:
        raise VmError(f"'{text}': not a range START-END") from error


def e820_text(report: Report) -> str:
    """The map as an .e820 file."""
    return "".join(
        f"{start:#x} {last:#x} {'usable' if kind == 'RAM' else kind}\n" for start, last, kind in report.e820
    )


def _script(region_bytes: int) -> bytes:
    crashkernel = f"--crashkernel {region_bytes >> 20}M"
    words = f"--capture-initrd \\capture.img {crashkernel} \\vmlinuz console=ttyS0"
    lines = [
        "@echo -off",
        "fs0:",
        f"echo {_BEGIN}",
        f"\\lifeboat.efi --footprint -v {crashkernel}",
        f"echo {_PLANNED}",
        f"\\lifeboat.efi --footprint -v {words}",
        f"\\lifeboat.efi --require -v {words}",
        "reset -s",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _read_report(machine: Machine, mark: str, deadline: float) -> Report:
    report = Report()
    begun = machine.wait_line(mark, deadline).time
    while (event := machine.next_event(deadline)) is not None:
        if isinstance(event, Exited):
            raise VmError(f"QEMU ended while --footprint was read: {event.message}")
        if not isinstance(event, ConsoleLine):
            continue
        if "lifeboat: error" in event.text:
            raise VmError(event.text)
        _, found, said = event.text.partition(_FOOTPRINT)
        if not found:
            continue
        if said.startswith("e820 "):
            start, last, kind = said.split(maxsplit=3)[1:]
            report.e820.append((int(start, 0), int(last, 0), kind))
            continue
        report.key_values |= parse_key_values(said)
        if "counted" in report.key_values:
            report.seconds = event.time - begun
            return report
    raise VmError(f"--footprint did not end in time; last console line: {machine.last_line()}")


def _read_plan(machine: Machine, deadline: float) -> dict[str, str]:
    plan: dict[str, str] = {}
    while (event := machine.next_event(deadline)) is not None:
        if isinstance(event, Exited):
            raise VmError(f"QEMU ended before the loader armed: {event.message}")
        if not isinstance(event, ConsoleLine):
            continue
        if "lifeboat: error" in event.text:
            raise VmError(event.text)
        if _PLAN in event.text:
            plan |= parse_key_values(event.text)
        elif "lifeboat: armed" in event.text:
            return plan
    raise VmError(f"the loader did not arm in time; last console line: {machine.last_line()}")


def judge_tables(judge: Path, image: Path, measurement: Measurement) -> str:
    """Why the tables in `image` are not what was asked for; "" where they are."""
    plan, report = measurement.plan, measurement.planned
    at, _ = parse_range(plan["page_tables"])
    words = [image, at, plan["handoff"]]
    words += [report.number(key) for key in ("phys_bits", "la57", "gib_pages")]
    words += [measurement.armed_bytes // 4096]
    wanted = [(0, LOW_END), measurement.crash, *measurement.hook]
    try:
        tools.run(judge, *words, *(f"{start:#x}-{end:#x}" for start, end in wanted))
    except VmError as error:
        return str(error)
    return ""


def measure(
    guest: Guest, folder: Path, firmware: Firmware, loader: Path, kernel: Path, timeout: float
) -> Measurement:
    """One boot of the guest: the shell runs the loader three times; the last stays armed.
    The image of its tables is left in `folder`."""
    files = {
        "lifeboat.efi": loader,
        "vmlinuz": kernel,
        "capture.img": bytes(4096),  # never run: the second kernel's is not what is measured
        "startup.nsh": _script(guest.region_bytes),
    }
    (folder / "firmware-variables.fd").unlink(missing_ok=True)
    disk.make_esp(folder / "esp.img", files)
    spec = MachineSpec(
        firmware,
        [Disk("esp", folder / "esp.img")],
        memory_bytes=guest.memory_bytes,
        cpus=1,
        cpu=guest.cpu,
        machine=guest.machine,
    )
    deadline = time.monotonic() + timeout
    with Machine(spec, folder) as machine:
        machine.power_on()
        machine.wait_line("UEFI Interactive Shell", deadline)
        machine.write_console(b"\r")  # the shell waits five seconds for a key before it reads startup.nsh
        alone = _read_report(machine, _BEGIN, deadline)
        planned = _read_report(machine, _PLANNED, deadline)
        plan = _read_plan(machine, deadline)
        if guest.memory_bytes <= _BOOTS_LINUX:
            machine.wait_line("Linux version", deadline)  # the first kernel runs, firmware is gone
        found = Measurement(guest, alone, planned, plan, folder / "tables.img")
        at, _ = parse_range(plan["page_tables"])
        machine.qmp.execute("stop")
        machine.qmp.execute("pmemsave", val=at, size=found.crash[1] - at, filename=str(found.image))
    return found
