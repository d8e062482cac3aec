# SPDX-License-Identifier: BSD-2-Clause
"""What lifeboatctl install judges as the loader will: lifeboat.conf by the loader's parser, the partition for dumps
by the loader's rules. Runs no virtual machine.
"""

import struct
import uuid

import fake_machine
import pytest
from conftest import build
from dump_images import COMPLETE, Image
from fake_machine import CERTIFICATE, DRIVER, DUMP, ESP, MIB, ROOT, SHIM, image, signature_list
from vm import gpt

CONF = "EFI/lifeboat/lifeboat.conf"
LEFT_OUT = "; left out\n"
DATA = gpt.Partition(193 * MIB, 32 * MIB, "data", fake_machine.LINUX_TYPE)


@pytest.fixture
def machine(tmp_path):
    return fake_machine.make(tmp_path, build("lifeboatctl.checked"))


def refused(machine, wanted, *words):
    """Expects that nothing is done, for this one reason; returns what was printed."""
    before = machine.variables(), machine.files()
    done = machine.run("install", *words, status=1)
    assert wanted in done.stderr and done.stderr.count("\n") == 1, done
    assert (machine.variables(), machine.files()) == before
    return done.stdout


# ---- lifeboat.conf -----------------------------------------------------------------


@pytest.mark.parametrize("text, wanted", [
    (b"# ours\nconsole ttyS9\n", f"{CONF}:2: console: \"ttyS9\" was given, wanted none, ttyS0"),
    (b"profil server\n", f"{CONF}:1: profil: unknown option"),
    (b"profile\n", f"{CONF}:1: profile: nothing was given, wanted desktop, server or strict"),
    (b"c\0o\0n\0", f"{CONF}: byte 1 is NUL, wanted UTF-8 text"),
    (b"capture-args x\ncapture builtin\n", f"{CONF}: --capture-args: the built-in capture kernel"),
    (b"watchdog 60\n", f"{CONF}: --watchdog: wanted a KERNEL"),
    (b"dump-to vda3\n", f"{CONF}:1: dump-to: \"vda3\" was given, wanted PARTLABEL=NAME"),
    (b"dry-run\n", f"{CONF}: dry-run: nothing would be armed"),
    (70000 * b"#", f"{CONF}: File too large"),
], ids=range(9))  # fmt: skip
def test_what_the_loader_would_refuse(machine, text, wanted):
    machine.write(f"boot/efi/{CONF}", text)
    refused(machine, wanted)


@pytest.mark.parametrize("text, wanted", [
    (b"chain \\EFI\\none.efi\n", "chain \\EFI\\none.efi: no such file on /"),
    (b"chain \\efi\\Lifeboat\\lifeboat.EFI\n", "that is Lifeboat itself"),
    (b"chain \\EFI\\debian\\grubx64.efi\nkernel \\vmlinuz\n", "kernel: --chain starts a boot manager"),
])  # fmt: skip
def test_a_chain_to_nowhere(machine, text, wanted):
    machine.write(f"boot/efi/{CONF}", text)
    refused(machine, wanted, "--mode", "chain")


def test_the_chain_of_the_administrator_is_started(machine):
    machine.write(f"boot/efi/{CONF}", b"chain ../debian/grubx64.efi\n")
    assert "starts: \\EFI\\lifeboat\\..\\debian\\grubx64.efi\n" in machine.run("install", "--mode", "chain").stdout


def test_systemd_boot_s_own_folder_has_a_conf_of_its_own(machine):
    machine.write("boot/efi/EFI/systemd/systemd-bootx64.efi", b"sd-boot")
    machine.write("boot/efi/EFI/systemd/drivers/lifeboat.conf", b"wrong\n")
    refused(machine, "drivers/lifeboat.conf:1: wrong: unknown option", "--mode", "sd-boot")
    machine.write("boot/efi/EFI/systemd/drivers/lifeboat.conf", b"console none\n")
    machine.run("install", "--mode", "sd-boot")
    assert CONF not in machine.files()


def test_secure_boot_judges_the_console(machine):
    machine.set("SecureBoot", b"\1", attributes=6)
    machine.set("db", signature_list(CERTIFICATE), fake_machine.DATABASE, 0x27)
    machine.write("usr/lib/lifeboat/lifeboatx64.efi", image(DRIVER, signer=CERTIFICATE))
    machine.write(f"boot/efi/{CONF}", b"console 0x3000\n")
    refused(machine, "Secure Boot is on: --console 0x3000: nobody signed that address")
    spcr = bytearray(80)
    struct.pack_into("<4sIB", spcr, 0, b"SPCR", 80, 2)
    struct.pack_into("<BxxxBBBBQ", spcr, 36, 0, 1, 8, 0, 1, 0x3000)
    spcr[9] = -sum(spcr) & 0xFF
    machine.write("sys/firmware/acpi/tables/SPCR", bytes(spcr))
    machine.run("install")
    machine.write(f"boot/efi/{CONF}", b"capture \\vmlinuz\n")
    refused(machine, "nobody checks the signature of a Linux as the second kernel")


# ---- Partitions for dumps ----------------------------------------------------------


def put_dump(machine, **fields):
    """Makes the third partition of /dev/vda hold a complete dump of these fields."""
    fields = {"partuuid": DUMP.unique.bytes_le, "partition_bytes": DUMP.size, "state": COMPLETE} | fields
    with open(machine.root / "dev/vda", "r+b") as file:
        file.seek(DUMP.start)
        file.write(Image(size=DUMP.size, fields=fields).bytes()[: 1 << 20])


def test_a_waiting_dump_is_told(machine):
    put_dump(machine, saved=0)
    said = machine.run("install").stdout
    assert "note: dump-to auto: /dev/vda3: a dump waits there: lifeboatctl save; left out\n" in said
    assert "dumps go to:" not in said and "until that dump is saved no boot is armed" in said
    machine.write(f"boot/efi/{CONF}", b"dump-overwrite\n")
    assert "dumps go to: /dev/vda3" in machine.run("install").stdout


def test_a_saved_dump_is_in_nobodys_way(machine):
    put_dump(machine, saved=1)
    said = machine.run("install").stdout
    assert "dumps go to: /dev/vda3" in said and LEFT_OUT not in said


@pytest.mark.parametrize("conf, wanted", [
    (b"", "dumps go to the first that the firmware shows: /dev/vda3 (PARTLABEL=lifeboat-dump, 64 MiB) or /dev/vdb1"),
    (b"dump-to PARTLABEL=two\n", "dumps go to: /dev/vdb1 (PARTLABEL=two, 40 MiB)\n"),
    (f"dump-to PARTUUID={DUMP.unique}\ndump-to PARTLABEL=two\n".encode(),
     "dumps go to: /dev/vda3 (PARTLABEL=lifeboat-dump, 64 MiB), else to /dev/vdb1 (PARTLABEL=two, 40 MiB)\n"),
])  # fmt: skip
def test_which_of_several(machine, conf, wanted):
    machine.disk("vdb", [gpt.Partition(MIB, 40 * MIB, "two", unique=uuid.UUID(int=7))])
    machine.write(f"boot/efi/{CONF}", conf)
    said = machine.run("install").stdout
    assert wanted in said
    assert "note: /dev/vdb1 has 40 MiB; a dump that nothing can be left out of takes 65 MiB\n" in said


def spoil_removable(machine):
    machine.write("sys/block/vdb/removable", b"1\n")


def spoil_read_only(machine):
    machine.write("sys/block/vdb/ro", b"1\n")


def spoil_usb(machine):
    machine.controller("vdb", b"0x0c0330", b"0x1b36", b"0x000d")


def spoil_no_function(machine):
    (machine.root / "sys/devices/pci0000:00/vdb/class").unlink()


def spoil_small(machine):
    machine.disk("vdb", [gpt.Partition(MIB, MIB // 2)])


def spoil_foreign(machine):
    """Without a protective MBR the table counts as a leftover."""
    with open(machine.root / "dev/vdb", "r+b") as file:
        file.write(bytes(512))


@pytest.mark.parametrize("spoil, why", [
    (spoil_removable, "it is on a removable medium"),
    (spoil_read_only, "its disk is read-only"),
    (spoil_usb, "its disk's controller (class 0c0330, 1b36:000d) has no driver"),
    (spoil_no_function, "its disk is not behind a PCI function"),
    (spoil_small, "it has 524288 bytes, wanted a MiB at least"),
    (spoil_foreign, "the GPT is a leftover"),
], ids=lambda value: getattr(value, "__name__", ""))  # fmt: skip
def test_refusals_have_reasons(machine, spoil, why):
    machine.disk("vda", [ESP, ROOT])
    machine.disk("vdb", [gpt.Partition(MIB, 40 * MIB)])
    spoil(machine)
    said = refused(machine, "no partition for dumps")
    (line,) = [line for line in said.splitlines(keepends=True) if line.startswith("note: dump-to auto: /dev/vdb1: ")]
    assert why in line and line.endswith(LEFT_OUT)


@pytest.mark.parametrize("word, why", [
    ("PARTLABEL=data", "/dev/vda4: neither is it of the type 5a1d3c0e-"),
    ("PARTLABEL=none", "there is no such partition on a disk with a GPT"),
    (f"PARTUUID={uuid.UUID(int=9)}", "there is no such partition on a disk with a GPT"),
    ("PARTLABEL=twice", "there is more than one such partition"),
])  # fmt: skip
def test_a_name_that_no_partition_serves(machine, word, why):
    machine.disk("vda", [ESP, ROOT, DUMP, DATA])
    machine.disk("vdb", [gpt.Partition(MIB, 8 * MIB, "twice"), gpt.Partition(16 * MIB, 8 * MIB, "twice")])
    machine.write(f"boot/efi/{CONF}", f"dump-to {word}\n".encode())
    said = refused(machine, "no partition for dumps; this makes one: sgdisk -n 0:")
    assert f"note: dump-to {word}: {why}" in said


@pytest.mark.parametrize("word, words", [
    ("PARTLABEL=mine", "-c 0:mine /dev/vdb "), ("PARTLABEL=$(x)", "-c 0:lifeboat-dump /dev/vdb "),
    (f"PARTUUID={uuid.UUID(int=9)}", f"-c 0:lifeboat-dump -u 0:{uuid.UUID(int=9)} /dev/vdb "),
])  # fmt: skip
def test_the_command_makes_what_is_asked_for(machine, word, words):
    """The partition goes on the disk with the most room, of those with a driver in the capture kernel."""
    machine.disk("vdb", [gpt.Partition(MIB, MIB, "x", fake_machine.LINUX_TYPE)])
    machine.disk("vdc", [gpt.Partition(MIB, MIB, "x", fake_machine.LINUX_TYPE)], 512 * MIB)
    machine.controller("vdc", b"0x0c0330", b"0x1b36", b"0x000d")
    machine.write(f"boot/efi/{CONF}", f"dump-to {word}\n".encode())
    refused(machine, words)


def test_blocks_of_four_kibibytes(machine):
    """sgdisk counts in the disk's logical blocks."""
    machine.disk("vda", [ESP, ROOT], block=4096)
    refused(machine, "sgdisk -n 0:33024:+65M")
    machine.disk("vda", [ESP, ROOT, DUMP], block=4096)
    assert "dumps go to: /dev/vda3 (PARTLABEL=lifeboat-dump, 64 MiB)" in machine.run("install").stdout


def test_an_nvme_disk_of_several_paths(machine):
    """The disk's own folder in sysfs is not below a PCI function. Its controller's folder is."""
    machine.disk("nvme0n1", [gpt.Partition(MIB, 70 * MIB, "far")])
    function = machine.root / "sys/devices/pci0000:00/nvme0n1"
    (function / "class").write_bytes(b"0x010802\n")
    (machine.root / "sys/block/nvme0n1").unlink()
    (machine.root / "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1").mkdir(parents=True)
    link = machine.root / "sys/block/nvme0n1"
    link.symlink_to("../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1")
    machine.write(f"boot/efi/{CONF}", b"dump-to PARTLABEL=far\n")
    assert "has no driver" not in refused(machine, "no partition for dumps")
    controller = machine.root / "sys/class/nvme/nvme0"
    controller.parent.mkdir(parents=True)
    controller.symlink_to("../../devices/pci0000:00/nvme0n1/virtio1")
    assert "dumps go to: /dev/nvme0n1p1 (PARTLABEL=far, 70 MiB)" in machine.run("install").stdout


def test_a_linux_as_the_second_kernel_has_targets_of_its_own(machine):
    machine.disk("vda", [ESP, ROOT])
    machine.write(f"boot/efi/{CONF}", b"capture \\vmlinuz\n")
    assert "dumps go to" not in machine.run("install").stdout


def test_shim_is_no_part_of_it(machine):
    """A chain behind shim is judged in the same way."""
    machine.set("SecureBoot", b"\1", attributes=6)
    machine.write("usr/lib/lifeboat/lifeboat.efi", image(fake_machine.APPLICATION, signer=CERTIFICATE))
    machine.write("usr/lib/lifeboat/lifeboatx64.efi", image(DRIVER, signer=CERTIFICATE))
    machine.set("MokListRT", signature_list(CERTIFICATE), SHIM, 6)
    machine.write(f"boot/efi/{CONF}", b"chain \\EFI\\debian\\grubx64.efi\nconsole ttyS7\n")
    refused(machine, f"{CONF}:2: console:")
