# SPDX-License-Identifier: BSD-2-Clause
"""The serial console as lines: bytes in pieces of any size, lines out."""

import re

# CSI sequences (cursor, colour), and the few two-character ones firmware sends.
_ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[ -/]*[@-~]|\x1b[()][0-9A-Za-z]|\x1b[=>78cDEHMNOZ]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# Text that never ends a line must not fill memory.
_LINE_MAX = 65536


def clean(text: str) -> str:
    """Without escape sequences and control characters (tabs stay)."""
    return _CONTROL.sub("", _ESCAPES.sub("", text)).rstrip()


class LineReader:
    """Splits a stream at newlines. Firmware moves the cursor instead of ending a
    line now and then: what follows then is in the same line here."""

    def __init__(self):
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines completed by `data`, cleaned, empty ones left out."""
        *complete, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LINE_MAX:
            complete.append(self._rest)
            self._rest = b""
        lines = [clean(raw.decode("utf-8", "replace")) for raw in complete]
        return [line for line in lines if line]

    @property
    def partial(self) -> str:
        """The line that is not finished yet: a prompt, or where a machine stopped."""
        return clean(self._rest.decode("utf-8", "replace"))
