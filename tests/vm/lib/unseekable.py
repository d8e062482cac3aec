# SPDX-License-Identifier: BSD-2-Clause
"""Runs a program to which lseek() fails on every file, as on those of efivarfs.

They are regular files to stat(), so that a pipe in their place would be read another way.
"""

import errno
import subprocess

import failing_call


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """The program's end, whatever it is, with what it wrote."""
    return failing_call.run(command, failing_call.LSEEK, errno.ESPIPE)
