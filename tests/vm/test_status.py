# SPDX-License-Identifier: BSD-2-Clause
"""`lifeboatctl status` on made-up /sys and /proc trees."""
import subprocess

import pytest
import unseekable
from conftest import build

VARIABLE = "sys/firmware/efi/efivars/Lifeboat-6b1f3c0e-4d1a-4c57-9e0a-5a0e3f2b7c11"
ARMED = b"\x06\0\0\0version=0.1.0\nstate=armed\ncrash=0x1000-0x2000\n"
GOOD = {
    VARIABLE: ARMED,
    "sys/firmware/efi/runtime": b"0x1\n",
    "sys/kernel/reboot/type": b"efi\n",
    "sys/kernel/reboot/mode": b"cold\n",
    "sys/module/kernel/parameters/crash_kexec_post_notifiers": b"Y\n",
    "sys/kernel/kexec_crash_loaded": b"0\n",
    "proc/sys/kernel/panic": b"-1\n",
    "dev/kmsg": b"efi: EFI v2.70 by EDK II\n",
    "proc/cmdline": b"ro panic=-1 reboot=efi,cold,panic_warm crash_kexec_post_notifiers efi=runtime *\n",
}


@pytest.fixture
def command():
    """Returns the command's words."""
    return [str(build("lifeboatctl.checked")), "status"]


@pytest.fixture
def run(command):
    """run(root, changes) is the ended program, with the files of GOOD and then these; None: the file does not
    exist."""
    return lambda root, changes: run_command(command, root, changes)


def run_command(command, root, changes):
    for path, content in {**GOOD, **changes}.items():
        if content is not None:
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    return unseekable.run([*command, "--root", str(root)])


def test_no_file_can_be_seeked(tmp_path):
    """The other tests here need this: seeking fails, as it does in efivarfs."""
    file = tmp_path / "file"
    file.write_bytes(ARMED)
    tried = unseekable.run(["tail", "-c", "+5", str(file)])
    assert tried.returncode == 1 and "Illegal seek" in tried.stderr, tried
    assert unseekable.run(["cat", str(file)]).stdout == ARMED.decode()


@pytest.mark.parametrize("changes", [
    {},
    {"proc/sys/kernel/panic": b"5\n"},
    # Linux 5.10 has no /sys/kernel/reboot. The parameter may be missing too.
    {"sys/kernel/reboot/type": None, "sys/kernel/reboot/mode": None,
     "sys/module/kernel/parameters/crash_kexec_post_notifiers": None},
    {"proc/cmdline": b"reboot=panic_cold reboot=e,c,panic_warm a -- reboot=force\n"},
])
def test_in_order(run, tmp_path, changes):
    result = run(tmp_path, changes)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "version=0.1.0\nstate=armed\ncrash=0x1000-0x2000\n"


def test_prepared_is_armed_where_the_words_came(run, tmp_path):
    prepared = {VARIABLE: ARMED.replace(b"state=armed", b"state=prepared")}
    assert run(tmp_path, prepared).returncode == 0
    result = run(tmp_path, prepared | {"proc/cmdline": b"ro quiet\n"})
    assert result.returncode == 1 and "reboot=efi,cold,panic_warm" in result.stderr


@pytest.mark.parametrize("state, crashkernel, status", [
    (b"prepared", b"crashkernel=256M ", 0),
    (b"prepared", b"", 1),
    (b"prepared", b"-- crashkernel=256M ", 1),
    (b"armed", b"crashkernel=256M ", 1),
])  # fmt: skip
def test_notifiers_left_out_beside_kdump(run, tmp_path, state, crashkernel, status):
    result = run(tmp_path, {
        VARIABLE: ARMED.replace(b"state=armed", b"state=" + state),
        "sys/module/kernel/parameters/crash_kexec_post_notifiers": b"N\n",
        "proc/cmdline": b"ro panic=-1 reboot=efi,cold,panic_warm " + crashkernel + b"efi=runtime\n",
    })  # fmt: skip
    assert result.returncode == status, result
    assert ("crash_kexec_post_notifiers was left out beside crashkernel=" in result.stdout) == (status == 0)


def test_built_in(run, tmp_path):
    armed = ARMED + b"capture=built-in\n"
    result = run(tmp_path, {VARIABLE: armed})
    assert result.returncode == 0
    assert "note: no partition to dump to" in result.stdout
    result = run(tmp_path, {VARIABLE: armed + b"dump_to=PARTLABEL=x PARTUUID=1\n"})
    assert result.returncode == 0
    assert "dump_to=PARTLABEL=x PARTUUID=1\n" in result.stdout and "note:" not in result.stdout


@pytest.mark.parametrize("changes, wanted", [
    ({VARIABLE: b"\x06\0\0\0state=unarmed\nreason=too small\n"}, 'state is "unarmed", wanted armed: too small'),
    ({VARIABLE: None, "sys/firmware/efi/efivars/Other": b""}, "did not go through lifeboat.efi"),
    ({VARIABLE: None, "sys/firmware/efi/efivars": None}, "mount -t efivarfs"),
    ({"sys/firmware/efi/runtime": None}, "/sys/firmware/efi/runtime: no such file"),
    ({"sys/kernel/reboot/type": b"acpi\n"}, '/sys/kernel/reboot/type is "acpi", wanted efi'),
    ({"sys/kernel/reboot/mode": b"warm\n"}, '/sys/kernel/reboot/mode is "warm", wanted cold'),
    ({"sys/module/kernel/parameters/crash_kexec_post_notifiers": b"N\n"}, "crash_kexec_post_notifiers is off"),
    ({"proc/sys/kernel/panic": b"0\n"}, '/proc/sys/kernel/panic is "0", wanted -1'),
    ({"proc/cmdline": b"panic=-1 reboot=efi,cold\n"}, "wanted reboot=efi,cold,panic_warm"),
    ({"proc/cmdline": b"reboot=panic_warm reboot=panic_cold\n"}, "wanted reboot=efi,cold,panic_warm"),
    ({"proc/cmdline": b"a -- reboot=panic_warm\n"}, "wanted reboot=efi,cold,panic_warm"),
    ({"proc/cmdline": b"reboot=efi,force,panic_warm\n"}, "reboot=force"),
    ({"dev/kmsg": b"efi: Successfully uploaded capsule file with reboot type 'RESET_WARM'\n"}, "not covered until"),
    ({"dev/kmsg": b"a\nefi: Successfully processed capsule file\nb\n"}, "not covered until the reboot"),
])
def test_wrong(run, tmp_path, changes, wanted):
    result = run(tmp_path, changes)
    assert result.returncode == 1
    assert wanted in result.stderr
    assert result.stderr.count("\n") == 1


def test_other_kdump_is_a_note(run, tmp_path):
    result = run(tmp_path, {"sys/kernel/kexec_crash_loaded": b"1\n"})
    assert result.returncode == 0
    assert "note: the system's own kdump" in result.stdout


def test_a_log_that_cannot_be_read_is_a_note(run, tmp_path):
    result = run(tmp_path, {"dev/kmsg": None})
    assert (result.returncode, result.stderr) == (0, "")
    assert "note: the kernel's log cannot be read" in result.stdout


def test_not_uefi(run, tmp_path):
    result = run(tmp_path, {VARIABLE: None, "sys/firmware/efi/runtime": None})
    assert result.returncode == 1
    assert "not started by UEFI" in result.stderr


@pytest.mark.parametrize("arguments, status", [(["--help"], 0), (["--root"], 2), (["x"], 2)])
def test_usage(command, arguments, status):
    result = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == status
