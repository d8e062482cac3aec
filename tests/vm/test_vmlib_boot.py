# SPDX-License-Identifier: BSD-2-Clause
"""Disks with boot loaders, and EFI variables, without a virtual machine."""

import struct
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from vm import boot_loaders, disk, firmware, gpt, tools, variables  # noqa: E402
from vm.boot_loaders import BOOT_LOADERS, Linux, Loaded  # noqa: E402
from vm.errors import VmError  # noqa: E402

ARGUMENTS = "console=ttyS0,115200 quiet"


@pytest.fixture(name="linux")
def _linux(tmp_path):
    kernel, initrd = tmp_path / "vmlinuz-1", tmp_path / "first"
    kernel.write_bytes(b"the kernel" * 1000)
    initrd.write_bytes(b"12345")
    return Linux(kernel, {"initrd0.img": initrd, "overlay.img": b"abcd"}, ARGUMENTS, tmp_path)


@pytest.fixture(name="store")
def _store(tmp_path):
    return firmware.find_firmware().private_variables(tmp_path)


def _variables(store: Path) -> dict[str, bytes]:
    """Returns every variable in the store, found by the mark at its beginning."""
    image, found, at = store.read_bytes(), {}, 0
    while (at := image.find(b"\xaa\x55\x3f\x00", at)) >= 0:
        name, data = struct.unpack_from("<II", image, at + 36)
        text = image[at + 60 : at + 60 + name].decode("utf-16-le").rstrip("\0")
        found[text] = image[at + 60 + name : at + 60 + name + data]
        at += 60
    return found


def test_variables_are_added_behind_one_another(store):
    variables.add(store, {"One": b"x", "Two": b"yy"})
    variables.add(store, {"Three": b"zzz"})
    assert _variables(store) == {"One": b"x", "Two": b"yy", "Three": b"zzz"}


def test_a_variable_takes_the_place_of_one_that_has_its_name(store):
    variables.add(store, {"One": b"x", "Two": b"yy"})
    variables.add(store, {"One": b"z", "Two": variables.Variable(b"other", uuid.UUID(int=7))})
    image = store.read_bytes()
    assert _variables(store) == {"One": b"z", "Two": b"other"}
    assert image.count(b"\xaa\x55\x3d\0") == 1 and image.count(b"\xaa\x55\x3f\0") == 3


def test_variables_want_a_store_and_room(store, tmp_path):
    with pytest.raises(VmError, match="no room for the variable Large"):
        variables.add(store, {"Large": bytes(1 << 20)})
    other = tmp_path / "zeros"
    other.write_bytes(bytes(4096))
    with pytest.raises(VmError, match="no store of authenticated variables"):
        variables.add(other, {"One": b"x"})


def test_driver_entry_names_partition_and_file(store):
    esp = gpt.Partition(1 << 20, 40 << 20, unique=gpt.Partition.unique)
    variables.driver(store, variables.load_option("Lifeboat", esp, 1, "\\EFI\\lifeboat\\lifeboatx64.efi"))
    found = _variables(store)
    assert found["DriverOrder"] == b"\0\0"
    attributes, path_bytes = struct.unpack_from("<IH", found["Driver0000"])
    title, _, path = found["Driver0000"][6:].partition(b"t\0\0\0")
    assert attributes == 1 and (title + b"t\0").decode("utf-16-le") == "Lifeboat" and len(path) == path_bytes
    assert struct.unpack_from("<BBHIQQ", path) == (4, 1, 42, 1, 2048, 81920)
    assert path[24:40] == esp.unique.bytes_le
    assert "\\lifeboatx64.efi\0".encode("utf-16-le") in path and path.endswith(b"\x7f\xff\x04\0")


@pytest.mark.parametrize("words, wanted", [
    (("grub", None), ("grub", "chain")),
    (("systemd-boot", None), ("systemd-boot", "sd-boot")),
    (("uki", None), ("uki", "driver")),
    (("uki", "chain"), ("uki", "chain")),
    (("uki", "kernel"), ("uki", "kernel")),
    (("driver", None), ("uki", "driver")),
    (("chain", None), ("grub", "chain")),
])  # fmt: skip
def test_ways_in(words, wanted):
    assert boot_loaders.choose(*words) == wanted


@pytest.mark.parametrize("words, message", [
    (("grub", "sd-boot"), "only systemd-boot loads drivers"),
    (("grub", "kernel"), "only a unified kernel image is a kernel"),
    (("driver", "chain"), "says already how Lifeboat is entered"),
])  # fmt: skip
def test_ways_in_that_do_not_go(words, message):
    with pytest.raises(VmError, match=message):
        boot_loaders.choose(*words)


def test_lifeboat_gets_in_front():
    loaded = Loaded("EFI/debian/grubx64.efi", b"grub", {"EFI/debian/grub.cfg": b""}, {})
    loader, driver = Path("lifeboat.efi"), Path("lifeboatx64.efi")
    chain = boot_loaders.enter("chain", loaded, loader, driver)
    assert chain.esp["EFI/BOOT/BOOTX64.EFI"] == loader and chain.esp["EFI/debian/grubx64.efi"] == b"grub"
    assert chain.lines == ["chain \\EFI\\debian\\grubx64.efi"] and not chain.driver
    kernel = boot_loaders.enter("kernel", loaded, loader, driver)
    assert kernel.esp == chain.esp and kernel.lines == ["kernel \\EFI\\debian\\grubx64.efi"]
    for way, folder in (("driver", "EFI/lifeboat"), ("sd-boot", "EFI/systemd/drivers")):
        entered = boot_loaders.enter(way, loaded, loader, driver)
        assert entered.esp["EFI/BOOT/BOOTX64.EFI"] == b"grub"
        assert entered.esp[f"{folder}/lifeboatx64.efi"] == driver and entered.config == f"{folder}/lifeboat.conf"
        assert bool(entered.driver) == (way == "driver")


@pytest.mark.parametrize("boot", BOOT_LOADERS)
def test_no_boot_loader_is_given_our_words(linux, boot):
    boot_loaders.check_configuration(BOOT_LOADERS[boot].make(linux))


@pytest.mark.parametrize("word", ["panic=-1", "reboot=efi,cold,panic_warm", "crash_kexec_post_notifiers", "oops=panic"])
def test_our_words_in_a_configuration_are_found(linux, word):
    linux = Linux(linux.kernel, linux.initrds, f"{ARGUMENTS} {word}", linux.folder)
    for boot in ("grub", "systemd-boot"):
        with pytest.raises(VmError, match="which only Lifeboat is to add"):
            boot_loaders.check_configuration(BOOT_LOADERS[boot].make(linux))


def test_uki_has_kernel_words_and_joined_initrds(linux, tmp_path):
    loaded = BOOT_LOADERS["uki"].make(linux)
    for section, wanted in ((".linux", linux.kernel.read_bytes()), (".cmdline", ARGUMENTS.encode()),
                            (".initrd", b"12345\0\0\0abcd")):  # fmt: skip
        part = tmp_path / "part"
        subprocess.run(["objcopy", "-O", "binary", "-j", section, loaded.image, part], check=True)
        assert part.read_bytes().startswith(wanted), section


def test_disk_has_an_esp_and_an_ext4_boot(linux, tmp_path):
    loaded = BOOT_LOADERS["grub"].make(linux)
    image = tmp_path / "disk"
    esp = boot_loaders.make_disk(image, {"EFI/BOOT/BOOTX64.EFI": b"x", **loaded.esp}, loaded.boot)
    listed = tools.run("mdir", "-/", "-b", "-i", f"{image}@@{esp.start}", "::", env={"MTOOLS_SKIP_CHECK": "1"})
    assert {"::/EFI/BOOT/BOOTX64.EFI", "::/EFI/debian/grub.cfg"} <= set(listed.decode().split())
    boot = tmp_path / "boot"
    with open(image, "rb") as whole:
        whole.seek(esp.start + esp.size)
        boot.write_bytes(whole.read())
    assert set(disk.find_files(boot)) == {"/vmlinuz", "/initrd0.img", "/overlay.img", "/grub/grub.cfg"}


def test_own_line_tells_which_of_two_ways_grub_went():
    console = "BdsDxe\nWelcome to GRUB!\n  Booting `Debian'\nLoading Linux by linuxefi\n"
    assert boot_loaders.own_line("grub-efi", console) == "Welcome to GRUB! ... Loading Linux by linuxefi"
    assert boot_loaders.own_line("grub", console) is None
    assert boot_loaders.own_line("systemd-boot", "Debian\nBoot in 1 s.\n") == "Boot in 1 s."
