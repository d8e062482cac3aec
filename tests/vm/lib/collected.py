# SPDX-License-Identifier: BSD-2-Clause
"""Lists the tests of tests/vm that pytest collects for a short run and for a full one, without running any.

This file is both collect() and the plugin that collect() gives to pytest.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_LIB = Path(__file__).resolve().parent
_OUTPUT = "LIFEBOAT_COLLECTED"
# LIFEBOAT_FULL asks for a full run, a ledger leaves out tests that have passed, and the others mark a worker
# of pytest-xdist.
_NOT_PASSED_ON = ("LIFEBOAT_FULL", "LIFEBOAT_LEDGER", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT")


@dataclass(frozen=True)
class Collected:
    name: str  # "test_disks.py::test_driver[nvme]"
    scenario: dict | None  # the scenarios.Scenario among its parameters, as a dict


def collect(full: bool) -> list[Collected]:
    """Returns the tests that would run, with LIFEBOAT_FULL=1 or without."""
    with tempfile.NamedTemporaryFile() as output:
        environment = {key: value for key, value in os.environ.items() if key not in _NOT_PASSED_ON}
        environment |= {_OUTPUT: output.name, "PYTHONPATH": str(_LIB)} | ({"LIFEBOAT_FULL": "1"} if full else {})
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "collected", _LIB.parent]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return [Collected(**one) for one in json.loads(Path(output.name).read_text())]


def _is_skipped(item) -> bool:
    return any(mark.args and mark.args[0] is True for mark in item.iter_markers("skipif"))


def _scenario(item) -> dict | None:
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    for one in parameters:
        if type(one).__name__ == "Scenario":
            return {
                "kind": one.kind, "cpu": one.cpu, "machine": one.machine, "cpus": one.cpus, "memory_mib": one.memory_mib,
                "kernel": one.kernel, "capture": one.capture, "builtin": one.more.get("capture") == "builtin",
            }  # fmt: skip
    return None


def pytest_collection_finish(session) -> None:
    if output := os.environ.get(_OUTPUT):
        found = [
            {"name": item.nodeid.rpartition("tests/vm/")[2], "scenario": _scenario(item)}
            for item in session.items
            if not _is_skipped(item)
        ]
        Path(output).write_text(json.dumps(found))
