# SPDX-License-Identifier: BSD-2-Clause
"""Each path of the tree that a comment or a document names exists."""

import ast
import fnmatch
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import PurePosixPath

from . import c
from .tree import Tree, folder

_WORD = re.compile(r"(?<![\w/.~$@%<>)}+-])[\w{](?:[\w.+*{},/-]|\[\w+\])*")
_BRACES = re.compile(r"\{([^{}]*)\}")
# Endings of files that sentences name.
_ENDINGS = (".c", ".h", ".asm", ".inc", ".lds", ".py", ".sh", ".md")
# Names from elsewhere, with or without a folder, and where they come from.
_OTHERS = {
    "diskdump.c": "crash",
    "diskdump_mod.h": "makedumpfile",
    "lib/cmdline.c": "Linux",
    "lib/modules": "any root",
    "mm_types.h": "Linux",
    "mmzone.h": "Linux",
    "scripts/kallsyms.c": "Linux",
    "zlib.h": "zlib",
    "zstd.h": "zstd",
}
_LINUX = ("include/linux/", "include/uapi/")
# Stands for any name.
_ANY = "NAME"

LISTED: list[str] = []

Said = Iterator[tuple[int, str]]


def _of_python(text: str) -> Said:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and (said := ast.get_docstring(node, clean=False)):
            yield node.body[0].lineno, said


def _of_lines(text: str, sign: str) -> Said:
    """Yields the text from the sign, which must begin a word, to the end of each line."""
    comment = re.compile(rf"(?:^|(?<=\s)){sign}(?!!).*", re.MULTILINE)
    for match in comment.finditer(text):
        yield c.line_of(text, match.start()), match[0]


def _said(tree: Tree, file: str) -> Said:
    """Yields what the file says to a reader: its comments, or all of a document."""
    text, language = tree.text(file), tree.language(file)
    if language == "markdown":
        yield 1, text
    elif language == "python":
        yield from _of_python(text)
    elif language in ("shell", "make"):
        yield from _of_lines(text, "#")
    elif language == "asm":
        yield from _of_lines(text, ";")
    elif language == "c":
        yield from c.comments(text)


def _spellings(word: str) -> Iterator[str]:
    """Yields the word with each choice of its braces."""
    braces = _BRACES.search(word)
    if braces is None:
        yield word
        return
    for choice in braces[1].split(","):
        yield from _spellings(word[: braces.start()] + choice + word[braces.end() :])


def _matches(tree: Tree, path: str) -> bool:
    if not set("*[") & set(path):
        return tree.exists(path)
    return any(fnmatch.fnmatchcase(known, path) for known in (*tree.files, *tree.folders))


def _is_there(tree: Tree, file: str, path: str) -> bool:
    """True if the path exists from the root, from the folder of the file that names it, or from a folder above.
    lifeboat/ is in include/."""
    places = [str(place) for place in PurePosixPath(file).parents]
    return any(_matches(tree, path if place == "." else f"{place}/{path}") for place in (*places, "include"))


def _is_end(tree: Tree, path: str) -> bool:
    """True if a path of the tree ends with this one."""
    return any(fnmatch.fnmatchcase("/" + known, f"*/{path}") for known in tree.files)


def _is_wrong(tree: Tree, file: str, path: str) -> bool:
    path = path.rstrip("/")
    parts = path.split("/")
    named = PurePosixPath(path).name
    if parts[0] == "build" or _ANY in named or {named, path} & set(_OTHERS) or path.startswith(_LINUX):
        return False
    if parts[0] in _tops(tree) and len(parts) > 1:
        return not _is_there(tree, file, path)
    ours = len(parts) == 1 or any(parts[0] == PurePosixPath(place).name for place in tree.folders)
    return ours and named.endswith(_ENDINGS) and not named.startswith((".", "*")) and not _is_end(tree, path)


def _tops(tree: Tree) -> set[str]:
    return {place for place in tree.folders if "/" not in place} | {"lifeboat"}


def _words(text: str) -> Iterator[tuple[int, str]]:
    for match in _WORD.finditer(text):
        yield match.start(), match[0].rstrip(".,-")


def check(tree: Tree) -> Iterator[str]:
    for file in tree.files:
        if tree.language(file) is None:
            continue
        for line, text in _said(tree, file):
            for position, word in _words(text):
                for path in _spellings(word):
                    if _is_wrong(tree, file, path):
                        yield f"{file}:{line + text.count(chr(10), 0, position)}: names {path}, which is not there"
