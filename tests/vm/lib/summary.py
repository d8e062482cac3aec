# SPDX-License-Identifier: BSD-2-Clause
"""Writes the panic matrix as a table at the end of a test run, and into the build folder. The whole matrix of
LIFEBOAT_FULL=1 goes to panic-matrix.txt, where scripts/measure finds it, others to panic-matrix-short.txt.

A test records its row in its report, which pytest-xdist passes on from its workers.
"""

import os
from collections import Counter
from pathlib import Path

import ledger
import pytest
from endurance_loop import Endurance
from runs import Run
from scenarios import NOT_PROVOKED, Scenario
from suites import NOT_RUN

BUILD = Path(os.environ.get("LIFEBOAT_BUILD", Path(__file__).resolve().parents[3] / "build"))
_PROPERTY = "panic-matrix"
_ENDURANCE = "endurance"
_ENDURANCE_HEAD = ("machine", "cycle", "panic", "disk", "loader", "armed", "up", "dump", "wall", "drawn by")
_HEAD = ("row", "panic", "machine", "outcome", "seconds", "in words")


def _outcome(run: Run) -> str:
    """Returns captured, passed, reset with message, hang, or another outcome."""
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
    """record_row(scenario, run) adds a row to the table."""

    def record(scenario: Scenario, run: Run) -> None:
        machine = f"{scenario.machine.split(',')[0]}, {scenario.cpus} x {scenario.cpu}, {scenario.memory_mib} MiB"
        findings = run.findings
        row = [scenario.name, scenario.kind, machine, _outcome(run), str(round(findings.get("seconds", 0)))]
        request.node.user_properties.append((_PROPERTY, [*row, findings.get("reason", run.said[-200:])]))

    return record


@pytest.fixture
def record_endurance(request):
    """record_endurance(story) adds the story's cycles to a table of their own."""

    def record(story: Endurance) -> None:
        for number, (cycle, times) in enumerate(zip(story.cycles, story.times, strict=False), 1):
            seconds = (times.to_loader, times.to_armed, times.to_up, times.panic_to_reset, times.wall)
            row = [story.machine.name, str(number), cycle.panic, cycle.controller, *(f"{one:.1f}" for one in seconds)]
            request.node.user_properties.append((_ENDURANCE, [*row, f"seed {story.seed}"]))

    return record


def _table(rows: list[list[str]], head: tuple[str, ...] = _HEAD) -> str:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head) - 1)]
    lines = []
    for row in [head, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)


def text(rows: list[list[str]]) -> str:
    counts = Counter(row[3] for row in rows)
    total = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    rest = [[name, "", "", "not provoked", "", why] for name, why in NOT_PROVOKED.items()]
    return f"{_table(sorted(rows) + rest)}\n\n{len(rows)} rows: {total}\n"


def endurance_text(rows: list[list[str]]) -> str:
    """Makes the table. Seconds are QEMU's CPU seconds since the reset. "dump" is from panic to reset; "wall" is the
    wall clock for all."""
    return f"{_table(sorted(rows), _ENDURANCE_HEAD)}\n\n{len(rows)} panics, {len({row[0] for row in rows})} machines\n"


def not_run(reports: list) -> list[str]:
    """Returns why tests were skipped that were to run: a kernel that cannot be fetched, a judge that does not
    support it."""
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in reports)
    return [f"{reason} ({count} tests)" for reason, count in sorted(reasons.items()) if reason.startswith(NOT_RUN)]


def pytest_terminal_summary(terminalreporter) -> None:
    if missing := not_run(terminalreporter.stats.get("skipped", [])):
        terminalreporter.section("not run")
        terminalreporter.write("\n".join(missing) + "\n")
    full = os.environ.get("LIFEBOAT_FULL") == "1"
    _write(terminalreporter, "panic matrix", text, f"panic-matrix{'' if full else '-short'}.txt", _PROPERTY)
    _write(terminalreporter, "endurance", endurance_text, f"endurance{'' if full else '-short'}.txt", _ENDURANCE)


def _write(terminalreporter, title: str, to_text, file: str, wanted: str) -> None:
    """Writes the table to the terminal and into the build folder, if a row was recorded."""
    rows = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == wanted
    ]
    rows += [value for entry in ledger.earlier() for name, value in entry.properties if name == wanted]
    if not rows:
        return
    terminalreporter.section(title)
    terminalreporter.write(to_text(rows))
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / file).write_text(to_text(rows))
