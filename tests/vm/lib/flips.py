# SPDX-License-Identifier: BSD-2-Clause
"""One bit of what was armed, changed before the panic: where, and what became of it."""

import random
import re
from dataclasses import dataclass

from saved_state import Area, Run, SavedState

# May reset without a message: what runs before anything can be said, or says it.
MAY_BE_SILENT = {"hook_text", "hook_data", "page_tables", "purgatory", "purgatory_data"}
# Not what the second kernel gets to see.
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
        """What makes the saved machine one with this policy (None: as it was armed) and the flip in it."""
        changed = dict(state.policy(policy)) if policy else {}
        if self.area.start in changed:
            data = bytearray(changed[self.area.start])
            data[self.offset] ^= 1 << self.bit
            return [(self.area.start, bytes(data))]
        address = self.area.start + self.offset
        return [*changed.items(), (address, bytes([state.peek(address)[0] ^ 1 << self.bit]))]


def anywhere(area: Area, count: int, seed: str) -> list[Flip]:
    """Random ones, the same for the same seed."""
    numbers = random.Random(f"{seed} {area.name}")
    return [Flip(area, numbers.randrange(area.size), numbers.randrange(8)) for _ in range(count)]


def left(run: Run) -> dict[str, bytes]:
    """What a run gave the second kernel, less what no two runs have in common."""
    return {
        name: _STAMP.sub(b"TSC", data) if name == "notes" else data
        for name, data in run.memory.items()
        if name not in _PRIVATE
    }


def verdict(flip: Flip, run: Run, control: Run) -> str:
    """detected, silent (a reset without a message), restarted (see Run), harmless, escaped or hang.

    harmless: the bit was in memory that is not sealed, and the second kernel was given
    every byte that it is given without the flip.
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
