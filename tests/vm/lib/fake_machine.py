# SPDX-License-Identifier: BSD-2-Clause
"""A machine as lifeboatctl sees one, below a folder: /proc, /sys, an ESP, disks, EFI variables."""

import os
import struct
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from vm import gpt

MIB = 1 << 20
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
DATABASE = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"
LOADER = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
LINUX_TYPE = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
ESP = gpt.Partition(MIB, 64 * MIB, "esp", ESP_TYPE, uuid.UUID("2c6d4a52-3f5e-4a53-8f0c-6c6966650021"))
ROOT = gpt.Partition(65 * MIB, 64 * MIB, "root", LINUX_TYPE, uuid.UUID("2c6d4a52-3f5e-4a53-8f0c-6c6966650022"))
DUMP = gpt.Partition(129 * MIB, 64 * MIB)
DRIVER, APPLICATION = 11, 10  # subsystems of a PE file
CERTIFICATE = b"a certificate in DER" + bytes(range(64))


def image(subsystem: int, version: str = "0.1.0", signer: bytes = b"") -> bytes:
    """Makes a PE file whose SBAT text names Lifeboat in this version, as lifeboat.efi does."""
    sbat = f"sbat,1,SBAT Version,sbat,1,https://x\nlifeboat,1,Lifeboat,lifeboat,{version},none\n".encode()
    body = bytearray(b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40) + bytes(512))
    body[0x40:0x46] = b"PE\0\0" + struct.pack("<H", 0x8664)
    struct.pack_into("<H", body, 0x40 + 24, 0x20B)
    struct.pack_into("<H", body, 0x40 + 24 + 68, subsystem)
    body += sbat
    if signer:
        struct.pack_into("<II", body, 0x40 + 24 + 144, len(body), len(signer) + 8)
        body += b"PKCS7..." + signer
    return bytes(body)


def signature_list(certificate: bytes) -> bytes:
    """Makes an EFI_SIGNATURE_LIST of one certificate."""
    kind = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le
    each = 16 + len(certificate)
    return kind + struct.pack("<III", 28 + each, 0, each) + bytes(16) + certificate


def load_option(title: str, path: str, unique: uuid.UUID = ESP.unique) -> bytes:
    """Makes an EFI_LOAD_OPTION for a file of the ESP."""
    name = path.encode("utf-16-le") + b"\0\0"
    drive = struct.pack("<BBHIQQ16sBB", 4, 1, 42, 1, ESP.start // 512, ESP.size // 512, unique.bytes_le, 2, 2)
    nodes = drive + struct.pack("<BBH", 4, 4, 4 + len(name)) + name + b"\x7f\xff\x04\0"
    return struct.pack("<IH", 1, len(nodes)) + title.encode("utf-16-le") + b"\0\0" + nodes


@dataclass
class Machine:
    root: Path
    tool: Path

    @property
    def esp(self) -> Path:
        return self.root / "boot/efi"

    @property
    def efivars(self) -> Path:
        return self.root / "sys/firmware/efi/efivars"

    def write(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def set(self, name: str, value: bytes, guid: str = GLOBAL, attributes: int = 7) -> None:
        (self.efivars / f"{name}-{guid}").write_bytes(struct.pack("<I", attributes) + value)

    def variables(self) -> dict[str, bytes]:
        """Returns all variables, with their attributes."""
        return {path.name.removesuffix(f"-{GLOBAL}"): path.read_bytes() for path in self.efivars.iterdir()}

    def files(self) -> dict[str, bytes | None]:
        """Returns the ESP's files. None is a folder."""
        return {
            str(path.relative_to(self.esp)): None if path.is_dir() else path.read_bytes()
            for path in self.esp.rglob("*")
        }

    def controller(self, disk: str, kind: bytes = b"0x010000", vendor: bytes = b"0x1af4", device: bytes = b"0x1042"):
        """Puts this disk behind a PCI function, by default one of virtio-blk."""
        function = f"sys/devices/pci0000:00/{disk}"
        for name, content in (("class", kind), ("vendor", vendor), ("device", device)):
            self.write(f"{function}/{name}", content + b"\n")
        (self.root / function / "virtio1/block" / disk).mkdir(parents=True, exist_ok=True)
        link = self.root / "sys/block" / disk
        link.parent.mkdir(exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(f"../devices/pci0000:00/{disk}/virtio1/block/{disk}")

    def disk(self, name: str, partitions: list[gpt.Partition], size: int = 256 * MIB, block: int = 512) -> None:
        self.controller(name)
        path = self.root / "dev" / name
        path.parent.mkdir(exist_ok=True)
        with open(path, "wb") as file:
            file.truncate(size)
        gpt.write_table(path, partitions, block)
        self.write(f"sys/block/{name}/queue/logical_block_size", f"{block}\n".encode())
        for number, _ in enumerate(partitions, 1):
            self.write(f"sys/block/{name}/{name}{number}/partition", f"{number}\n".encode())
            link = self.root / f"sys/dev/block/254:{number}"
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(f"../../block/{name}/{name}{number}")

    def mount(self, *lines: str) -> None:
        self.write("proc/self/mountinfo", "".join(f"{line}\n" for line in lines).encode())

    def run(self, *words: str, status: int = 0, live: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if key != "EFIVARFS_PATH"}
        if live:
            environment["EFIVARFS_PATH"] = f"{self.efivars}/"
        command = [str(self.tool), words[0], "--root", str(self.root), *words[1:]]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == status, done
        return done


ROOT_MOUNT = "25 1 254:2 / / rw,relatime shared:1 - ext4 /dev/vda2 rw"
ESP_MOUNT = "36 25 254:1 / /boot/efi rw,relatime shared:2 - vfat /dev/vda1 rw,fmask=0077"


def name_dump_partition(machine) -> None:
    """Makes links as udev and the kernel do: DUMP is vda3."""
    link = machine.root / f"dev/disk/by-partuuid/{DUMP.unique}"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../vda3")
    block = machine.root / "sys/class/block"
    block.mkdir(parents=True)
    (block / "vda3").symlink_to("../../block/vda/vda3")


def make(root: Path, tool: Path) -> Machine:
    """Makes a Debian with GRUB, booted by 64-bit UEFI without Secure Boot, with a partition for dumps."""
    machine = Machine(root, tool)
    machine.disk("vda", [ESP, ROOT, DUMP])
    machine.mount(ROOT_MOUNT, ESP_MOUNT)
    machine.write("proc/cmdline", b"BOOT_IMAGE=/vmlinuz root=/dev/vda2 console=tty0 console=ttyS1,115200 quiet\n")
    machine.write("proc/meminfo", b"MemTotal:         32768 kB\n")
    machine.write("sys/firmware/efi/fw_platform_size", b"64\n")
    machine.efivars.mkdir()
    machine.set("SecureBoot", b"\0", attributes=6)
    machine.set("Boot0000", load_option("UiApp", "\\x", uuid.UUID(int=1)))
    machine.set("Boot0001", load_option("debian", "\\EFI\\debian\\shimx64.efi"))
    machine.set("BootOrder", struct.pack("<HH", 1, 0))
    machine.write("boot/efi/EFI/debian/shimx64.efi", b"shim")
    machine.write("boot/efi/EFI/debian/grubx64.efi", b"grub")
    machine.write("usr/lib/lifeboat/lifeboatx64.efi", image(DRIVER))
    machine.write("usr/lib/lifeboat/lifeboat.efi", image(APPLICATION))
    return machine
