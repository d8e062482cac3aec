# SPDX-License-Identifier: BSD-2-Clause
"""A machine that stands still is noticed, and its CPUs' places are named."""

import time

import pytest
import stand_still
from stand_still import Cpu, StandStill, WatchedMachine
from vm.machine import MachineSpec

_REGISTERS = """\

CPU#0
RAX=0000000000000000 RBX=000000007e8ec018 RCX=000000007ec6e2f0 RDX=0000000000000000
RIP=000000007ea11c2e RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0

CPU#1
EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000000
EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1
"""
_SCREEN = """\
  kernel           0x00001b200000-0x00001b2a9000  676 KiB
  purgatory text   0x00001b93b000-0x00001b945000  40 KiB   aabbccdd
lifeboat: plan hook_text=0x1f652000-0x1f654000
""".splitlines()


def test_registers_of_every_cpu_are_read():
    assert stand_still.parse_registers(_REGISTERS) == [Cpu(0, 0x7EA11C2E, False), Cpu(1, 0xFFF0, True)]


@pytest.mark.parametrize(
    "rip, words",
    [
        (0x1B200010, "the capture kernel + 0x10"),
        (0x1B2A9000, "IMAGE"),
        (0x1B93B020, "the purgatory + 0x20"),
        (0x1F652123, "the hook + 0x123"),
        (0xFFFFFFFF81000000, "the first kernel"),
        (0xFFFFFFEF12345678, "EFI runtime code, called by the first kernel"),
        (0xFFFFFFF0, "the firmware's flash"),
        (0xFFF0, "the low 1 MiB"),
        (0x7EA11C2E, "IMAGE"),
    ],
)
def test_an_address_is_named_by_the_plan(rip, words):
    assert stand_still.place(rip, stand_still.planned_regions(_SCREEN), "IMAGE") == words


def test_an_efi_image_is_known_by_its_head(loader):
    head = loader.read_bytes()[:4096]
    size = stand_still.image_size(head)
    assert size >= loader.stat().st_size // 2
    memory = bytes(4096) + head + bytes(3 * 4096)
    known = {"lifeboat.efi": size}
    assert stand_still.image_at(memory, 0x100000, 0x103008, known) == "lifeboat.efi + 0x2008"
    assert stand_still.image_at(memory, 0x100000, 0x103008, {}) == f"an EFI image of {size:#x} bytes + 0x2008"
    assert stand_still.image_at(memory, 0x100000, 0x100008, known) == ""
    assert stand_still.image_size(b"MZ") == stand_still.image_size(bytes(4096)) == 0


@pytest.mark.vm
def test_a_machine_that_says_nothing_is_caught(loader, firmware, tmp_path):
    """The firmware's shell waits for a key at its prompt."""
    spec = MachineSpec(firmware, memory_bytes=256 << 20)
    with WatchedMachine(spec, tmp_path, {"lifeboat.efi": loader}, cpu_seconds=0.5) as machine:
        machine.power_on()
        machine.wait_line("UEFI Interactive Shell", time.monotonic() + 120)
        with pytest.raises(StandStill, match=r"CPU 0 at 0x\w+[^;]*; CPU 1 at 0x") as caught:
            machine.wait_line("never said", time.monotonic() + 600)
    report = (tmp_path / "stand-still.txt").read_text()
    assert report.count("CPU#1") == 2 and report.count("CR3=") == 4, report
    assert "an EFI image" in str(caught.value), caught.value
