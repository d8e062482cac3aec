# SPDX-License-Identifier: BSD-2-Clause
"""Building of the capture initramfs; scripts/mkcapture is its command."""


class ImageError(Exception):
    """What is wrong with an input, in one sentence that names it."""
