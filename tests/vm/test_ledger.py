# SPDX-License-Identifier: BSD-2-Clause
"""A full test that was ended continues: what passed on this commit is left out, and nothing else."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import ledger
import pytest

LIB = Path(ledger.__file__).parent
TESTS = """
import pathlib
import pytest

@pytest.mark.xdist_group("group")
@pytest.mark.parametrize("row", ["plain", "with@sign"])
def test_row(row, record_property):
    record_property("panic-matrix", [row])

def test_mended():
    assert pathlib.Path(__file__).with_name("mended").exists()

def test_skipped():
    pytest.skip("cannot be had")
"""
_REAL_CONFTEST = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
_HOOKS = re.search(r"^from ledger import \(.*?^\)", _REAL_CONFTEST, re.MULTILINE | re.DOTALL)[0]
CONFTEST = f"""
import pathlib
import ledger
{_HOOKS}

def pytest_terminal_summary():
    pathlib.Path(__file__).with_name("earlier").write_text(str(len(ledger.earlier())))
"""


@pytest.fixture(params=[[], ["-n", "2", "--dist", "loadgroup"]], ids=["alone", "two workers"])
def run(request, tmp_path):
    """run() is the last line of a run of TESTS, and its exit status."""
    (tmp_path / "test_rows.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    environment = os.environ | {"LIFEBOAT_LEDGER": str(tmp_path / "ledger"), "PYTHONPATH": str(LIB)}
    environment = {name: value for name, value in environment.items() if not name.startswith("PYTEST_")}

    def once() -> tuple[str, int]:
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *request.param, "."]
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return done.stdout.strip().splitlines()[-1], done.returncode

    return once


def test_what_is_missing_is_run(run, tmp_path):
    line, status = run()
    assert "1 failed, 2 passed, 1 skipped" in line and status == 1
    line, status = run()
    assert "1 failed, 1 skipped" in line and "passed" not in line and status == 1
    (tmp_path / "mended").touch()
    line, status = run()
    assert "1 passed, 1 skipped" in line and status == 0
    entries = ledger.read(tmp_path / "ledger")
    assert sorted(entry.test for entry in entries if entry.outcome == "passed") == [
        "test_rows.py::test_mended", "test_rows.py::test_row[plain]", "test_rows.py::test_row[with@sign]",
    ]  # fmt: skip
    plain = next(entry for entry in entries if "plain" in entry.test)
    assert plain.properties == [["panic-matrix", ["plain"]]]
    assert [entry.outcome for entry in entries if "mended" in entry.test] == ["failed", "failed", "passed"]


def test_earlier_is_what_had_passed_before(run, tmp_path):
    """Otherwise each row of this run stands in the matrix twice."""
    for passed in (0, 2):
        run()
        assert (tmp_path / "earlier").read_text() == str(passed)


def test_nothing_left_is_no_failure(run, tmp_path):
    (tmp_path / "mended").touch()
    run()
    (tmp_path / "test_rows.py").write_text(TESTS.partition("def test_skipped")[0])
    line, status = run()
    assert "3 deselected" in line or "no tests ran" in line
    assert status == 0


def test_a_line_cut_off_is_not_a_result(tmp_path):
    path = tmp_path / "ledger"
    whole = json.dumps({"test": "test_a", "outcome": "passed", "seconds": 1.0, "at": "", "properties": []})
    path.write_text(f"{whole}\n{whole[:30]}")
    assert [entry.test for entry in ledger.read(path)] == ["test_a"]
