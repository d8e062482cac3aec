# SPDX-License-Identifier: BSD-2-Clause
"""Panic, dump, reset, save by the next boot's unit, and arming again, without power-off: nine times on each of six
machines with Debian and systemd. By default test_install_debian.py does it twice on one machine.

Each test judges one part of one machine's story.
"""

import re

import endurance
import endurance_loop
import module
import pytest
from conftest import build
from endurance import MACHINES, EnduringMachine
from endurance_loop import Endurance
from scenarios import FULL_ONLY, SECURE_FIRMWARE
from vm import kernel
from vm.errors import VmError
from vm.firmware import find_firmware


ROWS = [
    pytest.param(one, id=one.name, marks=[FULL_ONLY, pytest.mark.xdist_group(f"endurance-{one.name}")])
    for one in MACHINES
]
_REBOOT_TYPE = "/sys/kernel/reboot/type"


def test_every_draw_tries_every_pair():
    wanted = endurance.all_pairs()
    for seed in range(100):
        drawn = endurance.draw(seed)
        assert [len(cycles) for cycles in drawn.values()] == [endurance.CYCLES] * 6
        tried = set()
        for machine, cycles in drawn.items():
            for number, cycle in enumerate(cycles):
                assert cycle.controller == machine.controllers[number % 2]
                assert cycle.kind == endurance.BOOT or (machine.cpus > 1 and cycle.cause.others)
                tried |= endurance.pairs_of(machine, cycle)
        assert wanted <= tried, f"seed {seed}: {wanted - tried}"
    assert endurance.draw(1) == endurance.draw(1) != endurance.draw(2)


def test_every_pair_that_there_is_is_wanted():
    """Counted by hand: 3 disks, 3 numbers of CPUs, with and without SMM, 12 panics, of which 5 are on another
    CPU."""
    with_panic = 12 * 3 + (12 * 3 - 5) + 12 * 2
    assert len(endurance.all_pairs()) == 3 * 3 + 3 * 2 + 3 * 2 + with_panic


@pytest.fixture(scope="module")
def stories(tmp_path_factory, loader, firmware, fetched):
    """stories(machine) is the machine's story, made once. If it did not reach its end, each test fails."""
    made: dict[EnduringMachine, Endurance] = {}
    failed: dict[EnduringMachine, str] = {}

    def make(machine: EnduringMachine) -> Endurance:
        seed = endurance.seed()
        story = Endurance(machine, seed, endurance.draw(seed)[machine])
        provoke = None
        if any(cycle.cause.how for cycle in story.cycles):
            image = f"linux-image-{kernel.release(endurance_loop.root_of(machine).kernel)}"
            provoke = module.build(fetched(image, "--headers"), tmp_path_factory.mktemp("module") / "provoke")
        code = find_firmware(SECURE_FIRMWARE) if machine.smm else firmware
        folder = tmp_path_factory.mktemp("endurance")
        try:
            endurance_loop.Loop(story, code, endurance_loop.Programs(loader, build, provoke), folder).run()
        except VmError as error:
            drawn = ", ".join(cycle.panic for cycle in story.cycles)
            failed[machine] = f"seed {seed} ({drawn}), in boot {len(story.boots)}, kept in {folder}: {error}"
        return story

    def story_of(machine: EnduringMachine) -> Endurance:
        if machine not in made:
            made[machine] = make(machine)
        if machine in failed:
            pytest.fail(failed[machine])
        return made[machine]

    return story_of


@pytest.mark.vm
@pytest.mark.parametrize("machine", ROWS)
def test_no_panic_is_lost(stories, record_endurance, machine):
    """Each cycle left a folder, saved by the unit of the next boot, with the cause in its log."""
    story = stories(machine)
    record_endurance(story)
    assert len(story.boots) == len(story.cycles) + 1
    seen: list[str] = []
    for number, (cycle, boot) in enumerate(zip(story.cycles, story.boots[1:], strict=True)):
        where = f"seed {story.seed}, cycle {number}, {cycle.panic}"
        assert boot.unit.status == 0 and "every digest right" in boot.unit.output, f"{where}: {boot.unit}"
        assert boot.folders[:-1] == seen, f"{where}: {boot.folders}"
        assert re.fullmatch(r"lifeboat-\d{8}T\d{6}Z-[0-9a-f]{8}", boot.folders[-1]), f"{where}: {boot.folders}"
        assert boot.vmcore.startswith("KDUMP"), f"{where}: {boot.vmcore!r}"
        missing = endurance_loop.missing_words(boot.log, cycle, endurance_loop.panic_cpu(machine, cycle))
        assert not missing, f"{where}: no '{missing}' in the saved log:\n{boot.log[-4000:]}"
        seen = boot.folders
    assert len(seen) == len(story.cycles)


@pytest.mark.vm
@pytest.mark.parametrize("machine", ROWS)
def test_every_boot_is_armed_and_no_unit_fails(stories, machine):
    story = stories(machine)
    assert len(story.boots) == len(story.cycles) + 1
    for number, boot in enumerate(story.boots):
        assert boot.state == "running", f"boot {number}: {boot.state}"
        said = boot.status.output.splitlines()
        assert boot.status.status == 0 and "state=armed" in said, f"boot {number}: {boot.status}"
        target = f"PARTUUID={endurance_loop.PARTITIONS[number % 2]}"
        assert next(line for line in said if line.startswith("dump_to=")).startswith(f"dump_to={target} {target}"), said
        assert not [line for line in said if line.startswith("lifeboatctl:")], said


@pytest.mark.vm
@pytest.mark.parametrize("machine", ROWS)
def test_each_dump_went_to_its_disk(stories, machine):
    """The next boot's loader finds the dump on the right disk."""
    story = stories(machine)
    waiting = re.findall(r"AN UNSAVED DUMP WAITS on PARTUUID=(\S+): complete", story.console)
    assert waiting == [str(endurance_loop.PARTITIONS[number % 2]) for number in range(len(story.cycles))]
    assert story.listed.status == 0
    states = re.findall(r"^partition: +(\S+)$.*?^state: +(.*?)$", story.listed.output, re.MULTILINE | re.DOTALL)
    last = len(story.cycles) - 1
    # Since then the other partition was armed.
    saved, armed = endurance_loop.PARTITIONS[last % 2], endurance_loop.PARTITIONS[1 - last % 2]
    wanted = {str(saved): "complete, saved, erased", str(armed): "empty"}
    assert dict(states) == wanted, story.listed


@pytest.mark.vm
@pytest.mark.parametrize("machine", ROWS[:1])
def test_status_says_what_disarms(stories, machine):
    story = stories(machine)
    assert story.disarmed.status == 1
    complaints = [line for line in story.disarmed.output.splitlines() if line.startswith("lifeboatctl:")]
    assert complaints == [
        f'lifeboatctl: {_REBOOT_TYPE} is "acpi", wanted efi: a panic would not call the firmware'
    ]
