# SPDX-License-Identifier: BSD-2-Clause
"""What the host does to the machine, asked by a word on its console (`ask` in guest.py)."""

from vm.errors import VmError
from vm.machine import Machine

# Bank 0: valid, uncorrected, enabled, address and misc valid, processor context corrupt:
# nothing can go on (Intel SDM volume 3B, 16.3.2.2 and 16.9).
_MC_STATUS = 1 << 63 | 1 << 61 | 1 << 60 | 1 << 57
_MC_IN_PROGRESS = 1 << 2


def act(machine: Machine, asked: str, cpu: int) -> None:
    """`asked`: nmi, mce or wakeup."""
    if asked == "nmi":
        machine.qmp.execute("inject-nmi")
    elif asked == "mce":
        machine.qmp.human(f"mce -b {cpu} 0 {_MC_STATUS:#x} {_MC_IN_PROGRESS:#x} 0 0")
    elif asked == "wakeup":
        machine.qmp.execute("system_wakeup")
    else:
        raise VmError(f"the first kernel's init asked for '{asked}'; oops, nmi, mce or wakeup is wanted")
