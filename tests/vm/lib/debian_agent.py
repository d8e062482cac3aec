# SPDX-License-Identifier: BSD-2-Clause
"""Commands for a booted Debian (debian_image.py): typed on its serial console, where a unit
of systemd obeys them and says how each ended."""

import itertools
import time
from dataclasses import dataclass

from vm.errors import VmError
from vm.machine import ConsoleLine, Exited, Machine

_UP = "agent: up"
_OUTPUT = "agent: | "
_EXIT = "agent: exit "
_RETYPE_SECONDS = 20.0

_SCRIPT = f"""#!/bin/sh
# A line is a shell command. Each line of its output is marked, its exit status follows.
stty -echo
dmesg -n 1 # the kernel's lines would come in the middle of ours
echo "{_UP}"
while IFS= read -r command; do
	sh -c "$command" >/run/agent.txt 2>&1 </dev/null
	status=$?
	awk '{{print "{_OUTPUT}" $0}}' /run/agent.txt
	echo "{_EXIT}$status"
done
"""
_UNIT = """[Unit]
Description=Obey the test on the serial console
# Behind what may reset a terminal, and with it what was typed.
After=multi-user.target

[Service]
ExecStart=/usr/local/sbin/test-agent
StandardInput=tty
StandardOutput=tty
StandardError=journal
TTYPath=/dev/ttyS0

[Install]
WantedBy=multi-user.target
"""
_UNITS = "etc/systemd/system"
# By path on the root: text and mode.
FILES = {
    "usr/local/sbin/test-agent": (_SCRIPT, 0o755),
    f"{_UNITS}/test-agent.service": (_UNIT, 0o644),
}
LINKS = {
    f"{_UNITS}/multi-user.target.wants/test-agent.service": "/etc/systemd/system/test-agent.service",
    # The console is the agent's.
    f"{_UNITS}/serial-getty@ttyS0.service": "/dev/null",
}


@dataclass(frozen=True)
class Answer:
    status: int
    output: str  # without a newline at its end


class Agent:
    """Of one machine; after a reset await_up() again."""

    def __init__(self, machine: Machine):
        self._machine = machine

    def await_up(self, seconds: float = 600.0) -> str:
        """Awaits the agent, then the boot's end; systemd's word for it, "running" when no unit failed."""
        self._machine.wait_line(_UP, time.monotonic() + seconds)
        self.be_heard(seconds)
        return self.run("systemctl is-system-running --wait", seconds).output

    def be_heard(self, seconds: float) -> None:
        """One line typed at the end of a boot was lost once, and the beginning of one as a machine awoke. So the first
        is typed again until it is answered; each time it is another, so that an answer that comes late is not taken for
        that of a later line."""
        deadline = time.monotonic() + seconds
        for number in itertools.count(1):
            self.type(f"echo heard {number}")
            if self._awaits(f"{_OUTPUT}heard {number}", min(deadline, time.monotonic() + _RETYPE_SECONDS)):
                self._machine.wait_line(f"{_EXIT}0", deadline)
                return
            if time.monotonic() >= deadline:
                raise VmError(f"the agent did not answer in time; last console line: {self._machine.last_line()}")

    def _awaits(self, text: str, until: float) -> bool:
        while (event := self._machine.next_event(until)) is not None:
            if isinstance(event, Exited):
                raise VmError(f"QEMU ended while '{text}' was awaited: {event.message}")
            if isinstance(event, ConsoleLine) and event.text == text:
                return True
        return False

    def reboot(self, seconds: float = 600.0) -> None:
        """To the reset. A machine that keeps its translations boots ever more slowly, and its third boot may come to
        nothing but the firmware's timer interrupts (Machine.forget_translations())."""
        self.type("systemctl reboot")
        self.was_reset(seconds)

    def was_reset(self, seconds: float = 600.0) -> None:
        self._machine.wait_qmp("RESET", time.monotonic() + seconds)
        self._machine.forget_translations()

    def run(self, command: str, seconds: float = 120.0) -> Answer:
        """One line of shell; VmError when it does not end in time."""
        self.type(command)
        return self.answer(command, seconds)

    def answer(self, command: str, seconds: float = 120.0) -> Answer:
        """Of a command that was typed."""
        output = []
        deadline = time.monotonic() + seconds
        while (event := self._machine.next_event(deadline)) is not None:
            if isinstance(event, Exited):
                raise VmError(f"QEMU ended during '{command}': {event.message}")
            if not isinstance(event, ConsoleLine):
                continue
            if event.text.startswith(_OUTPUT.rstrip()):
                output.append(event.text[len(_OUTPUT) :])
            elif event.text.startswith(_EXIT):
                return Answer(int(event.text[len(_EXIT) :]), "\n".join(output))
        raise VmError(f"'{command}' did not end in time; last console line: {self._machine.last_line()}")

    def type(self, command: str) -> None:
        """For a command that does not come back."""
        if "\n" in command:
            raise VmError(f"{command!r}: one line is wanted")
        self._machine.write_console(command.encode() + b"\n")
