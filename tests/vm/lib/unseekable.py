# SPDX-License-Identifier: BSD-2-Clause
"""Runs a program in which lseek() fails on every file, as it does in efivarfs.

For stat() those files are regular, so a pipe in their place would be read in another way.
"""

import errno
import subprocess

import failing_call


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Returns the ended program, whatever its status is, with its output."""
    return failing_call.run(command, failing_call.LSEEK, errno.ESPIPE)
