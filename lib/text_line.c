// SPDX-License-Identifier: BSD-2-Clause
#include "lib/text_line.h"

size_t lb_text_line(const char *text, size_t bytes, char *ret_line, size_t room)
{
	size_t at = 0, used = 0;

	for (; at < bytes && text[at] != '\n'; at++) {
		if (used + 1 < room)
			ret_line[used++] = text[at] >= ' ' && text[at] <= '~' ? text[at] : '?';
	}
	ret_line[used] = '\0';
	return at < bytes ? at + 1 : at;
}
