// SPDX-License-Identifier: BSD-2-Clause
// The firmware's screen: a head line, the report's beginning, and a last line that is written over and
// over.
#include "crash/capture/capture.h"
#include "crash/platform/platform.h"

#include <stdarg.h>

#include "lib/mem.h"

#define SEALED "Nothing of it is shown, for the dump is encrypted."
#define HEAD "Lifeboat: the kernel has died. Please wait, its memory is being dumped."
#define REPORT_ROW 2U
#define ROWS_BELOW 2U // an empty row, and the last one
#define LOG "log: "

// With "auto", true only if the dead kernel's memory says that no driver has the screen.
static bool may_show(const struct lb_run *run, struct lb_error *ret_why)
{
	const struct lb_screen_config *config = &run->capture->screen;

	if (!config->base || config->policy == LB_SCREEN_NEVER)
		return lb_fail(ret_why, "%s", ""), false;
	if (config->policy == LB_SCREEN_ALWAYS || run->display == LB_DISPLAY_FIRMWARE)
		return true;
	lb_fail(ret_why, "%s",
		run->display_why.text[0] ? run->display_why.text : "it is not known who drives it");
	return false;
}

// Shows one line of the report, in as many rows as it needs. Returns the row after it.
static uint32_t show_line(const struct lb_screen *screen, uint32_t row, const char *text, uint32_t bytes)
{
	do {
		const uint32_t fits = bytes < screen->columns ? bytes : screen->columns;

		if (row + ROWS_BELOW >= screen->rows)
			return row;
		lb_screen_put(screen, row++, LB_SCREEN_WHITE, text, fits);
		text += fits;
		bytes -= fits;
	} while (bytes);
	return row;
}

static void show_text(const struct lb_run *run)
{
	const char *text = run->report;
	uint32_t row = REPORT_ROW, at = 0;

	while (at < run->report_bytes && row + ROWS_BELOW < run->screen.rows) {
		const uint32_t left = run->report_bytes - at;
		uint32_t bytes = 0;

		if (left >= sizeof(LOG) && memcmp(text + at, LOG, sizeof(LOG) - 1) == 0)
			return;
		while (bytes < left && text[at + bytes] != '\n')
			bytes++;
		row = show_line(&run->screen, row, text + at, bytes);
		at += bytes + 1;
	}
}

void lb_show_report(struct lb_run *run)
{
	struct lb_error why;

	if (run->shown)
		return;
	run->shown = true;
	if (!may_show(run, &why) || lb_screen_open(&run->capture->screen, &run->screen, &why) != 0) {
		if (why.text[0])
			lb_say("nothing is shown on the screen%s%s", run->crypt ? "" : ": ",
			       run->crypt ? "" : why.text);
		return;
	}
	lb_say("screen: %u by %u pixels, %u columns", run->capture->screen.width, run->capture->screen.height,
	       run->screen.columns);
	lb_screen_clear(&run->screen);
	lb_screen_put(&run->screen, 0, LB_SCREEN_YELLOW, HEAD, sizeof(HEAD) - 1);
	if (run->crypt)
		lb_screen_put(&run->screen, REPORT_ROW, LB_SCREEN_WHITE, SEALED, sizeof(SEALED) - 1);
	else
		show_text(run);
}

void lb_show_line(const struct lb_run *run, const char *format, ...)
{
	char line[256];
	va_list args;

	if (!run->screen.rows)
		return;
	va_start(args, format);
	lb_vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	lb_screen_put(&run->screen, run->screen.rows - 1, LB_SCREEN_YELLOW, line, (uint32_t)lb_strlen(line));
}
