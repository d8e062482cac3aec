# SPDX-License-Identifier: BSD-2-Clause
"""lifeboatctl and Secure Boot: signing, who accepts what is signed, and what systemd-pcrlock is told.

Runs no virtual machine. The tool is the one built with ASan and UBSan. Keys and signatures are real.
"""

import hashlib
import json
import re
import shutil
import struct
import subprocess
import uuid

import fake_machine
import pytest
import status_schema
from conftest import build
from fake_machine import APPLICATION, DATABASE, DRIVER, SHIM, image
from secure_boot import authenticode, make_key, signature_list

OURS = "EFI/lifeboat/lifeboatx64.efi"
CHAINED = "EFI/lifeboat/lifeboat.efi"
OURS_FROM = "usr/lib/lifeboat/lifeboatx64.efi"
CONF = "EFI/lifeboat/lifeboat.conf"
SERVER = "panic=-1 reboot=efi,cold,panic_warm crash_kexec_post_notifiers efi=runtime oops=panic unknown_nmi_panic"
COMPONENTS = "var/lib/pcrlock.d"
SHA256 = bytes.fromhex("2616c4c14c509240aca941f936934328")  # EFI_CERT_SHA256_GUID


@pytest.fixture
def machine(tmp_path, loader, driver):
    """A machine with Secure Boot on, and with the built programs in /usr/lib/lifeboat."""
    machine = fake_machine.make(tmp_path, build("lifeboatctl.checked"))
    machine.set("SecureBoot", b"\1", attributes=6)
    shutil.copy(loader, machine.root / "usr/lib/lifeboat")
    shutil.copy(driver, machine.root / "usr/lib/lifeboat")
    return machine


def sign(key):
    return ["--sign", str(key.key), str(key.certificate)]


def installed(machine):
    return status_schema.read(machine.run("status", "--json", status=1).stdout)["installed"]


def is_signed_with(key, path) -> bool:
    words = ["sbverify", "--cert", key.certificate, path]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def test_installed_signed_for_db(machine, own_key):
    machine.set("db", signature_list(b"another") + signature_list(own_key.der), DATABASE, 0x27)
    assert "is not signed: have it signed by --sign KEY CERT" in machine.run("install", status=1).stderr
    assert not (machine.esp / OURS).exists()
    machine.run("install", *sign(own_key))
    assert is_signed_with(own_key, machine.esp / OURS)
    assert not is_signed_with(own_key, machine.root / "usr/lib/lifeboat/lifeboatx64.efi")
    said = installed(machine)
    assert said["signed_by"] == ["own key"] and said["secure_boot_by"] == "db"
    text = machine.run("status", status=1).stdout
    assert "signed by: own key\nSecure Boot: db takes it\n" in text
    # A signature contains its time. The same program is not signed again.
    before = machine.files()
    assert "wrote" not in machine.run("install", *sign(own_key)).stdout and machine.files() == before


def test_installed_signed_for_shim(machine, own_key):
    machine.set("MokListRT", signature_list(own_key.der), SHIM, 6)
    machine.run("install", *sign(own_key))
    assert installed(machine)["mode"] == "chain" and installed(machine)["secure_boot_by"] == "shim"
    assert "Secure Boot: shim takes it" in machine.run("status", status=1).stdout


def test_who_is_not_taken_any_more_is_a_problem(machine, own_key):
    machine.set("db", signature_list(own_key.der), DATABASE, 0x27)
    machine.run("install", *sign(own_key))
    machine.set("db", signature_list(b"another"), DATABASE, 0x27)
    done = machine.run("status", status=1)
    assert "the program on the ESP is signed by nobody that this machine knows: the next boot will not" in done.stderr
    assert installed(machine)["secure_boot_by"] == "nobody"
    machine.set("MokListRT", signature_list(own_key.der), SHIM, 6)
    assert "in mode driver the next boot will not be armed" in machine.run("status", status=1).stderr


def test_what_dbx_has_is_not_taken(machine, own_key):
    machine.set("db", signature_list(own_key.der), DATABASE, 0x27)
    machine.set("dbx", signature_list(own_key.der), DATABASE, 0x27)
    assert "is forbidden by this machine's dbx" in machine.run("install", *sign(own_key), status=1).stderr


def element(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at that place begins, and where it ends (X.690)."""
    if der[at + 1] < 0x80:
        return at + 2, at + 2 + der[at + 1]
    count = der[at + 1] & 0x7F
    begin = at + 2 + count
    return begin, begin + int.from_bytes(der[at + 2 : begin], "big")


def revocation(name: str, certificate: bytes, when: bytes = bytes(16)) -> bytes:
    """EFI_SIGNATURE_LIST of a certificate's TBSCertificate by its digest (UEFI 2.10, 32.4.1)."""
    kinds = {"sha256": "3bd2a492-96c0-4079-b420-fcf98ef103ed", "sha384": "7076876e-80c2-4ee6-aad2-28b349a6865b",
             "sha512": "446dbf63-2502-4cda-bcfa-2465d2b0fe9d"}  # fmt: skip
    tbs, _ = element(certificate, 0)
    digest = hashlib.new(name, certificate[tbs : element(certificate, tbs)[1]]).digest()
    entry = bytes(16) + digest + when
    return uuid.UUID(kinds[name]).bytes_le + struct.pack("<III", 28 + len(entry), 0, len(entry)) + entry


@pytest.mark.parametrize("when", [bytes(16), struct.pack("<HBBBBBBIhBB", 2020, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0)])
@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_a_certificate_that_dbx_has_by_its_digest_is_not_taken(machine, own_key, tmp_path, name, when):
    machine.set("db", signature_list(own_key.der), DATABASE, 0x27)
    other = make_key(tmp_path, "another").der
    machine.set("dbx", revocation(name, other, when), DATABASE, 0x27)
    machine.run("install", *sign(own_key))
    assert installed(machine)["secure_boot_by"] == "db"
    machine.set("dbx", revocation(name, other) + revocation(name, own_key.der, when), DATABASE, 0x27)
    assert "is forbidden by this machine's dbx" in machine.run("install", *sign(own_key), status=1).stderr
    assert installed(machine)["secure_boot_by"] == "nobody"


def test_a_certificate_s_digest_lets_nothing_through(machine, own_key):
    """It is of dbx only; one that is cut is nobody's."""
    machine.set("db", revocation("sha256", own_key.der), DATABASE, 0x27)
    assert "signed by nobody" in machine.run("install", *sign(own_key), status=1).stderr
    machine.set("db", signature_list(own_key.der), DATABASE, 0x27)
    whole = bytearray(revocation("sha512", own_key.der))
    struct.pack_into("<III", whole, 16, len(whole) - 16, 0, len(whole) - 16 - 28)
    machine.set("dbx", bytes(whole[:-16]), DATABASE, 0x27)
    machine.run("install", *sign(own_key))


def test_a_digest_in_db_is_as_good_as_a_signature(machine, driver):
    entry = bytes(16) + authenticode(driver)
    machine.set("db", SHA256 + struct.pack("<III", 28 + len(entry), 0, len(entry)) + entry, DATABASE, 0x27)
    machine.run("install")
    assert installed(machine)["secure_boot_by"] == "db" and not installed(machine)["signed_by"]


def test_a_certificate_that_db_s_issued(machine, tmp_path, own_key):
    """db has the authority's certificate, and the signature has the signer's."""
    request, leaf, key = (tmp_path / f"leaf.{end}" for end in ("csr", "pem", "key"))
    subprocess.run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=The leaf/", "-keyout", key, "-out",
                    request], check=True, capture_output=True)  # fmt: skip
    subprocess.run(["openssl", "x509", "-req", "-in", request, "-CA", own_key.certificate, "-CAkey", own_key.key,
                    "-CAcreateserial", "-CAserial", tmp_path / "serial", "-out", leaf], check=True,
                   capture_output=True)  # fmt: skip
    words = ["--sign", str(key), str(leaf)]
    machine.set("db", signature_list(b"another"), DATABASE, 0x27)
    assert "signed by nobody that this machine knows" in machine.run("install", *words, status=1).stderr
    machine.set("db", signature_list(own_key.der), DATABASE, 0x27)
    machine.run("install", *words)
    assert installed(machine)["signed_by"] == ["The leaf"] and installed(machine)["secure_boot_by"] == "db"


@pytest.mark.parametrize("key, certificate, says", [
    ("none", "pem", "--sign: {none}: No such file or directory"), ("key", "none", "--sign: {none}: No such file or directory"),
    ("folder", "pem", "--sign: {folder}: Is a directory"), ("key", "folder", "--sign: {folder}: Is a directory"),
    ("pem", "pem", "--sign: {pem}: no private key in PEM that can be read (unsupported)"),
    ("key", "der", "--sign: {der}: no certificate in PEM (no start line)"),
    ("other", "pem", "--sign: {pem} is not the certificate of {other} (key values mismatch)"),
])  # fmt: skip
def test_what_cannot_be_signed_is_one_sentence(machine, own_key, tmp_path_factory, key, certificate, says):
    """It names the file; of OpenSSL's lines the reason is left."""
    folder = tmp_path_factory.mktemp("k")
    files = {name: folder / name for name in ("none", "folder", "pem", "key", "der", "other")}
    files["folder"].mkdir()
    shutil.copy(own_key.key, files["key"])
    shutil.copy(own_key.certificate, files["pem"])
    files["der"].write_bytes(own_key.der)
    shutil.copy(make_key(folder, "another").key, files["other"])
    before = machine.variables(), machine.files()
    done = machine.run("install", "--sign", str(files[key]), str(files[certificate]), status=1)
    assert done.stderr == f"lifeboatctl: install: {says.format(**files)}\n"
    assert done.stdout == "" and (machine.variables(), machine.files()) == before


def test_a_key_goes_with_a_certificate(machine):
    assert "--sign: wanted two files, KEY and CERT" in machine.run("install", "--sign", "/none", status=2).stderr


def test_sbsign_is_not_heard_where_it_signs(machine, own_key):
    (machine.root / "var/lib").mkdir(parents=True)
    machine.set("db", signature_list(own_key.der), DATABASE, 0x27)
    done = machine.run("install", *sign(own_key))
    assert done.stderr == "" and "igning" not in done.stdout


def test_an_update_that_would_not_start_is_none(machine, own_key):
    machine.set("db", signature_list(own_key.der), DATABASE, 0x27)
    machine.write(OURS_FROM, image(DRIVER, "0.0.1", own_key.der))
    machine.run("install")
    shutil.copy(build("lifeboatx64.efi"), machine.root / "usr/lib/lifeboat")
    before = machine.files()
    said = machine.run("update", status=1).stderr
    assert re.search(r"version [0-9.]+ is not signed: have it signed by --sign", said), said
    assert machine.files() == before
    # The package's script asks in this way.
    assert machine.run("update", "--dry-run").stdout.startswith("would write: ")
    machine.run("update", *sign(own_key))
    assert is_signed_with(own_key, machine.esp / OURS)



def test_damaged_signatures_have_no_signer(machine, own_key, tmp_path):
    """Wherever the damage is, status prints something, and nothing is read outside of the file."""
    machine.set("db", signature_list(own_key.der), DATABASE, 0x27)
    machine.run("install", *sign(own_key))
    good = (machine.esp / OURS).read_bytes()
    header = int.from_bytes(good[0x3C:0x40], "little")
    (at,) = struct.unpack_from("<I", good, header + 24 + 144)
    signature = good[at:]
    assert signature[8] == 0x30
    for place in [*range(0, 48), *range(48, len(signature), 37)]:
        damaged = bytearray(good)
        damaged[at + place] ^= 0xFF
        (machine.esp / OURS).write_bytes(damaged)
        assert machine.run("status", status=1).stderr
    for bytes_left in range(9, len(signature), 97):
        damaged = bytearray(good[: at + bytes_left])
        struct.pack_into("<I", damaged, header + 24 + 148, bytes_left)
        struct.pack_into("<I", damaged, at, bytes_left)
        (machine.esp / OURS).write_bytes(damaged)
        assert "signed by" not in machine.run("status", status=1).stdout


# ---- systemd-pcrlock ------------------------------------------------------------


def with_pcrlock(machine):
    machine.set("SecureBoot", b"\0", attributes=6)
    machine.write("usr/lib/systemd/systemd-pcrlock", b"")


def component(machine, name) -> dict[int, str]:
    """Returns the digests by PCR."""
    records = json.loads((machine.root / COMPONENTS / name).read_text())["records"]
    assert all([digest["hashAlg"] for digest in one["digests"]] == ["sha256"] for one in records)
    return {one["pcr"]: one["digests"][0]["digest"] for one in records}


def digest_of_line(line):
    return hashlib.sha256(f"{line}\0".encode("utf-16-le")).hexdigest()


def test_a_component_says_what_a_boot_measures(machine, loader):
    with_pcrlock(machine)
    machine.run("install", "--mode", "chain")
    assert component(machine, "630-lifeboat.pcrlock.d/installed.pcrlock") == {
        4: authenticode(loader).hex(),
        5: hashlib.sha256((machine.esp / CONF).read_bytes()).hexdigest(),
        12: digest_of_line(SERVER),
    }
    machine.run("remove")
    assert not list((machine.root / COMPONENTS).iterdir())


def test_a_driver_s_component_comes_before_the_separators(machine, driver):
    with_pcrlock(machine)
    machine.run("install", "--mode", "driver", "--no-measure")
    assert "no-measure\n" in (machine.esp / CONF).read_text()
    assert component(machine, "300-lifeboat.pcrlock.d/installed.pcrlock") == {2: authenticode(driver).hex()}
    machine.run("remove")
    assert "the line \"no-measure\"" not in machine.run("install").stdout
    assert 'stays: add the line "no-measure"' in machine.run("install", "--no-measure", status=1).stderr


def test_an_update_has_both_programs(machine):
    with_pcrlock(machine)
    machine.write("var/lib/systemd/pcrlock.json", b"{}")
    machine.write("usr/lib/lifeboat/lifeboat.efi", image(APPLICATION, "0.0.1"))
    machine.run("install", "--mode", "chain")
    before = component(machine, "630-lifeboat.pcrlock.d/installed.pcrlock")
    machine.write("usr/lib/lifeboat/lifeboat.efi", image(APPLICATION, "0.0.2"))
    assert "systemd-pcrlock make-policy" in machine.run("update").stdout
    after = component(machine, "630-lifeboat.pcrlock.d/installed.pcrlock")
    assert component(machine, "630-lifeboat.pcrlock.d/replaced.pcrlock") == before
    assert after[4] == authenticode(machine.esp / CHAINED).hex() != before[4] and after[5] == before[5]


def test_without_systemd_pcrlock_there_is_no_component(machine):
    machine.set("SecureBoot", b"\0", attributes=6)
    machine.run("install")
    assert not (machine.root / COMPONENTS).exists()


# ---- BitLocker --------------------------------------------------------------------

BITLOCKER = b"\xeb\x58\x90-FVE-FS-" + bytes(4096)


def test_bitlocker_is_seen(machine):
    machine.set("SecureBoot", b"\0", attributes=6)
    machine.write("dev/vda2", BITLOCKER)
    said = machine.run("install", "--mode", "driver", "--dry-run", status=1)
    assert "TPM: /dev/vda2 is BitLocker's, by Windows' custom bound to PCR 0, 2, 4, 11; mode driver changes" in said.stdout
    assert "it will ask for its recovery key" in said.stdout and "--accept-tpm-change" in said.stderr
    machine.run("install", "--mode", "driver", "--accept-tpm-change")


def test_bitlocker_under_secure_boot(machine, own_key):
    machine.set("db", signature_list(own_key.der), DATABASE, 0x27)
    machine.write("dev/vda2", BITLOCKER)
    assert "bound to PCR 7, 11;" in machine.run("install", *sign(own_key), status=1).stdout
