# SPDX-License-Identifier: BSD-2-Clause
"""Systems whose boot completes at once and which reset the machine (tests/vm/efi/complete.c, leave.c), started by
Lifeboat in each mode, and what such a boot prints."""

import re
import uuid
from pathlib import Path

import dump_images
import firmware_shell as shell
import images
from conftest import build
from vm import gpt
from vm.machine import Machine

MIB = 1 << 20
MODES = ["kernel", "chain", "driver"]
PLACES = ("crash", "crash_low", "hook")


def disk_of_dumps(folder: Path, count: int) -> list[str]:
    """Returns QEMU's words for a disk with `count` partitions that hold a dump each. The first dump is not saved."""
    words = dump_images.empty_disk(folder)
    parts = [
        gpt.Partition((1 + 8 * n) * MIB, 8 * MIB, f"dump{n}", unique=uuid.UUID(int=0xD0 + n)) for n in range(count)
    ]
    gpt.write_table(folder / "dumps.img", parts)
    with open(folder / "dumps.img", "r+b") as image:
        for n, part in enumerate(parts):
            fields = {"arm_id": bytes([n + 1] * 16), "partuuid": part.unique.bytes_le, "partition_bytes": 8 * MIB}
            image.seek(part.start)
            image.write(dump_images.both_slots(fields | {"state": dump_images.COMPLETE, "saved": n > 0}))
    return words


def files(mode: str, loader: Path, driver: Path, kernel: Path, leave: Path) -> dict[str, Path | bytes]:
    """Returns the ESP's files."""
    if mode == "driver":
        return {
            "EFI/BOOT/BOOTX64.EFI": build("complete.efi"),
            "EFI/lifeboat/lifeboatx64.efi": driver,
            "EFI/lifeboat/lifeboat.conf": b"dump-to auto\n",
        }
    if mode == "chain":
        return {
            "EFI/BOOT/BOOTX64.EFI": loader,
            "EFI/BOOT/lifeboat.conf": b"chain \\complete.efi\n",
            "EFI/lifeboat/empty": b"-",
            "complete.efi": build("complete.efi"),
        }
    return {
        "EFI/BOOT/BOOTX64.EFI": loader,
        "EFI/BOOT/lifeboat.conf": f"kernel \\leaving\nverbose\narguments {images.ARGUMENTS} leave=cold\n".encode(),
        "leaving": images.leaving(kernel.read_bytes(), leave),
    }


def boot(machine: Machine) -> str:
    """Returns what the next boot prints. The boot starts the system, which resets."""
    before = len(machine.lines)
    event = shell.watch(machine, "complete: failed", "leave: fault at", "leave: failed")
    assert getattr(event, "name", None) == "RESET", shell.console_end(machine)
    return "\n".join(line.text for line in machine.lines[before:])


def boots(machine: Machine, count: int) -> list[str]:
    """Returns what each of the next boots prints."""
    machine.power_on()
    return [boot(machine) for _ in range(count)]


def variable(said: str) -> dict[str, str]:
    """Returns the variable Lifeboat of a chain or a driver."""
    text = re.search("complete: begin\n(.*?)complete: mark\n", said, re.DOTALL)
    assert text, said[-2000:]
    return dict(line.split("=", 1) for line in text[1].splitlines() if "=" in line)


def places(mode: str, said: str) -> list[str]:
    """Returns the places of region and hook in a boot that was armed."""
    if mode == "kernel":
        assert re.search(r"lifeboat: armed in \d+ ms: ", said), said[-2000:]
        found = dict(re.findall(r"lifeboat: plan (crash|crash_low|hook_text|hook_data)=(\S+)", said))
        assert set(found) == {"crash", "crash_low", "hook_text", "hook_data"}
        return sorted(found.items())
    found = variable(said)
    assert found["state"] == "prepared", found
    return [found[key] for key in PLACES]
