# SPDX-License-Identifier: BSD-2-Clause
"""Reads C as far as its shape matters: comments, includes, functions and lists of parameters."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .tree import Tree, folder

_COMMENT_OR_STRING = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
_ATTRIBUTE = re.compile(r"\b(?:__attribute__|__asm__|_Static_assert|_Alignas)\s*\(")
_INCLUDE = re.compile(r'^[ \t]*[#%][ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
# NAME( or (*NAME)(. A list of parameters never begins with the second form's *.
_PARAMETERS = re.compile(r"(?:(\w+)|\(\s*\*\s*(?:const\s+)?(\w*)[^()]*\))\s*\((?!\s*\*)")
# Made by the build.
_GENERATED = {"asm-defines.inc"}
# Folders below the root where the compilers look for a name in quotes: first for all files, then for tests
# only.
_SEARCHED = ("include", "include/lifeboat")
_SEARCHED_BY_TESTS = ("tests/unit", "tests/fuzz")


@dataclass(frozen=True)
class Include:
    file: str
    line: int
    word: str  # the name as it is written
    system: bool  # True for <word>
    target: str | None  # the file in the tree; None for a system header, or if there is no such file


@dataclass(frozen=True)
class Function:
    file: str
    name: str
    line: int
    lines: int


@dataclass(frozen=True)
class Parameters:
    file: str
    line: int
    name: str
    count: int


def _blank(match: re.Match) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def comments(text: str) -> Iterator[tuple[int, str]]:
    for match in _COMMENT_OR_STRING.finditer(text):
        if match[0].startswith("/"):
            yield line_of(text, match.start()), match[0]


def _resolve(tree: Tree, file: str, word: str) -> str | None:
    searched = (*_SEARCHED, *(_SEARCHED_BY_TESTS if file.startswith("tests/") else ()))
    candidates = [word, f"{folder(file)}/{word}", *(f"{place}/{word}" for place in searched)]
    return next((path for path in candidates if tree.exists(path)), None)


def includes(tree: Tree) -> Iterator[Include]:
    """Returns the includes of C and assembly, without files that the build makes."""
    for file in tree.of(".c", ".h", ".asm", ".inc"):
        for match in _INCLUDE.finditer(tree.text(file)):
            if match[2] in _GENERATED:
                continue
            system = match[1] == "<"
            target = None if system else _resolve(tree, file, match[2])
            yield Include(file, line_of(tree.text(file), match.start(1)), match[2], system, target)


def _code(text: str) -> str:
    """Returns the text with spaces in place of comments, strings and directives. Every character stays on its
    line."""
    without = _COMMENT_OR_STRING.sub(_blank, text)
    return _DIRECTIVE.sub(_blank, without)


def _closing(code: str, opening: int) -> int:
    """Returns the position of the bracket that closes the one there; the end if none does."""
    depth = 0
    for match in re.compile(r"[(){}]").finditer(code, opening):
        depth += 1 if match[0] in "({" else -1
        if depth == 0:
            return match.start()
    return len(code)


def _without_attributes(code: str) -> str:
    while match := _ATTRIBUTE.search(code):
        end = _closing(code, match.end() - 1) + 1
        code = code[: match.start()] + re.sub(r"[^\n]", " ", code[match.start() : end]) + code[end:]
    return code


@dataclass(frozen=True)
class _Block:
    """A {...} outside of any other, and the text between it and what comes before."""

    head: str
    start: int
    opening: int
    closing: int

    @property
    def is_function(self) -> bool:
        return "(" in self.head and "=" not in self.head

    @property
    def is_initialiser(self) -> bool:
        return "=" in self.head


def _blocks(code: str) -> Iterator[_Block]:
    position = 0
    while (opening := code.find("{", position)) >= 0:
        start = max(position, code.rfind(";", position, opening) + 1)
        closing = _closing(code, opening)
        yield _Block(code[start:opening], start, opening, closing)
        position = closing + 1


def functions(tree: Tree, file: str) -> Iterator[Function]:
    """Returns the definitions of functions. The lines are those from the name to the closing brace."""
    code = _without_attributes(_code(tree.text(file)))
    for block in _blocks(code):
        name = re.search(r"(\w+)\s*\(", block.head)
        if block.is_function and name:
            first = line_of(code, block.start + name.start())
            yield Function(file, name[1], first, line_of(code, block.closing) - first + 1)


def _declarations(code: str) -> str:
    """Returns the code without the content of functions and initialisers."""
    for block in _blocks(code):
        if block.is_function or block.is_initialiser:
            inside = code[block.opening : block.closing + 1]
            # The semicolon ends a function's declaration, in place of its body.
            code = code[: block.opening] + ";" + re.sub(r"[^\n]", " ", inside)[1:] + code[block.closing + 1 :]
    return code


def _count(code: str, opening: int, closing: int) -> int:
    inside = code[opening + 1 : closing]
    while re.search(r"\([^()]*\)", inside):
        inside = re.sub(r"\([^()]*\)", "", inside)
    return 0 if inside.strip() in ("", "void") else inside.count(",") + 1


def parameters(tree: Tree, file: str) -> Iterator[Parameters]:
    """Returns the parameters of each definition, prototype and pointer to a function, also of pointers that are
    members or parameters."""
    code = _declarations(_without_attributes(_code(tree.text(file))))
    for match in _PARAMETERS.finditer(code):
        opening = match.end() - 1
        count = _count(code, opening, _closing(code, opening))
        yield Parameters(file, line_of(code, match.start()), match[1] or match[2] or "(*)", count)
