# SPDX-License-Identifier: BSD-2-Clause
"""What the loader chose on each machine: paging depth, leaf sizes, RAM size, and its figures."""

import re

import pytest

from scenarios import CAPTURED, FULL, PASSING, STRICT, Scenario, rows
from stopped import parse_range

pytestmark = pytest.mark.vm

PAGE, TABLE_2M, TABLE_1G = 4096, 2 << 20, 1 << 30
LOW = (0, 1 << 20)
# OVMF keeps this much for itself, most of it for SMM.
FIRMWARE_MAX = 64 << 20
# The core header shows the pages of the kernel's image twice.
IMAGE_MAX = 96 << 20
ADDED = ["panic=-1", "reboot=efi,cold,panic_warm", "crash_kexec_post_notifiers", "efi=runtime"]
ADDED += ["oops=panic", "unknown_nmi_panic"]  # of the default profile
ADDED_STRICT = ["softlockup_panic=1", "hung_task_panic=1", "nmi_watchdog=panic"]

armed = pytest.mark.parametrize("scenario", rows(CAPTURED + PASSING + FULL))
captured = pytest.mark.parametrize("scenario", rows(CAPTURED + FULL))


def merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    result: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def parts(start: int, end: int, unit: int):
    """Returns (index, whole?) for each aligned unit that the range touches."""
    for index in range(start // unit, (end - 1) // unit + 1):
        yield index, start <= index * unit and (index + 1) * unit <= end


def page_tables(ranges: list[tuple[int, int]], five_levels: bool, gib_pages: bool) -> dict[str, int]:
    """Returns the bytes, by kind, of an exact identity map: there is a table wherever a leaf of the next larger size
    would not lie wholly inside. The windows, above the low 1 MiB, have one PT."""
    pt, pd, pdpt = {0}, {0}, {0}
    for start, end in merged(ranges):
        for gib, whole_gib in parts(start, end, TABLE_1G):
            pdpt.add(gib // 512)
            if whole_gib and gib_pages:
                continue
            pd.add(gib)
            inside = max(start, gib * TABLE_1G), min(end, (gib + 1) * TABLE_1G)
            pt |= {index for index, whole in parts(*inside, TABLE_2M) if not whole}
    # Below 128 TiB there is one PML4. A five-level root has one entry, which points to it.
    counts = {"pml5": int(five_levels), "pml4": 1, "pdpt": len(pdpt), "pd": len(pd), "pt": len(pt)}
    return {kind: count * PAGE for kind, count in counts.items()}


def test_the_formula_itself():
    """Figures that were counted by hand."""
    assert page_tables([LOW], False, True) == {"pml5": 0, "pml4": PAGE, "pdpt": PAGE, "pd": PAGE, "pt": PAGE}
    gib = [LOW, (1 << 30, 2 << 30)]
    assert sum(page_tables(gib, True, True).values()) == 5 * PAGE
    assert sum(page_tables(gib, True, False).values()) == 6 * PAGE
    ragged = [LOW, (0x40000000 - PAGE, 0x40000000 + PAGE)]
    assert page_tables(ragged, False, False) == {"pml5": 0, "pml4": PAGE, "pdpt": PAGE, "pd": 2 * PAGE, "pt": 3 * PAGE}



@armed
def test_page_tables_are_what_the_formula_says(run_scenario, scenario: Scenario):
    run = run_scenario(scenario)
    plan = run.plan
    assert plan["gib_pages"] == str(int(scenario.gib_pages))
    mapped = [LOW, *(parse_range(plan[key]) for key in ("crash", "hook_text", "hook_data"))]
    wanted = page_tables(mapped, scenario.five_levels, scenario.gib_pages)
    assert run.findings["page_tables"] == wanted
    assert run.findings["page_table_bytes"] == sum(wanted.values()) <= 40 << 10


@armed
def test_crash_region(run_scenario, scenario: Scenario):
    run = run_scenario(scenario)
    start, end = parse_range(run.plan["crash"])
    assert run.findings["crash_bytes"] == end - start
    assert run.findings["crash_low_bytes"] == 0
    assert start % TABLE_2M == 0 and end % TABLE_2M == 0
    assert 16 << 20 <= start and end <= min(4 << 30, scenario.memory_mib << 20)
    assert start // TABLE_1G == (end - 1) // TABLE_1G, "the region crosses a GiB boundary"
    for key in ("handoff", "purgatory_entry"):
        assert start <= int(run.plan[key], 0) < end
    # The first kernel sees the range as reserved, never as memory.
    assert f"BIOS-e820: [mem {start:#018x}-{end - 1:#018x}] reserved" in run.console


@armed
def test_first_kernel_s_command_line(run_scenario, scenario: Scenario):
    """The user's words come first and unchanged, then Lifeboat's."""
    words = run_scenario(scenario).findings["first_kernel_cmdline"].split()
    added = ADDED + (ADDED_STRICT if STRICT in scenario.more.get("config", []) else [])
    assert words[-len(added) :] == added
    users = words[: -len(added)]
    assert users[0] == "console=ttyS0,115200"
    assert ("rdinit=/lifeboat/init" in users) == (scenario.panic != "vfs")
    assert not [word for word in users if word.startswith(("panic=", "reboot=", "efi=", "oops=", "crashkernel="))]


@captured
def test_paging_depth(run_scenario, scenario: Scenario):
    frame = run_scenario(scenario).frame
    assert frame.vmcoreinfo["NUMBER(pgtable_l5_enabled)"] == str(int(scenario.five_levels))


@captured
def test_second_kernel_pages_as_the_first(run_scenario, scenario: Scenario):
    """The second kernel cannot change the depth with which it is entered. With four levels its command line says
    so."""
    console = run_scenario(scenario).console
    line = re.findall(r"Command line: (elfcorehdr=.*)", console[console.rindex("lifeboat-purgatory: jump") :])[0]
    assert ("no5lvl" in line.split()) == (not scenario.five_levels)


@captured
def test_all_ram_is_in_the_dump(run_scenario, scenario: Scenario):
    """/proc/vmcore has the size of what the first kernel's map calls usable."""
    run = run_scenario(scenario)
    usable = 0
    for start, end in re.findall(
        r"BIOS-e820: \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\] usable", run.dmesg.read_text(errors="replace")
    ):
        usable += int(end, 16) + 1 - int(start, 16)
    crash_bytes = run.findings["crash_bytes"]
    assert usable > (scenario.memory_mib << 20) - crash_bytes - FIRMWARE_MAX
    vmcore_bytes = int(re.search(r"vmcore_bytes=(\d+)", run.console)[1])
    assert usable < vmcore_bytes < usable + IMAGE_MAX
