# SPDX-License-Identifier: BSD-2-Clause
"""Runs a program in which one system call always fails.

A seccomp filter takes the place of the disk or file system that would fail the call
(Documentation/userspace-api/seccomp_filter.rst).
"""

import ctypes
import os
import struct
import subprocess

LSEEK, FSYNC = 8, 74  # numbers of the system calls on x86-64

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_RET_ALLOW, _RET_ERRNO = 0x7FFF0000, 0x00050000
# struct sock_filter: code, jump if true, jump if false, value.
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06


def _filter(call: int, error: int) -> bytes:
    return b"".join(
        struct.pack("<HBBI", *instruction)
        for instruction in (
            (_LOAD, 0, 0, 0),  # load the system call's number
            (_JUMP_IF_EQUAL, 0, 1, call),
            (_RETURN, 0, 0, _RET_ERRNO | error),
            (_RETURN, 0, 0, _RET_ALLOW),
        )
    )


def _install(code: bytes) -> None:
    """Installs the filter. Called in the child."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    program = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("<H6xQ", len(code) // 8, ctypes.addressof(program))
    for option, value, more in ((_PR_SET_NO_NEW_PRIVS, 1, None), (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, head)):
        if prctl(option, ctypes.c_ulong(value), more, None, None) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def run(command: list[str], call: int, error: int) -> subprocess.CompletedProcess[str]:
    """Returns the ended program, whatever its status is, with its output."""
    return subprocess.run(
        command, capture_output=True, text=True, check=False, preexec_fn=lambda: _install(_filter(call, error))
    )
