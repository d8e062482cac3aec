# SPDX-License-Identifier: BSD-2-Clause
"""The parts of scripts/lifeboat-vm: QEMU, its disks, its console and its dumps.

Standard library only. One concern a module; the tests under tests/vm import
them with scripts/ on sys.path (`from vm.machine import Machine`).
"""
