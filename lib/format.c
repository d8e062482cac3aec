// SPDX-License-Identifier: BSD-2-Clause
#include "lib/format.h"

#include <stdbool.h>

#include "lib/mem.h"
#include "lib/number.h"
#include "lifeboat/range.h"

#define DIGITS_MAX 20 // digits of 2^64 - 1

// The text's destination. It counts the whole text and keeps what fits.
struct sink {
	char *text;
	size_t bytes;
	size_t length;
};

// What stands between '%' and its letter in one conversion.
struct spec {
	bool left;
	bool zero;
	size_t width;
	size_t precision; // of %s: at most that many bytes are read
	size_t int_bytes; // of the integer argument
};

static void put(struct sink *sink, char c)
{
	if (sink->length + 1 < sink->bytes)
		sink->text[sink->length] = c;
	sink->length++;
}

static void put_times(struct sink *sink, char c, size_t times)
{
	while (times--)
		put(sink, c);
}

static void put_bytes(struct sink *sink, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		put(sink, text[i]);
}

static void put_padded(struct sink *sink, const struct spec *spec, const char *text, size_t bytes)
{
	size_t pad = spec->width > bytes ? spec->width - bytes : 0;

	if (!spec->left)
		put_times(sink, ' ', pad);
	put_bytes(sink, text, bytes);
	if (spec->left)
		put_times(sink, ' ', pad);
}

static void put_string(struct sink *sink, const struct spec *spec, const char *text)
{
	size_t bytes = 0;

	if (!text)
		text = "(null)";
	while (bytes < spec->precision && text[bytes])
		bytes++;
	put_padded(sink, spec, text, bytes);
}

static void put_number(struct sink *sink, const struct spec *spec, uint64_t value, unsigned int base,
		       bool negative)
{
	char digits[DIGITS_MAX + 1]; // and a sign
	char *end = digits + sizeof(digits);
	char *first = end;

	do {
		*--first = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);

	if (spec->zero) {
		size_t bytes = (size_t)(end - first) + negative;

		if (negative)
			put(sink, '-');
		put_times(sink, '0', spec->width > bytes ? spec->width - bytes : 0);
		put_bytes(sink, first, (size_t)(end - first));
		return;
	}
	if (negative)
		*--first = '-';
	put_padded(sink, spec, first, (size_t)(end - first));
}

// A number in the format itself, or `*`: the next argument, 0 when negative.
static size_t read_count(const char **format, va_list *args)
{
	size_t count = 0;

	if (**format == '*') {
		int argument = va_arg(*args, int);

		(*format)++;
		return argument > 0 ? (size_t)argument : 0;
	}
	for (; lb_is_decimal(**format); (*format)++)
		count = count * 10 + (size_t)lb_digit_value(**format);
	return count;
}

// Reads what stands before the letter; *format is left there.
static struct spec read_spec(const char **format, va_list *args)
{
	struct spec spec = {.precision = SIZE_MAX, .int_bytes = sizeof(int)};

	for (;; (*format)++) {
		if (**format == '-')
			spec.left = true;
		else if (**format == '0')
			spec.zero = true;
		else
			break;
	}
	spec.width = read_count(format, args);
	if (**format == '.') {
		(*format)++;
		spec.precision = read_count(format, args);
	}
	for (; **format == 'l' || **format == 'z'; (*format)++)
		spec.int_bytes = sizeof(long);
	return spec;
}

static uint64_t read_unsigned(const struct spec *spec, va_list *args)
{
	return spec->int_bytes == sizeof(long) ? va_arg(*args, unsigned long) : va_arg(*args, unsigned int);
}

static int64_t read_signed(const struct spec *spec, va_list *args)
{
	return spec->int_bytes == sizeof(long) ? va_arg(*args, long) : va_arg(*args, int);
}

// Prints one conversion from after its '%', and leaves *format behind it. An unknown one is printed
// unchanged, which a reader can make sense of.
static void put_conversion(struct sink *sink, const char **format, va_list *args)
{
	const char *begin = *format;
	struct spec spec = read_spec(format, args);
	int64_t number;
	char c;

	switch (*(*format)++) {
	case 's':
		put_string(sink, &spec, va_arg(*args, const char *));
		break;
	case 'c':
		c = (char)va_arg(*args, int);
		put_padded(sink, &spec, &c, 1);
		break;
	case 'd':
		number = read_signed(&spec, args);
		put_number(sink, &spec, number < 0 ? -(uint64_t)number : (uint64_t)number, 10, number < 0);
		break;
	case 'u':
		put_number(sink, &spec, read_unsigned(&spec, args), 10, false);
		break;
	case 'x':
		put_number(sink, &spec, read_unsigned(&spec, args), 16, false);
		break;
	case '%':
		put(sink, '%');
		break;
	case '\0':
		(*format)--; // the text ends inside a conversion
		__attribute__((fallthrough));
	default:
		put(sink, '%');
		put_bytes(sink, begin, (size_t)(*format - begin));
	}
}

size_t lb_vsnprintf(char *text, size_t bytes, const char *format, va_list args)
{
	struct sink sink = {text, bytes, 0};
	va_list rest; // a parameter of type va_list is a pointer on x86-64: take a real one

	va_copy(rest, args);
	while (*format) {
		char c = *format++;

		if (c == '%')
			put_conversion(&sink, &format, &rest);
		else
			put(&sink, c);
	}
	va_end(rest);
	if (bytes)
		text[sink.length < bytes ? sink.length : bytes - 1] = '\0';
	return sink.length;
}

size_t lb_snprintf(char *text, size_t bytes, const char *format, ...)
{
	va_list args;
	size_t length;

	va_start(args, format);
	length = lb_vsnprintf(text, bytes, format, args);
	va_end(args);
	return length;
}

static char *format_size(char *text, size_t bytes, uint64_t value, bool nearest)
{
	static const char units[][4] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	unsigned int unit = 0;
	uint64_t whole, rest, tenths;

	while (unit < 6 && value >> (10 * (unit + 1)))
		unit++;
	whole = value >> (10 * unit);
	rest = value - (whole << (10 * unit));
	if (!rest) {
		lb_snprintf(text, bytes, "%lu %s", whole, units[unit]);
		return text;
	}
	if (unit == 6) { // or 20 times it would not fit
		rest >>= 4;
		tenths = rest * 20 >> (10 * unit - 4);
	} else {
		tenths = rest * 20 >> (10 * unit);
	}
	tenths = 10 * whole + ((tenths + nearest) >> 1);
	if (tenths == 10240 && unit < 6) {
		tenths = 10;
		unit++;
	}
	lb_snprintf(text, bytes, "%lu.%lu %s", tenths / 10, tenths % 10, units[unit]);
	return text;
}

char *lb_format_size(char *text, size_t bytes, uint64_t value)
{
	return format_size(text, bytes, value, false);
}

char *lb_format_size_nearest(char *text, size_t bytes, uint64_t value)
{
	return format_size(text, bytes, value, true);
}

int lb_fail(struct lb_error *err, const char *format, ...)
{
	va_list args;

	if (!err)
		return -1;
	va_start(args, format);
	lb_vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return -1;
}

size_t lb_strlen(const char *text)
{
	const char *end = lb_strchr(text, '\0');

	return (size_t)(end - text);
}

int lb_strcmp(const char *left, const char *right)
{
	return lb_strncmp(left, right, SIZE_MAX);
}

int lb_strncmp(const char *left, const char *right, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		unsigned char l = (unsigned char)left[i], r = (unsigned char)right[i];

		if (l != r)
			return l < r ? -1 : 1;
		if (!l)
			break;
	}
	return 0;
}

const char *lb_strchr(const char *text, char wanted)
{
	for (; *text != wanted; text++)
		if (!*text)
			return NULL;
	return text;
}
