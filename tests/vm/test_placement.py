# SPDX-License-Identifier: BSD-2-Clause
"""The place of crash memory: the same at every boot, and a clear message where there is none."""

import re
from pathlib import Path

import boot_log
import firmware_shell as shell
import images
import pytest

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
    """With the loader as what the firmware starts."""
    return files | {
        "EFI/BOOT/BOOTX64.EFI": files["lifeboat.efi"],
        "EFI/BOOT/lifeboat.conf": files["lifeboat.conf"],
        "EFI/BOOT/capture.img": files["capture.img"],
    }


def _lines(machine) -> str:
    return "\n".join(line.text for line in machine.lines)


def test_two_boots_have_the_same_map(tmp_path, firmware, loader, kernel):
    """Hibernation compares maps. The second boot has the variables that the first one left."""
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


def _largest_hole(said: str) -> int:
    """In MiB, by the loader's own word."""
    found = re.search(r"the largest RAM area there is (\d+(?:\.\d+)?) MiB", said)
    assert found, said
    return int(float(found[1]))


def test_nothing_fits_into_a_fragmented_map(tmp_path, firmware, loader, preamble, kernel):
    """A page of the firmware's in every MiB but for the topmost, where the loader itself still finds room: a map
    of more than a thousand entries, and a refusal that names the largest hole."""
    files = _files(loader, kernel) | {"EFI/BOOT/BOOTX64.EFI": preamble, "preamble.txt": b"scatter 850\n"}
    with shell.make_machine(tmp_path, firmware, files) as machine:
        machine.power_on()
        event = shell.watch(machine, "not armed", "Linux version")
        assert "not armed" in getattr(event, "text", ""), shell.console_end(machine)
        shell.watch(machine, "lifeboat.efi came back")
        said = _lines(machine)
    assert "preamble: done" in said
    # The console breaks its lines where a row is full.
    message = " ".join(said[said.index("not armed") :].split())
    assert "no place for" in message
    assert 16 < _largest_hole(message) < 160, message
