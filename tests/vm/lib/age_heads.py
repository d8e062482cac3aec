# SPDX-License-Identifier: BSD-2-Clause
"""Finds values that repeat in age files: the ephemeral share of each recipient's stanza, and the payload's nonce.

The armed machine makes both. They are gathered over this run and earlier ones, in a file of the build folder,
because a generator that starts anew at each boot would repeat itself across boots.
"""

import fcntl
from collections.abc import Iterable
from pathlib import Path

_VERSION = b"age-encryption.org/v1\n"
_STANZA = b"-> X25519 "
_MAC = b"--- "
_NONCE_BYTES = 16


def once_only(sealed: bytes) -> list[str]:
    """Returns the values that one age file must not share with another, in words: a share for each recipient, and
    the nonce."""
    if not sealed.startswith(_VERSION):
        raise ValueError(f"no age file: it begins with {sealed[:22]!r}")
    at, found = len(_VERSION), []
    while True:
        end = sealed.index(b"\n", at)
        line, at = sealed[at:end], end + 1
        if line.startswith(_STANZA):
            found.append(f"share {line[len(_STANZA) :].decode('ascii')}")
        if line.startswith(_MAC):
            return [*found, f"nonce {sealed[at : at + _NONCE_BYTES].hex()}"]


def repeated(ledger: Path, files: Iterable[bytes]) -> list[str]:
    """Adds the values of `files` to the ledger; returns those that were there already, or occur twice."""
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with ledger.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        seen, twice = set(file.read().splitlines()), []
        for word in (word for sealed in files for word in once_only(sealed)):
            if word in seen:
                twice.append(word)
            else:
                seen.add(word)
                file.write(word + "\n")
    return twice
