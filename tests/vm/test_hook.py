# SPDX-License-Identifier: BSD-2-Clause
"""The hook under a firmware that changes things after arming, and under an OS that obeys the firmware's tables.

test_machines.py tests an ordinary reboot and a power-off, test_loader_undo.py a warm reset before ExitBootServices.
"""

import re
import struct
from dataclasses import dataclass

import firmware_shell as shell
import host_program
import images
import module
import pytest
import saved_state
from conftest import build
from scenarios import FULL_ONLY
from vm.machine import Machine
from vm.rehearsal import Options, Rehearsal

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("hook")]

# Sixteen configuration tables fill edk2's array. When the kernel's stub adds its own (initrd, random seed),
# the array grows in runtime memory. This, and every runtime page that a timer takes (one in 10 ms, more than
# there is time for), makes edk2 drop the memory attributes table and build it again.
TABLES, RUNTIME_PAGES = 16, 5000


def test_tables_and_runtime_memory_after_arming(tmp_path, firmware, loader, preamble, kernel):
    probe = images.probe(kernel)
    config = f"kernel /vmlinuz\ninitrd /probe.img\ncapture-initrd /capture.img\nrequire\narguments {images.ARGUMENTS}\n"
    files = {
        "EFI/BOOT/BOOTX64.EFI": preamble,
        "preamble.txt": f"tables {TABLES}\nruntime {RUNTIME_PAGES}\n".encode(),
        "lifeboat.efi": loader,
        "lifeboat.conf": config.encode(),
        "vmlinuz": kernel,
        "probe.img": probe,
        "capture.img": probe,
    }
    # The firmware makes its random-number protocol from this device, and the stub a table for the kernel.
    devices = ["-device", "virtio-rng-pci"]
    with shell.make_machine(tmp_path, firmware, files, qemu_args=devices) as machine:
        machine.power_on()
        event = shell.watch(machine, images.FIRST_UP, "Kernel panic")
        said = "\n".join(line.text for line in machine.lines)
        assert images.FIRST_UP in getattr(event, "text", ""), said[-3000:]
        assert "preamble: done" in said
        tables = re.search(r"probe: tables (.*)", said)[1]
        assert "RNG=" in tables and "MEMATTR=" in tables and "INITRD=" in tables
        machine.write_console(b"panic\n")
        event = shell.watch(machine, images.SECOND_UP)
        assert images.SECOND_UP in getattr(event, "text", ""), shell.console_end(machine)
        assert any("lifeboat-purgatory: jump" in line.text for line in machine.lines)


PURGATORY, RESET, SHUTDOWN = saved_state.ENTERED, "RESET", "SHUTDOWN"
_FAULT, _FAILED, _BACK = "leave: fault at", "leave: failed", "leave: came back"
_RESETS = {"cold": RESET, "shutdown": SHUTDOWN, "platform": RESET}


@dataclass(frozen=True)
class _Left:
    """The result of a first kernel that is tests/vm/efi/leave.c."""

    ending: str  # PURGATORY, RESET, SHUTDOWN, or the line that tells what went wrong
    said: str
    hook: range  # the hook's text

    def services(self, when: str) -> set[str]:
        """Returns who owned ResetSystem and UpdateCapsule. The table's CRC must be right."""
        addresses = r"leave: ResetSystem=(\S+)\s+leave: UpdateCapsule=(\S+)"
        found = re.search(rf"leave: {when}: crc right\s+{addresses}", self.said)
        assert found, self.said[-3000:]
        return {"hook" if int(address, 0) in self.hook else "other" for address in found.groups()}


def _ending(machine: Machine) -> str:
    event = shell.watch(machine, PURGATORY, _FAULT, _FAILED, _BACK)
    return getattr(event, "name", None) or next(text for text in (PURGATORY, event.text) if text in event.text)


@pytest.fixture(name="leaving")
def _leaving(tmp_path, firmware, loader, preamble, kernel, leave):
    """leaving(words, preamble's orders) boots, arms and leaves boot services."""

    def run(words: str, orders: str = "") -> _Left:
        second = saved_state.tiny_kernel(tmp_path)
        config = f"kernel /leaving\nrequire\nverbose\n{second.config}arguments {images.ARGUMENTS} {words}\n"
        files = {
            "EFI/BOOT/BOOTX64.EFI": preamble,
            "preamble.txt": orders.encode(),
            "lifeboat.efi": loader,
            "lifeboat.conf": config.encode(),
            "leaving": images.leaving(kernel.read_bytes(), leave),
            "capture.img": second.initrd,
            **second.files,
        }
        with shell.make_machine(tmp_path, firmware, files) as machine:
            machine.power_on()
            ending = _ending(machine)
            said = "\n".join(line.text for line in machine.lines)
        start, end = (int(word, 0) for word in re.search(r"hook_text=(\w+)-(\w+)", said).groups())
        assert "leave: enforced" in said, said[-3000:]
        return _Left(ending, said, range(start, end))

    return run


def _full(*values):
    """A row of the full run only."""
    return [pytest.param(*values, marks=FULL_ONLY)]


@pytest.mark.parametrize("flat", ["", pytest.param(" flat", marks=FULL_ONLY)])
@pytest.mark.parametrize("reset", ["warm", *_full("cold"), *_full("shutdown"), "platform"])
def test_armed_only_a_warm_reset_is_taken(leaving, reset, flat):
    """The OS enforces the memory attributes table, at virtual or physical addresses."""
    left = leaving(f"leave={reset}{flat}")
    assert left.ending == _RESETS.get(reset, PURGATORY), left.said[-3000:]
    assert "leave: table corrected" in left.said
    assert left.services("left boot services") == {"hook"}
    assert ("leave: virtual" in left.said) != bool(flat)


@pytest.mark.parametrize("reset, fault", [
    ("warm", "malform"), ("cold", "grow"), *_full("shutdown", "malform"), ("platform", "malform flat"),
])  # fmt: skip
def test_a_table_that_cannot_be_corrected_leaves_nothing_of_the_hook(leaving, reset, fault):
    """The table was good when the loader rehearsed, and is not at ExitBootServices."""
    left = leaving(f"leave={reset} {fault}")
    assert left.ending == _RESETS.get(reset, RESET), left.said[-3000:]
    assert left.services("entered") == {"hook"}
    assert left.services("left boot services") == {"other"}
    assert "leave: table as it was" in left.said


def test_exit_boot_services_again(leaving):
    """The first call finds a malformed table and does not arm. The second arms."""
    left = leaving("leave=warm twice")
    assert left.services("after the first ExitBootServices") == {"other"}
    assert left.services("left boot services") == {"hook"}
    assert left.ending == PURGATORY, left.said[-3000:]


@pytest.mark.parametrize("words, ending", [
    ("leave=warm front", PURGATORY),
    ("leave=warm front grow", RESET), *_full("leave=shutdown front grow", SHUTDOWN),
])  # fmt: skip
def test_somebody_in_front_of_the_hook(leaving, words, ending):
    """The code in front calls the hook, so the hook must be able to run, even if it only passes calls on."""
    assert leaving(words).ending == ending


@pytest.mark.parametrize("words, orders, ending", [
    ("", "capsules\n", PURGATORY),
    ("capsule", "capsules\n", RESET),
    *_full("capsule flat", "capsules\n", RESET),
    ("capsule", "", PURGATORY),  # OVMF accepts no capsule
])  # fmt: skip
def test_with_a_capsule_a_warm_reset_is_the_firmware_s(leaving, words, orders, ending):
    left = leaving(f"leave=warm {words}", orders)
    assert left.ending == ending, left.said[-3000:]
    if words:
        (status,) = re.findall(r"leave: UpdateCapsule says (\S+)", left.said)
        assert (int(status, 0) == 0) == (ending == RESET)


# A capsule's header (UEFI 2.10, 8.5.3.1) with CAPSULE_FLAGS_PERSIST_ACROSS_RESET, and no content.
_CAPSULE_BYTES = 4096
_CAPSULE = (bytes(range(16)) + struct.pack("<III", 28, 0x10000, _CAPSULE_BYTES)).ljust(_CAPSULE_BYTES, b"\0")
_UPDATE = """
$b mkdir -p /bin
$b --install -s /bin
export PATH=/bin
mount -t efivarfs efivarfs /sys/firmware/efi/efivars
lifeboatctl status 2>&1
echo "before: status exits with $?"
cat /capsule > /dev/efi_capsule_loader || fail "no capsule was taken"
lifeboatctl status 2>&1
echo "after: status exits with $?"
"""


class _Update(Rehearsal):
    preamble = None

    def esp(self, files):
        return images.behind_preamble(files, self.preamble, "capsules\n")


def test_a_firmware_update_reaches_the_firmware(tmp_path, firmware, loader, preamble, kernel):
    """Linux hands a capsule to the firmware. Its ordinary reboot is then a warm reset, and no panic."""
    modules = module.load_order(kernel, ("efivarfs", "capsule-loader"))
    initrd = tmp_path / "modules.img"
    files = {f"modules/{name}.ko": data for name, data in modules.items()}
    files |= {"capsule": _CAPSULE} | host_program.alone(build("lifeboatctl"))
    initrd.write_bytes(module.initrd(files))
    rehearsal = _Update(Options(
        kernel=kernel, folder=tmp_path, firmware=firmware, loader=loader, initrds=[initrd],
        before=module.insmod(modules) + _UPDATE, memory_bytes=512 << 20, panic="none", none_action="reboot",
    ))  # fmt: skip
    rehearsal.preamble = preamble
    outcome = rehearsal.run()
    said = (tmp_path / "console.log").read_text(errors="replace")
    assert outcome.ok, (outcome.reason, said[-3000:])
    assert "before: status exits with 0" in said
    assert "not covered until the reboot" in said and "after: status exits with 1" in said
    assert "pending capsule update requires warm reset" in said
