// SPDX-License-Identifier: BSD-2-Clause
#include "crash/report/out.h"

#include "crash/report/mask.h"
#include "lib/format.h"
#include "lib/mem.h"

#define INDENT "  "
// Bytes of a line that are kept for "..." and the line feed.
#define LINE_TAIL 4U

void lb_out_open(struct lb_out *out, char *text, uint32_t room)
{
	*out = (struct lb_out){.text = text, .room = room - LB_OUT_CUT_BYTES - 1, .section = "head"};
	out->limit = out->room;
	text[0] = '\0';
}

bool lb_out_go_on(struct lb_out *out)
{
	if (!out->spent && out->go_on && !out->go_on(out->ctx, out->section, out->bytes))
		out->spent = true;
	return !out->spent;
}

bool lb_out_enter(struct lb_out *out, const char *name)
{
	if (!out->spent)
		out->section = name;
	return lb_out_go_on(out);
}

static void make_printable(char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

// Appends `line` and a line feed. The uncut text has `bytes`; `line` may hold only its beginning.
static bool append(struct lb_out *out, char *line, size_t bytes, uint32_t limit)
{
	make_printable(line);
	if (out->mask)
		lb_mask_line(line, out->host);
	if (bytes >= LB_OUT_LINE_BYTES - LINE_TAIL) {
		line[LB_OUT_LINE_BYTES - LINE_TAIL - 1] = '\0';
		bytes = lb_strlen(line);
		memcpy(line + bytes, "...", sizeof("..."));
	}
	bytes = lb_strlen(line);
	if (out->spent || out->bytes + bytes + 1 > limit)
		return false;
	memcpy(out->text + out->bytes, line, bytes);
	memcpy(out->text + out->bytes + bytes, "\n", sizeof("\n"));
	out->bytes += (uint32_t)bytes + 1;
	return true;
}

void lb_out_key(struct lb_out *out, const char *key, const char *format, ...)
{
	char line[LB_OUT_LINE_BYTES];
	size_t begun = lb_snprintf(line, sizeof(line), "%s: ", key);
	va_list args;

	va_start(args, format);
	begun += lb_vsnprintf(line + begun, sizeof(line) - LINE_TAIL - begun, format, args);
	va_end(args);
	append(out, line, begun, out->room);
}

bool lb_out_section(struct lb_out *out, const char *name, uint32_t bytes, const char *format, ...)
{
	char line[LB_OUT_LINE_BYTES];
	va_list args;
	size_t begun;

	out->left_out = 0;
	if (!lb_out_enter(out, name) || out->bytes + 2 * LB_OUT_CUT_BYTES > out->room)
		return false;
	begun = lb_snprintf(line, sizeof(line), "%s: ", name);
	va_start(args, format);
	begun += lb_vsnprintf(line + begun, sizeof(line) - LINE_TAIL - begun, format, args);
	va_end(args);
	out->text[out->bytes] = '\n';
	out->bytes++;
	if (!append(out, line, begun, out->room - LB_OUT_CUT_BYTES)) {
		out->bytes--;
		out->text[out->bytes] = '\0';
		return false;
	}
	out->limit = out->bytes + bytes > out->room ? out->room : out->bytes + bytes;
	out->limit -= LB_OUT_CUT_BYTES;
	return true;
}

bool lb_out_line(struct lb_out *out, const char *format, ...)
{
	char line[LB_OUT_LINE_BYTES] = INDENT;
	size_t bytes = sizeof(INDENT) - 1;
	va_list args;

	va_start(args, format);
	bytes += lb_vsnprintf(line + bytes, sizeof(line) - LINE_TAIL - bytes, format, args);
	va_end(args);
	if (append(out, line, bytes, out->left_out ? 0 : out->limit))
		return true;
	out->left_out++;
	return false;
}

void lb_out_end(struct lb_out *out, uint32_t more, const char *what)
{
	char line[LB_OUT_LINE_BYTES];

	if (out->left_out + more) {
		size_t bytes =
			lb_snprintf(line, sizeof(line), INDENT "cut: %u more %s", out->left_out + more, what);

		append(out, line, bytes, out->limit + LB_OUT_CUT_BYTES);
	}
	out->left_out = 0;
	out->limit = out->room;
}

uint32_t lb_out_left(const struct lb_out *out)
{
	return out->bytes + 2 * LB_OUT_CUT_BYTES < out->room ? out->room - out->bytes - 2 * LB_OUT_CUT_BYTES
							     : 0;
}
