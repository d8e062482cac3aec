# SPDX-License-Identifier: BSD-2-Clause
"""The agent's lines, without a machine: a lost line is typed again, and a late answer is not taken for another's."""

import sys
from collections import deque
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "scripts"), str(Path(__file__).resolve().parent / "lib")]

from debian_agent import Agent  # noqa: E402
from vm.machine import ConsoleLine  # noqa: E402


class FakeMachine:
    """`loses` and `delays` are numbers of typed lines, from 0: those lines are not read, or are answered with the
    next one."""

    def __init__(self, loses: set[int], delays: set[int]):
        self.typed: list[str] = []
        self._loses, self._delays = loses, delays
        self._said = deque([ConsoleLine(0.0, "agent: up")])
        self._late: list[ConsoleLine] = []

    def write_console(self, data: bytes) -> None:
        number, command = len(self.typed), data.decode().rstrip("\n")
        self.typed.append(command)
        if number in self._loses:
            return
        output = command.removeprefix("echo ") if command.startswith("echo ") else "running"
        answer = [ConsoleLine(0.0, f"agent: | {output}"), ConsoleLine(0.0, "agent: exit 0")]
        if number in self._delays:
            self._late += answer
        else:
            self._said += self._late + answer
            self._late = []

    def next_event(self, _deadline: float) -> ConsoleLine | None:
        """Never waits: if nothing was printed, the time is over."""
        return self._said.popleft() if self._said else None

    def wait_line(self, pattern: str, deadline: float) -> ConsoleLine:
        while (line := self.next_event(deadline)) is not None:
            if pattern in line.text:
                return line
        raise AssertionError(f"'{pattern}' was not printed")

    def last_line(self) -> str:
        return ""


@pytest.mark.parametrize(
    "loses, delays, typed", [(set(), set(), 1), ({0}, set(), 2), ({0, 1}, set(), 3), (set(), {0}, 2)]
)
def test_the_first_line_is_typed_until_it_is_answered(loses, delays, typed):
    machine = FakeMachine(loses, delays)
    assert Agent(machine).await_up() == "running"
    heard = [f"echo heard {number}" for number in range(1, typed + 1)]
    assert machine.typed == [*heard, "systemctl is-system-running --wait"]
    assert machine.next_event(0.0) is None
