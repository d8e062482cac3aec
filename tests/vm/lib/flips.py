# SPDX-License-Identifier: BSD-2-Clause
"""Changes one bit of what was armed, before the panic, and tells what the change led to."""

import random
import re
from dataclasses import dataclass

from saved_state import Area, Run, SavedState

# A reset without a message is allowed in these areas, whose code runs before a message can be printed, or
# prints it.
MAY_BE_SILENT = {"hook_text", "hook_data", "page_tables", "purgatory", "purgatory_data"}
# The second kernel does not see these areas.
_PRIVATE = {"hook_text", "hook_data", "purgatory_data", "live"}
_STAMP = re.compile(rb"TSC\.\w+=0x[0-9a-f]+")


@dataclass(frozen=True)
class Flip:
    area: Area
    offset: int
    bit: int

    def __str__(self) -> str:
        return f"{self.area.name}+{self.offset:#x} bit {self.bit}"

    def changes(self, state: SavedState, policy: str | None) -> list[tuple[int, bytes]]:
        """Returns the changes to the saved machine that set this policy (None: keep it) and make the flip."""
        changed = dict(state.policy(policy)) if policy else {}
        if self.area.start in changed:
            data = bytearray(changed[self.area.start])
            data[self.offset] ^= 1 << self.bit
            return [(self.area.start, bytes(data))]
        address = self.area.start + self.offset
        return [*changed.items(), (address, bytes([state.peek(address)[0] ^ 1 << self.bit]))]


def anywhere(area: Area, count: int, seed: str) -> list[Flip]:
    """Returns random flips. The same seed gives the same ones."""
    numbers = random.Random(f"{seed} {area.name}")
    return [Flip(area, numbers.randrange(area.size), numbers.randrange(8)) for _ in range(count)]


def left(run: Run) -> dict[str, bytes]:
    """Returns what a run gave to the second kernel, without what differs in every run."""
    return {
        name: _STAMP.sub(b"TSC", data) if name == "notes" else data
        for name, data in run.memory.items()
        if name not in _PRIVATE
    }


def verdict(flip: Flip, run: Run, control: Run) -> str:
    """Returns detected, silent (a reset without a message), restarted (see Run), harmless, escaped or hang.

    harmless: the bit was in memory that is not sealed, and the second kernel got the same bytes as without the flip.
    """
    if run.outcome in ("hang", "restarted"):
        return run.outcome
    if run.faults:
        return "detected"
    if run.outcome != "entered":
        return "silent"
    if flip.area.sealed or flip.area.name == "handoff":
        return "escaped"
    return "harmless" if left(run) == left(control) else "escaped"
