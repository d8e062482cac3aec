// SPDX-License-Identifier: BSD-2-Clause
// The Makefile includes this first in everything freestanding. It makes every symbol hidden, declared ones
// too, so that code reaches each relative to RIP and none through a GOT.
#pragma GCC visibility push(hidden)
