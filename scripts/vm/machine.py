# SPDX-License-Identifier: BSD-2-Clause
"""One QEMU machine: started stopped, powered on, watched, ended.

next_event() is the only place that waits. Console text that QEMU sent before a
QMP event is always delivered before that event.
"""

import contextlib
import ctypes
import fcntl
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from vm import tools
from vm.console import LineReader
from vm.errors import VmError
from vm.firmware import Firmware
from vm.gdbstub import GdbStub, thread_of_cpu
from vm.qmp import QmpClient

_START_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1
_PIPE_BYTES = 1 << 20


# QEMU's devices for a disk behind one, {name} the drive's id and the disk's serial number.
CONTROLLERS = {
    "virtio": ("virtio-blk-pci,drive={name},serial={name}",),
    "nvme": ("nvme,drive={name},serial={name}",),
    "virtio-scsi": ("virtio-scsi-pci,id={name}-scsi", "scsi-hd,drive={name},serial={name},bus={name}-scsi.0"),
    "pvscsi": ("pvscsi,id={name}-scsi", "scsi-hd,drive={name},serial={name},bus={name}-scsi.0"),
    "ahci": ("ich9-ahci,id={name}-ahci", "ide-hd,drive={name},serial={name},bus={name}-ahci.0"),
}


@dataclass(frozen=True)
class Disk:
    name: str  # drive id, and serial number seen by the guest
    path: Path
    boot: bool = False
    controller: str = "virtio"  # of CONTROLLERS
    more: str = ""  # words of QEMU's for the drive, with a comma in front
    where: str = ""  # the same for the device


@dataclass
class MachineSpec:
    firmware: Firmware
    disks: list[Disk] = field(default_factory=list)
    memory_bytes: int = 2 << 30
    cpus: int = 2
    cpu: str = "max"
    machine: str = "q35"
    qemu_args: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ConsoleLine:
    time: float  # seconds since power-on
    text: str


@dataclass(frozen=True)
class QmpEvent:
    time: float
    name: str
    data: dict


@dataclass(frozen=True)
class DebugStop:
    """The debug stub's connection reports a stop (breakpoint, interrupt)."""

    time: float
    thread: int


@dataclass(frozen=True)
class Exited:
    time: float
    status: int
    message: str  # QEMU's own last words


Event = ConsoleLine | QmpEvent | DebugStop | Exited


def _die_with_parent() -> None:
    """In the child: a killed parent must not leave a machine behind."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Machine:
    """Use as a context manager; leaving it ends QEMU and removes the sockets.

    `folder` receives the firmware's variables, console.log and QEMU's messages.
    """

    def __init__(self, spec: MachineSpec, folder: Path):
        self.spec = spec
        self.folder = folder
        self.lines: list[ConsoleLine] = []  # everything the console said
        self._reader = LineReader()
        self._queue: deque[Event] = deque()
        self._gdb: GdbStub | None = None
        self._process: subprocess.Popen | None = None
        self._exited = False
        self._power_on = 0.0
        # Short paths: a socket's has at most 107 characters.
        self._sockets = Path(tempfile.mkdtemp(prefix="lifeboat-vm."))
        self._log = open(folder / "console.log", "ab")
        self._serial_in, self._serial_out = self._make_serial()
        qmp_ours, qmp_qemu = socket.socketpair()
        self.qmp = QmpClient(qmp_ours)
        try:
            with qmp_qemu:
                self._start(qmp_qemu.fileno())
            self._greet()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    # Life

    def power_on(self) -> None:
        """Let the stopped machine run; times count from here."""
        self._power_on = time.monotonic()
        self.qmp.execute("cont")

    def close(self) -> None:
        if self._gdb is not None:
            self._gdb.close()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self.qmp.close()
        self._log.close()
        os.close(self._serial_in)
        os.close(self._serial_out)
        shutil.rmtree(self._sockets, ignore_errors=True)

    # Watching

    def seconds(self) -> float:
        return time.monotonic() - self._power_on if self._power_on else 0.0

    def cpu_seconds(self) -> float:
        """The host CPU time that QEMU has used since its start: a busy host does not stretch it."""
        # proc(5), /proc/PID/stat: utime and stime are fields 14 and 15. Field 2, in parentheses, is any text.
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def next_event(self, deadline: float) -> Event | None:
        """The next thing that happened, or None once time.monotonic() passes `deadline`."""
        while not self._queue:
            remaining = deadline - time.monotonic()
            if self._exited or remaining <= 0:
                return None
            self._pump(remaining)
        return self._queue.popleft()

    def wait_line(self, pattern: str, deadline: float) -> ConsoleLine:
        """Await a console line that contains `pattern`; other events pass by."""
        while (event := self.next_event(deadline)) is not None:
            if isinstance(event, ConsoleLine) and pattern in event.text:
                return event
            if isinstance(event, Exited):
                raise VmError(f"QEMU ended while '{pattern}' was awaited on the console: {event.message}")
        raise VmError(f"'{pattern}' did not come on the console in time; last: {self.last_line()}")

    def wait_qmp(self, name: str, deadline: float) -> QmpEvent:
        """Await one QMP event by name; other events pass by."""
        while (event := self.next_event(deadline)) is not None:
            if isinstance(event, QmpEvent) and event.name == name:
                return event
            if isinstance(event, Exited):
                raise VmError(f"QEMU ended while the event {name} was awaited: {event.message}")
        raise VmError(f"the event {name} did not come in time; last console line: {self.last_line()}")

    def wait_debug_stop(self, deadline: float) -> DebugStop:
        """Await a breakpoint after gdb().resume(), reading the console meanwhile."""
        while (event := self.next_event(deadline)) is not None:
            if isinstance(event, DebugStop):
                return event
            if isinstance(event, Exited):
                raise VmError(f"QEMU ended while a breakpoint was awaited: {event.message}")
        raise VmError(f"no breakpoint was reached in time; last console line: {self.last_line()}")

    def last_line(self) -> str:
        return self._reader.partial or (self.lines[-1].text if self.lines else "nothing at all")

    def write_console(self, data: bytes) -> None:
        """Type on the serial console."""
        if os.write(self._serial_in, data) != len(data):
            raise VmError("the serial console takes no more input: the machine does not read it")

    def gdb(self) -> GdbStub:
        """The debug stub, connected: the machine is stopped until resume() or detach()."""
        if self._gdb is None or self._gdb.closed:
            self._gdb = GdbStub(self._sockets / "gdb")
        return self._gdb

    def forget_translations(self) -> None:
        """Makes QEMU forget its translated code, as a stop of the debug stub does.

        After a reset each store to a page that once held code takes longer, the more was translated there
        (docs/hacking.md has figures). The machine's first CPU executes one more instruction, and goes on.
        """
        stub = self.gdb()
        stub.step(thread_of_cpu(0))
        stub.detach()

    # Inside

    def _start(self, qmp: int) -> None:
        argv = self._command_line(qmp)
        with open(self.folder / "qemu.log", "wb") as messages:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=messages,
                pass_fds=(qmp,),
                preexec_fn=_die_with_parent,
            )

    def _greet(self) -> None:
        try:
            self.qmp.handshake(_START_SECONDS)
        except VmError as error:
            raise VmError(f"{error}; {self._qemu_message()}") from error

    def _make_serial(self) -> tuple[int, int]:
        """QEMU's pipe device: descriptors of the end we write to and the end we read from.

        Pipes, since a socket takes a few hundred of the guest's one-byte writes and
        then makes it wait, and Linux's 8250 console waits 10 ms a character and then
        writes over it (wait_for_xmitr): text is lost when this process is not quick.
        Opened for reading and writing, so that neither side waits for the other.
        """
        ends = []
        for suffix in ("in", "out"):
            path = self._sockets / f"serial.{suffix}"
            os.mkfifo(path, 0o600)
            ends.append(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
        with contextlib.suppress(PermissionError):  # over the user's limit: the default 64 KiB do
            fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        return ends[0], ends[1]

    def _command_line(self, qmp: int) -> list[str]:
        spec = self.spec
        firmware = spec.firmware
        words = [
            tools.find("qemu-system-x86_64"),
            "-nodefaults",
            "-no-user-config",
            *("-display", "none"),
            *("-accel", "tcg"),
            # pvpanic and its like would act before Lifeboat; a power-off is reported, not carried out.
            *("-action", "panic=none,shutdown=pause"),
            *("-machine", f"{spec.machine},memory-backend=ram{firmware.machine_options()}"),
            *("-cpu", spec.cpu),
            *("-smp", str(spec.cpus)),
            *("-m", f"{spec.memory_bytes >> 20}M"),
            # No swap space is reserved: guests far larger than the host work as long as they stay untouched.
            *("-object", f"memory-backend-ram,id=ram,size={spec.memory_bytes},reserve=off"),
            *("-chardev", f"pipe,id=serial,path={self._sockets}/serial"),
            *("-serial", "chardev:serial"),
            *("-chardev", f"socket,id=qmp,fd={qmp}"),
            *("-mon", "chardev=qmp,mode=control"),
            *("-chardev", f"socket,id=gdb,path={self._sockets}/gdb,server=on,wait=off"),
            *("-gdb", "chardev:gdb"),
            "-S",
        ]
        words += firmware.arguments(firmware.private_variables(self.folder))
        for disk in spec.disks:
            words += ["-drive", f"if=none,id={disk.name},format=raw,discard=unmap,file={disk.path}{disk.more}"]
            *behind, device = (word.format(name=disk.name) for word in CONTROLLERS[disk.controller])
            order = ",bootindex=0" if disk.boot else ""
            for one in [*behind, f"{device}{disk.where}{order}"]:
                words += ["-device", one]
        return words + spec.qemu_args

    def _pump(self, timeout: float) -> None:
        watched = [self._serial_out, self.qmp]
        if self._gdb is not None and not self._gdb.closed and self._gdb.running:
            watched.append(self._gdb)
        if not self.qmp.events:
            select.select(watched, [], [], timeout)
        # The order of these matters: first what was sent first (see the module's head).
        self.qmp.receive()
        self._read_console()
        now = self.seconds()
        while self.qmp.events:
            event = self.qmp.events.popleft()
            self._queue.append(QmpEvent(now, event["event"], event.get("data", {})))
        if self._gdb in watched:
            thread = self._gdb.take_stop()
            if thread is not None:
                self._queue.append(DebugStop(now, thread))
        if self.qmp.closed:
            self._exited = True
            self._queue.append(Exited(now, self._process.wait(), self._qemu_message()))

    def _read_console(self) -> None:
        while True:
            try:
                data = os.read(self._serial_out, 65536)
            except BlockingIOError:
                return
            self._log.write(data)
            self._log.flush()
            now = self.seconds()
            for text in self._reader.feed(data):
                line = ConsoleLine(now, text)
                self.lines.append(line)
                self._queue.append(line)

    def _qemu_message(self) -> str:
        said = (self.folder / "qemu.log").read_text(errors="replace").strip().splitlines()
        return "QEMU said: " + "; ".join(said[-3:]) if said else "QEMU said nothing"
