# SPDX-License-Identifier: BSD-2-Clause
"""Writes files to the root of a Debian disk, without a machine, on a small file system in its place."""

import debian_image
import pytest
from debian_image import ROOT_FS, GuestFile
from vm import disk, tools
from vm.errors import VmError

MIB = 1 << 20


@pytest.fixture
def path(tmp_path):
    image = tmp_path / "disk.img"
    disk.make_sparse(image, ROOT_FS.start + 8 * MIB)
    (tmp_path / "root" / "etc").mkdir(parents=True)
    tools.run("mke2fs", "-q", "-d", tmp_path / "root", "-E", f"offset={ROOT_FS.start}", image, "8M")
    return image


def test_files_and_links_are_written(path):
    debian_image.write_files(path, {"etc/a": GuestFile(b"one\n"), "b": GuestFile(b"two", 0o4755)}, {"etc/c": "/b"})
    assert debian_image.read_file(path, "etc/a") == b"one\n"
    assert debian_image.read_file(path, "b") == b"two"
    where = f"{path}?offset={ROOT_FS.start}"
    assert "Mode:  04755" in tools.run("debugfs", "-R", "stat /b", where).decode()
    assert 'Fast link dest: "/b"' in tools.run("debugfs", "-R", "stat /etc/c", where).decode()
    tools.run("e2fsck", "-f", "-n", where)


def test_what_cannot_be_written_is_told(path):
    with pytest.raises(VmError, match="absent: File not found"):
        debian_image.write_files(path, {"absent/a": GuestFile(b"")}, {})
    with pytest.raises(VmError, match="File not found"):
        debian_image.read_file(path, "absent")
