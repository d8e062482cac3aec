# SPDX-License-Identifier: BSD-2-Clause
"""Rehearsals for tests: runs scripts/lifeboat-vm once for each name, and keeps its results."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vm.kernel import make_capture_image
from vm.vmcore import Vmcore, read_vmcore

LIFEBOAT_VM = Path(__file__).resolve().parents[3] / "scripts" / "lifeboat-vm"
# Twelve times what a run takes on two cores. lifeboat-vm's own limit is shorter, and reports more.
_TIMEOUT = 300
_KILL_AFTER = _TIMEOUT + 60
_TAIL = 40  # console lines in the message of a failure


@dataclass(frozen=True)
class Run:
    """One run of scripts/lifeboat-vm. Its folder holds disks, logs and the dump."""

    name: str
    command: list[str]
    folder: Path
    status: int  # exit status
    said: str  # standard output and error

    @cached_property
    def findings(self) -> dict:
        """Returns what --json wrote; {} if the run ended before."""
        path = self.folder / "run.json"
        return json.loads(path.read_text()) if path.exists() else {}

    @property
    def plan(self) -> dict[str, str]:
        """Returns the pairs of the loader's `lifeboat: plan` line."""
        return self.findings["plan"]

    @cached_property
    def console(self) -> str:
        """Returns all that the serial console printed, with escape sequences."""
        path = self.folder / "console.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def dump(self) -> Path:
        return self.folder / "vmcore"

    @property
    def dmesg(self) -> Path:
        """Returns the dead kernel's log as the capture saved it."""
        return self.folder / "vmcore-dmesg.txt"

    @cached_property
    def frame(self) -> Vmcore:
        """Returns the dump's notes and headers."""
        return read_vmcore(self.dump)

    @property
    def story(self) -> str:
        """Returns text for assertion messages: the command, its last output, and the end of the console."""
        tail = [line for line in self.console.replace("\r", "").split("\n") if line.strip()][-_TAIL:]
        words = " ".join(self.command)
        return "\n".join(
            [f"run {self.name}, exit status {self.status}: {words}", f"kept in {self.folder}"]
            + ["lifeboat-vm's last lines:"]
            + [f"  {line}" for line in self.said.splitlines()[-12:]]
            + [f"the console's last {len(tail)} lines:"]
            + [f"  | {line}" for line in tail]
        )

    def check(self) -> "Run":
        """Returns the run if it did what it was asked for. Otherwise the test fails with the story."""
        assert self.status == 0 and self.findings.get("ok"), self.story
        return self


def _words(options: dict) -> list[str]:
    """Turns {"panic_cpu": 1, "config": ["a", "b"], "strict": True} into --panic-cpu=1 --config=a --config=b
    --strict."""
    words = []
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        for one in value if isinstance(value, (list, tuple)) else [value]:
            words.append(option if one is True else f"{option}={one}")
    return words


class Rehearse:
    """Called with a name (the run's folder) and lifeboat-vm's options: dashes as underscores, a list for an option
    that may be repeated. The second kernel is a Linux unless capture="builtin" is given. The same name returns the
    same run."""

    def __init__(self, folder: Path, loader: Path, kernel: Path, capture_image: Path):
        self._folder = folder
        self._defaults = {"loader": loader, "kernel": kernel, "timeout": _TIMEOUT, "silence": 0}
        self._linux = {"capture": "linux", "capture_initrd": capture_image}
        self._runs: dict[str, Run] = {}

    def __call__(self, name: str, **options) -> Run:
        """Returns the run, whatever its result is. rehearse(...).check() requires success."""
        # A folder for each worker, because another worker may make the same run at the same time.
        folder = self._folder / os.environ.get("PYTEST_XDIST_WORKER", "main") / name
        command = [sys.executable, str(LIFEBOAT_VM), f"--keep={folder}", f"--json={folder}/run.json"]
        second = {} if options.get("capture") == "builtin" else self._linux
        command += _words({**self._defaults, **second, **options})
        known = self._runs.get(name)
        if known is None:
            known = self._runs[name] = self._run(name, command, folder)
        assert known.command == command, f"the run {name} was made with other options: {' '.join(known.command)}"
        return known

    @staticmethod
    def _run(name: str, command: list[str], folder: Path) -> Run:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_KILL_AFTER,
            check=False,
        )
        return Run(name, command, folder, done.returncode, done.stdout)


def capture_image(build: Path, kernel: Path) -> Path:
    """Makes the image anew in every session, because scripts/ may have changed. One worker at a time does so."""
    folder = build / "vm-tests" / os.environ.get("PYTEST_XDIST_WORKER", "main")
    folder.mkdir(parents=True, exist_ok=True)
    image = folder / "capture.img"
    make_capture_image(kernel, image)
    return image
