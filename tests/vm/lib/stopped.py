# SPDX-License-Identifier: BSD-2-Clause
"""A rehearsal stopped at the purgatory's entry. QEMU writes all memory to a core of its own there. Then the machine
goes on, and Lifeboat takes its dump of the same memory as usual."""

import shutil
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from vm.errors import VmError
from vm.firmware import Firmware
from vm.machine import ConsoleLine, DebugStop, Exited, Machine
from vm.rehearsal import Options, Outcome, Rehearsal
from vm.verdict import Verdict

MEMORY_BYTES = 512 << 20
CPUS = 2
PANIC_CPU = 1
PHYS_BITS = 40

# struct lb_cpu_state of include/lifeboat/handoff.h: 27 registers, then these fields.
_REGISTERS = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs rflags rsp ss fs_base gs_base ds es fs gs"
    " cr0 cr2 cr3 cr4 efer"
).split()


@dataclass(frozen=True)
class StoppedRun:
    outcome: Outcome
    folder: Path
    core: Path  # QEMU's dump-guest-memory, an ELF file
    ram: Path  # flat memory from physical 0 on
    entry: dict[str, int]  # registers at the purgatory's entry
    dead_cpu: dict[str, int]  # the hook's copy of the panicking CPU's registers

    @property
    def plan(self) -> dict[str, str]:
        return self.outcome.progress.plan

    @property
    def dump(self) -> Path:
        return self.outcome.vmcore


def parse_range(text: str) -> tuple[int, int]:
    """Reads START-END of a plan line. END is behind the range."""
    start, _, end = text.partition("-")
    return int(start, 0), int(end, 0)


def kernel_offset(run: StoppedRun) -> int:
    """Returns the offset that the dying kernel printed."""
    log = run.outcome.dmesg.read_text(errors="replace")
    words = log[log.index("Kernel Offset: ") :].split()
    return int(words[2], 16)


class _Stopped(Rehearsal):
    """A rehearsal that stops once at the purgatory's entry before it goes on to its end."""

    entry: dict[str, int]
    dead_cpu: dict[str, int]

    def _watch(self, machine: Machine) -> Verdict:
        deadline = time.monotonic() + self.options.timeout
        self._until_armed(machine, deadline)
        address = int(self.progress.plan["purgatory_entry"], 0)
        stub = machine.gdb()
        # A hardware breakpoint at a linear address, which is also the purgatory's physical one.
        stub.insert_breakpoint(address)
        stub.resume()
        stop = self._until_stop(machine, deadline)
        self.entry = stub.read_registers(stop.thread)
        if self.entry["rip"] != address or stop.thread != PANIC_CPU + 1:
            raise VmError(
                f"stopped at {self.entry['rip']:#x} on CPU {stop.thread - 1}, wanted {address:#x} on CPU {PANIC_CPU}"
            )
        saved = stub.read_memory(self.entry["rsi"], 8 * len(_REGISTERS), physical=True)
        self.dead_cpu = dict(zip(_REGISTERS, struct.unpack(f"<{len(_REGISTERS)}Q", saved), strict=True))
        folder = self.options.folder
        machine.qmp.execute("dump-guest-memory", timeout=120, paging=False, protocol=f"file:{folder / 'qemu.core'}")
        machine.qmp.execute("pmemsave", timeout=120, val=0, size=MEMORY_BYTES, filename=str(folder / "ram.img"))
        stub.detach()
        return super()._watch(machine)

    def _until_armed(self, machine: Machine, deadline: float) -> None:
        while "armed" not in self.progress.stages:
            event = machine.next_event(deadline)
            if isinstance(event, ConsoleLine):
                self._line(event)
            if event is None or isinstance(event, Exited) or self.progress.refused or self.progress.firmware_again:
                raise VmError(f"the loader did not arm; last console line: {machine.last_line()}")

    def _until_stop(self, machine: Machine, deadline: float) -> DebugStop:
        while (event := machine.next_event(deadline)) is not None:
            if isinstance(event, ConsoleLine):
                self._line(event)
            if isinstance(event, DebugStop):
                return event
            if isinstance(event, Exited):
                raise VmError(f"QEMU ended before the purgatory's entry: {event.message}")
        raise VmError(f"the purgatory's entry was not reached; last console line: {machine.last_line()}")


def run(folder: Path, firmware: Firmware, loader: Path, kernel: Path, **capture) -> StoppedRun:
    """Runs it. `capture` are further Options, about the second kernel."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    options = Options(
        kernel=kernel,
        folder=folder,
        firmware=firmware,
        loader=loader,
        memory_bytes=MEMORY_BYTES,
        cpus=CPUS,
        cpu=f"max,phys-bits={PHYS_BITS}",
        panic="sysrq",
        panic_cpu=PANIC_CPU,
        **capture,
    )
    rehearsal = _Stopped(options)
    outcome = rehearsal.run()
    assert outcome.ok, "\n".join([outcome.reason, f"kept in {folder}; the console's last lines:", *outcome.last_lines])
    return StoppedRun(
        outcome, folder, folder / "qemu.core", folder / "ram.img", rehearsal.entry, rehearsal.dead_cpu
    )
