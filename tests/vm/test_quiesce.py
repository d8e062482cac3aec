# SPDX-License-Identifier: BSD-2-Clause
"""When the second kernel begins, the first kernel's devices do nothing any more.

The machine is stopped at the purgatory's entry and at the second kernel's, and its PCI configuration is read from
outside. Then it goes on to a dump, and the second kernel's log must be quiet.
"""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import module
import pytest
import quiet
from pci_config import Function, functions
from vm.errors import VmError
from vm.machine import ConsoleLine, Exited, Machine
from vm.rehearsal import Options, Outcome, Rehearsal
from vm.verdict import Verdict

PAGE = 4096
TIMEOUT = 300
NVME, VIRTIO, E1000E, AHCI = 0x00101B36, 0x1AF4, 0x10D38086, 0x29228086

# Reads disks and sends packets until the end, with whatever drivers there are.
LOAD = """
for disk in /sys/block/nvme* /sys/block/vd* /sys/block/sd*; do
	[ -e "$disk" ] || continue
	while :; do $b dd if=/dev/${disk##*/} of=/dev/null bs=64k 2>/dev/null; done &
done
for net in /sys/class/net/e*; do
	[ -e "$net" ] || continue
	$b ip link set ${net##*/} up
	$b ip addr add 10.0.2.15/24 dev ${net##*/}
	tries=0 # what is sent before there is a link is lost
	until $b ping -c 1 -W 1 10.0.2.2 >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 60 ] || fail "nobody answers on ${net##*/}"
	done
	$b ping -A 10.0.2.2 >/dev/null 2>&1 &
done
"""


@dataclass(frozen=True)
class Row:
    name: str
    machine: str
    devices: tuple[str, ...]
    kernel: str = ""  # a package; "": the cloud kernel
    modules: tuple[str, ...] = ("virtio_pci", "virtio_blk", "virtio_net", "nvme", "af_packet")


DISK = ("-drive", "if=none,id=second,format=raw,file={folder}/second.img")
Q35 = (
    *DISK,
    *("-device", "pcie-root-port,id=rootport,chassis=1,slot=1", "-device", "nvme,bus=rootport,drive=second,serial=second"),
    *("-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net", "-device", "e1000e"),
)
PC = (
    *DISK,
    *("-device", "pci-bridge,id=pcibridge,chassis_nr=1", "-device", "nvme,bus=pcibridge,addr=3,drive=second,serial=second"),
    *("-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net", "-device", "e1000e"),
)
ROWS = [Row("q35-ecam", "q35", Q35)]
if os.environ.get("LIFEBOAT_FULL") == "1":
    # The cloud kernel has no driver for these devices.
    ahci = ("-drive", "if=none,id=second,format=raw,file={folder}/second.img", "-device", "ide-hd,drive=second,bus=ide.0")
    network = ("-netdev", "user,id=net", "-device", "e1000e,netdev=net")
    drivers = ("ahci", "sd_mod", "e1000e", "af_packet", "virtio_pci", "virtio_blk")
    ROWS.append(Row("pc-ports", "pc", PC))
    ROWS.append(Row("q35-generic", "q35", ahci + network, "linux-image-amd64", drivers))
    ROWS.append(Row("pc-generic", "pc", network, "linux-image-amd64", drivers))


@dataclass(frozen=True)
class Quiesced:
    row: Row
    outcome: Outcome
    before: list[Function]
    after: list[Function]
    console: str


class _LookedAt(Rehearsal):
    """A rehearsal that stops at the purgatory's entry and at the second kernel's."""

    before: list[Function]
    after: list[Function]

    def __init__(self, options: Options, fields: Path):
        super().__init__(options)
        self._fields = fields

    def _watch(self, machine: Machine) -> Verdict:
        deadline = time.monotonic() + self.options.timeout
        self._until_armed(machine, deadline)
        stub = machine.gdb()
        handoff = stub.read_memory(int(self.progress.plan["handoff"], 0), PAGE, physical=True)
        entry = int(self.progress.plan["purgatory_entry"], 0)
        said = subprocess.run([self._fields], input=handoff, capture_output=True, check=True).stdout.decode()
        second = int(dict(line.split("=", 1) for line in said.splitlines())["kernel_entry"], 0)
        stub.insert_breakpoint(entry)
        self._until_at(machine, deadline, entry)
        self.before = functions(machine)
        stub.remove_breakpoint(entry)
        stub.insert_breakpoint(second)
        self._until_at(machine, deadline, second)
        self.after = functions(machine)
        stub.detach()
        return super()._watch(machine)

    def _until_armed(self, machine: Machine, deadline: float) -> None:
        while "armed" not in self.progress.stages:
            event = machine.next_event(deadline)
            if isinstance(event, ConsoleLine):
                self._line(event)
            if event is None or isinstance(event, Exited) or self.progress.refused:
                raise VmError(f"the loader did not arm; last console line: {machine.last_line()}")

    def _until_at(self, machine: Machine, deadline: float, address: int) -> None:
        stub = machine.gdb()
        stub.resume()
        seen = len(machine.lines)
        stop = machine.wait_debug_stop(deadline)
        for line in machine.lines[seen:]:
            self._line(line)
        rip = stub.read_register(stop.thread, "rip")
        if rip != address:
            raise VmError(f"stopped at {rip:#x}, wanted {address:#x}")


@pytest.fixture(scope="module")
def quiesced(request, tmp_path_factory, fetched, loader, kernel, capture_image, firmware, handoff_fields):
    row: Row = request.param
    folder = tmp_path_factory.mktemp(f"quiesce-{row.name}")
    with open(folder / "second.img", "wb") as second:
        second.truncate(64 << 20)
    first = fetched(row.kernel) if row.kernel else kernel
    modules = module.load_order(first, row.modules)
    archive = folder / "modules.img"
    archive.write_bytes(module.initrd({f"modules/{name}.ko": data for name, data in modules.items()}))
    rehearsal = _LookedAt(
        Options(
            kernel=first,
            folder=folder,
            firmware=firmware,
            loader=loader,
            initrds=[archive],
            capture=kernel,
            capture_initrd=capture_image,
            machine=row.machine,
            qemu_args=[word.format(folder=folder) for word in row.devices],
            before=module.insmod(modules) + LOAD,
            timeout=TIMEOUT,
        ),
        handoff_fields,
    )
    outcome = rehearsal.run()
    assert outcome.ok, "\n".join([outcome.reason, f"kept in {folder}; the console's last lines:", *outcome.last_lines])
    console = (folder / "console.log").read_text(errors="replace")
    yield Quiesced(row, outcome, rehearsal.before, rehearsal.after, console)
    for name in ("dump.img", "second.img", "vmcore"):
        (folder / name).unlink(missing_ok=True)


rows = pytest.mark.parametrize(
    "quiesced",
    [pytest.param(row, id=row.name, marks=pytest.mark.xdist_group(f"quiesce-{row.name}")) for row in ROWS],
    indirect=True,
)


def _show(found) -> str:
    return "\n".join(map(str, found))


@pytest.mark.vm
@rows
def test_devices_were_running_when_the_kernel_died(quiesced: Quiesced):
    """The devices that the other tests find switched off were on before."""
    masters = [one for one in quiesced.before if one.master and not one.bridge]
    speaking = {one.id for one in quiesced.before if one.on}
    assert len(masters) >= 3, _show(quiesced.before)
    assert any(one.class_code == 0x0604 for one in quiesced.before) or quiesced.row.kernel, _show(quiesced.before)
    if quiesced.row.kernel:
        assert E1000E in speaking, _show(quiesced.before)
    else:
        assert NVME in speaking and any(number & 0xFFFF == VIRTIO for number in speaking), _show(quiesced.before)
    if quiesced.row.kernel and quiesced.row.machine == "q35":
        assert AHCI in speaking, _show(quiesced.before)


@pytest.mark.vm
@rows
def test_no_function_masters_the_bus_or_sends_messages(quiesced: Quiesced):
    assert [(one.bus, one.slot, one.function) for one in quiesced.after] == [
        (one.bus, one.slot, one.function) for one in quiesced.before
    ]
    masters = [one for one in quiesced.after if one.master and not one.bridge]
    assert masters == [], _show(masters)
    speaking = [one for one in quiesced.after if one.on]
    assert speaking == [], _show(speaking)


@pytest.mark.vm
@rows
def test_bridges_stay_open(quiesced: Quiesced):
    """purgatory/pci.h gives the reason."""
    kept = {(one.bus, one.slot): one.master for one in quiesced.before if one.bridge}
    assert {(one.bus, one.slot): one.master for one in quiesced.after if one.bridge} == kept


@pytest.mark.vm
@rows
def test_purgatory_says_how(quiesced: Quiesced):
    way = "ECAM" if quiesced.row.machine == "q35" else "ports"
    assert f"lifeboat-purgatory: PCI by {way}: {len(quiesced.before)} functions, " in quiesced.console


@pytest.mark.vm
@rows
def test_second_kernel_is_not_disturbed(quiesced: Quiesced):
    log = quiet.second_kernel_log(quiesced.console)
    assert "Linux version " in log
    assert quiet.capture_log_is_quiet(log), quiet.noise(log)
    assert quiesced.outcome.progress.messages == []


NOISES = [
    "irq 16: nobody cared (try booting with the \"irqpoll\" option)",
    "Disabling IRQ #16",
    "__common_interrupt: 0.39 No irq handler for vector",
    "do_IRQ: 0.55 No irq handler for vector",
    "Spurious LAPIC timer interrupt on cpu 0",
    "spurious 8259A interrupt: IRQ7.",
    "Spurious interrupt (vector 0x27) on CPU#0, should never happen.",
    "spurious APIC interrupt through vector ff on CPU#0, should never happen.",
    "APIC: Stale IRR: 00100000,00000000 ISR: 00000000",
    "..MP-BIOS bug: 8254 timer not connected to IO-APIC",
    "...trying to set up timer (IRQ0) through the 8259A ...",
    "nvme nvme0: I/O 24 QID 0 timeout, completion polled",
    "nvme nvme0: I/O 8 QID 1 timeout, aborting",
    "ata1.00: qc timeout (cmd 0xec)",
    "ata3: lost interrupt (Status 0x50)",
    "e1000e 0000:00:03.0 eth0: Detected Hardware Unit Hang: Tx Unit Hang",
    "DMAR: [DMA Read NO_PASID] Request device [00:02.0] fault addr 0xfff00000",
]
SILENCES = [
    "Misrouted IRQ fixup and polling support enabled",
    "This may significantly impact system performance",
    "Kernel command line: nr_cpus=1 irqpoll reset_devices",
    "APIC: Switch to symmetric I/O mode setup",
    "..TIMER: vector=0x30 apic1=0 pin1=2 apic2=-1 pin2=-1",
    "clocksource: hpet: mask: 0xffffffff max_cycles: 0xffffffff, max_idle_ns: 19112604467 ns",
]


@pytest.mark.parametrize("line", NOISES)
def test_noise_is_heard(line):
    log = "\r\n".join(["[    0.1] before", f"[    0.2] {line}", "[    0.3] after"])
    assert quiet.noise(log) == [f"[    0.2] {line}"]
    assert not quiet.capture_log_is_quiet(log)


def test_silence_is_silence():
    assert quiet.capture_log_is_quiet("\n".join(SILENCES))


def test_only_the_second_kernels_log_counts():
    console = (
        "irq 9: nobody cared\nlifeboat-purgatory: jump\nLinux version 6\nlifeboat-capture: log lines=2 bytes=40\n"
        "irq 10: nobody cared\nlifeboat-capture: log end=1\nirq 11: nobody cared\n"
    )
    log = quiet.second_kernel_log(console)
    assert "Linux version 6" in log and quiet.noise(log) == ["irq 11: nobody cared"]
