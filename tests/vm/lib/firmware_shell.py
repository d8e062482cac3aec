# SPDX-License-Identifier: BSD-2-Clause
"""A machine at the UEFI shell. Runs a startup.nsh of many cases at once, and splits the output by case."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from vm import disk
from vm.firmware import Firmware
from vm.machine import ConsoleLine, Disk, Event, Exited, Machine, MachineSpec, QmpEvent

MEMORY_BYTES = 1 << 30
DEADLINE = 180.0  # seconds of wall clock for any wait, twenty times what it takes
_TOTAL = re.compile(r"^\s*(\w+)\s*: +([\d,]+) Pages \(", re.MULTILINE)


def soon() -> float:
    return time.monotonic() + DEADLINE


@dataclass(frozen=True)
class Case:
    """A shell command between two marks of the script."""

    name: str
    command: str

    def lines(self) -> list[str]:
        return [f"echo ==begin {self.name}==", self.command, f"echo ==end {self.name}== status %lasterror%"]


def lifeboat(name: str, words: str) -> Case:
    return Case(name, f"fs0:\\lifeboat.efi {words}")


def marked(cases: list[Case]) -> list[str]:
    """Returns the cases' lines of a script."""
    return [line for case in cases for line in case.lines()]


def script(cases: list[Case], last: str) -> list[str]:
    """Returns the lines of startup.nsh. After the command `last` the machine does not return."""
    return ["@echo -off", "fs0:", *marked(cases), last]


@dataclass(frozen=True)
class Answer:
    status: int  # an EFI_STATUS as the shell prints it: without its highest bit
    text: str  # what the command printed


class Transcript:
    """What the console printed, by case."""

    def __init__(self, lines: list[ConsoleLine]):
        self.text = "\n".join(line.text for line in lines)

    def __getitem__(self, name: str) -> Answer:
        """Returns the case's last answer. A machine that was reset may have run the case twice."""
        return self.all(name)[-1]

    def all(self, name: str) -> list[Answer]:
        mark = re.escape(name)
        found = re.findall(f"==begin {mark}==\n(.*?)==end {mark}== status 0x([0-9A-F]+)", self.text, re.DOTALL)
        assert found, f"the case {name} was not run to its end; the console's end:\n{self.text[-2000:]}"
        return [Answer(int(status, 16), said) for said, status in found]


def page_totals(memmap: str) -> dict[str, int]:
    """Returns pages by memory type, from the sums of the shell's memmap."""
    totals = {name: int(pages.replace(",", "")) for name, pages in _TOTAL.findall(memmap)}
    assert totals.get("Available"), f"no sums of memmap in:\n{memmap[-2000:]}"
    return totals


def make_machine(
    folder: Path, firmware: Firmware, files: dict[str, Path | bytes], boot_order: bool = True, **spec
) -> Machine:
    """Makes a machine, not yet running, whose ESP (fs0: in the shell) holds `files`. Without `boot_order` the
    firmware starts what its own Boot#### entries say."""
    disk.make_esp(folder / "esp.img", files)
    spec = {"memory_bytes": MEMORY_BYTES, **spec}
    return Machine(MachineSpec(firmware, [Disk("esp", folder / "esp.img", boot=boot_order)], **spec), folder)


def startup(lines: list[str]) -> dict[str, bytes]:
    """Returns startup.nsh at the places where the shell looks, as the firmware's own and as BOOTX64.EFI."""
    return {"startup.nsh": "".join(f"{line}\r\n" for line in lines).encode()}


def load_options(words: str) -> bytes:
    """Returns words as the load options of a Boot#### entry."""
    return f"{words}\0".encode("utf-16-le")


def skip_countdown(machine: Machine) -> None:
    """Sends a key, for which the shell waits five seconds before it reads startup.nsh."""
    machine.wait_line("UEFI Interactive Shell", soon())
    machine.write_console(b"\r")


def wait_reset(machine: Machine, deadline: float | None = None) -> QmpEvent:
    return machine.wait_qmp("RESET", deadline or soon())


def watch(machine: Machine, *wanted: str) -> Event:
    """Returns the first console line with one of `wanted`, or the RESET or SHUTDOWN before it."""
    deadline = soon()
    while (event := machine.next_event(deadline)) is not None:
        if isinstance(event, ConsoleLine) and any(text in event.text for text in wanted):
            return event
        if isinstance(event, QmpEvent) and event.name in ("RESET", "SHUTDOWN"):
            return event
        if isinstance(event, Exited):
            break
    raise AssertionError(f"none of {wanted} came; the console's end:\n{console_end(machine)}")


def watch_screen(machine: Machine, *wanted: str) -> str:
    """Returns the console's whole text after it has one of `wanted`, for a program that draws and ends no line."""
    deadline = soon()
    while time.monotonic() < deadline:
        machine.next_event(min(deadline, time.monotonic() + 1))
        text = (machine.folder / "console.log").read_text(errors="replace")
        if any(one in text for one in wanted):
            return text
    raise AssertionError(f"none of {wanted} came; the console's end:\n{text[-2000:]}")


def console_end(machine: Machine, lines: int = 40) -> str:
    return "\n".join(line.text for line in machine.lines[-lines:])


def run_cases(
    folder: Path, firmware: Firmware, files: dict[str, Path | bytes], cases: list[Case], **spec
) -> Transcript:
    """Runs all cases in one shell session, which ends with a power-off."""
    with make_machine(folder, firmware, files | startup(script(cases, "reset -s")), **spec) as machine:
        machine.power_on()
        skip_countdown(machine)
        event = watch(machine, "Linux version")
        assert isinstance(event, QmpEvent) and event.name == "SHUTDOWN", f"{event}\n{console_end(machine)}"
        return Transcript(machine.lines)
