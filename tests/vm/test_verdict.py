# SPDX-License-Identifier: BSD-2-Clause
"""scripts/vm/verdict.py judges a rehearsal's result, from made-up findings."""

import sys
from pathlib import Path
from unittest import mock

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from vm import panics, verdict  # noqa: E402
from vm.errors import VmError  # noqa: E402
from vm.findings import Findings  # noqa: E402
from vm.machine import Exited, QmpEvent  # noqa: E402

BY_GUEST, BY_HOST = {"guest": True, "reason": "guest-reset"}, {"guest": False, "reason": "host-qmp-quit"}
LAST = "; the last stage reached was "


def found(*stages: str, **more) -> Findings:
    """Makes findings with these stages, a second each, and `more` of their fields."""
    return Findings(stages={stage: float(second) for second, stage in enumerate(stages)}, **more)


def test_a_machine_that_may_still_end_well_goes_on():
    assert verdict.after_line(found("firmware", "loader", "panic", panics=1)) is None
    # Repeated panics while the capture runs are lines of the dead kernel's log.
    assert verdict.after_line(found("panic", "purgatory", panics=9)) is None


@pytest.mark.parametrize(
    ("findings", "reason"),
    [
        (found("loader", refused="no memory"), "the loader did not arm: no memory"),
        (
            found("loader", firmware_again="Shell", messages=["lifeboat: error: no kernel", "other"]),
            "the loader gave the machine back to the firmware: lifeboat: error: no kernel",
        ),
        (found("loader", firmware_again="Shell"), "the loader gave the machine back to the firmware: it said nothing"),
        (found("up", guest_failed="lifeboat-vm: failed: x"), "lifeboat-vm: failed: x"),
        (
            found("firmware", "panic", panics=1, restarted=True),
            f"the panic was not captured: the firmware started again after it, without a reset{LAST}panic, at 1.0 s",
        ),
        (
            found("firmware", "panic", panics=5),
            f"the first kernel panics without an end and never asks for a reset{LAST}panic, at 1.0 s",
        ),
    ],
)
def test_a_line_that_ends_it(findings: Findings, reason: str):
    assert verdict.after_line(findings) == (False, reason)


def test_a_machine_that_its_guest_did_not_stop():
    findings = found("firmware", "up")
    event = QmpEvent(2.0, "WATCHDOG", {"action": "reset"})
    assert verdict.after_event(findings, event) == (
        False,
        f"the machine's watchdog ran out (reset){LAST}up, at 1.0 s",
    )
    for name, what in (("RESET", "reset"), ("SHUTDOWN", "poweroff")):
        assert verdict.after_event(findings, QmpEvent(2.0, name, BY_GUEST)) is None
        assert verdict.after_event(findings, QmpEvent(2.0, name, BY_HOST)) == (
            False,
            f"the machine's {what} came from outside (host-qmp-quit)",
        )
    assert verdict.after_event(findings, QmpEvent(2.0, "STOP", BY_HOST)) is None


def test_a_reset_by_the_firmware_is_no_end():
    reset, off = QmpEvent(2.0, "RESET", BY_GUEST), QmpEvent(2.0, "SHUTDOWN", BY_GUEST)
    assert verdict.end_of(found("firmware"), reset) is None
    assert verdict.end_of(found("firmware", "loader"), reset) == panics.RESET
    assert verdict.end_of(found("firmware", "loader"), off) == panics.POWEROFF
    assert verdict.end_of(found("firmware", "loader"), QmpEvent(2.0, "RESUME", {})) is None


@pytest.mark.parametrize(
    ("findings", "ok", "reason"),
    [
        (found("panic", "purgatory", "capture_done"), True, "captured"),
        # A capture that prints both did not succeed.
        (found("panic", "capture_done", capture_failed="full"), False, "the capture failed: full"),
        (found("panic", "second_kernel", second_panic="oops"), False, "the second kernel panicked: oops"),
        (found("panic", "purgatory", purgatory_fault="14"), False, "the purgatory gave up: 14"),
        (
            found("panic", "purgatory"),
            False,
            f"the capture did not finish before the reset{LAST}purgatory, at 1.0 s",
        ),
        (found("up", "panic"), False, "the panic was not captured: the machine's reset followed it"),
        (found("loader", "up"), False, f"the machine's reset came without a panic{LAST}up, at 1.0 s"),
    ],
)
def test_the_end_of_a_panic(findings: Findings, ok: bool, reason: str):
    assert verdict.at_end(findings, panics.RESET, None) == (ok, reason)


@pytest.mark.parametrize(
    ("findings", "end", "action", "ok", "reason"),
    [
        (found("up"), "reset", "reboot", True, "an ordinary reboot passed through the hook"),
        (found("up"), "poweroff", "poweroff", True, "an ordinary poweroff passed through the hook"),
        (found("up"), "reset", "poweroff", False, "a poweroff was asked for, a reset happened"),
        (
            found("loader"), "reset", "reboot", False,
            f"the machine's reset came before the first kernel's user space{LAST}loader, at 0.0 s",
        ),
        (
            found("up", "purgatory"), "reset", "reboot", False,
            f"an ordinary reboot went to the capture{LAST}purgatory, at 1.0 s",
        ),
        (
            found("up", "purgatory", capture_failed="nothing panicked: x"), "reset", "warm", True,
            "the capture noticed that a warm reboot was no panic",
        ),
        (
            found("up", "purgatory", capture_failed="full"), "reset", "warm", False,
            f"the capture did not notice that a warm reboot was no panic{LAST}purgatory, at 1.0 s",
        ),
        (
            found("up", "panic"), "reset", "warm", False,
            f"an ordinary warm went to the capture{LAST}panic, at 1.0 s",
        ),
    ],
)  # fmt: skip
def test_the_end_of_an_ordinary_action(findings: Findings, end: str, action: str, ok: bool, reason: str):
    assert verdict.at_end(findings, end, action) == (ok, reason)


def test_a_machine_that_does_not_end():
    findings = found("firmware", "loader")
    assert verdict.of_timeout(findings, 300.0, "grub>") == (
        False,
        f"timeout after 300 s{LAST}loader, at 1.0 s; last line: grub>",
    )
    assert verdict.of_exit(Exited(1.0, 1, "no KVM")) == (False, "QEMU ended by itself (status 1); no KVM")


@pytest.mark.parametrize(
    ("reached", "asked", "words"),
    [
        (31, 31, "level 31"),
        (0, 0, "level 0"),
        (1, 31, "level 1 instead of level 31"),
        (31, 16, "level 31 instead of level 16"),
        # A Linux that falls back to the plain core, and one that was told to write it.
        (None, 31, "no filter instead of level 31"),
        (None, 0, "no filter"),
    ],
)
def test_the_level_that_was_asked_for_is_reached(reached: int | None, asked: int, words: str):
    assert verdict.level_words(reached, asked) == words
    if "instead" not in words:
        verdict.check_level(reached, asked)
        return
    with pytest.raises(VmError, match=f"^the dump has {words}$"):
        verdict.check_level(reached, asked)


def test_a_level_that_was_asked_for_and_is_not_known_counts_as_missed():
    assert verdict.level_words(31, None) == "level 31"
    with pytest.raises(VmError, match="the dump has level 31; the console does not say what was asked for"):
        verdict.check_level(31, None)


def test_a_dump_is_whole_and_of_the_kernel_that_died():
    dump = mock.Mock(vmcoreinfo={"OSRELEASE": "6.1.0-1"})
    dump.problems.return_value = []
    verdict.check_dump(dump, "6.1.0-1")
    verdict.check_dump(dump, "")
    with pytest.raises(VmError, match="the dump is of kernel 6.1.0-1, the first kernel was 6.1.0-2"):
        verdict.check_dump(dump, "6.1.0-2")
    dump.problems.return_value = ["no notes", "3 pages lost"]
    with pytest.raises(VmError, match="the dump is not whole: no notes; 3 pages lost"):
        verdict.check_dump(dump, "6.1.0-1")
