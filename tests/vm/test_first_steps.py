# SPDX-License-Identifier: BSD-2-Clause
"""scripts/setup --list, what scripts/demo says and leaves, and the exit status of what is not there. Runs no virtual
machine: a stand-in of lifeboat-vm leaves the files that demo asks it for."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import SCRIPTS, build

STAND_IN = """\
#!/bin/bash
[[ $* != *--check-words* ]] || exit 0
while (($#)); do
	case $1 in
	--dump | --dmesg | --report | --log | --json | --svg) echo "of $1" >"$2" ;;
	esac
	shift
done
echo 'why it died:'
"""


def setup(*words, status=0) -> list[str]:
    done = subprocess.run([SCRIPTS / "setup", *words], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout.splitlines()


def test_the_list_is_of_the_groups_that_are_named():
    everything = setup("--list")
    groups = {line.split()[0] for line in everything}
    assert groups == {"build", "deb", "vm", "capture", "crash", "test"}
    for words in (["--list", "deb"], ["deb", "--list"]):
        assert setup(*words) == [line for line in everything if line.startswith("deb ")]
    assert setup("--list", "vm", "deb") == [line for line in everything if line.startswith(("deb ", "vm "))]
    assert setup("--list", "dev", status=2) == []


@pytest.fixture
def demo(tmp_path):
    """scripts/demo in a tree whose other scripts are stand-ins: what it says, and its tree."""

    def run(*words) -> tuple[str, Path]:
        tree = tmp_path / "tree"
        (tree / "scripts").mkdir(parents=True)
        (tree / "bin").mkdir()
        shutil.copy(SCRIPTS / "demo", tree / "scripts/demo")
        for path, text in {
            "scripts/lifeboat-vm": STAND_IN, "scripts/setup": "#!/bin/sh\n", "bin/make": "#!/bin/sh\n",
            "scripts/fetch-kernel": "#!/bin/sh\necho vmlinuz\n",
        }.items():  # fmt: skip
            (tree / path).write_text(text)
            (tree / path).chmod(0o755)
        environment = os.environ | {"PATH": f"{tree / 'bin'}:{os.environ['PATH']}"}
        done = subprocess.run(
            [tree / "scripts/demo", *words], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, tree

    return run


def test_demo_says_why_it_died_once_and_lists_what_it_made(demo):
    said, tree = demo()
    made = {path.name for path in (tree / "build/demo").iterdir()}
    assert {"vmcore", "vmcore-dmesg.txt", "report.txt", "console.log", "run.json", "timeline.svg"} <= made
    left = said.partition("== what is left\n")[2]
    assert {line.split()[-1] for line in left.splitlines() if line.startswith("-")} == made
    assert said.count("why it died") == 1 and "of --report" not in said


@pytest.mark.parametrize("words", [
    ["lifeboat-vm", "--kernel", "NOWHERE"], ["mkcapture", "--kernel", "NOWHERE"],
    ["measure", "--builtin", "--loader", "NOWHERE"], ["build/footprint", "NOWHERE"],
    ["build/lifeboat-report", "NOWHERE"], ["build/lifeboat-save", "NOWHERE", "vmcore"],
], ids=lambda words: words[0].rpartition("/")[2])  # fmt: skip
def test_an_input_that_is_not_there_is_2(tmp_path, words):
    """Of every program the same: nothing was begun. The sentence names the file."""
    nowhere, folder, program = tmp_path / "nowhere", *words[0].rpartition("/")[::2]
    path = build(program) if folder else SCRIPTS / program
    arguments = [nowhere if word == "NOWHERE" else word for word in words[1:]]
    done = subprocess.run([path, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and str(nowhere) in done.stderr.splitlines()[-1], done.stderr
    assert list(tmp_path.iterdir()) == []
