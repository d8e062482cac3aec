# SPDX-License-Identifier: BSD-2-Clause
"""A unit test is named after the file that it judges."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from .tree import Tree

_PREFIX = "tests/unit/test_"
# Tests that judge several files, and these files.
_SEVERAL = {
    "tests/unit/test_dump_encrypted.c": "crash/dump/dump.c, encrypted",
    "tests/unit/test_ident_maps.c": "pgtable/ident.c, on each memory map of tests/data/maps/",
    "tests/unit/test_partition_file.c": "crash/disk/partition.c, over a file",
    "tests/unit/test_maps.c": "the plan, from e820.c to layout.c, on each memory map of tests/data/maps/",
}
LISTED = [*_SEVERAL]


def check(tree: Tree) -> Iterator[str]:
    judged = {PurePosixPath(file).name for file in tree.of(".c") if not file.startswith("tests/")}
    for test in tree.of(".c"):
        name = test.removeprefix(_PREFIX)
        if test.startswith(_PREFIX) and name not in judged and test not in _SEVERAL:
            yield f"{test}: no {name} that it judges, nor on the list of tests/rules/unit_tests.py"
