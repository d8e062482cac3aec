# SPDX-License-Identifier: BSD-2-Clause
"""Lifeboat never costs a boot: armed boots in each mode, a firmware that fails at each step, and one that hangs.

The systems that boot complete at once and reset: tests/vm/efi/complete.c, leave.c. The firmware that fails is
tests/vm/efi/failing.c.
"""

import re
from pathlib import Path

import completing
import dump_images
import firmware_shell as shell
import images
import pytest
from conftest import build
from scenarios import FULL_ONLY

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("brakes")]

# Ways of starting, and boots. Without --full, the driver is test_install_debian.py's, and the kernel every rehearsal's.
ARMED = [("chain", 3), *(pytest.param(mode, 50, marks=FULL_ONLY) for mode in completing.MODES)]
SLOW = "longer than the 5000 that arming may wait"


def _boots_in_time(machine, count: int) -> list[str]:
    """Returns the next boots that armed in time. On a busy host the disk may be slower than arming waits for. Such a
    boot must go on, too, and is counted as another one. At most every second boot may be one."""
    texts = []
    machine.power_on()
    for _ in range(2 * count):
        said = completing.boot(machine)
        if SLOW not in said:
            texts.append(said)
        if len(texts) == count:
            break
    return texts


def _mark(said: str) -> dict[str, str]:
    text = re.search("complete: mark\n(.*?)complete: ", said, re.DOTALL)
    return dict(line.split("=", 1) for line in text[1].splitlines() if "=" in line)


@pytest.mark.parametrize(("mode", "boots"), ARMED)
def test_armed_boots(tmp_path, firmware, loader, driver, kernel, leave, mode, boots):
    """Each boot arms at the same addresses. The first is a trial, and the others write no mark."""
    files = completing.files(mode, loader, driver, kernel, leave)
    with shell.make_machine(tmp_path, firmware, files, qemu_args=dump_images.empty_disk(tmp_path)) as machine:
        texts = _boots_in_time(machine, boots + (mode == "driver"))[-boots:]
    assert len(texts) == boots
    places = [completing.places(mode, said) for said in texts]
    assert places == places[:1] * boots
    if mode == "kernel":
        return
    variables = [completing.variable(said) for said in texts]
    assert [one.get("trial") for one in variables] == ["begun"] + [None] * (boots - 1)
    assert all(0 < int(one["arming_ms"]) < 5000 for one in variables), variables
    assert [_mark(said)["mark"] for said in texts] == ["begun"] + ["proved"] * (boots - 1)
    assert all("complete: nothing to write" in said for said in texts[1:])


@FULL_ONLY
def test_another_firmware_is_a_trial(tmp_path, firmware, loader, driver, kernel, leave):
    """The firmware differs by its version in SMBIOS. EFI's own name of it is the same."""
    files, trials = completing.files("chain", loader, driver, kernel, leave), []
    words = dump_images.empty_disk(tmp_path)
    for version in ("1.0", "2.0"):
        smbios = ["-smbios", f"type=0,vendor=tests,version={version}"]
        with shell.make_machine(tmp_path, firmware, files, qemu_args=words + smbios) as machine:
            trials += [completing.variable(said).get("trial") for said in completing.boots(machine, 2)]
    assert trials == ["begun", None, "begun", None]


def _failing_files(loader: Path, orders: str, chained: str) -> dict[str, Path | bytes]:
    return {
        "EFI/BOOT/BOOTX64.EFI": build("failing.efi"),
        "failing.txt": f"{orders}\n".encode(),
        "lifeboat.efi": loader,
        "lifeboat.conf": f"chain \\{chained}\nquiet\n".encode(),
        "succeeding": images.succeeding(build("preamble.efi").read_bytes()),
        "complete.efi": build("complete.efi"),
        "EFI/lifeboat/empty": b"-",
    }


def _await_ending(machine):
    """Returns the end of a boot behind failing.c: a reset, or the line that says that all is done. Each run within
    the boot is awaited with a new deadline."""
    while True:
        event = shell.watch(machine, "failing: run", "failing: done")
        if "failing: run" not in getattr(event, "text", ""):
            return event


def _failing(folder: Path, firmware, loader: Path, orders: str, resets: int = 0) -> str:
    """Returns what was printed until the machine was switched off."""
    files = _failing_files(loader, orders, "succeeding")
    with shell.make_machine(folder, firmware, files, qemu_args=dump_images.empty_disk(folder)) as machine:
        machine.power_on()
        for _ in range(resets):
            event = _await_ending(machine)
            assert getattr(event, "name", None) == "RESET", shell.console_end(machine)
        event = _await_ending(machine)
        assert not hasattr(event, "name"), shell.console_end(machine)
        said = "\n".join(line.text for line in machine.lines)
    assert "failing: failed" not in said, said[-3000:]
    return said


def _judged(said: str, kind: str, step: int) -> None:
    found = re.search(rf"failing: {kind}: (\d+) calls, (\d+) of them failed, (\d+) armed, 0 lost, 0 wrong", said)
    assert found, said[-3000:]
    calls, failed, armed = map(int, found.groups())
    # A failure may leave something for the next run, which then makes fewer calls.
    assert calls > 100 and 0.8 * calls <= failed * step < calls + step
    assert 0 < armed < failed if kind == "error" else armed <= failed


def _judge_hangs(said: str, times: int) -> None:
    assert said.count("failing: hangs in ") == times
    # A run may make one call more than was counted. Then its last call does not hang.
    ends = re.findall(r"failing: (stood aside after|the mark was back before) hang (\d+)", said)
    assert [int(n) for _, n in ends] == list(range(1, times + 1))
    assert [end for end, _ in ends[:-1]] == ["stood aside after"] * (times - 1)


def test_a_firmware_that_fails_costs_no_boot(tmp_path, firmware, loader):
    """Some calls fail, some report a false success, a disk is slow. Then one call hangs, and the last: the watchdog
    resets."""
    orders = "error 23\nlie 19\nslow 0\naside 0\nhang 2"
    said = _failing(tmp_path, firmware, loader, orders, resets=2)
    _judged(said, "error", 23)
    _judged(said, "lie", 19)
    assert re.search("not armed: firmware: its disks and files took [0-9]+ ms, longer than the 5000", said)
    _judge_hangs(said, 2)


@FULL_ONLY
@pytest.mark.parametrize("kind", ["error", "lie"])
def test_each_call_that_fails_costs_no_boot(tmp_path, firmware, loader, kind):
    _judged(_failing(tmp_path, firmware, loader, f"{kind} 1"), kind, 1)


@FULL_ONLY
def test_a_firmware_that_hangs_costs_one_reset(tmp_path, firmware, loader):
    _judge_hangs(_failing(tmp_path, firmware, loader, "hang 12", resets=12), 12)


def test_a_proved_boot_writes_no_variable(tmp_path, firmware, loader):
    """The first boot is a trial. The second reads, and writes no variable that stays."""
    files = _failing_files(loader, "start 0", "complete.efi")
    with shell.make_machine(tmp_path, firmware, files, qemu_args=dump_images.empty_disk(tmp_path)) as machine:
        said = completing.boots(machine, 2)
    assert "a program starts, armed" in said[0] and " 1 variables written" in said[0]
    assert "a program starts, armed" in said[1] and " 0 variables written" in said[1]


def test_three_captured_panics_end_the_capturing_until_a_boot_completes(tmp_path, firmware, loader):
    """With --dump-overwrite the row's first dump is still kept. After the third panic capturing ends."""
    config = "chain \\complete.efi\ndump-overwrite\n" + "".join(f"dump-to PARTLABEL=dump{n}\n" for n in range(3))
    files = {
        "EFI/BOOT/BOOTX64.EFI": loader,
        "EFI/BOOT/lifeboat.conf": config.encode(),
        "complete.efi": build("complete.efi"),
    }
    with shell.make_machine(tmp_path, firmware, files, qemu_args=completing.disk_of_dumps(tmp_path, 3)) as machine:
        first, second = completing.boots(machine, 2)
    assert (completing.variable(first)["state"], completing.variable(first)["aside"]) == ("unarmed", "panics")
    assert "standing aside, not armed: three panics were captured, and no boot has completed since" in first
    assert "dump0: it is kept for that dump: no boot has completed since; left out" in first
    mark = re.search("complete: mark\n(.*?)complete: ", first, re.DOTALL)[1].splitlines()
    assert mark[0] == "mark=pending" and "panics=3" in mark
    assert [line for line in mark if "counted" in line] == [f"counted={f'0{n}' * 16}" for n in (3, 2, 1)]
    assert completing.variable(second)["state"] == "prepared" and completing.variable(second)["trial"] == "begun"
    assert "dump0: arming this boot gives that dump up" in second and _mark(second)["panics"] == "0"


@pytest.mark.parametrize("words, second", [
    ("leave=cold", "lifeboat: prepared"),  # not a Linux, so it does not count
    ("leave=cold linux=one", "standing aside, not armed: the last boot, a trial, did not complete"),
])  # fmt: skip
def test_a_boot_counts_that_leaves_boot_services_armed(tmp_path, firmware, loader, kernel, leave, words, second):
    files = {
        "EFI/BOOT/BOOTX64.EFI": loader,
        "EFI/BOOT/lifeboat.conf": f"chain \\leaving\narguments {words}\n".encode(),
        "leaving": images.leaving(kernel.read_bytes(), leave),
    }
    with shell.make_machine(tmp_path, firmware, files, qemu_args=dump_images.empty_disk(tmp_path)) as machine:
        said = completing.boots(machine, 2)
    assert "lifeboat: prepared" in said[0] and "leave: left boot services" in said[0]
    assert second in said[1], said[1]


@FULL_ONLY
def test_a_rehearsal_with_the_kill_switch_thrown_captures_nothing(rehearse):
    """With lifeboat-vm --unarmed the same kernel panics in the same way, and Lifeboat does nothing."""
    found = rehearse("unarmed", capture="builtin", unarmed=True).check().findings
    assert found["unarmed"] is True and found["captured"] is False and found["dump"] is None
    assert {"first_kernel", "panic"} <= found["stages"].keys()
    assert not {"armed", "purgatory", "capture_begin"} & found["stages"].keys()
    assert any("standing aside, not armed" in message for message in found["messages"])
