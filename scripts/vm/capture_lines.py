# SPDX-License-Identifier: BSD-2-Clause
"""What the capture says on the console ("lifeboat-capture: ..."): one class for each kind.

They note it in the Findings they are given.
"""

import re

from vm.findings import Findings
from vm.key_values import parse_key_values, parse_number

_STAGE = re.compile(r"([\w-]+)[ :]*(.*)")


class LinuxLines:
    """scripts/capture: STAGE key=value..."""

    STAGES = ("start", "log", "target", "dump", "verify", "done", "failed")

    def __init__(self):
        self.in_dead_log = False

    def observe(self, findings: Findings, seconds: float, said: str) -> None:
        match = _STAGE.match(said)
        if match is None:
            return
        stage, said = match.groups()
        key_values = parse_key_values(said)
        # The dead kernel's log stands between "log lines=..." and "log end=1", and after
        # a failure between two sentences.
        if stage == "log":
            self.in_dead_log = "end" not in key_values and "saved" not in key_values
        elif stage in ("the", "end"):
            self.in_dead_log = stage == "the" and said.startswith("dead kernel's log")
        else:
            self.in_dead_log = False
        if stage in self.STAGES:
            findings.reach(seconds, f"capture_{stage}", said)
        if stage == "start":
            findings.level_asked = parse_number(key_values.get("level"))
        if (left := parse_number(key_values.get("mem_available_kib"))) is not None:
            least = findings.capture_left_kib
            findings.capture_left_kib = left if least is None else min(left, least)
        if stage == "note":
            for key, value in key_values.items():
                if key.upper().startswith("TSC.") and (tick := parse_number(value)) is not None:
                    findings.ticks[key[4:].lower()] = tick
        elif stage in ("failed", "warning"):
            text = key_values.get("message") or said or "no reason given"
            findings.message(f"lifeboat-capture: {stage}: {text}")
            if stage == "failed":
                findings.capture_failed = text


class BuiltinLines:
    """The built-in kernel: sentences. The first is its beginning, whatever it says; the last is
    "dump complete: N bytes in S s" or "no dump: REASON"."""

    in_dead_log = False

    _COMPLETE = re.compile(r"dump complete: (.*)")
    _NO_DUMP = re.compile(r"no dump: (.*)")
    _PROGRESS = re.compile(r"\d+%")
    _MEMORY = re.compile(r"memory: ([\d.]+) (KiB|MiB) of a heap of ([\d.]+) (KiB|MiB) used")
    _STEPPED_DOWN = re.compile(r"filter: level \d+ instead of \d+: ")
    _TROUBLE = re.compile(r"\b(warning|error|fail|timed? ?out|fault|retry|reset of|left alone|cannot|no answer)", re.I)

    def observe(self, findings: Findings, seconds: float, said: str) -> None:
        if said.startswith("| "):  # the dead kernel's log, where no disk has it
            return
        findings.reach(seconds, "capture_begin", said)
        if match := self._COMPLETE.match(said):
            findings.reach(seconds, "capture_done", match[1])
        elif match := self._NO_DUMP.match(said):
            findings.reach(seconds, "capture_failed", match[1])
            findings.capture_failed = match[1]
            findings.message(f"lifeboat-capture: {said}")
        elif self._PROGRESS.search(said):
            findings.reach(seconds, "capture_dump", said)
        elif match := self._MEMORY.match(said):
            used, heap = (float(match[n]) * (1024 if match[n + 1] == "MiB" else 1) for n in (1, 3))
            findings.capture_left_kib = int(heap - used)
        elif said.startswith("target "):
            findings.reach(seconds, "capture_target", said)
        elif self._STEPPED_DOWN.match(said) or self._TROUBLE.search(said):
            findings.message(f"lifeboat-capture: {said}")
