// SPDX-License-Identifier: BSD-2-Clause
#include "loader/print.h"

#include "lib/format.h"
#include "lib/mem.h"
#include "lib/utf16.h"
#include "loader/firmware.h"

enum target { CONSOLE = 1, RECORD = 2 };

static enum lb_verbosity current_level = LB_NORMAL;
static char record[1024];
static size_t recorded;
static bool record_full;

void lb_print_level(enum lb_verbosity level)
{
	current_level = level;
}

bool lb_print_enabled(enum lb_verbosity level)
{
	return level <= current_level;
}

// The length of a piece of at most `bytes` bytes that ends between two characters.
static size_t piece_of(const char *text, size_t bytes)
{
	size_t used = 0;

	while (used < bytes && text[used])
		used++;
	while (text[used] && used > 1 && ((uint8_t)text[used] & 0xc0) == 0x80)
		used--;
	return used;
}

// The console wants UTF-16 and CR LF.
static void put_text(const char *text)
{
	if (!ST->ConOut)
		return;
	while (*text) {
		char piece[64], converted[2 * sizeof(piece)];
		CHAR16 wide[sizeof(converted)];
		size_t bytes = piece_of(text, sizeof(piece) - 1), used = 0;

		for (size_t i = 0; i < bytes; i++) {
			if (text[i] == '\n')
				converted[used++] = '\r';
			converted[used++] = text[i];
		}
		converted[used] = '\0';
		lb_utf8_to_utf16(converted, wide, sizeof(wide) / sizeof(wide[0]));
		ST->ConOut->OutputString(ST->ConOut, wide);
		text += bytes;
	}
}

// Keeps a message for later, because a console may not be there yet. A line that overwrites itself is
// progress, not a message.
static void keep(const char *text)
{
	size_t bytes = lb_strlen(text);

	if (text[0] == '\r')
		return;
	record_full |= bytes >= sizeof(record) - recorded;
	if (record_full)
		return;
	memcpy(record + recorded, text, bytes + 1);
	recorded += bytes;
}

static void put_formatted(const char *format, va_list args, enum target target)
{
	char line[512];
	LB_CLEANUP(lb_pool_free) char *longer = NULL;
	va_list again;
	size_t bytes;

	va_copy(again, args);
	bytes = lb_vsnprintf(line, sizeof(line), format, args);
	if (bytes >= sizeof(line)) {
		longer = lb_pool_alloc(bytes + 1);
		if (longer)
			lb_vsnprintf(longer, bytes + 1, format, again);
	}
	va_end(again);
	if (target & CONSOLE)
		put_text(longer ? longer : line);
	if (target & RECORD)
		keep(longer ? longer : line);
}

static void put_both(const char *text)
{
	put_text(text);
	keep(text);
}

const char *lb_print_record(void)
{
	return record;
}

void lb_print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_formatted(format, args, lb_print_enabled(LB_NORMAL) ? CONSOLE | RECORD : RECORD);
	va_end(args);
}

void lb_print_verbose(const char *format, ...)
{
	va_list args;

	if (!lb_print_enabled(LB_VERBOSE))
		return;
	va_start(args, format);
	put_formatted(format, args, CONSOLE);
	va_end(args);
}

void lb_print_answer(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_formatted(format, args, CONSOLE);
	va_end(args);
}

void lb_print_warning(const char *format, ...)
{
	va_list args;

	put_both("lifeboat: warning: ");
	va_start(args, format);
	put_formatted(format, args, CONSOLE | RECORD);
	va_end(args);
	put_both("\n");
}

void lb_print_error(const char *format, ...)
{
	va_list args;

	put_both("lifeboat: error: ");
	va_start(args, format);
	put_formatted(format, args, CONSOLE | RECORD);
	va_end(args);
	put_both("\n");
}
