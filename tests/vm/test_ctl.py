# SPDX-License-Identifier: BSD-2-Clause
"""lifeboatctl install, update and remove on made-up machines: what is written, and what is refused.

Runs no virtual machine. The tool is the one built with ASan and UBSan.
"""

import base64
import shutil
import struct
import subprocess
import uuid

import fake_machine
import pytest
import status_schema
from conftest import build
from dump_images import Image
from fake_machine import (
    APPLICATION, CERTIFICATE, DATABASE, DRIVER, DUMP, ESP, ESP_MOUNT, LOADER, MIB, ROOT, ROOT_MOUNT, SHIM, image,
    load_option, signature_list,
)  # fmt: skip

CONF = "EFI/lifeboat/lifeboat.conf"
OURS = "EFI/lifeboat/lifeboatx64.efi"
CHAINED = "EFI/lifeboat/lifeboat.efi"
SD_BOOT = "EFI/systemd/drivers/lifeboatx64.efi"


@pytest.fixture
def machine(tmp_path):
    return fake_machine.make(tmp_path, build("lifeboatctl.checked"))


def state(machine):
    return machine.variables(), machine.files()


def with_secure_boot(machine, signer=b""):
    machine.set("SecureBoot", b"\1", attributes=6)
    machine.write("usr/lib/lifeboat/lifeboatx64.efi", image(DRIVER, signer=signer))
    machine.write("usr/lib/lifeboat/lifeboat.efi", image(APPLICATION, signer=signer))


def with_systemd_boot(machine):
    machine.write("boot/efi/EFI/systemd/systemd-bootx64.efi", b"sd-boot")
    machine.set("LoaderInfo", "systemd-boot 257".encode("utf-16-le") + b"\0\0", LOADER, 6)


def test_driver(machine):
    before, files = state(machine)
    said = machine.run("install").stdout
    assert "mode: driver\n" in said and "/boot/efi (/dev/vda1)" in said
    assert "/dev/vda3 (PARTLABEL=lifeboat-dump, 64 MiB)" in said
    variables, after = state(machine)
    attributes = struct.pack("<I", 7)
    assert variables == before | {
        "Driver0000": attributes + load_option("Lifeboat", "\\EFI\\lifeboat\\lifeboatx64.efi"),
        "DriverOrder": attributes + struct.pack("<H", 0),
    }
    assert after.keys() - files.keys() == {"EFI/lifeboat", OURS, CONF}
    assert after[OURS] == image(DRIVER)
    assert after[CONF].decode().splitlines()[1:] == ["console ttyS1", "profile server"]


def test_remove_leaves_what_was_there(machine):
    machine.set("Driver0000", load_option("Other", "\\other.efi"))
    machine.set("DriverOrder", struct.pack("<H", 0))
    before = state(machine)
    machine.run("install")
    assert machine.variables()["DriverOrder"][4:] == struct.pack("<HH", 0, 1)
    machine.run("remove")
    assert state(machine) == before
    assert machine.run("remove").stdout == ""


def test_remove_keeps_what_others_changed_meanwhile(machine):
    """Somebody else has changed the order of the other entries since. That order stays."""
    machine.set("BootOrder", struct.pack("<HH", 1, 0), attributes=0x47)
    before = state(machine)
    machine.run("install", "--mode", "chain")
    machine.run("remove")
    assert state(machine) == before
    machine.run("install", "--mode", "chain")
    machine.set("Boot0007", load_option("Other", "\\other.efi"))
    machine.set("BootOrder", struct.pack("<HHHH", 7, 0, 2, 1))
    machine.run("remove")
    assert machine.variables()["BootOrder"][4:] == struct.pack("<HHH", 7, 0, 1)
    assert "Boot0002" not in machine.variables()


@pytest.mark.parametrize("mode", ["driver", "sd-boot", "chain"])
def test_every_mode_is_idempotent_and_goes_without_a_trace(machine, mode):
    with_systemd_boot(machine)
    before = state(machine)
    machine.run("install", "--mode", mode, "--dry-run")
    assert state(machine) == before
    machine.run("install", "--mode", mode)
    installed = state(machine)
    assert installed != before
    said = machine.run("install").stdout
    assert f"mode: {mode}\n" in said and "wrote" not in said and "made" not in said
    assert state(machine) == installed
    machine.run("remove", "--dry-run")
    assert state(machine) == installed
    machine.run("remove")
    assert state(machine) == before


def test_systemd_boot(machine):
    with_systemd_boot(machine)
    before = machine.variables()
    assert "mode: sd-boot\n" in machine.run("install").stdout
    assert machine.files()[SD_BOOT] == image(DRIVER) and machine.variables() == before


def test_chain(machine):
    machine.run("install", "--mode", "chain")
    variables, files = state(machine)
    assert variables["Boot0002"][4:] == load_option("Lifeboat", "\\EFI\\lifeboat\\lifeboat.efi")
    assert variables["BootOrder"][4:] == struct.pack("<HHH", 2, 1, 0)
    assert files[CHAINED] == image(APPLICATION)
    assert files[CONF].decode().splitlines()[-1] == "chain \\EFI\\debian\\shimx64.efi"
    # grub-install does this at each upgrade.
    machine.set("BootOrder", struct.pack("<HHH", 1, 2, 0))
    machine.run("install")
    assert machine.variables() == variables


def test_chain_without_an_entry(machine):
    for name in ("BootOrder", "Boot0001"):
        (machine.efivars / f"{name}-{fake_machine.GLOBAL}").unlink()
    assert "it has no \\EFI\\BOOT\\BOOTX64.EFI" in machine.run("install", "--mode", "chain", status=1).stderr
    machine.write("boot/efi/EFI/BOOT/BOOTX64.EFI", b"grub")
    machine.run("install", "--mode", "chain")
    assert b"chain \\EFI\\BOOT\\BOOTX64.EFI\n" in machine.files()[CONF]


def test_secure_boot_without_keys(machine):
    with_secure_boot(machine)
    before = state(machine)
    assert "lifeboatx64.efi is not signed: have it signed by --sign KEY CERT" in machine.run("install", status=1).stderr
    with_secure_boot(machine, CERTIFICATE)
    assert "signed by nobody that this machine knows" in machine.run("install", status=1).stderr
    assert state(machine) == before


def test_secure_boot_with_own_keys(machine):
    with_secure_boot(machine, CERTIFICATE)
    machine.set("db", signature_list(b"another") + signature_list(CERTIFICATE), DATABASE, 0x27)
    assert "mode: driver\n" in machine.run("install").stdout


def test_secure_boot_by_shim(machine):
    with_secure_boot(machine, CERTIFICATE)
    machine.set("MokListRT", signature_list(CERTIFICATE), SHIM, 6)
    before = state(machine)
    assert "only shim does: take --mode chain" in machine.run("install", "--mode", "driver", status=1).stderr
    assert state(machine) == before
    assert "mode: chain\n" in machine.run("install").stdout
    variables, files = state(machine)
    words = "\\EFI\\lifeboat\\lifeboat.efi".encode("utf-16-le") + b"\0\0"
    assert variables["Boot0002"][4:] == load_option("Lifeboat", "\\EFI\\debian\\shimx64.efi") + words
    assert files[CONF].decode().splitlines()[-1] == "chain \\EFI\\debian\\grubx64.efi"
    machine.run("remove")
    assert state(machine) == before


@pytest.mark.parametrize("data", [b"", bytes(27), b"\xff" * 64, signature_list(CERTIFICATE)[:40],
                                  struct.pack("<16sIII", b"", 28, 0xFFFFFFFF, 0) * 2])  # fmt: skip
def test_secure_boot_with_a_damaged_db(machine, data):
    with_secure_boot(machine, CERTIFICATE)
    machine.set("db", data, DATABASE, 0x27)
    assert "signed by nobody" in machine.run("install", status=1).stderr


def luks(pcrs: str) -> bytes:
    return luks_of(f'{{"type":"systemd-tpm2","keyslots":["1"],"tpm2-pcrs":[{pcrs}]}}')


def luks_of(*tokens: str) -> bytes:
    texts = ",".join(f'"{number}":{token}' for number, token in enumerate(tokens))
    token = f'{{"keyslots":{{"0":{{"type":"luks2","note":"}}\\"{{"}}}},"tokens":{{{texts}}},"config":{{}}}}'.encode()
    return b"LUKS\xba\xbe\0\2" + struct.pack(">Q", 16384) + bytes(4080) + token.ljust(12288, b"\0")


def test_tpm_takes_a_mode_that_keeps_the_key(machine):
    machine.write("dev/vda2", luks("2,11"))
    assert "mode: chain\n" in machine.run("install").stdout


def test_tpm_stops_until_told(machine):
    machine.write("dev/vda2", luks("2, 4"))
    before = state(machine)
    done = machine.run("install", status=1)
    assert "TPM: /dev/vda2 has a key bound to PCR 2, 4; mode driver changes 2, 5, 12: it will ask" in done.stdout
    assert "--accept-tpm-change, or take another --mode (driver and sd-boot change PCR 2, chain 1, 4)" in done.stderr
    assert state(machine) == before
    machine.run("install", "--accept-tpm-change")


def test_tpm_of_boot_entries_a_chain_changes(machine):
    """clevis' own examples bind to PCRs 1 and 7. A chain's entry is measured into PCR 1, a driver's is not."""
    machine.write("dev/vda2", luks("1,7"))
    assert "mode driver changes 2, 5, 12: it stays" in machine.run("install", "--dry-run").stdout
    done = machine.run("install", "--mode", "chain", status=1)
    assert "TPM: /dev/vda2 has a key bound to PCR 1, 7; mode chain changes 1, 4, 5, 12: it will ask" in done.stdout


@pytest.mark.parametrize("pcrs", ["7", "11", ""])
def test_tpm_of_other_pcrs_is_no_matter(machine, pcrs):
    machine.write("dev/vda2", luks(pcrs))
    done = machine.run("install")
    assert "mode: driver\n" in done.stdout
    assert ("mode driver changes 2, 5, 12: it stays" in done.stdout) == bool(pcrs)


def test_secure_boot_changes_pcr_7_in_every_mode(machine):
    with_secure_boot(machine, CERTIFICATE)
    machine.set("db", signature_list(CERTIFICATE), DATABASE, 0x27)
    machine.write("dev/vda2", luks("7,11"))
    done = machine.run("install", status=1)
    assert "bound to PCR 7, 11; mode driver changes 2, 5, 7, 12: it will ask" in done.stdout
    assert "(driver and sd-boot change PCR 2, 7, chain 1, 4, 7)" in done.stderr


SYSTEMD = '{"type":"systemd-tpm2","tpm2-pcrs":[%s]}'


def clevis(header: str) -> str:
    protected = base64.urlsafe_b64encode(header.encode()).decode().rstrip("=")
    return f'{{"type":"clevis","keyslots":["1"],"jwe":{{"ciphertext":"x","protected":"{protected}"}}}}'


@pytest.mark.parametrize("tokens, bound", [
    ([SYSTEMD % "7", SYSTEMD % "2"], "2, 7"),
    (['{"type":"luks2-keyring","key_description":"systemd-tpm2"}', SYSTEMD % "2"], "2"),
    (['{ "type" : "systemd-tpm2", "tpm2-pcrs" : [ 2 , 4 ] }'], "2, 4"),
    (['{"tpm2-pcrs":[],"type":"systemd-tpm2","tpm2_pubkey_pcrs":[2,11]}'], "2, 11"),
    (['{"type":"systemd-tpm2","tpm2-pcrs":[],"tpm2_pcrlock":true}'], "not known"),
    ([clevis('{"alg":"dir","clevis":{"pin":"tpm2","tpm2":{"hash":"sha256","pcr_bank":"sha256","pcr_ids":"2,7"}}}')],
     "2, 7"),
    ([clevis('{"clevis":{"pin":"sss","sss":{"jwe":["x"]}}}')], "not known"),
    (['{"type":"clevis"}'], "not known"),
    (['{"type":"systemd-tpm2","tpm2-pcrs":[2'], "2"),
], ids=range(9))  # fmt: skip
def test_tokens_bound_to_pcrs(machine, tokens, bound):
    """The root is on a logical volume or on a partition."""
    machine.write("sys/block/dm-0/dm/uuid", b"LVM-x\n")
    machine.write("dev/dm-0", luks_of(*tokens))
    done = machine.run("install", "--mode", "driver", status=1)
    assert f"TPM: /dev/dm-0 has a key bound to PCR {bound}; mode driver changes 2, 5, 12: it will ask" in done.stdout


@pytest.mark.parametrize("tokens", [
    [], [SYSTEMD % ""], ['{"type":"systemd-fido2","tpm2-pcrs":[2]}'],
    [clevis('{"clevis":{"pin":"tang","tang":{"url":"http://x"}}}')],
    [clevis('{"clevis":{"pin":"tpm2","tpm2":{"hash":"sha256","key":"ecc"}}}')],
], ids=range(5))  # fmt: skip
def test_tokens_bound_to_none(machine, tokens):
    machine.write("dev/vda2", luks_of(*tokens))
    assert "TPM" not in machine.run("install").stdout


def test_encrypted_root_is_told(machine):
    machine.write("sys/block/vda/vda2/dm/uuid", b"CRYPT-LUKS2-x\n")
    refused = machine.run("install", status=1)
    assert "the root is encrypted, a dump is not" in refused.stderr and "--cleartext" in refused.stderr
    assert "note: the root is encrypted, a dump is not" in machine.run("install", "--cleartext").stdout


RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


def test_recipients(machine):
    """Recipients go into lifeboat.conf, which the loader's parser judges. A lifeboat.conf that exists is not
    changed."""
    machine.write("sys/block/vda/vda2/dm/uuid", b"CRYPT-LUKS2-x\n")
    refused = machine.run("install", "--recipient", "ssh-ed25519 AAAA", status=2).stderr
    assert refused.startswith("lifeboatctl: install: --recipient: ") and "an SSH key" in refused
    assert "lifeboat.conf" not in refused and CONF not in machine.files()
    assert "encrypted to 1 recipients" in machine.run("install", "--recipient", RECIPIENT).stdout
    assert f"dump-encrypt {RECIPIENT}\n".encode() in machine.files()[CONF]
    other = "age1ce7lzmmuu38hpgjnr4g5j4vmelqmcp5u65h7ymgw5n6czerw85dqmvau90"
    assert "add the line" in machine.run("install", "--recipient", other, status=1).stderr


def test_profile_of_a_desktop(machine):
    folder = machine.root / "etc/systemd/system"
    folder.mkdir(parents=True)
    (folder / "default.target").symlink_to("/lib/systemd/system/graphical.target")
    machine.run("install")
    assert b"profile server\n" in machine.files()[CONF]
    machine.run("remove")
    (folder / "display-manager.service").symlink_to("/lib/systemd/system/gdm.service")
    machine.run("install")
    assert b"profile desktop\n" in machine.files()[CONF]


def test_conf_is_the_administrators(machine):
    machine.write(f"boot/efi/{CONF}", b"console none\n")
    before = state(machine)
    machine.run("install")
    assert machine.files()[CONF] == b"console none\n"
    assert "stays: " in machine.run("remove").stdout
    assert state(machine) == before
    said = machine.run("install", "--mode", "chain", status=1).stderr
    assert 'add the line "chain \\EFI\\debian\\shimx64.efi"' in said


def test_another_mode_than_the_installed_one(machine):
    machine.run("install")
    assert "installed in mode driver: lifeboatctl remove" in machine.run("install", "--mode", "chain", status=1).stderr


def test_update(machine):
    assert "not installed" in machine.run("update").stdout
    machine.run("install")
    before = machine.variables()
    for version, taken in (("0.1.0", False), ("0.0.9", False), ("0.10", True), ("0.9", False)):
        machine.write("usr/lib/lifeboat/lifeboatx64.efi", image(DRIVER, version))
        was = machine.files()[OURS]
        machine.run("update")
        assert machine.files()[OURS] == (image(DRIVER, version) if taken else was)
    assert machine.variables() == before


def test_boot_order_is_put_back_and_nothing_else(machine):
    """A package's trigger may do this: no file changes, and the order changes only for Lifeboat's entry."""
    order = ("update", "--boot-order")
    before = state(machine)
    assert machine.run(*order).stdout == "" and state(machine) == before
    machine.run("install", "--mode", "chain")
    installed = state(machine)
    assert machine.run(*order).stdout == "" and state(machine) == installed
    for others in ((1, 2, 0), (1, 0)):
        machine.set("BootOrder", struct.pack(f"<{len(others)}H", *others))
        changed = state(machine)
        assert "would be: Boot0002 is the first" in machine.run(*order, "--dry-run").stdout
        assert state(machine) == changed
        assert "done: Boot0002 is the first boot entry again" in machine.run(*order).stdout
        assert state(machine) == installed
    machine.set("BootOrder", struct.pack("<HH", 1, 0))
    (machine.efivars / f"Boot0002-{fake_machine.GLOBAL}").unlink()
    assert "no boot entry of Lifeboat's is there" in machine.run(*order, status=1).stderr


def test_boot_order_behind_shim(machine):
    with_secure_boot(machine, CERTIFICATE)
    machine.set("MokListRT", signature_list(CERTIFICATE), SHIM, 6)
    machine.run("install")
    installed = state(machine)
    machine.set("BootOrder", struct.pack("<HHH", 1, 2, 0))
    machine.run("update", "--boot-order")
    assert state(machine) == installed


@pytest.mark.parametrize("mode", ["driver", "sd-boot"])
def test_boot_order_is_no_matter_of_other_modes(machine, mode):
    with_systemd_boot(machine)
    machine.run("install", "--mode", mode)
    installed = state(machine)
    assert machine.run("update", "--boot-order").stdout == "" and state(machine) == installed


def test_programs_lie_beside_lifeboatctl(machine, tmp_path):
    """`make install` puts both below one PREFIX, which may be any. What an image has itself is used first."""
    prefix = tmp_path / "opt"
    (prefix / "sbin").mkdir(parents=True)
    (prefix / "lib").mkdir()
    shutil.copy(machine.tool, prefix / "sbin/lifeboatctl")
    shutil.copytree(machine.root / "usr/lib/lifeboat", prefix / "lib/lifeboat")
    (prefix / "lib/lifeboat/lifeboatx64.efi").write_bytes(image(DRIVER, "7.8.9"))
    machine.tool = prefix / "sbin/lifeboatctl"
    machine.run("install")
    assert machine.files()[OURS] == image(DRIVER)
    (machine.root / "usr/lib/lifeboat/lifeboatx64.efi").unlink()
    machine.run("install")
    assert machine.files()[OURS] == image(DRIVER, "7.8.9")


def test_image_build(machine):
    """The same input gives the same output on any machine, and no variable is written."""
    machine.write("etc/kernel/cmdline", b"console=ttyS0\n")
    (machine.root / "proc/self/mountinfo").unlink()
    before = machine.variables()
    nothing = ("install", "--esp", "/boot/efi", "--no-variables")
    assert "no entry of the firmware would be made: run `lifeboatctl" in machine.run(*nothing, "-n", live=False).stdout
    done = machine.run(*nothing, live=False)
    assert "no entry of the firmware was made: run `lifeboatctl install` on the machine" in done.stdout
    first = machine.files()
    assert first[CONF].decode().splitlines()[1] == "console ttyS0"
    machine.run("remove", "--esp", "/boot/efi", live=False)
    machine.run("install", "--esp", "/boot/efi", live=False)
    assert machine.files() == first and machine.variables() == before


def installed_problems(machine):
    """Returns the problems of the entries that status prints. Everything else of this machine is wrong, too."""
    told = status_schema.read(machine.run("status", "--json", status=1).stdout)
    return told["installed"], [problem for problem in told["problems"] if "the next boot will not be armed" in problem]


def test_status_tells_what_is_installed(machine):
    assert installed_problems(machine) == (None, [])
    machine.run("install")
    told = {"program": f"/boot/efi/{OURS}", "mode": "driver", "version": "0.1.0", "signed_by": [], "secure_boot_by": None}
    assert installed_problems(machine) == (told, [])
    (machine.efivars / f"DriverOrder-{fake_machine.GLOBAL}").unlink()
    assert "no driver entry" in installed_problems(machine)[1][0]
    machine.write(f"boot/efi/{OURS}", b"")
    assert installed_problems(machine)[0]["version"] is None


def test_status_tells_that_the_driver_entry_led_nowhere(machine):
    """As with edk2 2026.08. A chain has a boot entry and needs no driver entry."""
    machine.run("install")
    assert "remove, then install --mode chain, makes a boot entry" in machine.run("status", status=1).stdout
    machine.run("remove")
    machine.run("install", "--mode", "chain")
    assert "driver entry" not in machine.run("status", status=1).stdout


def test_status_blames_no_driver_entry_for_secure_boot(machine):
    """The program is unsigned: that is why it was not started."""
    machine.run("install")
    with_secure_boot(machine)
    done = machine.run("status", status=1)
    assert "install --sign KEY CERT" in done.stderr and "starts no driver entries" not in done.stdout


def test_status_tells_that_another_boot_entry_is_first(machine):
    machine.run("install", "--mode", "chain")
    assert installed_problems(machine)[1] == []
    machine.set("BootOrder", struct.pack("<HHH", 1, 2, 0))
    assert "the first boot entry is not Lifeboat's" in installed_problems(machine)[1][0]
    assert "installed: /boot/efi/EFI/lifeboat/lifeboat.efi, mode chain, version 0.1.0" in machine.run(
        "status", status=1
    ).stdout


def run_test(machine, *words, dump=None, status=0):
    """Runs `lifeboatctl test` with /sys/block replaced by one disk that holds this dump."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("unshare -rm does not work here: no /sys/block of the test's own")
    (machine.root / "disks/vdb").mkdir(parents=True, exist_ok=True)
    (machine.root / "nodes").mkdir(exist_ok=True)
    (machine.root / "nodes/vdb").write_bytes(dump.bytes() if dump else bytes(MIB))
    mounts = 'mount --bind "$1/disks" /sys/block && mount --bind "$1/nodes" /dev && exec "${@:2}"'
    command = ["unshare", "-rm", "bash", "-c", mounts, "bash", machine.root, machine.tool, "test", "--root"]
    done = subprocess.run(
        [*map(str, command), str(machine.root), *words], stdin=subprocess.PIPE, capture_output=True, text=True,
        check=False, env={"EFIVARFS_PATH": f"{machine.efivars}/", "PATH": "/usr/bin:/bin:/usr/sbin"},
    )  # fmt: skip
    assert done.returncode == status, done
    return done.stdout + done.stderr


def test_a_try_is_asked_for_once(machine):
    assert f"it is not installed on {machine.esp}: lifeboatctl install" in run_test(machine, status=1)
    machine.run("install")
    before = machine.files()[CONF]
    assert "would ask" in run_test(machine, "--dry-run")
    assert machine.files()[CONF] == before
    assert "restart the machine" in run_test(machine)
    assert machine.files()[CONF] == before + b"selftest\n"
    assert "asked for already" in run_test(machine)
    assert machine.files()[CONF] == before + b"selftest\n"
    machine.write(f"boot/efi/{CONF}", b"console none")
    run_test(machine)
    assert machine.files()[CONF] == b"console none\nselftest\n"


@pytest.mark.parametrize("selftest, status, said", [
    (1, 1, "begun, and did not come back"), (2, 0, "vdb: passed"), (3, 1, "failed"), (9, 1, "not known"),
])  # fmt: skip
def test_the_verdict_of_a_try(machine, selftest, status, said):
    machine.run("install")
    before = machine.files()
    assert said in run_test(machine, dump=Image(fields={"selftest": selftest}), status=status)
    assert machine.files() == before


# For each case: what is wrong with the machine, and the message.
BAD = {
    "bios": (lambda m: subprocess.run(["rm", "-r", m.root / "sys/firmware/efi"], check=True), "started by a BIOS"),
    "32 bits": (lambda m: m.write("sys/firmware/efi/fw_platform_size", b"32\n"), "the firmware is one of 32 bits"),
    "no efivarfs": (lambda m: subprocess.run(["rm", "-r", m.efivars], check=True), "mount -t efivarfs"),
    "no esp": (lambda m: m.mount(ROOT_MOUNT), "mount /dev/vda1 {root}/boot/efi"),
    "no esp at all": (
        lambda m: (m.mount(ROOT_MOUNT), m.disk("vda", [ROOT, DUMP])), "make a FAT partition of GPT type c12a7328",
    ),
    "automount": (lambda m: m.mount(ROOT_MOUNT, ESP_MOUNT.replace("vfat", "autofs")), "mount /dev/vda1 {root}/boot/efi"),
    "read-only mount": (lambda m: m.mount(ROOT_MOUNT, ESP_MOUNT.replace("rw,rel", "ro,rel")), "remount,rw {root}/boot/efi"),
    "read-only": (lambda m: m.mount(ROOT_MOUNT, ESP_MOUNT.replace("rw,fmask", "ro,fmask")), "remount,rw {root}/boot/efi"),
    "no target": (
        lambda m: m.disk("vda", [ESP, ROOT]),
        "sgdisk -n 0:264192:+65M -t 0:5a1d3c0e-7b5f-4f0e-9c55-4c6966654201 -c 0:lifeboat-dump /dev/vda && partprobe",
    ),
    "no room": (
        lambda m: (m.disk("vda", [ESP, ROOT]), m.write("proc/meminfo", b"MemTotal: 9999999 kB\n")),
        "no disk has 9895 MiB without a partition",
    ),
    "no program": (lambda m: (m.root / "usr/lib/lifeboat/lifeboatx64.efi").unlink(), "lifeboatx64.efi: No such file"),
    "empty program": (lambda m: m.write("usr/lib/lifeboat/lifeboatx64.efi", b""), "no program for UEFI on x86-64"),
    "cut program": (
        lambda m: m.write("usr/lib/lifeboat/lifeboatx64.efi", image(DRIVER)[:200]), "no program for UEFI on x86-64",
    ),
    "application as driver": (
        lambda m: m.write("usr/lib/lifeboat/lifeboatx64.efi", image(APPLICATION)), "its subsystem is 10, wanted 11",
    ),
    "somebody else's": (
        lambda m: m.write("usr/lib/lifeboat/lifeboatx64.efi", image(DRIVER).replace(b"\nlifeboat,", b"\nsomebody,")),
        "its .sbat does not name lifeboat",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_machines(machine, name):
    spoil, wanted = BAD[name]
    spoil(machine)
    before = machine.files()
    done = machine.run("install", status=1)
    assert wanted.format(root=machine.root) in done.stderr and done.stderr.count("\n") == 1, done
    assert machine.files() == before


@pytest.mark.parametrize("words", [
    ["off"], ["on"], ["rollback"], ["test", "--when-stale"], ["update"], ["remove"],
], ids=" ".join)  # fmt: skip
@pytest.mark.parametrize("mounted", [True, False])
def test_a_bios_is_told_of_by_every_command(machine, words, mounted):
    """What leads on is another firmware setting: no ESP, and no installation. Only the file of `off` needs no UEFI."""
    machine.run("install")
    shutil.rmtree(machine.root / "sys/firmware/efi")
    machine.mount(ROOT_MOUNT, *([ESP_MOUNT] if mounted else []))
    before = machine.files()
    if words == ["off"] and mounted:
        assert "from the next boot on" in machine.run(*words).stdout
        return
    for more in ([], ["--dry-run"]):
        done = machine.run(*words, *more, status=1)
        assert "started by a BIOS, not by UEFI: choose UEFI" in done.stderr and done.stderr.count("\n") == 1, done
        assert machine.files() == before


@pytest.mark.parametrize("words, wanted", [
    (["--esp", "/srv"], " {root}/srv: no EFI system partition is mounted there"),
    (["--esp", "/"], " {root}/: a file system of type ext4, wanted vfat"),
    (["--mode", "sd-boot"], "no systemd-boot is on {root}/boot/efi: bootctl install"),
    (["--from", "/nonexistent"], "/nonexistent/lifeboatx64.efi: No such file"),
])  # fmt: skip
def test_bad_words(machine, words, wanted):
    before = state(machine)
    assert wanted.format(root=machine.root) in machine.run("install", *words, status=1).stderr
    assert state(machine) == before


def test_an_image_s_folder_is_named_as_it_was_looked_for(machine):
    """Whoever gives the root twice sees it twice."""
    said = machine.run("install", "--esp", str(machine.esp), status=1, live=False).stderr
    assert said == f"lifeboatctl: install: {machine.root}{machine.esp}: no such folder\n"


def test_wrong_partition_type(machine):
    machine.disk("vda", [ROOT, ESP, DUMP])
    assert "its partition's type is 0fc63daf" in machine.run("install", "--esp", "/boot/efi", status=1).stderr


def test_full_esp(machine):
    """The files that found room are removed again."""
    machine.write("usr/lib/lifeboat/lifeboatx64.efi", image(DRIVER) + bytes(MIB))
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("unshare -rm does not work here: no small file system of the test's own")
    look = 's=$?; echo "left:"; find "$1" -mindepth 1; exit $s'
    script = f'mount -t tmpfs -o size=256k none "$1" && {{ "${{@:2}}"; {look}; }}'
    command = ["unshare", "-rm", "bash", "-c", script, "bash", machine.esp, machine.tool, "install", "--root"]
    command += [machine.root]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False,
        env={"EFIVARFS_PATH": f"{machine.efivars}/", "PATH": "/usr/bin:/bin:/usr/sbin"},
    )  # fmt: skip
    assert done.returncode == 1 and "its file system has" in done.stderr, done
    assert "wrote: " in done.stdout and done.stdout.endswith("left:\n")
    assert "DriverOrder" not in machine.variables()


def test_variables_that_cannot_be_written(machine):
    """The firmware's store is full, for example. Neither an entry nor a file is left."""
    before = state(machine)
    (machine.efivars / f"DriverOrder-{fake_machine.GLOBAL}").mkdir()
    done = machine.run("install", status=1)
    assert "nothing was done: the firmware's variable DriverOrder cannot be written" in done.stderr
    (machine.efivars / f"DriverOrder-{fake_machine.GLOBAL}").rmdir()
    assert state(machine) == before


@pytest.mark.parametrize("data", [b"", b"\1\0\0\0\xff\xff", b"\1\0\0\0\x10\0" + b"x\0" * 90, bytes(64),
                                  load_option("Lifeboat", "\\EFI\\lifeboat\\lifeboatx64.efi")[:70],
                                  load_option("x" * 2000, "y" * 600)])  # fmt: skip
def test_damaged_entries_are_nobodys(machine, data):
    machine.set("Driver0000", data)
    machine.set("DriverOrder", struct.pack("<H", 0) + b"\1")
    machine.run("install")
    assert machine.variables()["Driver0000"][4:] == data
    assert machine.variables()["Driver0001"][4:] == load_option("Lifeboat", "\\EFI\\lifeboat\\lifeboatx64.efi")


def test_entry_of_another_disk_is_not_ours(machine):
    machine.set("Driver0000", load_option("Lifeboat", "\\EFI\\lifeboat\\lifeboatx64.efi", uuid.UUID(int=7)))
    machine.run("install")
    assert "Driver0001" in machine.variables()


def test_save_list_and_report_are_the_other_tools(machine):
    for words, said in (
        (["save", "--help"], "lifeboat-save [option]..."),
        (["list", "--help"], "lifeboat-save [option]..."),
        (["report", "--help"], "lifeboat-report [option]..."),
    ):
        done = subprocess.run([machine.tool, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and said in done.stdout.lower()
    disk = str(machine.root / "dev/vda")
    done = subprocess.run([machine.tool, "list", disk, "--json"], capture_output=True, text=True, check=False)
    assert '"dumps": []' in done.stdout
