# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures for tests of lifeboat-save: the tool, its devices, its folder, a machine's disks."""

import functools
from pathlib import Path

import pytest
import save_tool
from conftest import build


@pytest.fixture
def tool() -> Path:
    return build("lifeboat-save.checked")


@pytest.fixture
def run():
    """run(*words, status=0) runs the tool, and returns all its output."""
    return functools.partial(save_tool.run, build("lifeboat-save.checked"))


@pytest.fixture
def device(tmp_path):
    """device(image, **fields) is a file with that partition."""
    return lambda image=None, **fields: save_tool.image_file(tmp_path, image, **fields)


@pytest.fixture
def crash(tmp_path) -> Path:
    """A folder like /var/crash."""
    path = tmp_path / "crash"
    path.mkdir(0o700)
    return path


@pytest.fixture
def machine(tmp_path):
    """machine({name in sysfs: its content}) is auto(*words, status=0), which runs the tool on these disks and
    returns all its output. None means that there is no such device."""

    def machine(disks: dict[str, bytes | None]):
        for name, content in disks.items():
            (tmp_path / "block" / name).mkdir(parents=True)
            path = tmp_path / "dev" / name.replace("!", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is not None:
                path.write_bytes(content)
        mounts = {tmp_path / "block": "/sys/block", tmp_path / "dev": "/dev"}
        return functools.partial(save_tool.run_bound, build("lifeboat-save.checked"), mounts)

    return machine
