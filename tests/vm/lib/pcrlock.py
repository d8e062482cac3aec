# SPDX-License-Identifier: BSD-2-Clause
"""Runs the real systemd-pcrlock of Debian 13 on the host, on a machine's event log and Lifeboat's components."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import suites

_FETCH = Path(__file__).resolve().parents[3] / "scripts" / "fetch-tool"


def fetch() -> Path:
    """Returns the program. Skips the test if it cannot be fetched."""
    done = subprocess.run([_FETCH, "systemd", "systemd-pcrlock"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"{suites.NOT_RUN}systemd-pcrlock cannot be had: {done.stderr.strip()[-200:]}")
    return Path(done.stdout.strip().splitlines()[-1])


@dataclass(frozen=True)
class Pcrlock:
    program: Path
    components: Path  # the folder /var/lib/pcrlock.d
    log: Path  # the firmware's event log

    def _run(self, device: str, verb: str, *words: str) -> str:
        environment = {
            **os.environ,
            "SYSTEMD_MEASURE_LOG_FIRMWARE": str(self.log),
            "SYSTEMD_MEASURE_LOG_USERSPACE": "/nonexistent",
            "SYSTEMD_TPM2_DEVICE": device,
        }
        command = [self.program, "--no-pager", f"--components={self.components}", *words, verb]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    # `device` is a TPM that tpm.replayed() has made.

    def recognized(self, device: str) -> list[tuple[int, str, str]]:
        """Returns PCR, digest and component of each event that a component explains, in the log's order."""
        events = json.loads(self._run(device, "log", "--json=short"))["log"]
        return [(one["pcr"], one["sha256"], one["component"]) for one in events if one["component"]]

    def predicted(self, device: str, pcr: int) -> set[str]:
        """Returns the values that this PCR may have at the next boot, for each combination of variants."""
        (found,) = json.loads(self._run(device, "predict", "--json=short", "--location=", f"--pcr={pcr}"))["sha256"]
        assert found["pcr"] == pcr
        return set(found["values"])
