# SPDX-License-Identifier: BSD-2-Clause
"""What is known of a boot so far: stages reached, the loader's plan, what went wrong."""

from dataclasses import dataclass, field


@dataclass
class Findings:
    """The readers of the console fill it in (progress.py, capture_lines.py)."""

    stages: dict[str, float] = field(default_factory=dict)  # stage name to seconds since power-on
    details: dict[str, str] = field(default_factory=dict)  # stage name to what its line said
    plan: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    ticks: dict[str, int] = field(default_factory=dict)  # the purgatory's stages to the TSC at their begin
    first_kernel_cmdline: str = ""
    cpus: int | None = None
    refused: str | None = None  # why the loader did not arm
    purgatory_fault: str | None = None
    capture_failed: str | None = None
    level_asked: int | None = None  # the dump level; 0 where an ELF core was; None: it was not said
    capture_left_kib: int | None = None  # the least memory available while it ran
    second_panic: str | None = None
    asks: list[str] = field(default_factory=list)  # what init wants the host to do; taken out by who does it
    panics: int = 0  # of the first kernel
    restarted: bool = False  # the firmware boots again after a panic that nobody took over
    guest_failed: str | None = None
    firmware_again: str | None = None  # the loader gave the machine back

    @property
    def panicked(self) -> bool:
        return "panic" in self.stages

    @property
    def captured(self) -> bool:
        """The capture says it wrote a dump; the host still has to look at it."""
        return "capture_done" in self.stages

    @property
    def took_over(self) -> bool:
        """Control went from the dead kernel to Lifeboat."""
        return bool({"purgatory", "second_kernel", "capture_begin"} & self.stages.keys())

    def reach(self, seconds: float, stage: str, detail: str = "") -> None:
        """Notes a stage. Only the first time counts."""
        if stage not in self.stages:
            self.stages[stage] = seconds
            self.details[stage] = detail

    def message(self, text: str) -> None:
        """Notes something for the user, once."""
        if text not in self.messages:
            self.messages.append(text)
