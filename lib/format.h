// SPDX-License-Identifier: BSD-2-Clause
// Text without libc: a small snprintf, and the one way pure code reports errors.
#ifndef LIFEBOAT_LIB_FORMAT_H
#define LIFEBOAT_LIB_FORMAT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

// Conversions: %s %.Ns (at most N bytes are read) %c %d %u %x and their l, ll and z forms, %%; width with 0
// (numbers) or - (left); width and precision may be *. A NULL string prints "(null)", an unknown conversion
// prints itself. Always NUL-terminates when bytes > 0. Returns the length of the whole text; >= bytes when
// it was cut.
size_t lb_vsnprintf(char *text, size_t bytes, const char *format, va_list args);
size_t lb_snprintf(char *text, size_t bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));

// "512 B", "4 KiB", "1.5 GiB": exact when it can be, else one decimal, rounded
// down. Returns text. 16 bytes are enough.
char *lb_format_size(char *text, size_t bytes, uint64_t value);
// The same with the decimal rounded to the nearest, for tables where nothing has to fit.
char *lb_format_size_nearest(char *text, size_t bytes, uint64_t value);

// One sentence: what (file or word), which field, what was found, what was wanted.
struct lb_error {
	char text[240];
};

// Writes the text, returns -1: `return lb_fail(err, …)`. err may be NULL.
int lb_fail(struct lb_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Freestanding string helpers. Each does what the libc function of its name, without lb_, does.
size_t lb_strlen(const char *text);
int lb_strcmp(const char *left, const char *right);
int lb_strncmp(const char *left, const char *right, size_t bytes);
const char *lb_strchr(const char *text, char wanted);

#endif
