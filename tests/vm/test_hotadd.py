# SPDX-License-Identifier: BSD-2-Clause
"""Memory that the first kernel gets after arming is in the dump, and is not RAM in the second kernel.

The first kernel's init asks for it. QEMU adds DIMMs, and reports (ACPI's _OST) that the kernel has taken each. A
pattern is put into pages that are still free. Then init is told to go on, and panics.
"""

import os
import re
import shutil
import struct
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import drgn
import pytest

import boot_log
from scenarios import FULL_ONLY
from vm.errors import VmError
from vm.machine import ConsoleLine, Exited, Machine, QmpEvent
from vm.rehearsal import Options, Outcome, Rehearsal

pytestmark = [pytest.mark.vm, FULL_ONLY]  # by default only the unit tests of crash/dead/hotadd.c run

PAGE, MIB, GIB = 4096, 1 << 20, 1 << 30
BLOCK = 128 * MIB  # Linux's memory block on such a small machine
BASE = 4 * GIB  # QEMU's space for DIMMs begins here if all RAM is below
SLOTS = 64  # slots of the ELF core header: HOTADD_SLOTS of loader/plan.c
_OST_DONE, _OST_BEGUN = 0, 0x80  # ACPI 6.5, 6.3.5: success, insertion in progress
_SECOND_BEGINS, _CAPTURE_BEGINS = "lifeboat-purgatory: jump", "lifeboat-capture: start"


@dataclass(frozen=True)
class Dimm:
    start: int
    bytes: int = BLOCK

    @property
    def end(self) -> int:
        return self.start + self.bytes

    @property
    def planted(self) -> tuple[int, int]:
        """Pages that nothing uses this early, because Linux takes the lowest pages first."""
        return self.start + self.bytes // 4 * 3, self.end - PAGE


def pattern(page: int) -> bytes:
    """Returns a page of numbers that occur nowhere else."""
    return b"".join(struct.pack("<4sIQ", b"LBHA", at, page) for at in range(0, PAGE, 16))


class _HotAdd(Rehearsal):
    def __init__(self, options: Options, dimms: list[Dimm]):
        super().__init__(options)
        self._dimms = dimms

    def _do_what_was_asked(self, machine: Machine):
        if "dimms" in self.progress.asks:
            self.progress.asks.remove("dimms")
            self._add(machine)
        return super()._do_what_was_asked(machine)

    def _add(self, machine: Machine) -> None:
        for number, dimm in enumerate(self._dimms):
            backend = {"id": f"memory{number}", "size": dimm.bytes, "reserve": False}
            machine.qmp.execute("object-add", **{"qom-type": "memory-backend-ram"}, **backend)
            device = {"id": f"dimm{number}", "memdev": f"memory{number}", "addr": dimm.start}
            machine.qmp.execute("device_add", driver="pc-dimm", **device)
        self._await_kernel(machine)
        stub = machine.gdb()
        for dimm in self._dimms:
            for page in dimm.planted:
                stub.write_memory(page, pattern(page), physical=True)
        stub.detach()
        machine.write_console(b"go\n")

    def _await_kernel(self, machine: Machine) -> None:
        """Waits until the kernel has reported each DIMM in use."""
        waiting = {f"dimm{number}" for number in range(len(self._dimms))}
        deadline = time.monotonic() + self.options.timeout
        while waiting:
            event = machine.next_event(deadline)
            if event is None or isinstance(event, Exited):
                raise VmError(f"the first kernel did not take {' '.join(sorted(waiting))}; {machine.last_line()}")
            if isinstance(event, ConsoleLine):
                self._line(event)
            if isinstance(event, QmpEvent) and event.name == "ACPI_DEVICE_OST":
                info = event.data["info"]
                if info["status"] == _OST_DONE:
                    waiting.discard(info["device"])
                elif info["status"] != _OST_BEGUN:
                    raise VmError(f"the first kernel refused {info['device']}: _OST status {info['status']}")


def before(dimms: list[Dimm]) -> str:
    """Returns commands for the first kernel's init: ask, wait for the host's word, check that all DIMMs came."""
    blocks = " ".join(str(at // BLOCK) for dimm in dimms for at in range(dimm.start, dimm.end, BLOCK))
    return (
        "ask dimms\nread -r go\n"
        f"for block in {blocks}; do\n"
        '\tstate=$($b cat "/sys/devices/system/memory/memory$block/state")\n'
        '\t[ "$state" = online ] || fail "memory block $block: $state"\n'
        "done"
    )


@dataclass(frozen=True)
class HotAddRun:
    outcome: Outcome
    folder: Path
    dimms: list[Dimm]

    @property
    def note(self) -> dict[str, int]:
        """Returns the numbers of the LIFEBOAT note about hot-added memory."""
        return {key: int(value, 0) for key, value in self.outcome.frame.lifeboat.items() if key.startswith("HOTADD")}

    @cached_property
    def console(self) -> str:
        return (self.folder / "console.log").read_text(errors="replace").replace("\r", "")

    @cached_property
    def second_log(self) -> str:
        return self.console.partition(_SECOND_BEGINS)[2].partition(_CAPTURE_BEGINS)[0]

    @cached_property
    def ranges(self) -> list[tuple[int, int]]:
        """Returns memory from BASE on that could be dumped: the first of the two bitmaps behind a kdump file's
        headers, which makedumpfile makes from the PT_LOADs."""
        with open(self.outcome.vmcore, "rb") as file:
            block_bytes, sub_blocks, bitmap_blocks = struct.unpack_from("<iiI", file.read(464), 428)
            file.seek((1 + sub_blocks) * block_bytes)
            bitmap = file.read(bitmap_blocks // 2 * block_bytes)
        found: list[tuple[int, int]] = []
        for page in range(BASE, len(bitmap) * 8 * PAGE, PAGE):
            if bitmap[page // PAGE // 8] >> page // PAGE % 8 & 1:
                begun = found.pop()[0] if found and found[-1][1] == page else page
                found.append((begun, page + PAGE))
        return found


def rehearse(folder: Path, dimms: list[Dimm], slots: int, maxmem: str, memory_mib: int, **more) -> HotAddRun:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    options = Options(
        folder=folder,
        memory_bytes=memory_mib * MIB,
        qemu_args=["-m", f"{memory_mib}M,slots={slots},maxmem={maxmem}"],
        append="memhp_default_state=online",
        before=before(dimms),
        panic="sysrq",
        **more,
    )
    outcome = _HotAdd(options, dimms).run()
    assert outcome.ok, "\n".join([outcome.reason, f"kept in {folder}; the console's last lines:", *outcome.last_lines])
    return HotAddRun(outcome, folder, dimms)


@pytest.fixture(scope="module")
def folder() -> Path:
    build = Path(os.environ.get("LIFEBOAT_BUILD", Path(__file__).resolve().parents[2] / "build"))
    return build / "vm-tests" / os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="module")
def added(folder, loader, kernel, capture_image, firmware):
    """Three DIMMs, two of them adjacent, which the first kernel brought online."""
    dimms = [Dimm(BASE), Dimm(BASE + BLOCK), Dimm(BASE + GIB)]
    more = {"kernel": kernel, "loader": loader, "capture": "linux", "capture_initrd": capture_image, "firmware": firmware}
    # Free pages are dumped too, unless they are zero.
    return rehearse(folder / "hotadd", dimms, 4, "8G", 512, capture_args="lifeboat.level=1", **more)


@pytest.mark.xdist_group("hotadd")
def test_added_memory_is_described(added):
    # Adjacent DIMMs are one piece.
    assert added.ranges == [(BASE, BASE + 2 * BLOCK), (BASE + GIB, BASE + GIB + BLOCK)]
    assert added.note == {
        "HOTADDED": 2,
        "HOTADDED_BYTES": 3 * BLOCK,
        "HOTADD_MISSING": 0,
        "HOTADD_MISSING_BYTES": 0,
        "HOTADD_UNSEARCHED_BYTES": 0,
    }
    assert f"lifeboat-purgatory: hot-added RAM: {3 * BLOCK:#x} bytes in 2 ranges" in added.console


@pytest.mark.xdist_group("hotadd")
def test_planted_pages_are_in_the_dump(added):
    program = drgn.Program()
    program.set_core_dump(added.outcome.vmcore)
    for dimm in added.dimms:
        for page in dimm.planted:
            assert program.read(page, PAGE, physical=True) == pattern(page), f"page {page:#x} is not in the dump"


@pytest.mark.xdist_group("hotadd")
def test_added_memory_is_not_ram_in_the_second_kernel(added):
    ram = boot_log.ram_of(boot_log.printed_whole(added.second_log))
    assert ram, "the second kernel printed no memory map"
    assert max(end for _, end in ram) <= BASE
    # This is all that the second kernel counts as memory, at the end too: nothing came later.
    match = re.search(r"Memory: \d+K/(\d+)K available", added.second_log)
    assert match, "the second kernel did not print how much memory it has"
    assert int(match[1]) * 1024 <= sum(end - start for start, end in ram)
    words = re.search(r"Command line: (.*)", added.second_log)[1].split()
    assert "acpi_no_memhotplug" in words
    assert "Fallback order for Node" not in added.second_log.partition("Memory: ")[2], "zones were built again"


@pytest.mark.xdist_group("hotadd-many")
def test_more_pieces_than_slots(folder, loader, kernel, capture_image, firmware):
    count = SLOTS + 3
    dimms = [Dimm(BASE + 2 * number * BLOCK) for number in range(count)]
    more = {"kernel": kernel, "loader": loader, "capture": "linux", "capture_initrd": capture_image, "firmware": firmware}
    run = rehearse(folder / "hotadd-many", dimms, count, "32G", 1024, **more)
    assert run.note == {
        "HOTADDED": SLOTS,
        "HOTADDED_BYTES": SLOTS * BLOCK,
        "HOTADD_MISSING": 3,
        "HOTADD_MISSING_BYTES": 3 * BLOCK,
        "HOTADD_UNSEARCHED_BYTES": 0,
    }
    said = f"no slot in the ELF core header for 3 more ranges of hot-added RAM, {3 * BLOCK:#x} bytes"
    assert f"lifeboat-purgatory: warning: {said}" in run.outcome.progress.messages
