# SPDX-License-Identifier: BSD-2-Clause
"""A firmware that interferes while the loader arms: the messages, what is armed all the same, and what stays."""

import re

import firmware_shell as shell
import images
import pytest

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("odd-firmware")]

CONFIG = b"kernel /returning\narguments console=ttyS0\nverbose\n"
ORDERS = {
    "undisturbed": "take 0",
    "taken-once": "take 1",
    "taken-twice": "take 2",
    "kernel-refused": "refuse 1",
    "no-runtime-code": "deny 0",
    "watched": "watch 0",
}
# The last case leaves the configuration as it was.
WITH_CONFIG = {
    "chained": (b"watch 0\n", b"chain /returning\n"),
    "secure": (b"secure 0\n", CONFIG + b"console 0x2f0\n"),
    "secure-unknown": (b"secure 1\n", CONFIG + b"console 0x2f0\n"),
    "plain": (b"take 0\n", CONFIG),
}
# The types of memory that the loader and its images use. The rest is the firmware's and its shell's, whose cp
# keeps memory.
OURS = ("LoaderCode", "LoaderData", "RT_Code", "RT_Data", "Reserved", "ACPI_NVS")
TAKEN_PAGES = 3  # the preamble takes these and never gives them back


@pytest.fixture(scope="module")
def session(tmp_path_factory, firmware, loader, preamble, kernel):
    folder = tmp_path_factory.mktemp("odd")
    files = {
        "preamble.efi": preamble,
        "preamble.txt": b"take 0\n",
        "lifeboat.efi": loader,
        "lifeboat.conf": CONFIG,
        "returning": images.returning(kernel.read_bytes()),
    }
    cases = [shell.Case("connect", "connect -r")]
    for name, orders in ORDERS.items():
        files[f"orders/{name}"] = f"{orders}\n".encode()
        cases.append(shell.Case(f"order-{name}", f"cp -q fs0:\\orders\\{name} fs0:\\preamble.txt"))
        cases.append(shell.Case(name, "fs0:\\preamble.efi"))
        cases.append(shell.Case(f"memory-{name}", "memmap"))
        cases.append(shell.Case(f"images-{name}", "dh -p LoadedImage"))
    for name, (orders, config) in WITH_CONFIG.items():
        files[f"orders/{name}"], files[f"{name}.conf"] = orders, config
        cases.append(shell.Case(f"order-{name}", f"cp -q fs0:\\orders\\{name} fs0:\\preamble.txt"))
        cases.append(shell.Case(f"config-{name}", f"cp -q fs0:\\{name}.conf fs0:\\lifeboat.conf"))
        cases.append(shell.Case(name, "fs0:\\preamble.efi"))
    files["orders/hangs"] = b"path 0\nwatch 1\n"
    cases.append(shell.Case("order-hangs", "cp -q fs0:\\orders\\hangs fs0:\\preamble.txt"))
    files |= shell.startup(shell.script(cases, "fs0:\\preamble.efi"))
    with shell.make_machine(folder, firmware, files) as machine:
        machine.power_on()
        shell.skip_countdown(machine)
        event = shell.watch(machine, "Linux version")
        transcript = shell.Transcript(machine.lines)
    assert getattr(event, "name", None) == "RESET", f"the last run did not reset:\n{transcript.text[-2000:]}"
    return transcript


def _ours(answer: shell.Answer) -> dict[str, int]:
    totals = shell.page_totals(answer.text)
    return {name: totals[name] for name in OURS}


def _images(answer: shell.Answer) -> int:
    """Returns how many images are loaded. The memory map does not tell, because it shows all of edk2's room for
    runtime code as such."""
    count = answer.text.count("LoadedImage(")
    assert count, answer.text
    return count


def _plans(text: str) -> list[str]:
    return re.findall(r"^crash memory: (0x\w+-0x\w+), [\d.]+ MiB$", text, re.MULTILINE)


def test_a_page_that_was_taken_means_another_plan(session):
    """The plan avoids the taken page, and arming succeeds."""
    text = session["taken-once"].text
    first, second = _plans(text)
    assert _plans(session["undisturbed"].text) == [first]
    assert text.count("preamble: took a page") == 1
    assert f"warning: crash memory {first}: the firmware would not give it: not found; planning once more" in text
    start, end = (int(one, 16) for one in second.split("-"))
    taken_from, taken_to = (int(one, 16) for one in first.split("-"))
    taken = (taken_from + taken_to) // 2
    assert not start <= taken < end
    assert "lifeboat: armed" in text and "not armed" not in text
    assert "Disarmed, crash memory freed." in text


def test_it_is_planned_once_more_and_no_oftener(session):
    text = session["taken-twice"].text
    assert text.count("preamble: took a page") == 2
    assert text.count("planning once more") == 1 and len(_plans(text)) == 2
    assert re.search("error: not armed: crash memory .* the firmware would not give it: not found", text)
    assert "returning: came back from its start" in text, "the kernel did not boot unarmed"


@pytest.mark.parametrize("case, says", [
    ("kernel-refused", "returning: the firmware's Secure Boot policy refuses it (security violation)"),
    ("no-runtime-code", "not armed: the hook: the firmware gave no runtime memory for its "),
])  # fmt: skip
def test_what_the_firmware_refuses_leaves_nothing(session, case, says):
    assert says in session[case].text
    assert _images(session[f"images-{case}"]) == _images(session["images-taken-twice"])
    assert _ours(session[f"memory-{case}"]) == _ours(session["memory-taken-twice"])


@pytest.mark.parametrize("case", ["secure", "secure-unknown"])
def test_under_secure_boot_unsigned_words_choose_no_console_s_address(session, case):
    """A firmware that cannot say whether Secure Boot is on counts as having it on."""
    text = session[case].text
    assert "not armed: Secure Boot is on: --console 0x2f0: nobody signed that address" in text
    assert "returning: came back from its start" in text, "the kernel did not boot unarmed"


def test_what_failed_gave_everything_back(session):
    before, after = _ours(session["memory-undisturbed"]), _ours(session["memory-taken-twice"])
    before["ACPI_NVS"] += TAKEN_PAGES
    assert after == before


def test_the_firmware_s_watchdog_runs_when_the_kernel_starts(session):
    """lifeboat.efi runs as the shell left it, without the watchdog. It runs when the hook is placed, and when the
    kernel starts."""
    seen = re.findall("preamble: (.*, (?:un)?watched)", session["watched"].text)
    assert seen == ["an image starts, unwatched", "runtime code, watched", "an image starts, watched"]
    assert "lifeboat: armed" in session["watched"].text


def test_the_firmware_s_watchdog_runs_when_a_boot_manager_starts(session):
    starts = re.findall("preamble: an image starts, (\\w+)", session["chained"].text)
    assert starts == ["unwatched", "watched"]


def test_a_firmware_that_hangs_is_reset_by_its_watchdog(session):
    """If the reset had not happened, the fixture would have failed. Here: it happened while the kernel was loaded.
    Its device path has a node without a length, which did not stop the loader before."""
    last = session.text.rpartition("==end order-hangs==")[2]
    assert last.count("preamble: hangs") == 1
    assert "came back" not in last
