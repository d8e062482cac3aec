# SPDX-License-Identifier: BSD-2-Clause
"""More than six parameters mean that a struct is missing."""

import ast
from collections.abc import Iterator

from . import c
from .tree import Tree

MOST = 6
LISTED: list[str] = []


def _of_python(tree: Tree, file: str) -> Iterator[c.Parameters]:
    for node in ast.walk(ast.parse(tree.text(file), file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            names = [argument.arg for argument in given if argument.arg not in ("self", "cls")]
            yield c.Parameters(file, node.lineno, node.name, len(names))


def check(tree: Tree) -> Iterator[str]:
    """Judges all C, and Python except tests, which get fixtures and a case's values as parameters."""
    found = [function for file in tree.of(".c", ".h") for function in c.parameters(tree, file)]
    for file in tree.files:
        if tree.language(file) == "python" and not file.startswith("tests/"):
            found += _of_python(tree, file)
    for function in found:
        if function.count > MOST:
            place = f"{function.file}:{function.line}"
            yield f"{place}: {function.name}() has {function.count} parameters, want at most {MOST}"
