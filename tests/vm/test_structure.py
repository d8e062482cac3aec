# SPDX-License-Identifier: BSD-2-Clause
"""tests/structure finds the faults that it looks for: a small tree has none, and has one after each change."""

import subprocess
from pathlib import Path

import pytest

STRUCTURE = Path(__file__).resolve().parents[1] / "structure"
RULES = ("arrows", "circles", "headers", "parameters", "paths", "tests")

# One file of each kind, with text that a rule could mistake for a fault.
CLEAN = {
    "Makefile": "# Builds lib/ and lib/{text,mem}.[ch]; see build/none.c.\nall:\n",
    "README.md": "See `lib/text.c`, text.h, `scripts/vm/`, lifeboat/range.h and Linux's kernel/panic.c.\n",
    "include/lifeboat/range.h": "#ifndef LIFEBOAT_RANGE_H\n#define LIFEBOAT_RANGE_H\n#include <stdint.h>\n#endif\n",
    "lib/text.h": "#ifndef LIFEBOAT_LIB_TEXT_H\n#define LIFEBOAT_LIB_TEXT_H\n"
    "int lb_text(int a, int (*b)(int, int, int, int), int c, int d, int e, int f);\n#endif\n",
    "lib/text.c": '#include "lib/text.h"\n#include "lifeboat/range.h"\n'
    "static const int many[] = {(1, 2, 3, 4, 5, 6, 7)};\n"
    "int lb_text(int a, int (*b)(int, int, int, int), int c, int d, int e, int f)\n"
    "{\n\treturn b(lb_seven(1, 2, 3, 4, 5, 6, 7), a, c, many[d + e + f]); // f(a, b, c, d, e, f, g)\n}\n",
    "lib/mem.h": "#ifndef LIFEBOAT_LIB_MEM_H\n#define LIFEBOAT_LIB_MEM_H\n#endif\n",
    "lib/mem.c": '#include "lib/mem.h"\n',
    "crash/dead/ram.h": "#ifndef LIFEBOAT_CRASH_DEAD_RAM_H\n#define LIFEBOAT_CRASH_DEAD_RAM_H\n#endif\n",
    "crash/dead/ram.c": '#include "crash/dead/ram.h"\n#include "lib/text.h"\n',
    "crash/capture/main.c": '#include "crash/dead/ram.h"\n',
    "purgatory/main.c": '#include "crash/dead/ram.h"\n',
    "purgatory/entry.asm": '; main.c\n%include "asm-defines.inc"\n',
    "loader/main.c": '#include <efi.h>\n#include "loader/flow.h"\n',
    "loader/flow.h": "#ifndef LIFEBOAT_LOADER_FLOW_H\n#define LIFEBOAT_LOADER_FLOW_H\n#endif\n",
    "loader/flow.c": '#include "loader/flow.h"\n#include "lib/mem.h"\n',
    "tools/save/main.c": '#include <stdio.h>\n#include "lib/text.h"\n',
    "scripts/run": "#!/bin/sh\n# Runs scripts/vm/low.py.\n",
    "scripts/vm/low.py": "class Low:\n    def f(self, a, b, c, d, e, f):\n        pass\n",
    "scripts/vm/high.py": '"""Above low.py."""\nfrom vm import low\n',
    "tests/unit/test_text.c": "// text.c\n#include <stdio.h>\n#include \"lib/text.h\"\n",
}


def judge(root: Path, *rules: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [STRUCTURE, "--root", root, *rules], capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip


@pytest.fixture
def tree(tmp_path):
    """tree({path: text}) writes the clean tree with these files changed."""

    def write(changed: dict[str, str]) -> Path:
        for path, text in {**CLEAN, **changed}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return tmp_path

    return write


def test_clean(tree):
    judged = judge(tree({}), *RULES)
    assert (judged.returncode, judged.stdout, judged.stderr) == (0, "", "")


def header(path: str, inside: str) -> str:
    guard = "LIFEBOAT_" + path.translate(str.maketrans("/.", "__")).upper()
    return f"#ifndef {guard}\n#define {guard}\n{inside}\n#endif\n"


SEVEN = "int a, int b, int c, int d, int e, int f, int g"

# What is changed, the rule, and its message.
VIOLATIONS = {
    "lib includes a room above": ({"lib/mem.c": '#include "lib/mem.h"\n\n#include "crash/dead/ram.h"\n'}, "arrows",
        "lib/mem.c:3: lib/ includes crash/dead/ram.h"),
    "crash/dead includes the platform": (
        {"crash/platform/power.h": header("crash/platform/power.h", ""),
         "crash/dead/ram.c": '#include "crash/platform/power.h"\n'}, "arrows",
        "crash/dead/ram.c:1: crash/dead/ includes crash/platform/power.h"),
    "crash/dead includes bare": (
        {"crash/bare/lapic.h": header("crash/bare/lapic.h", ""), "crash/dead/ram.c": '#include "crash/bare/lapic.h"\n'},
        "arrows", "crash/dead/ram.c:1: crash/dead/ includes crash/bare/lapic.h"),
    "the loader includes a driver's contract": (
        {"crash/disk/disk.h": header("crash/disk/disk.h", ""), "loader/flow.c": '#include "crash/disk/disk.h"\n'},
        "arrows", "loader/flow.c:1: loader/ includes crash/disk/disk.h"),
    "the loader includes the purgatory": (
        {"purgatory/purgatory.h": "", "loader/flow.c": '#include "purgatory/purgatory.h"\n'}, "arrows",
        "loader/flow.c:1: loader/ includes purgatory/purgatory.h"),
    "the purgatory includes the loader": ({"purgatory/main.c": '#include "loader/flow.h"\n'}, "arrows",
        "purgatory/main.c:1: purgatory/ includes loader/flow.h"),
    "assembly includes what lies above": (
        {"loader/own.inc": "", "purgatory/entry.asm": '%include "loader/own.inc"\n'}, "arrows",
        "purgatory/entry.asm:1: purgatory/ includes loader/own.inc"),
    "somebody includes the capture kernel": (
        {"crash/capture/run.h": "", "purgatory/main.c": '# include "crash/capture/run.h"\n'}, "arrows",
        "purgatory/main.c:1: purgatory/ includes crash/capture/run.h"),
    "one tool includes another's": (
        {"tools/list/list.h": header("tools/list/list.h", ""), "tools/save/main.c": '#include "tools/list/list.h"\n'},
        "arrows", "tools/save/main.c:1: tools/save/ includes tools/list/list.h"),
    "EFI below the loader": ({"crash/dead/ram.c": "#include <efi.h>\n"}, "arrows",
        "crash/dead/ram.c:1: crash/dead/ includes <efi.h>"),
    "EFI in loader/options": ({"loader/options/path.c": "#include <efilib.h>\n"}, "arrows",
        "loader/options/path.c:1: loader/options/ includes <efilib.h>"),
    "EFI in a tool": ({"tools/save/main.c": "#include <efi.h>\n"}, "arrows", "tools/save/ includes <efi.h>"),
    "libc in the loader": ({"loader/flow.c": "#include <string.h>\n"}, "arrows",
        "loader/flow.c:1: loader/ includes <string.h>"),
    "libc in lib": ({"lib/mem.c": "#include <string.h>\n"}, "arrows", "lib/mem.c:1: lib/ includes <string.h>"),
    "an unknown room": ({"crash/new/x.c": ""}, "arrows", "crash/new/: no room"),
    "a header that is not there": ({"lib/mem.c": '#include "lib/gone.h"\n'}, "arrows",
        'lib/mem.c:1: includes "lib/gone.h", which is not there'),
    "two sources through their headers": (
        {"lib/mem.h": header("lib/mem.h", '#include "lib/text.h"'), "lib/text.c": '#include "lib/mem.h"\n'}, "circles",
        "a circle of #include: lib/mem -> lib/text -> lib/mem"),
    "modules": ({"scripts/vm/low.py": "import vm.high\n"}, "circles",
        "a circle of import: scripts/vm/high.py -> scripts/vm/low.py -> scripts/vm/high.py"),
    "modules of a package": (
        {"scripts/vm/__init__.py": "", "scripts/vm/low.py": "from . import high\n"}, "circles", "a circle of import"),
    "modules, by name of what is in one": ({"scripts/vm/low.py": "from .high import x\n"}, "circles",
        "a circle of import"),
    "modules, for types only": (
        {"scripts/vm/low.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from vm.high import x\n"},
        "circles", "a circle of import"),
    "modules, within a function": ({"scripts/vm/low.py": "def f():\n    from vm import high\n"}, "circles",
        "a circle of import"),
    "tests' modules": ({"tests/vm/a.py": "import b\n", "tests/vm/b.py": "import a\n"}, "circles",
        "a circle of import: tests/vm/a.py -> tests/vm/b.py -> tests/vm/a.py"),
    "a header alone": ({"lib/alone.h": header("lib/alone.h", "")}, "headers", "lib/alone.h: no alone.c beside it"),
    "a source alone": ({"lib/alone.c": ""}, "headers", "lib/alone.c: no alone.h beside it"),
    "a contract that is not kept": (
        {"purgatory/purgatory.h": header("purgatory/purgatory.h", ""), "purgatory/swap.c": '#include "lib/mem.h"\n'},
        "headers", "purgatory/swap.c: does not include purgatory/purgatory.h"),
    "another's guard": ({"lib/mem.h": header("lib/text.h", "")}, "headers",
        "lib/mem.h: include guard LIFEBOAT_LIB_TEXT_H, want LIFEBOAT_LIB_MEM_H"),
    "no guard": ({"lib/mem.h": "int x;\n"}, "headers", "lib/mem.h: include guard none, want LIFEBOAT_LIB_MEM_H"),
    "a prototype": ({"lib/mem.h": f"\nint\nlb_mem({SEVEN});\n"}, "parameters",
        "lib/mem.h:3: lb_mem() has 7 parameters"),
    "a definition": (
        {"lib/mem.c": f"static int first(void)\n{{\n\treturn 0;\n}}\n\nstatic int second({SEVEN})\n{{\n}}\n"},
        "parameters", "lib/mem.c:6: second() has 7 parameters"),
    "a definition with a function as parameter": (
        {"lib/mem.c": "int f(int a, int b, int c, int d, int e, int f, int (*g)(int, int))\n{\n}\n"}, "parameters",
        "lib/mem.c:1: f() has 7 parameters"),
    "a function as member": ({"lib/mem.h": f"struct x {{\n\tint (*ask)({SEVEN});\n}};\n"}, "parameters",
        "lib/mem.h:2: ask() has 7 parameters"),
    "a function as parameter": ({"lib/mem.h": f"void f(int (*ask)({SEVEN}), int b);\n"}, "parameters",
        "lib/mem.h:1: ask() has 7 parameters"),
    "Python": ({"scripts/vm/low.py": "\ndef f(a, b, c, /, d, e, *, f, g=1):\n    pass\n"}, "parameters",
        "scripts/vm/low.py:2: f() has 7 parameters"),
    "a method of a script": (
        {"scripts/lives": "#!/usr/bin/python3\nclass X:\n    def f(self, a, b, c, d, e, f, g):\n        pass\n"},
        "parameters", "scripts/lives:3: f() has 7 parameters"),
    "in C, //": ({"lib/mem.c": "int x; // as lib/gone.c has it\n"}, "paths",
        "lib/mem.c:1: names lib/gone.c, which is not there"),
    "in C, /* */": ({"lib/mem.c": "/*\n * see gone.c.\n */\n"}, "paths",
        "lib/mem.c:2: names gone.c, which is not there"),
    "in assembly": ({"purgatory/entry.asm": "nop ; see purgatory/gone.c\n"}, "paths", "names purgatory/gone.c"),
    "in Python": ({"scripts/vm/low.py": "x = 1  # by vm/gone.py\n"}, "paths", "scripts/vm/low.py:1: names vm/gone.py"),
    "in Python's docstring": ({"scripts/vm/low.py": '"""Low.\n\nUnlike gone.py."""\n'}, "paths",
        "scripts/vm/low.py:3: names gone.py"),
    "in a shell script": ({"scripts/run": "#!/bin/sh\ntrue # scripts/gone\n"}, "paths",
        "scripts/run:2: names scripts/gone"),
    "in the Makefile": ({"Makefile": "all: # lib/gone/\n"}, "paths", "Makefile:1: names lib/gone/"),
    "in a document": ({"README.md": "One.\nTwo: `lifeboat/gone.h`.\n"}, "paths", "README.md:2: names lifeboat/gone.h"),
    "one of two in braces": ({"README.md": "See lib/{mem,gone}.c.\n"}, "paths", "README.md:1: names lib/gone.c"),
    "a pattern of nothing": ({"README.md": "See lib/sha*.c.\n"}, "paths", "README.md:1: names lib/sha*.c"),
    "a test of nothing": ({"tests/unit/test_gone.c": ""}, "tests", "tests/unit/test_gone.c: no gone.c that it judges"),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "rule", "said"), VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_violation(tree, changed, rule, said):
    judged = judge(tree(changed), rule)
    assert judged.returncode == 1, judged.stdout
    assert said in judged.stdout
    assert len(judged.stdout.splitlines()) == 1


def test_two_circles(tree):
    mem = header("lib/mem.h", '#include "lib/text.h"\n#include "crash/dead/ram.h"')
    judged = judge(tree({"lib/mem.h": mem, "lib/text.c": '#include "lib/mem.h"\n'}), "circles")
    assert judged.returncode == 1
    assert judged.stdout.splitlines() == [
        "a circle of #include: crash/dead/ram -> lib/text -> lib/mem -> crash/dead/ram",
        "a circle of #include: lib/mem -> lib/text -> lib/mem",
    ]


def test_tables_name_what_is_there(tree):
    judged = judge(tree({}), "stale")
    assert judged.returncode == 1
    assert "crash/bare: named in a table of the rule arrows, but not there" in judged.stdout.splitlines()


def test_unknown_rule(tree):
    judged = judge(tree({}), "gone")
    assert judged.returncode == 2
    assert "gone" in judged.stderr


def test_report(tree):
    long = "int first(void)\n{\n\treturn 0;\n}\n\nstatic int\nlonger(void)\n{\n\tint x = 1;\n\n\treturn x;\n}\n"
    judged = judge(tree({"lib/mem.c": long}), "report")
    rows = {line.split()[0]: line.split()[1:] for line in judged.stdout.splitlines()}
    assert judged.returncode == 0
    assert rows["lib"] == ["4", "26", "mem.c", "12", "longer()", "in", "mem.c:7", "6"]
    files = sum(int(row[0]) for room, row in rows.items() if room not in ("room", "all"))
    assert int(rows["all"][0]) == files == len([path for path in CLEAN if path != "README.md"])
