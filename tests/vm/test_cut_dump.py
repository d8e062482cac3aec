# SPDX-License-Identifier: BSD-2-Clause
"""A dump that was cut off opens in crash, because the kernel's own pages come first.

The capture kernel's writer, on the host, dumps the RAM of a captured machine again. As much noise is added as a busy
machine has in user pages, so that the kernel's own pages are less than a twentieth. Only the first percents of the
image are kept.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import build
from dump_images import SLOTS_BYTES, WRITING, both_slots, newest
from kdump import Kdump
from scenarios import FULL_ONLY
from stopped import PANIC_CPU

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("stopped")]

_NOISE_MIB = 400
_BEFORE = b"\xb7"  # what was on the disk before
_KERNEL_FIRST = 2  # in the header's flags
_CALLERS = ["panic", "sysrq_handle_crash", "__handle_sysrq", "write_sysrq_trigger", "vfs_write", "ksys_write"]
_UNKNOWN = dict.fromkeys(["log_sha256", "head_sha256", "desc_sha256", "data_sha256"], bytes(32))


@dataclass(frozen=True)
class Written:
    image: Path
    header: dict
    said: dict[str, str]


@pytest.fixture(scope="module")
def written(stopped_run, tmp_path_factory) -> Written:
    image = tmp_path_factory.mktemp("written") / "partition.img"
    words = [build("host/write_dump"), stopped_run.dump, image, str(_NOISE_MIB)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    with open(image, "rb") as file:
        header = newest(file.read(SLOTS_BYTES))
    yield Written(image, header, dict(line.split("=") for line in done.stdout.splitlines()))
    image.unlink()


def _cut(written: Written, to: Path, data_bytes: int) -> None:
    """Cuts the image as a reset right after a checkpoint with so many bytes of page data would."""
    header = written.header | _UNKNOWN | {"state": WRITING, "file_bytes": 0, "data_bytes": data_bytes, "message": b""}
    end = header["file_offset"] + header["data_offset"] + data_bytes
    with open(written.image, "rb") as source, open(to, "wb") as target:
        source.seek(SLOTS_BYTES)
        target.write(both_slots(header))
        shutil.copyfileobj(_Limited(source, end - SLOTS_BYTES), target, 1 << 20)
        target.write(_BEFORE * 65536)
        target.truncate(header["partition_bytes"])


class _Limited:
    """Reads at most the next `left` bytes of a file."""

    def __init__(self, file, left: int):
        self._file, self._left = file, left

    def read(self, count: int) -> bytes:
        data = self._file.read(min(count, self._left))
        self._left -= len(data)
        return data


@pytest.fixture
def saved(written, tmp_path):
    """saved(data_bytes) is the dump that lifeboat-save makes from an image cut there."""

    def save(data_bytes: int) -> Path:
        image, vmcore = tmp_path / "cut.img", tmp_path / "vmcore"
        _cut(written, image, data_bytes)
        words = [build("lifeboat-save"), "--keep", image, vmcore]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        image.unlink()
        assert done.returncode == 0 and "INCOMPLETE" in done.stdout, done.stdout + done.stderr
        return vmcore

    return save


def test_the_kernels_own_pages_are_a_twentieth(written, record_property):
    """If they were more, cutting would prove nothing."""
    own, whole = written.header["kernel_bytes"], written.header["data_bytes"]
    record_property("own_percent", f"{100 * own / whole:.1f}")
    assert written.header["flags"] & _KERNEL_FIRST and 0 < own < whole / 20
    assert (written.said["reserved"], written.said["cut"]) == ("1", "0")


def test_what_lies_beyond_is_lost(written, saved):
    """Every page that is there equals that of the whole dump."""
    header = written.header
    cut = header["data_bytes"] // 2
    vmcore = saved(cut)
    dump = Kdump(vmcore)
    there = {frame: offset for frame, offset, _, _ in dump.descs() if offset}
    assert 0 < len(there) < len(dump.stored)
    assert max(there.values()) < header["data_offset"] + cut
    with open(written.image, "rb") as file:
        file.seek(header["file_offset"] + header["data_offset"])
        data = file.read(cut)
    with open(vmcore, "rb") as file:
        file.seek(header["data_offset"])
        assert file.read() == data


@pytest.mark.parametrize("percent", [5, *(pytest.param(percent, marks=FULL_ONLY) for percent in (25, 50, 95))])
def test_crash_opens_it(written, saved, crash, vmlinux, tmp_path, percent):
    vmcore = saved(written.header["data_bytes"] * percent // 100)
    text = _crash(crash, vmlinux, vmcore, tmp_path)
    assert re.search(rf"^PID: \d+ +TASK: [0-9a-f]+ +CPU: {PANIC_CPU} +COMMAND: \"busybox\"", text, re.MULTILINE), text
    rest = iter(re.findall(r"^ *#\d+ \[[0-9a-f]+\] (\w+)", text, re.MULTILINE))
    assert all(name in rest for name in _CALLERS), text


def test_their_own_pages_are_enough(written, saved, crash, vmlinux, tmp_path):
    """Without one page more, crash shows every task with its stack."""
    text = _crash(crash, vmlinux, saved(written.header["kernel_bytes"]), tmp_path, "foreach bt")
    tasks = re.split(r"^PID: ", text, flags=re.MULTILINE)[1:]
    assert len(tasks) > 30 and any('COMMAND: "kthreadd"' in task for task in tasks), text
    without = [task for task in tasks if not re.search(r"^ *#\d+ \[", task, re.MULTILINE)]
    assert not without, without


def _crash(crash: Path, vmlinux: Path, vmcore: Path, folder: Path, command: str = "bt") -> str:
    (folder / "commands").write_text(f"{command}\nquit\n")
    words = [crash, "--no_scroll", "-i", folder / "commands", vmlinux, vmcore]
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout
