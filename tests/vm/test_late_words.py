# SPDX-License-Identifier: BSD-2-Clause
"""Late words: the Linux that leaves boot services gets them, whoever started it, or nothing is armed.

What boot loaders leave in memory is made by tests/vm/efi/leave.c, which --chain starts; real ones are in
test_boot_loaders.py.
"""

import re
from dataclasses import dataclass

import firmware_shell as shell
import images
import pytest
import saved_state
from scenarios import FULL_ONLY

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("late")]

OURS = "panic=-1 reboot=efi,cold,panic_warm crash_kexec_post_notifiers efi=runtime oops=panic unknown_nmi_panic"
ENTERED, RESET = saved_state.ENTERED, "RESET"


@dataclass(frozen=True)
class _Left:
    ending: str
    said: str

    @property
    def lines(self) -> list[str]:
        """The command lines that the kernels have after ExitBootServices."""
        return re.findall(r"leave: line: (.*)", self.said)

    @property
    def is_ours(self) -> bool:
        """Whose ResetSystem was it then? The table's CRC is right in any case."""
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


# What is left behind, and the lines that come of it.
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
    """ExitBootServices is signalled twice; at the second time the table cannot be corrected."""
    left = leaving("linux=one early malform")
    assert left.lines == [f"ro quiet {OURS}", "ro quiet"], left.said[-3000:]
    assert not left.is_ours
    assert left.ending == RESET
