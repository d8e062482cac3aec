# SPDX-License-Identifier: BSD-2-Clause
"""Turns a scenario into a run: makes the kernels, modules, disks and symbols that the scenario needs."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import module
import runs
from scenarios import CLOUD, Scenario
from vm import disk, kernel
from vm.machine import Machine

_SCRATCH_DISK = 256 << 20


def symbol_address(vmlinux: Path, name: str) -> int:
    """Returns the symbol's address in a kernel booted with nokaslr."""
    for line in subprocess.run(["nm", str(vmlinux)], capture_output=True, text=True, check=True).stdout.splitlines():
        address, _, symbol = line.split(" ", 2)
        if symbol == name:
            return int(address, 16)
    raise AssertionError(f"{vmlinux}: no symbol {name}")


class NmiAt:
    """Sends an NMI when the kernel reaches an address. It takes the place of a striker of vm/stub_panics.py."""

    def __init__(self, machine: Machine, address: int):
        self._machine = machine
        self._stub = machine.gdb()
        self._stub.insert_breakpoint(address)
        self._stub.resume()

    def strike(self, _stopped: int) -> None:
        self._machine.qmp.execute("inject-nmi")
        self._stub.detach()


class Scenarios:
    """Called with a scenario, returns its run. The same scenario always gives the same run."""

    def __init__(self, build: Path, rehearse: runs.Rehearse, fetched: Callable[..., Path], folder: Path):
        self._build = build
        self._rehearse = rehearse
        self._fetched = fetched
        self._folder = folder
        self._options: dict[str, dict] = {}
        self._capture_images: dict[Path, Path] = {}

    def __call__(self, scenario: Scenario) -> runs.Run:
        if scenario.name not in self._options:
            self._options[scenario.name] = self._make(scenario)
        return self._rehearse(scenario.name, **self._options[scenario.name])

    def _make(self, scenario: Scenario) -> dict:
        options = dict(scenario.options)
        folder = self._folder / scenario.name
        folder.mkdir()
        first = self._fetched(scenario.kernel)
        if scenario.kernel != CLOUD:
            options["kernel"] = first
        if options.get("capture") != "builtin":
            options |= self._linux(scenario, first)
        options |= self._user_space(scenario, first, folder)
        words = list(options.pop("qemu_arg", []))
        for number, device in enumerate(scenario.disks):
            image = folder / f"scratch{number}.img"
            disk.make_sparse(image, _SCRATCH_DISK)
            words += ["-drive", f"if=none,id=scratch{number},format=raw,file={image}"]
            words += ["-device", device.format(drive=f"scratch{number}")]
        if words:
            options["qemu_arg"] = words
        if scenario.symbol:
            options["panic_at"] = hex(symbol_address(self._fetched(scenario.kernel, "--dbg"), scenario.symbol))
        return options

    def _linux(self, scenario: Scenario, first: Path) -> dict:
        """Returns the second kernel's options if the second kernel is a Linux."""
        options = {}
        second = self._fetched(scenario.capture or scenario.kernel)
        if second != first:
            options["capture"] = second
        if (scenario.capture or scenario.kernel) != CLOUD:
            options["capture_initrd"] = self._capture_image(second)
        return options

    def _user_space(self, scenario: Scenario, vmlinuz: Path, folder: Path) -> dict:
        """Returns the initrd with modules, and the commands that load them, if there are any."""
        modules = module.load_order(vmlinuz, scenario.modules)
        before = module.insmod(modules) + scenario.before
        if scenario.how:
            modules[module.NAME] = self._provoke(scenario.kernel, vmlinuz)
            before += f'$b taskset -c "$cpu" $b insmod /modules/{module.NAME}.ko how={scenario.how}\n'
        options = {}
        if modules:
            options["initrd"] = folder / "modules.img"
            files = {f"modules/{name}.ko": data for name, data in modules.items()}
            options["initrd"].write_bytes(module.initrd(files))
        if before:
            options["before"] = folder / "before.sh"
            options["before"].write_text(before)
        return options

    def _provoke(self, package: str, vmlinuz: Path) -> bytes:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        folder = self._build / "vm-tests" / worker / f"module-{kernel.release(vmlinuz)}"
        built = folder / f"{module.NAME}.ko"
        # Built once in a session, as the folder of the session's other files tells.
        mark = self._folder / f"built-{kernel.release(vmlinuz)}"
        if not mark.exists():
            module.build(self._fetched(package, "--headers"), folder)
            mark.touch()
        return built.read_bytes()

    def _capture_image(self, vmlinuz: Path) -> Path:
        if vmlinuz not in self._capture_images:
            image = self._folder / f"capture-{len(self._capture_images)}.img"
            kernel.make_capture_image(vmlinuz, image)
            self._capture_images[vmlinuz] = image
        return self._capture_images[vmlinuz]
