# SPDX-License-Identifier: BSD-2-Clause
"""The place of crash memory is the same at every boot. If there is none, a message says so."""

import re
from pathlib import Path

import boot_log
import dump_images
import firmware_shell as shell
import images
import pytest
from scenarios import FULL_ONLY
from vm import boot_loaders

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("placement")]

MIB = 1 << 20
CONFIG = "kernel /vmlinuz\ninitrd /probe.img\ncapture-initrd /capture.img\nrequire\nverbose\narguments {arguments}\n"


def _files(loader: Path, kernel: Path, arguments: str = images.ARGUMENTS) -> dict[str, Path | bytes]:
    probe = images.probe(kernel)
    return {
        "lifeboat.conf": CONFIG.format(arguments=arguments).encode(),
        "lifeboat.efi": loader,
        "vmlinuz": kernel,
        "probe.img": probe,
        "capture.img": probe,
    }


def _as_first(files: dict[str, Path | bytes]) -> dict[str, Path | bytes]:
    """Returns files with the loader as the program that the firmware starts."""
    return files | {
        "EFI/BOOT/BOOTX64.EFI": files["lifeboat.efi"],
        "EFI/BOOT/lifeboat.conf": files["lifeboat.conf"],
        "EFI/BOOT/capture.img": files["capture.img"],
    }


def _lines(machine) -> str:
    return "\n".join(line.text for line in machine.lines)


@FULL_ONLY  # by default test_brakes.py compares the places in three boots
def test_two_boots_have_the_same_map(tmp_path, firmware, loader, kernel):
    """Hibernation compares memory maps. The second boot has the variables that the first one left."""
    maps, plans = [], []
    for _ in range(2):
        with shell.make_machine(tmp_path, firmware, _as_first(_files(loader, kernel))) as machine:
            machine.power_on()
            event = shell.watch(machine, images.FIRST_UP, "Kernel panic")
            assert images.FIRST_UP in getattr(event, "text", ""), shell.console_end(machine)
            said = _lines(machine)
        maps.append(boot_log.printed(said))
        plans.append(re.findall(r"lifeboat: plan (.*)", said))
    assert len(maps[0]) > 5 and len(plans[0]) > 5
    assert maps[0] == maps[1]
    assert plans[0] == plans[1]


def _types(entries: list[boot_log.Entry]) -> dict[int, int]:
    """Returns the type of each page."""
    return {page: one.type for one in entries for page in range(one.start >> 12, one.end >> 12)}


def _plan_ranges(said: str) -> list[tuple[int, int]]:
    ranges = re.findall(r"lifeboat: plan (?:crash|crash_low|hook_text|hook_data)=0x(\w+)-0x(\w+)", said)
    return [(int(start, 16), int(end, 16)) for start, end in ranges]


@FULL_ONLY
def test_the_map_differs_by_region_and_hook_only(tmp_path, firmware, loader, kernel):
    """A system's own kernel image is started by the firmware itself, and behind Lifeboat."""
    linux = boot_loaders.Linux(kernel, {"probe.img": images.probe(kernel)}, images.ARGUMENTS, tmp_path)
    uki = boot_loaders.BOOT_LOADERS["uki"].make(linux).image.read_bytes()
    behind = {
        "EFI/BOOT/BOOTX64.EFI": loader,
        "EFI/BOOT/lifeboat.conf": b"chain \\linux.efi\nverbose\n",
        "linux.efi": uki,
    }
    maps, said = [], ""
    for files in ({"EFI/BOOT/BOOTX64.EFI": uki}, behind):
        with shell.make_machine(tmp_path, firmware, files, qemu_args=dump_images.empty_disk(tmp_path)) as machine:
            machine.power_on()
            event = shell.watch(machine, images.FIRST_UP, "Kernel panic")
            assert images.FIRST_UP in getattr(event, "text", ""), shell.console_end(machine)
            said = _lines(machine)
        maps.append(_types(boot_log.printed(said)))
    ours = {page for start, end in _plan_ranges(said) for page in range(start >> 12, end >> 12)}
    different = {page for page in maps[0].keys() | maps[1].keys() if maps[0].get(page) != maps[1].get(page)}
    assert different and different <= ours
    # edk2 reserves room for runtime code in advance, so the hook lies in reserved memory in both maps.
    assert {maps[0][page] for page in ours - different} <= {boot_log.RESERVED}
    assert {maps[0][page] for page in different} == {boot_log.RAM}
    assert {maps[1][page] for page in ours} == {boot_log.RESERVED}


def _largest_hole(said: str) -> int:
    """Returns the size in MiB that the loader printed."""
    found = re.search(r"the largest RAM area there is (\d+(?:\.\d+)?) MiB", said)
    assert found, said
    return int(float(found[1]))


def test_nothing_fits_into_a_fragmented_map(tmp_path, firmware, loader, preamble, kernel):
    """The firmware has a page in every MiB but the topmost, where the loader itself still finds room. The map has
    more than a thousand entries, and the refusal names the largest hole."""
    files = _files(loader, kernel) | {"EFI/BOOT/BOOTX64.EFI": preamble, "preamble.txt": b"scatter 850\n"}
    with shell.make_machine(tmp_path, firmware, files) as machine:
        machine.power_on()
        event = shell.watch(machine, "not armed", "Linux version")
        assert "not armed" in getattr(event, "text", ""), shell.console_end(machine)
        shell.watch(machine, "lifeboat.efi came back")
        said = _lines(machine)
    assert "preamble: done" in said
    # The console breaks lines at its last column.
    message = " ".join(said[said.index("not armed") :].split())
    assert "no place for" in message
    assert 16 < _largest_hole(message) < 160, message
