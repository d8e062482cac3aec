# SPDX-License-Identifier: BSD-2-Clause
"""Measures Linux's own page tables for a crash jump, in a guest that has loaded a crash kernel.

Lifeboat starts Debian's kernel there without arming. kexec_file_load() loads a crash kernel, as `kexec -p` does.
Then the machine stands still, drgn finds kexec_crash_image, and its tables are walked.
"""

import re
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import drgn
import module
from vm.errors import VmError
from vm.machine import ConsoleLine, Machine
from vm.rehearsal import Options, Rehearsal

PAGE, TABLE_ENTRIES = 4096, 512
_LOADED = "linux-tables: loaded"
_SOURCE = Path(__file__).resolve().parents[1] / "kexec.c"
# Without KASLR and with 4 levels: Documentation/arch/x86/x86_64/mm.rst. The machine is stopped while the
# kernel sleeps, so that its page tables are in use. The last page is left out, because no segment can end
# behind it.
_KERNEL_HALF, _KERNEL_HALF_BYTES = 0xFFFF800000000000, (1 << 47) - (1 << 12)
_VMEMMAP, _STRUCT_PAGE = 0xFFFFEA0000000000, 64
_PRESENT, _LARGE = 1, 1 << 7
_ADDRESS = 0x000FFFFFFFFFF000
_CRASHKERNEL = "crashkernel=256M nokaslr"
_MAP_LINE = re.compile(r"BIOS-e820: \[mem 0x[0-9a-f]+-0x[0-9a-f]+\] .*")


@dataclass(frozen=True)
class Measured:
    memory_bytes: int
    tables: dict[str, int]  # number of tables of 4 KiB, by kind
    log: str  # the guest's memory map, as the guest printed it

    @property
    def bytes(self) -> int:
        return PAGE * sum(self.tables.values())


class _Guest(Rehearsal):
    """A rehearsal that stands still once, with the crash kernel loaded."""

    tables: dict[str, int] | None = None
    symbols: Path

    def on_console(self, machine: Machine, line: ConsoleLine) -> None:
        if _LOADED not in line.text or self.tables is not None:
            return
        stub = machine.gdb()
        try:
            self.tables = _walk(find_root(stub, self.symbols), lambda at: stub.read_memory(at, PAGE, physical=True))
        finally:
            stub.detach()


def find_root(stub, symbols: Path) -> int:
    """Returns the physical address of the crash image's tables: the first page of its control code pages
    (arch/x86/kernel/machine_kexec_64.c, machine_kexec_prepare())."""

    def read(address: int, count: int, _offset: int, _physical: bool) -> bytes:
        return stub.read_memory(address, count)

    program = drgn.Program(drgn.host_platform)
    program.add_memory_segment(_KERNEL_HALF, _KERNEL_HALF_BYTES, read, False)
    program.load_debug_info([str(symbols)])
    image = program["kexec_crash_image"]
    if not image:
        raise VmError("kexec_crash_image is NULL: no crash kernel is loaded")
    frame, rest = divmod(image.control_code_page.value_() - _VMEMMAP, _STRUCT_PAGE)
    if rest or not 0 <= frame < 1 << 40:
        raise VmError(f"control_code_page is {image.control_code_page.value_():#x}, wanted a struct page")
    return frame * PAGE


def _walk(root: int, read) -> dict[str, int]:
    """Counts the tables below `root`, the root itself and the mapping of the control code included."""
    counts = dict.fromkeys(("pml4", "pdpt", "pd", "pt"), 0)
    level = [root]
    for kind in counts:
        counts[kind] = len(level)
        below = []
        for table in level if kind != "pt" else []:
            for entry in struct.unpack(f"<{TABLE_ENTRIES}Q", read(table)):
                if entry & _PRESENT and not entry & _LARGE:
                    below.append(entry & _ADDRESS)
        level = below
    return counts


def measure(folder: Path, options: dict, symbols: Path, memory_bytes: int) -> Measured:
    """Measures. `options`: kernel, firmware and loader, as rehearsals take them."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "kexec"
    subprocess.run(["gcc", "-O2", "-Wall", "-Werror", "-static", "-o", program, _SOURCE], check=True)
    files = {"kexec/kexec": program.read_bytes(), "kexec/vmlinuz": options["kernel"].read_bytes(), "kexec/initrd": bytes(512)}
    initrd = folder / "kexec.img"
    initrd.write_bytes(module.initrd(files))
    before = (
        '/kexec/kexec --crash /kexec/vmlinuz /kexec/initrd "console=ttyS0" || fail "no crash kernel"\n'
        f"echo {_LOADED}\n$b sleep 3\n"
    )
    guest = _Guest(Options(
        folder=folder, initrds=[initrd], append=_CRASHKERNEL, memory_bytes=memory_bytes, cpus=1, cpu="max,la57=off",
        panic="none", none_action="poweroff", unarmed=True, before=before, timeout=3600.0, **options,
    ))  # fmt: skip
    guest.symbols = symbols
    outcome = guest.run()
    if guest.tables is None:
        raise VmError(f"the crash kernel was not loaded: {outcome.reason}")
    console = (folder / "console.log").read_text(errors="replace")
    lines = [match[0] for match in _MAP_LINE.finditer(console.replace("\r", ""))]
    return Measured(memory_bytes, guest.tables, "\n".join([*lines, "NX (Execute Disable) protection: active", ""]))
