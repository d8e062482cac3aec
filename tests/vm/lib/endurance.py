# SPDX-License-Identifier: BSD-2-Clause
"""Draws, by a seed, what machines die of while they go through panic, dump, reset and save again and again.

A machine that is powered on once has one number of CPUs and one firmware. Six machines with one disk each cannot try
every pair of driver and number of CPUs. So each machine has two disks with different drivers, which take the dumps
in turn: the loader skips the partition whose dump this boot is going to save.
"""

import itertools
import os
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from vm.kernel import ROOT

CYCLES = 9
BOOT, OTHER = "boot", "other"  # which CPU panics: the boot processor, or the last of the others
_TRIES = 1000


@dataclass(frozen=True)
class EnduringMachine:
    cpus: int
    smm: bool
    controllers: tuple[str, str]  # of vm.machine.CONTROLLERS; the first disk has the firmware's partition and the root

    @property
    def name(self) -> str:
        return f"{self.cpus}cpu{'-smm' if self.smm else ''}-{'-'.join(self.controllers)}"

    @property
    def needs_generic(self) -> bool:
        """True for AHCI, because Debian's cloud kernel has no driver for it."""
        return "ahci" in self.controllers


@dataclass(frozen=True)
class Cause:
    """A cause of a panic. `command` is shell with $cpu; "" stands for the host, which pushes the NMI button."""

    name: str
    command: str
    last_words: tuple[str, ...]  # regular expressions that the log must have in this order; {cpu} as in _CPU
    others: bool = True  # also on a CPU other than the boot processor
    how: str = ""  # the way of tests/vm/module, which the command loads


@dataclass(frozen=True)
class Cycle:
    cause: Cause
    kind: str  # BOOT or OTHER
    controller: str  # controller of the disk that takes the dump

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
# In a group of its own the task soon uses up its memory, and panic_on_oom=2 makes a panic of that.
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
    """Returns the causes that a machine with so many CPUs can die of."""
    return [(cause, kind) for cause in causes for kind in (BOOT, OTHER) if kind == BOOT or (cause.others and cpus > 1)]


def disk_of(machine: EnduringMachine, number: int) -> str:
    """Returns the controller of the disk that takes the dump of cycle `number`, from 0."""
    return machine.controllers[number % 2]


def pairs_of(machine: EnduringMachine, cycle: Cycle) -> set[frozenset]:
    """Returns the pairs of properties that this cycle tries."""
    properties = [("disk", cycle.controller), ("CPUs", machine.cpus), ("SMM", machine.smm), ("panic", cycle.panic)]
    return {frozenset(pair) for pair in itertools.combinations(properties, 2)}


def all_pairs() -> set[frozenset]:
    """Returns every possible pair: any disk on any number of CPUs, with and without SMM, and any panic on each of
    them. A machine with one CPU cannot panic on another."""
    wanted = set()
    for cpus, smm, disk in itertools.product((1, 2, 4), (False, True), ("nvme", "ahci", "virtio")):
        for cause, kind in kinds(CAUSES, cpus):
            wanted |= pairs_of(EnduringMachine(cpus, smm, (disk, disk)), Cycle(cause, kind, disk))
    return wanted


def _draw_once(chance: random.Random) -> Iterator[tuple[EnduringMachine, list[Cycle]]]:
    """Draws at each cycle one of the causes that try the most new pairs."""
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
    """Draws CYCLES for each of MACHINES that together try every pair. The same seed gives the same cycles."""
    chance = random.Random(seed)
    for _ in range(_TRIES):
        drawn = dict(_draw_once(chance))
        if covered(drawn) >= all_pairs():
            return drawn
    raise AssertionError(f"seed {seed}: no draw of {_TRIES} tried every pair")


def seed() -> int:
    """Returns $LIFEBOAT_SEED, or the commit, so that a continued run of this commit draws the same."""
    if text := os.environ.get("LIFEBOAT_SEED"):
        return int(text, 0)
    words = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return int(done.stdout[:8] or "1", 16)
