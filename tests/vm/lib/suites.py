# SPDX-License-Identifier: BSD-2-Clause
"""Fetches kernels and other packages of other Debian suites with apt and package lists of its own. The machine's
lists are not changed."""

import fcntl
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

_SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
BULLSEYE = "bullseye"  # Linux 5.10
TRIXIE = "trixie"
SID, EXPERIMENTAL = "sid", "experimental"
_WITHOUT_SECURITY = (SID, EXPERIMENTAL)
NOT_RUN = "not run, "  # a skip of a row that was to run begins so; summary.py lists them
_UNAVAILABLE = 3  # exit status of scripts/fetch-kernel
_CONFIG = """\
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "{folder}/lists";
Dir::Cache "{folder}/cache";
"""


def _mirrors() -> dict[str, str]:
    """Returns this machine's mirrors: "main" and "security"."""
    words = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages", "Origin: Debian"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    found = {}
    for uri, codename in map(str.split, said.splitlines()):
        found.setdefault("security" if codename.endswith("-security") else "main", uri)
    return found


def _sources(suite: str) -> str:
    key = "signed-by=/usr/share/keyrings/debian-archive-keyring.gpg"
    codenames = {"main": suite} if suite in _WITHOUT_SECURITY else {"main": suite, "security": f"{suite}-security"}
    uris = _mirrors()
    return "".join(f"deb [{key}] {uris[kind]} {codename} main\n" for kind, codename in codenames.items() if kind in uris)


def fetch(package: str, folder: Path, *options: str) -> Path:
    """Returns what scripts/fetch-kernel with `options` prints for `package`, META/SUITE. Skips the test if the
    package cannot be fetched. `folder` keeps the package lists."""
    path, reason = _fetch(package, folder, *options)
    if path is None:
        pytest.skip(reason)
    return path


def cache_folder() -> Path:
    """Returns the folder that keeps what was fetched."""
    folder = Path(os.environ.get("LIFEBOAT_CACHE") or _SCRIPTS.parent / "build" / "cache")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def unpacked(package: str, suite: str, lists: Path) -> Path:
    """Returns a folder with the package's files, not installed. suite "": this machine's. Skips the test if the
    package cannot be fetched. `lists` keeps the package lists."""
    folder = cache_folder() / f"{package}@{suite or 'here'}"
    with open(folder.with_name(f".{package}.lock"), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _unpack(package, suite, folder, lists)
    return folder


def _unpack(package: str, suite: str, folder: Path, lists: Path) -> None:
    environment = apt_environment(suite, lists) if suite else dict(os.environ)
    scratch = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    apt = ["apt-get", "-o", "APT::Sandbox::User=root"]
    for words in ([*apt, "update"] if suite else None, [*apt, "download", package]):
        if words is None:
            continue
        done = subprocess.run(words, cwd=scratch, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            where = suite or "this machine's suite"
            pytest.skip(f"{NOT_RUN}{package} of {where} cannot be had: {done.stderr.strip()[-200:]}")
    (archive,) = scratch.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", archive, scratch / "root"], check=True)
    (scratch / "root").rename(folder)
    shutil.rmtree(scratch)


def apt_environment(suite: str, folder: Path) -> dict[str, str]:
    """Returns the environment in which apt's programs use that suite's package lists, which `folder` keeps."""
    folder = folder / suite
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(_sources(suite))
    (folder / "apt.conf").write_text(_CONFIG.format(folder=folder.resolve()))
    return {**os.environ, "APT_CONFIG": str(folder / "apt.conf")}


@cache
def _fetch(package: str, folder: Path, *options: str) -> tuple[Path | None, str]:
    """Returns the path, or None and why the package cannot be fetched."""
    suite = package.partition("/")[2]
    done = subprocess.run(
        [_SCRIPTS / "fetch-kernel", *options, package],
        env=apt_environment(suite, folder),
        capture_output=True,
        text=True,
        check=False,
    )
    said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    if done.returncode == _UNAVAILABLE:
        return None, f"{NOT_RUN}{package} cannot be had: {said}"
    assert done.returncode == 0, f"fetch-kernel {package} failed with exit status {done.returncode}: {said}"
    return Path(done.stdout.strip().splitlines()[-1]), ""
