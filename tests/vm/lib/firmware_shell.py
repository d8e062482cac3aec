# SPDX-License-Identifier: BSD-2-Clause
"""A machine at the UEFI shell: a startup.nsh of many cases, run at once, its output by case."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from vm import disk
from vm.firmware import Firmware
from vm.machine import ConsoleLine, Disk, Event, Exited, Machine, MachineSpec, QmpEvent

MEMORY_BYTES = 1 << 30
DEADLINE = 180.0  # seconds of wall clock for whatever is awaited; twenty times what it takes
_TOTAL = re.compile(r"^\s*(\w+)\s*: +([\d,]+) Pages \(", re.MULTILINE)


def soon() -> float:
    return time.monotonic() + DEADLINE


@dataclass(frozen=True)
class Case:
    """One shell command between two marks of the script."""

    name: str
    command: str

    def lines(self) -> list[str]:
        return [f"echo ==begin {self.name}==", self.command, f"echo ==end {self.name}== status %lasterror%"]


def lifeboat(name: str, words: str) -> Case:
    return Case(name, f"fs0:\\lifeboat.efi {words}")


def marked(cases: list[Case]) -> list[str]:
    """The cases' lines of a script."""
    return [line for case in cases for line in case.lines()]


def script(cases: list[Case], last: str) -> list[str]:
    """startup.nsh's lines; `last` is the command after which the machine does not come back."""
    return ["@echo -off", "fs0:", *marked(cases), last]


@dataclass(frozen=True)
class Answer:
    status: int  # as the shell shows an EFI_STATUS: without its highest bit
    text: str  # what the command said


class Transcript:
    """What the console said, by case."""

    def __init__(self, lines: list[ConsoleLine]):
        self.text = "\n".join(line.text for line in lines)

    def __getitem__(self, name: str) -> Answer:
        """The case's last answer: a machine that was reset may have run it twice."""
        return self.all(name)[-1]

    def all(self, name: str) -> list[Answer]:
        mark = re.escape(name)
        found = re.findall(f"==begin {mark}==\n(.*?)==end {mark}== status 0x([0-9A-F]+)", self.text, re.DOTALL)
        assert found, f"the case {name} was not run to its end; the console's end:\n{self.text[-2000:]}"
        return [Answer(int(status, 16), said) for said, status in found]


def page_totals(memmap: str) -> dict[str, int]:
    """Pages by memory type, as the shell's memmap sums them up."""
    totals = {name: int(pages.replace(",", "")) for name, pages in _TOTAL.findall(memmap)}
    assert totals.get("Available"), f"no sums of memmap in:\n{memmap[-2000:]}"
    return totals


def make_machine(
    folder: Path, firmware: Firmware, files: dict[str, Path | bytes], boot_order: bool = True, **spec
) -> Machine:
    """A machine, not yet running, whose ESP (fs0: in the shell) holds `files`; without
    `boot_order` the firmware's own Boot#### entries say what is started."""
    disk.make_esp(folder / "esp.img", files)
    spec = {"memory_bytes": MEMORY_BYTES, **spec}
    return Machine(MachineSpec(firmware, [Disk("esp", folder / "esp.img", boot=boot_order)], **spec), folder)


def startup(lines: list[str]) -> dict[str, bytes]:
    """startup.nsh, where the shell looks whether it is the firmware's own or BOOTX64.EFI."""
    return {"startup.nsh": "".join(f"{line}\r\n" for line in lines).encode()}


def load_options(words: str) -> bytes:
    """As a Boot#### entry holds them."""
    return f"{words}\0".encode("utf-16-le")


def skip_countdown(machine: Machine) -> None:
    """The shell waits five seconds for a key before it reads startup.nsh."""
    machine.wait_line("UEFI Interactive Shell", soon())
    machine.write_console(b"\r")


def wait_reset(machine: Machine, deadline: float | None = None) -> QmpEvent:
    return machine.wait_qmp("RESET", deadline or soon())


def watch(machine: Machine, *wanted: str) -> Event:
    """The first console line that contains one of `wanted`, or the RESET or SHUTDOWN before it."""
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
    """The console's whole text, once it holds one of `wanted`: for a program that draws, and ends no line."""
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
    """All cases in one shell session, which a power-off ends."""
    with make_machine(folder, firmware, files | startup(script(cases, "reset -s")), **spec) as machine:
        machine.power_on()
        skip_countdown(machine)
        event = watch(machine, "Linux version")
        assert isinstance(event, QmpEvent) and event.name == "SHUTDOWN", f"{event}\n{console_end(machine)}"
        return Transcript(machine.lines)
