# SPDX-License-Identifier: BSD-2-Clause
"""Crash memory on machines of other shapes: above 4 GiB with a region below, several NUMA nodes, a hole between, a
first kernel that uses only a part of RAM. And how much memory `auto` leaves unused."""

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

import boot_log
import inspected
import map_judge
import pytest
from inspected import PAGE, InspectedRun
from scenarios import CAPTURED, FULL, Scenario, rows
from vm.rehearsal import Options

MIB, GIB = 1 << 20, 1 << 30
pytestmark = pytest.mark.vm

# One of the machine types that split memory over nodes without a backend for each.
NUMA_MACHINE = "pc-q35-5.0"
NODES = [word for node in range(4) for word in ("-numa", f"node,nodeid={node},cpus={node},mem=2G")]


@dataclass(frozen=True)
class Shape:
    name: str
    memory_mib: int
    low_mib: int | None = None  # of crash_low; None: none, because crash memory lies below 4 GiB
    crash_mib: int | None = None  # None: auto
    cpus: int = 2
    panic_cpu: int = 1
    machine: str = "q35"
    append: str = ""
    crashkernel: str = ""
    qemu_args: list[str] = field(default_factory=list)


# 1 GiB, a hole up to 4 GiB, and 7 GiB in four nodes.
HIGH = Shape(
    "high-numa-hole", 8192, low_mib=96, crash_mib=256, cpus=4, panic_cpu=3,
    machine=f"{NUMA_MACHINE},max-ram-below-4g=1G", crashkernel="256M,high", qemu_args=NODES,
)  # fmt: skip
MORE = [
    Shape(
        "high-low-arguments", 6144, low_mib=128, crash_mib=512, append="crashkernel=512M,high crashkernel=128M,low"
    ),
    Shape("mem-1g", 2048, append="mem=1G"),
    Shape("numa", 8192, cpus=4, panic_cpu=2, machine=NUMA_MACHINE, qemu_args=NODES),
    # There is no room below the hole, so the region goes above 4 GiB without being told to.
    Shape(
        "high-by-itself", 4096, low_mib=96, crash_mib=768, machine="q35,max-ram-below-4g=512M", crashkernel="768M"
    ),
]
SHAPES = [HIGH, *(MORE if os.environ.get("LIFEBOAT_FULL") == "1" else [])]


@pytest.fixture(scope="module", params=[pytest.param(one, id=one.name) for one in SHAPES])
def shape(request) -> Shape:
    return request.param


@pytest.fixture(scope="module")
def run(shape, handoff_fields, loader, kernel, capture_image, firmware):
    folder = handoff_fields.parents[1] / "vm-tests" / os.environ.get("PYTEST_XDIST_WORKER", "main") / shape.name
    options = Options(
        kernel=kernel,
        folder=folder,
        firmware=firmware,
        loader=loader,
        capture="linux",
        capture_initrd=capture_image,
        append=shape.append,
        crashkernel=shape.crashkernel,
        memory_bytes=shape.memory_mib * MIB,
        cpus=shape.cpus,
        machine=shape.machine,
        qemu_args=shape.qemu_args,
        panic="oops",
        panic_cpu=shape.panic_cpu,
    )
    yield inspected.run(options, handoff_fields)
    (folder / "dump.img").unlink()


on_each_shape = pytest.mark.xdist_group("memory")


@on_each_shape
def test_regions(shape, run: InspectedRun):
    """The regions have the requested place and size, begin at 2 MiB, and are whole RAM in the firmware's map."""
    crash, low = run.armed.crash, run.armed.crash_low
    assert run.armed.taken == [one for one in (crash, low) if one[0] < one[1]]
    ram = boot_log.joined(boot_log.ram_of(run.armed.saved))
    for start, end in run.armed.taken:
        assert start >= 16 * MIB and start % (2 * MIB) == 0 and end % (2 * MIB) == 0
        assert any(s <= start and end <= e for s, e in ram), "the region is not within one piece of RAM"
    if shape.crash_mib is not None:
        assert crash[1] - crash[0] == shape.crash_mib * MIB
    if shape.low_mib is None:
        assert low[0] == low[1] and crash[1] <= 4 * GIB
    else:
        assert crash[0] >= 4 * GIB and low[1] <= 4 * GIB
        assert low[1] - low[0] == shape.low_mib * MIB
    assert int(run.plan["crash_low_bytes"]) == low[1] - low[0]


@on_each_shape
def test_the_first_kernel_s_map_is_what_we_foretell(run: InspectedRun):
    map_judge.assert_foretold(run)


@on_each_shape
def test_the_second_kernel_s_map_is_what_we_handed_over(run: InspectedRun):
    map_judge.assert_handed_over(run)


@on_each_shape
def test_all_ram_of_the_map_is_in_the_core_header(shape, run: InspectedRun):
    """The core header has all RAM, whatever part the first kernel used, and so has /proc/vmcore."""
    map_judge.assert_all_ram(run, run.armed.loads)
    ram = sum(load.memory_bytes for load in run.armed.loads)
    vmcore = int(re.search(r"vmcore_bytes=(\d+)", run.console)[1])
    assert ram < vmcore < ram + 64 * MIB, "not RAM, the kernel's image once more, and headers"


@on_each_shape
def test_bounce_buffers_are_in_the_low_region(shape, run: InspectedRun):
    """Devices that reach only 4 GiB do their DMA through them. Without a high region there are none."""
    found = re.findall(r"software IO TLB: mapped \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\]", run.second_log)
    if shape.low_mib is None:
        assert not found
        return
    ((start, end),) = found  # Linux prints this range's end as the byte behind it
    assert run.armed.crash_low[0] <= int(start, 16) < int(end, 16) <= run.armed.crash_low[1]


@on_each_shape
def test_every_cpu_has_its_note(shape, run: InspectedRun):
    """With several nodes per-CPU areas are not at a fixed distance."""
    assert len(run.outcome.frame.cpu_notes) == shape.cpus


@pytest.fixture(scope="module")
def crash_says(run, crash, vmlinux, tmp_path_factory) -> Callable[[str], str]:
    def ask(commands: str) -> str:
        script = tmp_path_factory.mktemp("crash") / "commands"
        script.write_text(f"{commands}\nquit\n")
        done = subprocess.run(
            [crash, "--no_scroll", "-s", "-i", script, vmlinux, run.dump],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:]
        return done.stdout

    return ask


@on_each_shape
def test_crash_reads_it(shape, run: InspectedRun, crash_says):
    """crash shows backtraces of all CPUs, and the pattern that was put into the low megabyte before the panic."""
    pages = run.armed.planted
    assert len(pages) > 8
    said = crash_says("\n".join(["bt -a", *(f"rd -p {page:x} {PAGE // 8}" for page in pages)]))
    cpus = re.findall(r"^PID: \d+ +TASK: [0-9a-f]+ +CPU: (\d+) ", said, re.MULTILINE)
    assert sorted(map(int, cpus)) == list(range(shape.cpus)), said[-3000:]
    words = {}
    for address, values in re.findall(r"^ *([0-9a-f]+): +([0-9a-f]{16} [0-9a-f]{16}) ", said, re.MULTILINE):
        words[int(address, 16)] = b"".join(int(value, 16).to_bytes(8, "little") for value in values.split())
    for page in pages:
        found = b"".join(words.get(at, b"") for at in range(page, page + PAGE, 16))
        assert found == inspected.pattern(page), f"{page:#x}"


# auto, judged on the runs of other tests.


# Some memory is left on purpose, for a driver that needs more. More than this would be waste.
USED_MIN = 0.4


@pytest.mark.parametrize("scenario", rows(CAPTURED + FULL))
def test_auto_is_enough_and_not_wasteful(run_scenario, scenario: Scenario, record_property):
    findings = run_scenario(scenario).findings
    size, left = findings["crash_bytes"], findings["capture_left_bytes"]
    record_property("auto_mib", size // MIB)
    record_property("left_mib", left // MIB)
    print(f"{scenario.memory_mib} MiB: auto {size // MIB} MiB, {left // MIB} MiB of it left")
    assert not [message for message in findings["messages"] if "Out of memory" in message]
    assert 0 < left < (1 - USED_MIN) * size
