# SPDX-License-Identifier: BSD-2-Clause
"""Variables written into a copy of OVMF's variable store, before the machine is switched on.

edk2's format: a firmware volume, in it a store of authenticated variables, one behind the other, each aligned
to 4 bytes (MdeModulePkg, Include/Guid/VariableFormat.h); load options and device paths are those of the UEFI
specification 2.10, 3.1.3 and 10.3.
"""

import struct
import uuid
from dataclasses import dataclass
from pathlib import Path

from vm.errors import VmError
from vm.gpt import Partition

_STORE = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792").bytes_le  # gEfiAuthenticatedVariableGuid
_GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")  # EFI_GLOBAL_VARIABLE
_NON_VOLATILE, _BOOT, _RUNTIME = 1, 2, 4
_VARIABLE = 0x55AA
_ADDED = 0x3F
_DELETED = 0xFD  # is taken out of an added one's state
_ACTIVE = 1  # LOAD_OPTION_ACTIVE
_BLOCK = 512


@dataclass(frozen=True)
class Variable:
    data: bytes
    vendor: uuid.UUID = _GLOBAL
    attributes: int = _NON_VOLATILE | _BOOT | _RUNTIME


def _record(name: str, variable: Variable) -> bytes:
    text, data = name.encode("utf-16-le") + b"\0\0", variable.data
    header = struct.pack("<HBBIQ16sIII16s", _VARIABLE, _ADDED, 0, variable.attributes, 0, bytes(16), 0, len(text),
                         len(data), variable.vendor.bytes_le)  # fmt: skip
    record = header + text + data
    return record + b"\xff" * (-len(record) % 4)


def add(store: Path, variables: dict[str, bytes | Variable]) -> None:
    """Variables into the file, in the place of those that have their names; bytes are a global one's."""
    values = {name: value if isinstance(value, Variable) else Variable(value) for name, value in variables.items()}
    image = bytearray(store.read_bytes())
    (volume,) = struct.unpack_from("<H", image, 48)  # EFI_FIRMWARE_VOLUME_HEADER.HeaderLength
    if image[volume : volume + 16] != _STORE:
        raise VmError(f"{store}: no store of authenticated variables at byte {volume}, as OVMF's has it")
    (size,) = struct.unpack_from("<I", image, volume + 16)
    at, end = volume + 28, volume + size
    while at + 60 < end and struct.unpack_from("<H", image, at)[0] == _VARIABLE:
        name_bytes, data_bytes, vendor = struct.unpack_from("<II16s", image, at + 36)
        known = values.get(image[at + 60 : at + 60 + name_bytes].decode("utf-16-le").rstrip("\0"))
        if known and known.vendor.bytes_le == vendor:
            image[at + 2] &= _DELETED
        at += 60 + name_bytes + data_bytes
        at += -at % 4
    for name, value in values.items():
        record = _record(name, value)
        if at + len(record) > end:
            raise VmError(f"{store}: no room for the variable {name}")
        image[at : at + len(record)] = record
        at += len(record)
    store.write_bytes(image)


def _node(kind: int, sub: int, data: bytes) -> bytes:
    return struct.pack("<BBH", kind, sub, 4 + len(data)) + data


def load_option(title: str, partition: Partition, number: int, path: str, words: str = "") -> bytes:
    """EFI_LOAD_OPTION for a file of a GPT partition, by the short path that begins at the partition.
    `words`: its load options."""
    drive = struct.pack("<IQQ16sBB", number, partition.start // _BLOCK, partition.size // _BLOCK,
                        partition.unique.bytes_le, 2, 2)  # fmt: skip
    file = path.encode("utf-16-le") + b"\0\0"
    nodes = _node(4, 1, drive) + _node(4, 4, file) + _node(0x7F, 0xFF, b"")
    options = f"{words}\0".encode("utf-16-le") if words else b""
    return struct.pack("<IH", _ACTIVE, len(nodes)) + title.encode("utf-16-le") + b"\0\0" + nodes + options


def driver(store: Path, option: bytes) -> None:
    """Makes the firmware's boot manager load it as Driver0000."""
    add(store, {"Driver0000": option, "DriverOrder": struct.pack("<H", 0)})
