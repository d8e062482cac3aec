# SPDX-License-Identifier: BSD-2-Clause
"""Judges a rehearsal by what was found: did it end as it was asked to, and if not, why.

Pure. A verdict is whether all went well and one sentence; None means that the machine is
to go on.
"""

from vm import panics
from vm.errors import VmError
from vm.findings import Findings
from vm.machine import Exited, QmpEvent
from vm.vmcore import Vmcore

Verdict = tuple[bool, str]

# Panics after which nobody awaits a reset any more; a nested one is a second.
_A_LOOP = 5
_ENDS = {"RESET": panics.RESET, "SHUTDOWN": panics.POWEROFF}


def after_line(findings: Findings) -> Verdict | None:
    """Whether this line alone ends the run."""
    if findings.refused is not None:
        return False, f"the loader did not arm: {findings.refused}"
    if findings.firmware_again is not None:
        return False, f"the loader gave the machine back to the firmware: {_loader_words(findings)}"
    if findings.guest_failed is not None:
        return False, findings.guest_failed
    if findings.restarted:
        text = "the panic was not captured: the firmware started again after it, without a reset"
        return False, f"{text}; {_where(findings)}"
    if findings.panics >= _A_LOOP and not findings.took_over:
        return False, f"the first kernel panics without an end and never asks for a reset; {_where(findings)}"
    return None


def after_event(findings: Findings, event: QmpEvent) -> Verdict | None:
    """Whether this event alone ends the run: the machine stopped, and its guest did not want that."""
    if event.name == "WATCHDOG":
        return False, f"the machine's watchdog ran out ({event.data.get('action', 'no action')}); {_where(findings)}"
    if event.name in _ENDS and not event.data.get("guest", False):
        return False, f"the machine's {_ENDS[event.name]} came from outside ({event.data.get('reason', 'no reason')})"
    return None


def end_of(findings: Findings, event: QmpEvent) -> str | None:
    """panics.RESET or panics.POWEROFF where the machine's visit ends with `event`; None where it goes on."""
    if not {"loader", "first_kernel", "up"} & findings.stages.keys():
        return None  # the firmware restarting itself, as on a first boot with new variables
    return _ENDS.get(event.name)


def at_end(findings: Findings, end: str, action: str | None) -> Verdict:
    """`end`: of end_of(). `action`: the ordinary end that was asked for, a word of
    panics.ACTIONS; None where a panic was."""
    if action is not None:
        return _of_action(findings, end, action)
    if findings.capture_failed is not None:
        return False, f"the capture failed: {findings.capture_failed}"
    if findings.captured:
        return True, "captured"
    if findings.second_panic is not None:
        return False, f"the second kernel panicked: {findings.second_panic}"
    if findings.purgatory_fault is not None:
        return False, f"the purgatory gave up: {findings.purgatory_fault}"
    if findings.took_over:
        return False, f"the capture did not finish before the {end}; {_where(findings)}"
    if findings.panicked:
        return False, f"the panic was not captured: the machine's {end} followed it"
    return False, f"the machine's {end} came without a panic; {_where(findings)}"


def _of_action(findings: Findings, end: str, action: str) -> Verdict:
    wanted = panics.ACTIONS[action].end
    if findings.panicked or (findings.took_over and wanted != panics.NOTICED):
        return False, f"an ordinary {action} went to the capture; {_where(findings)}"
    if "up" not in findings.stages:
        return False, f"the machine's {end} came before the first kernel's user space; {_where(findings)}"
    if wanted == panics.NOTICED:
        if end == panics.RESET and (findings.capture_failed or "").startswith("nothing panicked"):
            return True, f"the capture noticed that a {action} reboot was no panic"
        return False, f"the capture did not notice that a {action} reboot was no panic; {_where(findings)}"
    if end != wanted:
        return False, f"a {action} was asked for, a {end} happened"
    return True, f"an ordinary {action} passed through the hook"


def of_exit(event: Exited) -> Verdict:
    return False, f"QEMU ended by itself (status {event.status}); {event.message}"


def of_timeout(findings: Findings, seconds: float, last_line: str) -> Verdict:
    return False, f"timeout after {seconds:g} s; {_where(findings)}; last line: {last_line}"


def of_silence(findings: Findings, seconds: float, last_line: str) -> Verdict:
    return False, f"the machine said nothing for {seconds:g} s; {_where(findings)}; last line: {last_line}"


def unarmed(findings: Findings) -> Verdict | None:
    """Judges the same kernel and the same panic with Lifeboat's kill switch on."""
    if "armed" in findings.stages:
        return False, f"it was armed although the kill switch was thrown; {_where(findings)}"
    if findings.panicked:
        return True, "the kernel panicked unarmed: nothing is captured"
    return None


def check_dump(dump: Vmcore, release: str) -> None:
    """VmError unless it is whole and of the kernel `release`; "" is any."""
    if problems := dump.problems():
        raise VmError(f"the dump is not whole: {'; '.join(problems)}")
    found = dump.vmcoreinfo["OSRELEASE"]
    if release and release != found:
        raise VmError(f"the dump is of kernel {found}, the first kernel was {release}")


def level_words(reached: int | None, asked: int | None) -> str:
    """Of the dump level; `reached` None: an ELF core, of which nothing was left out."""
    words = "no filter" if reached is None else f"level {reached}"
    return words if asked in (None, reached or 0) else f"{words} instead of level {asked}"


def check_level(reached: int | None, asked: int | None) -> None:
    """VmError unless the dump level that was asked for was reached; as in level_words()."""
    if asked is None:
        raise VmError(f"the dump has {level_words(reached, asked)}; the console does not say what was asked for")
    if asked != (reached or 0):
        raise VmError(f"the dump has {level_words(reached, asked)}")


def _where(findings: Findings) -> str:
    stage, seconds = list(findings.stages.items())[-1]
    return f"the last stage reached was {stage}, at {seconds:.1f} s"


def _loader_words(findings: Findings) -> str:
    said = [message for message in findings.messages if message.startswith("lifeboat: ")]
    return "; ".join(said) or "it said nothing"
