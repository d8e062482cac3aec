# SPDX-License-Identifier: BSD-2-Clause
"""The panic matrix as a table at the end of a test run, and in the build folder: the whole one,
of LIFEBOAT_FULL=1, in panic-matrix.txt, where scripts/measure finds it, else in panic-matrix-short.txt.

A test records its row in the report itself, which pytest-xdist carries from its workers.
"""

import os
from collections import Counter
from pathlib import Path

import ledger
import pytest
from runs import Run
from scenarios import NOT_PROVOKED, Scenario
from suites import NOT_RUN

BUILD = Path(os.environ.get("LIFEBOAT_BUILD", Path(__file__).resolve().parents[3] / "build"))
_PROPERTY = "panic-matrix"
_HEAD = ("row", "panic", "machine", "outcome", "seconds", "in words")


def _outcome(run: Run) -> str:
    """captured, passed, reset with message, hang, or what else it was."""
    findings = run.findings
    if not findings:
        return "not run"
    if findings["captured"]:
        return "captured"
    if findings["ok"]:
        return "passed"
    if "reset" not in findings["stages"]:
        return "hang"
    return "reset with message" if findings["messages"] else "reset"


@pytest.fixture
def record_row(request):
    """record_row(scenario, run) notes it for the table."""

    def record(scenario: Scenario, run: Run) -> None:
        machine = f"{scenario.machine.split(',')[0]}, {scenario.cpus} x {scenario.cpu}, {scenario.memory_mib} MiB"
        findings = run.findings
        row = [scenario.name, scenario.kind, machine, _outcome(run), str(round(findings.get("seconds", 0)))]
        request.node.user_properties.append((_PROPERTY, [*row, findings.get("reason", run.said[-200:])]))

    return record


def _table(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in [_HEAD, *rows]) for column in range(len(_HEAD) - 1)]
    lines = []
    for row in [_HEAD, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)


def text(rows: list[list[str]]) -> str:
    counts = Counter(row[3] for row in rows)
    total = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    rest = [[name, "", "", "not provoked", "", why] for name, why in NOT_PROVOKED.items()]
    return f"{_table(sorted(rows) + rest)}\n\n{len(rows)} rows: {total}\n"


def not_run(reports: list) -> list[str]:
    """Why tests were skipped that were to run: a kernel that cannot be had, a judge that does not know it."""
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in reports)
    return [f"{reason} ({count} tests)" for reason, count in sorted(reasons.items()) if reason.startswith(NOT_RUN)]


def pytest_terminal_summary(terminalreporter) -> None:
    if missing := not_run(terminalreporter.stats.get("skipped", [])):
        terminalreporter.section("not run")
        terminalreporter.write("\n".join(missing) + "\n")
    rows = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == _PROPERTY
    ]
    rows += [value for entry in ledger.earlier() for name, value in entry.properties if name == _PROPERTY]
    if not rows:
        return
    terminalreporter.section("panic matrix")
    terminalreporter.write(text(rows))
    BUILD.mkdir(parents=True, exist_ok=True)
    name = "panic-matrix.txt" if os.environ.get("LIFEBOAT_FULL") == "1" else "panic-matrix-short.txt"
    (BUILD / name).write_text(text(rows))
