# SPDX-License-Identifier: BSD-2-Clause
"""lifeboat-save on encrypted dumps made by age itself: whole, cut, and changed in every way possible for a chunk.

Runs no virtual machine. The tool is the one built with ASan and UBSan.
"""

import hashlib
import re
import struct
import subprocess
from pathlib import Path

import pytest
from age_heads import once_only, repeated
from conftest import build
from dump_images import BLOCK, COMPLETE, SLOTS_BYTES, WRITING, both_slots

ENCRYPTED = 1  # LB_DUMP_FLAG_ENCRYPTED
CHUNK, TAG = 65536, 16
LOG = b"[    1.000000] Kernel panic - not syncing: test\n"
FILE = bytes(n * 2654435761 >> 13 & 0xFF for n in range(5 * CHUNK // 2)) * 2


def flatten(content: bytes, piece: int = 30000) -> bytes:
    """Makes the flattened form, like makedumpfile -F, with the pieces from the last to the first."""
    head = struct.pack(">16sqq", b"makedumpfile", 1, 1).ljust(4096, b"\0")
    places = range(0, len(content), piece)
    pieces = (struct.pack(">qq", at, len(content[at : at + piece])) + content[at : at + piece] for at in reversed(places))
    return head + b"".join(pieces) + struct.pack(">qq", -1, -1)


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("keys") / "key.txt"
    subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True)
    return path, re.search(r"age1\w+", path.read_text()).group()


@pytest.fixture(scope="module")
def age(keys):
    """age(content) is an age file of the content."""

    def age(content: bytes) -> bytes:
        return subprocess.run(["age", "-r", keys[1]], input=content, check=True, capture_output=True).stdout

    return age


def payload_at(sealed: bytes) -> int:
    """Returns the payload's offset, behind header and nonce."""
    return sealed.index(b"\n", sealed.index(b"\n--- ") + 1) + 1 + 16


def test_heads_that_repeat_are_found(age, tmp_path):
    """Tests that test_encrypt.py's search for repeated shares and nonces finds them."""
    one, two, ledger = age(b"one"), age(b"two"), tmp_path / "heads.txt"
    share, nonce = once_only(one)
    assert re.fullmatch(r"share [A-Za-z0-9+/]{43}", share)
    assert nonce == f"nonce {one[payload_at(one) - 16 : payload_at(one)].hex()}"
    assert repeated(ledger, [one, two]) == []
    assert repeated(ledger, [age(b"three"), one]) == [share, nonce]
    other_nonce = one[: payload_at(one) - 16] + bytes(16) + one[payload_at(one) :]
    assert repeated(ledger, [other_nonce]) == [share]
    with pytest.raises(ValueError):
        once_only(b"KDUMP   ")


def chunks_of(sealed: bytes) -> tuple[bytes, list[bytes]]:
    at, step = payload_at(sealed), CHUNK + TAG
    return sealed[:at], [sealed[n : n + step] for n in range(at, len(sealed), step)]


@pytest.fixture
def save(keys, tmp_path):
    """save(log, file, state=..., status=0) is the tool's output, the log, and the file (None: it does not exist)."""
    tool = build("lifeboat-save.checked")

    def save(log: bytes, file: bytes, state: int = COMPLETE, status: int = 0):
        file_at = SLOTS_BYTES + -(-len(log) // BLOCK) * BLOCK
        size = file_at + -(-len(file) // BLOCK) * BLOCK + BLOCK
        whole = state == COMPLETE
        fields = {
            "arm_id": b"0123456789abcdef", "partuuid": bytes(range(16)), "partition_bytes": size, "state": state,
            "flags": ENCRYPTED, "log_offset": SLOTS_BYTES, "log_bytes": len(log), "file_offset": file_at,
            "file_bytes": len(file) if whole else 0, "data_bytes": len(file), "page_count": 9, "pages_done": 9,
            "log_sha256": hashlib.sha256(log).digest(), "message": b"encrypted to 1 recipient",
            "head_sha256": hashlib.sha256(file).digest() if whole else b"",
        }  # fmt: skip
        partition = both_slots(fields) + log.ljust(file_at - SLOTS_BYTES, b"\0") + file
        (tmp_path / "partition").write_bytes(partition.ljust(size, b"\xb7"))
        out = tmp_path / "vmcore", tmp_path / "log"
        words = [tool, "--keep", "--identity", keys[0], "--log", out[1], tmp_path / "partition", out[0]]
        done = subprocess.run(
            list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False
        )
        assert done.returncode == status, done.stdout
        return done.stdout, *(path.read_bytes() if path.exists() else None for path in (out[1], out[0]))

    return save


@pytest.mark.parametrize("length", [1, CHUNK - 4096, CHUNK, CHUNK + 1, len(FILE)])
def test_decrypted_and_rearranged(save, age, length):
    said, log, file = save(age(LOG), age(flatten(FILE[:length])))
    assert (log, file) == (LOG, FILE[:length])
    assert "decrypted, every digest right" in said


def test_not_flattened(save, age):
    """An ELF core is not flattened, and saved unchanged."""
    assert save(age(LOG), age(FILE))[2] == FILE


def test_interrupted(save, age):
    """The dump is saved up to its last whole chunk, whatever follows."""
    prefix, chunks = chunks_of(age(FILE))
    for count in (1, 2, 4):
        whole = prefix + b"".join(chunks[:count])
        for more in (b"", chunks[count][:1000]):
            said, _, file = save(age(LOG), whole + more, state=WRITING)
            assert file == FILE[: count * CHUNK]
            assert "INCOMPLETE" in said
            for path in re.findall(r"^lifeboat-save: (\S+): (?:the log|\d+ bytes)", said, re.MULTILINE):
                Path(path).unlink()


def _flip(chunks):
    return [chunks[0], chunks[1][:777] + bytes([chunks[1][777] ^ 1]) + chunks[1][778:], *chunks[2:]]


DAMAGES = {
    "flipped": _flip,
    "swapped": lambda chunks: [chunks[1], chunks[0], *chunks[2:]],
    "replayed": lambda chunks: [chunks[0], chunks[0], *chunks[1:]],
    "left out": lambda chunks: [chunks[0], *chunks[2:]],
    "cut": lambda chunks: chunks[:-1],
    "cut within": lambda chunks: [*chunks[:-1], chunks[-1][:-1]],
    "zeroes appended": lambda chunks: [*chunks, bytes(4096)],
    "the last one twice": lambda chunks: [*chunks, chunks[-1]],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_found(save, age, damage):
    """The digest fits the damaged bytes. The chunks themselves reveal the damage."""
    prefix, chunks = chunks_of(age(FILE))
    said, _, file = save(age(LOG), prefix + b"".join(damage(chunks)), status=1)
    assert "is not the one that was written there" in said and file is None


def test_of_another_file(save, age):
    """A chunk of another age file for the same key stands at the same place."""
    prefix, chunks = chunks_of(age(FILE))
    other = chunks_of(age(FILE))[1]
    said, _, file = save(age(LOG), prefix + b"".join([chunks[0], other[1], *chunks[2:]]), status=1)
    assert "chunk 1 of 64 KiB is not" in said and file is None


def test_flattened_without_an_end(save, age):
    said, _, file = save(age(LOG), age(flatten(FILE)[:-16]), status=1)
    assert "it has no end" in said and file is None
