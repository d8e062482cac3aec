# SPDX-License-Identifier: BSD-2-Clause
"""The rules of tests/structure, one in each file. A rule has check(tree), which yields a sentence for each
violation, and LISTED, the paths that its tables name."""
