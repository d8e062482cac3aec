# SPDX-License-Identifier: BSD-2-Clause
"""What somebody does at a machine before it boots: plugs in a stick, sets BootNext, opens the firmware's menu,
starts a boot entry that returns. Region and hook keep their places, and no boot option is lost."""

import re

import completing
import dump_images
import firmware_shell as shell
import images
import pytest
import secure_boot
from conftest import build
from scenarios import FULL_ONLY
from vm import boot_loaders, variables
from vm.machine import Disk, Machine, MachineSpec

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("firmware-menu")]

BOOTS = 4  # in each way, so twenty in each mode
NEXT = 0x77  # a number that the firmware does not use for its own entries
MENU = ["-boot", "menu=on,splash-time=3000"]
DOWN = b"\x1b[B"


class _Place:
    """A folder with a machine's disks and variables, which are kept from boot to boot."""

    def __init__(self, folder, firmware, files):
        self.folder, self.firmware = folder, firmware
        self.esp = boot_loaders.make_disk(folder / "esp.img", files, {})

    @property
    def store(self):
        return self.firmware.private_variables(self.folder)

    def machine(self, *words: str, boot_order: bool = True) -> Machine:
        disk = Disk("esp", self.folder / "esp.img", boot=boot_order)
        return Machine(MachineSpec(self.firmware, [disk], shell.MEMORY_BYTES, qemu_args=list(words)), self.folder)


def _through_the_menu(machine) -> str:
    """A boot that somebody stops with a key, looks at, and continues."""
    before = len(machine.lines)
    while not any("Continue" in line.text for line in machine.lines[before:]):
        if machine.next_event(shell.soon() - shell.DEADLINE + 0.5) is None:
            machine.write_console(b"\x1b")
    machine.write_console(4 * DOWN + b"\r")
    return completing.boot(machine)


def _plain(place, dumps):
    with place.machine(*dumps) as machine:
        return completing.boots(machine, BOOTS)


def _stick(place, dumps):
    with open(place.folder / "stick.img", "wb") as image:
        image.truncate(64 << 20)
    drive = f"id=stick,if=none,format=raw,file={place.folder / 'stick.img'}"
    usb = ["-device", "qemu-xhci", "-drive", drive, "-device", "usb-storage,drive=stick"]
    with place.machine(*dumps, *usb) as machine:
        return completing.boots(machine, BOOTS)


def _boot_next(place, dumps):
    said = []
    entry = variables.load_option("next", place.esp, 1, "\\EFI\\BOOT\\BOOTX64.EFI")
    for _ in range(BOOTS):
        variables.add(place.store, {f"Boot{NEXT:04X}": entry, "BootNext": NEXT.to_bytes(2, "little")})
        with place.machine(*dumps) as machine:
            said += completing.boots(machine, 1)
        assert f'starting Boot{NEXT:04X} "next"' in said[-1], said[-1][-2000:]
    return said


def _menu(place, dumps):
    with place.machine(*dumps, *MENU) as machine:
        machine.power_on()
        return [_through_the_menu(machine) for _ in range(BOOTS)]


def _dump_waits(place, _dumps):
    with place.machine(*completing.disk_of_dumps(place.folder, 2)) as machine:
        return completing.boots(machine, BOOTS)


WAYS = [_plain, _stick, _boot_next, _menu, _dump_waits]


@FULL_ONLY
@pytest.mark.parametrize("mode", completing.MODES)
def test_region_and_hook_lie_where_they_lay(tmp_path, firmware, loader, driver, kernel, leave, mode):
    """Hibernation compares memory maps. Twenty boots are compared, four in each way."""
    place = _Place(tmp_path, firmware, completing.files(mode, loader, driver, kernel, leave))
    dumps = dump_images.empty_disk(tmp_path)
    if mode == "driver":  # in this mode the first boot makes the entry
        with place.machine(*dumps) as machine:
            completing.boots(machine, 1)
    said = {way.__name__: way(place, dumps) for way in WAYS}
    places = {name: [completing.places(mode, text) for text in texts] for name, texts in said.items()}
    assert {len(texts) for texts in said.values()} == {BOOTS}
    first = places["_plain"][0]
    assert places == {name: [first] * BOOTS for name in places}


# The status that the firmware gets from a boot entry whose chain starts such a program.
ENDINGS = {
    "exits": ("returning", "came back from its start: aborted"),
    "missing": ("none.efi", "\\none.efi: no such file"),
    "no-program": ("text.txt", "\\text.txt: the firmware does not load it"),
}


@FULL_ONLY
def test_the_next_boot_option_follows_a_chain_that_ends(tmp_path, firmware, loader):
    """Nothing that was armed is left, as if Lifeboat had not run."""
    program = build("preamble.efi").read_bytes()
    files = {"EFI/BOOT/BOOTX64.EFI": build("complete.efi"), "text.txt": b"no program\n", "lifeboat.efi": loader}
    files["returning"] = images.returning(program)
    place = _Place(tmp_path, firmware, files)
    dumps = dump_images.empty_disk(tmp_path)
    entries = [secure_boot.Entry("\\lifeboat.efi", f"--chain \\{name}") for name, _ in ENDINGS.values()]
    secure_boot.add_entries(place.store, place.esp, [*entries, secure_boot.Entry("\\EFI\\BOOT\\BOOTX64.EFI")])
    with place.machine(*dumps, boot_order=False) as machine:
        (said,) = completing.boots(machine, 1)
    parts = re.split(r'BdsDxe: starting Boot\d{4} "entry \d"', said)
    assert len(parts) == len(entries) + 2, said[-3000:]
    for (_, sentence), part in zip(ENDINGS.values(), parts[1:], strict=False):
        assert sentence in part, part
        assert part.count("lifeboat: prepared") == part.count("Disarmed, crash memory freed.") <= 1, part
    assert "lifeboat: prepared" in parts[1]
    assert completing.variable(said) == {}
