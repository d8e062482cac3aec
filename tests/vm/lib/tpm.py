# SPDX-License-Identifier: BSD-2-Clause
"""A TPM for one machine (swtpm), and its event log as the first kernel has it, judged by tpm2_eventlog."""

import base64
import contextlib
import hashlib
import os
import re
import signal
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PCRS = (2, 4, 5, 7, 11, 12)
EV_EVENT_TAG, EV_IPL = 0x06, 0x0D
_SHA256 = 0x0B
_NO_ACTION = 3

# For the first kernel's init: prints the log and the PCRs line by line, marked to tell them from other
# output.
SHOW = f"""
$b mount -t securityfs securityfs /sys/kernel/security
$b base64 -w 96 /sys/kernel/security/tpm0/binary_bios_measurements | while read -r line; do echo "tpm-log $line"; done
for pcr in {" ".join(map(str, PCRS))}; do echo "tpm-pcr $pcr $($b cat /sys/class/tpm/tpm0/pcr-sha256/$pcr)"; done
"""


@contextlib.contextmanager
def running(folder: Path) -> Iterator[list[str]]:
    """Yields QEMU's words for a machine with a TPM of its own."""
    with tempfile.TemporaryDirectory(prefix="lifeboat-tpm.") as short:  # a socket's path must be short
        state = Path(short)
        subprocess.run(["swtpm_setup", "--tpm2", "--tpmstate", state, "--pcr-banks", "sha256"], check=True,
                       capture_output=True)  # fmt: skip
        # The daemon returns when its socket exists, and ends with QEMU's connection.
        words = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--ctrl", f"type=unixio,path={state}/sock",
                 "--daemon", "--pid", f"file={state}/pid", "--log", f"file={folder}/swtpm.log", "--terminate"]  # fmt: skip
        subprocess.run(words, check=True, capture_output=True)
        try:
            yield ["-chardev", f"socket,id=tpm,path={state}/sock", "-tpmdev", "emulator,id=tpm0,chardev=tpm",
                   "-device", "tpm-crb,tpmdev=tpm0"]  # fmt: skip
        finally:
            with contextlib.suppress(OSError, ValueError):  # the daemon has ended, and removed the file
                os.kill(int((state / "pid").read_text()), signal.SIGTERM)


@contextlib.contextmanager
def replayed(events: list["Event"]) -> Iterator[str]:
    """Yields a TPM of the host whose PCRs hold these events, as tpm2-tools and systemd name it."""
    with tempfile.TemporaryDirectory(prefix="lifeboat-tpm.") as short:
        state = Path(short)
        subprocess.run(["swtpm_setup", "--tpm2", "--tpmstate", state, "--pcr-banks", "sha256"], check=True,
                       capture_output=True)  # fmt: skip
        # tpm2-tools take the name of the socket, and add ".ctrl" for the control channel.
        words = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--server", f"type=unixio,path={state}/sock",
                 "--ctrl", f"type=unixio,path={state}/sock.ctrl", "--flags", "startup-clear", "--daemon",
                 "--pid", f"file={state}/pid", "--log", f"file={state}/log"]  # fmt: skip
        subprocess.run(words, check=True, capture_output=True)
        try:
            for event in events:
                if event.type != _NO_ACTION:
                    one = f"{event.pcr}:sha256={event.digest.hex()}"
                    subprocess.run(["tpm2_pcrextend", "-T", f"swtpm:path={state}/sock", one], check=True)
            yield f"swtpm:path={state}/sock"
        finally:
            os.kill(int((state / "pid").read_text()), signal.SIGTERM)


@dataclass(frozen=True)
class Event:
    pcr: int
    type: int
    digest: bytes  # SHA-256 digest
    data: bytes


def read_log(data: bytes) -> list[Event]:
    """Reads the log (TCG PC Client Platform Firmware Profile, 10). The first event has TPM 1.2's form and lists the
    banks."""
    (size,) = struct.unpack_from("<I", data, 28)
    head = data[32 : 32 + size]
    assert head.startswith(b"Spec ID Event03\0"), head
    (count,) = struct.unpack_from("<I", head, 24)
    digest_bytes = dict(struct.unpack_from("<HH", head, 28 + 4 * index) for index in range(count))
    events, at = [], 32 + size
    while at < len(data):
        pcr, kind, count = struct.unpack_from("<III", data, at)
        at, digests = at + 12, {}
        for _ in range(count):
            (bank,) = struct.unpack_from("<H", data, at)
            digests[bank] = data[at + 2 : at + 2 + digest_bytes[bank]]
            at += 2 + digest_bytes[bank]
        (size,) = struct.unpack_from("<I", data, at)
        events.append(Event(pcr, kind, digests[_SHA256], data[at + 4 : at + 4 + size]))
        at += 4 + size
    return events


def extended(digests: list[bytes]) -> bytes:
    """Returns a PCR's value after these digests."""
    value = bytes(32)
    for digest in digests:
        value = hashlib.sha256(value + digest).digest()
    return value


@dataclass(frozen=True)
class Measured:
    events: list[Event]
    pcrs: dict[int, bytes]

    def of(self, pcr: int) -> list[Event]:
        return [event for event in self.events if event.pcr == pcr and event.type != _NO_ACTION]


def take(console: str, folder: Path) -> Measured:
    """Reads what SHOW printed. Every PCR must follow from its events, and tpm2_eventlog must accept them."""
    lines = console.replace("\r", "")
    log = base64.b64decode("".join(re.findall(r"tpm-log (\S+)", lines)))
    pcrs = {int(pcr): bytes.fromhex(value) for pcr, value in re.findall(r"tpm-pcr (\d+) ([0-9A-Fa-f]{64})", lines)}
    assert set(pcrs) == set(PCRS) and log, lines[-3000:]
    path = folder / "event-log"
    path.write_bytes(log)
    done = subprocess.run(["tpm2_eventlog", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "does not match" not in done.stderr, done.stderr
    measured = Measured(read_log(log), pcrs)
    for pcr, value in pcrs.items():
        assert extended([event.digest for event in measured.of(pcr)]) == value, pcr
    return measured
