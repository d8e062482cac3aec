# SPDX-License-Identifier: BSD-2-Clause
"""The source tree that is judged: its files, their text and their language."""

import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_NOT_SOURCE = {"build", ".git", "__pycache__", ".pytest_cache"}
_INTERPRETER = re.compile(r"#!.*[/ ](bash|sh|python3?)\b")
_LANGUAGES = {
    ".c": "c", ".h": "c", ".lds": "c", ".asm": "asm", ".inc": "asm", ".py": "python", ".sh": "shell", ".md": "markdown",
}  # fmt: skip


class Tree:
    """Paths are relative to the root, with slashes."""

    def __init__(self, root: Path):
        self.root = root
        self.files = sorted(self._walk())
        self.folders = {str(folder) for file in self.files for folder in PurePosixPath(file).parents} - {"."}

    def _walk(self) -> Iterator[str]:
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(set(folders) - _NOT_SOURCE)
            for name in names:
                yield (Path(folder) / name).relative_to(self.root).as_posix()

    def of(self, *endings: str) -> list[str]:
        return [file for file in self.files if file.endswith(endings)]

    def exists(self, path: str) -> bool:
        return path in self._known

    @functools.cached_property
    def _known(self) -> set[str]:
        return {*self.files, *self.folders}

    @functools.cache  # noqa: B019: one tree a run
    def text(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    @functools.cache  # noqa: B019
    def language(self, path: str) -> str | None:
        """Returns c, asm, python, shell, make or markdown, by the ending or else by the first line; None for
        data."""
        name = PurePosixPath(path)
        if name.name == "Makefile":
            return "make"
        if name.suffix:
            return _LANGUAGES.get(name.suffix)
        interpreter = _INTERPRETER.match(self.text(path)[:80])
        if interpreter is None:
            return None
        return "python" if interpreter[1].startswith("python") else "shell"


def folder(path: str) -> str:
    return str(PurePosixPath(path).parent)


def stem(path: str) -> str:
    """Returns the path without its last ending, which a .c and its .h have in common."""
    return str(PurePosixPath(path).with_suffix(""))
