# SPDX-License-Identifier: BSD-2-Clause
"""Lifeboat's dump compared page by page with QEMU's own of the same moment, and the facts about the dead kernel
compared with its own variables.

The machine is stopped at the purgatory's entry (stopped.py). From there to the end of the capture nothing of the
dead kernel's memory may change: not by the purgatory, the swap of the low 1 MiB, the second kernel, or a device that
still runs.
"""

import os
import struct
import subprocess

import pytest

from core_memory import CoreMemory
from stopped import CPUS, MEMORY_BYTES, PANIC_CPU, PHYS_BITS, kernel_offset, parse_range
from vm.vmcore import Load

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("stopped")]

PAGE = 4096
LOW_END = 1 << 20
TEXT_START = 0xFFFFFFFF80000000


@pytest.fixture(scope="module")
def ours(stopped_run) -> CoreMemory:
    return CoreMemory(stopped_run.dump)


@pytest.fixture(scope="module")
def qemu(stopped_run) -> CoreMemory:
    return CoreMemory(stopped_run.core)


def pages_of(load: Load):
    assert load.physical % PAGE == 0 and load.file_bytes % PAGE == 0
    return range(load.physical, load.physical + load.file_bytes, PAGE)


def test_the_stop_was_where_it_should_be(stopped_run):
    entry, plan = stopped_run.entry, stopped_run.plan
    crash_start, crash_end = parse_range(plan["crash"])
    data_start, data_end = parse_range(plan["hook_data"])
    assert entry["rip"] == int(plan["purgatory_entry"], 0)
    assert entry["rdi"] == int(plan["handoff"], 0)
    assert data_start <= entry["rsi"] < data_end, "the CPU's state does not lie in the hook's data"
    assert crash_start <= entry["cr3"] < crash_end, "CR3 does not point to Lifeboat's page tables"
    # docs/handoff.md, "Into the purgatory": CR0 = PG PE NE ET MP; CR4 = PAE MCE OSFXSR OSXMMEXCPT, LA57
    # unchanged.
    assert entry["cr0"] == 0x80000033
    assert entry["cr4"] == 0x660 | stopped_run.dead_cpu["cr4"] & 1 << 12
    assert (entry["cs"], entry["ss"]) == (0x10, 0x18)
    assert not entry["eflags"] & 1 << 9, "interrupts are on"


def test_every_page_is_as_qemu_saw_it(stopped_run, ours, qemu, record_property):
    hook_data = range(*parse_range(stopped_run.plan["hook_data"]), PAGE)
    compared = 0
    hooks_own, other = [], []
    for load in ours.loads:
        for page in pages_of(load):
            compared += 1
            if ours.of(load, page, PAGE) != qemu.read(page, PAGE):
                (hooks_own if page in hook_data else other).append(page)
    record_property("pages_compared", compared)
    record_property("pages_of_the_hook_s_data_that_differ", len(hooks_own))
    print(f"{compared} pages compared; {len(hooks_own)} differ in the hook's data (its stacks and tables), no other may")
    assert compared * PAGE > MEMORY_BYTES // 2
    assert not other, f"{len(other)} pages differ: {', '.join(f'{page:#x}' for page in other[:20])}"
    assert len(hooks_own) <= len(hook_data)


def test_low_memory_comes_from_the_backup(ours, qemu):
    low = [load for load in ours.loads if load.physical < LOW_END]
    pages = [page for load in low for page in pages_of(load)]
    assert pages and pages[0] == 0 and pages[-1] < LOW_END
    assert len(pages) >= 0x90000 // PAGE, "fewer pages than PC firmware calls RAM below 640 KiB"
    assert any(bytes(qemu.read(page, PAGE)).strip(b"\0") for page in pages), "the low megabyte is all zeroes"


def test_the_dump_holds_all_ram_but_the_crash_region(stopped_run, ours):
    """All RAM of the first kernel's own map is in the dump."""
    crash = parse_range(stopped_run.plan["crash"])
    dumped = sorted((load.physical, load.physical + load.file_bytes) for load in ours.loads if load.virtual < TEXT_START)
    assert all(end <= crash[0] or start >= crash[1] for start, end in dumped)
    assert all(left[1] <= right[0] for left, right in zip(dumped, dumped[1:])), "a page is in the dump twice"
    usable = []
    for line in stopped_run.outcome.dmesg.read_text(errors="replace").splitlines():
        if "BIOS-e820: [mem " in line and line.endswith("usable"):
            start, end = line.split("[mem ")[1].split("]")[0].split("-")
            usable.append((int(start, 16), int(end, 16) + 1))
    assert usable, "the first kernel's log has no memory map"
    for start, end in usable:
        assert any(s <= start and end <= e for s, e in dumped), f"{start:#x}-{end:#x} is not all in the dump"


@pytest.fixture(scope="module")
def symbols(vmlinux) -> dict[str, int]:
    """The addresses at link time, without KASLR's offset."""
    listed = subprocess.run(["nm", vmlinux], capture_output=True, text=True, check=True).stdout
    return {name: int(address, 16) for address, _, name in map(str.split, listed.splitlines()) if address != name}


@pytest.fixture(scope="module")
def truth(stopped_run, qemu, symbols) -> dict[str, int]:
    """The facts about the dead kernel from its own variables, in QEMU's core. Lifeboat's findings must equal
    them."""
    cpu = stopped_run.dead_cpu
    levels = 5 if cpu["cr4"] & 1 << 12 else 4
    offset = kernel_offset(stopped_run)

    def at(name: str) -> int:
        return qemu.translate(cpu["cr3"], levels, symbols[name] + offset)

    text = symbols["_text"] + offset
    note = qemu.number(at("vmcoreinfo_note"))
    return {
        "cr3": cpu["cr3"],
        "la57": levels - 4,
        "gs_base": cpu["gs_base"],
        "phys_bits": PHYS_BITS,
        "cpu": PANIC_CPU,
        "cpus": CPUS,
        "expect_text": text,
        "expect_kerneloffset": offset,
        "expect_phys_base": qemu.number(at("phys_base")),
        "expect_page_offset": qemu.number(at("page_offset_base")),
        "expect_vmcoreinfo": qemu.translate(cpu["cr3"], levels, note),
        "expect_vmcoreinfo_bytes": qemu.number(at("vmcoreinfo_size")),
        "expect_per_cpu_offset": symbols["__per_cpu_offset"] + offset,
        "expect_crash_notes": qemu.number(at("crash_notes")),
        "expect_swapper": symbols["init_top_pgt"] + offset,  # swapper_pg_dir under another name
    }


def test_the_core_header_tells_the_kernel_s_own_facts(stopped_run, ours, truth):
    frame = stopped_run.outcome.frame
    text = [load for load in ours.loads if load.virtual >= TEXT_START]
    assert [load.virtual for load in text] == [truth["expect_text"]]
    # The value may be negative: it is a 64-bit sum.
    assert text[0].physical == (truth["expect_text"] - TEXT_START + truth["expect_phys_base"]) % (1 << 64)
    for load in ours.loads:
        if load not in text:
            assert load.virtual == truth["expect_page_offset"] + load.physical
    assert int(frame.vmcoreinfo["KERNELOFFSET"], 16) == truth["expect_kerneloffset"]
    assert int(frame.vmcoreinfo["NUMBER(phys_base)"]) % (1 << 64) == truth["expect_phys_base"]
    assert int(frame.vmcoreinfo["SYMBOL(swapper_pg_dir)"], 16) == truth["expect_swapper"]
    assert int(frame.lifeboat["VMCOREINFO_PHYS"], 0) == truth["expect_vmcoreinfo"]
    assert int(frame.lifeboat["CR3"], 0) == truth["cr3"]


def test_the_panicking_cpu_s_note_is_what_the_hook_saved(stopped_run):
    note = stopped_run.outcome.frame.cpu_notes[PANIC_CPU]
    registers = struct.unpack_from("<27Q", note.data, 112)
    assert list(registers) == list(stopped_run.dead_cpu.values())[:27]


def test_deadkernel_reads_the_real_image(stopped_run, truth, test_deadkernel):
    """The purgatory's code runs on the host, under ASan and UBSan, on this machine's memory."""
    sidecar = stopped_run.ram.with_name(stopped_run.ram.name + ".regs")
    sidecar.write_text("".join(f"{key}={value:#x}\n" for key, value in truth.items()))
    done = subprocess.run(
        [test_deadkernel],
        env={**os.environ, "LIFEBOAT_RAM_IMAGE": str(stopped_run.ram)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "[       OK ] real_image" in done.stdout, done.stdout[-3000:]
