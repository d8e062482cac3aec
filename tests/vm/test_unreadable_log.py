# SPDX-License-Identifier: BSD-2-Clause
"""A log that cannot be read: the kernel's own variables tell a panic from an ordinary warm reboot.

The machine is stopped at the purgatory's entry, and the key that leads to the log is removed from VMCOREINFO in the
dead kernel's memory.
"""

import time

import pytest
from scenarios import FULL_ONLY
from stopped import parse_range
from vm.errors import VmError
from vm.machine import ConsoleLine, DebugStop, Exited, Machine
from vm.rehearsal import Options, Rehearsal
from vm.verdict import Verdict

pytestmark = [pytest.mark.vm, FULL_ONLY, pytest.mark.xdist_group("unreadable-log")]

MEMORY_BYTES = 512 << 20
_KEY, _OTHER = b"SYMBOL(prb)=", b"SYMBOL(prx)="


class _WithoutLog(Rehearsal):
    """A rehearsal that stops once at the purgatory's entry, and goes on without the key."""

    replaced = 0

    def _watch(self, machine: Machine) -> Verdict:
        deadline = time.monotonic() + self.options.timeout
        self._until(machine, deadline, lambda: "armed" in self.progress.stages)
        stub = machine.gdb()
        stub.insert_breakpoint(int(self.progress.plan["purgatory_entry"], 0))
        stub.resume()
        self._until(machine, deadline, lambda: isinstance(self._last, DebugStop))
        ram = self.options.folder / "ram.img"
        machine.qmp.execute("pmemsave", timeout=120, val=0, size=MEMORY_BYTES, filename=str(ram))
        memory, at = ram.read_bytes(), -1
        ram.unlink()
        crash_start, crash_end = parse_range(self.progress.plan["crash"])
        while (at := memory.find(_KEY, at + 1)) >= 0:
            if not crash_start <= at < crash_end:
                stub.write_memory(at, _OTHER, physical=True)
                self.replaced += 1
        stub.detach()
        return super()._watch(machine)

    def _until(self, machine: Machine, deadline: float, reached) -> None:
        self._last = None
        while not reached():
            self._last = machine.next_event(deadline)
            if isinstance(self._last, ConsoleLine):
                self._line(self._last)
            if self._last is None or isinstance(self._last, Exited):
                raise VmError(f"the purgatory's entry was not reached; last console line: {machine.last_line()}")


@pytest.fixture(scope="module")
def without_log(loader, kernel, firmware, tmp_path_factory):
    """without_log(**options) is the outcome, and what the console printed."""

    def run(**options):
        folder = tmp_path_factory.mktemp("unreadable-log")
        rehearsal = _WithoutLog(
            Options(
                kernel=kernel, folder=folder, firmware=firmware, loader=loader, memory_bytes=MEMORY_BYTES, cpus=2,
                capture="builtin", **options,
            )
        )  # fmt: skip
        outcome = rehearsal.run()
        assert rehearsal.replaced
        return outcome, (folder / "console.log").read_text(errors="replace")

    return run


def test_a_warm_reboot_is_none_the_less(without_log):
    outcome, console = without_log(panic="none", none_action="warm")
    assert "no dump: nothing panicked: panic_cpu is -1 and system_state is that of a reboot" in console, console[-3000:]
    assert "VMCOREINFO has no number for SYMBOL(prb)" in console
    assert outcome.ok, outcome.reason


def test_a_panic_is_dumped(without_log):
    _, console = without_log(panic="sysrq")
    assert "lifeboat-capture: a panic, says panic_cpu" in console, console[-3000:]
    assert "dump complete" in console
    assert "no sign of a panic" not in console
