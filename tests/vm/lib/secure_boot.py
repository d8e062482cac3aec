# SPDX-License-Identifier: BSD-2-Clause
"""Secure Boot for machines in tests: keys of our own, signed images, variable stores, Debian's shims."""

import hashlib
import re
import shutil
import subprocess
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import suites
from vm import firmware, variables
from vm.firmware import Firmware
from vm.variables import Variable

_CODE = firmware.DEFAULT / "OVMF_CODE_4M.secboot.fd"
_EMPTY = firmware.DEFAULT / "OVMF_VARS_4M.fd"  # no keys: setup mode
_MICROSOFT = firmware.DEFAULT / "OVMF_VARS_4M.ms.fd"  # the keys of a machine as it is sold
_DATABASE = uuid.UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f")  # EFI_IMAGE_SECURITY_DATABASE_GUID
_ENABLE = uuid.UUID("f0a30bc7-af08-4556-99c4-001009c93a44")  # edk2's gEfiSecureBootEnableDisableGuid
_GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
_SHIM = uuid.UUID("605dab50-e046-4300-abb6-3dd810dd8b23")
_X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")  # EFI_CERT_X509_GUID
_SHA256 = uuid.UUID("c1c41626-504c-4092-aca9-41f936934328")  # EFI_CERT_SHA256_GUID
_OWNER = uuid.UUID("6b1f3c0e-4d1a-4c57-9e0a-5a0e3f2b7c11")
_BOOT_SERVICES = 3  # not volatile, boot services only
_AUTHENTICATED = 0x27  # the same with run time, written by signed data with a time


@dataclass(frozen=True)
class Key:
    key: Path
    certificate: Path
    der: bytes

    def sign(self, image: Path, output: Path) -> Path:
        _run("sbsign", "--key", self.key, "--cert", self.certificate, "--output", output, image)
        return output


def _run(*words) -> bytes:
    done = subprocess.run([str(word) for word in words], capture_output=True, check=False)
    assert done.returncode == 0, (words, done.stderr.decode(errors="replace"))
    return done.stdout


def make_key(folder: Path, name: str) -> Key:
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    _run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 3650, "-subj", f"/CN={name}/",
         "-keyout", key, "-out", certificate)  # fmt: skip
    return Key(key, certificate, _run("openssl", "x509", "-in", certificate, "-outform", "der"))


def unsigned(image: Path, output: Path) -> Path:
    """Without its signatures."""
    shutil.copyfile(image, output)
    _run("sbattach", "--remove", output)
    return output


def flipped(image: Path, output: Path) -> Path:
    """With one bit of its content changed, which the signature covers."""
    data = bytearray(image.read_bytes())
    data[len(data) // 2] ^= 1
    output.write_bytes(data)
    return output


def authenticode(image: Path) -> bytes:
    """SHA-256 of an image as a signature covers it: all but checksum, the signatures and where they are (PE format,
    "Process for Generating the Authenticode PE Image Hash")."""
    data = image.read_bytes()
    header = int.from_bytes(data[0x3C:0x40], "little")
    checksum, certificates = header + 88, header + 24 + 144
    at, size = (int.from_bytes(data[certificates + n : certificates + n + 4], "little") for n in (0, 4))
    content = data[: at if size else len(data)]
    parts = content[:checksum], content[checksum + 4 : certificates], content[certificates + 8 :]
    return hashlib.sha256(b"".join(parts)).digest()


def signature_list(certificate: bytes) -> bytes:
    """EFI_SIGNATURE_LIST of one certificate (UEFI 2.10, 32.4.1)."""
    each = 16 + len(certificate)
    sizes = (28 + each).to_bytes(4, "little") + bytes(4) + each.to_bytes(4, "little")
    return _X509.bytes_le + sizes + _OWNER.bytes_le + certificate


def _digest_list(digest: bytes) -> bytes:
    """EFI_SIGNATURE_LIST of one image's digest."""
    each = 16 + len(digest)
    sizes = (28 + each).to_bytes(4, "little") + bytes(4) + each.to_bytes(4, "little")
    return _SHA256.bytes_le + sizes + _OWNER.bytes_le + digest


def _firmware(folder: Path, template: Path, more: dict[str, Variable]) -> Firmware:
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / "OVMF_VARS_4M.secboot.fd"
    shutil.copyfile(template, store)
    variables.add(store, more)
    return Firmware(_CODE, store, True)


def own_keys(folder: Path, *database: Key) -> Firmware:
    """A firmware with keys of its owner's; db has these."""
    first = signature_list(database[0].der)
    return _firmware(folder, _EMPTY, {
        "PK": Variable(first, _GLOBAL, _AUTHENTICATED),
        "KEK": Variable(first, _GLOBAL, _AUTHENTICATED),
        "db": Variable(b"".join(signature_list(key.der) for key in database), _DATABASE, _AUTHENTICATED),
        "SecureBootEnable": Variable(b"\1", _ENABLE, _BOOT_SERVICES),
    })  # fmt: skip


def microsofts_keys(folder: Path, mok: Key, revoked: Path | None = None) -> Firmware:
    """A firmware as it is sold, whose owner has enrolled a key with shim, and has revoked an image there."""
    more = {"MokList": Variable(signature_list(mok.der), _SHIM, _BOOT_SERVICES)}
    if revoked:
        more["MokListX"] = Variable(_digest_list(authenticode(revoked)), _SHIM, _BOOT_SERVICES)
    return _firmware(folder, _MICROSOFT, more)


@dataclass(frozen=True)
class Entry:
    """A boot entry of the firmware's."""

    file: str  # on the ESP
    words: str = ""


def add_entries(store: Path, esp, entries: list[Entry]) -> None:
    """Boot0000 and so on, which is their order."""
    options = {
        f"Boot{number:04X}": variables.load_option(f"entry {number}", esp, 1, entry.file, entry.words)
        for number, entry in enumerate(entries)
    }
    order = b"".join(number.to_bytes(2, "little") for number in range(len(entries)))
    variables.add(store, {**options, "BootOrder": order})


# ---- Debian's packages, unpacked and never installed ------------------------

# The version of shim that each suite's package has.
NEW, OLD = "16", "15.8"
_SUITES = {NEW: "", OLD: suites.BULLSEYE}


def shim(version: str, lists: Path) -> Path:
    """shimx64.efi as Microsoft has signed it, of Debian's package; skips the test where it cannot be had."""
    folder = suites.unpacked("shim-signed", _SUITES[version], lists)
    (found,) = folder.rglob("shimx64.efi.signed")
    said = re.search(rb"UEFI SHIM\n\$Version: (\S+) \$", found.read_bytes())
    assert said and said[1].decode().startswith(version), (found, said)
    return found


def strict(firmware: Firmware, lists: Path) -> Firmware:
    """The same variables, and code with EFI_MEMORY_ATTRIBUTE_PROTOCOL; skips the test where it cannot be had. Debian
    calls it strict: it has no policy of its own (2025.02 and 2026.08 run code in any page, tests/vm/efi/nx.c)."""
    (code,) = suites.unpacked("ovmf", suites.TRIXIE, lists).rglob("OVMF_CODE_4M.secboot.strictnx.fd")
    return replace(firmware, code=code)
