// SPDX-License-Identifier: BSD-2-Clause
#include "crash/report/report.h"

#include "crash/report/out.h"
#include "lib/format.h"
#include "lib/mem.h"

uint64_t lb_report_memory(void)
{
	return LB_PAGE;
}

uint32_t lb_report_cut(char *text, uint32_t room, uint32_t bytes, const char *section, const char *why)
{
	if (bytes > room - LB_OUT_CUT_BYTES - 1)
		bytes = room - LB_OUT_CUT_BYTES - 1;
	lb_snprintf(text + bytes, LB_OUT_CUT_BYTES, "\ncut: %s: %s", section, why);
	bytes += (uint32_t)lb_strlen(text + bytes);
	memcpy(text + bytes, "\n", sizeof("\n"));
	return bytes + 1;
}

uint32_t lb_report_write(const struct lb_report_source *source, char *text, uint32_t room)
{
	char release[64] = "";
	struct lb_out out;

	lb_out_open(&out, text, room);
	out.mask = source->mask;
	out.go_on = source->go_on;
	out.ctx = source->ctx;
	if (!lb_vmcoreinfo_text(&source->kernel->space.vmcoreinfo, "OSRELEASE=", release, sizeof(release)) &&
	    source->release)
		lb_snprintf(release, sizeof(release), "%s", source->release);
	lb_out_key(&out, "release", "%s", release);
	return out.bytes;
}

bool lb_report_value(const char *text, uint32_t bytes, const char *key, char *ret_value, uint32_t room)
{
	size_t length = lb_strlen(key);
	uint32_t used = 0;

	for (uint32_t at = 0; at < bytes && text[at] != '\n'; at++) { // an empty line ends the head
		bool found = bytes - at > length + 1 && memcmp(text + at, key, length) == 0 &&
			     text[at + length] == ':' && text[at + length + 1] == ' ';

		if (found)
			at += (uint32_t)length + 2;
		for (; at < bytes && text[at] != '\n'; at++) {
			if (found && used + 1 < room)
				ret_value[used++] = text[at] >= ' ' && text[at] <= '~' ? text[at] : '?';
		}
		if (found) {
			ret_value[used] = '\0';
			return true;
		}
	}
	return false;
}
