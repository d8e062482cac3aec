# SPDX-License-Identifier: BSD-2-Clause
"""Reports how large the rooms are, and what is longest in them."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from . import c
from .tree import Tree, folder

_HEAD = ("room", "files", "lines", "longest file", "lines", "longest function", "lines")
_SHELL_FUNCTION = re.compile(r"^(\w+)\(\) [({]\n(?:.*\n)*?^[)}]", re.MULTILINE)


def _of_python(tree: Tree, file: str) -> Iterator[c.Function]:
    for node in ast.walk(ast.parse(tree.text(file), file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield c.Function(file, node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)


def _of_shell(tree: Tree, file: str) -> Iterator[c.Function]:
    text = tree.text(file)
    for match in _SHELL_FUNCTION.finditer(text):
        yield c.Function(file, match[1], c.line_of(text, match.start()), match[0].count("\n") + 1)


def _functions(tree: Tree, file: str) -> Iterator[c.Function]:
    language = tree.language(file)
    if language == "python":
        return _of_python(tree, file)
    if language == "shell":
        return _of_shell(tree, file)
    return c.functions(tree, file) if file.endswith((".c", ".h")) else iter(())


def _lines(tree: Tree, file: str) -> int:
    return len(tree.text(file).splitlines())


def _row(tree: Tree, room: str, files: list[str]) -> list[str]:
    longest = max(files, key=lambda file: _lines(tree, file))
    functions = [function for file in files for function in _functions(tree, file)]
    row = [room, len(files), sum(_lines(tree, file) for file in files)]
    row += [PurePosixPath(longest).name, _lines(tree, longest)]
    if functions:
        most = max(functions, key=lambda function: function.lines)
        row += [f"{most.name}() in {PurePosixPath(most.file).name}:{most.line}", most.lines]
    return [str(cell) for cell in row]


def _cell(text: str, width: int) -> str:
    return text.rjust(width) if text.isdigit() or text in ("files", "lines") else text.ljust(width)


def _aligned(rows: list[list[str]]) -> str:
    full = [[*row, *[""] * (len(_HEAD) - len(row))] for row in rows]
    widths = [max(map(len, column)) for column in zip(*full, strict=True)]
    return "\n".join("  ".join(map(_cell, row, widths)).rstrip() for row in full)


def table(tree: Tree) -> str:
    """Returns a table with a row for each folder with sources, then one for all. Documents and data are not
    counted."""
    rooms = defaultdict(list)
    for file in tree.files:
        if tree.language(file) not in (None, "markdown"):
            rooms[folder(file)].append(file)
    every = [file for files in rooms.values() for file in files]
    rows = [_row(tree, room, files) for room, files in sorted(rooms.items())]
    return _aligned([list(_HEAD), *rows, _row(tree, "all", every)])
