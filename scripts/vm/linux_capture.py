# SPDX-License-Identifier: BSD-2-Clause
"""A rehearsal's second kernel: another Linux, with an initramfs of scripts/mkcapture, which saves
the dump to an ext4 file system."""

from pathlib import Path

from vm import disk, kernel
from vm.capture_lines import LinuxLines


class LinuxCapture:
    """`image` None: the first kernel's own."""

    lines = LinuxLines

    def __init__(self, first: Path, image: Path | None, initrd: Path | None, arguments: str):
        self._image = image
        self._kernel = image or first
        self._initrd = initrd
        self._arguments = arguments
        self.findings: dict[str, str] = {}
        self.report: dict | None = None  # a Linux makes none

    @property
    def title(self) -> str:
        return str(self._kernel)

    def files(self, folder: Path) -> dict[str, Path | bytes]:
        """Files for the ESP, by path."""
        initrd = self._initrd
        if initrd is None:
            initrd = folder / "capture.img"
            kernel.make_capture_image(self._kernel, initrd)
        files: dict[str, Path | bytes] = {"capture.img": initrd}
        if self._image:
            files["capture-vmlinuz"] = self._image
        return files

    def config(self, _more: list[str]) -> list[str]:
        """Lines of lifeboat.conf."""
        lines = ["capture /capture-vmlinuz"] if self._image else []
        lines += ["capture-initrd /capture.img"]
        return lines + ([f"capture-args {self._arguments}"] if self._arguments else [])

    def make_dump_disk(self, image: Path, memory_bytes: int) -> None:
        disk.make_dump_disk(image, memory_bytes)

    def collect(self, image: Path, folder: Path) -> tuple[Path | None, Path | None]:
        """Takes the dump and the dead kernel's log off the disk, if they are there."""
        files = disk.find_files(image)
        log = _extract_named(image, files, "vmcore-dmesg.txt", folder)
        return _extract_named(image, files, "vmcore", folder), log


def _extract_named(image: Path, files: dict[str, int], name: str, folder: Path) -> Path | None:
    """The file of that name, in whatever folder of the image the capture put it."""
    found = [path for path in files if path.rsplit("/", 1)[-1] == name]
    if not found:
        return None
    disk.extract(image, found[0], folder / name)
    return folder / name
