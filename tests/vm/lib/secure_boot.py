# SPDX-License-Identifier: BSD-2-Clause
"""Secure Boot for machines in tests: keys, signed images, variable stores, Debian's shims."""

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
_BOOT_SERVICES = 3  # non-volatile, boot services only
_AUTHENTICATED = 0x27  # non-volatile, boot services and run time, time-based authenticated writes


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
    """Writes the image without its signatures."""
    shutil.copyfile(image, output)
    _run("sbattach", "--remove", output)
    return output


def flipped(image: Path, output: Path) -> Path:
    """Writes the image with one bit changed that the signature covers."""
    data = bytearray(image.read_bytes())
    data[len(data) // 2] ^= 1
    output.write_bytes(data)
    return output


def authenticode(image: Path) -> bytes:
    """Returns the SHA-256 of an image that a signature covers: all but the checksum, the signatures and their place
    (PE format, "Process for Generating the Authenticode PE Image Hash")."""
    data = image.read_bytes()
    header = int.from_bytes(data[0x3C:0x40], "little")
    checksum, certificates = header + 88, header + 24 + 144
    at, size = (int.from_bytes(data[certificates + n : certificates + n + 4], "little") for n in (0, 4))
    content = data[: at if size else len(data)]
    parts = content[:checksum], content[checksum + 4 : certificates], content[certificates + 8 :]
    return hashlib.sha256(b"".join(parts)).digest()


def signature_list(certificate: bytes) -> bytes:
    """Makes an EFI_SIGNATURE_LIST of one certificate (UEFI 2.10, 32.4.1)."""
    each = 16 + len(certificate)
    sizes = (28 + each).to_bytes(4, "little") + bytes(4) + each.to_bytes(4, "little")
    return _X509.bytes_le + sizes + _OWNER.bytes_le + certificate


def _digest_list(digest: bytes) -> bytes:
    """Makes an EFI_SIGNATURE_LIST of one image's digest."""
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
    """Returns a firmware with its owner's keys. db has the keys `database`."""
    first = signature_list(database[0].der)
    return _firmware(folder, _EMPTY, {
        "PK": Variable(first, _GLOBAL, _AUTHENTICATED),
        "KEK": Variable(first, _GLOBAL, _AUTHENTICATED),
        "db": Variable(b"".join(signature_list(key.der) for key in database), _DATABASE, _AUTHENTICATED),
        "SecureBootEnable": Variable(b"\1", _ENABLE, _BOOT_SERVICES),
    })  # fmt: skip


def microsofts_keys(folder: Path, mok: Key, revoked: Path | None = None) -> Firmware:
    """Returns a firmware as it is sold. Its owner has enrolled a key with shim, and may have revoked an image
    there."""
    more = {"MokList": Variable(signature_list(mok.der), _SHIM, _BOOT_SERVICES)}
    if revoked:
        more["MokListX"] = Variable(_digest_list(authenticode(revoked)), _SHIM, _BOOT_SERVICES)
    return _firmware(folder, _MICROSOFT, more)


@dataclass(frozen=True)
class Entry:
    """A boot entry of the firmware."""

    file: str  # on the ESP
    words: str = ""


def add_entries(store: Path, esp, entries: list[Entry]) -> None:
    """Adds Boot0000 and so on, in this order."""
    options = {
        f"Boot{number:04X}": variables.load_option(f"entry {number}", esp, 1, entry.file, entry.words)
        for number, entry in enumerate(entries)
    }
    order = b"".join(number.to_bytes(2, "little") for number in range(len(entries)))
    variables.add(store, {**options, "BootOrder": order})


# ---- Debian's packages, unpacked and never installed ------------------------

# The version of shim in each suite's package.
NEW, OLD = "16", "15.8"
_SUITES = {NEW: "", OLD: suites.BULLSEYE}


def shim(version: str, lists: Path) -> Path:
    """Returns shimx64.efi of Debian's package, as Microsoft has signed it. Skips the test if it cannot be
    fetched."""
    folder = suites.unpacked("shim-signed", _SUITES[version], lists)
    (found,) = folder.rglob("shimx64.efi.signed")
    said = re.search(rb"UEFI SHIM\n\$Version: (\S+) \$", found.read_bytes())
    assert said and said[1].decode().startswith(version), (found, said)
    return found


def strict(firmware: Firmware, lists: Path) -> Firmware:
    """Returns the same variables with code that has EFI_MEMORY_ATTRIBUTE_PROTOCOL. Skips the test if it cannot be
    fetched. Debian calls it strict, but it has no policy of its own (2025.02 and 2026.08 run code in any page,
    tests/vm/efi/nx.c)."""
    (code,) = suites.unpacked("ovmf", suites.TRIXIE, lists).rglob("OVMF_CODE_4M.secboot.strictnx.fd")
    return replace(firmware, code=code)
