# SPDX-License-Identifier: BSD-2-Clause
"""An initrd that loads a module into the first kernel before the panic."""

from pathlib import Path

from captureimage import cpio
from vm import kernel

NAME = "dummy"  # drivers/net/dummy.ko: needs no other module and no device
# It goes below scripts/vm/guest.py's overlay, whose busybox and init it uses.
ARGUMENTS = "rdinit=/with-module/init"
_INIT = f"""#!/lifeboat/busybox sh
/lifeboat/busybox insmod /with-module/{NAME}.ko || echo "lifeboat-vm: failed: insmod {NAME}.ko"
exec /lifeboat/init
"""


def initrd(vmlinuz: Path) -> bytes:
    """For a kernel as scripts/fetch-kernel unpacks it, its modules beside boot/."""
    modules = vmlinuz.parent.parent / "lib/modules" / kernel.release(vmlinuz)
    program = (modules / f"kernel/drivers/net/{NAME}.ko").read_bytes()
    archive = cpio.Archive()
    archive.file(f"with-module/{NAME}.ko", program)
    archive.file("with-module/init", _INIT.encode(), executable=True)
    return archive.bytes()
