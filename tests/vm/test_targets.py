# SPDX-License-Identifier: BSD-2-Clause
"""--dump-to in a machine with every kind of disk: what is found, what is refused, what is written when armed."""

import hashlib
import re
import struct
import uuid
from pathlib import Path

import firmware_shell as shell
import images
import pytest
import stale_table
from tried_disks import failing
from vm import gpt

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("targets")]

MIB = 1 << 20
LINUX_TYPE = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
ABORTED = 0x15  # EFI_ABORTED as the shell prints it
BOOT = "\\vmlinuz console=ttyS0"
CARD = 0x1D  # device number of a PCI serial card on bus 0
# Fields of struct lb_dump_header (include/lifeboat/dumpdisk.h).
MAGIC, VERSION, EMPTY, COMPLETE = 0x504D55445441424C, 2, 0, 2
AT_ARM_ID, AT_PARTUUID, AT_BYTES, AT_SELFTEST, AT_STATE, AT_SEQUENCE = 16, 32, 48, 56, 64, 592
BLOCK, SLOTS_BYTES, HEADER_BYTES = 4096, 2 * 4096, 880


def _unique(number: int) -> uuid.UUID:
    return uuid.UUID(int=0x2C6D4A52_3F5E_4A53_8F0C_6C6966651000 + number)


def _part(number: int, label: str, start: int = 1, size: int = 8, **more) -> gpt.Partition:
    return gpt.Partition(start * MIB, size * MIB, label, unique=_unique(number), **more)


# Image, block size, partitions, and the device.
DISKS = [
    ("virtio", 512, [_part(1, "virtio"), _part(2, "other", 16, type=LINUX_TYPE), _part(3, "twice", 32)],
     "virtio-blk-pci,drive=virtio"),
    ("nvme", 512, [_part(4, "nvme"), _part(5, "twice", 16)], "nvme-ns,drive=nvme,bus=nv,nsid=1"),
    ("nvme4k", 4096, [_part(6, "nvme4k")],
     "nvme-ns,drive=nvme4k,bus=nv,nsid=3,logical_block_size=4096,physical_block_size=4096"),
    ("sata", 512, [_part(7, "sata d\u00fcmp")], "ide-hd,drive=sata,bus=ide.3"),
    ("unknown", 512, [_part(8, "unknown")], "ide-hd,drive=unknown,bus=old.0"),
    ("waits", 512, [_part(9, "waits"), _part(20, "torn", 9), _part(15, "version1", 17), _part(16, "moved", 25),
                    _part(17, "version3", 33), _part(18, "given up", 41), _part(19, "saved", 49)],
     "virtio-blk-pci,drive=waits"),
    ("readonly", 512, [_part(10, "readonly")], "virtio-blk-pci,drive=readonly"),
    ("failing", 512, [_part(11, "failing")], "virtio-blk-pci,drive=failing"),
    ("member", 512, [_part(12, "member")], "virtio-blk-pci,drive=member"),
    ("unflushed", 512, [_part(14, "unflushed")], "virtio-blk-pci,drive=unflushed"),
    ("scsi", 512, [_part(21, "scsi")], "scsi-hd,drive=scsi,bus=vs.0,scsi-id=0,lun=1"),
    ("vmware", 512, [_part(23, "vmware")], "scsi-hd,drive=vmware,bus=pv.0,scsi-id=5"),
    ("behind", 512, [_part(24, "behind")], "virtio-blk-pci,drive=behind,bus=below,disable-legacy=on"),
    ("legacy", 512, [_part(25, "legacy")], "virtio-blk-pci,drive=legacy,disable-modern=on"),
    ("paths", 512, [_part(22, "paths")], "scsi-hd,drive=paths,bus=vs.0,scsi-id=0,lun=0,serial=one"),
]  # fmt: skip
# A partition of an earlier table, whose place is inside the present file system.
STALE = _part(13, "stale", 8, 16)

PARTS = {partition.label: partition for _, _, partitions, _ in DISKS for partition in partitions}
MOVED_FROM = _unique(99)
# On disk `waits`: the messages about it, and the result.
WAITING = [
    ("torn", "AN UNREADABLE DUMP WAITS on PARTLABEL=torn: dump header: its digest does not match its content"),
    ("version1", "AN UNSAVED DUMP WAITS on PARTLABEL=version1: complete"),
    ("moved", f"  of a partition with another GUID, {MOVED_FROM}"),
    ("version3", "AN UNREADABLE DUMP WAITS on PARTLABEL=version3: dump header: version 3 of 880 bytes"),
]
GIVEN_UP = ["given up", "saved"]
SAVED_SEQUENCE = 41

FOUND = [
    ("PARTLABEL=virtio", r"virtio-blk 0000:..:..\.., blocks 2048-18431 of 512 bytes, 8 MiB"),
    ("PARTLABEL=nvme", r"NVMe 0000:..:..\.. namespace 1, blocks 2048-18431 of 512 bytes, 8 MiB"),
    (f"PARTUUID={_unique(6)}", r"NVMe 0000:..:..\.. namespace 3, blocks 256-2303 of 4096 bytes, 8 MiB"),
    ("PARTLABEL=sata d\u00fcmp", r"AHCI 0000:00:1f\.2 port 3, blocks 2048-18431 of 512 bytes, 8 MiB"),
]
# Debian's firmware looks for LUNs on target 0 only. pvscsi_driver lets it drive PVSCSI.
FOUND_SCSI = [
    ("PARTLABEL=scsi", r"virtio-scsi 0000:..:..\.. target 0 LUN 1, blocks 2048-18431 of 512 bytes, 8 MiB"),
    # A card behind two bridges, which must be awake after a panic.
    ("PARTLABEL=behind", r"virtio-blk 0000:..:..\.. behind 2 bridges, blocks 2048-18431 of 512 bytes, 8 MiB"),
    ("PARTLABEL=vmware", r"PVSCSI 0000:..:..\.. target 5 LUN 0, blocks 2048-18431 of 512 bytes, 8 MiB"),
]
REFUSED = [
    ("PARTLABEL=unknown", "controller (class 010180, 8086:7010) has no driver in the built-in capture kernel"),
    ("PARTLABEL=other", f"neither is it of the type {gpt.DUMP_TYPE}"),
    ("PARTLABEL=twice", "more than one such partition"),
    ("PARTLABEL=nothere", "there is no such partition"),
    ("PARTLABEL=readonly", "its disk is read-only"),
    ("PARTLABEL=waits", "--dump-overwrite was not given"),
    ("PARTLABEL=stale", "no entry of the MBR is of type 0xee (the first is 0x83): the GPT is a leftover"),
    # The firmware drives this disk, but the capture kernel could not. This is known when arming.
    ("PARTLABEL=legacy", "its controller, by ECAM: it is a virtio device of the legacy interface only"),
    ("PARTLABEL=member", "it is one member of a RAID: metadata at its end (Intel Matrix RAID (IMSM))"),
]


def _header(unique: uuid.UUID, sequence: int, version: int = VERSION, saved: int = 0) -> bytes:
    """Returns a block with the sealed header of a complete dump, as a capture kernel leaves it."""
    header = bytearray(HEADER_BYTES)
    struct.pack_into("<QII", header, 0, MAGIC, version, HEADER_BYTES)
    header[AT_PARTUUID:AT_BYTES] = unique.bytes_le
    struct.pack_into("<QIIII", header, AT_BYTES, 8 * MIB, 0, saved, COMPLETE, 0)
    struct.pack_into("<Q", header, AT_SEQUENCE, sequence)
    header[-32:] = hashlib.sha256(header[:-32]).digest()
    return bytes(header).ljust(BLOCK, b"\0")


def _slots(unique: uuid.UUID, sequence: int = 7, **more) -> bytes:
    assert sequence % 2, "an even sequence: the later header would not be in the second slot"
    return _header(unique, sequence - 1, **more) + _header(unique, sequence, **more)


def _torn(unique: uuid.UUID) -> bytes:
    """Returns two slots: one has lost its first sector, the other its second."""
    slots = bytearray(_slots(unique))
    slots[:512] = bytes(512)
    slots[BLOCK + 512 : BLOCK + 1024] = bytes(512)
    return bytes(slots)


def _waiting(label: str) -> bytes:
    """Returns the first bytes of a partition of disk `waits`."""
    unique = PARTS[label].unique
    return {
        "waits": _slots(unique), "torn": _torn(unique), "moved": _slots(MOVED_FROM),
        "version1": _header(unique, 0, version=1) + b"[    0.000000] Linux version".ljust(BLOCK, b"\0"),
        "version3": _slots(unique, version=3), "given up": _torn(unique),
        "saved": _slots(unique, SAVED_SEQUENCE, saved=1),
    }[label]  # fmt: skip


def _first(folder: Path, name: str, start: int = MIB) -> bytes:
    """Returns a partition's first bytes."""
    with open(folder / f"{name}.img", "rb") as image:
        image.seek(start)
        return image.read(SLOTS_BYTES)


def _backend(name: str, path: Path) -> list[str]:
    # Both can be read. On one the partition's header cannot be written; the other does not confirm a flush.
    faults = {"failing": {"iotype": "write", "sector": MIB // 512}, "unflushed": {"iotype": "flush"}}
    if name in faults:
        return failing(name, path, **faults[name])
    readonly = ",readonly=on" if name == "readonly" else ",file.locking=off" if name == "paths" else ""
    return ["-drive", f"id={name},if=none,format=raw,file={path}{readonly}"]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _make_disks(folder: Path) -> list[str]:
    # This disk comes first, and `auto` must skip it.
    stale_table.make(folder / "stale.img", 64 * MIB, STALE)
    (folder / "stale.digest").write_text(_digest(folder / "stale.img"))
    words = ["-drive", f"id=stale,if=none,format=raw,file={folder / 'stale.img'}"]
    words += ["-device", "virtio-blk-pci,drive=stale"]
    words += ["-device", "nvme,id=nv,serial=nv", "-device", "virtio-scsi-pci,id=vs"]
    words += ["-device", "piix3-ide,id=old", "-device", "pvscsi,id=pv"]
    words += ["-device", "pcie-root-port,id=way,chassis=7", "-device", "pcie-pci-bridge,id=below,bus=way"]
    words += ["-chardev", "null,id=card", "-device", f"pci-serial,chardev=card,addr={CARD:#x}"]
    for name, block, partitions, device in DISKS:
        path = folder / f"{name}.img"
        with open(path, "wb") as image:
            image.truncate(64 * MIB)
        gpt.write_table(path, partitions, block)
        words += [*_backend(name, path), "-device", device]
    # The same logical unit on a second path.
    words += ["-drive", f"id=path2,if=none,format=raw,file={folder / 'paths.img'},file.locking=off"]
    words += ["-device", "scsi-hd,drive=path2,bus=vs.0,scsi-id=0,lun=2,serial=one"]
    with open(folder / "waits.img", "r+b") as image:
        for partition in DISKS[5][2]:
            image.seek(partition.start)
            image.write(_waiting(partition.label))
    # The table is the array's, which ends before the array's metadata.
    with open(folder / "member.img", "r+b") as image:
        image.truncate(65 * MIB)
        image.seek(-1024, 2)
        image.write(b"Intel Raid ISM Cfg Sig. 1.2.02")
    return words


@pytest.fixture(scope="module")
def session(tmp_path_factory, firmware, loader, pvscsi_driver, kernel):
    folder = tmp_path_factory.mktemp("targets")
    files = {"pvscsi.efi": pvscsi_driver, "lifeboat.efi": loader, "vmlinuz": kernel, "returning": images.returning(kernel.read_bytes())}
    found = "".join(f"dump-to {name}\n" for name, _ in FOUND)
    scsi = "".join(f"dump-to {name}\n" for name in [*dict(FOUND_SCSI), "PARTLABEL=paths"])
    refused = "".join(f"dump-to {name}\n" for name, _ in REFUSED[:4])
    more = "".join(f"dump-to {name}\n" for name, _ in REFUSED[4:8])
    armed = "\n".join([*found.splitlines()[:1], *more.splitlines()[:3], ""])  # at most four
    waiting = "".join(f"dump-to PARTLABEL={label}\n" for label, _ in WAITING)
    given_up = "".join(f"dump-to PARTLABEL={label}\n" for label in GIVEN_UP)
    configs = {"found": found, "refused": refused, "more": more, "armed": armed, "waiting": waiting}
    configs["scsi"] = scsi
    configs["given-up"] = given_up + "dump-overwrite\n"
    configs["selftest-failing"] = "dump-to PARTLABEL=failing\nselftest\n"
    armed_ones = ("armed", "waiting", "given-up", "selftest-failing")
    for name, config in configs.items():
        first = "kernel /returning\n" if name in armed_ones else "kernel /vmlinuz\ndry-run\n"
        files[f"{name}/lifeboat.efi"] = loader
        files[f"{name}/lifeboat.conf"] = f"{first}arguments console=ttyS0\n{config}".encode()
    cases = [shell.Case("driver", "load fs0:\\pvscsi.efi")]
    cases += [shell.Case(f"visit-{name}", f"ls fs0:\\{name}") for name in configs]
    cases += [shell.Case(name, f"fs0:\\{name}\\lifeboat.efi") for name in configs]
    cases += [
        shell.lifeboat("auto", f"--dry-run {BOOT}"),
        shell.lifeboat("card", f"--dry-run --console pci:00:{CARD:02x}.0 --dump-to PARTLABEL=member {BOOT}"),
        shell.lifeboat("no-card", f"--dry-run --console pci:00:1f.2 --dump-to PARTLABEL=virtio {BOOT}"),
        shell.lifeboat("uart8250", "--dry-run \\vmlinuz console=uart8250,io,0x2f8,115200 console=tty0"),
        shell.lifeboat("overwrite", f"--dry-run --dump-overwrite --dump-to PARTLABEL=waits {BOOT}"),
        shell.lifeboat("required", f"--require --dump-to PARTLABEL=virtio --dump-to PARTLABEL=nothere {BOOT}"),
        shell.lifeboat("required-kept", "--require --dry-run --console none --dump-to PARTLABEL=waits \\vmlinuz"),
        shell.lifeboat("required-failing", "--require --console none --dump-to PARTLABEL=failing \\returning"),
        shell.lifeboat("unflushed", "--require --console none --dump-to PARTLABEL=unflushed \\returning"),
        shell.lifeboat("selftest-unflushed", "--selftest --dump-to PARTLABEL=unflushed \\returning"),
        shell.lifeboat("selftest-nowhere", f"--selftest --dump-to PARTLABEL=nothere {BOOT}"),
    ]
    transcript = shell.run_cases(folder, firmware, files, cases, qemu_args=_make_disks(folder))
    return folder, transcript


@pytest.mark.parametrize("case, found", [("found", FOUND), ("scsi", FOUND_SCSI)])
def test_found(session, case, found):
    _, transcript = session
    text = transcript[case].text
    targets = re.findall(r"^dump to (.*):\n  (.*)$", text, re.MULTILINE)
    assert len(targets) == len(found), text
    for (name, wanted), (shown, where) in zip(found, targets, strict=True):
        # The firmware's serial console has only ASCII.
        assert name.encode("ascii", "replace").decode() == shown.encode("ascii", "replace").decode()
        assert re.fullmatch(wanted, where), where
    assert text.count("a dump that nothing can be left out of takes") == len(found)


def test_two_paths_to_one_disk_are_refused(session):
    """It cannot be known which of the two paths the capture kernel would use."""
    _, transcript = session
    assert "warning: --dump-to PARTLABEL=paths: there is more than one such partition" in transcript["scsi"].text


@pytest.mark.parametrize("name, why", REFUSED)
def test_refused(session, name, why):
    _, transcript = session
    text = transcript["refused"].text + transcript["more"].text + transcript["card"].text
    warning = next((line for line in text.splitlines() if f"warning: --dump-to {name}: " in line), "")
    assert why in warning and warning.endswith("left out"), text
    for case in ("refused", "more"):
        assert transcript[case].status == 0
        assert "no partition to dump to" in transcript[case].text


def test_a_serial_card_is_a_console(session):
    _, transcript = session
    assert re.search(r"^console: port 0x[1-9a-f][0-9a-f]{3}; ", transcript["card"].text, re.MULTILINE), transcript["card"].text
    wrong = "--console pci:00:1f.2: its PCI class is 0x0106, wanted a serial card's, 0x0700 or 0x0702"
    assert wrong in transcript["no-card"].text


def test_a_uart_among_the_kernel_s_words_is_the_console(session):
    _, transcript = session
    assert "console: port 0x2f8; " in transcript["uart8250"].text, transcript["uart8250"].text


def test_auto_is_the_first_of_our_type(session):
    _, transcript = session
    assert len(re.findall("^dump to PARTUUID=", transcript["auto"].text, re.MULTILINE)) == 1


def test_a_disk_that_is_laid_out_anew_is_passed_over_and_said(session):
    folder, transcript = session
    warning = "warning: --dump-to auto: its disk: no entry of the MBR is of type 0xee"
    assert warning in transcript["auto"].text
    assert f"PARTUUID={STALE.unique}" not in transcript["auto"].text
    assert _digest(folder / "stale.img") == (folder / "stale.digest").read_text(), "the file system has changed"


def test_an_unsaved_dump_is_shown_and_stays(session):
    folder, transcript = session
    for case in ("more", "armed", "overwrite"):
        assert "AN UNSAVED DUMP WAITS on PARTLABEL=waits: complete" in transcript[case].text
        assert "lifeboat-save" in transcript[case].text
    assert "dump to PARTLABEL=waits:" in transcript["overwrite"].text  # the partition was only looked at
    assert _first(folder, "waits") == _waiting("waits")


@pytest.mark.parametrize("label, said", WAITING)
def test_a_dump_that_cannot_be_read_or_is_of_another_time_is_said_and_stays(session, label, said):
    folder, transcript = session
    text = transcript["waiting"].text
    assert "lifeboat: armed" in text and said in text
    kept = f"warning: --dump-to PARTLABEL={label}: it is kept for that dump, since --dump-overwrite was not given"
    assert kept in text
    assert _first(folder, "waits", PARTS[label].start) == _waiting(label)


def _check_armed(slots: bytes, partition: gpt.Partition, sequences: list[int]):
    """Both slots hold an empty header of the same arming."""
    for slot, sequence in enumerate(sequences):
        header = slots[slot * BLOCK :][:BLOCK]
        assert struct.unpack_from("<QII", header) == (MAGIC, VERSION, HEADER_BYTES)
        assert header[HEADER_BYTES - 32 : HEADER_BYTES] == hashlib.sha256(header[: HEADER_BYTES - 32]).digest()
        assert not any(header[HEADER_BYTES:])
        assert header[AT_ARM_ID:AT_PARTUUID] != bytes(16)
        assert header[AT_ARM_ID:AT_PARTUUID] == slots[AT_ARM_ID:AT_PARTUUID]
        assert uuid.UUID(bytes_le=header[AT_PARTUUID:AT_BYTES]) == partition.unique
        assert struct.unpack_from("<QII", header, AT_BYTES) == (8 * MIB, 0, 0)
        assert struct.unpack_from("<I", header, AT_STATE) == (EMPTY,)
        assert struct.unpack_from("<Q", header, AT_SEQUENCE) == (sequence,)


def test_dump_overwrite_gives_an_unreadable_one_up(session):
    folder, transcript = session
    text = transcript["given-up"].text
    assert "AN UNREADABLE DUMP WAITS on PARTLABEL=given up" in text and "lifeboat: armed" in text
    assert "PARTLABEL=given up: arming this boot gives that dump up, as --dump-overwrite says" in text
    _check_armed(_first(folder, "waits", PARTS["given up"].start), PARTS["given up"], [2, 1])


def test_an_arming_s_headers_are_later_than_those_before(session):
    folder, transcript = session
    assert "WAITS on PARTLABEL=saved" not in transcript["given-up"].text
    slots = _first(folder, "waits", PARTS["saved"].start)
    _check_armed(slots, PARTS["saved"], [SAVED_SEQUENCE + 1, SAVED_SEQUENCE + 2])


def test_armed_writes_a_header_to_what_it_uses_and_to_nothing_else(session):
    folder, transcript = session
    assert "lifeboat: armed" in transcript["armed"].text
    _check_armed(_first(folder, "virtio"), PARTS["virtio"], [2, 1])
    for name, _, partitions, _ in DISKS:
        for partition in partitions:
            if name != "waits" and partition.label not in ("virtio", "unflushed"):
                assert _first(folder, name, partition.start) == bytes(SLOTS_BYTES), partition.label


def test_required_is_a_partition_for_each_dump_to(session):
    _, transcript = session
    answer = transcript["required"]
    assert answer.status == ABORTED
    assert "not armed: --dump-to PARTLABEL=nothere: there is no partition that can be dumped to" in answer.text
    assert "vmlinuz: --require was given" in answer.text


def test_required_boots_the_system_that_saves_a_dump(session):
    _, transcript = session
    answer = transcript["required-kept"]
    assert answer.status == 0 and "would not arm" not in answer.text
    assert "a panic will leave nothing" in answer.text


def test_required_is_a_mark_where_there_is_no_console(session):
    """This disk has a fault of its own: the header cannot be written."""
    _, transcript = session
    answer = transcript["required-failing"]
    assert answer.status == ABORTED
    assert "not armed: neither a partition to dump to nor a console" in answer.text
    assert "came back from its start" not in answer.text


def test_a_selftest_without_a_partition_boots_nothing(session):
    _, transcript = session
    answer = transcript["selftest-nowhere"]
    assert answer.status == ABORTED
    assert "there is no partition to leave a verdict on" in answer.text
    assert "nothing was tested, nothing is booted" in answer.text


def test_a_header_whose_flush_failed_is_there(session):
    """The capture kernel will find the header, so no message may say that this partition gets no dump."""
    folder, transcript = session
    text = transcript["unflushed"].text
    assert "warning: PARTLABEL=unflushed: the dump header is written, but the disk does not confirm" in text
    assert "will not be dumped to" not in text and "a panic will leave nothing" not in text
    assert "lifeboat: armed" in text and "came back from its start" in text
    header = _first(folder, "unflushed")
    assert struct.unpack_from("<Q", header) == (MAGIC,)
    assert uuid.UUID(bytes_le=header[AT_PARTUUID:AT_BYTES]) == _unique(14)


def test_a_selftest_is_not_begun_where_its_mark_may_not_stay(session):
    _, transcript = session
    answer = transcript["selftest-unflushed"]
    assert answer.status == ABORTED
    assert "no verdict can be left on PARTLABEL=unflushed" in answer.text


def test_a_selftest_whose_verdict_cannot_be_kept_is_not_begun_at_each_boot(session):
    _, transcript = session
    text = transcript["selftest-failing"].text
    assert "warning: PARTLABEL=failing: the dump header cannot be written" in text
    assert "error: not armed: --selftest: no verdict can be left on PARTLABEL=failing" in text
    assert "returning: came back from its start" in text
