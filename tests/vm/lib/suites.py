# SPDX-License-Identifier: BSD-2-Clause
"""Kernels of other Debian suites than this machine's, by apt with package lists of its own: the
machine's are left alone."""

import os
import subprocess
from pathlib import Path

import pytest

_SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
BULLSEYE = "bullseye"  # 5.10
_CONFIG = """\
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "{folder}/lists";
Dir::Cache "{folder}/cache";
"""


def _mirrors() -> dict[str, str]:
    """This machine's: "main" and "security"."""
    words = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages", "Origin: Debian"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    found = {}
    for uri, codename in map(str.split, said.splitlines()):
        found.setdefault("security" if codename.endswith("-security") else "main", uri)
    return found


def _sources(suite: str) -> str:
    key = "signed-by=/usr/share/keyrings/debian-archive-keyring.gpg"
    codenames = {"main": suite, "security": f"{suite}-security"}
    return "".join(f"deb [{key}] {uri} {codenames[kind]} main\n" for kind, uri in _mirrors().items())


def cloud_kernel(suite: str, folder: Path) -> Path:
    """The vmlinuz of linux-image-cloud-amd64 of `suite`; skips the test where it is not to be had.
    `folder` keeps the package lists."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(_sources(suite))
    (folder / "apt.conf").write_text(_CONFIG.format(folder=folder.resolve()))
    done = subprocess.run(
        [_SCRIPTS / "fetch-kernel", f"linux-image-cloud-amd64/{suite}"],
        env={**os.environ, "APT_CONFIG": str(folder / "apt.conf")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"no kernel of {suite}: {done.stderr.strip().splitlines()[-1]}")
    return Path(done.stdout.strip().splitlines()[-1])
