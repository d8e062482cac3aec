# SPDX-License-Identifier: BSD-2-Clause
"""Backtraces without debug symbols, on the dumps of other tests: every CPU's and every sleeping task's stack is
whole, and the panicking task's is what the dying kernel printed. test_readers.py and test_panics.py compare with
crash, frame by frame."""

import re

import pytest

from frames_judge import Frames, printed_trace, read_frames
from scenarios import CAPTURED, FULL, NEWEST_BUILTIN, READ_BUILTIN, Scenario, rows
from test_early import DEFAULT as EARLY
from test_panics import panicking_cpu

pytestmark = pytest.mark.vm

# The stack pointer was destroyed before the double fault, so there is no stack to read.
NO_STACK = {"self double"}


@pytest.fixture(scope="module")
def framed(run_scenario, frames_verdict):
    """framed(scenario) is what frames_verdict prints for the scenario's dump."""
    known = {}

    def read(scenario: Scenario) -> Frames:
        if scenario.name not in known:
            known[scenario.name] = read_frames(frames_verdict, run_scenario(scenario).dump)
        return known[scenario.name]

    return read


every_row = pytest.mark.parametrize("scenario", rows([*CAPTURED, READ_BUILTIN, *NEWEST_BUILTIN, *FULL]))


@every_row
def test_the_panicking_cpu_s_frames_are_those_the_kernel_printed(run_scenario, framed, scenario: Scenario):
    run = run_scenario(scenario)
    printed = printed_trace(run.dmesg.read_text(errors="replace"))
    stack = framed(scenario).cpus[panicking_cpu(run)]
    names = [frame.name for frame in stack.kernel if frame.certain]
    print(f"{len(names)} frames, {len(printed)} printed")
    assert printed and names[-len(printed) :] == printed, "\n".join(names) + "\nprinted:\n" + "\n".join(printed)


@every_row
def test_every_stack_is_whole(run_scenario, framed, scenario: Scenario):
    """Each stack leads to a program or to the task's beginning, and no frame is uncertain."""
    found, panicking = framed(scenario), panicking_cpu(run_scenario(scenario))
    assert found.missing == []
    assert sorted(found.cpus) == list(range(scenario.cpus))
    running = [stack for cpu, stack in found.cpus.items() if cpu != panicking or scenario.kind not in NO_STACK]
    for stack in running + found.sleeping:
        assert stack.frames and not stack.broken, stack
        assert all(frame.certain and (frame.name or frame.user or not frame.address) for frame in stack.frames), stack


@every_row
def test_tasks_and_modules_are_named(framed, scenario: Scenario):
    found = framed(scenario)
    tasks = {stack.pid: stack for stack in found.tasks}
    assert len(found.tasks) > 30 and tasks[2].command == "kthreadd" and tasks[2].state == "S"
    assert set(re.findall("[^RSDTtXZPI]", "".join(stack.state for stack in found.tasks))) == set()
    assert found.cpus[0].frames
    if scenario.how:
        base, size, taints, _ = found.modules["provoke"]
        assert int(base, 16) >= 0xFFFFFFFFC0000000 and int(size) > 0 and taints == "OE"
    if scenario.modules:
        assert set(scenario.modules) <= set(found.modules)


@pytest.mark.parametrize("scenario", rows(EARLY))
def test_an_early_panic_s_frames_are_named(framed, scenario: Scenario):
    """These panics come before there is a VMCOREINFO, another CPU, a module or a second task."""
    found = framed(scenario)
    names = [frame.name.partition("+")[0] for frame in found.cpus[0].kernel]
    assert names[-4:] == ["asm_exc_invalid_op", scenario.symbol, "start_kernel", "secondary_startup_64_no_verify"]
    assert all(frame.certain for frame in found.cpus[0].frames) and not found.cpus[0].broken
    assert [(stack.pid, stack.command) for stack in found.tasks] == [(0, "swapper/0")]
    assert (found.modules, found.missing) == ({}, [])
