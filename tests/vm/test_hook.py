# SPDX-License-Identifier: BSD-2-Clause
"""The hook under a firmware that changes things after arming.

What an ordinary reboot and a power-off do to it is in test_machines.py, a warm reset
before ExitBootServices in test_loader_undo.py.
"""

import re

import firmware_shell as shell
import images
import pytest

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("hook")]

# Sixteen configuration tables fill edk2's array: when the kernel's stub adds its own (initrd, seed for the
# random numbers), the array grows in runtime memory. With that, and with every runtime page that a timer takes
# (one in 10 ms, more of them than there is time for), edk2 throws the memory attributes table away and makes
# its own again.
TABLES, RUNTIME_PAGES = 16, 5000


def test_tables_and_runtime_memory_after_arming(tmp_path, firmware, loader, preamble, kernel):
    probe = images.probe(kernel)
    config = f"kernel /vmlinuz\ninitrd /probe.img\ncapture-initrd /capture.img\nrequire\narguments {images.ARGUMENTS}\n"
    files = {
        "EFI/BOOT/BOOTX64.EFI": preamble,
        "preamble.txt": f"tables {TABLES}\nruntime {RUNTIME_PAGES}\n".encode(),
        "lifeboat.efi": loader,
        "lifeboat.conf": config.encode(),
        "vmlinuz": kernel,
        "probe.img": probe,
        "capture.img": probe,
    }
    # The firmware makes its random-number protocol of it, the stub a table for the kernel.
    devices = ["-device", "virtio-rng-pci"]
    with shell.make_machine(tmp_path, firmware, files, qemu_args=devices) as machine:
        machine.power_on()
        event = shell.watch(machine, images.FIRST_UP, "Kernel panic")
        said = "\n".join(line.text for line in machine.lines)
        assert images.FIRST_UP in getattr(event, "text", ""), said[-3000:]
        assert "preamble: done" in said
        tables = re.search(r"probe: tables (.*)", said)[1]
        assert "RNG=" in tables and "MEMATTR=" in tables and "INITRD=" in tables
        machine.write_console(b"panic\n")
        event = shell.watch(machine, images.SECOND_UP)
        assert images.SECOND_UP in getattr(event, "text", ""), shell.console_end(machine)
        assert any("lifeboat-purgatory: jump" in line.text for line in machine.lines)
