# SPDX-License-Identifier: BSD-2-Clause
"""One bit of what was armed is changed before the panic. The machine must report what is wrong, and follow its
policy.

All runs begin at one saved machine, where the kernel calls the hook (saved_state.py). flips.py says what a flip may
lead to. With LIFEBOAT_FULL=1 a hundred random places in each area are tried.
"""

import os

import pytest
from flips import MAY_BE_SILENT, Flip, anywhere, left, verdict
from saved_state import Run, SavedState
from vm.machine import Machine

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("saved-state")]

_SEGMENTS = "kernel initrd boot_params cmdline page_tables purgatory e820_saved elfcorehdr".split()
_FULL = os.environ.get("LIFEBOAT_FULL") == "1"
_FLIPS, _FULL_FLIPS = 3, 100
_HALT_LOOP = b"\xf4\xeb\xfd"  # hlt, and a jump to it
_STEPS_TO_HALT = 20000  # waiting for the UART takes some of these steps
_IF = 1 << 9


@pytest.fixture(scope="module")
def control(saved_state, tmp_path_factory) -> Run:
    """A run without a flip."""
    run = saved_state.run(tmp_path_factory.mktemp("control"), saved_state.policy("reset"))
    assert run.outcome == "entered" and run.faults == [], run.said
    return run


@pytest.fixture(scope="module")
def table(saved_state):
    """A file beside the saved machines, which stays: a line for each area with its outcomes and their counts."""
    path = saved_state.folder.parents[1] / ("flips.txt" if _FULL else "flips-short.txt")
    with open(path, "w", encoding="ascii", buffering=1) as file:
        yield file


def _flipped(state: SavedState, folder, flip: Flip, policy: str = "reset") -> Run:
    return state.run(folder, flip.changes(state, policy))


def _middle(state: SavedState, name: str) -> Flip:
    area = state.areas[name]
    return Flip(area, area.size // 2, 4)


def test_two_runs_give_the_same(saved_state, tmp_path, control):
    """If two runs differed, a difference after a flip would mean nothing."""
    assert left(saved_state.run(tmp_path, saved_state.policy("reset"))) == left(control)


@pytest.mark.parametrize("name", _SEGMENTS)
def test_every_segment_is_looked_at(saved_state, tmp_path, name):
    """The middle of each segment is changed. In page tables and purgatory's text it is not used before the digests
    are checked."""
    assert name in saved_state.areas and saved_state.areas[name].sealed
    run = _flipped(saved_state, tmp_path, _middle(saved_state, name))
    assert run.outcome == "reset"
    assert any(fault.startswith(f"segment {name}, ") for fault in run.faults), run.said
    assert run.said[-1].endswith("cold reset")


def test_there_is_no_segment_more(saved_state):
    assert {area.name for area in saved_state.areas.values() if area.sealed} == set(_SEGMENTS)


# Fields at the beginning of struct lb_handoff. The first is checked first. The entry is not read from here.
_FIELDS = {"magic": 0, "version": 8, "bytes": 12, "self": 16, "live": 24, "entry": 32, "cr3": 40, "digest": -1}


@pytest.mark.parametrize("field", _FIELDS)
def test_handoff_resets_whatever_was_told(saved_state, tmp_path, field):
    area = saved_state.areas["handoff"]
    run = _flipped(saved_state, tmp_path, Flip(area, _FIELDS[field] % area.size, 2), "boot")
    assert run.outcome == "reset"
    assert run.faults == [f"the handoff at {area.start:#x} is not what was armed"]


def test_handoff_with_another_console_speaks_on_com1(saved_state, tmp_path):
    """COM1 is the machine's only port. The console that the handoff names instead does not exist."""
    area = saved_state.areas["handoff"]
    com1 = (1).to_bytes(8, "little") + (0x3F8).to_bytes(8, "little")  # struct lb_console
    for at in (0, 9):  # the type, and the address's second byte
        flip = Flip(area, saved_state.handoff.index(com1) + at, 0)
        run = _flipped(saved_state, tmp_path, flip)
        assert run.outcome == "reset" and len(run.faults) == 1, (str(flip), run.said)


def test_segment_and_halt(saved_state, tmp_path):
    """The handoff has the policy with which the machine was armed."""
    flip = _middle(saved_state, "initrd")

    def finish(machine: Machine) -> None:
        _assert_halted(saved_state, machine)

    run = saved_state.run(tmp_path, flip.changes(saved_state, None), finish=finish)
    assert run.outcome == "halted" and run.faults[0].startswith("segment initrd, "), run.said


def _assert_halted(state: SavedState, machine: Machine) -> None:
    """Expects a hlt with interrupts off, followed by a jump back to it, so that the machine never goes on by itself.
    The instructions before it are stepped, because a stepped hlt would not return."""
    stub = machine.gdb()
    for _ in range(_STEPS_TO_HALT):
        registers = stub.read_registers(state.thread)
        around = stub.read_memory(registers["rip"] - 1, 4, physical=True)
        if around.startswith(_HALT_LOOP) or around.endswith(_HALT_LOOP):
            assert not registers["eflags"] & _IF
            return
        stub.step(state.thread)
    raise AssertionError(f"no hlt within {_STEPS_TO_HALT} instructions after the last line, RIP {registers['rip']:#x}")


def test_segment_and_boot(saved_state, tmp_path, control):
    """The second kernel gets what it always gets, except the changed byte."""
    flip = _middle(saved_state, "cmdline")
    run = _flipped(saved_state, tmp_path, flip, "boot")
    assert run.outcome == "entered" and run.faults[0].startswith("segment cmdline, ")
    assert any("going on all the same" in line for line in run.said)
    wanted = left(control)
    changed = bytearray(wanted["cmdline"])
    changed[flip.offset] ^= 1 << flip.bit
    assert left(run) == {**wanted, "cmdline": bytes(changed), "handoff": left(run)["handoff"]}


_AREAS = [*_SEGMENTS, "handoff", "live", "purgatory_data", "hook_text", "hook_data", "notes", "backup"]


@pytest.mark.parametrize("name", _AREAS)
def test_flips_anywhere(saved_state, tmp_path, control, table, name):
    """No flip escapes, and none hangs. A reset without a message is allowed only where nothing could be printed."""
    found: dict[str, list[str]] = {}
    for flip in anywhere(saved_state.areas[name], _FULL_FLIPS if _FULL else _FLIPS, "lifeboat"):
        run = _flipped(saved_state, tmp_path, flip)
        found.setdefault(verdict(flip, run, control), []).append(str(flip))
    print(name, *(f"{outcome}={len(flips)}" for outcome, flips in sorted(found.items())), file=table)
    allowed = {"detected"} if name in _SEGMENTS or name == "handoff" else {"detected", "harmless"}
    if name in MAY_BE_SILENT:
        allowed.add("silent")
    assert found.keys() <= allowed, {outcome: flips for outcome, flips in found.items() if outcome not in allowed}
