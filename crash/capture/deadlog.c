// SPDX-License-Identifier: BSD-2-Clause
// Prints the dead kernel's log to the console, for when the log does not go to a disk.
#include "crash/capture/capture.h"
#include "crash/dead/dmesg.h"
#include "crash/platform/platform.h"
#include "lib/mem.h"

// 23 seconds at 115200 baud, and more than a usual log buffer has.
#define PRINT_BYTES (256 * LB_KIB)
// The longest line in characters; a longer one is continued in the next line.
#define LINE_BYTES 200

static bool count(void *ctx, const char *text, size_t bytes)
{
	uint64_t *sum = ctx;

	(void)text;
	*sum += bytes;
	return true;
}

struct printer {
	uint64_t skip; // bytes of the log to skip; the rest of a begun line is skipped, too
	bool in_line; // the skipped bytes end inside a line
	char line[LINE_BYTES + 1];
	size_t bytes;
};

static void flush(struct printer *printer)
{
	printer->line[printer->bytes] = '\0';
	lb_say("| %s", printer->line);
	printer->bytes = 0;
}

static bool print(void *ctx, const char *text, size_t bytes)
{
	struct printer *printer = ctx;

	for (size_t i = 0; i < bytes; i++) {
		bool end = text[i] == '\n';

		if (printer->skip) {
			printer->skip--;
			printer->in_line = !end;
		} else if (printer->in_line) {
			printer->in_line = !end;
		} else if (end) {
			flush(printer);
		} else {
			if (printer->bytes == LINE_BYTES)
				flush(printer);
			printer->line[printer->bytes++] = text[i];
		}
	}
	return true;
}

void lb_deadlog_print(const struct lb_deadspace *dead)
{
	struct printer printer = {.skip = 0};
	struct lb_error why;
	uint64_t records, total = 0;

	if (lb_dmesg_read(dead, count, &total, &records, &why) != 0) {
		lb_say("warning: the dead kernel's log: %s", why.text);
		return;
	}
	if (total > PRINT_BYTES)
		printer.skip = total - PRINT_BYTES;
	lb_say("the dead kernel's log, %lu bytes%s:", total, printer.skip ? ", its end" : "");
	lb_dmesg_read(dead, print, &printer, &records, NULL);
	if (printer.bytes)
		flush(&printer);
}
