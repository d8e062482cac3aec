# SPDX-License-Identifier: BSD-2-Clause
"""Secure Boot with the owner's keys, and with Microsoft's keys and shim. What is signed boots, is captured, and is
measured. What is not signed is refused by the program that must refuse it."""

import hashlib
import re
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dump_images
import fake_machine
import firmware_shell as shell
import images
import pcrlock
import pytest
import secure_boot
import tpm
from conftest import build
from scenarios import FULL_ONLY
from secure_boot import NEW, OLD, Entry, Key, authenticode, flipped, make_key, unsigned
from vm import boot_loaders
from vm.machine import Disk, Machine, MachineSpec
from vm.rehearsal import Options, Outcome, Rehearsal

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("secure-boot")]

MEMORY_BYTES = 512 << 20
TIMEOUT = 300.0
LOCKED = "none [integrity] confidentiality"
LOCKDOWN = "\necho \"lockdown is $($b cat /sys/kernel/security/lockdown)\"\n"
CONFIG_TAG = 0x4C464254  # LB_CONFIG_TAG
EV_SEPARATOR, EV_BOOT_SERVICES_APPLICATION, EV_BOOT_SERVICES_DRIVER = 0x04, 0x80000003, 0x80000004
EV_VARIABLE_AUTHORITY = 0x800000E0


Files = dict[str, Path | bytes]


class Signed(Rehearsal):
    """A rehearsal whose ESP holds what `change` makes of its files."""

    def __init__(self, options: Options, change: Callable[[Files], Files]):
        super().__init__(options)
        self._change = change

    def esp(self, files: Files) -> Files:
        return self._change(files)


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory):
    return tmp_path_factory.mktemp("secure-boot")


@pytest.fixture(scope="module", name="own")
def _own(folder, own_key):
    """The owner's keys in the firmware."""
    return secure_boot.own_keys(folder / "own", own_key)


@pytest.fixture(scope="module", name="sold")
def _sold(folder, own_key):
    """The keys of a machine as it is sold; the owner's key is a MOK."""
    return secure_boot.microsofts_keys(folder / "sold", own_key)


@pytest.fixture(scope="module", name="shim")
def _shim(tmp_path_factory):
    return lambda version: secure_boot.shim(version, tmp_path_factory.mktemp("lists"))


@pytest.fixture(scope="module", name="strict")
def _strict(own, tmp_path_factory):
    """The owner's keys in a firmware that has EFI_MEMORY_ATTRIBUTE_PROTOCOL."""
    return secure_boot.strict(own, tmp_path_factory.mktemp("lists"))


@dataclass(frozen=True)
class Captured:
    console: str
    outcome: Outcome
    measured: tpm.Measured


def capture(folder: Path, change: Callable[[Files], Files], **options) -> Captured:
    """A captured panic on a machine with a TPM. Its first kernel is locked down, as it is without Lifeboat."""
    folder.mkdir()
    with tpm.running(folder) as words:
        options = {"before": tpm.SHOW + LOCKDOWN, "memory_bytes": MEMORY_BYTES, **options}
        outcome = Signed(Options(folder=folder, qemu_args=words, timeout=TIMEOUT, **options), change).run()
    console = (folder / "console.log").read_text(errors="replace")
    assert outcome.ok, f"{outcome.reason}\n{console[-4000:]}"
    assert f"lockdown is {LOCKED}" in console
    # The report is made from the dump, because the capture kernel's own may be cut on a busy host.
    words = [build("lifeboat-report"), outcome.vmcore]
    report = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "\nlockdown: integrity\n" in report, report
    return Captured(console, outcome, tpm.take(console, folder))


def digest_of_line(line: str) -> bytes:
    """Returns the digest with which a command line is measured."""
    return hashlib.sha256(f"{line}\0".encode("utf-16-le")).digest()


WORDS = "panic=-1 reboot=efi,cold,panic_warm crash_kexec_post_notifiers efi=runtime oops=panic unknown_nmi_panic"


def check_measured(captured: Captured, line: str) -> None:
    """The line is in PCR 12, lifeboat.conf in PCR 5, and nothing of Lifeboat's in PCR 11."""
    measured = captured.measured
    ours = [event for event in measured.of(12) if event.digest == digest_of_line(line)]
    assert [(event.type, event.data) for event in ours] == [(tpm.EV_IPL, f"{line}\0".encode("utf-16-le"))]
    (conf,) = [event for event in measured.of(5) if event.type == tpm.EV_EVENT_TAG]
    tag, size = struct.unpack_from("<II", conf.data)
    assert tag == CONFIG_TAG and conf.data[8:].startswith(b"# Written by lifeboat-vm.") and size == len(conf.data) - 8
    assert conf.digest == hashlib.sha256(conf.data[8:]).digest()
    # PCR 11 is for a unified kernel image's stub, whose events are names of sections.
    assert all(event.data.startswith(".".encode("utf-16-le")) for event in measured.of(11))


def check_driver(captured: Captured, signed: Path) -> None:
    drivers = [event.digest for event in captured.measured.of(2) if event.type == EV_BOOT_SERVICES_DRIVER]
    assert drivers == [authenticode(signed.with_name("lifeboatx64.efi"))]


def check_application(captured: Captured, signed: Path) -> None:
    """The program is in PCR 4. PCR 2 has only the firmware's separator."""
    applications = [event.digest for event in captured.measured.of(4) if event.type == EV_BOOT_SERVICES_APPLICATION]
    assert authenticode(signed) in applications
    assert [event.type for event in captured.measured.of(2)] == [EV_SEPARATOR]


def by_shim(shim: Path, signed: Path) -> Callable[[Files], Files]:
    """Puts shim where the firmware looks, and Lifeboat where shim looks."""
    return lambda files: {**files, "EFI/BOOT/BOOTX64.EFI": shim, "EFI/BOOT/grubx64.efi": signed}


def drive(place: Path, firmware, own_key: Key, signed: Path, kernel: Path) -> Captured:
    """A signed unified kernel image behind the driver."""

    def change(files: Files) -> Files:
        uki = own_key.sign(files["EFI/BOOT/BOOTX64.EFI"], place.with_suffix(".uki.efi"))
        return {**files, "EFI/BOOT/BOOTX64.EFI": uki}

    return capture(place, change, kernel=kernel, firmware=firmware, loader=signed, boot="uki", enter="driver")


@pytest.fixture(scope="module", name="driven")
def _driven(folder, own, own_key, signed, kernel) -> Captured:
    return drive(folder / "driver", own, own_key, signed, kernel)


def test_a_driver_by_own_keys(driven, signed):
    """The driver is measured into PCR 2, like any driver."""
    check_measured(driven, WORDS)
    check_driver(driven, signed)


@FULL_ONLY
def test_a_driver_on_strict_firmware(folder, strict, own_key, signed, kernel):
    captured = drive(folder / "driver-strict", strict, own_key, signed, kernel)
    check_measured(captured, WORDS)
    check_driver(captured, signed)


@FULL_ONLY
def test_a_file_for_systemd_boot_by_own_keys(folder, own, own_key, signed, kernel):
    def change(files: Files) -> Files:
        manager = own_key.sign(files["EFI/BOOT/BOOTX64.EFI"], folder / "systemd-boot.signed.efi")
        return {**files, "EFI/BOOT/BOOTX64.EFI": manager, "vmlinuz": own_key.sign(kernel, folder / "vmlinuz.signed")}

    captured = capture(
        folder / "sd-boot", change, kernel=kernel, firmware=own, loader=signed, boot="systemd-boot", enter="sd-boot"
    )
    check_measured(captured, WORDS)
    check_driver(captured, signed)


@FULL_ONLY
def test_a_kernel_by_own_keys(folder, own, own_key, signed, kernel):
    own_kernel = own_key.sign(kernel, folder / "vmlinuz.direct")
    captured = capture(folder / "direct", lambda files: files, kernel=own_kernel, firmware=own, loader=signed)
    check_measured(captured, captured.outcome.progress.first_kernel_cmdline)
    check_application(captured, signed)


def behind_strict(files: Files, program: Path | bytes, folder: Path, own_key: Key) -> Files:
    """Puts the program where tests/vm/efi/preamble.c starts it. Pages that it allocates can be executed only if it
    asks for it."""
    preamble = own_key.sign(build("preamble.efi"), folder / "preamble.signed.efi")
    own = {"EFI/BOOT/BOOTX64.EFI": preamble, "preamble.txt": b"strict 0\n", "lifeboat.efi": program}
    conf = {"lifeboat.conf": files["EFI/BOOT/lifeboat.conf"]} if "EFI/BOOT/lifeboat.conf" in files else {}
    return {**files, **own, **conf}


@FULL_ONLY
def test_a_kernel_on_strict_firmware(folder, strict, own_key, signed, kernel):
    own_kernel = own_key.sign(kernel, folder / "vmlinuz.strict")
    place = folder / "direct-strict"
    captured = capture(
        place, lambda files: behind_strict(files, signed, folder, own_key), kernel=own_kernel, firmware=strict, loader=signed
    )
    assert "preamble: strict until now" in captured.console and "preamble: failed" not in captured.console
    check_measured(captured, captured.outcome.progress.first_kernel_cmdline)
    check_application(captured, signed)


def _started(folder: Path, firmware, files: Files, *last: str) -> str:
    """Returns what the console prints until one of `last`."""
    folder.mkdir()
    with shell.make_machine(folder, firmware, files, qemu_args=dump_images.empty_disk(folder)) as machine:
        machine.power_on()
        shell.watch(machine, *last)
        return "\n".join(line.text for line in machine.lines)


@FULL_ONLY
def test_strict_firmware_runs_no_data(folder, own_key, strict):
    """The firmware on which the test before has run."""
    image = own_key.sign(build("nx.efi"), folder / "nx.efi")
    said = _started(
        folder / "nx", strict, behind_strict({}, image, folder, own_key), "nx: loader data was run", "Exception Type"
    )
    assert "Exception Type - 0E(#PF" in said and "nx: loader data was run" not in said, said
    kinds = re.findall(r"^nx: (.*): (\S+)$", said, re.MULTILINE)
    assert len(kinds) == 7 and {allowed for _, allowed in kinds} == {"rw-"}, said


@FULL_ONLY
def test_strict_firmware_gets_back_what_can_be_written(folder, own_key, strict, signed):
    """The boot manager returns, and arming is undone: the hook's pages cannot be executed any more."""
    succeeding = folder / "succeeding.efi"
    succeeding.write_bytes(images.succeeding(build("preamble.efi").read_bytes()))
    files = behind_strict({}, signed, folder, own_key) | {
        "lifeboat.conf": b"chain \\chained.efi\ndump-to auto\n",
        "chained.efi": own_key.sign(succeeding, folder / "chained.efi"),
    }
    said = _started(folder / "back", strict, files, "Disarmed, crash memory freed.", "Exception Type", "preamble: failed")
    assert "lifeboat: prepared in" in said and "Disarmed" in said and "preamble: failed" not in said, said


@pytest.fixture(scope="module", name="chained")
def _chained(folder, sold, shim, signed, kernel) -> Captured:
    """Microsoft's keys, shim, Lifeboat by a MOK, then Debian's GRUB and kernel by the certificate in shim."""
    return capture(
        folder / "chain", by_shim(shim(NEW), signed), kernel=kernel, firmware=sold, loader=signed, boot="grub", enter="chain"
    )


def test_a_chain_behind_the_new_shim(chained, signed):
    check_measured(chained, WORDS)
    check_application(chained, signed)


def without_us(folder: Path, shim_image: Path, **options) -> tpm.Measured:
    """Returns what the same machine measures when shim starts GRUB."""

    def change(files: Files) -> Files:
        (grub,) = (path for path in files if path.endswith("/grubx64.efi"))
        return {**files, "EFI/BOOT/BOOTX64.EFI": shim_image, "EFI/BOOT/grubx64.efi": files[grub]}

    folder.mkdir()
    with tpm.running(folder) as words:
        options = {"before": tpm.SHOW + LOCKDOWN, "memory_bytes": MEMORY_BYTES, "unarmed": True, **options}
        outcome = Signed(Options(folder=folder, qemu_args=words, timeout=TIMEOUT, **options), change).run()
    console = (folder / "console.log").read_text(errors="replace")
    assert outcome.ok and "lifeboat: " not in console, f"{outcome.reason}\n{console[-4000:]}"
    assert f"lockdown is {LOCKED}" in console
    return tpm.take(console, folder)


@FULL_ONLY
def test_a_chain_measures_itself_and_nothing_else(folder, sold, shim, own_key, signed, kernel, chained):
    """Compared with the same machine without Lifeboat there is one more program in PCR 4, and its signer in PCR 7.
    Nothing is missing, and the order is the same."""
    plain = without_us(
        folder / "plain", shim(NEW), kernel=kernel, firmware=sold, loader=signed, boot="grub", enter="chain"
    )
    added = {}
    for pcr in (2, 3, 4, 7, 8, 9, 11, 12, 14):
        theirs, more = [event.digest for event in plain.of(pcr)], []
        for event in chained.measured.of(pcr):
            if theirs[:1] == [event.digest]:
                theirs.pop(0)
            else:
                more.append(event)
        assert theirs == [], (pcr, plain.of(pcr), chained.measured.of(pcr))
        added[pcr] = more
    assert {pcr: len(events) for pcr, events in added.items() if events} == {4: 1, 7: 1, 12: 1}
    assert added[4][0].digest == authenticode(signed)
    assert added[7][0].type == EV_VARIABLE_AUTHORITY and own_key.der in added[7][0].data
    assert added[12][0].digest == digest_of_line(WORDS)
    assert chained.measured.pcrs[2] == plain.pcrs[2] and chained.measured.pcrs[11] == plain.pcrs[11] == bytes(32)


@FULL_ONLY
def test_a_kernel_behind_the_old_shim(folder, sold, shim, signed, kernel):
    """shim 15.8 does not replace LoadImage."""
    captured = capture(folder / "old-shim", by_shim(shim(OLD), signed), kernel=kernel, firmware=sold, loader=signed)
    check_measured(captured, captured.outcome.progress.first_kernel_cmdline)
    check_application(captured, signed)


@FULL_ONLY
def test_a_kernel_behind_the_new_shim(folder, sold, shim, signed, kernel):
    captured = capture(folder / "new-shim", by_shim(shim(NEW), signed), kernel=kernel, firmware=sold, loader=signed)
    check_measured(captured, captured.outcome.progress.first_kernel_cmdline)


# ---- systemd-pcrlock itself ------------------------------------------------------


def judged_by_pcrlock(root: Path, captured: Captured, signed: Path, mode: str) -> pcrlock.Pcrlock:
    """lifeboatctl puts the machine's files on its ESP and tells systemd-pcrlock. Then it updates the program."""
    (conf,) = [event for event in captured.measured.of(5) if event.type == tpm.EV_EVENT_TAG]
    machine = fake_machine.make(root, build("lifeboatctl.checked"))
    machine.write("usr/lib/systemd/systemd-pcrlock", b"")
    machine.write("boot/efi/EFI/lifeboat/lifeboat.conf", conf.data[8:])
    machine.run("install", "--mode", mode, "--from", str(signed.parent))
    machine.write("usr/lib/lifeboat/lifeboat.efi", fake_machine.image(fake_machine.APPLICATION, "9.9.9"))
    machine.write("usr/lib/lifeboat/lifeboatx64.efi", fake_machine.image(fake_machine.DRIVER, "9.9.9"))
    machine.run("update")
    log = captured.outcome.vmcore.with_name("event-log")
    return pcrlock.Pcrlock(pcrlock.fetch(), machine.root / "var/lib/pcrlock.d", log)


def conf_digest(captured: Captured) -> str:
    (conf,) = [event for event in captured.measured.of(5) if event.type == tpm.EV_EVENT_TAG]
    return conf.digest.hex()


@FULL_ONLY
def test_systemd_pcrlock_recognizes_a_chain(chained, signed, tmp_path):
    judge = judged_by_pcrlock(tmp_path, chained, signed, "chain")
    ours = [
        (4, authenticode(signed).hex(), "630-lifeboat"),
        (5, conf_digest(chained), "630-lifeboat"),
        (12, digest_of_line(WORDS).hex(), "630-lifeboat"),
    ]
    replaced = judge.components / "630-lifeboat.pcrlock.d/replaced.pcrlock"
    with tpm.replayed(chained.measured.events) as device:
        assert judge.recognized(device) == ours
        assert judge.predicted(device, 12) == {chained.measured.pcrs[12].hex()}
        # The remaining variant is that of another program.
        replaced.unlink()
        assert judge.recognized(device) == []


@FULL_ONLY
def test_systemd_pcrlock_recognizes_a_driver(driven, signed, tmp_path):
    judge = judged_by_pcrlock(tmp_path, driven, signed, "driver")
    with tpm.replayed(driven.measured.events) as device:
        assert judge.recognized(device) == [
            (2, authenticode(signed.with_name("lifeboatx64.efi")).hex(), "300-lifeboat"),
            (5, conf_digest(driven), "300-lifeboat"),
            (12, digest_of_line(WORDS).hex(), "300-lifeboat"),
        ]
        assert judge.predicted(device, 12) == {driven.measured.pcrs[12].hex()}


# ---- What is refused ----------------------------------------------------------


def refusals(folder: Path, firmware, files: Files, entries: list[Entry]) -> list[str]:
    """Returns what the console prints for each boot entry, none of which boots."""
    folder.mkdir()
    esp = boot_loaders.make_disk(folder / "disk.img", files, {})
    secure_boot.add_entries(firmware.private_variables(folder), esp, entries)
    spec = MachineSpec(firmware, [Disk("disk", folder / "disk.img")], MEMORY_BYTES, cpus=1)
    with Machine(spec, folder) as machine:
        machine.power_on()
        # The firmware's own entries come behind these.
        after = [f" Boot{len(entries) + more:04X} " for more in range(4)]
        shell.watch(machine, *after, "Linux version", "lifeboat: armed in")
        text = "\n".join(line.text for line in machine.lines)
    assert not re.search("Linux version|lifeboat: (armed|prepared) in", text), text[-3000:]
    said = re.split(r'(?=BdsDxe: (?:loading|failed to load) Boot\d{4} "entry)', text)
    found = {number: "" for number in range(len(entries))}
    for part in said:
        if number := re.match(r"BdsDxe: .* Boot(\d{4})", part):
            found[int(number[1], 16)] += part
    return list(found.values())


def test_what_is_not_signed_is_refused_by_own_keys(folder, own, own_key, signed, loader, kernel):
    other = make_key(folder, "other")
    good = own_key.sign(kernel, folder / "vmlinuz.own")
    files = {
        "unsigned.efi": loader,
        "flipped.efi": flipped(signed, folder / "flipped.efi"),
        "other.efi": other.sign(loader, folder / "other.efi"),
        "lifeboat.efi": signed,
        "none": unsigned(kernel, folder / "vmlinuz.none"),
        "changed": flipped(good, folder / "vmlinuz.changed"),
        "good": good,
        "capture.img": b"0" * 512,
    }
    ours = [
        ("\\none", "\\none: the firmware's Secure Boot policy refuses it"),
        ("\\changed", "\\changed: the firmware's Secure Boot policy refuses it"),
        ("--chain \\unsigned.efi", "\\unsigned.efi: the firmware's Secure Boot policy refuses it"),
        ("--require --capture \\good \\good", "not armed: Secure Boot is on: nobody checks the signature of a Linux"),
        ("--require --console 0x2f0 \\good", "not armed: Secure Boot is on: --console 0x2f0: nobody signed that address"),
    ]
    entries = [Entry(f"\\{name}.efi") for name in ("unsigned", "flipped", "other")]
    said = refusals(folder / "refused", own, files, entries + [Entry("\\lifeboat.efi", words) for words, _ in ours])
    for text in said[: len(entries)]:
        assert "failed to load" in text and "Access Denied" in text and "lifeboat" not in text.partition("\n")[2], text
    for (_, sentence), text in zip(ours, said[len(entries) :], strict=True):
        assert sentence in text, text


@pytest.mark.parametrize("version", [NEW, pytest.param(OLD, marks=FULL_ONLY)])
def test_what_is_not_signed_is_refused_behind_shim(folder, own_key, shim, signed, loader, kernel, version):
    """Also refused: what the firmware's db accepts and shim has revoked, shim's other version."""
    revoked = shim(OLD if version == NEW else NEW)
    firmware = secure_boot.microsofts_keys(folder / f"revoking-{version}", own_key, revoked)
    files = {
        "EFI/BOOT/shim.efi": shim(version),
        "EFI/lifeboat/lifeboat.efi": signed,
        "unsigned.efi": loader,
        "revoked.efi": revoked,
        "none": unsigned(kernel, folder / "vmlinuz.none"),
        "changed": flipped(kernel, folder / "vmlinuz.changed"),
    }
    words = ["\\none", "\\changed", "--chain \\unsigned.efi", "--chain \\revoked.efi"]
    entries = [Entry("\\EFI\\BOOT\\shim.efi", f"\\EFI\\lifeboat\\lifeboat.efi {one}") for one in words]
    said = refusals(folder / f"refused-{version}", firmware, files, entries)
    for one, text in zip(words, said, strict=True):
        assert f"{one.split()[-1]}: the firmware's Secure Boot policy refuses it" in text, text


def _without_sbat(image: bytes) -> bytes:
    """Renames the section."""
    changed = bytearray(image)
    at = image.index(b".sbat\0\0\0")
    changed[at : at + 5] = b".tabs"
    return bytes(changed)


@FULL_ONLY
@pytest.mark.parametrize("fault", ["unsigned", "flipped", "another-key", "no-sbat"])
def test_shim_refuses_us(folder, sold, shim, own_key, signed, loader, fault):
    """shim shows a box on the screen, which waits for a key."""
    image = folder / f"{fault}.efi"
    if fault == "unsigned":
        image = loader
    elif fault == "flipped":
        flipped(signed, image)
    elif fault == "another-key":
        make_key(folder, fault).sign(loader, image)
    else:
        unsigned_image = folder / "no-sbat.unsigned.efi"
        unsigned_image.write_bytes(_without_sbat(loader.read_bytes()))
        own_key.sign(unsigned_image, image)
    place = folder / f"shim-{fault}"
    place.mkdir()
    files = {"EFI/BOOT/BOOTX64.EFI": shim(NEW), "EFI/BOOT/grubx64.efi": image}
    with shell.make_machine(place, sold, files) as machine:
        machine.power_on()
        text = shell.watch_screen(machine, "Security Violation", "lifeboat:")
    assert "Security Violation" in text and "lifeboat:" not in text, text
