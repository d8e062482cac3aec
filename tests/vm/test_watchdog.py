# SPDX-License-Identifier: BSD-2-Clause
"""--watchdog ends the panics that nothing else can end."""

import re

import firmware_shell as shell
import images
import pci_config
import pytest
from scenarios import FULL, FULL_ONLY
from vm.machine import ConsoleLine, QmpEvent

pytestmark = pytest.mark.vm

SECONDS = 30  # enough for a slow machine to reach its panic
# Too little memory for the kernel's own page tables and zones: it dies in setup_arch(), long before it has
# the firmware's runtime services.
TOO_EARLY = "earlyprintk=ttyS0,115200 mem=20M"
MACHINES = {"i6300esb": ["-device", "i6300esb"]}
if FULL:
    MACHINES["iTCO"] = ["-global", "ICH9-LPC.noreboot=false"]


_ESB, _ESB_LOCK, _ESB_ENABLED = 0x25AB8086, 0x68, 2
_TCO1_CNT, _TCO_HALTED = 0x668, 1 << 11  # OVMF's PMBASE is 0x600


def _files(loader, kernel, arguments: str, seconds: int = SECONDS) -> dict:
    probe = images.probe(kernel)
    config = f"kernel /vmlinuz\ninitrd /probe.img\nwatchdog {seconds}\n"
    config += f"capture-initrd /EFI/BOOT/capture.img\narguments {images.ARGUMENTS} {arguments}\n"
    return {
        "EFI/BOOT/BOOTX64.EFI": loader,
        "EFI/BOOT/lifeboat.conf": config.encode(),
        "EFI/BOOT/capture.img": probe,
        "vmlinuz": kernel,
        "probe.img": probe,
    }


def _until_reset(machine) -> list:
    """Returns all events up to the machine's reset."""
    events = []
    while (event := machine.next_event(shell.soon())) is not None:
        events.append(event)
        if isinstance(event, QmpEvent) and event.name == "RESET":
            return events
    raise AssertionError(f"no reset; the console's end:\n{shell.console_end(machine)}")


@FULL_ONLY
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.xdist_group(f"watchdog-{name}")) for name in MACHINES]
)
def test_ends_a_panic_before_runtime_services(tmp_path, firmware, loader, kernel, name):
    """The kernel loops, and Lifeboat is not entered. Only the watchdog resets the machine."""
    with shell.make_machine(tmp_path, firmware, _files(loader, kernel, TOO_EARLY), qemu_args=MACHINES[name]) as machine:
        machine.power_on()
        events = _until_reset(machine)
    lines = [event.text for event in events if isinstance(event, ConsoleLine)]
    assert any(f"lifeboat: watchdog {name} started, {SECONDS} s" in line for line in lines)
    assert any("Kernel panic - not syncing" in line for line in lines), lines[-20:]
    assert not any("lifeboat-purgatory" in line for line in lines)
    assert "WATCHDOG" in [event.name for event in events if isinstance(event, QmpEvent)], events[-5:]


def _runs(machine, name: str) -> bool:
    """True if the watchdog is enabled, read from outside while the machine is stopped."""
    machine.qmp.execute("stop")
    if name == "i6300esb":
        esb = next(one for one in pci_config.functions(machine) if one.id == _ESB)
        enabled = bool(pci_config.byte(machine, esb, _ESB_LOCK) & _ESB_ENABLED)
    else:
        control = int(re.search(r"= 0x([0-9a-f]+)", machine.qmp.human(f"i /h {_TCO1_CNT:#x}"))[1], 16)
        enabled = not control & _TCO_HALTED
    machine.qmp.execute("cont")
    return enabled


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.xdist_group(f"watchdog-{name}")) for name in MACHINES]
)
def test_is_stopped_after_a_panic(tmp_path, firmware, loader, kernel, name):
    """While the dump is written nobody resets the watchdog's timer, so it must be off."""
    files = _files(loader, kernel, "", seconds=600)
    with shell.make_machine(tmp_path, firmware, files, qemu_args=MACHINES[name]) as machine:
        machine.power_on()
        event = shell.watch(machine, images.FIRST_UP)
        assert images.FIRST_UP in getattr(event, "text", ""), shell.console_end(machine)
        assert _runs(machine, name)
        machine.write_console(b"panic\n")
        event = shell.watch(machine, "lifeboat-purgatory: jump")
        assert "jump" in getattr(event, "text", ""), shell.console_end(machine)
        assert not _runs(machine, name)
        event = shell.watch(machine, images.SECOND_UP)
        assert images.SECOND_UP in getattr(event, "text", ""), shell.console_end(machine)


@FULL_ONLY
@pytest.mark.xdist_group("watchdog-none")
def test_a_machine_without_one_boots_all_the_same(tmp_path, firmware, loader, kernel):
    with shell.make_machine(tmp_path, firmware, _files(loader, kernel, ""), machine="pc") as machine:
        machine.power_on()
        event = shell.watch(machine, images.FIRST_UP)
        assert images.FIRST_UP in getattr(event, "text", "")
        said = "\n".join(line.text for line in machine.lines)
    assert "watchdog: this machine has none that is known here" in said
    assert "lifeboat: armed" in said
