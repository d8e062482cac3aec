# SPDX-License-Identifier: BSD-2-Clause
"""The built-in capture kernel and a Linux in its place, in the same guests, one run after the
other: what each took, as it says itself, as its console shows, and as its dump is."""

import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from vm import kernel
from vm.errors import VmError
from vm.firmware import find_firmware
from vm.key_values import parse_number
from vm.machine import ConsoleLine, Machine
from vm.rehearsal import Options, Rehearsal
from vm.sizes import parse_size
from vm.vmcore import read_vmcore

_TIMEOUT = 600.0
# A second or so of nothing but computing.
_WORK = "import zlib; data = bytes(range(256)) * 4096; [zlib.compress(data, 1) for _ in range(300)]"
_TABLES = re.compile(r"lifeboat-capture: RAM: .* mapped by (\d+) bytes of tables")
_MEMORY = re.compile(r"lifeboat-capture: memory: (.+) of a heap of (.+) used")
_PAGES = re.compile(r"lifeboat-capture: pages: (\d+) of RAM, ")
_LINUX_LOG = re.compile(r"lifeboat-capture: log saved=")
_LINUX_DUMPED = re.compile(r"lifeboat-capture: dump percent=")
_SECONDS = re.compile(r"([\d.]+) s")


@dataclass(frozen=True)
class Case:
    """A rehearsal to do. `about` is shown to the user who waits."""

    capture: str  # as lifeboat-vm has it: builtin or linux
    memory: str = "2G"
    cpus: int = 2
    disk: str = "virtio"
    config: tuple[str, ...] = ()  # lines of lifeboat.conf
    qemu_args: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        return ", ".join([self.capture, self.memory, f"{self.cpus} CPUs", self.disk, *self.config, *self.qemu_args])


@dataclass
class Found:
    """What a run left. Seconds count from the panic, which is where the console shows it; those
    of the built-in kernel's own are from the hook, milliseconds later."""

    case: Case
    crash_bytes: int
    lines: list[tuple[float, str]] = field(repr=False)
    stages: dict[str, float]
    header: dict[str, str]  # the built-in kernel's, as lifeboat-save lists it
    dump_bytes: int = 0
    stored_pages: int = 0
    remade_bytes: int = 0  # the same dump by makedumpfile with zstd
    remade_pages: int = 0

    def own(self, what: str) -> float:
        """Of the dump's header: panic to `what` (begin, first byte, end), in the guest's own seconds."""
        said = self.header.get(f"panic to {what}", "")
        match = _SECONDS.fullmatch(said)
        if match is None:
            raise VmError(f"{self.case.about}: the dump's header: panic to {what}: '{said}', seconds are wanted")
        return float(match[1])

    @property
    def log_seconds(self) -> float:
        """Panic to the dead kernel's log on the disk."""
        if self.case.capture == "builtin":
            return self.own("first byte")
        return self._line(_LINUX_LOG)[0] - self.stages["panic"]

    @property
    def done_seconds(self) -> float:
        """Panic to the capture's last word about the dump."""
        return self.stages["capture_done"] - self.stages["panic"]

    @property
    def linux_written_seconds(self) -> float:
        """Panic to the last line about writing the dump: a Linux reads its dump again after that."""
        return self._lines(_LINUX_DUMPED)[-1][0] - self.stages["panic"]

    @property
    def writing_seconds(self) -> float:
        """For the built-in kernel: log on the disk to dump complete."""
        return self.own("end") - self.own("first byte")

    def __str__(self) -> str:
        return (
            f"log on disk {self.log_seconds:.2f} s after the panic, dump complete {self.done_seconds:.2f} s;"
            f" {self.stored_pages} pages, {self.dump_bytes} bytes"
        )

    @property
    def ram_pages(self) -> int:
        return int(self._line(_PAGES)[1][1])

    @property
    def map_bytes(self) -> int:
        """Bytes of page tables for the dead machine's RAM, without the purgatory's own."""
        return int(self._line(_TABLES)[1][1])

    @property
    def heap(self) -> tuple[str, str]:
        """The capture kernel's heap: how much it used, and all of it."""
        match = self._line(_MEMORY)[1]
        return match[1], match[2]

    def _line(self, pattern: re.Pattern) -> tuple[float, re.Match]:
        """The first one like it."""
        return self._lines(pattern)[0]

    def _lines(self, pattern: re.Pattern) -> list[tuple[float, re.Match]]:
        """One at least."""
        found = [(seconds, match) for seconds, text in self.lines if (match := pattern.search(text))]
        if not found:
            raise VmError(f"{self.case.about}: the console has no line like '{pattern.pattern}'")
        return found


class _DryRun(Rehearsal):
    """Over when the plan is there and the firmware has the machine again."""

    def on_console(self, machine: Machine, line: ConsoleLine) -> None:
        if "crash_bytes" in self.progress.plan and "BdsDxe: starting" in line.text:
            self.progress.firmware_again = line.text


class Bench:
    """Runs cases with the loader given. `makedumpfile`: one that knows zstd."""

    def __init__(self, loader: Path, makedumpfile: Path):
        self._loader = loader
        self._makedumpfile = makedumpfile

    def run(self, case: Case, remake: bool = False) -> Found:
        """To a verified dump; `remake` has makedumpfile write it again."""
        with tempfile.TemporaryDirectory(prefix="lifeboat-measure.") as folder:
            rehearsal, lines = self._prepare(case, Path(folder))
            outcome = rehearsal.run()
            if not outcome.ok:
                raise VmError(f"{case.about}: {outcome.reason}")
            found = self._found(case, rehearsal, lines)
            found.dump_bytes = outcome.vmcore.stat().st_size
            found.stored_pages = outcome.frame.stored_pages
            if remake:
                self._remake(outcome.vmcore, found)
            print(f"measure:   {found}", file=sys.stderr, flush=True)
            return found

    def plan(self, case: Case) -> Found:
        """A dry run of the loader: the plan, without a kernel."""
        with tempfile.TemporaryDirectory(prefix="lifeboat-measure.") as folder:
            case = replace(case, config=(*case.config, "dry-run"))
            rehearsal, lines = self._prepare(case, Path(folder), _DryRun)
            outcome = rehearsal.run()
            if rehearsal.progress.firmware_again is None:
                raise VmError(f"{case.about}: the loader made no plan: {outcome.reason}")
            return self._found(case, rehearsal, lines)

    def _prepare(
        self, case: Case, folder: Path, kind: type[Rehearsal] = Rehearsal
    ) -> tuple[Rehearsal, list[tuple[float, str]]]:
        """The rehearsal, and the list that its console's lines will be added to."""
        print(f"measure: {case.about}", file=sys.stderr, flush=True)
        lines: list[tuple[float, str]] = []
        options = Options(
            kernel=kernel.default_kernel(),
            folder=folder,
            firmware=find_firmware(),
            loader=self._loader,
            capture=case.capture,
            dump_disk=case.disk,
            config=list(case.config),
            memory_bytes=parse_size(case.memory),
            cpus=case.cpus,
            qemu_args=list(case.qemu_args),
            timeout=_TIMEOUT,
        )
        return kind(options, on_line=lambda seconds, text: lines.append((seconds, text))), lines

    def _found(self, case: Case, rehearsal: Rehearsal, lines: list[tuple[float, str]]) -> Found:
        crash_bytes = parse_number(rehearsal.progress.plan.get("crash_bytes"))
        if crash_bytes is None:
            raise VmError(f"{case.about}: the loader did not say how much crash memory it took")
        return Found(case, crash_bytes, lines, rehearsal.progress.stages, rehearsal.capture.findings)

    def _remake(self, dump: Path, found: Found) -> None:
        remade = dump.with_name("remade")
        words = [str(word) for word in (self._makedumpfile, "-z", "-d", 31, dump, remade)]
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode != 0:
            raise VmError(f"{found.case.about}: makedumpfile failed: {(done.stderr or done.stdout).strip()}")
        found.remade_bytes = remade.stat().st_size
        found.remade_pages = read_vmcore(remade).stored_pages


def host_seconds(copies: int) -> float:
    """Seconds that so many processes take which compute at once: the most that this host gives."""
    begin = time.monotonic()
    workers = [subprocess.Popen([sys.executable, "-c", _WORK]) for _ in range(copies)]
    if any([worker.wait() for worker in workers]):
        raise VmError(f"{sys.executable}: a process that only computes failed")
    return time.monotonic() - begin
