# SPDX-License-Identifier: BSD-2-Clause
"""Which machines go through panic, dump, reset and save again and again, and what they die of: drawn by a seed.

A machine that is powered on once has one number of CPUs and one firmware. Every pair of driver and number
of CPUs does not fit on six machines with a disk each, so each has two, whose drivers differ. They take
the dumps in turn: the loader leaves the partition out whose dump this very boot is going to save.
"""

import itertools
import os
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from vm.kernel import ROOT

CYCLES = 9
BOOT, OTHER = "boot", "other"  # the panicking CPU: the boot processor, or the last of the others
_TRIES = 1000


@dataclass(frozen=True)
class EnduringMachine:
    cpus: int
    smm: bool
    controllers: tuple[str, str]  # of vm.machine.CONTROLLERS; the first disk has firmware's partition and root

    @property
    def name(self) -> str:
        return f"{self.cpus}cpu{'-smm' if self.smm else ''}-{'-'.join(self.controllers)}"

    @property
    def needs_generic(self) -> bool:
        """Debian's cloud kernel has no driver for AHCI."""
        return "ahci" in self.controllers


@dataclass(frozen=True)
class Cause:
    """`command` is shell with $cpu; "" is for the host, which pushes the NMI button."""

    name: str
    command: str
    last_words: tuple[str, ...]  # regular expressions, in this order in the log; {cpu} as in _CPU
    others: bool = True  # on another CPU than the boot processor, too
    how: str = ""  # of tests/vm/module, loaded by the command


@dataclass(frozen=True)
class Cycle:
    cause: Cause
    kind: str  # BOOT or OTHER
    controller: str  # of the disk that takes the dump

    @property
    def panic(self) -> str:
        return f"{self.cause.name} on {self.kind}"


_CPU = r"CPU: {cpu} (?:UID: \d+ )?PID: \d+ Comm"
_OOPS = (r"BUG: kernel NULL pointer dereference, address: 0000000000000008", _CPU)
_PANIC = r"Kernel panic - not syncing"
_FATAL = rf"{_PANIC}: Fatal exception"


def _provoked(how: str, *last_words: str, others: bool = True) -> Cause:
    command = f"taskset -c $cpu insmod /root/provoke.ko how={how}"
    return Cause(how, command, last_words, others=others, how=how)


SYSRQ = Cause(
    "sysrq", "taskset -c $cpu sh -c 'echo c >/proc/sysrq-trigger'",
    (r"sysrq: Trigger a crash", rf"{_PANIC}: sysrq triggered crash", _CPU),
)  # fmt: skip
# In a group of its own the memory is soon used up, and 2 makes a panic of that.
OOM = Cause(
    "oom", "echo 2 >/proc/sys/vm/panic_on_oom; mkdir /sys/fs/cgroup/small; cd /sys/fs/cgroup/small; "
    "echo 16M >memory.max; echo $$ >cgroup.procs; exec taskset -c $cpu tail /dev/zero",
    (r"tail invoked oom-killer", _CPU, rf"{_PANIC}: Out of memory: compulsory panic_on_oom is enabled"),
)  # fmt: skip
NMI = Cause(
    "nmi", "", (r"NMI received for unknown reason", rf"{_PANIC}: NMI: Not continuing", _CPU),
    others=False,
)  # fmt: skip
CAUSES = (
    SYSRQ,
    OOM,
    NMI,
    _provoked("process", *_OOPS, _FATAL),
    _provoked("irq", *_OOPS, r"<IRQ>", rf"{_FATAL} in interrupt"),
    _provoked("in-nmi", rf"{_PANIC}: a panic inside an NMI", _CPU, r"<NMI>"),
    _provoked("double", r"PANIC: double fault", _CPU, _FATAL, others=False),
)
MACHINES = (
    EnduringMachine(1, False, ("virtio", "nvme")),
    EnduringMachine(1, True, ("ahci", "virtio")),
    EnduringMachine(2, False, ("ahci", "nvme")),
    EnduringMachine(2, True, ("virtio", "ahci")),
    EnduringMachine(4, False, ("nvme", "virtio")),
    EnduringMachine(4, True, ("nvme", "ahci")),
)


def kinds(causes: tuple[Cause, ...], cpus: int) -> list[tuple[Cause, str]]:
    """What a machine with so many CPUs can die of."""
    return [(cause, kind) for cause in causes for kind in (BOOT, OTHER) if kind == BOOT or (cause.others and cpus > 1)]


def disk_of(machine: EnduringMachine, number: int) -> str:
    """The controller of the disk that takes the dump of cycle `number`, from 0."""
    return machine.controllers[number % 2]


def pairs_of(machine: EnduringMachine, cycle: Cycle) -> set[frozenset]:
    """The pairs of properties that this cycle tries."""
    properties = [("disk", cycle.controller), ("CPUs", machine.cpus), ("SMM", machine.smm), ("panic", cycle.panic)]
    return {frozenset(pair) for pair in itertools.combinations(properties, 2)}


def all_pairs() -> set[frozenset]:
    """Every pair that there is: any disk on any number of CPUs, with SMM and without, and any panic on
    each; but no panic on another CPU where there is one CPU."""
    wanted = set()
    for cpus, smm, disk in itertools.product((1, 2, 4), (False, True), ("nvme", "ahci", "virtio")):
        for cause, kind in kinds(CAUSES, cpus):
            wanted |= pairs_of(EnduringMachine(cpus, smm, (disk, disk)), Cycle(cause, kind, disk))
    return wanted


def _draw_once(chance: random.Random) -> Iterator[tuple[EnduringMachine, list[Cycle]]]:
    """At each cycle one of those that try the most new pairs."""
    missing = all_pairs()
    for machine in MACHINES:
        cycles = []
        for number in range(CYCLES):
            possible = [Cycle(cause, kind, disk_of(machine, number)) for cause, kind in kinds(CAUSES, machine.cpus)]
            news = [len(pairs_of(machine, cycle) & missing) for cycle in possible]
            best = [cycle for cycle, new in zip(possible, news, strict=True) if new == max(news)]
            cycles.append(chance.choice(best))
            missing -= pairs_of(machine, cycles[-1])
        yield machine, cycles


def covered(drawn: dict[EnduringMachine, list[Cycle]]) -> set[frozenset]:
    return {pair for machine, cycles in drawn.items() for cycle in cycles for pair in pairs_of(machine, cycle)}


def draw(seed: int) -> dict[EnduringMachine, list[Cycle]]:
    """CYCLES for each of MACHINES that try every pair together; the same seed gives the same ones."""
    chance = random.Random(seed)
    for _ in range(_TRIES):
        drawn = dict(_draw_once(chance))
        if covered(drawn) >= all_pairs():
            return drawn
    raise AssertionError(f"seed {seed}: no draw of {_TRIES} tried every pair")


def seed() -> int:
    """$LIFEBOAT_SEED, or the commit: a run that is continued on it draws the same."""
    if text := os.environ.get("LIFEBOAT_SEED"):
        return int(text, 0)
    words = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return int(done.stdout[:8] or "1", 16)
