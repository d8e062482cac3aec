# SPDX-License-Identifier: BSD-2-Clause
"""The machines and panics of the tests: a few by default, each for several requirements, and all with
LIFEBOAT_FULL=1.

A name tells the differences from the plainest machine: q35, two CPUs of QEMU's `max`, 2 GiB.
"""
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

import suites

SECURE_FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd")  # with SMM and protected runtime memory

# QEMU's CPU models by what matters for page tables: 5 levels, 1 GiB leaves.
CPU_MODELS = {
    "max": (True, True),
    "max,la57=off": (False, True),
    "max,pdpe1gb=off": (True, False),
    "qemu64": (False, False),
    "Nehalem": (False, False),
    "Haswell": (False, False),
    "Skylake-Server": (False, True),
    "EPYC": (False, True),
}

_FULL = os.environ.get("LIFEBOAT_FULL") == "1"
FULL_ONLY = pytest.mark.skipif(not _FULL, reason="LIFEBOAT_FULL=1 runs it")

CLOUD, GENERIC, RT = "linux-image-cloud-amd64", "linux-image-amd64", "linux-image-rt-amd64"
CLOUD_6_12 = "linux-image-6.12-cloud-amd64"
GENERIC_6_12 = "linux-image-6.12-amd64"
RT_6_12 = "linux-image-6.12-rt-amd64"
NEWEST = tuple(f"{CLOUD}/{suite}" for suite in (suites.SID, suites.EXPERIMENTAL))
GENERIC_NEWEST = tuple(f"{GENERIC}/{suite}" for suite in (suites.SID, suites.EXPERIMENTAL))
SINCE_6_10 = (CLOUD_6_12, GENERIC_6_12, RT_6_12)
OTHER_KERNELS = (GENERIC, RT, *SINCE_6_10)


@dataclass(frozen=True)
class Scenario:
    name: str
    panic: str
    memory_mib: int = 2048
    cpus: int = 2
    panic_cpu: int = 0
    cpu: str = "max"
    machine: str = "q35"
    how: str = ""  # for the panic "self": the way of tests/vm/module
    before: str = ""  # shell commands before the panic
    modules: tuple[str, ...] = ()  # modules of the first kernel, loaded before those commands
    disks: tuple[str, ...] = ()  # QEMU's words for a scratch disk each; {drive} is its id
    kernel: str = CLOUD  # a package of scripts/fetch-kernel
    capture: str = ""  # "": the same kernel
    symbol: str = ""  # for the panic "planted": the function
    signs: tuple[str, ...] = ()  # patterns that the console must have, in this order, if the scenario was as named
    more: dict = field(default_factory=dict)  # further options of lifeboat-vm

    @property
    def kind(self) -> str:
        """Returns the kind of the panic, or of what is not a panic."""
        word = self.how or self.symbol or self.more.get("none_action", "")
        return f"{self.panic} {word}".rstrip()

    @property
    def five_levels(self) -> bool:
        return CPU_MODELS[self.cpu][0]

    @property
    def gib_pages(self) -> bool:
        return CPU_MODELS[self.cpu][1]

    @property
    def options(self) -> dict:
        """Returns options as rehearse() takes them, without those that run_scenario() makes files for."""
        return {
            "panic": self.panic,
            "memory": f"{self.memory_mib}M",
            "cpus": self.cpus,
            "panic_cpu": self.panic_cpu,
            "cpu": self.cpu,
            "machine": self.machine,
            **self.more,
        }


# Hangs that a profile's words turn into panics. The kernel's own watchdogs get short times.
STRICT = "profile strict"
_HANGS = {"config": [STRICT]}
_SOFT = "echo 2 > /proc/sys/kernel/watchdog_thresh\n"
_HUNG = "echo 1 > /proc/sys/kernel/hung_task_timeout_secs\n"


def _provoked(name: str, how: str, **more) -> Scenario:
    """A panic on CPU 1 by the module of tests/vm/module."""
    return Scenario(name, "self", how=how, panic_cpu=1, **more)


# A dump for the tests of readers, with a module, so that `mod` shows something.
READ = Scenario(
    "sysrq-cpu1-4level-512m-smm", "sysrq", modules=("dummy",),
    panic_cpu=1, cpu="max,la57=off", memory_mib=512, more={"firmware": SECURE_FIRMWARE},
)  # fmt: skip
# The same by the built-in kernel, with the dump on NVMe.
READ_BUILTIN = Scenario(
    "builtin-nvme-sysrq-cpu0", "sysrq", modules=("dummy",), more={"capture": "builtin", "dump_disk": "nvme"}
)
VFS = Scenario("vfs-qemu64-pc-1cpu", "vfs", cpus=1, cpu="qemu64", machine="pc")

def _newest(package: str) -> Scenario:
    """A newest kernel, dumped by the built-in kernel. It fails if the level is not 31."""
    meta, _, suite = package.partition("/")
    return Scenario(
        f"builtin-{suite}-{'cloud' if meta == CLOUD else 'generic'}", "sysrq", panic_cpu=1, memory_mib=512, kernel=package,
        more={"capture": "builtin", "strict": True},
    )  # fmt: skip


# Debian's newest kernels: one by default, the others with LIFEBOAT_FULL=1.
NEWEST_BUILTIN = [_newest(NEWEST[0])]

def _busy(cpus: int) -> str:
    """Keeps every CPU busy with a task of its own, whose stacks `bt -a` must show."""
    numbers = " ".join(map(str, range(cpus)))
    return f"\nfor number in {numbers}; do\n\t$b taskset -c $number $b sh -c 'while :; do :; done' &\ndone\n"


_BUSY = Scenario(
    "oops-busy-cpu2of4-no1g-8g", "oops",
    cpus=4, panic_cpu=2, cpu="max,pdpe1gb=off", memory_mib=8192, before=_busy(4),
)  # fmt: skip

CAPTURED = [
    READ,
    VFS,
]

# Further ways to die. Until the jump they are the same for every second kernel. The built-in kernel dumps
# them, and with LIFEBOAT_FULL=1 a Linux too.
_DEATHS = [
    _provoked("oops-in-interrupt", "irq"),
    Scenario("nmi-button-spinning", "nmi", memory_mib=512, before=_busy(2)),
    _provoked("double-fault", "double"),
    _BUSY,
]
# Only with LIFEBOAT_FULL=1, because they take the same path as others.
_MORE_DEATHS = [
    _provoked("nested-panic", "nested"),
    Scenario("init-killed", "init", panic_cpu=1),
]


def by_builtin(scenario: Scenario) -> Scenario:
    return replace(scenario, name=f"builtin-{scenario.name}", more={**scenario.more, "capture": "builtin"})


DEATHS = [by_builtin(one) for one in _DEATHS]
BUSY = DEATHS[-1]

PASSING = [
    Scenario("poweroff-qemu64-512m", "none", cpu="qemu64", memory_mib=512, more={"none_action": "poweroff"}),
    Scenario("reboot-warm", "none", more={"none_action": "warm"}),
]


def _paging() -> list[Scenario]:
    """Each panic with each kind of paging and each size."""
    rows = []
    for panic, cpu_number in (("sysrq", 0), ("sysrq", 1), ("oops", 0), ("oops", 1), ("vfs", 0)):
        for model in list(CPU_MODELS)[:4]:
            for memory_mib in (512, 2048, 8192):
                name = f"full-{panic}-cpu{cpu_number}-{model.replace(',', '-').replace('=', '-')}-{memory_mib}m"
                rows.append(Scenario(name, panic, memory_mib=memory_mib, panic_cpu=cpu_number, cpu=model))
    return rows


def _every_cpu() -> list[Scenario]:
    return [
        Scenario(f"full-sysrq-cpu{number}of{count}", "sysrq", cpus=count, panic_cpu=number)
        for count in (1, 2, 4, 8)
        for number in range(count)
    ]


def _ways() -> list[Scenario]:
    """The ways to die that do not run by default."""
    return [
        _provoked("full-oops-in-process", "process"),
        _provoked("full-oops-in-softirq", "softirq"),
        _provoked("full-bug", "bug"),
        _provoked("full-stack-overflow", "stack"),
        _provoked("full-soft-lockup", "soft", before=_SOFT, more=_HANGS),
        _provoked("full-hung-task", "hung", before=_HUNG, more=_HANGS),
        _provoked("full-panic-in-nmi", "in-nmi"),
        _provoked("full-oops-in-panic", "nested-oops"),
        Scenario("full-oom", "oom", memory_mib=512, panic_cpu=1),
        Scenario("full-nmi-button-idle", "nmi"),
        Scenario("full-machine-check", "mce", kernel=GENERIC, capture=CLOUD),
        Scenario("full-machine-check-cpu1", "mce", kernel=GENERIC, capture=CLOUD, panic_cpu=1),
    ]


def _kernels() -> list[Scenario]:
    """Each other kernel as the first with the cloud kernel as the second, and the other way round."""
    # A newest kernel as the first has the built-in second kernel: see NEWEST_BUILTIN.
    rows = [
        Scenario(f"full-second-cloud-{package.partition('/')[2]}", "sysrq", panic_cpu=1, kernel=CLOUD, capture=package)
        for package in NEWEST
    ]
    for package in OTHER_KERNELS:
        short = package.removeprefix("linux-image-").removesuffix("-amd64")
        rows.append(Scenario(f"full-first-{short}", "sysrq", panic_cpu=1, kernel=package, capture=CLOUD))
        rows.append(Scenario(f"full-second-{short}", "sysrq", panic_cpu=1, capture=package))
    return rows


def _processors() -> list[Scenario]:
    models = list(CPU_MODELS)[4:]
    rows = [Scenario(f"full-cpu-{model}", "sysrq", cpu=model, panic_cpu=1) for model in models]
    return rows + [Scenario(f"full-pc-{model}", "sysrq", cpu=model, machine="pc") for model in ("qemu64", "max")]


# Direct reads and writes on every scratch disk, and a stream over the network. The test waits until each of
# them is seen at work. The drivers use MSI and MSI-X vectors, and with pci=nomsi the IO-APIC's lines.
_LOAD_MODULES = ("virtio_pci", "virtio_blk", "nvme", "ahci", "sd_mod", "e1000e")
_LOAD_DISKS = (
    "virtio-blk-pci,drive={drive},serial={drive}",
    "nvme,drive={drive},serial={drive}",
    "ide-hd,drive={drive},bus=ide.0",
)
_SINK = "10.0.2.100"
_LOAD_NETWORK = [
    "-netdev", f"user,id=net,guestfwd=tcp:{_SINK}:9-chardev:sink", "-chardev", "null,id=sink",
    "-device", "e1000e,netdev=net",
]  # fmt: skip
_LOAD = f"""
$b ip link set dev eth0 up
$b ip addr add 10.0.2.15/24 dev eth0
for disk in vdc nvme0n1 sda; do
	[ -b /dev/$disk ] || fail "no disk $disk"
	(while :; do $b dd if=/dev/$disk of=/dev/null iflag=direct bs=64k; done) 2> /dev/null &
	(while :; do $b dd if=/dev/zero of=/dev/$disk conv=notrunc oflag=direct bs=64k; done) 2> /dev/null &
done
(while :; do $b nc {_SINK} 9 < /dev/zero; done) > /dev/null 2>&1 &
under_way() {{
	read -r reads _ _ _ writes _ < /sys/block/$1/stat
	[ "$reads" -ge 200 ] && [ "$writes" -ge 200 ]
}}
for disk in vdc nvme0n1 sda; do
	until under_way $disk; do :; done
done
until [ "$($b cat /sys/class/net/eth0/statistics/tx_packets)" -ge 500 ]; do :; done
"""
_SUSPEND = """
echo mem > /sys/power/state || fail "suspend to RAM was refused"
echo "lifeboat-vm: resumed"
"""
def _load(name: str, **more) -> Scenario:
    return Scenario(
        name, "sysrq", panic_cpu=1, kernel=GENERIC, modules=_LOAD_MODULES, before=_LOAD, disks=_LOAD_DISKS,
        more={"qemu_arg": _LOAD_NETWORK, **more},
    )  # fmt: skip


def _surroundings() -> list[Scenario]:
    """What else is switched on while the kernel panics."""
    iommu = {"append": "intel_iommu=on", "qemu_arg": ["-device", "intel-iommu,intremap=on"]}
    return [
        Scenario(
            "full-iommu", "sysrq", panic_cpu=1, machine="q35,kernel-irqchip=split", more=iommu,
            signs=("DMAR-IR: Enabled IRQ remapping", "Kernel panic", "DMAR: Copied translation tables from previous"),
        ),
        *(
            Scenario(
                f"full-lockdown-{how}", "sysrq", panic_cpu=1, more={"append": f"lockdown={how}"},
                signs=("Kernel is locked down from command line",),
            )
            for how in ("integrity", "confidentiality")
        ),
        _load("full-load"),
        _load("full-load-nomsi", append="pci=nomsi"),
        Scenario(
            "full-resumed", "sysrq", panic_cpu=1, before=_SUSPEND,
            signs=("ACPI: PM: Low-level resume complete", "lifeboat-vm: resumed", "Kernel panic"),
        ),
    ]  # fmt: skip


# Rows that no run can fill, and the reasons.
NOT_PROVOKED = {
    "hard-lockup": "its detector is an NMI of the performance counters, which QEMU's TCG does not have",
}

FULL: list[Scenario] = []
if _FULL:
    DEATHS += [by_builtin(one) for one in _MORE_DEATHS]
    FULL = _DEATHS + _MORE_DEATHS + _paging() + _every_cpu() + _ways() + _kernels() + _processors() + _surroundings()
    NEWEST_BUILTIN += [_newest(package) for package in NEWEST[1:] + GENERIC_NEWEST]
    # An ordinary reboot is also part of each test in test_install_debian.py.
    PASSING += [
        Scenario("full-reboot", "none", more={"none_action": "reboot"}),
        Scenario("full-sysrq-b", "none", more={"none_action": "sysrq-b"}),
    ]


def rows(scenarios: list[Scenario]) -> list:
    """Returns pytest parameters that keep each scenario's tests on one worker."""
    return [pytest.param(one, id=one.name, marks=pytest.mark.xdist_group(one.name)) for one in scenarios]
