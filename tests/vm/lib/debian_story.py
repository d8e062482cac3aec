# SPDX-License-Identifier: BSD-2-Clause
"""What a booted Debian was asked, over its boots and panics: told once, for all tests that read the answers."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from debian_agent import Agent, Answer
from vm.machine import Machine, MachineSpec

_SECONDS = 900.0
_DUMPED = "lifeboat-capture: dump complete: "


@dataclass
class Story:
    answers: dict[str, Answer] = field(default_factory=dict)  # by the names that they were asked by
    console: str = ""


class Teller:
    """Of a machine that was switched on."""

    def __init__(self, machine: Machine, story: Story):
        self._machine, self._story, self._agent = machine, story, Agent(machine)
        self._agent.await_up(_SECONDS)

    def ask(self, name: str, command: str) -> str:
        """Output of one line of shell, whose answer is kept by this name."""
        self._story.answers[name] = self._agent.run(command, _SECONDS)
        return self._story.answers[name].output

    def restart(self) -> None:
        """To the reset."""
        self._agent.reboot(_SECONDS)

    def reboot(self) -> None:
        """To the end of the next boot."""
        self.restart()
        self._agent.await_up(_SECONDS)

    def await_dump(self, sign: str = _DUMPED) -> None:
        """From a panic, over its dump, to the end of the next boot that has one."""
        self._machine.wait_line(sign, time.monotonic() + _SECONDS)
        self._agent.was_reset(_SECONDS)
        self._agent.await_up(3 * _SECONDS)

    def panic(self, command: str = "echo c >/proc/sysrq-trigger", sign: str = _DUMPED) -> None:
        """By a command that does not come back; see await_dump()."""
        self._agent.type(command)
        self.await_dump(sign)


def tell(spec: MachineSpec, folder: Path, chapters: Callable[[Teller], None]) -> Story:
    """Starts a machine, and has `chapters` tell its story. Its disks, which are large, are gone then."""
    story = Story()
    with Machine(spec, folder) as machine:
        machine.power_on()
        try:
            chapters(Teller(machine, story))
        finally:
            story.console = "\n".join(line.text for line in machine.lines)
            (folder / "console.log").write_text(story.console)
    for disk in spec.disks:
        disk.path.unlink()
    return story
