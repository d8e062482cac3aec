# SPDX-License-Identifier: BSD-2-Clause
"""How early a panic is captured: an undefined instruction, or an NMI, at chosen functions of the boot. Captures
begin when the kernel has entered EFI's virtual mode."""

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
from vm.vmcore import read_vmcore

pytestmark = pytest.mark.vm

# Functions of 6.1's start_kernel(), in order. Before efi_enter_virtual_mode() has run there is no ResetSystem
# to call, and with reboot=efi the kernel panics again in its own reboot.
TOO_EARLY = ["setup_arch", "pid_idr_init", "efi_enter_virtual_mode"]
# The first initcall begins at do_one_initcall(). crash_save_vmcoreinfo_init(), an initcall, writes
# VMCOREINFO; only the last of these functions comes after it.
EARLY = ["fork_init", "do_one_initcall", "driver_init", "crash_save_vmcoreinfo_init"]
LATER = ["prepare_namespace"]
ONLY_BOOT_CPU = {"fork_init", "do_one_initcall"}


def _planted(symbol: str, capture: str = "builtin") -> Scenario:
    more = {"append": "earlyprintk=ttyS0,115200"}
    if capture == "builtin":
        return Scenario(f"early-{symbol}", "planted", memory_mib=384, symbol=symbol, more={"capture": capture, "strict": True, **more})
    # The suite's makedumpfile cannot tell pages apart, so all of a small memory is dumped.
    return Scenario(f"early-linux-{symbol}", "planted", memory_mib=384, symbol=symbol, more={"capture_args": "lifeboat.format=elf", **more})


DEFAULT = [_planted("fork_init")]
FULL = [_planted(symbol) for symbol in [*EARLY, *LATER] if symbol != "fork_init"]
LINUX = _planted("fork_init", "linux")


def _rows(scenarios: list[Scenario], full: list[Scenario]) -> list:
    return rows(scenarios) + [
        pytest.param(one, id=one.name, marks=[FULL_ONLY, pytest.mark.xdist_group(one.name)]) for one in full
    ]


def _looked_for(symbol: str) -> str:
    return rf"invalid opcode: 0000 .*RIP: 0010:{symbol}\+0x0/.*Kernel panic - not syncing"


@pytest.mark.parametrize("scenario", _rows(DEFAULT, [*FULL, LINUX]))
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
    if scenario.symbol in ONLY_BOOT_CPU:
        assert int(frame.lifeboat["CPU"], 0) == 0 and len(frame.cpu_notes) == 1
    assert frame.vmcoreinfo["KERNELOFFSET"] == "0"  # booted with nokaslr


@pytest.mark.parametrize("scenario", _rows(DEFAULT, FULL))
def test_its_log_and_level_are_those_of_any_panic(try_scenario, scenario: Scenario):
    """If the kernel wrote no VMCOREINFO, the capture kernel made one, and nothing is missing in it."""
    run = try_scenario(scenario).check()
    made = re.search(r"the kernel wrote no VMCOREINFO yet: (\d+) keys made .* in (\d+) ms", run.console)
    assert bool(made) is (scenario.symbol in EARLY), run.story
    if made:
        # It takes 300 ms on a host that runs nothing else.
        assert int(made[1]) > 100 and int(made[2]) <= 3000, made[0]
    assert run.findings["filter_level"] == 31 == run.frame.level
    assert [text for text in run.findings["messages"] if text.startswith("lifeboat-capture: ")] == []
    assert re.search(_looked_for(scenario.symbol), run.dmesg.read_text(errors="replace"), re.DOTALL)


@pytest.mark.parametrize("scenario", _rows(DEFAULT, FULL))
def test_makedumpfile_reads_it(try_scenario, log_by_makedumpfile, run_makedumpfile, tmp_path, scenario: Scenario):
    run = try_scenario(scenario).check()
    assert log_by_makedumpfile(run.dump) == run.dmesg.read_text(errors="replace")
    run_makedumpfile("-d", "31", run.dump, tmp_path / "filtered")
    # The kernel initialises most struct pages late. Before that they hold what the firmware left, which the
    # two judge differently. These pages are not in use yet.
    before, after = run.frame.stored_pages, read_vmcore(tmp_path / "filtered").stored_pages
    assert before * 0.9 < after <= before


def _crash_log(crash, vmlinux, dump, *words: str) -> str:
    done = subprocess.run(
        [crash, "-s", *words, vmlinux, dump],
        input="log\nquit\n", capture_output=True, text=True, errors="replace", timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


# Without --minimal crash wants the tasks of CPUs that this kernel had not started yet.
@pytest.mark.parametrize("scenario", _rows(DEFAULT, FULL))
def test_crash_opens_it(try_scenario, vmlinux, crash, scenario: Scenario):
    words = ["--minimal"] if scenario.symbol in ONLY_BOOT_CPU else []
    log = _crash_log(crash, vmlinux, try_scenario(scenario).check().dump, *words)
    assert re.search(_looked_for(scenario.symbol), log, re.DOTALL), log[-3000:]


@pytest.mark.parametrize("scenario", _rows(DEFAULT, FULL))
def test_drgn_opens_it(try_scenario, vmlinux, scenario: Scenario):
    import drgn

    run, program = try_scenario(scenario).check(), drgn.Program()
    program.set_core_dump(str(run.dump))
    program.load_debug_info([str(vmlinux)])
    assert program["init_task"].comm.string_() == b"swapper/0"
    assert program["init_uts_ns"].name.release.string_().decode() == run.frame.release
    # Without idle tasks drgn (0.0.22) faults when it looks for them. An initcall makes the other CPUs' notes.
    # Without a note of CPU 0 drgn does not find that of CPU 1.
    if scenario.symbol not in ONLY_BOOT_CPU and len(run.frame.cpu_notes) > int(run.frame.lifeboat["CPU"], 0):
        names = [frame.name for frame in program.crashed_thread().stack_trace() if frame.name]
        assert names[:1] == ["__efi_call"] and {"panic", scenario.symbol} <= set(names), names


@FULL_ONLY
@pytest.mark.xdist_group(LINUX.name)
def test_dump_by_a_linux_has_what_the_purgatory_wrote(run_scenario, vmlinux, crash):
    """What the purgatory wrote is enough for crash --minimal."""
    run = run_scenario(LINUX)
    assert "VMCOREINFO synthesised" in run.console
    log = _crash_log(crash, vmlinux, run.dump, "--minimal")
    assert re.search(_looked_for(LINUX.symbol), log, re.DOTALL), log[-3000:]


# A kernel without a console needs time to reset, too.
_TOO_EARLY_OPTIONS = {"append": "earlyprintk=ttyS0,115200", "timeout": 120}


@FULL_ONLY
@pytest.mark.parametrize("symbol", TOO_EARLY)
def test_earlier_the_kernel_itself_does_not_come_back(try_scenario, record_row, symbol):
    """A limit: Lifeboat is not called. Only a hardware watchdog (--watchdog) ends it."""
    scenario = dataclasses.replace(_planted(symbol, "linux"), name=f"too-early-{symbol}", more=_TOO_EARLY_OPTIONS)
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
    """The firmware leaves LINT1 unmasked, and so does the kernel. So the NMI button works from the kernel's first
    trap gates on, and is captured from the same point as everything else."""
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
