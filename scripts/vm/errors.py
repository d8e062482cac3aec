# SPDX-License-Identifier: BSD-2-Clause
"""The one exception of this package: a sentence for the user, no traceback."""


class VmError(Exception):
    """What went wrong: the thing concerned, what was found, what was wanted."""
