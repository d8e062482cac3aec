# SPDX-License-Identifier: BSD-2-Clause
"""Starts from the UEFI shell, from a Boot#### entry and as BOOTX64.EFI, armed and not, and what the OS sees of
them."""

import os
from pathlib import Path

import firmware_shell as shell
import images
import pytest
from conftest import build
from scenarios import FULL_ONLY

pytestmark = pytest.mark.vm

@pytest.fixture(scope="module")
def files(loader, kernel) -> dict[str, Path | bytes]:
    return {
        "lifeboat.efi": loader,
        "vmlinuz": kernel,
        "probe.img": images.probe(kernel, lifeboatctl=build("lifeboatctl")),
        "capture.img": images.probe(kernel),
    }


def _first_up(machine) -> str:
    """Returns what the first kernel printed until it was up."""
    event = shell.watch(machine, images.FIRST_UP, "Kernel panic", "error: not booting")
    text = "\n".join(line.text for line in machine.lines)
    assert images.FIRST_UP in getattr(event, "text", ""), text[-3000:]
    return text.rpartition("Linux version")[2]


def _armed(said: str) -> None:
    assert "state=armed" in said
    assert "probe: lifeboatctl status exits with 0" in said
    assert "panic=-1 reboot=efi,cold,panic_warm" in said


@pytest.mark.xdist_group("loader-shell")
def test_from_the_shell_to_a_captured_panic(tmp_path, firmware, files):
    words = f"--capture-initrd capture.img --initrd probe.img vmlinuz {images.ARGUMENTS} crashkernel=160M quiet"
    lines = ["@echo -off", "fs0:", f"lifeboat.efi {words}"]
    with shell.make_machine(tmp_path, firmware, files | shell.startup(lines)) as machine:
        machine.power_on()
        shell.skip_countdown(machine)
        _armed(_first_up(machine))
        machine.write_console(b"panic\n")
        event = shell.watch(machine, images.SECOND_UP)
        assert images.SECOND_UP in getattr(event, "text", ""), shell.console_end(machine)


@FULL_ONLY
@pytest.mark.xdist_group("loader-entry")
def test_from_a_boot_entry(tmp_path, firmware, files):
    """The entry is made in the shell. Its options are only the loader's words. The second boot uses no shell."""
    words = f"--initrd \\probe.img \\vmlinuz {images.ARGUMENTS}"
    lines = [
        "@echo -off",
        "fs0:",
        'bcfg boot add 0 fs0:\\lifeboat.efi "Lifeboat"',
        "bcfg boot -opt 0x0 fs0:\\options",
        "reset",
    ]
    options = {"options": shell.load_options(words)}
    with shell.make_machine(tmp_path, firmware, files | options | shell.startup(lines), boot_order=False) as machine:
        machine.power_on()
        shell.skip_countdown(machine)
        shell.wait_reset(machine)
        before = len(machine.lines)
        _armed(_first_up(machine))
        assert not any("UEFI Interactive Shell" in line.text for line in machine.lines[before:])


@pytest.mark.xdist_group("loader-bootx64")
def test_as_bootx64_with_a_configuration(tmp_path, firmware, files):
    config = f"""# A comment, and line ends of either kind.\r
kernel /vmlinuz
initrd ../../probe.img
capture-initrd /capture.img
arguments {images.ARGUMENTS} crashkernel=160M
"""
    boot = {
        "EFI/BOOT/BOOTX64.EFI": files["lifeboat.efi"],
        "EFI/BOOT/lifeboat.conf": config.encode(),
    }
    with shell.make_machine(tmp_path, firmware, files | boot) as machine:
        machine.power_on()
        said = _first_up(machine)
        _armed(said)
        assert "crashkernel=160M" not in said


# Words, and what the reason given to the OS contains. LIFEBOAT_FULL=1 tries more of them.
UNARMED = [("--capture \\nothere", "reason=FS0:\\nothere: no such file")]
if os.environ.get("LIFEBOAT_FULL") == "1":
    UNARMED += [
        ("--dump-level 32", "reason=--dump-level: \"32\" was given, wanted a number from 0 to 31"),
        ("--crashkernel 8G", "reason=crashkernel=8G: asks for 8 GiB"),
        ("--crashkernel 2M", "reason=crashkernel=2M: too small"),
        ("--capture \\lifeboat.efi", "reason=FS0:\\lifeboat.efi: is an EFI program but no Linux kernel"),
    ]


@pytest.mark.parametrize(
    "words, reason", [pytest.param(*row, marks=pytest.mark.xdist_group(f"unarmed {row[0]}")) for row in UNARMED]
)
def test_unarmed_with_the_reason_for_the_os(tmp_path, firmware, files, words, reason):
    """The first kernel boots all the same, with its own arguments, and the OS gets the reason."""
    arguments = f"{images.ARGUMENTS} crashkernel=160M"
    lines = ["@echo -off", "fs0:", f"lifeboat.efi --initrd \\probe.img {words} \\vmlinuz {arguments}"]
    with shell.make_machine(tmp_path, firmware, files | shell.startup(lines)) as machine:
        machine.power_on()
        shell.skip_countdown(machine)
        said = _first_up(machine)
        assert any("lifeboat: error: not armed: " in line.text for line in machine.lines)
    assert "state=unarmed" in said
    assert reason in said
    assert "probe: lifeboatctl status exits with 1" in said
    (cmdline,) = [line for line in said.splitlines() if line.startswith("probe: cmdline ")]
    assert cmdline.split()[2:] == arguments.split()
