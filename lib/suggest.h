// SPDX-License-Identifier: BSD-2-Clause
// Suggests the option that a misspelt word was meant to be. Pure.
#ifndef LIFEBOAT_LIB_SUGGEST_H
#define LIFEBOAT_LIB_SUGGEST_H

#include <stddef.h>
#include <stdint.h>

// The known names, by index from 0; NULL after the last one.
typedef const char *lb_suggest_names(uint32_t index);

// The first of the names nearest to `word`, which need not end with a NUL. A name is near enough with one
// edit for each three letters of the word, three at most: a letter too many, missing, wrong, or swapped
// with its neighbour. NULL: none is.
const char *lb_suggest(const char *word, size_t bytes, lb_suggest_names *names);

#endif
