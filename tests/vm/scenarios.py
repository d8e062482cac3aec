# SPDX-License-Identifier: BSD-2-Clause
"""The machines and panics the tests run: few, each for several requirements; all of them with LIFEBOAT_FULL=1.

A name says what differs from the plainest machine: q35, two CPUs of QEMU's `max`, 2 GiB.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SECURE_FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd")  # SMM, runtime memory protected

# QEMU's models by what matters for page tables: 5 levels, 1 GiB leaves.
CPU_MODELS = {
    "max": (True, True),
    "max,la57=off": (False, True),
    "max,pdpe1gb=off": (True, False),
    "qemu64": (False, False),
}


@dataclass(frozen=True)
class Scenario:
    name: str
    panic: str
    memory_mib: int = 2048
    cpus: int = 2
    panic_cpu: int = 0
    cpu: str = "max"
    machine: str = "q35"
    module: bool = False  # the first kernel loads MODULE
    more: dict = field(default_factory=dict)  # further options of lifeboat-vm

    @property
    def five_levels(self) -> bool:
        return CPU_MODELS[self.cpu][0]

    @property
    def gib_pages(self) -> bool:
        return CPU_MODELS[self.cpu][1]

    @property
    def options(self) -> dict:
        """As rehearse() takes them."""
        return {
            "panic": self.panic,
            "memory": f"{self.memory_mib}M",
            "cpus": self.cpus,
            "panic_cpu": self.panic_cpu,
            "cpu": self.cpu,
            "machine": self.machine,
            **self.more,
        }


# One the dump's readers are tried on: with a module, so that `mod` has something to show.
READ = Scenario("sysrq-cpu0", "sysrq", module=True)
VFS = Scenario("vfs-qemu64-pc-1cpu", "vfs", cpus=1, cpu="qemu64", machine="pc")

CAPTURED = [
    READ,
    Scenario(
        "sysrq-cpu1-4level-512m-smm", "sysrq",
        panic_cpu=1, cpu="max,la57=off", memory_mib=512, more={"firmware": SECURE_FIRMWARE},
    ),
    Scenario("oops-cpu2of4-no1g-8g", "oops", cpus=4, panic_cpu=2, cpu="max,pdpe1gb=off", memory_mib=8192),
    VFS,
]  # fmt: skip

PASSING = [
    Scenario("reboot", "none", more={"none_action": "reboot"}),
    Scenario("poweroff-qemu64-512m", "none", cpu="qemu64", memory_mib=512, more={"none_action": "poweroff"}),
]


def _matrix() -> list[Scenario]:
    """Each panic with each kind of paging and each size."""
    rows = []
    for panic, cpu_number in (("sysrq", 0), ("sysrq", 1), ("oops", 0), ("oops", 1), ("vfs", 0)):
        for model in CPU_MODELS:
            for memory_mib in (512, 2048, 8192):
                name = f"full-{panic}-cpu{cpu_number}-{model.replace(',', '-').replace('=', '-')}-{memory_mib}m"
                rows.append(Scenario(name, panic, memory_mib=memory_mib, panic_cpu=cpu_number, cpu=model))
    return rows


FULL = _matrix() if os.environ.get("LIFEBOAT_FULL") == "1" else []


def rows(scenarios: list[Scenario]) -> list:
    """pytest parameters: each scenario's tests on one worker."""
    return [pytest.param(one, id=one.name, marks=pytest.mark.xdist_group(one.name)) for one in scenarios]
