# SPDX-License-Identifier: BSD-2-Clause
"""How early a panic is captured: an undefined instruction, or an NMI, at chosen functions of the
boot. The window opens when the kernel has entered EFI's virtual mode."""

import dataclasses
import re
import struct
import subprocess

import pytest

from machines import NmiAt, symbol_address
from runs import Run
from scenarios import FULL_ONLY, Scenario, rows
from vm.firmware import find_firmware
from vm.machine import Machine
from vm.rehearsal import Options, Rehearsal

pytestmark = pytest.mark.vm

# Of 6.1's start_kernel(), in order. Before efi_enter_virtual_mode() has run there is no
# ResetSystem to call, and with reboot=efi the kernel panics again in its own reboot.
TOO_EARLY = ["setup_arch", "pid_idr_init", "efi_enter_virtual_mode"]
# The first ones have no VMCOREINFO yet: that comes with crash_save_vmcoreinfo_init().
NO_NOTE = ["fork_init", "crash_save_vmcoreinfo_init"]
LATER = ["driver_init", "prepare_namespace"]
ONLY_BOOT_CPU = {"fork_init"}


def _planted(symbol: str) -> Scenario:
    # Without the kernel's symbols makedumpfile cannot tell pages apart: all of a small memory is taken.
    more = {"append": "earlyprintk=ttyS0,115200", "capture_args": "lifeboat.format=elf"}
    return Scenario(f"early-{symbol}", "planted", memory_mib=384, symbol=symbol, more=more)


DEFAULT = [_planted("fork_init")]
FULL = [_planted(symbol) for symbol in [*NO_NOTE, *LATER] if symbol != "fork_init"]


def _marked(scenarios: list[Scenario], full: list[Scenario]) -> list:
    return rows(scenarios) + [
        pytest.param(one, id=one.name, marks=[FULL_ONLY, pytest.mark.xdist_group(one.name)]) for one in full
    ]


@pytest.mark.parametrize("scenario", _marked(DEFAULT, FULL))
def test_early_panic_is_captured(try_scenario, record_row, scenario: Scenario):
    run = try_scenario(scenario)
    record_row(scenario, run)
    run.check()
    assert run.findings["captured"] is True
    assert "up" not in run.findings["stages"]
    frame = run.frame
    note = frame.cpu_notes[0].data
    rip, cs = struct.unpack_from("<Q", note, 112 + 16 * 8)[0], struct.unpack_from("<Q", note, 112 + 17 * 8)[0]
    assert cs == 0x10 and rip >= 0xFFFFFFFF81000000
    assert int(frame.lifeboat["CPU"], 0) == 0
    if scenario.symbol in ONLY_BOOT_CPU:
        assert len(frame.cpu_notes) == 1
    assert frame.vmcoreinfo["KERNELOFFSET"] == "0"  # nokaslr


@pytest.mark.xdist_group(DEFAULT[0].name)
def test_dump_without_the_kernel_s_own_note_opens(run_scenario, vmlinux, crash):
    """VMCOREINFO was written in the kernel's place. (Without --minimal crash wants the tasks of
    CPUs that this kernel had not come to.)"""
    run = run_scenario(DEFAULT[0])
    assert "VMCOREINFO synthesised" in run.console
    done = subprocess.run(
        [crash, "-s", "--minimal", vmlinux, run.dump],
        input="log\nquit\n", capture_output=True, text=True, errors="replace", timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    words = r"invalid opcode: 0000 .*RIP: 0010:fork_init\+0x0/.*Kernel panic - not syncing"
    assert re.search(words, done.stdout, re.DOTALL), done.stdout[-3000:]


# A kernel without a console yet, too, must have had the time to reset.
_TOO_EARLY_OPTIONS = {"append": "earlyprintk=ttyS0,115200", "timeout": 120}


@FULL_ONLY
@pytest.mark.parametrize("symbol", TOO_EARLY)
def test_earlier_the_kernel_itself_does_not_come_back(try_scenario, record_row, symbol):
    """A limit: nothing of ours is called. Only a hardware watchdog ends it (--watchdog)."""
    scenario = dataclasses.replace(_planted(symbol), name=f"too-early-{symbol}", more=_TOO_EARLY_OPTIONS)
    run: Run = try_scenario(scenario)
    record_row(scenario, run)
    assert run.status == 1 and run.findings["captured"] is False
    assert "reset" not in run.findings["stages"]
    reason = run.findings["reason"]
    assert "panics without an end" in reason or "timeout" in reason, run.story


class _NmiRehearsal(Rehearsal):
    def _plant(self, machine: Machine, address: int) -> None:
        self._striker = NmiAt(machine, address)


@FULL_ONLY
@pytest.mark.parametrize(("symbol", "captured"), [("time_init", False), ("fork_init", True)])
def test_nmi_that_early(tmp_path, loader, kernel, vmlinux, capture_image, symbol, captured):
    """The firmware leaves LINT1 unmasked, and the kernel keeps it so: the NMI button works from the
    kernel's first trap gates on, and is captured from the same moment as everything else."""
    options = Options(
        kernel=kernel, folder=tmp_path, firmware=find_firmware(), loader=loader, capture="linux",
        capture_initrd=capture_image,
        memory_bytes=384 << 20, panic="planted", panic_at=symbol_address(vmlinux, symbol),
        append="earlyprintk=ttyS0,115200 unknown_nmi_panic", capture_args="lifeboat.format=elf",
    )  # fmt: skip
    outcome = _NmiRehearsal(options).run()
    assert outcome.progress.details["panic"] == "NMI: Not continuing", outcome.last_lines
    assert outcome.ok == captured, outcome.reason
    assert captured or "panics without an end" in outcome.reason
