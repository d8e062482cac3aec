# SPDX-License-Identifier: BSD-2-Clause
"""What happens when the second kernel panics while it saves, or the target fails in any way.

In each case the machine prints a message about it and resets. All runs begin at one saved machine (saved_state.py),
each with another disk as target.
"""

import os
import re
import time
from pathlib import Path

import firmware_shell as shell
import pytest
from saved_state import SavedState, Second, save
from scenarios import FULL_ONLY
from vm import disk, tools
from vm.machine import ConsoleLine, Exited, Machine, QmpEvent

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("capture-faults")]

# Seconds without progress that end an attempt. By default a busy machine gets enough time; where a test waits
# for the limit, it is short.
_STALL = 5 if os.environ.get("LIFEBOAT_FULL") == "1" else 60
_ROOMY = 256 << 20
_SMALL = 6 << 20  # less than the kept pages of the dead kernel need, more than a sixteenth of them
# Bytes a second, slow enough for something to happen to the disk during the dump.
_SLOW = ",throttling.bps-write=2000000"
_TARGET = "target"
_CONFIG = f"""capture-args lifeboat.target=/dev/vdb:/ lifeboat.stall={_STALL} unknown_nmi_panic panic=1
"""


def _devices(image: Path, prefix: str = "", options: str = "") -> list[str]:
    """Returns the target, on a port from which it can be unplugged."""
    drive = f"if=none,id={_TARGET},format=raw,file={prefix}{image}{options}"
    return [
        *("-drive", drive),
        *("-device", "pcie-root-port,id=target-port,chassis=1,slot=1"),
        *("-device", f"virtio-blk-pci,bus=target-port,id={_TARGET}-disk,drive={_TARGET}"),
    ]


@pytest.fixture(scope="module")
def armed(loader, kernel, firmware, capture_image, saved_folder) -> SavedState:
    """A machine armed with Debian's kernel and the capture image as second kernel."""
    folder = saved_folder("capture")
    image = folder / "target.img"
    disk.make_sparse(image, _ROOMY)
    return save(folder, firmware, loader, kernel, Second(capture_image, _CONFIG, devices=_devices(image)))


def _file_system(path: Path, size: int) -> Path:
    disk.make_sparse(path, size)
    tools.run("mkfs.ext4", "-q", "-F", "-m", 0, "-O", "^has_journal", path)
    return path


def _run(state: SavedState, folder: Path, devices: list[str], act: dict | None = None) -> list[str]:
    """Runs to the reset. `act` maps text of a line to what is done with the machine when that line first comes.

    Returns the console's lines since the start of the second kernel.
    """
    waiting = dict(act or {})
    with state.machine(folder, devices) as machine:
        machine.power_on()
        deadline = time.monotonic() + 2 * shell.DEADLINE
        while (event := machine.next_event(deadline)) is not None:
            if isinstance(event, ConsoleLine):
                for words in [words for words in waiting if words in event.text]:
                    waiting.pop(words)(machine)
            elif isinstance(event, QmpEvent) and event.name == "SHUTDOWN":
                assert event.data["guest"] and event.data["reason"] == "guest-reset", event
                assert not waiting, f"the console never had {list(waiting)}"
                return [line.text for line in machine.lines]
            assert not isinstance(event, Exited), event
        raise AssertionError(f"no reset; the console's end:\n{shell.console_end(machine)}")


def _said(lines: list[str], stage: str) -> list[str]:
    return [line for line in lines if f"lifeboat-capture: {stage} " in line]


def _failure(lines: list[str]) -> str:
    """Returns the reason that the capture prints."""
    failed = _said(lines, "failed")
    assert len(failed) == 1, "\n".join(lines[-40:])
    assert _said(lines, "then")
    return re.search(r"reason=(\S+)", failed[0])[1]


def test_second_panic(armed, tmp_path):
    """The second kernel panics in the middle of the dump. panic= on its command line makes it reset."""
    image = _file_system(tmp_path / "disk.img", _ROOMY)

    def press_nmi_button(machine: Machine) -> None:
        machine.qmp.execute("inject-nmi")

    lines = _run(armed, tmp_path, _devices(image), {"lifeboat-capture: dump ": press_nmi_button})
    assert any("Kernel panic - not syncing: NMI: Not continuing" in line for line in lines), lines[-20:]
    assert not _said(lines, "done")


def test_target_runs_full(armed, tmp_path):
    image = _file_system(tmp_path / "disk.img", _SMALL)
    lines = _run(armed, tmp_path, _devices(image))
    assert "verdict=tight" in _said(lines, "space")[0]
    assert _said(lines, "dump")
    assert _failure(lines) == "target-full"
    names = [Path(name).name for name in disk.find_files(image)]
    assert names == ["vmcore-dmesg.txt"]


@FULL_ONLY
def test_target_vanishes(armed, tmp_path):
    """The target is unplugged while the dump is written."""
    image = _file_system(tmp_path / "disk.img", _ROOMY)

    def take_out(machine: Machine) -> None:
        machine.qmp.execute("device_del", id=f"{_TARGET}-disk")

    lines = _run(armed, tmp_path, _devices(image, options=_SLOW), {"lifeboat-capture: dump percent=": take_out})
    assert _failure(lines) in ("dump", "verify")


def test_target_has_errors(armed, tmp_path):
    """From some point on every write fails."""
    image = _file_system(tmp_path / "disk.img", _ROOMY)
    good = 12
    rules = [f'[set-state]\nevent = "write_aio"\nstate = "{n}"\nnew_state = "{n + 1}"\n' for n in range(1, good + 1)]
    rules += [f'[inject-error]\nevent = "write_aio"\nstate = "{good + 1}"\nerrno = "5"\n']
    (tmp_path / "rules").write_text("".join(rules))
    lines = _run(armed, tmp_path, _devices(image, f"blkdebug:{tmp_path / 'rules'}:"))
    assert _said(lines, "dump")
    assert _failure(lines) in ("dump", "verify")


@FULL_ONLY  # waits for the limits
@pytest.mark.parametrize("when", ["lifeboat-capture: target ", "lifeboat-capture: dump "])
def test_target_hangs(armed, tmp_path, when):
    """From some point on no write ends or fails."""
    image = _file_system(tmp_path / "disk.img", _ROOMY)

    def stop_writes(machine: Machine) -> None:
        # bps, bps_rd, bps_wr, iops, iops_rd, iops_wr; 0 means no limit
        answer = machine.qmp.human(f"block_set_io_throttle {_TARGET} 0 0 1 0 0 0")
        assert not answer.strip(), answer

    lines = _run(armed, tmp_path, _devices(image), {when: stop_writes})
    assert _failure(lines) in ("dump", "hang")
