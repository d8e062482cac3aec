# SPDX-License-Identifier: BSD-2-Clause
"""`lifeboatctl test --report` and `--panic` on a made-up machine: what the report says and what it must not say, and
the result of a requested panic.

Runs no virtual machine. The tool is the one built with ASan and UBSan.
"""

import os
import subprocess

import fake_machine
import pytest
import status_schema
from conftest import build
from dump_images import COMPLETE, EMPTY, WRITING, Image
from fake_machine import DUMP
from test_ctl_trial import ARMED, Boots
from test_ctl_trial import verdict as put_verdict
from test_status import GOOD, VARIABLE

ARM = bytes(range(16))
TRIGGER = "proc/sysrq-trigger"
# Data of this one machine, each where a report could find it.
SECRETS = {
    "sys/class/dmi/id/product_serial": b"SERIAL-OF-THE-PRODUCT",
    "sys/class/dmi/id/board_serial": b"SERIAL-OF-THE-BOARD",
    "sys/class/dmi/id/chassis_serial": b"SERIAL-OF-THE-CHASSIS",
    "sys/class/dmi/id/chassis_asset_tag": b"ASSET-TAG",
    "sys/class/dmi/id/product_uuid": b"4c4c4544-0042-3510-8051-b9c04f4a4d31",
    "sys/block/vda/serial": b"SERIAL-OF-THE-DISK",
    "sys/block/vda/device/wwid": b"eui.0025385a71b0ffee",
    "sys/class/net/eth0/address": b"52:54:00:c0:ff:ee",
    "sys/devices/pci0000:00/vda/vpd": b"SERIAL-OF-THE-ADAPTER",
    "etc/machine-id": b"0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "etc/hostname": b"host-of-mine",
    "proc/sys/kernel/hostname": b"host-of-mine",
    "proc/sys/kernel/osrelease": b"6.12.48+host-of-mine-amd64",
}
CPU = b"""processor\t: %d
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 143
model name\t: Intel(R) Xeon(R) Gold 6430
stepping\t: 8
microcode\t: 0x2b000603
flags\t\t: fpu vme%s

"""
MACHINE = {
    "sys/class/dmi/id/sys_vendor": b"Dell Inc.  ",
    "sys/class/dmi/id/product_name": b"PowerEdge R660",
    "sys/class/dmi/id/board_vendor": b"Dell Inc.",
    "sys/class/dmi/id/board_name": b"0\x1b[2JXY",
    "sys/class/dmi/id/bios_vendor": b"Dell Inc.",
    "sys/class/dmi/id/bios_version": b"2.3.5",
    "sys/class/dmi/id/bios_date": b"09/10/2024",
    "proc/cpuinfo": CPU % (0, b"") + CPU % (1, b""),
    "proc/meminfo": b"MemTotal:       131801232 kB\n",
    "sys/firmware/acpi/tables/DMAR": b"",
    "sys/class/iommu/dmar0/x": b"",
    "sys/class/iommu/dmar1/x": b"",
    "sys/class/watchdog/watchdog0/identity": b"iTCO_wdt",
    "sys/class/tpm/tpm0/tpm_version_major": b"2",
}
FUNCTIONS = {
    "0000:00:14.0": ("0x0c0330", "0x8086", "0x1bcd", "xhci_hcd"),
    "0000:01:00.0": ("0x010802", "0x144d", "0xa826", "nvme"),
    "0000:02:00.0": ("0x010700", "0x1000", "0x00e6", ""),
    "0000:03:00.0": ("0x020000", "0x14e4", "0x16d8", "bnxt_en"),
}


def write_functions(machine) -> None:
    for name, (kind, vendor, device, driver) in FUNCTIONS.items():
        folder = f"sys/bus/pci/devices/{name}"
        values = {"class": kind, "vendor": vendor, "device": device, "subsystem_vendor": "0x1028", "subsystem_device": "0x0a6b"}
        for key, value in values.items():
            machine.write(f"{folder}/{key}", f"{value}\n".encode())
        if driver:
            (machine.root / folder / "driver").symlink_to(f"../../../bus/pci/drivers/{driver}")


@pytest.fixture
def boots(tmp_path):
    """Boots of a machine that is armed, and whose panics are captured."""
    machine = fake_machine.make(tmp_path, build("lifeboatctl.checked"))
    (machine.root / "var/lib").mkdir(parents=True)
    for path, content in GOOD.items():
        if path != VARIABLE:
            machine.write(path, content)
    machine.write(TRIGGER, b"")
    fake_machine.name_dump_partition(machine)
    return Boots(machine)


def report(boots) -> dict:
    done = boots.machine.run("test", "--report")
    return status_schema.read(done.stdout, "machine")


def put_header(boots, **fields) -> None:
    fields = {"arm_id": ARM, "partuuid": DUMP.unique.bytes_le, "state": EMPTY, "message": b""} | fields
    boots.put_dump(Image(size=DUMP.size, fields=fields))


def test_a_machine_is_told(boots):
    for path, content in MACHINE.items():
        boots.machine.write(path, content + b"\n")
    write_functions(boots.machine)
    boots.machine.set("SecureBoot", b"\1", attributes=6)
    boots.start(**ARMED | {"mode": "driver", "capture": "built-in", "arming_ms": 180, "crash_bytes": 8 << 20})
    told = report(boots)
    assert told["system"] == {
        "vendor": "Dell Inc.", "product": "PowerEdge R660", "board_vendor": "Dell Inc.", "board": "0\x1b[2JXY"
    }  # fmt: skip
    assert told["firmware"] == {"vendor": "Dell Inc.", "version": "2.3.5", "date": "09/10/2024", "secure_boot": True}
    assert told["cpu"] == {
        "vendor": "GenuineIntel", "name": "Intel(R) Xeon(R) Gold 6430", "family": 6, "model": 143, "stepping": 8,
        "microcode": "0x2b000603", "count": 2, "virtual": False,
    }  # fmt: skip
    assert (told["memory_gib"], told["tpm"], told["watchdogs"]) == (126, "2", ["iTCO_wdt"])
    assert told["iommu"] == {"tables": ["DMAR"], "units": ["dmar", "dmar"]}
    assert told["functions"] == [
        {"class": "0c0330", "id": "8086:1bcd", "subsystem": "1028:0a6b", "driver": "xhci_hcd", "dumps": False},
        {"class": "010802", "id": "144d:a826", "subsystem": "1028:0a6b", "driver": "nvme", "dumps": True},
        {"class": "010700", "id": "1000:00e6", "subsystem": "1028:0a6b", "driver": None, "dumps": False},
    ]
    assert told["boot"] == {
        "covered": True, "built_in": True, "state": "armed", "stage": None, "mode": "driver", "aside": None,
        "arming_ms": 180, "crash_bytes": 8 << 20, "page_table_bytes": None,
    }  # fmt: skip
    assert (told["selftest"], told["panic"], told["loader"]) == (None, None, "0.1.0")


def test_nothing_of_this_one_machine_is_told(boots):
    """The record also has all that a verdict, its staleness, a panic and the loader's own text bring."""
    for path, content in (MACHINE | SECRETS).items():
        boots.machine.write(path, content + b"\n")
    write_functions(boots.machine)
    partition = f"lifeboat-dump PARTUUID={DUMP.unique}"
    boots.start(**ARMED | {"dump_to": partition, "said": "host-of-mine", "reason": "host-of-mine"})
    put_verdict(boots, 2, arm_id=ARM)
    boots.complete()
    boots.machine.run("test", "--panic", "--yes", status=1)
    boots.machine.write("sys/block/vda/serial", b"SERIAL-OF-ANOTHER-DISK\n")
    told = boots.machine.run("test", "--report").stdout
    assert status_schema.read(told, "machine")["kernel"] == "6.12.48"
    record = (boots.machine.root / "var/lib/lifeboat/proof").read_text()
    assert "SERIAL-OF-THE-DISK" in record and str(DUMP.unique) in record  # the data was where a report could find it
    planted = {content.decode() for content in SECRETS.values()} - {SECRETS["proc/sys/kernel/osrelease"].decode()}
    for secret in planted | {"SERIAL", "host-of-mine", str(DUMP.unique), ARM.hex(), "52:54:00", "0000:01:00.0"}:
        assert secret.lower() not in told.lower(), secret


def test_a_machine_that_says_nothing(tmp_path):
    """The schema allows every value to be missing."""
    done = subprocess.run(
        [build("lifeboatctl.checked"), "test", "--root", tmp_path, "--report"], capture_output=True, text=True, check=True
    )
    told = status_schema.read(done.stdout, "machine")
    assert told["cpu"] is None and told["functions"] == [] and told["boot"]["covered"] is False


@pytest.mark.parametrize("verdict, word", [(1, "begun"), (2, "passed"), (3, "failed")])
def test_the_try_without_a_crash(boots, verdict, word):
    put_verdict(boots, verdict)
    assert report(boots)["selftest"] == {"verdict": word, "stale": False}
    boots.machine.write("sys/class/dmi/id/bios_version", b"2.4\n")
    assert report(boots)["selftest"] == {"verdict": word, "stale": True}


def test_a_file_receives_it(boots, tmp_path):
    path = tmp_path / "machine.json"
    assert str(path) in boots.machine.run("test", "--report", str(path)).stdout
    assert status_schema.read(path.read_text(), "machine")
    assert boots.machine.run("test", f"--report={path}").stdout
    assert "No such file" in boots.machine.run("test", "--report", f"{tmp_path}/none/x", status=1).stderr
    assert "No space left" in boots.machine.run("test", "--report", "/dev/full", status=1).stderr


# A real panic


def test_a_panic_is_asked_for(boots):
    put_header(boots)
    boots.start(**ARMED)
    said = boots.machine.run("test", "--panic", "--yes", status=1).stderr
    assert said.endswith("the machine did not panic\n")  # the trigger here is a plain file
    assert (boots.machine.root / TRIGGER).read_bytes() == b"c"
    assert report(boots)["panic"]["outcome"] == "asked for"


@pytest.mark.parametrize("typed", [b"", b"yes\n", b"panic", b"Panic\n"])
def test_nobody_agrees(boots, typed):
    put_header(boots)
    boots.start(**ARMED)
    machine = boots.machine
    words = [machine.tool, "test", "--root", machine.root, "--panic"]
    environment = os.environ | {"EFIVARFS_PATH": f"{machine.efivars}/"}
    done = subprocess.run(words, input=typed, capture_output=True, check=False, env=environment)
    assert done.returncode == 1 and b"nobody has typed panic: nothing was done" in done.stderr
    assert (machine.root / TRIGGER).read_bytes() == b"" and report(boots)["panic"] is None
    done = subprocess.run(words, input=b"panic\n", capture_output=True, check=False, env=environment)
    assert (machine.root / TRIGGER).read_bytes() == b"c"


def test_a_panic_that_would_be_lost_is_refused(boots):
    put_header(boots)
    boots.start(**ARMED | {"state": "unarmed"})
    assert "lifeboatctl status says why" in boots.machine.run("test", "--panic", "--yes", status=1).stderr
    boots.start(**ARMED)
    put_header(boots, state=COMPLETE)  # no place waits for a dump
    assert "no partition or file is armed" in boots.machine.run("test", "--panic", "--yes", status=1).stderr
    put_header(boots)
    assert "would panic" in boots.machine.run("test", "--panic", "--dry-run").stdout
    assert (boots.machine.root / TRIGGER).read_bytes() == b"" and report(boots)["panic"] is None


TIMES = {"tsc_khz": 1000, "tsc_hook": 5_000_000, "tsc_first_byte": 5_250_000, "tsc_end": 9_500_000}


@pytest.mark.parametrize("state, outcome", [(COMPLETE, "complete"), (WRITING, "interrupted")])
def test_the_next_boot_sees_the_dump(boots, state, outcome):
    """boot-complete records the dump. After that the next arming's header replaces it."""
    put_header(boots)
    boots.start(**ARMED)
    boots.machine.run("test", "--panic", "--yes", status=1)
    boots.start(**ARMED)
    assert report(boots)["panic"]["outcome"] == "none seen"
    put_header(boots, state=state, **TIMES)
    boots.complete()
    put_header(boots, arm_id=bytes(16))
    told = {
        "outcome": outcome, "stale": False, "seconds_to_first_byte": 0.25, "seconds_to_end": 4.5,
        "dump_bytes": len(Image().file),
    }  # fmt: skip
    assert report(boots)["panic"] == told
    boots.start(**ARMED | {"version": "0.9"})
    assert report(boots)["panic"] == told | {"stale": True}


def test_another_panics_dump_is_not_taken(boots):
    put_header(boots)
    boots.start(**ARMED)
    boots.machine.run("test", "--panic", "--yes", status=1)
    boots.start(**ARMED)
    put_header(boots, arm_id=b"another arming..", state=COMPLETE, **TIMES)
    boots.complete()
    assert report(boots)["panic"]["outcome"] == "none seen"


@pytest.mark.parametrize("words, said", [
    (["test", "--yes"], "--yes needs --panic"), (["test", "--panic", "--report"], "for the boot after"),
    (["test", "--when-stale", "--panic"], "one of them"), (["test", "--when-stale", "--report"], "one of them"),
    (["status", "--json", "--metrics"], "--json and --metrics: one of them"),
    (["update", "--boot-order", "--from", "/x"], "--boot-order writes no file"),
    (["update", "--boot-order", "--sign", "k", "c"], "--boot-order writes no file"),
    (["install", "--dump-to", "/x"], "--dump-to FILE needs --reserve"),
])  # fmt: skip
def test_bad_usage(boots, words, said):
    assert said in boots.machine.run(*words, status=2).stderr
