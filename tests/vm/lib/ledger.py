# SPDX-License-Identifier: BSD-2-Clause
"""Remembers the results so far on this commit: `scripts/test --full` takes hours, and continues where it was ended.

$LIFEBOAT_LEDGER names the file, with a JSON object in each line, written as each test ends. scripts/test names it
after the commit. Only tests that passed are left out the next time. pytest-xdist's controller writes the file, and
all its workers have read it before the first test runs.
"""

import json
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_PATH = os.environ.get("LIFEBOAT_LEDGER", "")


@dataclass
class Entry:
    """How one test ended."""

    test: str
    outcome: str  # passed, failed, skipped
    seconds: float
    at: str  # UTC
    properties: list = field(default_factory=list)  # what the test recorded, as for the panic matrix


def read(path: Path) -> list[Entry]:
    """Reads the entries. A line that was cut off, because the machine went down, is ignored."""
    entries = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            entries.append(Entry(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return entries


def earlier() -> list[Entry]:
    """Returns the tests that had passed when this run began."""
    if not hasattr(earlier, "entries"):
        entries = read(Path(_PATH)) if _PATH else []
        earlier.entries = [entry for entry in entries if entry.outcome == "passed"]
    return earlier.entries


def pytest_configure() -> None:
    """Reads them before there are others: with pytest-xdist the controller asks only at the end."""
    earlier()


def _name(nodeid: str) -> str:
    """Returns the name without the group that pytest-xdist adds to it."""
    return re.sub(r"@[^\]@/]*$", "", nodeid)


def pytest_collection_modifyitems(config, items) -> None:
    done = {entry.test for entry in earlier()}
    left_out = [item for item in items if _name(item.nodeid) in done]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if _name(item.nodeid) not in done]


def pytest_sessionfinish(session, exitstatus) -> None:
    """Makes a run with no test left to run a success."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and earlier():
        session.exitstatus = pytest.ExitCode.OK


def pytest_runtest_logreport(report) -> None:
    if not _PATH or os.environ.get("PYTEST_XDIST_WORKER") or (report.when != "call" and report.passed):
        return
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    entry = Entry(_name(report.nodeid), report.outcome, round(report.duration, 1), at, [list(pair) for pair in report.user_properties])
    with open(_PATH, "a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(vars(entry)) + "\n")
