# SPDX-License-Identifier: BSD-2-Clause
"""lifeboatctl over several boots of a made-up machine: trials, updates, the kill switch, how boots end.

Runs no virtual machine. The tool is the one built with ASan and UBSan.
"""

import re
import shutil
import socket
import struct
import subprocess
import tempfile
from pathlib import Path

import fake_machine
import pytest
import status_schema
from conftest import build
from dump_images import EMPTY, Image, newest
from fake_machine import DRIVER, DUMP, ESP, ESP_MOUNT, ROOT, ROOT_MOUNT, image
from vm import reserve

GUID = "6b1f3c0e-4d1a-4c57-9e0a-5a0e3f2b7c11"
OURS = "EFI/lifeboat/lifeboatx64.efi"
OFF, TRIAL = "EFI/lifeboat/off", "EFI/lifeboat/trial"
HASH = "00000000deadbeef"
# What an armed boot leaves in the variable Lifeboat.
ARMED = {"version": "0.1.0", "state": "armed", "crash": "0x10000000-0x20000000", "hook": "0x1000-0x3000"}
BEGUN = ARMED | {"trial": "begun", "hash": HASH}
ASIDE = {"version": "0.1.0", "state": "unarmed", "reason": "a boot on trial did not complete", "aside": "trial"}


def lines(pairs: dict) -> bytes:
    return "".join(f"{key}={value}\n" for key, value in pairs.items()).encode()


class Boots:
    """A machine that starts again and again."""

    def __init__(self, machine):
        self.machine = machine
        self.count = 0

    def start(self, **said) -> None:
        """Starts the machine: the loader has left these values, and lifeboat-running.service has run."""
        self.count += 1
        self.machine.write("proc/sys/kernel/random/boot_id", f"boot-{self.count}\n".encode())
        (self.machine.efivars / f"Lifeboat-{GUID}").unlink(missing_ok=True)
        if said:
            self.machine.set("Lifeboat", lines(said), GUID, 6)
        self.machine.run("boot-start")

    def complete(self, status: int = 0):
        done = self.machine.run("boot-complete", status=status)
        return done.stdout + done.stderr

    def run(self, **said) -> str:
        """Starts the machine, completes the boot, and stops cleanly."""
        self.start(**said)
        told = self.complete()
        self.machine.run("boot-stop")
        return told

    def set_mark(self, **pairs) -> None:
        self.machine.set("LifeboatTrial", lines({"mark": "begun", "hash": "0", "failed": 0, "panics": 0} | pairs), GUID)

    def mark(self) -> dict:
        text = (self.machine.efivars / f"LifeboatTrial-{GUID}").read_bytes()
        assert text[:4] == struct.pack("<I", 7)
        return dict(line.split("=", 1) for line in text[4:].decode().splitlines())

    def status(self) -> dict:
        return status_schema.read(self.machine.run("status", "--json", status=1).stdout)

    def put_dump(self, content: Image) -> None:
        with open(self.machine.root / "dev/vda", "r+b") as disk:
            disk.seek(DUMP.start)
            disk.write(content.bytes())

    def dump_header(self) -> dict:
        with open(self.machine.root / "dev/vda", "rb") as disk:
            disk.seek(DUMP.start)
            return newest(disk.read(8192))


@pytest.fixture
def boots(tmp_path):
    machine = fake_machine.make(tmp_path, build("lifeboatctl.checked"))
    (machine.root / "var/lib").mkdir(parents=True)
    return Boots(machine)


@pytest.fixture
def machine(boots):
    return boots.machine


# Trials


def test_a_trial_is_proved_by_a_boot_that_completes(boots):
    boots.set_mark(failed=1, why="1 boot on trial did not complete")
    boots.start(**BEGUN)
    assert "version 0.1.0 is proved" in boots.complete()
    assert boots.mark() == {
        "mark": "proved", "hash": HASH, "failed": "0", "panics": "0",
        "crash": "0x10000000-0x20000000", "hook": "0x1000-0x3000",
    }  # fmt: skip
    assert boots.status()["trial"] == {"mark": "proved", "failed": 0, "panics": 0, "why": None}


def test_a_proved_machine_writes_nothing(boots):
    boots.set_mark()
    boots.run(**BEGUN)
    boots.start(**ARMED)

    def written():
        paths = [*boots.machine.efivars.iterdir(), *boots.machine.esp.rglob("*")]
        return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}

    before = written()
    assert boots.complete() == "" and boots.complete() == ""
    assert written() == before


@pytest.mark.parametrize("said", [{}, ARMED, ASIDE], ids=["round it", "not on trial", "aside"])
def test_a_trial_of_another_boot_is_not_proved(boots, said):
    """A boot on trial hung, for example. The present boot went around Lifeboat, or stood aside."""
    boots.set_mark()
    boots.run(**said)
    assert boots.mark()["mark"] == "begun"


def test_a_boot_that_completes_ends_a_row_of_panics(boots):
    boots.set_mark(mark="proved", hash=HASH, panics=3, counted="00" * 16)
    told = boots.run(version="0.1.0", state="unarmed", reason="3 panics in a row", aside="panics")
    assert "this boot stood aside (panics): 3 panics in a row" in told
    assert boots.mark() == {"mark": "proved", "hash": HASH, "failed": "0", "panics": "0", "counted": "00" * 16}


def test_the_mark_is_a_file_where_there_is_one(boots):
    boots.machine.write(f"boot/efi/{TRIAL}", lines({"mark": "begun"}))
    boots.run(**BEGUN)
    assert b"mark=proved\n" in boots.machine.files()[TRIAL]
    assert f"LifeboatTrial-{GUID}" not in boots.machine.variables()


def test_of_two_marks_the_one_that_the_boot_has_begun_is_proved(boots):
    """The firmware's variables failed once, so the mark went into the file. Afterwards the older mark is gone."""
    boots.set_mark()
    boots.machine.write(f"boot/efi/{TRIAL}", lines({"mark": "proved", "hash": HASH}))
    assert "version 0.1.0 is proved" in boots.run(**BEGUN, trial_in="variable")
    assert boots.mark()["mark"] == "proved" and TRIAL not in boots.machine.files()
    boots.set_mark(mark="pending")
    boots.machine.write(f"boot/efi/{TRIAL}", lines({"mark": "begun"}))
    assert "version 0.1.0 is proved" in boots.run(**BEGUN, trial_in="file")
    assert b"mark=proved\n" in boots.machine.files()[TRIAL]
    assert f"LifeboatTrial-{GUID}" not in boots.machine.variables()


@pytest.mark.parametrize("mark", ["aside", "pending"])
def test_on_begins_anew_in_the_place_that_boots_go_by(boots, machine, mark):
    """If the variable is not proved, the loader does not read the file."""
    boots.set_mark(mark=mark, failed=2, why="2 boots on trial did not complete")
    machine.write(f"boot/efi/{TRIAL}", lines({"mark": "proved", "hash": HASH}))
    assert boots.status()["trial"]["mark"] == mark
    machine.run("on")
    assert boots.mark() == {"mark": "pending", "hash": "0" * 16, "failed": "0", "panics": "0"}
    assert TRIAL not in machine.files()


def test_a_row_of_panics_ends_in_both_places(boots):
    """The loader also stands aside by a variable that is proved."""
    boots.set_mark(mark="proved", hash=HASH, panics=3)
    boots.machine.write(f"boot/efi/{TRIAL}", lines({"mark": "proved", "hash": HASH}))
    boots.run(version="0.1.0", state="unarmed", reason="3 panics in a row", aside="panics")
    assert f"LifeboatTrial-{GUID}" not in boots.machine.variables()


@pytest.mark.parametrize("data", [b"", b"mark=\n", b"hash=1\n", b"mark=begun\nhash=z\n", b"\xff" * 5000], ids=range(5))
def test_a_mark_of_nonsense_is_left_to_the_loader(boots, data):
    boots.machine.set("LifeboatTrial", data, GUID)
    boots.run(**BEGUN)
    assert boots.machine.variables()[f"LifeboatTrial-{GUID}"][4:] == data
    assert boots.status()["trial"] is None


def test_a_mark_that_cannot_be_written_is_told(boots):
    boots.set_mark()
    boots.start(**BEGUN)
    done = subprocess.run(
        [boots.machine.tool, "boot-complete", "--root", boots.machine.root], capture_output=True, text=True,
        check=False, env={"EFIVARFS_PATH": "/nonexistent/"},
    )  # fmt: skip
    assert done.returncode == 1 and "variable LifeboatTrial cannot be written" in done.stderr, done
    assert boots.mark()["mark"] == "begun"
    # The rest is done all the same.
    assert boots.status()["counters"]["boots"] == 1


def test_a_boot_on_trial_says_who_proves_it(boots, machine):
    enable = "systemctl enable lifeboat-running.service lifeboat-boot-complete.service"
    link = machine.root / "etc/systemd/system/multi-user.target.wants/lifeboat-boot-complete.service"
    assert enable in machine.run("install").stdout
    boots.set_mark()
    boots.start(**BEGUN)
    note = "this boot is on trial until it has completed"
    assert f"{note}, and nothing tells when: {enable}" in boots.status()["notes"]
    link.parent.mkdir(parents=True)
    link.symlink_to("/usr/lib/systemd/system/lifeboat-boot-complete.service")
    assert note in boots.status()["notes"] and enable not in machine.run("install").stdout
    boots.complete()
    assert note not in boots.status()["notes"]


# The kill switch


def test_off_and_on(boots, machine):
    boots.set_mark(mark="aside", failed=2, why="2 boots on trial did not complete")
    boots.start(**ASIDE)
    problems = boots.status()["problems"]
    assert "it stands aside at every boot until `lifeboatctl on`: 2 boots on trial did not complete" in problems
    said = machine.run("off", "--dry-run").stdout
    assert said == f"would write: {machine.esp}/{OFF}\nwould switch it off, from the next boot on\n"
    assert OFF not in machine.files()
    assert "from the next boot on" in machine.run("off").stdout
    assert OFF in machine.files() and "off already" in machine.run("off").stdout
    told = boots.status()
    assert told["switched_off"] and told["restart_before_hibernation"]
    machine.run("on", "--dry-run")
    assert OFF in machine.files()
    machine.run("on")
    assert OFF not in machine.files() and not boots.status()["switched_off"]
    assert boots.mark() == {"mark": "pending", "hash": "0" * 16, "failed": "0", "panics": "0"}


def test_off_by_a_variable_where_no_esp_is_mounted(boots, machine):
    machine.mount(ROOT_MOUNT)
    boots.start(**ARMED)
    assert "would write: the firmware's variable LifeboatOff" in machine.run("off", "--dry-run").stdout
    assert f"LifeboatOff-{GUID}" not in machine.variables()
    assert "the firmware's variable LifeboatOff" in machine.run("off").stdout
    assert "\\EFI\\lifeboat\\off is not looked at" in machine.run("on", "--dry-run").stderr
    assert f"LifeboatOff-{GUID}" in machine.variables()
    assert f"LifeboatOff-{GUID}" in machine.variables() and boots.status()["switched_off"]
    assert "\\EFI\\lifeboat\\off is not looked at" in machine.run("on").stderr
    assert f"LifeboatOff-{GUID}" not in machine.variables()


def test_off_where_nothing_can_be_written(machine):
    machine.mount(ROOT_MOUNT)
    for more in ([], ["--dry-run"]):
        assert "no EFI system partition is mounted" in machine.run("off", *more, status=1, live=False).stderr
    shutil.rmtree(machine.efivars)
    for more in ([], ["--dry-run"]):
        said = machine.run("off", *more, status=1).stderr
        assert "no EFI system partition is mounted" in said and "LifeboatOff cannot be written" in said


def test_remove_leaves_no_trace_of_it(boots, machine):
    before = machine.variables(), machine.files()
    machine.run("install")
    boots.set_mark()
    machine.write(f"boot/efi/{OFF}", b"")
    machine.write(f"boot/efi/{TRIAL}", b"mark=begun\n")
    machine.set("LifeboatOff", b"x", GUID)
    update(boots, "0.2")
    machine.run("remove")
    assert (machine.variables(), machine.files()) == before


# Updates


def update(boots, version: str) -> None:
    boots.machine.write("usr/lib/lifeboat/lifeboatx64.efi", image(DRIVER, version))
    boots.machine.run("update")


@pytest.fixture
def updated(boots):
    """Version 0.1.0 was proved, and 0.2 has replaced it."""
    boots.machine.run("install")
    boots.set_mark()
    boots.run(**BEGUN)
    update(boots, "0.2")
    assert boots.machine.files()[f"{OURS}.previous"] == image(DRIVER, "0.1.0")
    assert boots.machine.files()[OURS] == image(DRIVER, "0.2")
    return boots


def test_an_update_stays_once_a_boot_completed_with_it(updated):
    updated.complete()  # as after a restart of the unit: no boot has seen the update yet
    assert f"{OURS}.previous" in updated.machine.files()
    updated.set_mark()
    assert "the update to version 0.2 stays" in updated.run(**BEGUN | {"version": "0.2"})
    files = updated.machine.files()
    assert files[OURS] == image(DRIVER, "0.2") and f"{OURS}.previous" not in files
    assert files[f"{OURS}.kept"] == image(DRIVER, "0.1.0")


@pytest.mark.parametrize("said", [ASIDE | {"version": "0.2"}, {}], ids=["stood aside", "was not started"])
def test_an_update_that_does_not_come_up_goes(updated, said):
    updated.set_mark(mark="aside", failed=2)
    assert "version 0.1.0 is back" in updated.run(**said)
    files = updated.machine.files()
    assert files[OURS] == image(DRIVER, "0.1.0")
    assert f"{OURS}.previous" not in files and f"{OURS}.kept" not in files
    assert updated.mark()["mark"] == "pending" and updated.mark()["failed"] == "0"
    assert updated.status()["restart_before_hibernation"]
    updated.set_mark()
    updated.run(**BEGUN)
    assert not (updated.machine.root / "var/lib/lifeboat/change").exists()


@pytest.mark.parametrize("said", [
    ASIDE | {"aside": "off"}, ASIDE | {"aside": "panics"}, {"version": "0.2", "state": "unarmed", "reason": "no RAM"},
], ids=["off", "panics", "refused"])  # fmt: skip
def test_an_update_waits_for_a_boot_that_tries_it(updated, said):
    updated.run(**said)
    assert updated.machine.files()[OURS] == image(DRIVER, "0.2")
    assert f"{OURS}.previous" in updated.machine.files()
    updated.set_mark()
    updated.run(**BEGUN | {"version": "0.2"})
    assert f"{OURS}.kept" in updated.machine.files()


def test_a_chain_is_not_judged_by_a_boot_that_went_round_it(boots, machine):
    machine.run("install", "--mode", "chain")
    machine.write("usr/lib/lifeboat/lifeboat.efi", image(fake_machine.APPLICATION, "0.2"))
    machine.run("update")
    boots.run()
    assert machine.files()["EFI/lifeboat/lifeboat.efi"] == image(fake_machine.APPLICATION, "0.2")


def test_an_update_without_an_esp_is_told(updated):
    updated.machine.mount(ROOT_MOUNT)
    updated.set_mark()
    updated.start(**BEGUN)
    assert f"mount /dev/vda1 {updated.machine.esp}" in updated.complete(status=1)
    assert updated.mark()["mark"] == "proved"
    updated.machine.mount(ROOT_MOUNT, ESP_MOUNT)
    assert "the update to version 0.1.0 stays" in updated.complete()


def test_two_updates_before_a_restart_keep_what_was_proved(updated):
    update(updated, "0.3")
    assert updated.machine.files()[f"{OURS}.previous"] == image(DRIVER, "0.1.0")


def test_rollback(updated):
    machine = updated.machine
    said = machine.run("rollback", "--dry-run").stdout
    assert said == "would put the program from before the last update back, version 0.1.0\n"
    assert machine.files()[OURS] == image(DRIVER, "0.2")
    assert "version 0.1.0 is back" in machine.run("rollback").stdout
    assert machine.files()[OURS] == image(DRIVER, "0.1.0")
    assert updated.mark()["mark"] == "pending"
    assert "keeps no program from before an update" in machine.run("rollback", status=1).stderr


def test_rollback_of_an_update_that_stayed(updated):
    updated.set_mark()
    updated.run(**BEGUN | {"version": "0.2"})
    updated.machine.run("rollback")
    assert updated.machine.files()[OURS] == image(DRIVER, "0.1.0")


def test_rollback_to_what_is_no_program(updated):
    updated.machine.write(f"boot/efi/{OURS}.previous", b"cut")
    for more in ([], ["--dry-run"]):
        assert "no program for UEFI" in updated.machine.run("rollback", *more, status=1).stderr
    assert updated.machine.files()[OURS] == image(DRIVER, "0.2")
    assert "not installed" in (updated.machine.run("remove") and updated.machine.run("rollback", status=1).stderr)


def test_a_new_program_is_tried_whatever_the_one_before_came_to(boots):
    boots.machine.run("install")
    boots.set_mark(mark="aside", failed=2)
    update(boots, "0.2")
    assert boots.mark() == {"mark": "pending", "hash": "0" * 16, "failed": "0", "panics": "0"}
    boots.set_mark(mark="aside", failed=2)
    boots.machine.run("install", "--dry-run")
    assert boots.mark()["mark"] == "aside"
    boots.machine.run("install")
    assert boots.mark()["mark"] == "pending"
    boots.set_mark(mark="proved", hash=HASH)
    boots.machine.run("install")
    assert boots.mark()["mark"] == "proved"


# Restart before hibernation


def test_a_restart_is_wanted_after_each_change(boots, machine):
    def note():
        return [note for note in boots.status()["notes"] if "restart once before you hibernate" in note]

    boots.start(**ARMED)
    for words in (["install"], ["off"], ["on"], ["remove"]):
        machine.run(*words)
        assert note() and words[0] in note()[0], words
    boots.machine.run("boot-stop")
    boots.start(**ARMED)
    assert note() == []
    boots.complete()
    assert note() == [] and not (machine.root / "var/lib/lifeboat/change").exists()


def test_what_changes_nothing_wants_no_restart(boots, machine):
    boots.start(**ARMED)
    for words in (["install", "--dry-run"], ["off", "--dry-run"], ["remove"], ["update"], ["test", "--dry-run"]):
        machine.run(*words, status=1 if words[0] == "test" else 0)
        assert not boots.status()["restart_before_hibernation"], words


# How boots end


def test_counters(boots):
    assert boots.status()["counters"] is None
    boots.run(**ARMED)
    boots.run(**ASIDE)
    boots.start(**ARMED)
    boots.machine.run("boot-start")  # the unit is restarted
    told = boots.status()
    assert told["counters"] == {"boots": 3, "armed": 2, "aside": 1, "dumps": 0, "unaccounted": 0, "saves_failed": 0}
    assert told["last_end"] == "clean"
    assert "counted: boots 3, armed 2, aside 1, dumps 0" in boots.machine.run("status", status=1).stdout


def test_an_end_without_a_dump_is_unaccounted(boots):
    boots.start(**ARMED)
    boots.complete()
    boots.start(**ARMED)
    assert "an armed boot ended unaccounted" in boots.complete()
    told = boots.status()
    assert told["counters"]["unaccounted"] == 1
    assert (told["last_end"], told["last_stage"]) == ("unaccounted", "complete")
    assert [note for note in told["notes"] if note.startswith("the last armed boot ended unaccounted")]
    assert boots.complete() == ""
    boots.machine.run("boot-stop")
    boots.start(**ARMED)
    assert boots.status()["last_end"] == "clean" and boots.status()["counters"]["unaccounted"] == 1


def test_an_end_before_the_boot_completed(boots):
    boots.start(**ARMED)
    boots.start(**ARMED)
    boots.complete()
    assert boots.status()["last_stage"] == "started"


def test_an_unarmed_boot_may_end_as_it_likes(boots):
    boots.start(**ASIDE)
    boots.start(**ARMED)
    boots.complete()
    assert boots.status()["last_end"] == "clean" and boots.status()["counters"]["unaccounted"] == 0


def test_words_that_did_not_come_are_not_armed(boots):
    prepared = {"version": "0.1.0", "state": "prepared"}
    boots.machine.write("proc/cmdline", b"ro quiet\n")
    boots.start(**prepared)
    boots.machine.run("boot-stop")
    boots.machine.write("proc/cmdline", b"ro panic=-1 reboot=efi,cold,panic_warm efi=runtime\n")
    boots.start(**prepared)
    assert boots.status()["counters"]["armed"] == 1


def test_a_dump_accounts_for_an_end(boots):
    boots.run(**ARMED)
    boots.start(**ARMED)
    # The dump is saved before the boot completes, as lifeboat-save@.service does.
    boots.put_dump(Image(size=DUMP.size, fields={"saved": 1}))
    boots.start(**ARMED)
    assert "a panic of kernel 6.1.0-test was captured" in boots.complete()
    told = boots.status()
    assert (told["counters"]["dumps"], told["counters"]["unaccounted"], told["last_end"]) == (1, 0, "dump")
    boots.machine.run("boot-stop")
    boots.run(**ARMED)
    assert boots.status()["counters"]["dumps"] == 1


def test_a_dump_in_a_file_accounts_for_an_end(boots):
    """The dump is in the file that lifeboatctl has reserved, and its own unit saves it."""
    content = Image(size=1 << 20, fields={"flags": 4, "partuuid": bytes(range(16))})
    file = boots.machine.root / "boot/efi" / reserve.FILE
    boots.run(**ARMED)
    boots.start(**ARMED)
    boots.machine.write(f"boot/efi/{reserve.FILE}", reserve.stamped(1 << 20, bytes(range(16))))
    boots.machine.write(f"boot/efi/{reserve.MAP}", reserve.make_map([(4096, 1 << 20)], DUMP, bytes(range(16))))
    boots.start(**ARMED)
    boots.complete()
    assert boots.status()["counters"]["unaccounted"] == 1
    file.write_bytes(content.bytes())
    boots.start(**ARMED)
    assert "a panic of kernel 6.1.0-test was captured" in boots.complete()
    told = boots.status()
    assert (told["counters"]["dumps"], told["counters"]["unaccounted"], told["last_end"]) == (1, 1, "dump")


def test_a_dump_of_an_earlier_system_is_not_counted(boots):
    boots.put_dump(Image(size=DUMP.size, fields={"saved": 1}))
    boots.run(**ARMED)
    assert boots.status()["counters"]["dumps"] == 0


def test_two_ends_and_one_dump(boots):
    """The second boot dies before it completes. The third boot judges both ends."""
    boots.run(**ARMED)
    boots.start(**ARMED)
    boots.put_dump(Image(size=DUMP.size))
    boots.start(**ARMED)
    boots.start(**ARMED)
    boots.complete()
    counters = boots.status()["counters"]
    assert (counters["dumps"], counters["unaccounted"], counters["boots"]) == (1, 1, 4)


def test_many_ends_are_bounded(boots):
    boots.start(**ARMED)
    boots.machine.write("var/lib/lifeboat/ends", 64 * b"stage=started\n")
    boots.start(**ARMED)
    boots.complete()
    assert boots.status()["counters"]["unaccounted"] == 64


def test_failed_saves(boots):
    assert "lifeboatctl save tries again" in boots.machine.run("save-failed").stderr
    boots.machine.run("save-failed")
    assert boots.status()["counters"]["saves_failed"] == 2


@pytest.mark.parametrize("content", [b"", b"\0\xff\n=\n", b"boots=-1\ndump=\nstage\n", b"x" * 20000],
                         ids=["empty", "bytes", "lines", "long"])  # fmt: skip
def test_damaged_state_is_harmless(boots, content):
    for name in ("counters", "running", "ends", "change", "proof", "panic"):
        boots.machine.write(f"var/lib/lifeboat/{name}", content)
    boots.start(**ARMED)
    boots.complete()
    assert boots.status()["counters"]["boots"] == 1


def test_without_a_folder_for_state(boots):
    shutil.rmtree(boots.machine.root / "var")
    assert "/var/lib/lifeboat: No such file" in boots.machine.run("boot-start", status=1).stderr


# The try without a crash


def verdict(boots, selftest: int, **fields) -> None:
    fields = {"selftest": selftest, "partuuid": DUMP.unique.bytes_le, "state": EMPTY, "message": b""} | fields
    boots.put_dump(Image(size=DUMP.size, fields=fields))


@pytest.fixture
def proved(boots):
    machine = boots.machine
    machine.run("install")
    machine.write("sys/class/dmi/id/bios_vendor", b"EDK II\n")
    machine.write("sys/class/dmi/id/bios_version", b"1.0 \n")
    machine.write("sys/block/vda/device/model", b"Disk      \n")
    machine.write("sys/block/vda/serial", b"S1\n")
    fake_machine.name_dump_partition(machine)
    verdict(boots, 2)
    assert f"the try without a crash passed on partition {DUMP.unique}" in boots.run(**ARMED)
    return boots


def test_a_verdict_is_kept_with_what_it_was_a_try_of(proved):
    assert proved.status()["proof"] == {
        "verdict": "passed", "stale_since": None, "partition": str(DUMP.unique), "firmware": "EDK II 1.0",
        "loader": "0.1.0", "disk": "Disk S1",
    }  # fmt: skip
    assert proved.run(**ARMED) == ""
    proved.run()  # a boot without Lifeboat tells nothing about the next one
    assert proved.status()["proof"]["stale_since"] is None


@pytest.mark.parametrize("change, since", [
    (lambda b: b.machine.write("sys/class/dmi/id/bios_version", b"1.1\n"),
     'the firmware changed from "EDK II 1.0" to "EDK II 1.1"'),
    (lambda b: b.run(**ARMED | {"version": "0.2"}), 'the loader changed from "0.1.0" to "0.2"'),
    (lambda b: b.machine.write("sys/block/vda/serial", b"S2\n"), 'the disk changed from "Disk S1" to "Disk S2"'),
    (lambda b: shutil.rmtree(b.machine.root / "dev/disk"), 'the disk changed from "Disk S1" to ""'),
], ids=["firmware", "loader", "disk", "no disk"])  # fmt: skip
def test_a_proof_gets_stale(proved, change, since):
    assert "nothing changed since" in proved.machine.run("test", "--when-stale").stdout
    conf = proved.machine.files()["EFI/lifeboat/lifeboat.conf"]
    change(proved)
    assert proved.status()["proof"]["stale_since"] == since
    assert f"the proof is stale since {since}: lifeboatctl test --when-stale" in proved.status()["notes"]
    assert f"stale since {since}" in proved.machine.run("test", "--when-stale", "--dry-run").stdout
    assert proved.dump_header()["selftest"] == 2
    assert "it tries the capture kernel once" in proved.machine.run("test", "--when-stale").stdout
    assert proved.dump_header()["selftest"] == 0 and proved.status()["proof"] is None
    assert proved.machine.files()["EFI/lifeboat/lifeboat.conf"] == conf + b"selftest\n"
    # The next boot made the try, and it failed.
    verdict(proved, 3, message=b"no disk")
    proved.run(**ARMED)
    assert proved.status()["proof"]["verdict"] == "failed"
    assert "the last try without a crash failed: lifeboatctl test says more" in proved.status()["notes"]


def test_a_dump_that_waits_is_not_touched(proved):
    verdict(proved, 2, state=2)
    proved.machine.write("sys/block/vda/serial", b"S2\n")
    before = proved.dump_header()
    for more in ([], ["--dry-run"]):
        said = proved.machine.run("test", "--when-stale", *more, status=1).stderr
        assert "holds a dump that nobody has saved: lifeboatctl save" in said
        assert proved.dump_header() == before


def test_a_verdict_that_is_gone_is_forgotten(proved):
    verdict(proved, 0)
    proved.run(**ARMED)
    assert proved.status()["proof"] is None


def test_a_try_is_asked_for_where_there_was_none(boots, machine):
    machine.run("install")
    assert "it tries the capture kernel once" in machine.run("test", "--when-stale").stdout


# For others


METRICS = {
    "covered": "0", "aside": "0", "proof_passed": "0", "proof_stale": "0", "last_end_unaccounted": "0",
    "arming_milliseconds": "180", "boots_total": "1", "armed_boots_total": "1", "aside_boots_total": "0",
    "dumps_total": "0", "unaccounted_ends_total": "0", "failed_saves_total": "0",
}  # fmt: skip


def test_metrics(boots, machine):
    """Prometheus' text format: HELP, TYPE and value for each name."""
    folder = machine.root / "var/lib/prometheus/node-exporter"
    boots.start(**ARMED | {"arming_ms": 180})
    boots.complete()
    assert not folder.exists()
    folder.mkdir(parents=True)
    boots.complete()
    text = (folder / "lifeboat.prom").read_text()
    assert text == machine.run("status", "--metrics", status=1).stdout
    found = re.findall(r"# HELP lifeboat_(\w+) \S.*\n# TYPE lifeboat_\1 (gauge|counter)\nlifeboat_\1 (\d+)\n", text)
    assert {name: value for name, _, value in found} == METRICS and len(text.splitlines()) == 3 * len(METRICS)
    assert all((kind == "counter") == name.endswith("_total") for name, kind, _ in found)
    assert "arming took 180 ms\n" in machine.run("status", status=1).stdout


def test_entries_of_the_journal(boots, machine):
    """Entries are sent by systemd's own protocol, to a socket whose path must be short."""
    folder = machine.root / "run/systemd"
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(f"{short}/socket")
        (folder / "journal").symlink_to(short)
        journal.settimeout(10)
        if len(str(folder / "journal/socket")) > 107:
            pytest.skip("this test's folder has too long a name for a socket")
        boots.set_mark()
        boots.start(**BEGUN)
        assert boots.complete() == ""
        entry = dict(line.split("=", 1) for line in journal.recv(4096).decode().splitlines())
    assert entry.keys() == {"MESSAGE", "MESSAGE_ID", "PRIORITY", "SYSLOG_IDENTIFIER"}
    assert entry["SYSLOG_IDENTIFIER"] == "lifeboat" and "is proved" in entry["MESSAGE"]
    assert entry["MESSAGE_ID"] in documented_ids()


def documented_ids() -> set[str]:
    page = Path(__file__).resolve().parents[2] / "docs/boots.md"
    return set(re.findall(r"^\| `([0-9a-f]{32})` \|", page.read_text(), re.MULTILINE))


def test_every_message_id_is_documented():
    source = (Path(__file__).resolve().parents[2] / "tools/ctl/journal.c").read_text()
    used = re.findall(r'\{"([0-9a-f]{32})", \d\}', source)
    assert len(used) == len(set(used)) > 0 and set(used) == documented_ids()


def test_units_call_words_that_are_there(machine):
    folder = Path(__file__).resolve().parents[2] / "tools/ctl/units"
    units = "".join(path.read_text() for path in folder.iterdir())
    called = re.findall(r"^Exec\w+=/usr/local/sbin/lifeboatctl (.*)$", units, re.MULTILINE)
    assert sorted(called) == ["boot-complete", "boot-start", "boot-stop", "save-failed"]
    for word in called:
        machine.run(word)
