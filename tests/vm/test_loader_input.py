# SPDX-License-Identifier: BSD-2-Clause
"""Bad input: the messages, the loader's status, and what still boots.

Most cases run in one session of the UEFI shell, with --dry-run and with --require, so that nothing boots. At the end
memory is as it was. A unit test tries every truncation of a kernel. A few are here to see that their messages reach
the user.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import firmware_shell as shell
import images
import pytest

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("loader-input")]

# EFI_STATUS as the shell shows them.
LOAD_ERROR, INVALID_PARAMETER, NOT_FOUND, ABORTED = 0x1, 0x2, 0xE, 0x15
MIB = 1 << 20
CMDLINE_MAX = 2047  # the real kernel's cmdline_size
GOOD = "\\vmlinuz console=ttyS0"


@dataclass(frozen=True)
class Bad:
    """Words for the loader, and what its message must contain."""

    name: str
    words: str  # options, then KERNEL and arguments
    says: tuple[str, ...]
    status: int = ABORTED
    config: str = ""  # lifeboat.conf in place of words

    @property
    def first_kernel(self) -> bool:
        """True if the first kernel itself is bad, so that nothing can boot with any options."""
        return self.status != ABORTED


def _first(name: str, file: str, *says: str, status: int = LOAD_ERROR) -> Bad:
    return Bad(f"first-{name}", f"\\{file} console=ttyS0", (f"\\{file}: ", *says), status)


def _capture(name: str, file: str, *says: str) -> Bad:
    return Bad(f"capture-{name}", f"--capture \\{file} {GOOD}", (f"\\{file}: ", *says))


# File, message, and the status if the file is the first kernel.
_KERNELS = [
    ("missing", "nothere", ("no such file",), NOT_FOUND),
    ("directory", "folder", ("is a directory, wanted a file",), INVALID_PARAMETER),
    ("empty", "empty", ("is empty",), LOAD_ERROR),
    ("text", "text.txt", ("is a text file, wanted a Linux bzImage",), LOAD_ERROR),
    ("cut-in-header", "cut100", ("has 100 bytes", "truncated"), LOAD_ERROR),
    ("cut-behind-header", "cut4096", ("truncated: has 4096 bytes, setup_sects and syssize say",), LOAD_ERROR),
    ("cut-in-half", "cuthalf", ("truncated: has",), LOAD_ERROR),
    ("32-bit", "only32", ("is 32-bit only", "xloadflags", "wanted bit 0"), LOAD_ERROR),
    ("fixed", "fixed", ("is not relocatable", "relocatable_kernel is 0"), LOAD_ERROR),
    ("old", "old", ("boot protocol 2.11, wanted 2.12 or newer",), LOAD_ERROR),
    ("no-kernel", "lifeboat.efi", ("is an EFI program but no Linux kernel",), LOAD_ERROR),
]

CASES = [
    *[_first(name, file, *says, status=status) for name, file, says, status in _KERNELS],
    *[_capture(name, file, *says) for name, file, says, _ in _KERNELS],
    _capture("unified", "unified.efi", "unified kernel image", ".linux section", "objcopy"),
    Bad("initrd-missing", "--initrd \\nothere \\vmlinuz", ("\\nothere: no such file",), NOT_FOUND),
    Bad("initrd-argument-missing", "\\vmlinuz initrd=\\nothere", ("\\nothere: no such file",), NOT_FOUND),
    Bad("initrd-directory", "--initrd \\folder \\vmlinuz", ("\\folder: is a directory",), INVALID_PARAMETER),
    Bad("initrd-empty", "--initrd \\empty \\vmlinuz", ("\\empty: is empty",), LOAD_ERROR),
    Bad("capture-initrd-missing", f"--capture-initrd \\nothere {GOOD}", ("\\nothere: no such file",)),
    Bad("capture-initrd-directory", f"--capture-initrd \\folder {GOOD}", ("\\folder: is a directory",)),
    Bad("capture-initrd-empty", f"--capture-initrd \\empty {GOOD}", ("\\empty: is empty",)),
    Bad(
        "capture-initrd-larger-than-region",
        f"--crashkernel 72M --capture-initrd \\big.img {GOOD}",
        ("crashkernel=72M: too small", "\\big.img 80 MiB", "all together"),
    ),
    Bad(
        "region-too-small",
        f"--crashkernel 16M --capture \\vmlinuz {GOOD}",
        ("crashkernel=16M: too small", "\\vmlinuz takes "),
    ),
    Bad("region-too-small-builtin", f"--crashkernel 2M {GOOD}", ("crashkernel=2M: too small", "heap", "one CPU")),
    Bad("dump-to-nonsense", f"--dump-to sda1 {GOOD}", ("--dump-to", '"sda1"', "PARTLABEL=NAME", "auto")),
    Bad("dump-words-for-linux", f"--dump-level 1 --capture \\vmlinuz {GOOD}", ("--dump-level: for the built-in",)),
    Bad(
        "builtin-with-initrd",
        f"--capture builtin --capture-initrd \\capture.img {GOOD}",
        ("--capture-initrd: the built-in capture kernel",),
    ),
    Bad("region-larger-than-memory", f"--crashkernel 8G {GOOD}", ("crashkernel=8G: asks for 8 GiB", "has")),
    Bad("region-larger-than-free", f"{GOOD} crashkernel=1000M", ("crash region", "1000 MiB")),
    Bad("crashkernel-unit", f"--crashkernel 64Q {GOOD}", ("crashkernel=64Q", "wanted")),
    Bad("crashkernel-word", f"{GOOD} crashkernel=plenty", ("crashkernel=plenty", "wanted")),
    Bad("crashkernel-empty", f"--crashkernel= {GOOD}", ("--crashkernel: nothing was given, wanted SPEC",)),
    Bad("crashkernel-range", f"{GOOD} crashkernel=2G-1G:64M", ("crashkernel=2G-1G:64M", "wanted")),
    Bad("crashkernel-nothing-for-this-machine", f"{GOOD} crashkernel=64G-:1G", ("crashkernel=64G-:1G", "gives")),
    Bad("reboot-force", f"{GOOD} reboot=force", ("reboot=force", "does not stop the other CPUs")),
    Bad("reboot-token-force", f"{GOOD} reboot=cold,f", ("reboot=cold,f", "does not stop the other CPUs")),
    Bad("noefi", f"{GOOD} noefi", ("noefi", "EFI runtime services")),
    Bad("efi-noruntime", f"{GOOD} efi=debug,noruntime", ("efi=debug,noruntime", "EFI runtime services")),
    Bad("mem-encrypt", f"{GOOD} mem_encrypt=on", ("mem_encrypt=on", "cannot be read")),
    Bad("unknown-option", f"--frobnicate {GOOD}", ("--frobnicate: unknown option",), INVALID_PARAMETER),
    Bad("mistyped-option", f"--dumpto auto {GOOD}", ('did you mean "--dump-to"?',), INVALID_PARAMETER),
    Bad("option-without-value", f"--require=yes {GOOD}", ("--require: takes no value", '"yes"')),
    Bad("on-fault-nonsense", f"--on-fault pray {GOOD}", ("--on-fault", '"pray"', "reset, boot or halt")),
    Bad(
        "console-nonsense", f"--console ttyUSB0 {GOOD}", ("--console", '"ttyUSB0"', "none, ttyS0 to ttyS3, 0xPORT")
    ),
    Bad("capture-args-elfcorehdr", f"--capture-args elfcorehdr=1M {GOOD}", ("elfcorehdr=1M", "set by Lifeboat itself")),
    Bad(
        "command-line-too-long",
        "",
        ("kernel arguments", "takes", f"the kernel's cmdline_size is {CMDLINE_MAX}"),
        config=f"kernel /vmlinuz\narguments {'filler=0123456789 ' * 115}\n",
    ),
    Bad("config-key", "", ("lifeboat.conf:2:", "frobnicate"), config="kernel /vmlinuz\nfrobnicate yes\n"),
    Bad("no-kernel-at-all", "", ("KERNEL: none was given", "lifeboat.conf"), INVALID_PARAMETER),
]
WAYS = ("--dry-run", "--require")


def _shell_case(bad: Bad, way: str) -> shell.Case:
    name = f"{bad.name}{way}"
    if bad.config:
        return shell.Case(name, f"fs0:\\{bad.name}\\lifeboat.efi {way}")
    return shell.lifeboat(name, f"{way} {bad.words}")


def _files(folder: Path, loader: Path, kernel: Path) -> dict[str, Path | bytes]:
    image = kernel.read_bytes()
    files: dict[str, Path | bytes] = {
        "lifeboat.efi": loader,
        "vmlinuz": kernel,
        "capture.img": b"\0" * 512,
        "folder/file": b"file\n",
        "empty": b"",
        "text.txt": b"kernel /vmlinuz\n",
        "cut100": image[:100],
        "cut4096": image[:4096],
        "cuthalf": image[: len(image) // 2],
        "only32": images.only_32_bit(image),
        "fixed": images.not_relocatable(image),
        "old": images.old_protocol(image),
        "unified.efi": images.unified(loader, kernel, folder),
        "big.img": b"\0" * (80 * MIB),
    }
    for bad in CASES:
        if bad.config:
            files[f"{bad.name}/lifeboat.efi"] = loader
            files[f"{bad.name}/lifeboat.conf"] = bad.config.encode()
            files[f"{bad.name}/capture.img"] = b"\0" * 512
    return files


@pytest.fixture(scope="module")
def session(tmp_path_factory, firmware, loader, kernel):
    folder = tmp_path_factory.mktemp("input")
    # The FAT driver keeps what it has read of a folder.
    folders = ["folder", *[bad.name for bad in CASES if bad.config]]
    cases = [shell.Case(f"visit-{name}", f"ls fs0:\\{name}") for name in folders]
    # The loader lets the firmware drive all disks, and the firmware goes on doing so.
    cases += [shell.Case("connect", "connect -r"), shell.Case("before", "memmap")]
    cases += [_shell_case(bad, way) for way in WAYS for bad in CASES]
    # A machine without a disk for dumps.
    cases += [
        shell.lifeboat("nothing-left", "--dry-run \\vmlinuz"),
        shell.lifeboat("nothing-left-required", "--require \\vmlinuz"),
        shell.lifeboat("log-left", f"--dry-run --require {GOOD}"),
        shell.lifeboat("unified", "--dry-run \\unified.efi"),
        shell.lifeboat("unified-initrd", "--dry-run --initrd \\capture.img \\unified.efi"),
    ]
    cases += [shell.Case("after", "memmap"), shell.lifeboat("still-fine", f"--dry-run {GOOD}")]
    transcript = shell.run_cases(folder, firmware, _files(folder, loader, kernel), cases)
    (folder / "esp.img").unlink()
    return transcript


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: bad.name)
def test_is_told_and_nothing_boots(session, bad):
    dry, required = (session[f"{bad.name}{way}"] for way in WAYS)
    for answer in (dry, required):
        assert answer.status == bad.status, answer.text
        sentence = next(line for line in answer.text.splitlines() if line.startswith("lifeboat: error: "))
        assert all(words in sentence for words in bad.says), f"wanted {bad.says} in: {sentence}"
    if bad.first_kernel:
        assert "--require was given" not in required.text
        return
    assert "lifeboat: error: would not arm: " in dry.text
    assert "lifeboat: error: not armed: " in required.text
    assert re.search(r"lifeboat: error: not booting \S*\\vmlinuz: --require was given", required.text)


def test_a_panic_that_would_leave_nothing_is_told(session):
    """There is neither a partition nor a console. A console alone is enough for --require."""
    warned, required, log = (session[name] for name in ("nothing-left", "nothing-left-required", "log-left"))
    assert warned.status == 0 and "and no console" in warned.text and "a panic will leave nothing" in warned.text
    assert required.status == ABORTED
    assert "error: not armed: neither a partition to dump to nor a console" in required.text
    assert "vmlinuz: --require was given" in required.text
    assert log.status == 0 and "the log will go to the console" in log.text
    assert log.text.rstrip().endswith("lifeboat: would arm")


def test_a_unified_kernel_image_is_a_boot_manager(session):
    """Its kernel's words come late, which needs a partition. Its initrd is inside."""
    alone, initrd = session["unified"], session["unified-initrd"]
    assert alone.status == initrd.status == ABORTED
    assert "would not arm: no partition to dump to" in alone.text
    assert re.search(r"would not arm: --initrd: wanted a bzImage as KERNEL, and \S*\\unified.efi is a", initrd.text)


def test_memory_is_what_it_was(session):
    assert session["still-fine"].status == 0
    assert shell.page_totals(session["after"].text) == shell.page_totals(session["before"].text)
