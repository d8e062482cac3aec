# SPDX-License-Identifier: BSD-2-Clause
"""README.md and docs/: lengths, links that lead somewhere, and tables that are complete."""

import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import machine_table
import pytest
import support_table
from collected import Collected

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, *DOCS]
README_LINES_MAX = 120
MACHINES = ROOT / "docs/machines"

_FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """Returns the anchors of the headings as GitHub makes them: lower case, no punctuation, dashes for blanks."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def name(page: Path) -> str:
    return page.name


def test_readme_is_one_screen():
    assert len(README.read_text().splitlines()) <= README_LINES_MAX


def test_readme_links_every_page():
    linked = set(_LINK.findall(prose(README)))
    assert {f"docs/{page.name}" for page in DOCS} <= linked


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    wrong = []
    for link in _LINK.findall(prose(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert not wrong


@pytest.mark.parametrize("page", DOCS, ids=name)
def test_page_names_its_audience_first(page):
    title, blank, audience = page.read_text().splitlines()[:3]
    assert title.startswith("# ") and not blank
    assert audience.startswith("For whoever "), audience


def test_options_are_all_documented():
    tables = "".join(file.read_text() for file in sorted((ROOT / "loader/options").glob("*options.c")))
    words = set(re.findall(r'^\t\[.*= \{"([a-z-]+)", ', tables, re.MULTILINE))
    assert {"initrd", "watchdog", "dump-to", "selftest"} <= words  # the search finds words
    page = (ROOT / "docs/options.md").read_text()
    assert not {word for word in words if not re.search(rf"`--{word}[` ]", page)}


def test_packages_are_those_of_setup():
    listed = subprocess.run([ROOT / "scripts/setup", "--list"], capture_output=True, text=True, check=True).stdout
    wanted = {line.split()[1] for line in listed.splitlines()}
    page = (ROOT / "docs/packages.md").read_text()
    documented = set(re.findall(r"^\| `([a-z0-9+-]+)` \|", page, re.MULTILINE))
    assert documented == wanted


def test_origins_has_a_section_for_each_thread():
    """Each section has an author and a date, a link, and a command with its output. `make lint` runs the
    commands."""
    text = (ROOT / "docs/origins.md").read_text()
    sections = re.findall(r"^## (\d{4}): .*?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert [year for year, _ in sections] == ["2016", "2017", "2018", "2013", "2009"]
    for year, section in sections:
        first = section.lstrip().split("\n\n")[0]
        assert re.match(rf"[A-Z]\w+ \w+.*\b{year}\b", first, re.DOTALL), first
        assert re.search(r"\]\(https?://", first) and re.search(r"^\$ \S", section, re.MULTILINE), year


@pytest.mark.parametrize("page, status", [
    ("```\n$ echo a; echo b\na\nb\n```\n", 0),
    ("```\n$ echo a\na\n$ echo b\nc\n```\n", 1),
    ("```\n$ false\n```\n", 1),
    ("```\necho a\n```\n", 1),  # no output is shown
])  # fmt: skip
def test_what_a_page_shows_is_compared(tmp_path, page, status):
    (tmp_path / "page.md").write_text(page)
    done = subprocess.run([ROOT / "tests/shown", tmp_path / "page.md"], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout
    assert bool(done.stdout) == bool(status)


def test_made_tables_are_current():
    done = subprocess.run([ROOT / "tests/pages", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def told(**changes) -> dict:
    """Makes a machine of docs/machines with these members changed."""
    return json.loads((MACHINES / "qemu-debian.json").read_text()) | changes


PANIC = {"outcome": "complete", "stale": False, "seconds_to_first_byte": 0.5, "seconds_to_end": 2.0, "dump_bytes": 1}
PASSED = {"verdict": "passed", "stale": False}


@pytest.mark.parametrize("panic, selftest, state", [
    (PANIC, None, "proved"), (PANIC, PASSED, "proved"), (None, PASSED, "self-tested"), (None, None, "unknown"),
    (PANIC | {"stale": True}, PASSED, "self-tested"), (PANIC | {"outcome": "partial"}, None, "unknown"),
    (PANIC | {"outcome": "none seen"}, PASSED, "self-tested"), (None, PASSED | {"stale": True}, "unknown"),
    (None, PASSED | {"verdict": "begun"}, "unknown"),
], ids=range(9))  # fmt: skip
def test_a_machine_s_state(tmp_path, panic, selftest, state):
    machine = told(panic=panic, selftest=selftest)
    machine["system"]["product"] = "P | <b>`x`"
    (tmp_path / "one.json").write_text(json.dumps(machine))
    row = machine_table.table(tmp_path).splitlines()[2]
    cells = row.strip("| ").split(" | ")
    assert cells[8:] == [state, "2.0 s" if state == "proved" else "-"]
    assert cells[0] == "QEMU P ? ?b??x? (virtual)"


def test_machines_have_nothing_of_their_own():
    assert machine_table.secrets(MACHINES) == []


def test_a_row_is_what_tests_do():
    """A row says what the most frequent run with it is. A row whose tests no longer exist fails."""
    tests = support_table.Tests([Collected("a.py::x[one]", None)], [Collected(f"a.py::x[{n}]", None) for n in ("one", "two")])
    states = [support_table.by_tests(tests, "what", pattern)[1] for pattern in ("a.py::*", "a.py::x[[]two]", "unit/test_scsi.c", None)]
    assert states == ["scripts/test", "--full", "host tests only", "not supported"]
    for gone in ("b.py::*", "unit/test_none.c"):
        with pytest.raises(AssertionError, match="what: "):
            support_table.by_tests(tests, "what", gone)


def test_pictures_are_drawings():
    for path in (ROOT / "docs").glob("*.svg"):
        ElementTree.parse(path)
