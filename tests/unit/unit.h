// SPDX-License-Identifier: BSD-2-Clause
// Included by every unit test: cmocka, and the four headers that must come before it.
#ifndef LIFEBOAT_TESTS_UNIT_UNIT_H
#define LIFEBOAT_TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
