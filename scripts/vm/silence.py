# SPDX-License-Identifier: BSD-2-Clause
"""How long a machine has said nothing, on a host that may be busy. Pure."""

import time
from collections.abc import Callable

_IDLE = 0.05  # of a CPU: less than this a machine uses that only waits
_STARVED = 5  # times as long a machine may be silent that did not get the CPU that it wanted


class Silence:
    """Over once the machine has used `seconds` of CPU time without a word, or waited so long in idleness.
    A busy host stretches neither; five times `seconds` of wall clock are the end in any case. 0: never."""

    def __init__(self, seconds: float, cpu_seconds: Callable[[], float]):
        self._seconds = seconds
        self._cpu_seconds = cpu_seconds
        self.spoken()

    def spoken(self) -> None:
        self._since, self._cpu = time.monotonic(), self._cpu_seconds()
        self._next = self._since + self._seconds

    @property
    def deadline(self) -> float:
        """When to ask next, by time.monotonic()."""
        return self._next if self._seconds else float("inf")

    def over(self) -> bool:
        silent, used = time.monotonic() - self._since, self._cpu_seconds() - self._cpu
        if not self._seconds or silent < self._seconds:
            return False
        self._next = time.monotonic() + self._seconds / 4
        return used >= self._seconds or used < _IDLE * silent or silent >= _STARVED * self._seconds
