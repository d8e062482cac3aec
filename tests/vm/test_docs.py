# SPDX-License-Identifier: BSD-2-Clause
"""README.md and docs/: short where they should be, links that lead somewhere, tables that are complete."""

import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, *DOCS]
README_LINES_MAX = 120

_FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """A heading's anchor, as GitHub makes it: lower case, no punctuation, dashes for blanks."""
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
    assert {"initrd", "watchdog", "dump-to", "selftest"} <= words  # what is looked for is found
    page = (ROOT / "docs/options.md").read_text()
    assert not {word for word in words if not re.search(rf"`--{word}[` ]", page)}


def test_packages_are_those_of_setup():
    listed = subprocess.run([ROOT / "scripts/setup", "--list"], capture_output=True, text=True, check=True).stdout
    wanted = {line.split()[1] for line in listed.splitlines()}
    page = (ROOT / "docs/packages.md").read_text()
    documented = set(re.findall(r"^\| `([a-z0-9+-]+)` \|", page, re.MULTILINE))
    assert documented == wanted


def test_origins_has_a_section_for_each_thread():
    """Author and date, a link, and a command whose output is shown; `make lint` runs the commands."""
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
    ("```\necho a\n```\n", 1),  # nothing is shown
])  # fmt: skip
def test_what_a_page_shows_is_compared(tmp_path, page, status):
    (tmp_path / "page.md").write_text(page)
    done = subprocess.run([ROOT / "tests/shown", tmp_path / "page.md"], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout
    assert bool(done.stdout) == bool(status)


def test_pictures_are_drawings():
    for path in (ROOT / "docs").glob("*.svg"):
        ElementTree.parse(path)
