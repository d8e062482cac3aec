# SPDX-License-Identifier: BSD-2-Clause
"""Judges whether the second kernel's log shows traces of the first kernel's devices still running. Pure
functions."""

import re

_SECOND_BEGINS = "lifeboat-purgatory: jump"
_DEAD_LOG = re.compile(r"lifeboat-capture: log lines=.*?lifeboat-capture: log end=1[^\n]*", re.DOTALL)

# The messages of Linux 5.10 to 6.12.
_NOISE = re.compile(
    # Interrupts that nobody handles, or that belong to the kernel before.
    r"nobody cared|Disabling IRQ #|No irq handler for vector|spurious (?:8259A|APIC|LAPIC|interrupt)|Stale IRR"
    r"|unexpected IRQ|lost interrupt|Misrouted IRQ"
    # Timers that do not tick.
    r"|MP-BIOS bug|\.\.no timer|\.\.\.\s?trying to set up timer|IO-APIC \+ timer doesn't work|APIC timer disabled"
    # Commands that are not answered.
    r"|timed[ -]out|completion polled|QID \d+ timeout|qc timeout|failed command:|NETDEV WATCHDOG|Tx Unit Hang"
    r"|DMAR:.*fault|AMD-Vi:.*IO_PAGE_FAULT",
    re.IGNORECASE,
)
# "irqpoll" prints these words when it is switched on.
_NO_NOISE = re.compile(r"Misrouted IRQ fixup (?:and polling )?support enabled", re.IGNORECASE)


def second_kernel_log(console: str) -> str:
    """Returns what the console printed after the last jump, without the dead kernel's log, which the capture
    prints."""
    return _DEAD_LOG.sub("", console.rpartition(_SECOND_BEGINS)[2])


def noise(log: str) -> list[str]:
    """Returns the lines of a second kernel's log that must not be there."""
    lines = log.replace("\r", "").split("\n")
    return [line for line in lines if _NOISE.search(line) and not _NO_NOISE.search(line)]


def capture_log_is_quiet(log: str) -> bool:
    """True if noise() finds nothing. For assert capture_log_is_quiet(log), noise(log)."""
    return not noise(log)
