# SPDX-License-Identifier: BSD-2-Clause
"""scripts/fetch-kernel with a small package source made here: no network, no virtual machine."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

FETCH_KERNEL = Path(__file__).resolve().parents[2] / "scripts" / "fetch-kernel"
META = "linux-image-test-amd64"
OLD, NEW = "6.1.0-99-test-amd64", "7.9.1+deb99-test-amd64"
UNAVAILABLE = 3

pytestmark = pytest.mark.skipif(not shutil.which("apt-get"), reason="apt-get is missing")


class Source:
    """Packages, and an apt that knows only these."""

    def __init__(self, folder: Path):
        self._folder = folder
        self.cache = folder / "kernels"
        self._index = ""
        self._packages = folder / "packages"
        self._packages.mkdir()
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "sources.list").write_text(f"deb [trusted=yes] file:{self._packages} ./\n")
        (folder / "apt.conf").write_text(
            f'Dir::Etc::sourcelist "{folder}/sources.list";\nDir::Etc::sourceparts "/dev/null";\n'
            f'Dir::State::lists "{folder}/lists";\nDir::State::status "{folder}/status";\n'
            f'Dir::Cache "{folder}/cache";\nAPT::Sandbox::User "";\n'
        )
        self._env = {**os.environ, "APT_CONFIG": str(folder / "apt.conf"), "LIFEBOAT_CACHE": str(self.cache)}

    def add(self, name: str, files: tuple[str, ...] = (), depends: str = "") -> None:
        root = self._folder / "root" / name
        for file in files:
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_text(f"{file} of {name}")
        control = f"Package: {name}\nVersion: 1\nArchitecture: amd64\nMaintainer: a test <a@b>\nDescription: a test\n"
        control += f"Depends: {depends}\n" if depends else ""
        (root / "DEBIAN").mkdir(parents=True)
        (root / "DEBIAN/control").write_text(control)
        archive = self._packages / f"{name}_1_amd64.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", root, archive], check=True, capture_output=True)
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        self._index += f"{control}Filename: ./{archive.name}\nSize: {archive.stat().st_size}\nSHA256: {digest}\n\n"
        (self._packages / "Packages").write_text(self._index)

    def fetch(self, *words: str) -> subprocess.CompletedProcess:
        subprocess.run(["apt-get", "update"], env=self._env, check=True, capture_output=True)
        return subprocess.run([FETCH_KERNEL, *words], env=self._env, capture_output=True, text=True, check=False)

    def path(self, *words: str) -> Path:
        """Returns the printed path, which lies below the cache and exists."""
        done = self.fetch(*words)
        assert done.returncode == 0, done.stderr
        path = Path(done.stdout.strip())
        assert path.is_file()
        return path.relative_to(self.cache)


@pytest.fixture(name="source")
def fixture_source(tmp_path):
    return Source(tmp_path)


def test_a_kernel_in_one_package(source):
    source.add(META, depends=f"linux-image-{OLD} (= 1)")
    source.add(f"linux-image-{OLD}", (f"boot/vmlinuz-{OLD}",), "kmod, linux-base (>= 4.3~)")
    source.add(f"linux-image-{OLD}-dbg", (f"usr/lib/debug/boot/vmlinux-{OLD}",))
    assert source.path(META) == Path(f"linux-image-{OLD}/boot/vmlinuz-{OLD}")
    assert source.path("--dbg", META) == Path(f"linux-image-{OLD}-dbg/usr/lib/debug/boot/vmlinux-{OLD}")


def test_a_kernel_in_several_packages(source):
    """Since Debian 14 linux-image-... is empty, and depends on the package with the kernel."""
    home = f"usr/lib/modules/{NEW}"
    parts = [f"linux-{part}-{NEW}" for part in ("base", "binary", "modules")]
    source.add(META, depends=f"linux-base-test-amd64 (= 1), linux-image-{NEW} (= 1), linux-modules-test-amd64 (= 1)")
    source.add(f"linux-image-{NEW}", depends="dracut | linux-initramfs-tool, " + ", ".join(f"{one} (= 1)" for one in parts))
    for name, file in zip(parts, ("config", "vmlinuz", "kernel/fs/ext4.ko"), strict=True):
        source.add(name, (f"{home}/{file}",))
    symbols = f"usr/lib/debug/lib/modules/{NEW}/vmlinux"
    source.add(f"linux-image-{NEW}-dbg", (symbols,), f"linux-base-{NEW} (= 1)")
    root = Path(f"linux-image-{NEW}")
    found = source.path(META)
    assert found == root / home / "vmlinuz"
    for file in ("config", "kernel/fs/ext4.ko"):
        assert (source.cache / root / home / file).is_file()
    assert source.path("--dbg", META) == Path(f"linux-image-{NEW}-dbg") / symbols


def test_what_cannot_be_had_has_a_status_of_its_own(source):
    source.add("linux-image-gone-amd64", depends=f"linux-image-{NEW}")
    for package in ("linux-image-nothing-amd64", "linux-image-gone-amd64"):
        done = source.fetch(package)
        assert done.returncode == UNAVAILABLE and done.stdout == "", done.stderr


def test_a_package_without_a_kernel_is_an_error(source):
    source.add(META, depends=f"linux-image-{OLD}")
    source.add(f"linux-image-{OLD}", ("boot/other",), "kmod")
    done = source.fetch(META)
    assert done.returncode == 1 and f"boot/vmlinuz-{OLD}" in done.stderr
