# SPDX-License-Identifier: BSD-2-Clause
"""lifeboatctl install --reserve on real file systems, and writes by the file's map after the file systems have
changed: no byte outside of the file is ever written."""

import hashlib
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import build
from vm import gpt

pytestmark = pytest.mark.xdist_group("reserve")

MIB = 1 << 20
START, SIZE = MIB, 340 * MIB  # of the partition; XFS needs at least 300 MiB
BYTES = 4 * MIB
SECTOR = 512
LOST = "does not have its stamp any more"


def sh(*words, check=True) -> str:
    command = [str(word) for word in words]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
    )
    assert not check or done.returncode == 0, f"{command}: {done.stdout}"
    return done.stdout


class Disk:
    """A mounted disk with one partition, and a folder in place of the ESP."""

    def __init__(self, folder: Path, kind: str):
        self.folder, self.kind, self.loop = folder, kind, ""
        self.image, self.point, self.esp = (folder / name for name in ("disk.img", "mounted", "esp"))
        self.file = self.point / "lifeboat.dump"
        self.map = self.esp / "EFI/lifeboat/reserve.map"
        self.point.mkdir()
        self.esp.mkdir()
        with self.image.open("wb") as file:
            file.truncate(START + SIZE + MIB)
        gpt.write_table(self.image, [gpt.Partition(START, SIZE, "boot")])
        self.attach(self.image)
        self.make()

    def attach(self, image: Path) -> None:
        self.loop = sh("losetup", "-f", "--show", image).strip()
        sh("delpart", self.loop, 1, check=False)  # left by a run that was killed
        sh("addpart", self.loop, 1, START // SECTOR, SIZE // SECTOR)
        # addpart returns when the kernel has made the node in devtmpfs.
        assert Path(self.loop + "p1").exists(), "no device for the partition: /dev is no devtmpfs"

    def make(self) -> None:
        sh(f"mkfs.{self.kind}", "-q", "-f" if self.kind == "xfs" else "-F", self.loop + "p1")

    def mount(self, *options) -> None:
        sh("mount", *options, self.loop + "p1", self.point)

    def unmount(self) -> None:
        sh("umount", self.point, check=False)

    def close(self) -> None:
        self.unmount()
        sh("delpart", self.loop, 1, check=False)
        sh("losetup", "-d", self.loop, check=False)

    def ctl(self, *words, check=True) -> str:
        return sh(build("lifeboatctl"), *words, "--no-variables", "--esp", self.esp, check=check)

    def install(self, *words, check=True, size="4M", where: Path | None = None) -> str:
        source = build("lifeboatx64.efi").parent
        words = words or ("--reserve", size)
        return self.ctl("install", "--from", source, "--mode", "driver", *words, "--dump-to", where or self.file, check=check)

    def fill(self, name: str, size: int, seed: int = 1) -> None:
        (self.point / name).write_bytes(hashlib.shake_128(bytes([seed])).digest(size))

    def fill_up(self) -> None:
        """Gives every block that a file can have to another file. Freed blocks become free when the journal is
        written. Blocks kept for metadata of unallocated space become free when that space is allocated."""
        sh("sync", "-f", self.point)
        with (self.point / "full").open("wb", buffering=0) as file:
            size = -1
            while size != (size := os.fstat(file.fileno()).st_size):
                for piece in (MIB, 4096):
                    with suppress(OSError):
                        while file.write(b"F" * piece) == piece:
                            pass
                os.fsync(file.fileno())

    def write(self, image: Path | None = None) -> str:
        """Writes as the capture kernel would, whatever the file system holds there."""
        return sh(build("host/write_file_target"), image or self.image, self.map, START, SIZE)

    def check(self) -> None:
        device = self.loop + "p1"
        sh(*(["xfs_repair", "-n", device] if self.kind == "xfs" else ["e2fsck", "-fn", device]))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


BLOCK = 4096


def blocks(data: bytes) -> list[bytes]:
    return [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]


def changed(before: bytes, after: bytes) -> list[bytes]:
    """Returns the earlier content of the blocks that have changed."""
    return [old for old, new in zip(blocks(before), blocks(after), strict=True) if old != new]


def others(disk: Disk) -> dict[str, str]:
    return {path.name: digest(path) for path in disk.point.iterdir() if path.is_file() and path != disk.file}


@pytest.fixture(params=["ext4", "xfs"])
def disk(request, tmp_path):
    for program in ("losetup", "addpart", f"mkfs.{request.param}"):
        if not shutil.which(program):
            pytest.skip(f"no {program} here")
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists():
        pytest.skip("mounting wants root and loop devices")
    disk = Disk(tmp_path, request.param)
    disk.mount()
    yield disk
    disk.close()


def test_made_written_removed(disk):
    disk.fill("before", 3 * MIB)
    assert f"made: {disk.file}, {BYTES} bytes" in disk.install()
    assert disk.file.stat().st_mode & 0o777 == 0o600 and "i" in sh("lsattr", disk.file).split()[0]
    assert f"is there: {disk.file}" in disk.install()
    assert "lifeboatctl remove" in disk.install(check=False, size="8M")
    disk.fill("after", 3 * MIB, 2)
    kept = others(disk)
    disk.unmount()
    assert disk.write() == f"wrote up to {BYTES}\n"
    disk.check()
    disk.mount()
    assert disk.file.read_bytes()[8192:] == b"D" * (BYTES - 8192)
    assert others(disk) == kept
    disk.ctl("remove")
    assert not disk.map.exists() and not disk.file.exists()


@pytest.mark.parametrize("how", ["deleted", "moved", "anew"])
def test_its_blocks_are_others(disk, how):
    disk.install()
    stamps = set(blocks(disk.file.read_bytes()))
    sh("chattr", "-i", disk.file)
    if how == "anew":
        disk.unmount()
        disk.make()
        disk.mount()
    elif how == "moved":
        sh("cp", "--reflink=never", disk.file, disk.point / "copy")
        sh("mv", disk.point / "copy", disk.file)
        assert "was moved since its map was written" in disk.install(check=False)
    else:
        disk.file.unlink()
        assert "No such file" in disk.install(check=False)
    disk.fill_up()
    kept = others(disk)
    disk.unmount()
    before = disk.image.read_bytes()
    said = disk.write()
    # Some blocks stay free. They still have their stamps, and there is nothing to lose. The same holds for
    # inode tables that a new ext4 has not written yet.
    assert LOST in said or disk.kind == "xfs"
    assert set(changed(before, disk.image.read_bytes())) <= stamps
    disk.check()
    disk.mount()
    assert others(disk) == kept


def test_a_panic_while_the_file_system_was_written(disk):
    """The journal is replayed after the dump, and the file system is as if there had been no dump."""
    disk.install()
    for number in range(200):
        disk.fill(f"file{number}", 20000, number)
    (disk.point / "file7").unlink()
    sh("sync", "-f", disk.point)
    disk.fill("late", 2 * MIB, 77)  # perhaps not on the disk yet
    images = {name: disk.folder / name for name in ("alone", "dumped")}
    sh("cp", "--sparse=always", disk.image, images["alone"])
    sh("cp", "--sparse=always", images["alone"], images["dumped"])
    disk.close()
    found = {}
    assert disk.write(images["dumped"]) == f"wrote up to {BYTES}\n"
    for name, image in images.items():
        disk.attach(image)
        disk.mount()
        found[name] = others(disk)
        content = disk.file.read_bytes()[8192:]
        assert (content == b"D" * len(content)) == (name == "dumped")
        disk.unmount()
        disk.check()
        disk.close()
    assert found["alone"] == found["dumped"] and len(found["alone"]) >= 199


def test_fragmented(disk):
    """The file lies in pieces between other files, each of which stays unchanged."""
    for number in range(40):
        disk.fill(f"file{number}", MIB, number)
    disk.fill_up()
    for number in range(0, 40, 2):
        (disk.point / f"file{number}").unlink()
    sh("sync", "-f", disk.point)
    assert "and 16 MiB more" in disk.install(check=False, size="26M")
    said = disk.install(check=False, size="3M")
    kept = others(disk)
    if "made:" not in said:
        assert "pieces" in said or "free" in said, said
        assert not disk.file.exists() and not disk.map.exists()
        return
    disk.unmount()
    assert disk.write() == f"wrote up to {3 * MIB}\n"
    disk.check()
    disk.mount()
    assert others(disk) == kept


def test_reflinked(disk):
    if disk.kind != "xfs":
        pytest.skip("ext4 shares no blocks")
    disk.install()
    sh("cp", "--reflink=always", disk.file, disk.point / "copy")
    assert "is shared with another file (reflink)" in disk.install(check=False)
    # Writing to a reflink copy gives the copy its own blocks.
    with (disk.point / "copy").open("r+b") as file:
        file.write(b"C" * BYTES)
    kept = others(disk)
    disk.unmount()
    assert disk.write() == f"wrote up to {BYTES}\n"
    disk.mount()
    assert others(disk) == kept


def test_refused_where_data_is_journalled(disk):
    if disk.kind != "ext4":
        pytest.skip("XFS journals no data")
    disk.unmount()
    disk.mount("-o", "data=journal")
    assert "journals data (data=journal)" in disk.install(check=False)
    assert not disk.file.exists() and not disk.map.exists()


@pytest.mark.parametrize("words, size", [(["--reserve"], 64), (["--reserve=8M"], 8), (["--reserve", "9M"], 9)])
def test_its_size(disk, words, size):
    assert f"made: {disk.file}, {size * MIB} bytes" in disk.install(*words)
    assert disk.file.stat().st_size == size * MIB


def test_on_the_esp_its_folder_is_made_too(disk):
    """Before the first installation there is none; a dry run does without it."""
    esp = disk.point / "esp"
    esp.mkdir()
    file = esp / "EFI/lifeboat/reserve"
    install = (build("lifeboatctl"), "install", "--from", build("lifeboatx64.efi").parent, "--mode", "driver")
    words = (*install, "--no-variables", "--esp", esp, "--reserve", "4M")
    without_boot = ("unshare", "-m", "bash", "-c", 'mount -t tmpfs none /boot && exec "$@"', "bash")
    assert f"would make: {file}, {BYTES} bytes" in sh(*without_boot, *words, "--dry-run")
    assert not (esp / "EFI").exists()
    assert f"made: {file}, {BYTES} bytes" in sh(*without_boot, *words)
    assert file.stat().st_size == BYTES
    sh(build("lifeboatctl"), "remove", "--no-variables", "--esp", esp)
    assert not (esp / "EFI/lifeboat").exists()


def test_refused_elsewhere(disk):
    said = disk.install(check=False, where=Path("/dev/shm/lifeboat.dump"))
    assert "/dev/shm/lifeboat.dump: its file system is none of ext4, XFS and an ESP's FAT" in said
    for size in ("4K", "1", "2000G", "1.5M", "M"):
        assert "--reserve: wanted 1M to 1024G" in disk.install(check=False, size=size)
    assert not (disk.esp / "EFI").exists()
