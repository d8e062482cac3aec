# SPDX-License-Identifier: BSD-2-Clause
"""What is no panic and must not be captured as one: resets in the UEFI shell, and kexec.

test_panics.py tests reboots, power-offs and warm reboots of a running kernel.
"""

import subprocess
from pathlib import Path

import firmware_shell as shell
import images
import module
import pytest
from runs import Run
from scenarios import FULL_ONLY, Scenario
from vm import guest
from vm.machine import Machine

pytestmark = pytest.mark.vm

KEXEC = Path(__file__).resolve().parent / "kexec.c"
ARM_AND_COME_BACK = "lifeboat.efi --require --capture \\vmlinuz \\returning console=ttyS0"
# One boot each. A file on the ESP tells the next boot its number. `-w` is the hook's own type of reset.
BOOTS = [
    [ARM_AND_COME_BACK, "reset -w"],
    [ARM_AND_COME_BACK, "reset"],
]


def _script() -> list[str]:
    lines = ["@echo -off", "fs0:"]
    for number, commands in enumerate(BOOTS):
        lines += [f"if not exist turn{number} then", f"echo {number} > turn{number}", f"echo ==boot {number}=="]
        lines += [*commands, "endif"]
    return [*lines, "echo ==last boot==", "reset -s"]


def _boot(machine: Machine) -> tuple[str, str]:
    """Returns (event, console) of one boot, to its end."""
    seen = len(machine.lines)
    shell.skip_countdown(machine)
    event = shell.watch(machine, "lifeboat-purgatory:", "Linux version")
    return getattr(event, "name", "line"), "\n".join(line.text for line in machine.lines[seen:])


@FULL_ONLY
@pytest.mark.xdist_group("shell-resets")
def test_resets_in_the_shell(tmp_path, firmware, loader, kernel):
    """After an arming that was undone the machine resets and boots again."""
    files = {
        "lifeboat.efi": loader,
        "vmlinuz": kernel,
        "capture.img": b"\0" * 512,
        "returning": images.returning(kernel.read_bytes()),
        **shell.startup(_script()),
    }
    with shell.make_machine(tmp_path, firmware, files) as machine:
        machine.power_on()
        for number in range(len(BOOTS)):
            event, said = _boot(machine)
            assert f"==boot {number}==" in said, said[-2000:]
            assert event == "RESET", said[-2000:]
            assert "lifeboat: armed" in said
        event, said = _boot(machine)
        assert event == "SHUTDOWN" and "==last boot==" in said


@pytest.fixture(scope="module")
def kexec_run(rehearse, kernel, tmp_path_factory):
    """kexec_run(name, end, **options): the first kernel starts itself again by kexec, then `end` happens."""
    folder = tmp_path_factory.mktemp("kexec")
    subprocess.run(["gcc", "-O2", "-Wall", "-Werror", "-static", "-o", folder / "kexec", KEXEC], check=True)
    (folder / "before.sh").write_text(
        '/kexec/kexec /kexec/vmlinuz /kexec/initrd.img "$($b cat /proc/cmdline)"\nfail "kexec came back"\n'
    )

    def run(name: str, end: str, **options) -> Run:
        image = folder / f"{name}.img"
        image.write_bytes(
            module.initrd(
                {
                    "kexec/kexec": (folder / "kexec").read_bytes(),
                    "kexec/vmlinuz": kernel.read_bytes(),
                    "kexec/initrd.img": guest.overlay(end),
                }
            )
        )
        return rehearse(name, initrd=image, before=folder / "before.sh", **options)

    return run


def _assert_started_twice(run: Run) -> None:
    assert run.console.count(guest.UP) == 2, run.story


@pytest.mark.xdist_group("kexec")
def test_kexec_is_no_panic(kexec_run, record_row):
    run = kexec_run("kexec", "$b reboot -f", panic="none")
    record_row(Scenario("kexec", "none"), run)
    run.check()
    _assert_started_twice(run)
    assert "lifeboat-purgatory" not in run.console
    assert run.findings["messages"] == []


@FULL_ONLY
@pytest.mark.xdist_group("kexec")
def test_kernel_started_by_kexec_is_covered_too(kexec_run, record_row):
    """The second kernel finds the hook where the first one left it, in the firmware's runtime memory."""
    panic = "$b taskset -c 1 $b sh -c 'echo c > /proc/sysrq-trigger'"
    run = kexec_run("kexec-panic", panic, panic="self", panic_cpu=1)
    record_row(Scenario("kexec-panic", "self", panic_cpu=1), run)
    run.check()
    _assert_started_twice(run)
    assert run.findings["captured"] and run.frame.problems() == []
