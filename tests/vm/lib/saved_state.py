# SPDX-License-Identifier: BSD-2-Clause
"""Saves an armed machine once, at the hook's entry after a panic, and runs it from there again and again.

Its RAM is a file, its devices are a migration stream without RAM (x-ignore-shared). Each run is a QEMU of its own,
which maps the RAM privately: nothing is copied, and nothing is written back. The second kernel ends the run with a
reset. Usually it is tiny_kernel.asm, which only prints that it was entered.
"""

import re
import struct
import time
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import firmware_shell as shell
import images
from vm import disk, tools
from vm.firmware import Firmware
from vm.gdbstub import GdbStub
from vm.machine import ConsoleLine, DebugStop, Disk, Exited, Machine, MachineSpec, QmpEvent

MEMORY_BYTES = 512 << 20
CPUS = 2
_FIRMWARE = "BdsDxe: starting"
ENTERED = "tiny kernel: entered"
_TINY_KERNEL = Path(__file__).with_name("tiny_kernel.asm")
POLICIES = ("reset", "boot", "halt")  # enum lb_policy
_ARMED_POLICY = "halt"
_INITRD_BYTES = 20000
_CONFIG = f"""kernel /vmlinuz
initrd /probe.img
require
verbose
on-fault {_ARMED_POLICY}
arguments {images.ARGUMENTS}
"""
# A run takes less than a second. This limit tells a hang from a busy host.
HANG_SECONDS = 120.0

# Fields of struct lb_handoff (include/lifeboat/handoff.h) that are read here.
_LIVE_AT = 24
_SEGMENT_COUNT_AT = 56
_ON_MISMATCH_AT = 60
_SEGMENTS_AT = 64
_SEGMENT = struct.Struct("<16sQQ32s")
_MAX_SEGMENTS = 16
_ON_FAULT_AT = _SEGMENTS_AT + _MAX_SEGMENTS * _SEGMENT.size
_DIGEST_BYTES = 32
PAGE = 4096


def symbols(elf: Path) -> dict[str, int]:
    """Returns a linked image's symbols as offsets from its beginning."""
    found = {}
    for line in tools.run("nm", elf).decode().splitlines():
        value, _, name = line.split()
        found[name] = int(value, 16)
    return found


@dataclass(frozen=True)
class Area:
    """A piece of the armed machine in physical memory."""

    name: str
    start: int
    size: int
    sealed: bool  # it is one of the handoff's segments


@dataclass
class Run:
    """The result of one run."""

    # entered (the second kernel), reset, restarted (Linux jumped to the firmware without a reset), halted, or
    # hang
    outcome: str
    said: list[str]  # lines of the purgatory
    seconds: float
    memory: dict[str, bytes] = field(default_factory=dict)  # content by area, when the second kernel was entered

    @property
    def faults(self) -> list[str]:
        return [line.split("fault: ", 1)[1] for line in self.said if "fault: " in line]


@dataclass(frozen=True)
class Second:
    """The second kernel, and what it needs."""

    initrd: Path | bytes
    config: str  # further lines of lifeboat.conf
    files: dict[str, Path | bytes] = field(default_factory=dict)  # further files on the ESP
    devices: list[str] = field(default_factory=list)  # QEMU's words; a run may have another -drive of the same name


def tiny_kernel(folder: Path) -> Second:
    image = folder / "tiny"
    tools.run("nasm", "-f", "bin", "-Werror", "-o", image, _TINY_KERNEL)
    initrd = bytes(at * at >> 3 & 0xFF for at in range(_INITRD_BYTES))
    return Second(initrd, "capture /tiny\ncrashkernel 16M\n", {"tiny": image})


@dataclass(frozen=True)
class SavedState:
    spec: MachineSpec
    folder: Path
    plan: dict[str, str]
    purgatory: dict[str, int]  # symbols at their physical addresses
    hook: dict[str, int]
    entry: int  # the address where the kernel calls the hook
    thread: int  # thread of the CPU that panicked
    areas: dict[str, Area]
    handoff: bytes

    @property
    def ram(self) -> Path:
        return self.folder / "ram"

    def machine(self, folder: Path, devices: list[str] = ()) -> Machine:
        """Returns the machine stopped at the hook's entry. The caller closes it. `devices` as in Second."""
        folder.mkdir(parents=True, exist_ok=True)
        memory = f"memory-backend-file,id=saved,size={MEMORY_BYTES},mem-path={self.ram},share=off"
        words = [*_MACHINE_WORDS, "-object", memory, *devices, "-incoming", "defer", "-no-reboot"]
        machine = Machine(replace(self.spec, qemu_args=words), folder)
        try:
            _share(machine)
            machine.qmp.execute("migrate-incoming", uri=f"exec:cat {self.folder / 'devices'}")
            _await_migration(machine)
        except BaseException:
            machine.close()
            raise
        return machine

    def policy(self, name: str) -> list[tuple[int, bytes]]:
        """Returns changes that give the handoff this policy, with right digests."""
        changed = bytearray(self.handoff)
        for at in (_ON_MISMATCH_AT, _ON_FAULT_AT):
            struct.pack_into("<I", changed, at, POLICIES.index(name))
        changed[-_DIGEST_BYTES:] = sha256(changed[:-_DIGEST_BYTES]).digest()
        return [(self.areas["handoff"].start, bytes(changed))]

    def peek(self, address: int, size: int = 1) -> bytes:
        """Reads the saved memory. RAM below 4 GiB has its physical address as offset in the file."""
        with open(self.ram, "rb") as ram:
            ram.seek(address)
            return ram.read(size)

    def run(self, folder: Path, changes: list[tuple[int, bytes]] = (), prepare=None, finish=None) -> Run:
        """Changes these bytes, calls prepare(machine, stub), runs from the hook's entry to the end, and calls
        finish(machine)."""
        with self.machine(folder) as machine:
            stub = machine.gdb()
            for address, data in changes:
                stub.write_memory(address, data, physical=True)
            if prepare:
                prepare(machine, stub)
            stub.detach()
            run = self._watch(machine)
            if finish:
                finish(machine)
            return run

    def _watch(self, machine: Machine) -> Run:
        begun = time.monotonic()
        outcome, entered = "hang", False
        while (event := machine.next_event(begun + HANG_SECONDS)) is not None:
            if isinstance(event, ConsoleLine) and ENTERED in event.text:
                entered = True
            elif isinstance(event, ConsoleLine) and "halted, as told" in event.text:
                outcome = "halted"
                break
            elif isinstance(event, ConsoleLine) and _FIRMWARE in event.text:
                outcome = "restarted"
                break
            elif isinstance(event, QmpEvent) and event.name == "SHUTDOWN":
                outcome = "entered" if entered else "reset"
                break
            elif isinstance(event, Exited):
                raise AssertionError(f"QEMU ended by itself: {event.message}")
        said = [line.text for line in machine.lines if "lifeboat-purgatory:" in line.text]
        run = Run(outcome, said, time.monotonic() - begun)
        if outcome == "entered":
            run.memory = {name: self._read(machine, area) for name, area in self.areas.items()}
        return run

    @staticmethod
    def _read(machine: Machine, area: Area) -> bytes:
        path = machine.folder / "memory"
        machine.qmp.execute("pmemsave", val=area.start, size=area.size, filename=str(path))
        return path.read_bytes()


_MACHINE_WORDS = ["-machine", "memory-backend=saved"]
_JUMP_TO_ITSELF = b"\xeb\xfe"


def _share(machine: Machine) -> None:
    """Leaves RAM, which is in a shared file, out of the migration. An event reports the migration's end."""
    wanted = [{"capability": name, "state": True} for name in ("x-ignore-shared", "events")]
    machine.qmp.execute("migrate-set-capabilities", capabilities=wanted)


def _await_migration(machine: Machine) -> None:
    deadline = shell.soon()
    while (event := machine.wait_qmp("MIGRATION", deadline)).data["status"] != "completed":
        assert event.data["status"] != "failed", machine.folder


def save(folder: Path, firmware: Firmware, loader: Path, kernel: Path, second: Second) -> SavedState:
    """Boots, arms, panics, stops at the hook's entry and saves. The ELF files of `loader` lie beside it."""
    probe = images.probe(kernel)
    disk.make_esp(
        folder / "esp.img",
        {
            "EFI/BOOT/BOOTX64.EFI": loader,
            "EFI/BOOT/lifeboat.conf": (_CONFIG + second.config).encode(),
            "EFI/BOOT/capture.img": second.initrd,
            "vmlinuz": kernel,
            "probe.img": probe,
            **second.files,
        },
    )
    memory = f"memory-backend-file,id=saved,size={MEMORY_BYTES},mem-path={folder / 'ram'},share=on"
    spec = MachineSpec(
        firmware,
        [Disk("esp", folder / "esp.img", boot=True)],
        memory_bytes=MEMORY_BYTES,
        cpus=CPUS,
        qemu_args=[*_MACHINE_WORDS, "-object", memory, *second.devices],
    )
    with Machine(spec, folder) as machine:
        machine.power_on()
        event = shell.watch(machine, images.FIRST_UP, "Kernel panic")
        assert images.FIRST_UP in getattr(event, "text", ""), shell.console_end(machine)
        words = " ".join(line.text for line in machine.lines if "lifeboat: plan" in line.text)
        plan = dict(re.findall(r"(\w+)=(\S+)", words))
        hook = symbols(loader.with_name("hook.elf"))
        base = int(plan["hook_text"].split("-")[0], 0) - hook["lb_hook_text_start"]
        hook = {name: value + base for name, value in hook.items()}
        thread, entry = _stop_at_entry(machine, hook)
        stub = machine.gdb()
        purgatory_entry = int(plan["purgatory_entry"], 0)
        purgatory = symbols(loader.with_name("purgatory.elf"))
        base = purgatory_entry - purgatory["lb_purgatory_entry"]
        purgatory = {name: value + base for name, value in purgatory.items()}
        handoff = int(plan["handoff"], 0)
        (size,) = struct.unpack("<I", stub.read_memory(handoff + 12, 4, physical=True))
        content = stub.read_memory(handoff, size, physical=True)
        areas = _areas(stub, handoff, content, plan, purgatory)
        # A machine that the debug stub holds cannot be resumed from its saved state. A machine that loops can
        # be stopped normally.
        code = stub.read_memory(hook["lb_hook_reset_system"], len(_JUMP_TO_ITSELF), physical=True)
        stub.write_memory(hook["lb_hook_reset_system"], _JUMP_TO_ITSELF, physical=True)
        stub.detach()
        machine.qmp.execute("stop")
        _share(machine)
        machine.qmp.execute("migrate", uri=f"exec:cat > {folder / 'devices'}")
        _await_migration(machine)
    with open(folder / "ram", "r+b") as ram:
        ram.seek(hook["lb_hook_reset_system"])
        ram.write(code)
    policy = struct.unpack_from("<I", content, _ON_MISMATCH_AT)[0]
    assert POLICIES[policy] == _ARMED_POLICY
    return SavedState(spec, folder, plan, purgatory, hook, entry, thread, areas, content)


# The registers of struct lb_cpu_state that a caller can see, in its order.
_SAVED = "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp".split()


def _stop_at_entry(machine: Machine, hook: dict[str, int]) -> tuple[int, int]:
    """Panics the kernel and stops the machine where the kernel calls the hook; returns (thread, entry).

    Only the kernel knows the virtual address of this call. So the machine runs on to where the hook continues at its
    physical address, which is known, and is put back to the call. Until then only the hook's own data has changed.
    """
    stub = machine.gdb()
    stub.insert_breakpoint(hook["lb_hook_physical"])
    stub.resume()
    machine.write_console(b"panic\n")
    thread = machine.wait_debug_stop(shell.soon()).thread
    stub.remove_breakpoint(hook["lb_hook_physical"])
    # The return address of the call of lb_hook_sound(), just below the top of the hook's stack.
    (back,) = struct.unpack("<Q", stub.read_memory(hook["lb_hook_stack_top"] - 8, 8, physical=True))
    saved = struct.unpack(f"<{len(_SAVED)}Q", stub.read_memory(hook["lb_hook_cpu"], 8 * len(_SAVED), physical=True))
    before = dict(zip(_SAVED, saved))
    entry = hook["lb_hook_reset_system"]
    entry += back - (entry + (back - entry) % PAGE)
    del before["orig_rax"], before["cs"]
    before |= {"rip": entry, "rsp": before["rsp"] - 8}
    stub.write_registers(thread, before)
    assert stub.read_register(thread, "rip") == entry
    stub.write_memory(hook["lb_hook_fired"], b"\0", physical=True)
    return thread, entry


def _areas(
    stub: GdbStub, handoff: int, content: bytes, plan: dict[str, str], purgatory: dict[str, int]
) -> dict[str, Area]:
    (count,) = struct.unpack_from("<I", content, _SEGMENT_COUNT_AT)
    table = content[_SEGMENTS_AT : _SEGMENTS_AT + count * _SEGMENT.size]
    areas = [
        Area(name.rstrip(b"\0").decode(), start, size, True) for name, start, size, _ in _SEGMENT.iter_unpack(table)
    ]
    (live,) = struct.unpack_from("<Q", content, _LIVE_AT)
    data = purgatory["lb_purgatory_start"] + purgatory["lb_purgatory_text_bytes"] - purgatory["BASE"]
    end = purgatory["lb_purgatory_start"] + purgatory["lb_purgatory_total_bytes"] - purgatory["BASE"]
    areas += [
        Area("handoff", handoff, len(content), False),
        Area("live", live, PAGE, False),
        Area("purgatory_data", data, end - data, False),
    ]
    for name in ("hook_text", "hook_data"):
        start, end = (int(word, 0) for word in plan[name].split("-"))
        areas.append(Area(name, start, end - start, False))
    core = next(area for area in areas if area.name == "elfcorehdr")
    areas += _notes_and_backup(stub.read_memory(core.start, core.size, physical=True))
    return {area.name: area for area in areas}


def _notes_and_backup(core: bytes) -> list[Area]:
    """Returns areas of the ELF core header: its PT_NOTE, and what lies elsewhere than at its own address."""
    (count,) = struct.unpack_from("<H", core, 56)
    headers = [struct.unpack_from("<IIQQQQQQ", core, 64 + 56 * index) for index in range(count)]
    kind, _, offset, _, _, size, _, _ = headers[0]
    assert kind == 4
    moved = [(place, size) for _, _, place, _, address, size, _, _ in headers[1:] if place != address]
    start = min(place for place, _ in moved)
    end = max(place + length for place, length in moved)
    return [Area("notes", offset, size, False), Area("backup", start, end - start, False)]


def parse_note(notes: bytes) -> dict[str, str]:
    """Returns the KEY=VALUE lines of the LIFEBOAT note."""
    at = notes.index(b"LIFEBOAT\0")
    text = notes[at:].partition(b"VERSION=")[2].split(b"\0")[0]
    return dict(re.findall(r"(\S+)=(\S+)", "VERSION=" + text.decode()))
