# SPDX-License-Identifier: BSD-2-Clause
"""Memory maps compared with the kernels' own: the first kernel prints what was foretold, the second what was handed
over, and the dump has all RAM of the map, with the dead kernel's low megabyte.

One machine has a map of some 300 entries, so that both kernels get more than boot_params holds.
"""

import mmap
import os
from collections import Counter

import boot_log
import inspected
import map_judge
import pytest
import suites
from boot_log import LOW_END
from scenarios import CLOUD
from vm.rehearsal import Options
from vm.vmcore import read_vmcore

MIB = 1 << 20
# Pages of ACPI NVS, each of which splits a piece of RAM.
SCATTERED = 145
SOFT_MIB = 32
MANY = 290
FULL = os.environ.get("LIFEBOAT_FULL") == "1"


# The suite of the kernels; None: this machine's. Linux 5.10 does not use the low megabyte either, but does
# not keep all of it free.
@pytest.fixture(scope="module", params=[None, suites.BULLSEYE] if FULL else [None])
def many(request, handoff_fields, preamble, loader, fetched, kernel, capture_image, firmware):
    """A machine with many entries and soft-reserved memory in its map, ended by an oops."""
    folder = handoff_fields.parents[1] / "vm-tests" / os.environ.get("PYTEST_XDIST_WORKER", "main")
    suite = request.param
    options = Options(
        kernel=fetched(f"{CLOUD}/{suite}") if suite else kernel,
        folder=folder / f"many-{suite}",
        firmware=firmware,
        loader=loader,
        capture="linux",
        capture_initrd=None if suite else capture_image,
        capture_args="lifeboat.format=elf",
        append="log_buf_len=1M",  # the map alone fills the usual 128 KiB
        memory_bytes=512 * MIB,
        panic="oops",
        panic_cpu=1,
    )
    run = inspected.run(options, handoff_fields, preamble, f"scatter {SCATTERED}\nsoft {SOFT_MIB}\n")
    yield run
    (options.folder / "dump.img").unlink()


pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("many")]


def test_the_map_is_one_of_many_entries(many):
    types = Counter(entry.type for entry in many.armed.saved)
    assert len(many.armed.saved) > MANY
    assert types[boot_log.NVS] >= SCATTERED
    soft = [entry for entry in many.armed.saved if entry.type == boot_log.SOFT_RESERVED]
    assert sum(entry.end - entry.start for entry in soft) == SOFT_MIB * MIB
    assert many.armed.saved == boot_log.merged(many.armed.saved)


def test_the_first_kernel_s_map_is_what_we_foretell(many):
    map_judge.assert_foretold(many)


def test_the_second_kernel_s_map_is_what_we_handed_over(many):
    map_judge.assert_handed_over(many)
    assert len(boot_log.printed(many.second_log)) == boot_log.ZERO_PAGE_ENTRIES < len(many.armed.second)


def test_all_ram_of_the_map_is_in_the_dump(many):
    loads = [load for load in read_vmcore(many.dump).loads if load.virtual < map_judge.TEXT_START]
    map_judge.assert_all_ram(many, loads)
    map_judge.assert_all_ram(many, many.armed.loads)
    assert len({load.virtual - load.physical for load in loads}) == 1, "one direct map"


def test_only_ram_is_swapped(many):
    """All RAM below 1 MiB is swapped, page by page, and nothing else there."""
    low = [(start, min(end, LOW_END)) for start, end in boot_log.ram_of(many.armed.saved) if start < LOW_END]
    assert boot_log.joined(many.armed.swap) == boot_log.joined(low)
    assert sum(end - start for start, end in low) >= 0x90000, "what PC firmware calls RAM below 640 KiB"


def test_the_dead_kernel_s_low_megabyte_is_in_the_dump(many):
    """The pattern was put there before the panic, in pages that no kernel uses."""
    assert len(many.armed.planted) > 8
    loads = [load for load in read_vmcore(many.dump).loads if load.virtual < map_judge.TEXT_START]
    with open(many.dump, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as core:
        for page in many.armed.planted:
            (at,) = [
                load.offset + page - load.physical
                for load in loads
                if load.physical <= page < load.physical + load.file_bytes
            ]
            assert core[at : at + inspected.PAGE] == inspected.pattern(page), f"{page:#x}"
