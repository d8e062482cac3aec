# SPDX-License-Identifier: BSD-2-Clause
"""Panics under kdump-tools as apt installs it, and the same panics under Lifeboat: who captures which, and how fast.

scripts/measure --kdump prints the table. Each panic is tried on two machines: with kdump's crashkernel= and without
Lifeboat, and with Lifeboat's chain and without crashkernel=.
"""

import re
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import beside_kdump
from beside_kdump import Guest, Setup
from vm.errors import VmError
from vm.machine import ConsoleLine, Exited, QmpEvent
from vm.markdown import table

_SYSRQ = "echo c >/proc/sysrq-trigger"
_BUTTON = "NMI"  # like a server's NMI button
_PANIC = "Kernel panic - not syncing"
# Patterns of Lifeboat's console lines. The report is made after the log is on the disk. kdump-tools reports a
# saved vmcore even if it is empty, so kdump is judged by what /var/crash holds after its reset.
_OURS = {"log": r"lifeboat-capture: report: \d+ bytes", "dump": "lifeboat-capture: dump complete: "}
_NOBODY = "end Kernel panic|Dazed and confused, but trying to continue"


@dataclass(frozen=True)
class Panic:
    name: str
    setup: dict = field(default_factory=dict)  # of beside_kdump.Setup, for both machines
    how: str = _SYSRQ  # what is typed when the machine is up; "": the panic comes by itself, before


PANICS = (
    Panic("in an initcall", {"words": "initcall_blacklist=sock_init"}, ""),
    Panic("no root file system", {"early": True}, ""),
    Panic("sysrq c, the system is up"),
    Panic("the NMI button", how=_BUTTON),
    Panic("sysrq c, no partition for dumps", {"dump_bytes": 0}),
)


@dataclass
class Found:
    """Results in seconds of QEMU's CPU time since the panic; None if it did not happen."""

    log_seconds: float | None = None
    dump_seconds: float | None = None
    memory: str = "none"  # memory that is reserved


def _watch(guest: Guest) -> dict[str, float]:
    """Watches until the machine is reset or nobody takes a dump; returns what was seen and when."""
    machine, seen = guest.machine, {}
    deadline = time.monotonic() + beside_kdump.SECONDS
    while (event := machine.next_event(deadline)) is not None:
        if isinstance(event, Exited):
            raise VmError(f"QEMU ended: {event.message}")
        if isinstance(event, QmpEvent) and event.name == "RESET":
            return seen | {"reset": machine.cpu_seconds()}
        if not isinstance(event, ConsoleLine):
            continue
        if _PANIC in event.text and "panic" not in seen:
            seen["panic"] = machine.cpu_seconds()
        for name, pattern in _OURS.items():
            if re.search(pattern, event.text):
                seen.setdefault(name, machine.cpu_seconds())
        if re.search(_NOBODY, event.text):
            return seen
    raise VmError(f"no end was seen; last console line: {machine.last_line()}")


def _kdumps(guest: Guest, seen: dict[str, float]) -> Found:
    """Judges kdump's dump. The machine must come up once more for this. The time of its log is not known."""
    if not {"panic", "reset"} <= seen.keys():
        return Found()
    guest.await_up()
    saved = guest.ask("crash", beside_kdump.KDUMPS).output
    return Found(dump_seconds=seen["reset"] - seen["panic"] if saved else None)


def _ours(seen: dict[str, float]) -> Found:
    if not {"log", "dump"} <= seen.keys():
        return Found()
    return Found(seen["log"] - seen["panic"], seen["dump"] - seen["panic"])


def _memory(guest: Guest, kdump: bool) -> str:
    """Returns the memory that kdump reserves: as the kernel prints it when it is up, before that as its command line
    says."""
    if not kdump:
        said = [re.search(r"lifeboat: prepared in \d+ ms: (.*? MiB) at", line.text) for line in guest.machine.lines]
        return next((match[1] for match in said if match), "none")
    answer = guest.story.answers.get("reserved")
    return f"{int(answer.output) >> 20} MiB" if answer else beside_kdump.CRASHKERNEL.partition("=")[2].replace("M", " MiB")


def _run(panic: Panic, kdump: bool, folder: Path, parts: tuple) -> Found:
    root, loader, firmware = parts
    setup = Setup(lifeboat=not kdump, crashkernel=kdump, **panic.setup)
    with Guest(beside_kdump.make_disk(folder, root, loader, setup), folder, firmware) as guest:
        if panic.how:
            guest.await_up()
            if kdump:
                guest.ask("reserved", "cat /sys/kernel/kexec_crash_size")
                loaded = guest.ask("loaded", "cat /sys/kernel/kexec_crash_loaded")
                if loaded.output != "1":
                    raise VmError(f"kdump-tools has loaded no kernel: {loaded}")
        if panic.how == _BUTTON:
            guest.machine.qmp.execute("inject-nmi")
        elif panic.how:
            guest.type(panic.how)
        seen = _watch(guest)
        found = _kdumps(guest, seen) if kdump and panic.how else _ours(seen)
        found.memory = _memory(guest, kdump)
    return found


def _cells(found: Found) -> list[str]:
    if found.dump_seconds is None:
        return ["no", "", ""]
    log = "" if found.log_seconds is None else f"{found.log_seconds:.1f}"
    return ["yes", log, f"{found.dump_seconds:.1f}"]


def _winner(kdump: Found, ours: Found) -> str:
    if (kdump.dump_seconds is None) != (ours.dump_seconds is None):
        return "kdump" if ours.dump_seconds is None else "Lifeboat"
    if kdump.dump_seconds is None:
        return "neither"
    return "kdump" if kdump.dump_seconds < ours.dump_seconds else "Lifeboat"


def section(loader: Path, firmware, tell) -> str:
    """Runs everything. `tell` is called with the name of the next run."""
    root = beside_kdump.make_root()
    rows, reserved = [], set()
    for panic in PANICS:
        found = []
        for kdump in (True, False):
            tell(f"{panic.name}, under {'kdump-tools' if kdump else 'Lifeboat'}")
            folder = Path(tempfile.mkdtemp())
            try:
                found.append(_run(panic, kdump, folder, (root, loader, firmware)))
            finally:
                shutil.rmtree(folder)
        reserved.add((found[0].memory, found[1].memory))
        rows.append([panic.name, *_cells(found[0]), *_cells(found[1]), _winner(*found)])
    head = ["panic", "kdump-tools", "log, s", "dump, s", "Lifeboat", "log, s", "dump, s", "wins"]
    kept = "; ".join(f"{kdump} for kdump's kernel, {ours} for Lifeboat" for kdump, ours in sorted(reserved))
    return f"{table(head, rows)}\n\nMemory that is kept: {kept}.\n"
