# SPDX-License-Identifier: BSD-2-Clause
"""A machine with nothing but firmware is watched, stopped, changed and ended as asked."""

import re
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from vm.errors import VmError  # noqa: E402
from vm.firmware import find_firmware  # noqa: E402
from vm.gdbstub import thread_of_cpu  # noqa: E402
from vm.machine import Exited, Machine, MachineSpec  # noqa: E402

pytestmark = pytest.mark.vm

RESET_VECTOR = 0xFFFFFFF0


@pytest.fixture
def machine(tmp_path):
    with Machine(MachineSpec(find_firmware(), memory_bytes=256 << 20), tmp_path) as machine:
        yield machine


def test_debug_stub(machine):
    stub = machine.gdb()
    assert stub.threads() == [thread_of_cpu(0), thread_of_cpu(1)]
    first = thread_of_cpu(0)
    assert stub.read_register(first, "rip") == 0xFFF0
    assert stub.read_registers(first)["rip"] == 0xFFF0
    stub.step(first)
    assert stub.read_register(first, "rip") != 0xFFF0

    pattern = bytes(range(256)) * 20
    stub.write_memory(0x200000, pattern, physical=True)
    assert stub.read_memory(0x200000, len(pattern), physical=True) == pattern

    # The CPU is not in long mode yet, so QEMU shows 32 bits.
    stub.write_register(first, "rbx", 0x11223344)
    stub.write_registers(first, {"rdi": 7, "rsi": 9})
    registers = stub.read_registers(first)
    assert (registers["rbx"], registers["rdi"], registers["rsi"]) == (0x11223344, 7, 9)
    with pytest.raises(VmError, match="no register 'eip'"):
        stub.read_register(first, "eip")
    stub.detach()


def test_breakpoint_is_an_event(machine):
    stub = machine.gdb()
    stub.insert_breakpoint(RESET_VECTOR)
    machine.qmp.execute("system_reset")
    stub.resume()
    stop = machine.wait_debug_stop(time.monotonic() + 30)
    assert stop.thread == thread_of_cpu(0)
    assert stub.read_register(stop.thread, "rip") == 0xFFF0
    stub.remove_breakpoint(RESET_VECTOR)
    stub.detach()
    machine.power_on()
    assert machine.qmp.execute("query-status")["running"] is True


def test_shell_is_typed_at_and_switches_off(machine):
    deadline = time.monotonic() + 120
    machine.power_on()
    machine.wait_line("UEFI Interactive Shell", deadline)
    machine.write_console(b"\rreset -s\r")
    shutdown = machine.wait_qmp("SHUTDOWN", deadline)
    assert shutdown.data["guest"] is True
    assert "UEFI Interactive Shell" in (machine.folder / "console.log").read_text(errors="replace")


def test_translations_are_forgotten(machine):
    def blocks() -> int:
        return int(re.search(r"^TB count +(\d+)", machine.qmp.human("info jit"), re.MULTILINE)[1])

    machine.power_on()
    machine.wait_line("UEFI Interactive Shell", time.monotonic() + 120)
    before = blocks()
    machine.forget_translations()
    deadline = time.monotonic() + 60
    while blocks() >= before / 10:  # the CPU empties the buffer when the host lets it run
        assert time.monotonic() < deadline, f"{blocks()} of {before} blocks"
    assert machine.qmp.execute("query-status")["running"] is True


def test_end_of_qemu_is_an_event(machine):
    machine.qmp.execute("quit")
    deadline = time.monotonic() + 30
    while (event := machine.next_event(deadline)) is not None and not isinstance(event, Exited):
        pass
    assert isinstance(event, Exited) and event.status == 0
    with pytest.raises(VmError, match="QEMU"):
        machine.qmp.execute("query-status")


def test_bad_options_are_told_in_qemu_s_words(tmp_path):
    spec = MachineSpec(find_firmware(), cpu="no-such-cpu")
    with pytest.raises(VmError, match="no-such-cpu"):
        Machine(spec, tmp_path)


def test_memory_larger_than_the_host_s_is_only_reserved(tmp_path):
    spec = MachineSpec(find_firmware(), memory_bytes=512 << 30)
    with Machine(spec, tmp_path) as machine:
        assert machine.qmp.execute("query-memory-size-summary")["base-memory"] == 512 << 30
