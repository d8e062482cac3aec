# SPDX-License-Identifier: BSD-2-Clause
"""Panics caused through QEMU's debug stub."""

from vm import guest
from vm.errors import VmError
from vm.gdbstub import GdbStub, thread_of_cpu

# What a call through an empty function pointer does. The kernel's unwinder knows
# this one bad address and goes on from the return address (orc_find, null_orc_entry),
# so that backtraces are whole.
BAD_ADDRESS = 0

_IF = 1 << 9
_KERNEL_HALF = 1 << 63
# Entry code, with page-table isolation and the speculation barriers, is about 200.
_STEPS = 5000


def in_system_call(registers: dict[str, int]) -> bool:
    """In the kernel, on a kernel stack, interrupts on: past the entry code, where a
    fault is an ordinary oops. (In the entry code GS and the stack are still the user's.)"""
    return (
        registers["cs"] & 3 == 0
        and bool(registers["eflags"] & _IF)
        and bool(registers["rip"] & _KERNEL_HALF)
        and bool(registers["rsp"] & _KERNEL_HALF)
        and bool(registers["gs_base"] & _KERNEL_HALF)
    )


class Oops:
    """Make the kernel call BAD_ADDRESS inside a system call on a chosen CPU.

    Two steps, so that the machine can run in between: wait_for_user() sets a
    breakpoint on the loop of guest.busy_program() and lets the machine run;
    strike() follows when the stub reports the stop. From there, single steps with
    interrupts held off can only lead into the process's own system call. (Had we
    stopped anywhere in the kernel, it might have been in an interrupt, where an
    oops is another kind of panic.)
    """

    def __init__(self, stub: GdbStub, cpu: int):
        self._stub = stub
        self._thread = thread_of_cpu(cpu)

    def wait_for_user(self) -> None:
        self._stub.insert_breakpoint(guest.BUSY_LOOP)
        self._stub.resume()

    def strike(self, stopped: int) -> None:
        """`stopped`: the thread that reached the breakpoint. The stub is detached afterwards."""
        stub, thread = self._stub, self._thread
        stub.remove_breakpoint(guest.BUSY_LOOP)
        if stopped != thread:
            raise VmError(f"the program meant for CPU {thread - 1} runs on CPU {stopped - 1}; no oops was caused")
        for _ in range(_STEPS):
            registers = stub.read_registers(thread)
            if in_system_call(registers):
                self._call(registers, BAD_ADDRESS)
                stub.detach()
                return
            stub.step(thread)
        raise VmError(f"CPU {thread - 1}: no system call after {_STEPS} instructions; no oops was caused")

    def _call(self, registers: dict[str, int], address: int) -> None:
        """As if the instruction at RIP were a call: the return address goes on the stack."""
        top = registers["rsp"] - 8
        self._stub.write_memory(top, registers["rip"].to_bytes(8, "little"))
        self._stub.write_registers(self._thread, {"rsp": top, "rip": address})


class Planted:
    """An undefined instruction where the kernel will run: before power-on a breakpoint, and
    there, once it is reached, the two bytes of UD2. (The kernel's text is not in memory
    before, and the second kernel, which may run at the same address, must not meet it.)"""

    _UD2 = b"\x0f\x0b"

    def __init__(self, stub: GdbStub, address: int):
        self._stub = stub
        self._address = address
        stub.insert_breakpoint(address)

    def strike(self, stopped: int) -> None:
        """`stopped`: the thread that reached the address. The stub is detached afterwards."""
        if (rip := self._stub.read_register(stopped, "rip")) != self._address:
            raise VmError(f"CPU {stopped - 1} stopped at {rip:#x}, wanted {self._address:#x}; nothing was planted")
        self._stub.write_memory(self._address, self._UD2)
        self._stub.detach()
