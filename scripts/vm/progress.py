# SPDX-License-Identifier: BSD-2-Clause
"""Reads the console of a boot: lines in, findings kept (findings.py).

Pure. The words it looks for are those of the kernel, the loader (`lifeboat: `), the purgatory
(`lifeboat-purgatory: `), the capture (`lifeboat-capture: `) and the first kernel's overlay
(`lifeboat-vm: `).
"""

import re

from vm import guest
from vm.capture_lines import BuiltinLines, LinuxLines
from vm.findings import Findings
from vm.key_values import parse_key_values, parse_number

_LOADER = re.compile(r"(?:^|\s)lifeboat: (.*)")
_STARTED = re.compile(r"BdsDxe: starting Boot")
# The loader's plan as it stands on its screen; "lifeboat: plan key=value" lines say the same.
_REGION = re.compile(r"crash memory: 0x([0-9a-f]+)-0x([0-9a-f]+)")
_TABLES = re.compile(r"page tables: (\d+) bytes = (.*)")
_SECOND = re.compile(r"second kernel: built-in, (\w+) -d (\d+)")
_KIND = re.compile(r"\b(PML5|PML4|PDPT|PD|PT) (\d+)")
_PURGATORY = re.compile(r"lifeboat-purgatory: (.*)")
_CAPTURE = re.compile(r"lifeboat-capture: (.*)")
_LINUX = re.compile(r"\bLinux version \d")
_PANIC = "Kernel panic - not syncing"
_CMDLINE = re.compile(r"(?:Kernel c|C)ommand line: (.*)")
_FIRMWARE_AGAIN = re.compile(r"UEFI Interactive Shell|No bootable option or device was found")
_NOT_ARMED = re.compile(r"(?:error: )?not armed[: ]*(.*)")
_LOADER_TROUBLE = re.compile(r"\b(error|warning|refus|cannot|not armed|failed)", re.IGNORECASE)
# The second kernel's own troubles. The dead kernel's log, shown in between, is not its own.
_KERNEL_TROUBLE = re.compile(
    r"MP-BIOS bug|timed[ -]out|timeout, completion polled|\bBUG: |\bWARNING: CPU: |\bOops: |Kernel panic - not syncing"
    r"|irq \d+: nobody cared|Out of memory: "
)
# Anything else the purgatory says about the dead kernel is information.
_PURGATORY_TROUBLE = re.compile(r"fault|warning|cold reset|halted|going on|\bno\b|missing|synthe|NMI", re.IGNORECASE)
PURGATORY_STAGES = ("entry", "verify", "quiesce", "describe", "swap", "jump")


class Progress(Findings):
    """Feed it every console line in order; `observe` returns the stages new with that line.
    `capture` knows what the capture says."""

    def __init__(self, capture: BuiltinLines | LinuxLines | None = None):
        super().__init__()
        self._capture = capture or LinuxLines()

    def observe(self, seconds: float, text: str) -> list[str]:
        before = len(self.stages)
        if match := _CAPTURE.search(text):
            self._capture.observe(self, seconds, match[1])
        elif self._capture.in_dead_log:
            pass
        elif match := _PURGATORY.search(text):
            self._purgatory(seconds, match[1])
        elif match := _LOADER.search(text):
            self._loader(seconds, match[1])
        elif "lifeboat-vm: " in text:
            self._overlay(seconds, text[text.index("lifeboat-vm: ") :])
        else:
            self._kernel(seconds, text)
        return list(self.stages)[before:]

    def _loader(self, seconds: float, said: str) -> None:
        self.reach(seconds, "loader")
        if said.startswith("plan "):
            self.plan.update(parse_key_values(said))
        elif said.startswith(("armed", "prepared")):
            self.reach(seconds, "armed", said.partition(":")[2].strip())
        elif match := _NOT_ARMED.match(said):
            self.refused = match[1] or "no reason given"
            self.message(f"lifeboat: {said}")
        elif _LOADER_TROUBLE.search(said):
            self.message(f"lifeboat: {said}")

    def _before_linux(self, seconds: float, text: str) -> None:
        if _STARTED.search(text):
            self.reach(seconds, "loader")
        elif match := _REGION.search(text):
            self.plan["crash"] = f"0x{match[1]}-0x{match[2]}"
            self.plan["crash_bytes"] = str(int(match[2], 16) - int(match[1], 16))
        elif match := _TABLES.search(text):
            self.plan["page_table_bytes"] = match[1]
            self.plan |= {kind.lower(): count for kind, count in _KIND.findall(match[2])}
        elif match := _SECOND.search(text):
            self.level_asked = 0 if match[1] == "elf" else int(match[2])
        elif _FIRMWARE_AGAIN.search(text):
            self.firmware_again = text

    def _purgatory(self, seconds: float, said: str) -> None:
        self.reach(seconds, "purgatory")
        word = said.split(maxsplit=1)[0].rstrip(":") if said else ""
        if word in PURGATORY_STAGES:
            self.reach(seconds, f"purgatory_{word}")
            if (tsc := parse_number(parse_key_values(said).get("tsc"))) is not None:
                self.ticks[word] = tsc
            return
        if word == "fault" and self.purgatory_fault is None:
            self.purgatory_fault = said
        if _PURGATORY_TROUBLE.search(said):
            self.message(f"lifeboat-purgatory: {said}")

    def _overlay(self, seconds: float, text: str) -> None:
        if text.startswith(guest.UP):
            self.cpus = parse_number(parse_key_values(text).get("cpus"))
            self.reach(seconds, "up", f"{self.cpus} CPUs")
        elif text.startswith(guest.ASK):
            self.asks.append(text[len(guest.ASK) :])
        elif text.startswith("lifeboat-vm: failed"):
            self.guest_failed = text
            self.message(text)

    def _kernel(self, seconds: float, text: str) -> None:
        second = "second_kernel" in self.stages
        if _LINUX.search(text):
            over = self.panicked or "purgatory" in self.stages
            self.reach(seconds, "second_kernel" if over else "first_kernel", text[text.index("Linux version") :][:60])
        elif not self.first_kernel_cmdline and "first_kernel" in self.stages and (match := _CMDLINE.search(text)):
            self.first_kernel_cmdline = match[1].strip()
        elif self.panicked and not self.took_over and _STARTED.search(text):
            self.restarted = True
        elif not self.took_over and _PANIC in text:
            self.panics += 1
            self.reach(seconds, "panic", text[text.index(_PANIC) + len(_PANIC) :].lstrip(": "))
        elif not self.panicked and "first_kernel" not in self.stages:
            self._before_linux(seconds, text)
        elif second and _KERNEL_TROUBLE.search(text):
            if _PANIC in text and self.second_panic is None:
                self.second_panic = text
            self.message(text)
