# SPDX-License-Identifier: BSD-2-Clause
"""Reads the PCI configuration space of a stopped machine from outside, through QEMU's monitor and the two ports. It
shares no code with the purgatory, which uses another way on q35."""

import re
from dataclasses import dataclass

from vm.machine import Machine

_ADDRESS, _DATA = 0xCF8, 0xCFC
_ENABLE = 1 << 31
_ID, _COMMAND, _CLASS, _HEADER, _CAPABILITIES = 0x00, 0x04, 0x08, 0x0C, 0x34
_MASTER, _NO_INTX, _HAS_CAPABILITIES = 1 << 2, 1 << 10, 1 << 20
# For each capability id: its name, and its enable bit in the capability's first word.
_INTERRUPTS = {0x05: ("msi", 1 << 16), 0x11: ("msix", 1 << 31)}
_BRIDGE_CLASS = 0x06


@dataclass(frozen=True)
class Function:
    bus: int
    slot: int
    function: int
    id: int  # device ID in the upper half, vendor ID in the lower
    class_code: int  # base class and subclass
    master: bool
    intx_held: bool
    on: tuple[str, ...]  # "msi" and "msix", as far as they are on

    @property
    def bridge(self) -> bool:
        return self.class_code >> 8 == _BRIDGE_CLASS

    def __str__(self) -> str:
        where = f"{self.bus:02x}:{self.slot:02x}.{self.function}"
        return f"{where} {self.id:08x} class {self.class_code:04x} master={self.master} on={self.on}"


def _read(machine: Machine, where: tuple[int, int, int], register: int) -> int:
    bus, slot, function = where
    address = _ENABLE | bus << 16 | slot << 11 | function << 8 | register
    machine.qmp.human(f"o /w {_ADDRESS:#x} {address:#x}")
    return int(re.search(r"= 0x([0-9a-f]+)", machine.qmp.human(f"i /w {_DATA:#x}"))[1], 16)


def byte(machine: Machine, function: "Function", at: int) -> int:
    """Reads one byte of a function's configuration space."""
    address = _ENABLE | function.bus << 16 | function.slot << 11 | function.function << 8 | at & ~3
    machine.qmp.human(f"o /w {_ADDRESS:#x} {address:#x}")
    return int(re.search(r"= 0x([0-9a-f]+)", machine.qmp.human(f"i /b {_DATA + (at & 3):#x}"))[1], 16)


def _places(devices: list[dict]):
    for device in devices:
        yield device["bus"], device["slot"], device["function"]
        yield from _places(device.get("pci_bridge", {}).get("devices", []))


def _function(machine: Machine, where: tuple[int, int, int]) -> Function:
    command = _read(machine, where, _COMMAND)
    on = []
    at = _read(machine, where, _CAPABILITIES) & 0xFC if command & _HAS_CAPABILITIES else 0
    while at:
        word = _read(machine, where, at)
        name, enable = _INTERRUPTS.get(word & 0xFF, ("", 0))
        if word & enable:
            on.append(name)
        at = word >> 8 & 0xFC
    return Function(
        *where,
        id=_read(machine, where, _ID),
        class_code=_read(machine, where, _CLASS) >> 16,
        master=bool(command & _MASTER),
        intx_held=bool(command & _NO_INTX),
        on=tuple(on),
    )


def functions(machine: Machine) -> list[Function]:
    """Returns every function that QEMU has."""
    buses = machine.qmp.execute("query-pci")
    return [_function(machine, where) for bus in buses for where in _places(bus["devices"])]
