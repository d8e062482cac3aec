# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's machine protocol: one JSON object a line, answers and events mixed."""

import json
import select
import socket
import time
from collections import deque

from vm.errors import VmError


class QmpClient:
    """Over a connected socket. Events that arrive while an answer is awaited are
    kept in `events`; whoever owns the event loop takes them from there."""

    def __init__(self, sock: socket.socket):
        self._sock = sock
        self._sock.setblocking(False)
        self._buffer = bytearray()
        self._answers: deque[dict] = deque()
        self.events: deque[dict] = deque()
        self.closed = False

    def fileno(self) -> int:
        return self._sock.fileno()

    def handshake(self, timeout: float) -> None:
        """Await the greeting and leave negotiation mode."""
        deadline = time.monotonic() + timeout
        self._await_answer(deadline, "the greeting")
        self.execute("qmp_capabilities", timeout=timeout)

    def execute(self, command: str, timeout: float = 60.0, **arguments) -> dict:
        """Send one command and return its answer; underscores in argument names become dashes."""
        message: dict = {"execute": command}
        if arguments:
            message["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        self._send(json.dumps(message).encode() + b"\n", command)
        answer = self._await_answer(time.monotonic() + timeout, command)
        if "error" in answer:
            raise VmError(f"QEMU refused {command}: {answer['error'].get('desc', answer['error'])}")
        return answer.get("return", {})

    def human(self, command: str, timeout: float = 60.0) -> str:
        """A command of the human monitor, for what the protocol itself does not offer."""
        return self.execute("human-monitor-command", timeout=timeout, command_line=command)

    def receive(self) -> None:
        """Take in what has arrived, without waiting."""
        while not self.closed:
            try:
                data = self._sock.recv(65536)
            except BlockingIOError:
                break
            except ConnectionError:
                data = b""
            if not data:
                self.closed = True
            self._buffer += data
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            if line.strip():
                self._sort(json.loads(line))

    def close(self) -> None:
        self.closed = True
        self._sock.close()

    def _send(self, data: bytes, command: str) -> None:
        try:
            self._sock.setblocking(True)
            self._sock.sendall(data)
        except OSError as error:
            self.closed = True
            raise VmError(f"QEMU is gone, {command} could not be sent: {error.strerror}") from error
        finally:
            self._sock.setblocking(False)

    def _sort(self, message: dict) -> None:
        (self.events if "event" in message else self._answers).append(message)

    def _await_answer(self, deadline: float, what: str) -> dict:
        self.receive()
        while not self._answers:
            if self.closed:
                raise VmError(f"QEMU ended before it answered {what}")
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise VmError(f"QEMU did not answer {what} in time")
            select.select([self._sock], [], [], remaining)
            self.receive()
        return self._answers.popleft()
