// SPDX-License-Identifier: BSD-2-Clause
// For a word that is no option's name: the name that was meant. Pure.
#ifndef LIFEBOAT_LIB_SUGGEST_H
#define LIFEBOAT_LIB_SUGGEST_H

#include <stddef.h>
#include <stdint.h>

// The names that there are, by index from 0; NULL behind the last one.
typedef const char *lb_suggest_names(uint32_t index);

// The first of the names that are nearest to `word`, which need not end with a NUL: one letter too many,
// missing, wrong or swapped with its neighbour for each three of the word, three at most. NULL: none.
const char *lb_suggest(const char *word, size_t bytes, lb_suggest_names *names);

#endif
