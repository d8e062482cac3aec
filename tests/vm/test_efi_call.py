# SPDX-License-Identifier: BSD-2-Clause
"""A limit: a panic that interrupts one of the kernel's own EFI calls is not captured. Linux finds the lock of those
calls taken, does not call ResetSystem, and jumps to the firmware's reset vector itself."""

import pytest

import module
from machines import NmiAt, symbol_address
from scenarios import FULL_ONLY
from vm.firmware import find_firmware
from vm.machine import Machine
from vm.rehearsal import Options, Rehearsal

pytestmark = pytest.mark.vm

# Reads variables for ever: whenever __efi_call() is reached, an EFI call follows.
_READ = """
$b mkdir /vars
ask efi
while :; do
	$b mount -t efivarfs efivarfs /vars
	$b cat /vars/* > /dev/null
	$b umount /vars
done
"""


class _InEfiCall(Rehearsal):
    address = 0

    def _do_what_was_asked(self, machine: Machine) -> None:
        while self.progress.asks:
            assert self.progress.asks.pop(0) == "efi"
            self._striker = NmiAt(machine, self.address)


@FULL_ONLY
def test_panic_inside_an_efi_call_is_lost_but_ends(tmp_path, loader, kernel, vmlinux, capture_image):
    modules = module.load_order(kernel, ("efivarfs",))
    initrd = tmp_path / "modules.img"
    initrd.write_bytes(module.initrd({f"modules/{name}.ko": data for name, data in modules.items()}))
    options = Options(
        kernel=kernel, folder=tmp_path, firmware=find_firmware(), loader=loader, capture="linux",
        capture_initrd=capture_image,
        initrds=[initrd], before=module.insmod(modules) + _READ, memory_bytes=512 << 20, panic="self",
        append="nokaslr",
    )  # fmt: skip
    rehearsal = _InEfiCall(options)
    rehearsal.address = symbol_address(vmlinux, "__efi_call")
    outcome = rehearsal.run()
    assert outcome.progress.details["panic"] == "NMI: Not continuing", outcome.last_lines
    assert not outcome.ok and "the panic was not captured" in outcome.reason, outcome.reason
    assert not outcome.progress.took_over
