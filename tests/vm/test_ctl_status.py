# SPDX-License-Identifier: BSD-2-Clause
"""lifeboatctl status beyond test_status.py: late words, JSON, and what other commands print."""

import json
import re
import subprocess

import jsonschema
import pytest
import status_schema
from conftest import build
from test_status import ARMED, GOOD, VARIABLE, run_command

PREPARED = {VARIABLE: b"\x06\0\0\0version=0.1.0\nstate=prepared\nmode=driver\nsaid=one\nsaid=two\n"}
WORDS = b"ro quiet panic=-1 reboot=efi,cold,panic_warm crash_kexec_post_notifiers efi=runtime oops=panic\n"


@pytest.fixture(scope="module")
def tool():
    return str(build("lifeboatctl.checked"))


@pytest.fixture
def status(tool, tmp_path):
    """status(changes, *words) is the ended program, with the files of GOOD and these changes."""
    return lambda changes, *words: run_command([tool, "status", *words], tmp_path, changes)


def test_late_words_are_there(status):
    done = status(PREPARED | {"proc/cmdline": WORDS})
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("line, wanted", [
    (b"ro efi=noruntime quiet\n", "nothing was armed: kernel arguments: efi=noruntime"),
    (b"ro mem_encrypt=on\n", "nothing was armed: kernel arguments: mem_encrypt=on"),
    (b"ro sysctl.kernel/panic=0x0\n", "nothing was armed: kernel arguments: sysctl.kernel/panic=0x0"),
    (b"ro quiet\n", "this boot loader's Linux was not recognised"),
    # One of Lifeboat's words is not enough, and words behind the kernel's part do not count.
    (b"ro panic=-1\n", "this boot loader's Linux was not recognised"),
    (b"ro -- " + WORDS, "this boot loader's Linux was not recognised"),
    # The kernel cuts its command line at 2047 bytes.
    (b"ro " + 2040 * b"x" + b"\n", "nothing was armed: kernel arguments: "),
], ids=range(7))  # fmt: skip
def test_late_words_are_missing(status, line, wanted):
    """There is one sentence. Everything else that is wrong with the line follows from it."""
    done = status(PREPARED | {"proc/cmdline": line})
    assert done.returncode == 1 and wanted in done.stderr and done.stderr.count("\n") == 1, done


def test_a_watchdog_that_nothing_stops(status):
    done = status({VARIABLE: ARMED + b"capture=built-in\ndump_to=a PARTUUID=1\nwatchdog=this\nwatchdog=that\n"})
    said = [line for line in done.stdout.splitlines() if line.startswith("note: ")]
    assert said == [f"note: a watchdog that nothing stops after a panic: {name}" for name in ("this", "that")]
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", ["", "--json", "--metrics"])
def test_output_that_does_not_get_out(tool, tmp_path, words):
    done = run_command(["bash", "-c", f'exec "$0" status {words} "$@" >/dev/full', tool], tmp_path, {VARIABLE: ARMED})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "lifeboatctl: standard output cannot be written: No space left on device\n"


SERVER = b"words=panic=-1 reboot=efi,cold,panic_warm crash_kexec_post_notifiers efi=runtime oops=panic\n"
ALONE = b"words=panic=-1 reboot=efi,cold,panic_warm efi=runtime\n"  # as with --without crash_kexec_post_notifiers
NEEDED = b"ro panic=-1 reboot=efi,cold,panic_warm efi=runtime"
OFF = {"sys/module/kernel/parameters/crash_kexec_post_notifiers": b"N\n"}


@pytest.mark.parametrize("words, line, said", [
    (SERVER, WORDS, ""),
    (SERVER, NEEDED + b" crash_kexec_post_notifiers\n", "this boot loader's Linux was not recognised"),
    # What the line sets itself has priority.
    (SERVER, b"ro oops=nopanic crash_kexec_post_notifiers" + NEEDED[2:] + b"\n", ""),
    (ALONE, NEEDED + b"\n", ""),
], ids=range(4))  # fmt: skip
def test_all_the_words_that_were_chosen(status, words, line, said):
    done = status({VARIABLE: PREPARED[VARIABLE] + words, "proc/cmdline": line})
    assert (done.returncode, said in done.stderr, bool(done.stderr)) == (1 if said else 0, True, bool(said)), done


@pytest.mark.parametrize("variable", [ARMED, PREPARED[VARIABLE]], ids=["armed", "prepared"])
def test_an_exception_is_no_problem(status, variable):
    """A word left out on purpose is no problem. A word that was given and is missing now still is one."""
    changes = {"proc/cmdline": NEEDED + b"\n"} | OFF
    done = status({VARIABLE: variable + ALONE} | changes)
    assert (done.returncode, done.stderr) == (0, "")
    assert "note: crash_kexec_post_notifiers was left out, as configured: " in done.stdout
    line = {"proc/cmdline": NEEDED + b" oops=panic crash_kexec_post_notifiers\n"}
    done = status({VARIABLE: variable + SERVER} | OFF | line)
    assert done.returncode == 1 and "crash_kexec_post_notifiers is off" in done.stderr


def test_json_of_an_armed_boot(status):
    done = status({VARIABLE: ARMED + b"capture=built-in\ndump_to=a PARTUUID=1\ndump_to=b PARTUUID=2\n"}, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert status_schema.read(done.stdout) == {
        "schema": "lifeboat-status-1", "covered": True, "version": "0.1.0", "state": "armed", "reason": None,
        "stage": None, "mode": None, "kernel": None, "chain": None, "capture": "built-in",
        "dump_to": ["a PARTUUID=1", "b PARTUUID=2"], "said": [], "survived": None, "installed": None, "aside": None, "arming_ms": None,
        "switched_off": False, "restart_before_hibernation": False, "trial": None, "proof": None, "counters": None,
        "last_end": None, "last_stage": None, "problems": [], "notes": [],
    }  # fmt: skip


def test_what_survived_the_reset(status):
    line = b"survived=0 of 16 pages\n"
    told = status_schema.read(status({VARIABLE: ARMED + line}, "--json").stdout)
    assert told["survived"] == {"pages": 0, "of": 16} and told["covered"] and not told["notes"]
    assert "survived=0 of 16 pages" in status({VARIABLE: ARMED + line}).stdout.splitlines()
    assert status_schema.read(status({VARIABLE: ARMED + b"survived=all\n"}, "--json").stdout)["survived"] is None


@pytest.mark.parametrize("spoil", [
    lambda told: told.update(covered=1), lambda told: told.update(more=None), lambda told: told.pop("notes"),
    lambda told: told.update(trial={"mark": "proven", "failed": 0, "panics": 0, "why": None}),
    lambda told: told.update(counters={}),
], ids=["type", "unknown member", "missing member", "unknown word", "missing counters"])  # fmt: skip
def test_the_schema_refuses_another_object(status, spoil):
    told = status_schema.read(status({}, "--json").stdout)
    spoil(told)
    with pytest.raises(jsonschema.ValidationError):
        status_schema.read(json.dumps(told))


def test_json_says_what_the_text_says(status):
    changes = PREPARED | {"proc/cmdline": b"ro quiet\n", "sys/kernel/kexec_crash_loaded": b"1\n"}
    text, made = status(changes), status(changes, "--json")
    assert (made.returncode, made.stderr) == (1, "")
    told = status_schema.read(made.stdout)
    assert (told["covered"], told["state"], told["mode"]) == (False, "prepared", "driver")
    assert told["said"] == ["one", "two"]
    assert [f"lifeboatctl: {problem}" for problem in told["problems"]] == text.stderr.splitlines()
    assert [f"note: {note}" for note in told["notes"]] == [
        line for line in text.stdout.splitlines() if line.startswith("note: ")
    ]
    assert told["notes"]


def test_json_where_nothing_is(status):
    told = status_schema.read(status(dict.fromkeys(GOOD), "--json").stdout)
    assert told["covered"] is False and told["state"] is None and told["dump_to"] == []


def test_a_variable_of_nonsense_is_shown_and_harmless(status):
    done = status({VARIABLE: b"\x06\0\0\0state=\x1b[2J\xff\n\n=\n" + 3000 * b"y" + b"\0\n"})
    assert done.returncode == 1 and "\x1b" not in done.stdout + done.stderr
    assert 'state is "?[2J?", wanted armed' in done.stderr
    assert status({VARIABLE: b"\x06"}).returncode == 1


def run_other(tool, root, *words):
    return subprocess.run([tool, words[0], "--root", root, *words[1:]], capture_output=True, text=True, check=False)


def test_disarm_and_rearm(status, tool, tmp_path):
    changed = {"sys/kernel/reboot/mode": b"warm\n", "proc/sys/kernel/panic": b"0\n"}
    assert status(changed).returncode == 1
    assert run_other(tool, tmp_path, "rearm", "--dry-run").stdout.count("would set") == 2
    assert (tmp_path / "proc/sys/kernel/panic").read_bytes() == b"0\n"
    assert run_other(tool, tmp_path, "rearm").returncode == 0
    assert status(dict.fromkeys(changed)).returncode == 0
    assert run_other(tool, tmp_path, "disarm").returncode == 0
    said = status({"sys/kernel/reboot/type": None}).stderr
    assert said == 'lifeboatctl: /sys/kernel/reboot/type is "acpi", wanted efi: a panic would not call the firmware\n'
    assert run_other(tool, tmp_path, "rearm").stdout == "sets /sys/kernel/reboot/type to efi\n"
    assert run_other(tool, tmp_path, "rearm").stdout == ""


@pytest.mark.parametrize("changes, wanted", [
    ({VARIABLE: None}, "did not go through Lifeboat"),
    ({VARIABLE: b"\x06\0\0\0state=unarmed\n"}, "this boot is not armed; lifeboatctl status says why"),
    ({"proc/cmdline": b"panic=-1\n"}, "wanted reboot=efi,cold,panic_warm"),
    (PREPARED | {"proc/cmdline": b"ro\n"}, "this boot loader's Linux was not recognised"),
])  # fmt: skip
def test_what_was_never_armed_is_not_rearmed(status, tool, tmp_path, changes, wanted):
    status(changes | {"sys/kernel/reboot/type": b"acpi\n"})
    done = run_other(tool, tmp_path, "rearm")
    assert done.returncode == 1 and wanted in done.stderr
    assert (tmp_path / "sys/kernel/reboot/type").read_bytes() == b"acpi\n"


def test_disarm_of_an_old_kernel(status, tool, tmp_path):
    status({"sys/kernel/reboot/type": None})
    assert "cannot be changed" in run_other(tool, tmp_path, "disarm").stderr


@pytest.mark.parametrize("words, code, said", [
    (["--help"], 0, "usage: lifeboatctl COMMAND"),
    (["--version"], 0, "lifeboatctl (Lifeboat) "),
    (["status", "--help"], 0, "usage: lifeboatctl status [OPTION]"),
    ([], 2, "a command is wanted; lifeboatctl --help"),
    (["arm"], 2, "lifeboatctl: arm: no such command; lifeboatctl --help"),
    (["instal"], 2, "lifeboatctl: instal: no such command; did you mean install?"),
    (["install", "--mode", "x"], 2, "lifeboatctl: install: --mode x: wanted auto, driver, sd-boot or chain"),
    (["status", "--wrong"], 2, "lifeboatctl: status: --wrong: no such option; lifeboatctl status --help"),
    (["status", "--jsno"], 2, "lifeboatctl: status: --jsno: no such option; did you mean --json?"),
    (["install", "--jsno"], 2, "lifeboatctl: install: --jsno: no such option; lifeboatctl install --help"),
    (["status", "-x"], 2, "lifeboatctl: status: -x: no such option"),
    (["install", "--esp"], 2, "lifeboatctl: install: --esp: a value is wanted"),
    (["status", "--json=yes"], 2, "lifeboatctl: status: --json: takes no value"),
    (["status", "--help=yes"], 2, "lifeboatctl: status: --help: takes no value"),
    (["off", "--dry-run=yes"], 2, "lifeboatctl: off: --dry-run: takes no value"),
    (["install", "--re", "64M"], 2, "lifeboatctl: install: --re: more than one option begins so; lifeboatctl install"),
    (["test", "--re"], 2, "lifeboatctl: test: --re: no such option; did you mean --report?"),
    (["save", "--no"], 2, "lifeboat-save: --no: more than one option begins so; --help"),
    (["report", "--help=yes"], 2, "lifeboat-report: --help: takes no value"),
    (["status", "more"], 2, "lifeboatctl: status: more: no such word"),
    (["status", "--mode"], 2, "lifeboatctl: status: --mode: an option of install;"),
    (["off", "--sign", "k", "c"], 2, "lifeboatctl: off: --sign: an option of install, update;"),
    (["save", "--identiy", "x"], 2, "lifeboat-save: --identiy: no such option; did you mean --identity?"),
    (["report", "--wrong"], 2, "lifeboat-report: --wrong: no such option; --help"),
])  # fmt: skip
def test_words(tool, words, code, said):
    done = subprocess.run([tool, *words], capture_output=True, text=True, check=False)
    assert done.returncode == code and said in (done.stderr if code else done.stdout), done
    assert not code or done.stderr.count("\n") == 1, done


COMMANDS = ("install", "update", "rollback", "off", "on", "status", "test", "rearm", "disarm", "remove")
UNITS = ("boot-start", "boot-complete", "boot-stop", "save-failed")
# A value for each that has one.
VALUES = {"--root": "/x", "--esp": "/x", "--from": "/x", "--mode": "driver", "--sign": "k", "--recipient": "x",
          "--dump-to": "/x"}  # fmt: skip


def options(tool, *command) -> set[str]:
    done = subprocess.run([tool, *command, "--help"], capture_output=True, text=True, check=True)
    return set(re.findall(r"^ +(?:-n, |-h, )?(--[a-z-]+)", done.stdout, re.MULTILINE))


@pytest.mark.parametrize("command", COMMANDS + UNITS)
def test_an_option_of_another_command_is_refused(tool, command):
    """Of every one that is: who asks for something hears that it is not done. The command itself does not begin."""
    own, others = options(tool, command), {name: options(tool, name) for name in COMMANDS}
    assert {"--root", "--help"} <= own < set.union(*others.values())
    for option in set.union(*others.values()) - own:
        words = [option, *([VALUES[option]] if option in VALUES else [])]
        done = subprocess.run([tool, command, "--root", "/nonexistent", *words], capture_output=True, text=True, check=False)
        takers = ", ".join(name for name in COMMANDS if option in others[name])
        assert done.returncode == 2 and done.stdout == "", done
        assert done.stderr == (
            f"lifeboatctl: {command}: {option}: an option of {takers}; lifeboatctl {command} --help lists its own\n"
        )


def test_the_help_of_all_has_what_each_has(tool):
    assert options(tool) == set.union(*(options(tool, command) for command in COMMANDS)) | {"--version"}
