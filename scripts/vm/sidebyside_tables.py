# SPDX-License-Identifier: BSD-2-Clause
"""The built-in capture kernel's section of docs/measurements.md: which runs it takes, and their
figures in tables. Nothing here is typed in but what is varied."""

import os
from pathlib import Path

from vm.markdown import table
from vm.sidebyside import Bench, Case, Found, host_seconds

MIB = 1 << 20

# Each with two CPUs, captured by both; LARGE by a dry run only.
MEMORIES = ["512M", "2G", "8G", "16G"]
LARGE = "64G"
FORMATS = ["zstd", "zlib"]
CPUS = [1, 2]
ROUNDS = 3  # of which the best counts
DISKS = ["virtio", "nvme", "ahci"]
# One CPU whose time stamp counter goes up by one with each instruction, a nanosecond of its clock.
COUNTING = ("-icount", "shift=0")
INSTRUCTIONS_PER_SECOND = 10**9


def _percent(part: float, whole: float) -> str:
    return f"{(part - whole) / whole:+.1%}"


def _times(fast: float, slow: float) -> str:
    return f"{slow / fast:.1f}"


def _reservations(pairs: list[tuple[Found, Found]], plans: tuple[Found, Found]) -> str:
    rows = []
    for ours, linux in [*pairs, plans]:
        rows.append([ours.case.memory, ours.crash_bytes / MIB, linux.crash_bytes / MIB,
                     _times(ours.crash_bytes, linux.crash_bytes)])  # fmt: skip
    return table(["RAM", "built-in, MiB", "Linux, MiB", "ratio"], [[row[0], *map(_plain, row[1:])] for row in rows])


def _plain(value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _seconds(pairs: list[tuple[Found, Found]]) -> str:
    rows = []
    for ours, linux in pairs:
        rows.append([
            ours.case.memory, f"{ours.log_seconds:.2f}", f"{linux.log_seconds:.2f}",
            _times(ours.log_seconds, linux.log_seconds),
            f"{ours.done_seconds:.2f}", f"{linux.linux_written_seconds:.2f}",
            _times(ours.done_seconds, linux.linux_written_seconds),
            f"{linux.done_seconds:.2f}", _times(ours.done_seconds, linux.done_seconds),
        ])  # fmt: skip
    head = ["RAM", "log on disk, built-in", "Linux", "ratio", "dump complete, built-in",
            "Linux, written", "ratio", "Linux, verified", "ratio"]  # fmt: skip
    return table(head, rows)


def _sizes(pairs: list[tuple[Found, Found]]) -> str:
    rows = []
    for ours, linux in pairs:
        rows.append([ours.case.memory, ours.stored_pages, ours.dump_bytes, ours.remade_pages, ours.remade_bytes,
                     _percent(ours.dump_bytes, ours.remade_bytes), linux.stored_pages, linux.dump_bytes,
                     _percent(ours.dump_bytes, linux.dump_bytes)])  # fmt: skip
    head = ["RAM", "pages, built-in", "bytes", "pages, makedumpfile of it", "bytes", "built-in against it",
            "pages, Linux path", "bytes", "built-in against it"]  # fmt: skip
    return table(head, rows)


def _memory(pairs: list[tuple[Found, Found]]) -> str:
    rows = []
    for ours, _ in pairs:
        used, heap = ours.heap
        rows.append([ours.case.memory, _plain(ours.crash_bytes / MIB), heap, used, ours.map_bytes])
    return table(["RAM", "crash memory, MiB", "heap", "used of it", "page tables for the RAM, bytes"], rows)


def _scaling_cases() -> list[Case]:
    return [Case("builtin", config=(f"dump-format {name}", f"capture-cpus {cpus}"))
            for name in FORMATS for cpus in CPUS]  # fmt: skip


def _scaling(best: dict[Case, Found]) -> str:
    rows = []
    for name in FORMATS:
        one, two = (best[case] for case in _scaling_cases() if case.config[0] == f"dump-format {name}")
        rows.append([name, one.stored_pages, f"{one.writing_seconds:.2f}", two.stored_pages,
                     f"{two.writing_seconds:.2f}", f"{one.writing_seconds / two.writing_seconds:.2f}"])  # fmt: skip
    return table(["format", "pages", "1 CPU, s", "pages", "2 CPUs, s", "ratio"], rows)


def _disks(found: list[Found]) -> str:
    rates = [one.dump_bytes / one.writing_seconds for one in found]
    rows = [[one.case.disk, one.dump_bytes, f"{one.writing_seconds:.2f}", f"{rate / MIB:.1f}", f"{rate / rates[0]:.2f}"]
            for one, rate in zip(found, rates)]  # fmt: skip
    return table(["disk", "bytes", "seconds", "MiB/s", f"to {found[0].case.disk}'s"], rows)


def _instructions(found: Found) -> str:
    log = (found.own("first byte") - found.own("begin")) * INSTRUCTIONS_PER_SECOND
    dump = found.writing_seconds * INSTRUCTIONS_PER_SECOND
    row = [f"{log:,.0f}", f"{dump:,.0f}", f"{found.ram_pages:,}", f"{found.stored_pages:,}",
           f"{dump / found.stored_pages:,.0f}"]  # fmt: skip
    return table(["begin to log on disk", "log to complete", "pages of RAM", "pages dumped", "per page dumped"], [row])


def _pairs(bench: Bench) -> list[tuple[Found, Found]]:
    return [(bench.run(Case("builtin", memory), remake=True), bench.run(Case("linux", memory))) for memory in MEMORIES]


def _best(rounds: list[list[Found]]) -> list[Found]:
    """Results of each case; every round runs the cases in this order."""
    return [min(found, key=lambda one: one.writing_seconds) for found in zip(*rounds)]


def _measure_in_turn(bench: Bench) -> tuple[dict[Case, Found], list[Found], float]:
    """The best of each case of scaling and of each disk, and how much more the host itself gets done
    with two CPUs. All take turns, so that whatever else the machine does meets all of them."""
    cases, scaling, disks, host = _scaling_cases(), [], [], []
    for _ in range(ROUNDS):
        scaling.append([bench.run(case) for case in cases])
        host.append([host_seconds(copies) for copies in CPUS])
        disks.append([bench.run(Case("builtin", disk=name, config=("dump-format raw",))) for name in DISKS])
    alone, together = (min(seconds) for seconds in zip(*host))
    return dict(zip(cases, _best(scaling))), _best(disks), CPUS[-1] * alone / together


def section(loader: Path, makedumpfile: Path) -> str:
    """Runs it all; some minutes."""
    bench = Bench(loader, makedumpfile)
    pairs = _pairs(bench)
    plans = bench.plan(Case("builtin", LARGE)), bench.plan(Case("linux", LARGE))
    scaling, disks, host_ratio = _measure_in_turn(bench)
    counted = bench.run(Case("builtin", cpus=1, qemu_args=COUNTING))
    image, whole = loader.with_name("capture.bin").stat().st_size, loader.stat().st_size
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"""\
## The built-in capture kernel

The same guests, panics and disks, captured by the built-in kernel and by a Linux in its place,
one run right after the other (`scripts/measure --builtin`): two CPUs, virtio, dump level 31. The
host has {os.cpu_count()} CPUs; its load averages at the end of these runs were {load}.

The built-in kernel's image is {image} bytes, `build/lifeboat.efi` with it inside {whole}.

### Crash memory

What `auto` takes; of {LARGE} by `--dry-run`.

{_reservations(pairs, plans)}

### Seconds from the panic

To the dead kernel's log on the disk, flushed; and to the whole dump. Written is a Linux's when it
last says how far it is; then it reads all of it again before it says that it is done; ours makes
the digests while it writes. The Linux runs on one CPU, with makedumpfile's LZO.

{_seconds(pairs)}

### Size of the dump

Beside what Debian 13's `makedumpfile -z -d 31` makes of the very same pages, which are those of
our dump; and beside what the Linux path wrote of its run, with its own kernel's memory and Debian
12's makedumpfile, which has no zstd.

{_sizes(pairs)}

### Memory that it used

{_memory(pairs)}

### With more CPUs

Log on the disk to dump complete; the best of {ROUNDS} runs each, in turn. In it are the choice of
pages and the digests, which one CPU makes. The guest has {CPUS[-1]} CPUs and the host {os.cpu_count()}:
what else the host does takes from them. In the same rounds, {CPUS[-1]} processes that only compute got
{host_ratio:.2f} times as much done on it as one: no more can come of it here.

{_scaling(scaling)}

### Disks

Pages as they are (`--dump-format raw`), so that it is the disk's driver that counts, and QEMU's
device behind it; the best of {ROUNDS}, in turn with those above.

{_disks(disks)}

### A dump, in instructions

One CPU, counted as [below](#in-instructions), zstd, without SHA extensions; to the millisecond
that the dump's header is read with, a million of them. Its waiting for the disk is in it.

{_instructions(counted)}
"""
