# SPDX-License-Identifier: BSD-2-Clause
"""key=value words in console lines."""

import re

_KEY_VALUE = re.compile(r'([A-Za-z_][\w.\-]*)=("[^"]*"|\S+)')


def parse_key_values(text: str) -> dict[str, str]:
    """key=value words, values with spaces in double quotes; other words are passed over."""
    return {key: value.strip('"') for key, value in _KEY_VALUE.findall(text)}


def parse_number(text: str | None) -> int | None:
    """Decimal or 0x; None where there is none."""
    try:
        return int(text, 0) if text is not None else None
    except ValueError:
        return None
