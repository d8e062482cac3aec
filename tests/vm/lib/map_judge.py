# SPDX-License-Identifier: BSD-2-Clause
"""Judges the memory maps of any run that inspected.py made."""

import boot_log
from inspected import PAGE, InspectedRun
from stopped import parse_range
from vm.vmcore import Load

TEXT_START = 0xFFFFFFFF80000000
# The first kernel's stub makes tables of a page or two each.
_STUB_TABLE_MAX = 1 << 20


def hook_image(run: InspectedRun) -> tuple[int, int]:
    """Returns the range of the hook's image. Its PE header lies in the page before its text."""
    text, data = (parse_range(run.plan[key]) for key in ("hook_text", "hook_data"))
    return min(text[0], data[0]) - PAGE, max(text[1], data[1])


def assert_foretold(run: InspectedRun) -> None:
    """Judges the first kernel's map: it is e820_saved and what was taken since. Nothing else may differ, except what
    the kernel's own stub turned into ACPI data, whose names are listed."""
    log, wanted = run.first_log, run.armed.saved
    for start, end in [*run.armed.taken, hook_image(run)]:
        wanted = boot_log.retyped(wanted, start, end, boot_log.RAM, boot_log.RESERVED)
    found = boot_log.printed_whole(log)
    assert len(found) > 2, "the log has no memory map"
    tables = boot_log.efi_tables(log)
    assert tables, "the log names no EFI tables"
    by_stub, other = {}, []
    for start, end, was, became in boot_log.differences(wanted, found):
        named = [name for name, address in tables.items() if start <= address < end]
        if (was, became) == (boot_log.RAM, boot_log.ACPI) and named and end - start <= _STUB_TABLE_MAX:
            by_stub[f"{start:#x}-{end:#x}"] = named
        else:
            other.append(f"{start:#x}-{end:#x}: type {was} foretold, type {became} printed")
    print(f"{len(found)} entries as foretold; ACPI data by the kernel's stub: {by_stub or 'none'}")
    assert not other, "\n".join(other)
    assert by_stub or found == wanted


def assert_handed_over(run: InspectedRun) -> None:
    """Judges the second kernel's map: entry by entry that of boot_params, which is e820_saved changed by Lifeboat's
    rule."""
    armed = run.armed
    low = [one for one in (armed.crash_low,) if one[0] < one[1]]
    assert armed.second == boot_log.second_map(armed.saved, [armed.crash_ram, *low])
    found = boot_log.printed_whole(run.second_log)
    assert found == armed.second, f"printed:\n{boot_log.show(found)}\nhanded over:\n{boot_log.show(armed.second)}"


def assert_all_ram(run: InspectedRun, loads: list[Load]) -> None:
    """Judges that the loads are all RAM of e820_saved, to the byte, each once, and none of Lifeboat's own."""
    wanted = boot_log.ram_of(run.armed.saved)
    for start, end in run.armed.taken:
        wanted = boot_log.without(wanted, start, end)
    found = sorted((load.physical, load.physical + load.memory_bytes) for load in loads)
    assert all(load.file_bytes == load.memory_bytes for load in loads)
    assert all(left[1] <= right[0] for left, right in zip(found, found[1:])), "no page twice"
    assert boot_log.joined(found) == boot_log.joined(wanted)
