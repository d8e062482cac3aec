# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the tests in virtual machines. tests/vm/lib/ has their parts.

Each run has a name and is made once (runs.py): tests that ask for the same run look at the same dump. With
pytest-xdist, `--dist loadgroup` keeps such tests on one worker. Without it the results are the same, but take
longer.
"""

import fcntl
import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
sys.path[:0] = [str(SCRIPTS), str(Path(__file__).resolve().parent / "lib")]

import machines  # noqa: E402
import runs  # noqa: E402
import saved_state as saving  # noqa: E402
import secure_boot  # noqa: E402
import stopped  # noqa: E402
import suites  # noqa: E402
from ledger import (  # noqa: E402, F401 (hooks)
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_logreport,
    pytest_sessionfinish,
)
from summary import pytest_terminal_summary, record_endurance, record_row  # noqa: E402, F401 (a hook and fixtures)
from vm.firmware import find_firmware  # noqa: E402

# LIFEBOAT_BUILD names another build folder than build/.
BUILD = Path(os.environ.get("LIFEBOAT_BUILD", ROOT / "build"))


def _path_printed_by(*words) -> Path:
    """Runs a script of this tree that prints one path; returns the path."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words[0]} failed with exit status {done.returncode}: {done.stderr.strip()}"
    path = Path(done.stdout.strip().splitlines()[-1])
    assert path.is_file(), f"{words[0]} printed '{path}', which is not a file"
    return path


def make(*targets) -> None:
    """Calls `make` for these targets in BUILD. Only one worker at a time does so."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD / ".make.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = ["make", "-s", "-C", str(ROOT), f"B={os.path.relpath(BUILD, ROOT)}", *map(str, targets)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"


def build(name: str) -> Path:
    """Returns a file of the build folder, built if it is old: build("lifeboat.efi")."""
    make(Path(os.path.relpath(BUILD, ROOT)) / name)
    return BUILD / name


@pytest.fixture(scope="session")
def loader() -> Path:
    """lifeboat.efi, built, and beside it lifeboat-save."""
    build("lifeboat-save")
    return build("lifeboat.efi")


@pytest.fixture(scope="session")
def driver() -> Path:
    """lifeboatx64.efi, built."""
    return build("lifeboatx64.efi")


@pytest.fixture(scope="session")
def own_key(tmp_path_factory) -> secure_boot.Key:
    """The key of the machine's owner."""
    return secure_boot.make_key(tmp_path_factory.mktemp("own"), "own key")


@pytest.fixture(scope="session")
def signed(loader, own_key, tmp_path_factory) -> Path:
    """lifeboat.efi, signed by `make sign`; beside it lifeboatx64.efi and lifeboat-save."""
    folder = tmp_path_factory.mktemp("signed")
    make("sign", f"SB_KEY={own_key.key}", f"SB_CERT={own_key.certificate}", f"SIGNED_IN={folder}")
    shutil.copy(build("lifeboat-save"), folder)
    return folder / "lifeboat.efi"


@pytest.fixture(scope="session")
def preamble() -> Path:
    """The test-only EFI application, built."""
    return build("preamble.efi")


@pytest.fixture(scope="session")
def leave() -> Path:
    """The program that images.leaving() writes over a kernel's code, built."""
    return build("leave.bin")


@pytest.fixture(scope="session")
def pvscsi_driver() -> Path:
    """The capture kernel's PVSCSI driver as a driver of the firmware, built."""
    return build("pvscsi_driver.efi")


@pytest.fixture(scope="session")
def disktest() -> Path:
    """The EFI application that tries the capture kernel's disk drivers, built."""
    return build("disktest.efi")


@pytest.fixture(scope="session")
def handoff_fields() -> Path:
    """The program that names a handoff's fields, built."""
    return build("host/handoff_fields")


@pytest.fixture(scope="session")
def filter_verdict() -> Path:
    """The program that reads the log out of an ELF dump and judges its pages, built."""
    return build("host/filter_verdict")


@pytest.fixture(scope="session")
def vmcoreinfo_verdict() -> Path:
    """The program that makes an ELF dump's VMCOREINFO anew, built."""
    return build("host/vmcoreinfo_verdict")


@pytest.fixture(scope="session")
def keys_verdict() -> Path:
    """The program that searches memory for an arming's keys, built."""
    return build("host/keys_verdict")


@pytest.fixture(scope="session")
def frames_verdict() -> Path:
    """The program that names modules, tasks and stacks in a dump, built."""
    return build("host/frames_verdict")


@pytest.fixture(scope="session")
def test_deadkernel() -> Path:
    """The unit test program that can read a real RAM image, built."""
    return build("host/test_deadkernel")


@pytest.fixture(scope="session")
def footprint_programs(loader) -> Path:
    """The build folder with all that scripts/footprint-measure needs, built."""
    build("footprint")
    build("host/tables_verdict")
    return BUILD


@pytest.fixture(scope="session")
def firmware():
    """Debian's plain OVMF, as vm.firmware.Firmware."""
    return find_firmware()


@pytest.fixture(scope="session")
def kernel() -> Path:
    """The image of Debian's cloud kernel."""
    return _path_printed_by(SCRIPTS / "fetch-kernel")


@pytest.fixture(scope="session")
def vmlinux() -> Path:
    """The debug symbols of the same kernel."""
    return _path_printed_by(SCRIPTS / "fetch-kernel", "--dbg")


@pytest.fixture(scope="session")
def crash() -> Path:
    """A crash(8) that supports this kernel."""
    return _path_printed_by(SCRIPTS / "fetch-tool", "crash", "crash")


@pytest.fixture(scope="session")
def makedumpfile() -> Path:
    """A makedumpfile that supports zstd."""
    return _path_printed_by(SCRIPTS / "fetch-tool", "makedumpfile", "makedumpfile")


def _to_a_good_end(makedumpfile: Path):
    """run(*words) runs makedumpfile, which must succeed, and returns what it printed."""

    def run(*words) -> str:
        command = [makedumpfile, *map(str, words)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0 and "makedumpfile Completed." in done.stdout, done.stdout
        return done.stdout

    return run


@pytest.fixture(scope="session")
def run_makedumpfile(makedumpfile):
    """run_makedumpfile(*words) runs makedumpfile, which must succeed, and returns what it printed."""
    return _to_a_good_end(makedumpfile)


@pytest.fixture(scope="session")
def run_newest_makedumpfile():
    """run_newest_makedumpfile(*words) does the same with that of Debian's sid."""
    words = SCRIPTS / "fetch-tool", "--suite", suites.SID, "makedumpfile", "makedumpfile"
    return _to_a_good_end(_path_printed_by(*words))


@pytest.fixture
def log_by_makedumpfile(run_makedumpfile, tmp_path):
    """log_by_makedumpfile(dump) is the dead kernel's log as makedumpfile reads it from the dump."""

    def read(dump: Path) -> str:
        run_makedumpfile("--dump-dmesg", dump, tmp_path / "log")
        return (tmp_path / "log").read_text(errors="replace")

    return read


@pytest.fixture(scope="session")
def capture_image(kernel) -> Path:
    """The capture initramfs that scripts/mkcapture makes for `kernel`. It saves to the rehearsal's dump disk."""
    return runs.capture_image(BUILD, kernel)


@pytest.fixture(scope="session")
def rehearse(loader, kernel, capture_image) -> runs.Rehearse:
    """rehearse(name, **options) runs scripts/lifeboat-vm and returns a runs.Run; see runs.Rehearse."""
    return runs.Rehearse(BUILD / "vm-tests", loader, kernel, capture_image)


@pytest.fixture(scope="session")
def fetched(tmp_path_factory):
    """fetched(package) is the path of that kernel, fetched(package, "--headers") that of its headers' Makefile.
    META/SUITE names a package of another Debian suite. The test is skipped if that cannot be fetched."""
    lists = tmp_path_factory.mktemp("suites")

    def fetch(package: str, *options: str) -> Path:
        if "/" in package:
            return suites.fetch(package, lists, *options)
        return _path_printed_by(SCRIPTS / "fetch-kernel", *options, package)

    return functools.cache(fetch)


@pytest.fixture(scope="session")
def try_scenario(rehearse, fetched, tmp_path_factory):
    """try_scenario(scenario) is the scenario's run, whatever its end is."""
    return machines.Scenarios(BUILD, rehearse, fetched, tmp_path_factory.mktemp("scenarios"))


@pytest.fixture(scope="session")
def run_scenario(try_scenario):
    """run_scenario(scenario) is the scenario's run, which must have done what it was asked for."""
    return lambda scenario: try_scenario(scenario).check()


@pytest.fixture(scope="session")
def stopped_run(loader, kernel, capture_image, firmware):
    """A captured panic. The machine was stopped at the purgatory's entry, where QEMU wrote the same memory."""
    linux = {"capture": "linux", "capture_initrd": capture_image, "capture_args": "lifeboat.format=elf"}
    yield from _stopped("stopped", firmware, loader, kernel, **linux)


@pytest.fixture(scope="session")
def stopped_builtin_run(loader, kernel, firmware):
    """The same as stopped_run, captured by the built-in kernel."""
    yield from _stopped("stopped-builtin", firmware, loader, kernel, capture="builtin")


def _stopped(name: str, *machine, **capture):
    folder = BUILD / "vm-tests" / os.environ.get("PYTEST_XDIST_WORKER", "main") / name
    run = stopped.run(folder, *machine, **capture)
    yield run
    for large in (run.core, run.ram, folder / "dump.img"):
        large.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def saved_folder():
    """saved_folder(name) is an empty folder for a saved machine. The folders are large, and deleted at the end."""
    place = BUILD / "vm-tests" / os.environ.get("PYTEST_XDIST_WORKER", "main") / "saved"
    shutil.rmtree(place, ignore_errors=True)

    def make_folder(name: str) -> Path:
        (place / name).mkdir(parents=True)
        return place / name

    yield make_folder
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def saved_state(loader, kernel, firmware, saved_folder):
    """An armed machine, saved at the hook's entry after a panic. Any number of runs can begin there."""
    folder = saved_folder("tiny")
    return saving.save(folder, firmware, loader, kernel, saving.tiny_kernel(folder))
