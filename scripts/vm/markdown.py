# SPDX-License-Identifier: BSD-2-Clause
"""Markdown, as the documents here use it."""

import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def merge_sections(page: str, made: str) -> str:
    """Replaces the sections ("## ...") of `page` by those of `made` with the same heading, and the
    page's head by that of `made`. A section that only `made` has comes last."""
    head, *sections = re.split("^(?=## )", page, flags=re.MULTILINE)
    new_head, *new = re.split("^(?=## )", made, flags=re.MULTILINE)
    by_heading = {_heading(section): section.rstrip("\n") + "\n" for section in new}
    kept = [by_heading.pop(_heading(section), section).rstrip("\n") + "\n" for section in sections]
    return "\n".join([(new_head or head).rstrip("\n") + "\n", *kept, *by_heading.values()])


def _heading(section: str) -> str:
    return section.partition("\n")[0]
