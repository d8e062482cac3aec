# SPDX-License-Identifier: BSD-2-Clause
"""The matrix's table has every row, sorted, with counts, and the rows that no run can fill."""

from pathlib import Path
from types import SimpleNamespace

import pytest

import suites
import summary
from runs import Run
from scenarios import NOT_PROVOKED

ROWS = [
    ["vfs", "vfs", "pc, 1 x qemu64, 2048 MiB", "captured", "20", "a verified dump"],
    ["early", "planted pid_idr_init", "q35, 2 x max, 384 MiB", "hang", "9", "panics without an end"],
    ["sysrq", "sysrq", "q35, 2 x max, 2048 MiB", "captured", "21", "a verified dump"],
]


def test_table():
    lines = summary.text(ROWS).splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["row", "early", "sysrq", "vfs"]
    assert lines[4].split()[0] == next(iter(NOT_PROVOKED)) and "not provoked" in lines[4]
    assert lines[-1] == "3 rows: 2 captured, 1 hang"
    column = lines[0].index("outcome")
    assert [line[column:].split("  ")[0] for line in lines[1:4]] == ["hang", "captured", "captured"]


def test_a_row_whose_kernel_cannot_be_had_is_said():
    def skipped(reason: str):
        return SimpleNamespace(longrepr=("file", 1, f"Skipped: {reason}"))

    reports = [skipped("not run, x/sid cannot be had: gone"), skipped("LIFEBOAT_FULL=1 runs it")] * 2
    assert summary.not_run(reports) == ["not run, x/sid cannot be had: gone (2 tests)"]


@pytest.mark.parametrize(
    ("status", "end", "said"),
    [
        (3, pytest.skip.Exception, "not run, linux-image-x/sid cannot be had: no such package"),
        (1, AssertionError, "exit status 1: no such package"),
    ],
)
def test_only_what_cannot_be_had_is_skipped(tmp_path, monkeypatch, status, end, said):
    fake = tmp_path / "fetch-kernel"
    fake.write_text(f"#!/bin/sh\necho no such package >&2\nexit {status}\n")
    fake.chmod(0o755)
    monkeypatch.setattr(suites, "_SCRIPTS", tmp_path)
    monkeypatch.setattr(suites, "_mirrors", lambda: {"main": "http://nowhere"})
    with pytest.raises(end, match=said):
        suites.fetch("linux-image-x/sid", tmp_path / "lists")


@pytest.mark.parametrize(
    ("findings", "outcome"),
    [
        ({}, "not run"),
        ({"captured": True, "ok": True}, "captured"),
        ({"captured": False, "ok": True}, "passed"),
        ({"captured": False, "ok": False, "stages": {"panic": 1}}, "hang"),
        ({"captured": False, "ok": False, "stages": {"panic": 1, "reset": 2}, "messages": ["fault"]}, "reset with message"),
        ({"captured": False, "ok": False, "stages": {"panic": 1, "reset": 2}, "messages": []}, "reset"),
    ],
)  # fmt: skip
def test_outcome(findings, outcome):
    run = Run("name", [], Path("/nowhere"), 1, "")
    run.__dict__["findings"] = findings  # where cached_property keeps it
    assert summary._outcome(run) == outcome
