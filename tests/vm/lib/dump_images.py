# SPDX-License-Identifier: BSD-2-Clause
"""Small dump partitions as include/lifeboat/dumpdisk.h describes them, for tests of programs that read them."""

import hashlib
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from vm import gpt

_MIB = 1 << 20
BLOCK = 4096
SLOTS = 2
SLOTS_BYTES = SLOTS * BLOCK
EMPTY, WRITING, COMPLETE, PARTIAL = range(4)
SELFTEST_PASSED = 2
MAGIC, VERSION = 0x504D55445441424C, 2
AT_SEQUENCE = 592
INCOMPLETE = 8  # in the status of the kdump header

# struct lb_dump_header, without its last field, the digest.
_FIELDS = [
    ("magic", "Q"), ("version", "I"), ("bytes", "I"),
    ("arm_id", "16s"), ("partuuid", "16s"), ("partition_bytes", "Q"), ("selftest", "I"), ("saved", "I"),
    ("state", "I"), ("format", "I"), ("log_offset", "Q"), ("log_bytes", "Q"), ("file_offset", "Q"),
    ("file_bytes", "Q"), ("desc_offset", "Q"), ("desc_bytes", "Q"), ("desc_total", "Q"), ("data_offset", "Q"),
    ("data_bytes", "Q"), ("page_count", "Q"), ("pages_done", "Q"), ("dump_level", "I"), ("checkpoints", "I"),
    ("crash_time", "Q"), ("tsc_hook", "Q"), ("tsc_begun", "Q"), ("tsc_first_byte", "Q"), ("tsc_end", "Q"),
    ("tsc_khz", "Q"), ("release", "64s"), ("build_id", "20s"), ("build_id_bytes", "I"), ("message", "160s"),
    ("log_sha256", "32s"), ("head_sha256", "32s"), ("desc_sha256", "32s"), ("data_sha256", "32s"),
    ("sequence", "Q"), ("report_offset", "Q"), ("report_bytes", "Q"), ("report_sha256", "32s"),
    ("kernel_bytes", "Q"), ("flags", "I"), ("keys_bytes", "I"), ("keys_phys", "Q"), ("reserved", "176s"),
]  # fmt: skip
_FORMAT = "<" + "".join(kind for _, kind in _FIELDS)
HEADER_BYTES = struct.calcsize(_FORMAT) + 32


def empty_disk(folder: Path) -> list[str]:
    """Returns QEMU's words for a disk on NVMe, dumps.img, whose partition waits for its first dump."""
    path = folder / "dumps.img"
    with open(path, "wb") as image:
        image.truncate(64 * _MIB)
    gpt.write_table(path, [gpt.Partition(_MIB, 48 * _MIB, "dumps")])
    return ["-drive", f"id=dumps,if=none,format=raw,file={path}", "-device", "nvme,drive=dumps,serial=dumps"]


def seal(fields: dict) -> bytes:
    """Makes a header of these fields, with all others zero and the right digest."""
    values = {name: b"" if kind.endswith("s") else 0 for name, kind in _FIELDS}
    values |= {"magic": MAGIC, "version": VERSION, "bytes": HEADER_BYTES} | fields
    body = struct.pack(_FORMAT, *(values[name] for name, _ in _FIELDS))
    return body + hashlib.sha256(body).digest()


def unseal(data: bytes) -> dict:
    """Returns the fields of a header, whose digest must be right."""
    body = data[: HEADER_BYTES - 32]
    assert hashlib.sha256(body).digest() == data[HEADER_BYTES - 32 : HEADER_BYTES], "the header's digest is wrong"
    return dict(zip((name for name, _ in _FIELDS), struct.unpack(_FORMAT, body), strict=True))


def both_slots(fields: dict, sequence: int = 6) -> bytes:
    """Makes two headers of these fields, as an ended dump has them. `sequence` is that of the later one."""
    headers = {n % SLOTS: seal(fields | {"sequence": n}) for n in (sequence - 1, sequence)}
    return b"".join(headers[slot].ljust(BLOCK, b"\0") for slot in range(SLOTS))


def newest(data: bytes) -> dict:
    """Returns the fields of the later header in a partition's first bytes."""
    headers = []
    for slot in range(SLOTS):
        header = data[slot * BLOCK :][:HEADER_BYTES]
        if header[:8] == MAGIC.to_bytes(8, "little"):
            with suppress(AssertionError):
                headers.append(unseal(header))
    return max(headers, key=lambda fields: fields["sequence"])


@dataclass
class Image:
    """A partition with a kdump-compressed file of `pages` raw pages, complete unless `fields` says otherwise.

    Version 1 has one slot, followed by the log.
    """

    pages: int = 40
    size: int = 1 << 20
    log: bytes = b"[    0.000000] Linux version 6.1.0-test\n[    1.000000] Kernel panic - not syncing: test\n"
    report: bytes = b""
    fields: dict = field(default_factory=dict)
    version: int = VERSION

    LOG_AT, REPORT_AT, FILE_AT = SLOTS_BYTES, 3 * BLOCK, 4 * BLOCK

    @property
    def log_at(self) -> int:
        return BLOCK if self.version == 1 else self.LOG_AT

    @property
    def head(self) -> bytes:
        """Returns main header, sub header with the notes, and two bitmaps of a block each."""
        main = bytearray(BLOCK)
        main[:8] = b"KDUMP   "
        struct.pack_into("<i", main, 8, 6)
        main[142:152] = b"6.1.0-test"
        struct.pack_into("<IiiI", main, 424, 0, BLOCK, 1, 2)
        notes = b"".join(
            struct.pack("<III", len(name) + 1, len(data), kind) + name + b"\0" * (4 - len(name) % 4) + data
            for name, kind, data in (
                (b"CORE", 1, bytes(336)), (b"VMCOREINFO", 0, b"OSRELEASE=6.1.0-test\n".ljust(24, b"\0")),
            )
        )  # fmt: skip
        sub = bytearray(BLOCK)
        struct.pack_into("<QQ", sub, 48, BLOCK + 104, len(notes))
        sub[104 : 104 + len(notes)] = notes
        bitmap = ((1 << self.pages) - 1).to_bytes(BLOCK, "little")
        return bytes(main + sub) + bitmap + bitmap

    @property
    def desc_total(self) -> int:
        return 24 * self.pages

    @property
    def data_offset(self) -> int:
        end = len(self.head) + self.desc_total
        return -(-end // BLOCK) * BLOCK

    @property
    def descs(self) -> bytes:
        return b"".join(struct.pack("<QIIQ", self.data_offset + BLOCK * n, BLOCK, 0, 0) for n in range(self.pages))

    @property
    def data(self) -> bytes:
        return b"".join(bytes([n % 255 + 1]) * BLOCK for n in range(self.pages))

    @property
    def file(self) -> bytes:
        return (self.head + self.descs).ljust(self.data_offset, b"\0") + self.data

    @property
    def all_fields(self) -> dict:
        given = {
            "version": self.version, "arm_id": b"0123456789abcdef", "partuuid": bytes(range(16)), "partition_bytes": self.size,
            "state": COMPLETE, "log_offset": self.log_at, "log_bytes": len(self.log),
            "report_offset": self.REPORT_AT if self.report else 0, "report_bytes": len(self.report),
            "file_offset": self.FILE_AT, "file_bytes": len(self.file), "desc_offset": len(self.head),
            "desc_bytes": self.desc_total, "desc_total": self.desc_total, "data_offset": self.data_offset,
            "data_bytes": len(self.data), "page_count": self.pages, "pages_done": self.pages, "dump_level": 31,
            "crash_time": 1795247040, "tsc_khz": 1000, "tsc_hook": 1000, "tsc_begun": 251000,
            "tsc_first_byte": 501000, "tsc_end": 2001000, "release": b"6.1.0-test", "message": b"dump complete",
        } | self.fields  # fmt: skip
        if given["state"] == WRITING:
            return given
        # The header counts this many bytes of descriptors.
        descs = self.descs.ljust(self.data_offset, b"\0")[: given["desc_bytes"]]
        parts = {"report": self.report} if self.report else {}
        parts |= {"log": self.log, "head": self.head, "desc": descs, "data": self.data[: given["data_bytes"]]}
        return {f"{name}_sha256": hashlib.sha256(data).digest() for name, data in parts.items()} | given

    def bytes(self, stale: bytes = b"\xee") -> bytes:
        """Returns the partition's bytes. Where nothing was written the disk holds `stale`."""
        fields = self.all_fields
        image = bytearray(stale * self.size)[: self.size]
        headers = seal(fields).ljust(BLOCK, b"\0") if self.version == 1 else both_slots(fields)
        image[: len(headers)] = headers
        image[self.log_at : self.log_at + len(self.log)] = self.log
        image[self.REPORT_AT : self.REPORT_AT + len(self.report)] = self.report
        written = bytearray(stale * len(self.file))
        written[: len(self.head)] = self.head
        end = fields["desc_offset"] + fields["desc_bytes"]
        written[fields["desc_offset"] : end] = self.file[fields["desc_offset"] : end]
        end = fields["data_offset"] + fields["data_bytes"]
        written[fields["data_offset"] : end] = self.file[fields["data_offset"] : end]
        image[self.FILE_AT : self.FILE_AT + len(written)] = written
        return bytes(image)
