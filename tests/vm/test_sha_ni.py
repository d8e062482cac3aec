# SPDX-License-Identifier: BSD-2-Clause
"""The SHA extensions in the purgatory. Debian 12's QEMU cannot offer them, Debian 13's can."""

import os
import subprocess
from pathlib import Path

import pytest
from runs import LIFEBOAT_VM
from scenarios import FULL_ONLY

pytestmark = pytest.mark.vm


def _method(run) -> str:
    said = [line for line in run.console.replace("\r", "").split("\n") if "lifeboat-purgatory: SHA-256 " in line]
    assert len(said) == 1, run.story
    return said[0].partition("SHA-256 ")[2]


@FULL_ONLY
@pytest.mark.xdist_group("sha-ni")
def test_sha_ni_is_used_where_the_cpu_has_it(rehearse, monkeypatch):
    """Loader and purgatory agree on every digest, with SHA-NI, and, when that is switched off, in plain C."""
    words = [LIFEBOAT_VM.parent / "fetch-tool", "qemu-system-x86", "qemu-system-x86_64"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    newer = Path(done.stdout.strip().splitlines()[-1])
    monkeypatch.setenv("PATH", f"{newer.parent}:{os.environ['PATH']}")
    assert _method(rehearse("sha-ni", cpu="max").check()) == "by SHA-NI"
    assert _method(rehearse("sha-plain", cpu="max,sha-ni=off").check()) == "in plain C"
