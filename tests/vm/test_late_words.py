# SPDX-License-Identifier: BSD-2-Clause
"""Late words: the Linux that leaves boot services gets them, whoever started it, or nothing is armed.

tests/vm/efi/leave.c, started by --chain, makes what boot loaders leave in memory. test_boot_loaders.py has real
ones.
"""

import re
import struct
import time
from dataclasses import dataclass
from pathlib import Path

import firmware_shell as shell
import images
import pytest
import saved_state
from scenarios import FULL_ONLY
from vm import boot_loaders, tools
from vm.machine import Disk, Exited, Machine, MachineSpec, QmpEvent

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("late")]

OURS = "panic=-1 reboot=efi,cold,panic_warm crash_kexec_post_notifiers efi=runtime oops=panic unknown_nmi_panic"
ENTERED, RESET = saved_state.ENTERED, "RESET"


@dataclass(frozen=True)
class _Left:
    ending: str
    said: str

    @property
    def lines(self) -> list[str]:
        """Returns the command lines of the kernels after ExitBootServices."""
        return re.findall(r"leave: line: (.*)", self.said)

    @property
    def is_ours(self) -> bool:
        """True if ResetSystem was then Lifeboat's. The table's CRC must be right in any case."""
        found = re.findall(r"leave: (?:entered|left boot services): crc right\s+leave: ResetSystem=(\S+)", self.said)
        assert len(found) == 2, self.said[-3000:]
        start, end = (int(word, 0) for word in re.search(r"hook_text=(\w+)-(\w+)", self.said).groups())
        assert start <= int(found[0], 0) < end
        return start <= int(found[1], 0) < end


@pytest.fixture(name="leaving")
def _leaving(tmp_path, firmware, loader, kernel, leave):
    """leaving(words) prepares, chains to leave.c and leaves boot services."""

    def run(words: str) -> _Left:
        second = saved_state.tiny_kernel(tmp_path)
        config = f"chain \\leaving\narguments leave=warm {words}\nverbose\nconsole ttyS0\n{second.config}"
        config += "capture-initrd /capture.img\n"
        files = {
            "EFI/BOOT/BOOTX64.EFI": loader,
            "EFI/BOOT/lifeboat.conf": config.encode(),
            "leaving": images.leaving(kernel.read_bytes(), leave),
            "capture.img": second.initrd,
            **second.files,
        }
        with shell.make_machine(tmp_path, firmware, files) as machine:
            machine.power_on()
            event = shell.watch(machine, ENTERED, "leave: fault at", "leave: failed", "leave: came back")
            said = "\n".join(line.text for line in machine.lines)
        assert "lifeboat: prepared" in said, said[-3000:]
        ending = getattr(event, "name", None) or (ENTERED if ENTERED in event.text else event.text)
        return _Left(ending, said)

    return run


# What is left in memory, and the command lines that result.
GIVEN = {
    "linux=one": [f"ro quiet {OURS}"],
    "linux=two": [f"ro quiet {OURS}"] * 2,
    "linux=grub": [f"BOOT_IMAGE=/vmlinuz ro {OURS}"],
}
NOT_GIVEN = {
    "": [],
    "linux=differ": ["ro quiet", "rw quiet"],
    "linux=refuse": ["ro noefi"],
    "linux=long": ["x" * 2000],
}


def _cases(table: dict, quick: set[str]) -> list:
    return [pytest.param(words, id=words or "no-linux", marks=[] if words in quick else FULL_ONLY) for words in table]


@pytest.mark.parametrize("words", _cases(GIVEN, {"linux=grub"}))
def test_a_linux_that_gets_its_words(leaving, words):
    left = leaving(words)
    assert left.lines == GIVEN[words], left.said[-3000:]
    assert left.is_ours
    assert left.ending == ENTERED, left.said[-3000:]


@pytest.mark.parametrize("words", _cases(NOT_GIVEN, {"linux=differ"}))
def test_whatever_else_leaves_as_if_we_were_not_there(leaving, words):
    left = leaving(words)
    assert left.lines == NOT_GIVEN[words], left.said[-3000:]
    assert not left.is_ours
    assert left.ending == RESET, left.said[-3000:]


@FULL_ONLY
def test_words_once_after_an_exit_that_failed(leaving):
    left = leaving("linux=one twice")
    assert left.lines == ["ro quiet", f"ro quiet {OURS}"], left.said[-3000:]
    assert left.is_ours
    assert left.ending == ENTERED


@FULL_ONLY
def test_words_are_taken_back_where_a_later_attempt_does_not_arm(leaving):
    """ExitBootServices is signalled twice. At the second time the table cannot be corrected."""
    left = leaving("linux=one early malform")
    assert left.lines == [f"ro quiet {OURS}", "ro quiet"], left.said[-3000:]
    assert not left.is_ours
    assert left.ending == RESET


MEMTEST = Path("/boot")  # of the package memtest86+
TINY_MULTIBOOT = Path(saved_state.__file__).with_name("tiny_multiboot.asm")
MULTIBOOT_MODULE = Path("/usr/lib/grub/x86_64-efi/multiboot2.mod")  # of grub-efi-amd64-bin
_TABLE = struct.Struct("<8sIIII")  # EFI_TABLE_HEADER
_RESET_SYSTEM_AT = 0x68
_NEAR = 8 << 20


def _reset_system(machine: Machine, hook: range, file: Path) -> set[int]:
    """Returns what ResetSystem points to in the tables of runtime services near the hook."""
    machine.qmp.execute("pmemsave", timeout=120, val=hook.start - _NEAR, size=2 * _NEAR, filename=str(file))
    image, found, at = file.read_bytes(), set(), -1
    while (at := image.find(b"RUNTSERV", at + 1)) >= 0:
        _, _, size, _, reserved = _TABLE.unpack_from(image, at)
        if at % 8 == 0 and size == 136 and reserved == 0:
            found.add(struct.unpack_from("<Q", image, at + _RESET_SYSTEM_AT)[0])
    assert found
    return found


def _memtest(_folder: Path) -> boot_loaders.Loaded:
    return boot_loaders.Loaded("memtest.efi", MEMTEST / "memtest86+x64.efi", {}, {})


def _memtest_as_linux(folder: Path) -> boot_loaders.Loaded:
    linux = boot_loaders.Linux(MEMTEST / "memtest86+x64.bin", {}, "", folder)
    return boot_loaders.BOOT_LOADERS["grub"].make(linux)


def _multiboot(folder: Path) -> boot_loaders.Loaded:
    tools.run("nasm", "-f", "bin", "-Werror", "-o", folder / "kernel", TINY_MULTIBOOT)
    loaded = _memtest_as_linux(folder)
    menu = b"insmod multiboot2\nmultiboot2 /kernel\nboot\n"
    boot = {"kernel": folder / "kernel", "grub/grub.cfg": menu, "grub/x86_64-efi/multiboot2.mod": MULTIBOOT_MODULE}
    return boot_loaders.Loaded(loaded.program, loaded.image, loaded.esp, boot)


@FULL_ONLY
@pytest.mark.parametrize("make", [_memtest, _memtest_as_linux, _multiboot])
def test_what_is_no_linux(tmp_path, firmware, loader, make):
    """The program is started alone, or by GRUB, either as if it were a Linux or in its own way."""
    loaded = make(tmp_path)
    entered = boot_loaders.enter("chain", loaded, loader, loader)
    second = saved_state.tiny_kernel(tmp_path)
    lines = [*entered.lines, "verbose", "console ttyS0", "capture-initrd /capture.img"]
    config = "\n".join(lines) + f"\n{second.config}"
    files = {**entered.esp, **second.files, "capture.img": second.initrd, entered.config: config.encode()}
    boot_loaders.make_disk(tmp_path / "disk.img", files, loaded.boot)
    disk = Disk("disk", tmp_path / "disk.img", boot=True)
    spec = MachineSpec(firmware, [disk], shell.MEMORY_BYTES, qemu_args=["-device", "VGA"])
    with Machine(spec, tmp_path) as machine:
        machine.power_on()
        shell.watch(machine, "starting \\")
        said = "\n".join(line.text for line in machine.lines)
        assert "lifeboat: prepared" in said, said[-3000:]
        start, end = (int(word, 0) for word in re.search(r"hook_text=(\w+)-(\w+)", said).groups())
        hook = range(start, end)
        # ResetSystem is the hook's until boot services are left. If it were armed, it would stay so.
        deadline = shell.soon()
        assert _reset_system(machine, hook, tmp_path / "ram") & set(hook)
        while _reset_system(machine, hook, tmp_path / "ram") & set(hook):
            assert time.monotonic() < deadline, "\n".join(line.text for line in machine.lines[-20:])
            event = machine.next_event(time.monotonic() + 1)
            assert not isinstance(event, QmpEvent | Exited), event
