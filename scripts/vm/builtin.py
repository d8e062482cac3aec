# SPDX-License-Identifier: BSD-2-Clause
"""A rehearsal's second kernel: Lifeboat's own, which writes the dump to a GPT partition;
build/lifeboat-save takes it from there."""

import json
import re
import subprocess
from pathlib import Path

from vm import gpt
from vm.capture_lines import BuiltinLines
from vm.errors import VmError

REPORT = "report.txt"  # in the folder, where the dump has one
_NOTHING = 3  # lifeboat-save's exit status for "nothing to save"
MIB = 1 << 20


class BuiltinCapture:
    """`save_tool`: build/lifeboat-save; `mark`: the dump counts as saved once it is collected."""

    title = "builtin"
    lines = BuiltinLines

    def __init__(self, save_tool: Path, mark: bool = True):
        self._save_tool = save_tool
        self._mark = [] if mark else ["--keep"]
        self.findings: dict[str, str] = {}  # what lifeboat-save lists
        self.report: dict | None = None  # why the kernel died; None: the dump has no report

    def files(self, _folder: Path) -> dict[str, Path | bytes]:
        """Files for the ESP, by path: none, because the kernel is inside the loader."""
        return {}

    def config(self, more: list[str]) -> list[str]:
        """Lines of lifeboat.conf; `more` are the user's own."""
        return [] if any(line.split()[:1] == ["dump-to"] for line in more) else [f"dump-to PARTLABEL={gpt.DUMP_LABEL}"]

    def make_dump_disk(self, image: Path, memory_bytes: int) -> None:
        """Makes a sparse disk with room for every page uncompressed, its descriptor, bitmaps and header."""
        whole = memory_bytes + memory_bytes // 64 + 64 * MIB
        gpt.make_dump_disk(image, whole // MIB * MIB)

    def collect(self, image: Path, folder: Path) -> tuple[Path | None, Path | None]:
        """Takes the dump and the dead kernel's log off the disk, if they are there."""
        listed = self._run("--list", image)
        self.findings = dict(re.findall(r"^([\w -]+): +(.*)$", listed.stdout, re.MULTILINE))
        self.report = self._report(image)
        dump, log = folder / "vmcore", folder / "vmcore-dmesg.txt"
        saved = self._run(*self._mark, "--log", log, "--report", folder / REPORT, image, dump)
        if saved.returncode not in (0, _NOTHING):
            raise VmError(f"{saved.stdout}{saved.stderr}".strip().replace("\n", "; "))
        return (dump if dump.exists() else None), (log if log.exists() else None)

    def _report(self, image: Path) -> dict | None:
        listed = self._run("--list", "--json", image)
        try:
            dumps = json.loads(listed.stdout)["dumps"]
        except (ValueError, LookupError) as error:
            raise VmError(f"lifeboat-save --list --json: {listed.stderr.strip() or error}") from error
        return dumps[0].get("report") if dumps else None

    def _run(self, *words) -> subprocess.CompletedProcess:
        command = [str(word) for word in (self._save_tool, *words)]
        try:
            return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            raise VmError(f"{self._save_tool}: {error.strerror}; make builds it") from error
