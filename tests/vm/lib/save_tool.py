# SPDX-License-Identifier: BSD-2-Clause
"""Runs build/lifeboat-save on images, and names them and the folders that the tool makes."""

import re
import subprocess
import uuid
from pathlib import Path

import pytest
from dump_images import SLOTS_BYTES, Image, newest
from vm import gpt

DONE, FAILED, USAGE, NOTHING = range(4)
NAME = "lifeboat-20261121T074400Z-30313233"  # folder of a default Image()
VMCORE, LOG = "vmcore", "vmcore-dmesg.txt"


def run(tool: Path, *words, status=DONE) -> str:
    """Runs the tool; returns all its output."""
    done = subprocess.run(
        list(map(str, [tool, *words])), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == status, f"exit status {done.returncode}: {done.stdout}"
    return done.stdout


def run_bound(tool: Path, mounts: dict[Path, str], *words, status=DONE) -> str:
    """Runs the tool with these folders mounted; returns all its output."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("unshare -rm does not work here: nothing can be mounted")
    commands = [f"mount --bind {folder} {point}" for folder, point in mounts.items()]
    return run("unshare", "-rm", "sh", "-c", " && ".join([*commands, 'exec "$@"']), "sh", tool, *words, status=status)


def image_file(folder: Path, image: Image | None, **fields) -> Path:
    """Makes a file with that partition."""
    path = folder / "partition"
    path.write_bytes((image or Image(fields=fields)).bytes())
    return path


def make_disk(path: Path, *images: Image) -> list[gpt.Partition]:
    """Makes a disk whose partitions for dumps hold these images."""
    parts = [gpt.Partition((n + 1) << 20, 1 << 20, unique=uuid.UUID(int=n + 1)) for n in range(len(images))]
    gpt.make_dump_disk(path, (len(images) + 1) << 20)
    gpt.write_table(path, parts)
    with open(path, "r+b") as disk:
        for part, image in zip(parts, images, strict=True):
            disk.seek(part.start)
            disk.write(image.bytes())
    return parts


def image_of(number: int, **fields) -> Image:
    """Returns one of several dumps, each with its own partition and arming."""
    return Image(fields={"arm_id": bytes([number]) * 16, "partuuid": bytes([number]) * 16} | fields)


def folder_of(number: int) -> str:
    return f"lifeboat-20261121T074400Z-{number:02x}{number:02x}{number:02x}{number:02x}"


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def damage(path: Path, at: int) -> None:
    """Flips a bit. A second call flips it back."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def header(path: Path, start: int = 0) -> dict:
    return newest(path.read_bytes()[start : start + SLOTS_BYTES])


def listed(said: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w '-]+): +(.*)$", said, re.MULTILINE))
