# SPDX-License-Identifier: BSD-2-Clause
"""One byte of what was armed is changed before the panic: the purgatory says which, and does what it was told."""

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import firmware_shell as shell
import images
import pytest
from vm.gdbstub import GdbStub
from vm.machine import Machine

pytestmark = pytest.mark.vm

# struct lb_handoff of include/lifeboat/handoff.h.
_SEGMENT_COUNT = 56
_SEGMENTS = 64
_SEGMENT = struct.Struct("<16sQQ32s")
_HLT = 0xF4
_IF = 1 << 9


@dataclass(frozen=True)
class Segment:
    name: str
    start: int
    size: int


def _segments(stub: GdbStub, handoff: int) -> dict[str, Segment]:
    (count,) = struct.unpack("<I", stub.read_memory(handoff + _SEGMENT_COUNT, 4, physical=True))
    table = stub.read_memory(handoff + _SEGMENTS, count * _SEGMENT.size, physical=True)
    found = [
        Segment(name.rstrip(b"\0").decode(), start, size) for name, start, size, _ in _SEGMENT.iter_unpack(table)
    ]
    return {segment.name: segment for segment in found}


def _flip(stub: GdbStub, address: int) -> None:
    (byte,) = stub.read_memory(address, 1, physical=True)
    stub.write_memory(address, bytes([byte ^ 0x10]), physical=True)


def _machine(folder: Path, firmware, loader: Path, kernel: Path, policy: str) -> Machine:
    probe = images.probe(kernel)
    config = f"kernel /vmlinuz\ninitrd /probe.img\nrequire\nverbose\non-fault {policy}\n"
    config += f"arguments {images.ARGUMENTS}\n"
    files = {
        "EFI/BOOT/BOOTX64.EFI": loader,
        "EFI/BOOT/lifeboat.conf": config.encode(),
        "EFI/BOOT/capture.img": probe,
        "vmlinuz": kernel,
        "probe.img": probe,
    }
    return shell.make_machine(folder, firmware, files)


def _panic_with(machine: Machine, change) -> None:
    """The first kernel comes up, the machine stands still for change(stub, handoff), then the kernel panics."""
    seen = len(machine.lines)
    event = shell.watch(machine, images.FIRST_UP, "Kernel panic")
    text = "\n".join(line.text for line in machine.lines[seen:])
    assert images.FIRST_UP in getattr(event, "text", ""), text[-3000:]
    handoff = int(re.search(r"lifeboat: plan handoff=(0x[0-9a-f]+)", text)[1], 0)
    stub = machine.gdb()
    change(stub, handoff)
    stub.detach()
    machine.write_console(b"panic\n")


def _flip_segment(name: str):
    def change(stub: GdbStub, handoff: int) -> None:
        segment = _segments(stub, handoff)[name]
        _flip(stub, segment.start + segment.size // 2)

    return change


def _assert_told_and_reset(machine: Machine, words: str) -> None:
    seen = len(machine.lines)
    event = shell.watch(machine, images.SECOND_UP)
    said = [line.text for line in machine.lines[seen:] if "lifeboat-purgatory:" in line.text]
    assert getattr(event, "name", "") == "RESET" and event.data["guest"], shell.console_end(machine)
    assert any(words in line for line in said), said
    assert "cold reset" in said[-1]


@pytest.mark.xdist_group("corruption-reset")
def test_segment_and_reset(tmp_path, firmware, loader, kernel):
    """The default policy."""
    with _machine(tmp_path, firmware, loader, kernel, "reset") as machine:
        machine.power_on()
        _panic_with(machine, _flip_segment("kernel"))
        _assert_told_and_reset(machine, "fault: segment kernel, ")


@pytest.mark.xdist_group("corruption-halt")
def test_handoff_resets_whatever_was_told_and_segment_halts(tmp_path, firmware, loader, kernel):
    """Two boots of a machine told to halt: a damaged handoff cannot be asked what it was told."""
    with _machine(tmp_path, firmware, loader, kernel, "halt") as machine:
        machine.power_on()
        _panic_with(machine, lambda stub, handoff: _flip(stub, handoff + _SEGMENTS + _SEGMENT.size))
        _assert_told_and_reset(machine, "is not what was armed")

        _panic_with(machine, _flip_segment("initrd"))
        event = shell.watch(machine, "halted, as told", images.SECOND_UP)
        assert "halted, as told" in getattr(event, "text", ""), shell.console_end(machine)
        assert any("fault: segment initrd, " in line.text for line in machine.lines)
        _assert_halted(machine)


def _assert_halted(machine: Machine) -> None:
    """The CPU that speaks stands behind a hlt with interrupts off, so that it never goes on by itself."""
    stub = machine.gdb()
    for thread in stub.threads():
        registers = stub.read_registers(thread)
        (instruction,) = stub.read_memory(registers["rip"] - 1, 1, physical=True)
        if registers["cs"] & 3 == 0 and registers["rip"] < 1 << 32 and instruction == _HLT:
            assert not registers["eflags"] & _IF
            return
    raise AssertionError("no CPU is halted in the purgatory")


# Not the page tables and the purgatory's text: what one bit of them does before the digests are looked at is
# anybody's guess.
if os.environ.get("LIFEBOAT_FULL") == "1":

    @pytest.mark.parametrize("name", ["initrd", "boot_params", "cmdline", "e820_saved", "elfcorehdr"])
    def test_every_segment_is_looked_at(tmp_path, firmware, loader, kernel, name):
        with _machine(tmp_path, firmware, loader, kernel, "reset") as machine:
            machine.power_on()
            _panic_with(machine, _flip_segment(name))
            _assert_told_and_reset(machine, f"fault: segment {name}, ")

    def test_segment_and_boot(tmp_path, firmware, loader, kernel):
        """Told to go on, and the byte is one nobody reads, far behind the command line's end."""
        with _machine(tmp_path, firmware, loader, kernel, "boot") as machine:
            machine.power_on()
            _panic_with(machine, _flip_segment("cmdline"))
            event = shell.watch(machine, images.SECOND_UP)
            assert images.SECOND_UP in getattr(event, "text", ""), shell.console_end(machine)
            assert any("going on all the same" in line.text for line in machine.lines)
