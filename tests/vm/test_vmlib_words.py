# SPDX-License-Identifier: BSD-2-Clause
"""lifeboat-vm's options, what it refuses before a machine starts, and the JSON that it always writes.

Runs no virtual machine.
"""

import re
import struct
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import status_schema
from conftest import ROOT, SCRIPTS
from runs import LIFEBOAT_VM

sys.path.insert(0, str(SCRIPTS))

from vm import kernel, verdict  # noqa: E402
from vm.boot_loaders import make_uki  # noqa: E402
from vm.findings import Findings  # noqa: E402
from vm.machine import ConsoleLine  # noqa: E402
from vm.rehearsal import Options, Rehearsal  # noqa: E402

MIB = 1 << 20


def bzimage(protocol: int = 0x20F, flags: int = 1, size: int = 8192, says: int = 0, init: int = 32 * MIB) -> bytes:
    """Makes a setup header and nothing else."""
    data = bytearray(size)
    data[0x1F1] = 1
    struct.pack_into("<I", data, 0x1F4, ((says or size) - 1024) // 16)
    data[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", data, 0x206, protocol)
    struct.pack_into("<H", data, 0x236, flags)
    struct.pack_into("<I", data, 0x260, init)
    return bytes(data)


def run(*words, status: int = 2) -> str:
    done = subprocess.run(
        [sys.executable, str(LIFEBOAT_VM), *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == status, done
    return done.stderr if status else done.stdout


def test_version():
    (version,) = re.findall(r'LIFEBOAT_VERSION "(.*)"', (ROOT / "include/lifeboat/version.h").read_text())
    assert run("--version", status=0) == f"lifeboat-vm (Lifeboat) {version}\n"


KERNELS = {
    "text": (b"a text\n" * 200, "no Linux bzImage: no HdrS at 0x202"),
    "short": (bzimage()[:100], "no Linux bzImage"),
    "old": (bzimage(protocol=0x20B), "boot protocol 2.11, wanted 2.12 or newer"),
    "32-bit": (bzimage(flags=0), "a 32-bit kernel"),
    "cut": (bzimage(says=65536), "truncated: 8192 bytes, its header says 65536"),
    "large": (bzimage(init=900 * MIB), "512 MiB; the kernel takes 900 MiB to start, its initrds 0 MiB at least, all together 948"),
}


@pytest.fixture(name="words")
def _words(tmp_path):
    """Returns the options of a rehearsal that has all its files except a kernel."""
    loader = tmp_path / "l.efi"
    for name in ("l.efi", "lifeboat-save"):
        (tmp_path / name).touch()
    return ["--loader", loader, "--memory", "512M", "--kernel", tmp_path / "vmlinuz", "--json", tmp_path / "run.json"]


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_that_cannot_boot_is_refused_at_once(tmp_path, words, name):
    content, message = KERNELS[name]
    (tmp_path / "vmlinuz").write_bytes(content)
    assert message in run(*words)
    told = status_schema.read((tmp_path / "run.json").read_text(), "vm")
    assert told["ok"] is told["captured"] is False and message in told["reason"] and told["stages"] == {}


def test_initrds_count_twice(tmp_path, words):
    (tmp_path / "vmlinuz").write_bytes(bzimage())
    with (tmp_path / "initrd").open("wb") as file:
        file.truncate(300 * MIB)
    assert "its initrds 600 MiB at least, all together 680 MiB" in run(*words, "--initrd", tmp_path / "initrd")


def test_results_of_an_earlier_run_are_gone(tmp_path, words):
    (tmp_path / "vmlinuz").write_bytes(b"no kernel")
    stale = [tmp_path / name for name in ("dump", "dmesg", "report", "log", "json", "svg")]
    for path in stale:
        path.write_text("of an earlier run")
    more = [word for path in stale for word in (f"--{path.name}", path)]
    run(*words, *more)
    assert [path.name for path in stale if path.exists()] == ["json"]
    assert status_schema.read((tmp_path / "json").read_text(), "vm")["ok"] is False


def test_what_cannot_be_written_is_a_mistake_and_removes_nothing(tmp_path, words):
    (tmp_path / "log").write_text("mine")
    assert "--json" in run("--log", tmp_path / "log", "--json", tmp_path)
    assert (tmp_path / "log").read_text() == "mine"


def test_a_unified_kernel_image_is_taken_apart(tmp_path):
    stub = Path("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")
    if not stub.exists():
        pytest.skip(f"no {stub}")
    sections = {".cmdline": b"root=/dev/vda1 ro\0", ".initrd": b"0707", ".linux": bzimage()}
    make_uki(stub, sections, tmp_path / "uki.efi")
    found = kernel.take_apart(tmp_path / "uki.efi", tmp_path / "parts")
    assert found.kernel.read_bytes() == bzimage() and found.initrd.read_bytes() == b"0707"
    assert found.arguments == "root=/dev/vda1 ro"
    make_uki(stub, {".linux": bzimage()}, tmp_path / "bare.efi")
    bare = kernel.take_apart(tmp_path / "bare.efi", tmp_path / "parts")
    assert bare.initrd is None and bare.arguments == ""
    (tmp_path / "vmlinuz").write_bytes(bzimage())
    assert kernel.take_apart(tmp_path / "vmlinuz", tmp_path / "parts") is None


def test_a_stub_has_its_sections_where_it_is_loaded(tmp_path):
    """systemd's stubs from 254 on have an ImageBase."""
    stub = Path("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")
    if not stub.exists():
        pytest.skip(f"no {stub}")
    image = bytearray(stub.read_bytes())
    (pe,) = struct.unpack_from("<I", image, 0x3C)
    struct.pack_into("<Q", image, pe + 24 + 24, 0x14DF90000)
    (tmp_path / "stub").write_bytes(image)
    for one in (stub, tmp_path / "stub"):
        make_uki(one, {".linux": bzimage()}, tmp_path / "uki.efi")
        made = (tmp_path / "uki.efi").read_bytes()
        (at,) = struct.unpack_from("<I", made, made.index(b".linux\0\0") + 12)  # IMAGE_SECTION_HEADER.VirtualAddress
        assert 0 < at < 1 << 20, one


@pytest.mark.parametrize("script", ["demo", "fetch-kernel", "fetch-tool", "footprint-measure", "lifeboat-vm", "measure", "mkcapture", "setup", "test"])
def test_wrong_words_are_exit_status_2(script):
    done = subprocess.run([SCRIPTS / script, "--nonsense"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and done.stderr, done


# ---- silence, and without Lifeboat -----------------------------------------------------


class Talker:
    """A machine that prints these lines, each after a second, and nothing more. An hour passes by its own clock,
    during which it uses `cpu` of a CPU."""

    def __init__(self, *lines: str, cpu: float = 1.0):
        self._lines = [ConsoleLine(1.0, line) for line in lines]
        self._cpu = cpu
        self.now = 0.0

    def next_event(self, deadline: float):
        self.now = self.now + 1.0 if self._lines else deadline
        return self._lines.pop(0) if self._lines else None

    def cpu_seconds(self) -> float:
        return self._cpu * self.now

    def last_line(self) -> str:
        return "the last line"


def rehearsal(tmp_path, **more) -> Rehearsal:
    return Rehearsal(Options(kernel=tmp_path / "k", folder=tmp_path, firmware=mock.Mock(), **more))


# How much of a CPU the machine uses, and when the run ends: soon if the machine runs or waits, later if the
# host is busy.
@pytest.mark.parametrize("cpu, seconds", [(1.0, 61.0), (0.01, 61.0), (0.5, 121.0), (0.1, 301.0), (2.0, 61.0)])
def test_silence_ends_a_run_with_what_was_last_seen(tmp_path, cpu, seconds):
    one = rehearsal(tmp_path, silence=60.0, timeout=900.0)
    machine = Talker("Linux version 6.1.0-test", cpu=cpu)
    one.progress.reach(0.0, "firmware")
    with mock.patch("time.monotonic", lambda: machine.now):
        said = one._watch(machine)
    assert said == (
        False,
        "the machine said nothing for 60 s; the last stage reached was first_kernel, at 1.0 s; last line: the last line",
    )
    assert machine.now == seconds


def test_without_it_the_deadline_is_the_run_s(tmp_path):
    one = rehearsal(tmp_path, timeout=300.0)
    machine = Talker("a", "b")
    one.progress.reach(0.0, "firmware")
    with mock.patch("time.monotonic", lambda: machine.now):
        assert "timeout after 300 s" in one._watch(machine)[1]
    assert machine.now == 300.0


def test_unarmed_is_judged_by_the_panic():
    findings = Findings()
    findings.reach(1.0, "first_kernel")
    assert verdict.unarmed(findings) is None
    findings.reach(2.0, "panic")
    assert verdict.unarmed(findings) == (True, "the kernel panicked unarmed: nothing is captured")
    findings.stages = {"armed": 1.0, **findings.stages}
    ok, reason = verdict.unarmed(findings)
    assert not ok and "it was armed although the kill switch was thrown" in reason


def test_the_kill_switch_is_on_the_esp(tmp_path):
    assert rehearsal(tmp_path)._kill_switch() == {}
    assert rehearsal(tmp_path, unarmed=True)._kill_switch() == {"EFI/lifeboat/off": b""}

