# SPDX-License-Identifier: BSD-2-Clause
"""A small client of QEMU's debug stub (the gdb remote serial protocol).

Threads are virtual CPUs: QEMU numbers them from 1, CPU n is thread n + 1.
Connecting stops the machine; detach() lets it go on.
"""

import re
import select
import socket
import time
from pathlib import Path

from vm.errors import VmError

_CHUNK = 1024  # bytes of memory a packet; QEMU's packets hold 4096 characters
INTERRUPT = b"\x03"
# A stop reply: the signal, and usually the thread that stopped.
_STOP = re.compile(rb"[TS][0-9a-fA-F]{2}(?:.*?thread:(?:p[0-9a-f]+\.)?([0-9a-f]+)|;|$)")

# QEMU's i386-64bit.xml, in order, with each register's size in bytes.
_LAYOUT = (
    [(name, 8) for name in "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip".split()]
    + [(name, 4) for name in "eflags cs ss ds es fs gs".split()]
    + [(name, 8) for name in "fs_base gs_base k_gs_base cr0 cr2 cr3 cr4 cr8 efer".split()]
)
REGISTERS = {name: (number, size) for number, (name, size) in enumerate(_LAYOUT)}


def checksum(payload: bytes) -> int:
    return sum(payload) & 0xFF


def frame(payload: bytes) -> bytes:
    """One packet: '$', the payload with its special bytes escaped, '#', the checksum in hex."""
    escaped = bytearray()
    for byte in payload:
        if byte in b"#$}*":
            escaped += bytes((ord("}"), byte ^ 0x20))
        else:
            escaped.append(byte)
    return b"$%b#%02x" % (bytes(escaped), checksum(escaped))


def unescape(body: bytes) -> bytes:
    """Undo escapes and run lengths ("0* " is four zeros: the count is the next byte less 29)."""
    out = bytearray()
    index = 0
    while index < len(body):
        byte = body[index]
        if byte == ord("}") and index + 1 < len(body):
            out.append(body[index + 1] ^ 0x20)
            index += 2
        elif byte == ord("*") and out and index + 1 < len(body):
            out += out[-1:] * (body[index + 1] - 29)
            index += 2
        else:
            out.append(byte)
            index += 1
    return bytes(out)


class PacketDecoder:
    """Bytes in, payloads out; acknowledgements are dropped, damage is an error."""

    def __init__(self):
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        payloads = []
        while True:
            start = self._buffer.find(b"$")
            if start < 0:
                self._buffer.clear()
                return payloads
            del self._buffer[:start]
            end = self._buffer.find(b"#")
            if end < 0 or len(self._buffer) < end + 3:
                return payloads
            body, given = bytes(self._buffer[1:end]), bytes(self._buffer[end + 1 : end + 3])
            del self._buffer[: end + 3]
            if not re.fullmatch(rb"[0-9a-fA-F]{2}", given) or int(given, 16) != checksum(body):
                raise VmError(f"debug stub: packet with checksum {given!r}, wanted {checksum(body):02x}")
            payloads.append(unescape(body))


def thread_of_cpu(cpu: int) -> int:
    return cpu + 1


class GdbStub:
    """One connection. Every call but resume() leaves the machine stopped."""

    def __init__(self, path: Path, timeout: float = 30.0):
        self._timeout = timeout
        self._decoder = PacketDecoder()
        self._packets: list[bytes] = []
        self.running = False
        self.closed = False
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._sock.connect(str(path))
        except OSError as error:
            self._sock.close()
            raise VmError(f"{path}: no debug stub answers: {error.strerror}") from error
        self._sock.setblocking(False)
        # QEMU serves single registers (p, P) only to a client that asked for the description.
        self.command(b"qSupported:xmlRegisters=i386")
        description = self.command(b"qXfer:features:read:target.xml:0,ffb")
        if b"i386" not in description:
            raise VmError("debug stub: the target is not an x86-64 machine")
        self.command(b"?")

    def fileno(self) -> int:
        return self._sock.fileno()

    # Packets

    def send(self, payload: bytes) -> None:
        self._write(frame(payload))

    def receive(self) -> None:
        """Take in what has arrived, without waiting."""
        while not self.closed:
            try:
                data = self._sock.recv(65536)
            except BlockingIOError:
                return
            except ConnectionError:
                data = b""
            if not data:
                self.closed = True
                return
            packets = self._decoder.feed(data)
            if packets:
                self._write(b"+" * len(packets))
            self._packets += packets

    def command(self, payload: bytes) -> bytes:
        """Send one packet to the stopped machine and return the answer."""
        if self.running:
            raise VmError("debug stub: a command while the machine runs")
        self.send(payload)
        answer = self._await_packet(payload[:24].decode("latin-1"))
        # Connecting stops a running machine, and QEMU reports that stop unasked.
        while _STOP.match(answer) and payload != b"?":
            answer = self._await_packet(payload[:24].decode("latin-1"))
        if re.fullmatch(rb"E[0-9a-fA-F]{2}", answer):
            raise VmError(f"debug stub: {payload[:40].decode('latin-1')} answered {answer.decode()}")
        return answer

    # Running and stopping

    def resume(self) -> None:
        """Let every CPU run; await the stop with wait_stop() or take_stop()."""
        self.send(b"vCont;c")
        self.running = True

    def interrupt(self) -> int:
        """Stop a running machine; the thread that reported."""
        self._write(INTERRUPT)
        return self.wait_stop()

    def take_stop(self) -> int | None:
        """The thread of a stop that has already arrived, else None; does not wait."""
        self.receive()
        while self._packets:
            packet = self._packets.pop(0)
            match = _STOP.match(packet)
            if match:
                self.running = False
                return int(match[1] or b"1", 16)
        return None

    def wait_stop(self, timeout: float | None = None) -> int:
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        while True:
            thread = self.take_stop()
            if thread is not None:
                return thread
            self._wait(deadline, "the machine to stop")

    def step(self, thread: int) -> None:
        """One instruction of one CPU, the others standing still, interrupts held off (QEMU's default)."""
        self.send(b"vCont;s:%x" % thread)
        self.running = True
        self.wait_stop()

    def detach(self) -> None:
        """Remove every breakpoint, let the machine run and close."""
        if self.closed:
            return
        try:
            if self.running:
                self.interrupt()
            self.command(b"D")
        finally:
            self.close()

    def close(self) -> None:
        self.closed = True
        self._sock.close()

    # State

    def threads(self) -> list[int]:
        found: list[int] = []
        answer = self.command(b"qfThreadInfo")
        while answer.startswith(b"m"):
            found += [int(name.split(b".")[-1].lstrip(b"p"), 16) for name in answer[1:].split(b",")]
            answer = self.command(b"qsThreadInfo")
        return found

    def read_register(self, thread: int, name: str) -> int:
        number, size = self._register(name)
        self._select(thread)
        answer = self.command(b"p%x" % number)
        if len(answer) < 2 * size:
            raise VmError(f"debug stub: register {name} answered {answer!r}, wanted {size} bytes in hex")
        return int.from_bytes(bytes.fromhex(answer[: 2 * size].decode()), "little")

    def write_register(self, thread: int, name: str, value: int) -> None:
        number, size = self._register(name)
        self._select(thread)
        answer = self.command(b"P%x=%b" % (number, value.to_bytes(size, "little").hex().encode()))
        self._want_ok(answer, f"writing register {name}")

    def read_registers(self, thread: int) -> dict[str, int]:
        """All that have a name in REGISTERS, in one packet."""
        self._select(thread)
        raw = bytes.fromhex(self.command(b"g").decode().replace("x", "0"))
        values, offset = {}, 0
        for name, size in _LAYOUT:
            values[name] = int.from_bytes(raw[offset : offset + size], "little")
            offset += size
        return values

    def write_registers(self, thread: int, changes: dict[str, int]) -> None:
        """Change some registers in one packet; what is not named stays."""
        self._select(thread)
        raw = bytearray(bytes.fromhex(self.command(b"g").decode().replace("x", "0")))
        offset = 0
        for name, size in _LAYOUT:
            if name in changes:
                raw[offset : offset + size] = changes[name].to_bytes(size, "little")
            offset += size
        for name in changes:
            self._register(name)
        self._want_ok(self.command(b"G" + raw.hex().encode()), "writing the registers")

    def read_memory(self, address: int, count: int, physical: bool = False) -> bytes:
        """`count` bytes through the current thread's page tables, or physical ones."""
        self._physical(physical)
        try:
            data = bytearray()
            while len(data) < count:
                part = min(_CHUNK, count - len(data))
                answer = self.command(b"m%x,%x" % (address + len(data), part))
                data += bytes.fromhex(answer.decode())
            return bytes(data)
        finally:
            self._physical(False)

    def write_memory(self, address: int, data: bytes, physical: bool = False) -> None:
        self._physical(physical)
        try:
            for offset in range(0, len(data), _CHUNK):
                part = data[offset : offset + _CHUNK]
                answer = self.command(b"M%x,%x:%b" % (address + offset, len(part), part.hex().encode()))
                self._want_ok(answer, f"writing memory at {address + offset:#x}")
        finally:
            self._physical(False)

    def insert_breakpoint(self, address: int, hardware: bool = True) -> None:
        """By linear address, on every CPU. Under TCG neither kind changes guest memory."""
        self._want_ok(self.command(b"Z%d,%x,1" % (hardware, address)), f"a breakpoint at {address:#x}")

    def remove_breakpoint(self, address: int, hardware: bool = True) -> None:
        self._want_ok(self.command(b"z%d,%x,1" % (hardware, address)), f"removing the breakpoint at {address:#x}")

    # Inside

    @staticmethod
    def _register(name: str) -> tuple[int, int]:
        if name not in REGISTERS:
            raise VmError(f"debug stub: no register '{name}'; known: {' '.join(REGISTERS)}")
        return REGISTERS[name]

    def _select(self, thread: int) -> None:
        self._want_ok(self.command(b"Hg%x" % thread), f"selecting CPU {thread - 1}")

    def _physical(self, on: bool) -> None:
        self._want_ok(self.command(b"Qqemu.PhyMemMode:%d" % on), "switching between virtual and physical memory")

    @staticmethod
    def _want_ok(answer: bytes, what: str) -> None:
        if answer != b"OK":
            raise VmError(f"debug stub: {what} answered {answer!r}, wanted OK")

    def _write(self, data: bytes) -> None:
        try:
            self._sock.setblocking(True)
            self._sock.sendall(data)
        except OSError as error:
            self.closed = True
            raise VmError(f"debug stub: the connection is gone: {error.strerror}") from error
        finally:
            self._sock.setblocking(False)

    def _await_packet(self, what: str) -> bytes:
        deadline = time.monotonic() + self._timeout
        self.receive()
        while not self._packets:
            self._wait(deadline, f"an answer to {what}")
            self.receive()
        return self._packets.pop(0)

    def _wait(self, deadline: float, what: str) -> None:
        if self.closed:
            raise VmError(f"debug stub: closed while awaiting {what}")
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise VmError(f"debug stub: {what} did not come in time")
        select.select([self._sock], [], [], remaining)
