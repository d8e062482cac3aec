# SPDX-License-Identifier: BSD-2-Clause
"""A rehearsal in a machine that counts: one CPU under -icount shift=0, where the time stamp
counter goes up by one with each instruction. It stops at the second kernel's first
instruction, to read the time there.

That is read from the ACPI timer, which QEMU makes of the same clock: the counter itself can
be read only by going on, and a machine that goes on has first waited, in its own time, for
its CPU to be given one of the host's.
"""

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from vm.errors import VmError
from vm.machine import ConsoleLine, Machine
from vm.rehearsal import Options, Rehearsal
from vm.verdict import Verdict

ARGUMENTS = ["-icount", "shift=0"]
_PAGE = 4096
_NANOSECONDS = 10**9  # an instruction each
# ACPI 6.5, 4.8.2.1: 24 bits at this rate. The port is where OVMF puts it on q35.
_TIMER_PORT, _TIMER_RATE, _TIMER_BITS = 0x608, 3579545, 24


@dataclass(frozen=True)
class Counts:
    ticks: dict[str, int]  # stage to the counter at its begin; "second kernel" is the last
    verify_bytes: int
    swap_bytes: int
    method: str  # of SHA-256, as the purgatory says it
    pci: str  # what it says of PCI


class Counted(Rehearsal):
    """`fields` is the program build/host/handoff_fields."""

    def __init__(self, options: Options, fields: Path):
        super().__init__(options)
        self._fields = fields
        self._handoff: list[tuple[str, str]] = []
        self._timer = 0

    def _watch(self, machine: Machine) -> Verdict:
        deadline = time.monotonic() + self.options.timeout
        while "armed" not in self.progress.stages:
            event = machine.next_event(deadline)
            if event is None or self.progress.refused:
                raise VmError(f"the loader did not arm; last console line: {machine.last_line()}")
            if isinstance(event, ConsoleLine):
                self._line(event)
        stub = machine.gdb()
        handoff = stub.read_memory(int(self.progress.plan["handoff"], 0), _PAGE, physical=True)
        said = subprocess.run([self._fields], input=handoff, capture_output=True, check=True).stdout.decode()
        self._handoff = [tuple(line.split("=", 1)) for line in said.splitlines()]
        entry = int(dict(self._handoff)["kernel_entry"], 0)
        stub.insert_breakpoint(entry)
        stub.resume()
        seen = len(machine.lines)
        thread = machine.wait_debug_stop(deadline).thread
        for line in machine.lines[seen:]:
            self._line(line)
        if stub.read_register(thread, "rip") != entry:
            raise VmError(f"stopped elsewhere than at the second kernel's entry, {entry:#x}")
        said = machine.qmp.human(f"i /w {_TIMER_PORT:#x}")
        self._timer = int(re.search(r"= 0x([0-9a-f]+)", said)[1], 16)
        stub.detach()
        return super()._watch(machine)

    def _end(self, jump: int) -> int:
        """The time of the stop, within 280 instructions, by the time of the jump."""
        passed = (self._timer - jump * _TIMER_RATE // _NANOSECONDS) % (1 << _TIMER_BITS)
        return jump + passed * _NANOSECONDS // _TIMER_RATE

    def counts(self) -> Counts:
        outcome = self.run()
        if not outcome.ok:
            raise VmError(f"the counted rehearsal failed: {outcome.reason}")
        console = (self.options.folder / "console.log").read_text(errors="replace")
        return Counts(
            ticks=outcome.purgatory_stages | {"second kernel": self._end(outcome.purgatory_stages["jump"])},
            verify_bytes=self._bytes("segment"),
            swap_bytes=self._bytes("swap"),
            method=re.search(r"lifeboat-purgatory: SHA-256 (.*?)\r?\n", console)[1],
            pci=re.search(r"lifeboat-purgatory: (PCI .*?)\r?\n", console)[1],
        )

    def _bytes(self, name: str) -> int:
        ranges = [value.split("-") for key, value in self._handoff if key == name]
        return sum(int(end, 0) - int(start, 0) for start, end in ranges)
