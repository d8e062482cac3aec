# SPDX-License-Identifier: BSD-2-Clause
"""The results so far on this commit: `scripts/test --full` takes hours, and goes on where it was ended.

$LIFEBOAT_LEDGER names the file, a JSON object a line, written as each test ends; scripts/test names it after
the commit. Only a test that passed is left out the next time. pytest-xdist's controller writes, and all its
workers have read before the first test runs.
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
    properties: list = field(default_factory=list)  # what it recorded, as for the panic matrix


def read(path: Path) -> list[Entry]:
    """A line that was cut off, since the machine went away, counts as not written."""
    entries = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            entries.append(Entry(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return entries


def earlier() -> list[Entry]:
    """What had passed when this run began."""
    if not hasattr(earlier, "entries"):
        entries = read(Path(_PATH)) if _PATH else []
        earlier.entries = [entry for entry in entries if entry.outcome == "passed"]
    return earlier.entries


def _name(nodeid: str) -> str:
    """Without the group that pytest-xdist puts behind it."""
    return re.sub(r"@[^\]@/]*$", "", nodeid)


def pytest_collection_modifyitems(config, items) -> None:
    done = {entry.test for entry in earlier()}
    left_out = [item for item in items if _name(item.nodeid) in done]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if _name(item.nodeid) not in done]


def pytest_sessionfinish(session, exitstatus) -> None:
    """Where nothing is left to run, that is no failure."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and earlier():
        session.exitstatus = pytest.ExitCode.OK


def pytest_runtest_logreport(report) -> None:
    if not _PATH or os.environ.get("PYTEST_XDIST_WORKER") or (report.when != "call" and report.passed):
        return
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    entry = Entry(_name(report.nodeid), report.outcome, round(report.duration, 1), at, [list(pair) for pair in report.user_properties])
    with open(_PATH, "a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(vars(entry)) + "\n")
