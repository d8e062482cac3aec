# SPDX-License-Identifier: BSD-2-Clause
"""In front of any boot: Lifeboat starts a boot manager in place of a kernel, or is a driver that arms and stays."""

import re
from pathlib import Path

import firmware_shell as shell
import images
import pytest
import saved_state
from scenarios import FULL_ONLY
from vm.firmware import find_firmware

pytestmark = [pytest.mark.vm]

SECURE_FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd")  # the build that keeps MemoryTypeInformation
OURS = "dmpstore Lifeboat -guid 6b1f3c0e-4d1a-4c57-9e0a-5a0e3f2b7c11"
MARKS = "dmpstore MemoryTypeInformation -guid 4C19049F-4137-4DD3-9C10-8B97A83FFDFA"
# EFI_STATUS as the shell prints it.
LOAD_ERROR, INVALID_PARAMETER, UNSUPPORTED, NOT_FOUND, ALREADY_STARTED, SECURITY_VIOLATION = 1, 2, 3, 0xE, 0x14, 0x1A
PREPARED = "lifeboat: prepared"
SECOND = "--capture \\tiny --capture-initrd \\capture.img --crashkernel 16M"

# The status of a chain whose boot manager did not run.
REFUSED = {
    "missing": (SECOND + " --chain \\none.efi", NOT_FOUND, "FS0:\\none.efi: no such file"),
    "directory": (SECOND + " --chain \\EFI", INVALID_PARAMETER, "FS0:\\EFI: is a directory, wanted a file"),
    "empty": (SECOND + " --chain \\empty.efi", LOAD_ERROR, "FS0:\\empty.efi: is empty"),
    "no-program": (SECOND + " --chain \\text.txt", UNSUPPORTED, "FS0:\\text.txt: the firmware does not load it"),
    "required": ("--require --chain \\succeeding", images.RETURN_STATUS, "not booting FS0:\\succeeding: --require was"),
    "kernel-too": ("--require --initrd \\capture.img --chain \\succeeding", images.RETURN_STATUS,
        "not armed: --initrd: --chain starts a boot manager, and no kernel"),
}  # fmt: skip


@pytest.fixture(name="files")
def _files(tmp_path_factory, loader, driver, preamble, kernel, leave):
    second = saved_state.tiny_kernel(tmp_path_factory.mktemp("tiny"))
    program = preamble.read_bytes()  # small, and never run here
    return {
        "lifeboat.efi": loader,
        "EFI/lifeboat/lifeboatx64.efi": driver,
        "EFI/lifeboat/lifeboat.conf": f"{second.config}capture-initrd \\capture.img\n".encode(),
        "capture.img": second.initrd,
        "succeeding": images.succeeding(program),
        "returning": images.returning(program),
        "leaving": images.leaving(kernel.read_bytes(), leave),
        **second.files,
    }


def _services(text: str, when: str) -> set[str]:
    """Returns the addresses of ResetSystem and UpdateCapsule."""
    found = re.search(rf"leave: {when}: crc right\s+leave: ResetSystem=(\S+)\s+leave: UpdateCapsule=(\S+)", text)
    assert found, text[-3000:]
    return set(found.groups())


def _variable(answer: shell.Answer) -> dict[str, str]:
    """Returns the variable's text, from the shell's dump of its bytes."""
    rows = re.findall(r"^  [0-9A-F]{8}: ((?:[0-9A-F]{2}[ -])+)", answer.text, re.MULTILINE)
    text = bytes.fromhex("".join(rows).replace("-", " ")).decode()
    assert text, answer.text
    return dict(line.split("=", 1) for line in text.splitlines())


@pytest.mark.xdist_group("chain")
def test_chain_from_the_shell(tmp_path, firmware, preamble, files):
    files |= {
        "empty.efi": b"",
        "text.txt": b"not a program\n",
        "preamble.efi": preamble,
        "preamble.txt": b"refuse 1\n",
        "orders": b"take 0\n",
        # For the copies that are started without words.
        "lifeboat.conf": b"capture \\tiny\ncapture-initrd \\capture.img\ncrashkernel 16M\nchain \\preamble.efi\n",
    }
    cases = [shell.Case("connect", "connect -r"), shell.Case("memory-before", "memmap")]
    cases += [shell.lifeboat(name, words) for name, (words, _, _) in REFUSED.items()]
    cases += [
        shell.lifeboat("success", f"{SECOND} --chain \\succeeding"),
        shell.lifeboat("aborted", f"{SECOND} --chain \\returning"),
        shell.lifeboat("words", f"{SECOND} --chain \\lifeboat.efi -- --version"),
        shell.lifeboat("unarmed", "--chain \\succeeding"),
        shell.lifeboat("itself", f"{SECOND} --chain \\lifeboat.efi"),
        # The preamble starts \lifeboat.efi, as a shim does that starts Lifeboat.
        shell.Case("not-trusted", "fs0:\\preamble.efi"),
        shell.Case("order", "cp -q fs0:\\orders fs0:\\preamble.txt"),
        shell.lifeboat("shim", f"{SECOND} --chain \\preamble.efi"),
        shell.Case("memory-after", "memmap"),
        shell.Case("ours-after", OURS),
        shell.Case("marks-before", "fs0:\\leaving marks"),
        shell.Case("driver", "load fs0:\\EFI\\lifeboat\\lifeboatx64.efi"),
        shell.Case("marks-after", "fs0:\\leaving marks"),
        shell.Case("ours-driver", OURS),
        shell.Case("driver-again", "load fs0:\\EFI\\lifeboat\\lifeboatx64.efi"),
        shell.lifeboat("chain-behind-driver", f"{SECOND} --chain \\succeeding"),
        shell.Case("ours-again", OURS),
    ]  # fmt: skip
    lines = shell.script(cases, "fs0:\\leaving leave=cold")
    with shell.make_machine(tmp_path, firmware, files | shell.startup(lines)) as machine:
        machine.power_on()
        shell.skip_countdown(machine)
        event = shell.watch(machine, "leave: fault at", "leave: failed", "lifeboat-purgatory")
        said = shell.Transcript(machine.lines)
    assert getattr(event, "name", None) == "RESET", said.text[-3000:]

    for name, (_, status, sentence) in REFUSED.items():
        assert said[name].status == status and sentence in said[name].text, said[name].text
        assert PREPARED not in said[name].text

    assert said["success"].status == 0 and said["aborted"].status == images.RETURN_STATUS
    for name in ("success", "aborted", "words", "itself", "shim"):
        assert said[name].text.count(PREPARED) == 1, said[name].text
        assert said[name].text.count("Disarmed, crash memory freed.") == 1
    assert re.search("^lifeboat [0-9.]+$", said["words"].text, re.MULTILINE) and said["words"].status == 0
    assert said["unarmed"].status == 0
    assert "not armed: no partition to dump to: a panic ends as it would without Lifeboat" in said["unarmed"].text

    assert said["itself"].status == said["shim"].status == ALREADY_STARTED
    for name in ("itself", "shim"):
        assert said[name].text.count("another copy of Lifeboat, by its --chain, led back here") == 1
    assert said["not-trusted"].status == SECURITY_VIOLATION
    assert "preamble.efi: the firmware's Secure Boot policy refuses it" in said["not-trusted"].text

    before, after = (shell.page_totals(said[f"memory-{when}"].text) for when in ("before", "after"))
    assert {name: after[name] for name in ("Reserved", "LoaderCode", "LoaderData")} == {
        name: before[name] for name in ("Reserved", "LoaderCode", "LoaderData")
    }
    assert "No matching variables found" in said["ours-after"].text

    ours = _variable(said["ours-driver"])
    assert ours["state"] == "prepared" and ours["mode"] == "driver" and ours["said"].startswith(PREPARED)
    assert _variable(said["ours-again"]) == ours
    for name in ("driver-again", "chain-behind-driver"):
        assert "another copy has placed its hook: this one arms nothing" in said[name].text
        assert "Disarmed" not in said[name].text
    assert said["chain-behind-driver"].status == 0
    # What left boot services is no Linux, so the runtime services are the firmware's own again.
    assert not _services(said.text, "entered") & _services(said.text, "left boot services")
    # edk2's boot manager makes the highest memory use permanent. It must not count hook and crash memory: the
    # driver restores the marks as soon as it has armed.
    before, after = (re.findall(r"leave: (.*) at most (\S+)", said[f"marks-{when}"].text) for when in ("before", "after"))
    assert [name for name, _ in before] == ["reserved", "runtime code"] and after == before


def _three_boots() -> list[str]:
    """The first boot makes a driver entry. The second and the third look at what the driver did before them."""
    return [
        "@echo -off",
        "fs0:",
        "if exist fs0:\\third then",
        *shell.marked([shell.Case("marks", MARKS), shell.Case("ours", OURS)]),
        "fs0:\\leaving leave=cold",
        "endif",
        "if exist fs0:\\second then",
        "echo third > fs0:\\third",
        "reset",
        "endif",
        *shell.marked([shell.Case("marks", MARKS)]),
        'bcfg driver add 0 fs0:\\EFI\\lifeboat\\lifeboatx64.efi "Lifeboat"',
        "echo second > fs0:\\second",
        "reset",
    ]


@FULL_ONLY
@pytest.mark.xdist_group("chain")
def test_a_driver_entry(tmp_path, files):
    """Runs in the firmware that keeps MemoryTypeInformation, over three boots, which must ask for no more than three
    resets."""
    files |= shell.startup(_three_boots())
    with shell.make_machine(tmp_path, find_firmware(SECURE_FIRMWARE), files, boot_order=False) as machine:
        machine.power_on()
        for _ in range(3):
            shell.skip_countdown(machine)
            event = shell.watch(machine, "leave: fault at", "leave: failed", "lifeboat-purgatory")
            assert getattr(event, "name", None) == "RESET", shell.console_end(machine)
        said = shell.Transcript(machine.lines)
    first, third = said.all("marks")
    assert "DataSize = 0x" in first.text and third == first
    ours = _variable(said["ours"])
    assert ours["state"] == "prepared" and ours["mode"] == "driver" and ours["said"].startswith(PREPARED)
    assert int(ours["crash_bytes"]) == 16 << 20
    assert not _services(said.text, "entered") & _services(said.text, "left boot services")
