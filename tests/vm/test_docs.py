# SPDX-License-Identifier: BSD-2-Clause
"""README.md and docs/: short where they should be, links that lead somewhere, tables that are complete."""

import re
import subprocess
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
