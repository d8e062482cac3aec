# SPDX-License-Identifier: BSD-2-Clause
"""A dump that only its owner can read: one panic, and what disk, console and memory then hold of it.

Memory is saved twice: at the first kernel's prompt, and when the capture kernel has halted.
"""

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dump_images
import firmware_shell as shell
import pytest
from age_heads import once_only, repeated
from conftest import build
from scenarios import FULL_ONLY
from vm.machine import ConsoleLine, Machine, QmpEvent
from vm.rehearsal import Options, Outcome, Rehearsal
from vm.verdict import Verdict

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("encrypt")]

MEMORY_BYTES = 512 << 20
SECRET = "correct-horse-battery-staple"
PANIC = b"Kernel panic - not syncing"


def run(*words, check: bool = True) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, errors="replace", check=check)


def make_key(folder: Path, name: str) -> tuple[Path, str]:
    """Makes a key; returns the identity's file and the recipient."""
    path = folder / name
    run("age-keygen", "-o", path)
    return path, re.search(r"age1\w+", path.read_text()).group()


class _Watched(Rehearsal):
    """A rehearsal that saves memory on its way, and ends the machine when the capture kernel has halted."""

    def on_console(self, machine: Machine, line: ConsoleLine) -> None:
        for image, reached in (
            ("prompt.ram", "up" in self.progress.stages),
            ("halted.ram", line.text.startswith("lifeboat-capture: halted")),
        ):
            path = self.options.folder / image
            if not reached or path.exists():
                continue
            machine.qmp.execute("pmemsave", timeout=120, val=0, size=MEMORY_BYTES, filename=str(path))
            if image == "halted.ram":
                machine.qmp.execute("system_reset")

    def _judge_event(self, event: QmpEvent) -> Verdict | None:
        halted = (self.options.folder / "halted.ram").exists()
        return (True, "the capture kernel has halted") if halted else super()._judge_event(event)


@dataclass
class Encrypted:
    outcome: Outcome
    folder: Path
    identity: Path  # of the first of two recipients
    stranger: Path  # of no recipient
    save: Path

    @property
    def console(self) -> str:
        return (self.folder / "console.log").read_text(errors="replace")


@pytest.fixture(scope="module")
def encrypted(loader, kernel, firmware, tmp_path_factory):
    folder = tmp_path_factory.mktemp("encrypt")
    identity, recipient = make_key(folder, "owner.txt")
    _, other = make_key(folder, "other.txt")
    stranger, _ = make_key(folder, "stranger.txt")
    options = Options(
        kernel=kernel,
        firmware=firmware,
        loader=loader,
        memory_bytes=MEMORY_BYTES,
        cpus=2,
        panic="sysrq",
        dump_disk="nvme",
        append=f"lifeboat_secret={SECRET}",
        config=[f"dump-encrypt {recipient}", f"dump-encrypt {other}", "on-captured halt"],
        folder=folder,
    )
    outcome = _Watched(options).run()
    yield Encrypted(outcome, folder, identity, stranger, Path(loader).parent / "lifeboat-save")
    for image in [*folder.glob("*.img"), *folder.glob("*.ram")]:
        image.unlink()


def test_captured(encrypted):
    assert encrypted.outcome.ok, encrypted.outcome.reason
    assert encrypted.outcome.vmcore.read_bytes()[:22] == b"age-encryption.org/v1\n"
    header = run(encrypted.save, "--list", encrypted.folder / "dump.img").stdout
    assert re.search(r"^encrypted: +to 2 recipients$", header, re.MULTILINE)
    assert re.search(r"^message: +complete: \d+ pages, encrypted to 2 recipients$", header, re.MULTILINE)
    assert "digests:               log right, report right, head right" in header
    assert "6.1" not in header


def test_nothing_is_shown(encrypted):
    """Nothing is printed since the panic. What the first kernel printed before is its own matter."""
    said = [text for text in encrypted.console.splitlines() if "lifeboat-capture: " in text or "lifeboat-purgatory: " in text]
    assert any("encrypted to 2 recipients" in text for text in said)
    for word in ("> reason", "panic -", "dead kernel: ", "6.1.0", "_text", SECRET):
        assert not [text for text in said if word in text], word


def test_disk_holds_nothing_in_the_clear(encrypted):
    disk = (encrypted.folder / "dump.img").read_bytes()
    for text in (PANIC, SECRET.encode(), b"KDUMP   ", b"OSRELEASE=", b"Linux version", b"makedumpfile"):
        assert text not in disk, text


def test_age_opens_all_three(encrypted):
    image, folder = encrypted.folder / "dump.img", encrypted.folder
    dump, log, report = folder / "d.age", folder / "l.age", folder / "r.age"
    run(encrypted.save, "--keep", "-f", "--log", log, "--report", report, image, dump)
    opened = run("age", "-d", "-i", folder / "other.txt", log).stdout
    assert PANIC.decode() in opened and SECRET in opened
    assert run("age", "-d", "-i", encrypted.identity, report).stdout.startswith("reason: ")
    flat = folder / "flat"
    run("age", "-d", "-i", encrypted.identity, "-o", flat, dump)
    with flat.open("rb") as stream:
        subprocess.run(["makedumpfile", "-R", folder / "rearranged"], stdin=stream, check=True, capture_output=True)
    run(encrypted.save, "--keep", "-f", "--identity", encrypted.identity, image, folder / "vmcore.plain")
    assert (folder / "rearranged").read_bytes() == (folder / "vmcore.plain").read_bytes()
    assert run("age", "-d", "-i", encrypted.stranger, log, check=False).returncode != 0


@FULL_ONLY
def test_crash_opens_what_age_decrypted(encrypted, crash, vmlinux, tmp_path):
    """Only age and makedumpfile -R have worked on this file, as docs/encrypt.md describes it."""
    sealed, opened = tmp_path / "vmcore.age", tmp_path / "vmcore"
    run(encrypted.save, "--keep", "-f", encrypted.folder / "dump.img", sealed)
    decrypt = subprocess.Popen(["age", "-d", "-i", encrypted.identity, sealed], stdout=subprocess.PIPE)
    with decrypt:
        subprocess.run(["makedumpfile", "-R", opened], stdin=decrypt.stdout, check=True, capture_output=True)
    assert decrypt.returncode == 0
    (tmp_path / "commands").write_text("sys\nbt\ngdb bt\nlog\nquit\n")
    said = run(crash, "--no_scroll", "-s", "-i", tmp_path / "commands", vmlinux, opened).stdout
    assert re.search(r"^ +PANIC: \"(sysrq: |Kernel panic - not syncing: )sysrq triggered crash\"", said, re.MULTILINE), said
    assert re.search(r"^ *#0 \[[0-9a-f]+\] panic at [0-9a-f]+$", said, re.MULTILINE), said
    called = re.findall(r"^#\d+ +0x[0-9a-f]+ in (\w+)", said, re.MULTILINE)
    assert {"sysrq_handle_crash", "__handle_sysrq", "ksys_write"} <= set(called), said
    assert SECRET in said


def test_no_key_and_no_nonce_twice(encrypted):
    """No value repeats in three files with two recipients each, nor in any run of this build folder."""
    image, folder = encrypted.folder / "dump.img", encrypted.folder
    paths = [folder / name for name in ("once.dump", "once.log", "once.report")]
    run(encrypted.save, "--keep", "-f", "--log", paths[1], "--report", paths[2], image, paths[0])
    files = [path.read_bytes()[:4096] for path in paths]
    assert [len(once_only(sealed)) for sealed in files] == [3, 3, 3]
    assert repeated(encrypted.save.parent / "age-heads.txt", files) == []


def test_saved_with_the_identity(encrypted):
    """lifeboat-save decrypts and saves in one step, into a folder, and every reader opens the result."""
    folder = encrypted.folder / "crash"
    folder.mkdir()
    run(encrypted.save, "--keep", "-f", "--identity", encrypted.identity, encrypted.folder / "dump.img", folder)
    (saved,) = folder.iterdir()
    assert {path.name for path in saved.iterdir()} == {"vmcore", "vmcore-dmesg.txt", "report.txt", "report.json"}
    log = encrypted.folder / "dmesg.makedumpfile"
    run("makedumpfile", "--dump-dmesg", "-f", saved / "vmcore", log, check=False)
    report = run(encrypted.save.with_name("lifeboat-report"), "--signature", saved / "vmcore").stdout
    assert report.startswith("sysrq:sysrq_handle_crash:")
    assert f"signature: {report.strip()}" in (saved / "report.txt").read_text()
    assert SECRET.encode() in (saved / "vmcore-dmesg.txt").read_bytes()


def test_stays_sealed_in_a_folder(encrypted):
    folder = encrypted.folder / "sealed"
    folder.mkdir()
    run(encrypted.save, "--keep", "-f", encrypted.folder / "dump.img", folder)
    (saved,) = folder.iterdir()
    assert {path.name for path in saved.iterdir()} == {"vmcore.age", "vmcore-dmesg.txt.age", "report.txt.age"}


def test_wrong_identity(encrypted):
    target = encrypted.folder / "none"
    image = encrypted.folder / "dump.img"
    failed = run(encrypted.save, "--keep", "-f", "--identity", encrypted.stranger, image, target, check=False)
    assert failed.returncode == 1 and not target.exists()
    assert "no identity that was given opens it" in failed.stderr


def test_memory_holds_no_secret(encrypted, keys_verdict):
    """At the first kernel's prompt memory has no secret that is not needed any more. After the capture it has
    none."""
    prompt, halted = encrypted.folder / "prompt.ram", encrypted.folder / "halted.ram"
    said = run(keys_verdict, encrypted.identity, prompt, "plant=0x8000000", halted).stdout
    # The payload keys of one target's three files are where they must be. Planted keys are found.
    assert said.splitlines() == [
        "files: 3",
        "image 1: payload 3 file 0 shared 0 wrap 0",
        "image 1: payload 4 file 1 shared 1 wrap 1",
        "image 2: payload 0 file 0 shared 0 wrap 0",
    ]


# ---- Keys that a boot left ------------------------------------------------------


def _three_boots(folder: Path, firmware, config: str, between: Callable[[int], None]) -> tuple[list[Path], list[str]]:
    """Returns memory's content at the end of each boot, and what was printed. The system is tests/vm/efi/complete.c,
    the firmware tests/vm/efi/preamble.c. `between` is called with the boot's number while the machine waits."""
    files = {
        "EFI/BOOT/BOOTX64.EFI": build("preamble.efi"),
        "preamble.txt": b"inside 0\n",
        "lifeboat.efi": build("lifeboat.efi"),
        "lifeboat.conf": config.encode(),
        "complete.efi": build("complete.efi"),
    }
    words = dump_images.empty_disk(folder)
    images, said = [folder / f"boot{n}.ram" for n in range(3)], []
    with shell.make_machine(folder, firmware, files, qemu_args=words, memory_bytes=MEMORY_BYTES) as machine:
        machine.power_on()
        for number, image in enumerate(images):
            before = len(machine.lines)
            event = shell.watch(machine, "complete: waits for a key", "complete: failed", "preamble: failed")
            assert "waits" in getattr(event, "text", ""), shell.console_end(machine)
            machine.qmp.execute("pmemsave", timeout=120, val=0, size=MEMORY_BYTES, filename=str(image))
            said.append("\n".join(line.text for line in machine.lines[before:]))
            between(number)
            machine.write_console(b"\r")
            assert getattr(shell.watch(machine, "complete: "), "name", "") == "RESET"
    return images, said


def _check_wiped(verdict_of: Path, identity: Path, images: list[Path], said: list[str]) -> None:
    """Expects each boot's keys at its end, and not at the next boot's end."""
    wiped = [text.count("the keys of an earlier arming were still in memory: wiped") for text in said]
    assert wiped == [0, 1, 1], said
    for first, second in zip(images, images[1:]):
        assert run(verdict_of, identity, first, second).stdout.splitlines() == [
            "files: 3",
            "image 1: payload 3 file 0 shared 0 wrap 0",
            "image 2: payload 0 file 0 shared 0 wrap 0",
        ]
    for image in images:
        image.unlink()


def _config(recipient: str, words: str) -> str:
    return f"chain \\complete.efi\narguments {words}\nverbose\ndump-to auto\ndump-encrypt {recipient}\n"


def test_the_next_start_wipes_what_a_boot_left(tmp_path, firmware, keys_verdict):
    """Two boots leave their keys in memory, which a reset does not change. The boot after the first arms again. The
    boot after the second stands aside, and has a page there that the firmware uses."""
    identity, recipient = make_key(tmp_path, "owner.txt")
    images, said = _three_boots(tmp_path, firmware, _config(recipient, "off wait"), lambda _: None)
    assert ["preamble: took a page" in text for text in said] == [False, False, True]
    assert ["prepared in" in text for text in said] == [True, True, False]
    assert ["standing aside, not armed" in text for text in said] == [False, False, True]
    _check_wiped(keys_verdict, identity, images, said)


@FULL_ONLY
def test_a_boot_that_finds_no_partition_wipes_them_too(tmp_path, firmware, keys_verdict):
    """The header that names the keys' place is gone. The mark of the proved boot names it too."""
    identity, recipient = make_key(tmp_path, "owner.txt")

    def between(number: int) -> None:
        if number == 1:
            with open(tmp_path / "dumps.img", "r+b") as disk:
                disk.write(bytes((tmp_path / "dumps.img").stat().st_size))

    images, said = _three_boots(tmp_path, firmware, _config(recipient, "wait"), between)
    assert "took a page" not in "".join(said)
    _check_wiped(keys_verdict, identity, images, said)
