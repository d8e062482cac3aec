# SPDX-License-Identifier: BSD-2-Clause
"""There are no circles: neither of a .c with its .h by #include, nor of Python modules by import."""

import ast
from collections import defaultdict
from collections.abc import Iterator

from . import c
from .tree import Tree, folder, stem

Graph = dict[str, set[str]]

# Folders where Python finds modules, in addition to the importing file's own.
_PYTHON_PATH = ("scripts", "tests", "tests/vm", "tests/vm/lib")
LISTED: list[str] = []


def _node(path: str) -> str:
    return stem(path) if path.endswith((".c", ".h")) else path


def _of_includes(tree: Tree) -> Graph:
    graph: Graph = defaultdict(set)
    for include in c.includes(tree):
        if include.target is not None and _node(include.file) != _node(include.target):
            graph[_node(include.file)].add(_node(include.target))
    return graph


def _module(tree: Tree, place: str, name: str) -> str | None:
    path = f"{place}/{name.replace('.', '/')}"
    return next((file for file in (f"{path}.py", f"{path}/__init__.py") if tree.exists(file)), None)


def _find(tree: Tree, file: str, name: str) -> str | None:
    places = (folder(file), *_PYTHON_PATH)
    return next((found for place in places if (found := _module(tree, place, name))), None)


def _from(tree: Tree, file: str, statement: ast.ImportFrom) -> Iterator[str | None]:
    """Yields for each name its module of the package, or else the package's own file."""
    if statement.level:
        place = folder(file)
        for _ in range(statement.level - 1):
            place = folder(place)
        package = f".{statement.module}" if statement.module else ""
        for alias in statement.names:
            whole = f"{package}.{alias.name}".lstrip(".")
            yield _module(tree, place, whole) or _module(tree, place, package.lstrip(".") or "__init__")
        return
    for alias in statement.names:
        yield _find(tree, file, f"{statement.module}.{alias.name}") or _find(tree, file, str(statement.module))


def _imports(tree: Tree, file: str) -> Iterator[str | None]:
    """Yields all imports, also those in functions and under `if TYPE_CHECKING`."""
    for statement in ast.walk(ast.parse(tree.text(file), file)):
        if isinstance(statement, ast.Import):
            yield from (_find(tree, file, alias.name) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield from _from(tree, file, statement)


def _of_imports(tree: Tree) -> Graph:
    files = [file for file in tree.files if tree.language(file) == "python"]
    return {file: {found for found in _imports(tree, file) if found not in (None, file)} for file in files}


def _from_first(path: list[str]) -> list[str]:
    """Returns the circle of these nodes, from the first by name back to it."""
    first = path.index(min(path))
    return [*path[first:], *path[: first + 1]]


def circle(graph: Graph) -> list[str] | None:
    """Returns one circle, or None."""
    done: set[str] = set()

    def descend(node: str, path: list[str]) -> list[str] | None:
        if node in path:
            return _from_first(path[path.index(node) :])
        if node not in done:
            for below in sorted(graph.get(node, ())):
                if found := descend(below, [*path, node]):
                    return found
            done.add(node)
        return None

    return next((found for node in sorted(graph) if (found := descend(node, []))), None)


def check(tree: Tree) -> Iterator[str]:
    """Yields one circle, then those that remain without the circle's last arrow."""
    for what, graph in (("#include", _of_includes(tree)), ("import", _of_imports(tree))):
        while found := circle(graph):
            yield f"a circle of {what}: {' -> '.join(found)}"
            graph[found[-2]].discard(found[-1])
