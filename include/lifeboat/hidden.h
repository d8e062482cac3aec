// SPDX-License-Identifier: BSD-2-Clause
// Included first, by the Makefile, into everything freestanding: every symbol is
// hidden, declared ones too, so that each is reached relative to RIP and none
// through a GOT.
#pragma GCC visibility push(hidden)
