# SPDX-License-Identifier: BSD-2-Clause
"""What was done is undone when the started program returns: memory, ResetSystem, and what the firmware would
remember."""

from pathlib import Path

import firmware_shell as shell
import images
import pytest
from scenarios import FULL
from vm.firmware import find_firmware

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("loader-undo")]

SECURE_FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd")  # the build that keeps MemoryTypeInformation
MARKS = "dmpstore MemoryTypeInformation -guid 4C19049F-4137-4DD3-9C10-8B97A83FFDFA"
OURS = "dmpstore Lifeboat -guid 6b1f3c0e-4d1a-4c57-9e0a-5a0e3f2b7c11"
# Lifeboat uses LoaderData, Reserved and RT_*. Boot-services data is the firmware's, whose pools and
# descriptor lists grow by pages and never shrink. They must not grow again and again.
FIRST_USE, LATER = 8, 2

DRY = "--dry-run \\vmlinuz console=ttyS0"
NO_CAPTURE = "--require --capture \\text.txt \\vmlinuz console=ttyS0"
NO_ROOM = "--require \\vmlinuz console=ttyS0 crashkernel=2M"
NO_KERNEL = "--require \\text.txt console=ttyS0"
BACK_UNARMED = "--capture \\text.txt \\returning console=ttyS0"
BACK_ARMED = "--require --capture \\vmlinuz \\returning console=ttyS0"
ROUND = [DRY, NO_CAPTURE, NO_ROOM, NO_KERNEL, BACK_UNARMED]
ROUNDS = 4 if FULL else 2
ARMED_RUNS = 3


def _files(loader: Path, kernel: Path) -> dict[str, Path | bytes]:
    image = kernel.read_bytes()
    return {
        "lifeboat.efi": loader,
        "vmlinuz": kernel,
        "capture.img": b"\0" * 512,
        "returning": images.returning(image),
        "resetting": images.resetting(image),
        "text.txt": b"not a kernel\n",
    }


def _assert_same_memory(before: shell.Answer, after: shell.Answer, slack: int) -> None:
    before, after = shell.page_totals(before.text), shell.page_totals(after.text)
    assert before.keys() == after.keys()
    for name, pages in before.items():
        allowed = slack if name in ("BS_Data", "Available") else 0
        assert abs(after[name] - pages) <= allowed, f"{name}: {pages} pages, then {after[name]}"


@pytest.fixture(scope="module")
def session(tmp_path_factory, firmware, loader, kernel):
    """One session of the shell. Its last run arms. Its "kernel" then asks for a warm reset, the hook's own type,
    before ExitBootServices."""
    folder = tmp_path_factory.mktemp("undo")
    # The loader lets the firmware drive all disks, and the firmware goes on doing so.
    cases = [shell.Case("connect", "connect -r"), shell.Case("memory-before", "memmap")]
    cases += [shell.Case("marks-before", MARKS)]
    for number in range(ROUNDS):
        cases += [shell.lifeboat(f"run-{number}-{index}", words) for index, words in enumerate(ROUND)]
        cases += [shell.Case(f"memory-{number}", "memmap")]
    cases += [shell.lifeboat(f"armed-{index}", BACK_ARMED) for index in range(ARMED_RUNS)]
    cases += [shell.Case("memory-after-armed", "memmap"), shell.Case("marks-after", MARKS), shell.Case("ours", OURS)]
    last = "lifeboat.efi --require --capture \\vmlinuz \\resetting console=ttyS0"
    files = _files(loader, kernel) | shell.startup(shell.script(cases, last))
    with shell.make_machine(folder, firmware, files) as machine:
        machine.power_on()
        shell.skip_countdown(machine)
        event = shell.watch(machine, "Linux version", "lifeboat-purgatory:")
        transcript = shell.Transcript(machine.lines)
    (folder / "esp.img").unlink()
    assert getattr(event, "name", None) == "RESET", f"the last run did not reset:\n{transcript.text[-2000:]}"
    assert transcript.text.count("lifeboat: armed") == ARMED_RUNS + 1
    return transcript


def test_runs_that_do_not_arm_leave_memory_as_it_was(session):
    """Dry runs, failed arming, a first kernel that is none, and an unarmed start that returned."""
    for number in range(ROUNDS):
        statuses = [session[f"run-{number}-{index}"].status for index in range(len(ROUND))]
        assert statuses == [0, images.RETURN_STATUS, images.RETURN_STATUS, 1, images.RETURN_STATUS]
    last = session[f"memory-{ROUNDS - 1}"]
    _assert_same_memory(session["memory-before"], last, FIRST_USE)
    _assert_same_memory(session["memory-0"], last, LATER)


def test_armed_start_that_came_back_is_undone(session):
    for index in range(ARMED_RUNS):
        answer = session[f"armed-{index}"]
        assert answer.status == images.RETURN_STATUS, answer.text
        assert "lifeboat: armed" in answer.text
        assert "came back from its start: aborted" in answer.text
        assert "Disarmed, crash memory freed." in answer.text
    _assert_same_memory(session["memory-before"], session["memory-after-armed"], FIRST_USE)


def test_armed_before_exit_boot_services_a_warm_reset_is_one(session):
    """If the reset had not happened, the fixture would have failed. Here: Lifeboat was armed, and no purgatory
    ran."""
    last = session.text.rpartition("==end ours==")[2]
    assert "lifeboat: armed" in last
    assert "lifeboat-purgatory" not in last


def test_nothing_of_ours_stays_in_the_variables(session):
    assert session["marks-after"] == session["marks-before"]
    assert "No matching variables found" in session["ours"].text


def _three_boots() -> list[str]:
    """The first boot looks, does what is undone, and makes a boot entry that arms and returns. The second boot goes
    through this entry to the next one, the shell. The third looks again."""
    look = [shell.Case("memory", "memmap"), shell.Case("marks", MARKS)]
    undone = [
        shell.lifeboat("dry", DRY), shell.lifeboat("failed", NO_CAPTURE), shell.lifeboat("back", BACK_ARMED),
    ]  # fmt: skip
    return [
        "@echo -off",
        "fs0:",
        "if exist fs0:\\third then",
        *shell.marked(look),
        "reset -s",
        "endif",
        "if exist fs0:\\second then",
        "bcfg boot rm 0",
        "echo third > fs0:\\third",
        "reset",
        "endif",
        *shell.marked(look),
        *shell.marked(undone),
        'bcfg boot add 0 fs0:\\lifeboat.efi "arming"',
        "bcfg boot -opt 0x0 fs0:\\options",
        "echo second > fs0:\\second",
        "reset",
    ]


@pytest.fixture(scope="module")
def smm_session(tmp_path_factory, loader, kernel):
    """A firmware whose boot manager, whenever it starts an entry, makes the most memory ever allocated of each type
    permanent."""
    folder = tmp_path_factory.mktemp("smm")
    files = _files(loader, kernel) | shell.startup(_three_boots())
    files["options"] = shell.load_options(BACK_ARMED)
    with shell.make_machine(folder, find_firmware(SECURE_FIRMWARE), files, boot_order=False) as machine:
        machine.power_on()
        for ending in ("RESET", "RESET", "SHUTDOWN"):
            shell.skip_countdown(machine)
            event = shell.watch(machine, "Linux version", "lifeboat-purgatory:")
            assert getattr(event, "name", None) == ending, shell.console_end(machine)
        transcript = shell.Transcript(machine.lines)
    (folder / "esp.img").unlink()
    return transcript


def test_the_next_boot_s_memory_map_is_unchanged(smm_session):
    assert smm_session["dry"].status == 0
    assert smm_session["failed"].status == smm_session["back"].status == images.RETURN_STATUS
    # Once in the first boot's shell, once as an entry of the second boot.
    assert smm_session.text.count("lifeboat: armed") == 2
    assert smm_session.text.count("Disarmed, crash memory freed.") == 2
    first, third = smm_session.all("memory")
    _assert_same_memory(first, third, LATER)
    first, third = smm_session.all("marks")
    assert "DataSize = 0x" in first.text
    assert third == first
