# SPDX-License-Identifier: BSD-2-Clause
"""Sections of a page that are made anew: docs/measurements.md has some from each of several programs."""

from vm.markdown import merge_sections

PAGE = "# Page\n\nHead.\n\n## One\n\nold 1\n\n### Part\n\n## Two\n\nold 2\n\n## Three\n\nold 3\n"


def test_a_section_is_replaced_in_its_place():
    made = merge_sections(PAGE, "## Two\n\nnew 2\n\n")
    assert made == PAGE.replace("old 2", "new 2")


def test_a_new_section_comes_last():
    assert merge_sections(PAGE, "## Four\n\nnew 4\n") == PAGE + "\n## Four\n\nnew 4\n"


def test_the_head_goes_with_the_sections():
    made = merge_sections(PAGE, "# Page\n\nAnother head.\n\n## One\n\nnew 1\n")
    assert made == "# Page\n\nAnother head.\n\n## One\n\nnew 1\n\n## Two\n\nold 2\n\n## Three\n\nold 3\n"
