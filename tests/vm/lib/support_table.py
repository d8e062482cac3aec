# SPDX-License-Identifier: BSD-2-Clause
"""Makes the tables of docs/support.md: what is tested, and by what, as the tests in virtual machines say themselves.

Kernels, panics and machines come from the tests' scenarios. What has no scenario is a row here, with the tests that
try it. A row whose tests no longer exist fails.
"""
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

from collected import Collected, collect
from scenarios import NOT_PROVOKED
from vm import markdown

_ROOT = Path(__file__).resolve().parents[3]
_UNIT = _ROOT / "tests/unit"
# Scenario.kind in words.
_KINDS = {
    "init": "init is killed", "mce": "a machine check", "nmi": "an NMI from the button", "oom": "no memory is left",
    "oops": "an oops in a system call", "self bug": "BUG()", "self double": "a double fault",
    "self hung": "a task that hangs", "self in-nmi": "a panic in an NMI", "self irq": "an oops in an interrupt",
    "self nested": "a panic in a panic", "self nested-oops": "an oops in a panic", "self process": "an oops in a process",
    "self soft": "a soft lockup", "self softirq": "an oops in a softirq", "self stack": "a stack overflow",
    "sysrq": "sysrq c", "vfs": "no root file system",
}  # fmt: skip
SHORT, FULL, HOST, NOT = "scripts/test", "--full", "host tests only", "not supported"

# For each area: the row, and the tests that try it. "unit/NAME" is a unit test on the host. None means not
# supported.
_ROWS: dict[str, list[tuple[str, str | None]]] = {
    "In front of a boot": [
        ("a kernel, started by `lifeboat.efi`", "test_panics.py::test_panic_is_captured[[]*"),
        ("GRUB of Debian, signed, by `--chain`", "test_boot_loaders.py::*[[]chain]"),
        ("a `Driver####` entry", "test_install_debian.py::test_install_then_reboot_is_armed"),
        ("systemd-boot, by its folder of drivers", "test_boot_loaders.py::*[[]sd-boot]"),
        ("the same, behind a driver", "test_boot_loaders.py::*[[]grub-driver]"),
        ("GRUB as upstream makes it, by chain", "test_boot_loaders.py::*[[]grub-efi-chain]"),
        ("systemd-boot, by chain", "test_boot_loaders.py::*[[]systemd-boot-chain]"),
        ("a unified kernel image, by chain", "test_boot_loaders.py::*[[]uki-chain]"),
        ("a unified kernel image as KERNEL", "test_boot_loaders.py::*[[]uki-kernel]"),
        ("a Debian that installs it, panics, saves, updates", "test_install_*.py::*"),
        ("boot counting of systemd-boot", "test_boot_counting.py::*"),
        ("the distribution's kdump beside it", "test_beside_kdump.py::*"),
        ("a kernel that kexec started", "test_no_panic.py::test_kernel_started_by_kexec_is_covered_too"),
        ("sleep, hibernation", "test_power.py::*"),
        ("a BIOS, 32-bit UEFI, other CPUs than x86-64", None),
    ],
    "Secure Boot, TPM, encryption": [
        ("own keys in `db`", "test_secure_boot.py::*by_own_keys"),
        ("shim 16 and a MOK", "test_secure_boot.py::test_a_*_behind_the_new_shim"),
        ("shim 15.8 and a MOK", "test_secure_boot.py::test_a_kernel_behind_the_old_shim"),
        ("firmware with SMM that protects runtime memory", "test_boot_loaders.py::*-smm]"),
        ("an encrypted dump (age)", "test_encrypt.py::*"),
        ("memory encryption (SEV, TDX)", None),
        ("a Linux as the second kernel under Secure Boot", None),
    ],
    "Disks of the built-in capture kernel": [
        ("NVMe", "test_disks.py::test_driver[[]nvme]"),
        ("SATA behind AHCI", "test_disks_sata_virtio.py::test_driver[[]ahci]"),
        ("virtio-blk", "test_disks_sata_virtio.py::test_driver[[]virtio-blk]"),
        ("virtio-scsi", "test_disks_scsi.py::test_driver[[]virtio-scsi]"),
        ("VMware's PVSCSI", "test_disks_scsi.py::test_driver[[]pvscsi]"),
        ("a file on the ESP, ext4 or XFS", "test_file_target.py::*"),
        ("SATA in RAID mode", "unit/test_raid.c"),
        ("disks beyond 2 TiB behind SCSI", "unit/test_scsi.c"),
        ("USB, eMMC, SD, SAS and RAID controllers, Intel VMD, LVM, LUKS, md, network", None),
    ],
    "IOMMUs, watchdogs, the screen": [
        ("Intel VT-d", "test_builtin.py::*iommu-nvme]"),
        ("AMD-Vi", "test_builtin.py::*[[]builtin-iommu-amd-nvme]"),
        ("virtio-iommu", "test_builtin.py::*iommu-virtio-nvme]"),
        ("AMD-Vi that cannot be switched off", "unit/test_iommu_amd.c"),
        ("watchdog i6300esb", "test_watchdog.py::*[[]i6300esb]"),
        ("watchdog iTCO", "test_watchdog.py::*[[]iTCO]"),
        ("watchdog by the ACPI table WDAT", "test_builtin.py::test_the_watchdog_of_an_acpi_table_is_stopped"),
        ("watchdog sp5100", "unit/test_watchdog_sp5100.c"),
        ("watchdog ib700", "unit/test_watchdog_ib700.c"),
        ("watchdogs of IPMI, HPE, Super I/O", None),
        ("the firmware's framebuffer", "test_builtin.py::test_the_screen_shows_the_report"),
        ("a screen that a driver has taken over", None),
    ],
    "Memory": [
        ("crash memory above 4 GiB, NUMA", "test_memory.py::*[[]high-numa-hole]"),
        ("memory that is added later", "test_hotadd.py::*"),
        ("CXL, soft-reserved and persistent memory", "unit/test_special.c"),
        ("CPUs with ids above 254", "unit/test_madt.c"),
    ],
}


class Tests:
    """The tests of a short run and of a full one."""

    def __init__(self, short: list[Collected], full: list[Collected]):
        self._short, self._full = short, full

    def state(self, wanted: Callable[[Collected], bool]) -> str | None:
        """Returns when such tests run; None if there are none."""
        if any(map(wanted, self._short)):
            return SHORT
        return FULL if any(map(wanted, self._full)) else None

    def values(self, key: str) -> list:
        """Returns the values of this key in all scenarios."""
        return sorted({one.scenario[key] for one in self._full if one.scenario})


def by_tests(tests: Tests, what: str, pattern: str | None) -> tuple[str, str]:
    if pattern is None:
        return what, NOT
    if pattern.startswith("unit/"):
        assert (_UNIT / pattern.removeprefix("unit/")).is_file(), f"{what}: there is no {pattern}"
        return what, HOST
    state = tests.state(lambda one: fnmatchcase(one.name, pattern))
    assert state, f"{what}: no test is called {pattern}"
    return what, state


def _by_scenarios(tests: Tests, name: str, is_it: Callable[[dict], bool]) -> tuple[str, str, str]:
    """Returns the row's states with the built-in capture kernel and with a Linux in its place."""
    states = [
        tests.state(lambda one, builtin=builtin: bool(one.scenario) and one.scenario["builtin"] is builtin and is_it(one.scenario))
        for builtin in (True, False)
    ]
    return name, *(state or "-" for state in states)


def _kernel(package: str) -> str:
    name, _, suite = package.partition("/")
    return f"`{name}`" + (f" of {suite}" if suite else "")


def _kind(kind: str) -> str:
    planted = kind.removeprefix("planted ")
    return f"a panic in `{planted}()`, early" if planted != kind else _KINDS[kind]


def _scenario_tables(tests: Tests) -> list[tuple[str, list[tuple[str, str, str]]]]:
    def by(key: str, label: Callable[[object], str]) -> list[tuple[str, str, str]]:
        return [_by_scenarios(tests, label(value), lambda one, value=value: one[key] == value) for value in tests.values(key)]

    kinds = [
        _by_scenarios(tests, _kind(kind), lambda one, kind=kind: one["kind"] == kind)
        for kind in tests.values("kind")
        if not kind.startswith("none")
    ]
    machines = [row for key, label in (
        ("machine", lambda value: f"QEMU's {value.partition(',')[0]}{', interrupts split' if ',' in value else ''}"),
        ("cpu", lambda value: f"CPU `{value}`"), ("cpus", lambda value: f"{value} CPU{'s' if value > 1 else ''}"),
        ("memory_mib", lambda value: f"{value} MiB"),
    ) for row in by(key, label)]  # fmt: skip
    never = [(kind, f"not provoked: {why}", "-") for kind, why in NOT_PROVOKED.items()]
    return [("First kernels", by("kernel", _kernel)), ("Panics", kinds + never), ("Machines", machines)]


def text(short: list[Collected], full: list[Collected]) -> str:
    tests = Tests(short, full)
    parts = [
        f"## {title}\n\n{markdown.table(('what', 'built-in capture kernel', 'a Linux in its place'), rows)}"
        for title, rows in _scenario_tables(tests)
    ]
    for title, rows in _ROWS.items():
        made = [by_tests(tests, *row) for row in rows]
        parts.append(f"## {title}\n\n{markdown.table(('what', 'tested by'), made)}")
    return "\n\n".join(parts)


def made() -> str:
    return text(collect(False), collect(True))
