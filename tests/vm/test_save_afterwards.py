# SPDX-License-Identifier: BSD-2-Clause
"""build/lifeboat-save to /var/crash: the programs in saved.d, and the limits of save.conf.

Runs no virtual machine. Folders are mounted as /etc and /var.
"""

import fcntl
import functools
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import save_tool
from conftest import build
from dump_images import Image
from save_tool import DONE, FAILED, LOG, NAME, NOTHING, USAGE, VMCORE, folder_of, image_of, make_disk, names

NEW = ".new"
REPORT = b"reason: test\nsignature: panic:test:12345678\n"


@pytest.fixture
def crash(tmp_path) -> Path:
    path = tmp_path / "var/crash"
    path.mkdir(0o700, parents=True)
    return path


@pytest.fixture
def hooks(tmp_path) -> Path:
    path = tmp_path / "etc/lifeboat/saved.d"
    path.mkdir(0o755, parents=True)
    return path


@pytest.fixture
def run(tmp_path, crash, hooks):
    """run(*words, status=0) runs the tool with tmp_path's etc and var as the machine's, and returns all its
    output."""
    mounts = {tmp_path / "etc": "/etc", tmp_path / "var": "/var"}
    return functools.partial(save_tool.run_bound, build("lifeboat-save.checked"), mounts)


@pytest.fixture
def device(tmp_path):
    return lambda image=None, **fields: save_tool.image_file(tmp_path, image, **fields)


def hook(folder: Path, name: str, script: str, mode: int = 0o755) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(mode)


@contextmanager
def open_folder(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def settings(hooks: Path, text: str) -> None:
    (hooks.parent / "save.conf").write_text(text)


def test_each_is_run_in_the_order_of_names(run, device, hooks, crash, tmp_path):
    for name in ("20-b", "10-a", "ab_c"):
        hook(hooks, name, f'echo "{name} $# $1 $PWD $(cat)" >>{tmp_path}/told; test -s "$1/{VMCORE}"')
    said = run(device(), "/var/crash", "--force")
    assert (tmp_path / "told").read_text().splitlines() == [
        f"{name} 1 /var/crash/{NAME} / " for name in ("10-a", "20-b", "ab_c")
    ]
    for name in ("10-a", "20-b", "ab_c"):
        assert f"/etc/lifeboat/saved.d/{name}: exit status 0, for /var/crash/{NAME}" in said
    assert names(crash / NAME) == [VMCORE, LOG]


def test_what_is_no_program_of_roots_is_not_run(run, device, hooks, tmp_path):
    for name in ("10-a.dpkg-old", "b.sh", "c~"):
        hook(hooks, name, f"touch {tmp_path}/ran")
    hook(hooks, "plain", f"touch {tmp_path}/ran", 0o644)
    (hooks / "folder").mkdir()
    run("--force", device(), "/var/crash")
    for mode in (0o757, 0o775):
        hook(hooks, "open", f"touch {tmp_path}/ran", mode)
        said = run("--force", device(), "/var/crash", status=FAILED)
        assert "saved.d/open: not run: wanted: root's, and writable by nobody else" in said
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_somebody_else_owns_is_not_run(run, device, hooks, tmp_path):
    hook(hooks, "theirs", f"touch {tmp_path}/ran")
    os.chown(hooks / "theirs", 12345, 0)
    # In the namespace the owner is nobody.
    assert "saved.d/theirs: not run" in run("--force", device(), "/var/crash", status=FAILED)
    assert not (tmp_path / "ran").exists()


def test_a_folder_that_others_write_to(run, device, hooks, crash, tmp_path):
    hook(hooks, "a", f"touch {tmp_path}/ran")
    hooks.chmod(0o777)
    said = run("--force", device(), "/var/crash", status=FAILED)
    assert "saved.d: nothing in it is run: wanted: root's" in said and not (tmp_path / "ran").exists()
    hooks.chmod(0o755)
    run("--afterwards")
    assert (tmp_path / "ran").exists() and names(crash / NAME) == [VMCORE, LOG]


def test_one_that_fails_is_told_and_the_others_run(run, device, hooks, crash, tmp_path):
    hook(hooks, "1", "exit 7")
    hook(hooks, "2", "kill -9 $$")
    (hooks / "3").write_text("#!/no/such/interpreter\n")
    (hooks / "3").chmod(0o755)
    hook(hooks, "4", f"touch {tmp_path}/ran")
    said = run("--force", device(), "/var/crash", status=FAILED)
    assert f"saved.d/1: exit status 7, for /var/crash/{NAME}" in said
    assert f"saved.d/2: killed by signal 9, for /var/crash/{NAME}" in said
    assert "saved.d/3: No such file or directory" in said and "saved.d/3: exit status 127" in said
    assert (tmp_path / "ran").exists()
    # A failure is reported once.
    assert run("--afterwards", status=NOTHING) == ""


def test_one_that_does_not_end_is_ended(run, device, hooks, tmp_path):
    settings(hooks, "hook-seconds 1\n")
    os.mkfifo(tmp_path / "never")
    hook(hooks, "1", f"trap '' TERM; echo $$ >{tmp_path}/pid; read nothing <{tmp_path}/never")
    said = run("--force", device(), "/var/crash", status=FAILED)
    assert "saved.d/1: ended by force: it took more than 1 s" in said
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_what_it_started_is_ended_too(run, device, hooks, tmp_path):
    """The started program has the tool's standard output, and run() waits until that is closed."""
    settings(hooks, "hook-seconds 1\n")
    os.mkfifo(tmp_path / "never")
    hook(hooks, "1", f"(trap '' TERM; read nothing <{tmp_path}/never) & wait")
    assert "saved.d/1: ended by force" in run("--force", device(), "/var/crash", status=FAILED)


def test_it_is_told_once_by_whoever_comes_first(run, device, hooks, crash, tmp_path):
    hook(hooks, "1", f"echo >>{tmp_path}/told")
    run("--force", "--no-afterwards", device(), "/var/crash")
    assert names(crash / NAME) == [NEW, VMCORE, LOG] and not (tmp_path / "told").exists()
    with open(crash / NAME / NEW, "rb") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        assert run("--afterwards", status=NOTHING) == ""
    run("--afterwards", status=DONE)
    run("--afterwards", status=NOTHING)
    assert (tmp_path / "told").read_text() == "\n" and names(crash / NAME) == [VMCORE, LOG]


def test_saved_meanwhile(run, device, hooks, crash, tmp_path):
    """A dump that is saved while programs run is handled by the same run."""
    second = crash / folder_of(9)
    hook(hooks, "1", f"echo $1 >>{tmp_path}/told; test -e {second} || {{ mkdir -m 700 {second} && touch {second}/{NEW}; }}")
    run("--force", device(), "/var/crash")
    assert (tmp_path / "told").read_text().splitlines() == [f"/var/crash/{NAME}", f"/var/crash/{second.name}"]


def test_saved_while_the_limits_wait(run, hooks, crash, tmp_path):
    """A dump that another run saves, while this one waits for its lock, is handled by this run."""
    hook(hooks, "1", f"echo $1 >>{tmp_path}/told")
    inode = crash.stat().st_ino
    with ThreadPoolExecutor() as pool, open_folder(crash) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = pool.submit(run, "--afterwards")
        while not re.search(rf"-> FLOCK .*:{inode} ", Path("/proc/locks").read_text()):
            assert not ran.done(), ran.result()
            os.sched_yield()
        (crash / NAME).mkdir(0o700)
        (crash / NAME / NEW).touch()
        fcntl.flock(lock, fcntl.LOCK_UN)
    assert ran.result() and (tmp_path / "told").read_text() == f"/var/crash/{NAME}\n"


def test_elsewhere_nobody_is_told(run, device, hooks, tmp_path):
    hook(hooks, "1", f"touch {tmp_path}/ran")
    settings(hooks, "keep 1\nnonsense\n")
    (tmp_path / "other").mkdir(0o700)
    run("--force", device(), tmp_path / "other")
    assert names(tmp_path / "other" / NAME) == [VMCORE, LOG] and not (tmp_path / "ran").exists()


def test_a_log_alone_is_no_dump_that_was_saved(run, device, hooks, crash, tmp_path):
    """There was not enough room for the dump."""
    hook(hooks, "1", f"touch {tmp_path}/ran")
    settings(hooks, "min-free 100000T\n")
    said = run(device(), "/var/crash", status=FAILED)
    assert f"and {100000 << 40} are to stay free" in said
    assert names(crash / NAME) == [LOG] and not (tmp_path / "ran").exists()
    settings(hooks, "min-free 1\n")
    run(device(), "/var/crash")
    assert names(crash / NAME) == [VMCORE, LOG] and (tmp_path / "ran").exists()


# save.conf


@pytest.mark.parametrize("text, message", [
    ("keep", "line 1: keep: wanted a number from 1 on"),
    ("keep 0", "line 1: keep: wanted a number from 1 on"),
    ("keep 1 2", "line 1: keep: wanted"),
    ("# a\n\nmax-bytes 20X # b", "line 3: max-bytes: wanted a size, as 20G"),
    ("min-free 99999999999999T", "line 1: min-free: wanted a size"),
    ("min-free 99999999999999999999999", "line 1: min-free: wanted a size"),
    ("hook-seconds 86401", "line 1: hook-seconds: wanted 1 to 86400"),
    ("keep -1", "line 1: keep: wanted"),
    ("kept 1", "line 1: kept: not known"),
    ("#" * 300, "line 1: longer than 254 characters"),
])  # fmt: skip
def test_settings_that_are_not_understood(run, device, hooks, crash, text, message):
    """The dump is saved all the same, and nothing is removed."""
    make_saved(crash, 1)
    settings(hooks, f"keep 1\n{text}\n" if "line 1" not in message else f"{text}\nkeep 1\n")
    if "line 1" not in message:
        message = message.replace("line 3", "line 4")
    said = run("--force", device(), "/var/crash", status=FAILED)
    assert f"/etc/lifeboat/save.conf, {message}" in said
    assert VMCORE in names(crash / NAME) and VMCORE in names(crash / folder(1))


def folder(day: int) -> str:
    """Returns the name of a folder of a crash earlier than that of Image()."""
    return f"lifeboat-202610{day:02}T000000Z-{day:08x}"


def make_saved(crash: Path, *days: int, name=folder, size: int = 65536) -> None:
    for day in days:
        path = crash / name(day)
        path.mkdir(0o700)
        (path / VMCORE).write_bytes(b"d" * size)
        (path / LOG).write_bytes(b"l" * 4096)
        (path / "report.txt").write_bytes(b"r" * 4096)


def state(crash: Path) -> dict[str, str]:
    """Returns for each folder: whole, or what is left in it."""
    found = {path.name: names(path) for path in crash.iterdir()}
    return {name: "whole" if VMCORE in files else " ".join(files) for name, files in found.items()}


REST = f"report.txt {LOG}"


def test_keep(run, device, hooks, crash):
    make_saved(crash, 3, 1, 2)
    make_saved(crash, 1, name=lambda _: "lifeboat-unknown-0000abcd")
    os.utime(crash / "lifeboat-unknown-0000abcd" / VMCORE, (1 << 30, 1 << 30))
    settings(hooks, "keep 2  # and their logs\n")
    said = run("--force", device(), "/var/crash")
    assert state(crash) == {
        "lifeboat-unknown-0000abcd": REST, folder(1): REST, folder(2): REST, folder(3): "whole", NAME: "whole",
    }  # fmt: skip
    assert f"/var/crash/{folder(2)}: its dump is removed (keep)" in said


def test_what_is_not_ours_stays(run, device, hooks, crash, tmp_path):
    settings(hooks, "keep 1\nmax-bytes 1\n")
    others = ["202610010000", "lifeboat-20261001T000000Z", "lifeboat-20261001T000000Z-0000000g", "my-lifeboat",
              "lifeboat-20261001T000000Z-00000001-1", "lifeboat-20261001T000000Z-00000001-22", "lifeboat-unknown-1"]  # fmt: skip
    make_saved(crash, *range(len(others)), name=lambda n: others[n])
    make_saved(crash, 2, name=lambda _: "lifeboat-20261002T000000Z-00000002-9")
    make_saved(crash, 3, 4)
    (crash / folder(3) / "notes").write_text("mine")
    outside = tmp_path / "outside"
    make_saved(tmp_path, 1, name=lambda _: "outside")
    (crash / folder(5)).symlink_to(outside)
    make_saved(crash, 6)
    (crash / folder(6)).chmod(0o777)
    make_saved(crash, 7)
    os.rename(crash / folder(7) / VMCORE, outside / "other")
    (crash / folder(7) / VMCORE).symlink_to(outside / "other")
    run("--force", device(), "/var/crash")
    assert names(outside) == ["other", "report.txt", VMCORE, LOG]
    assert all(names(crash / other) == ["report.txt", VMCORE, LOG] for other in others)
    assert names(crash / folder(6)) == ["report.txt", VMCORE, LOG]
    assert names(crash / folder(3)) == ["notes"]
    assert not (crash / folder(4)).exists() and not (crash / "lifeboat-20261002T000000Z-00000002-9").exists()
    assert names(crash / NAME) == [VMCORE, LOG]


def test_a_folder_with_something_foreign_is_not_called_removed(run, hooks, crash):
    """The next run has nothing to report about it."""
    make_saved(crash, 1, 2)
    (crash / folder(1) / "notes").write_text("mine")
    settings(hooks, "max-bytes 1\n")
    said = run("--afterwards", status=NOTHING)
    assert f"{folder(1)}: log and report are removed (max-bytes)" in said and f"{folder(1)}: removed" not in said
    assert names(crash / folder(1)) == ["notes"]
    assert run("--afterwards", status=NOTHING) == ""


def test_one_of_unknown_time_is_as_old_as_its_file(run, device, hooks, crash):
    """So the newest dump is not the first to be removed because its clock was wrong."""
    make_saved(crash, 1, 2)
    settings(hooks, "keep 2\n")
    run("--force", device(crash_time=0), "/var/crash")
    assert state(crash) == {folder(1): REST, folder(2): "whole", "lifeboat-unknown-30313233": "whole"}


def test_max_bytes(run, device, hooks, crash):
    """Dumps are removed before logs: first all dumps but the newest, then whatever is oldest."""
    make_saved(crash, 1, 2, 3)
    run("--force", "--no-afterwards", device(Image(report=REPORT)), "/var/crash")
    newest = sum(path.stat().st_blocks * 512 for path in (crash / NAME).iterdir())
    settings(hooks, f"max-bytes {newest + 65536 + 3 * 8192}\n")
    run("--afterwards")
    assert state(crash) == {folder(1): REST, folder(2): REST, folder(3): "whole", NAME: "whole"}
    settings(hooks, f"max-bytes {newest + 2 * 8192}\n")
    run("--afterwards", status=NOTHING)
    assert state(crash) == {folder(2): REST, folder(3): REST, NAME: "whole"}
    settings(hooks, "max-bytes 1\n")
    run("--afterwards", status=NOTHING)
    assert state(crash) == {NAME: "whole"}


def test_what_nobody_was_told_of_stays(run, device, hooks, crash):
    make_saved(crash, 1, 2)
    (crash / folder(1) / NEW).write_bytes(b"")
    settings(hooks, "keep 1\n")
    with open(crash / folder(1) / NEW, "rb") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)  # as a run does that handles this dump
        run("--force", device(), "/var/crash")
    assert state(crash) == {folder(1): "whole", folder(2): REST, NAME: "whole"}
    run("--afterwards")
    assert state(crash) == {folder(1): REST, folder(2): REST, NAME: "whole"}


def _free(path: Path) -> int:
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


@pytest.fixture
def small(tmp_path):
    """A file system of 4 MiB that nothing else uses."""
    path = tmp_path / "small"
    path.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=4M,mode=700", "none", path]
    if subprocess.run(words, capture_output=True, check=False).returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    yield path
    subprocess.run(["umount", path], check=True)


def test_min_free(device, hooks, crash, small, tmp_path):
    """The oldest dump is removed for a new one. If all removable dumps would free too little, none is removed."""
    mounts = {tmp_path / "etc": "/etc", tmp_path / "var": "/var", small: "/var/crash"}
    run = functools.partial(save_tool.run_bound, build("lifeboat-save.checked"), mounts)
    make_saved(small, 1, 2, 3, size=1 << 20)
    wanted = len(Image().file) + len(Image().log)
    settings(hooks, f"min-free {_free(small) + 6 * 4 * (1 << 20)}\n")
    assert "is not saved" in run(device(), "/var/crash", status=FAILED)
    assert state(small) == {folder(1): "whole", folder(2): "whole", folder(3): "whole", NAME: LOG}
    settings(hooks, f"min-free {_free(small) + (1 << 20)}\n")
    said = run(device(), "/var/crash")
    assert wanted < 1 << 20 and f"{folder(2)}: its dump is removed (min-free)" in said
    assert state(small) == {folder(1): REST, folder(2): REST, folder(3): "whole", NAME: "whole"}


@pytest.fixture
def lazy(tmp_path):
    """An XFS, on which removed blocks become free a moment later."""
    if not shutil.which("mkfs.xfs"):
        pytest.skip("no mkfs.xfs here")
    path, image = tmp_path / "lazy", tmp_path / "xfs"
    path.mkdir()
    image.touch()
    os.truncate(image, 300 << 20)
    subprocess.run(["mkfs.xfs", "-q", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, path], capture_output=True, check=False).returncode != 0:
        pytest.skip("no XFS can be mounted here")
    path.chmod(0o700)
    yield path
    subprocess.run(["umount", path], check=True)


def test_what_goes_is_free_before_room_is_judged(device, hooks, crash, lazy, tmp_path):
    mounts = {tmp_path / "etc": "/etc", tmp_path / "var": "/var", lazy: "/var/crash"}
    make_saved(lazy, 1, 2, size=32 << 20)
    subprocess.run(["sync", "-f", lazy], check=True)
    settings(hooks, f"min-free {_free(lazy) + (16 << 20)}\n")
    said = save_tool.run_bound(build("lifeboat-save.checked"), mounts, device(), "/var/crash")
    assert f"{folder(1)}: its dump is removed (min-free)" in said
    assert state(lazy) == {folder(1): REST, folder(2): "whole", NAME: "whole"}


def test_several_at_once(run, hooks, crash, tmp_path):
    make_disk(tmp_path / "disk", image_of(1), image_of(2), image_of(3))
    hook(hooks, "1", f"echo $1 >>{tmp_path}/told")
    settings(hooks, "keep 2\n")
    run("--force", tmp_path / "disk", "/var/crash")
    assert state(crash) == {folder_of(1): LOG, folder_of(2): "whole", folder_of(3): "whole"}
    assert (tmp_path / "told").read_text().splitlines() == [f"/var/crash/{folder_of(n)}" for n in (1, 2, 3)]


def test_words(run):
    for words in (["--afterwards", "disk"], ["--afterwards", "--list"], ["--afterwards", "--no-afterwards"]):
        assert "--afterwards stands alone" in run(*words, status=USAGE)
