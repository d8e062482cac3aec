// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/list.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "crash/disk/gpt.h"
#include "lifeboat/capture_config.h"

__attribute__((format(printf, 2, 3))) static void line(const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("%-22s ", name);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

const char *list_time(uint64_t seconds, char *text, size_t bytes)
{
	const time_t when = (time_t)seconds;
	struct tm parts;

	if (!seconds || when < 0 || !gmtime_r(&when, &parts) ||
	    !strftime(text, bytes, "%Y-%m-%d %H:%M:%S UTC", &parts))
		snprintf(text, bytes, "not known");
	return text;
}

static const char *format_name(uint32_t format)
{
	switch (format) {
	case LB_DUMP_ZSTD:
		return "kdump-compressed, zstd";
	case LB_DUMP_ZLIB:
		return "kdump-compressed, zlib";
	case LB_DUMP_RAW:
		return "kdump-compressed, nothing compressed";
	default:
		return "ELF core";
	}
}

static void list_digests(const struct judgement *judgement)
{
	static const char *const names[] = {"nothing there", "not known", "right", "WRONG"};

	line("digests:", "log %s, head %s, descriptors %s, data %s", names[judgement->log],
	     names[judgement->head], names[judgement->desc], names[judgement->data]);
}

static void list_selftest(const struct lb_dump_header *header)
{
	switch (header->selftest) {
	case LB_SELFTEST_NONE:
		line("self-test:", "never asked for");
		return;
	case LB_SELFTEST_BEGUN:
		line("self-test:", "begun, and did not come back");
		return;
	case LB_SELFTEST_PASSED:
		line("self-test:", "passed");
		return;
	case LB_SELFTEST_FAILED:
		line("self-test:", "failed");
		return;
	default:
		line("self-test:", "%u: not known", header->selftest);
	}
}

static void list_interval(const char *name, uint64_t from, uint64_t to, uint64_t khz)
{
	if (khz && from && to >= from)
		line(name, "%.3f s", (double)(to - from) / (double)khz / 1000);
}

static void list_build_id(const struct lb_dump_header *header)
{
	char text[2 * sizeof(header->build_id) + 1] = "";

	for (uint32_t i = 0; i < header->build_id_bytes && i < sizeof(header->build_id); i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", header->build_id[i]);
	if (text[0])
		line("build id:", "%s", text);
}

static void list_content(const struct dump *dump, const struct judgement *judgement)
{
	const struct lb_dump_header *header = &dump->header;
	char when[32];

	line("kernel:", "%s", header->release[0] ? header->release : "not known");
	list_build_id(header);
	line("crash time:", "%s", list_time(header->crash_time, when, sizeof(when)));
	line("format:", "%s", format_name(header->format));
	line("dump level:", "%u", header->dump_level);
	line("pages:", "%" PRIu64 " of %" PRIu64, header->pages_done, header->page_count);
	line("dump bytes:", "%" PRIu64, dump->file_bytes);
	line("log bytes:", "%" PRIu64, header->log_bytes);
	list_digests(judgement);
	if (judgement->lost_pages)
		line("lost pages:", "%" PRIu64, judgement->lost_pages);
	list_interval("panic to begin:", header->tsc_hook, header->tsc_begun, header->tsc_khz);
	list_interval("panic to first byte:", header->tsc_hook, header->tsc_first_byte, header->tsc_khz);
	list_interval("panic to end:", header->tsc_hook, header->tsc_end, header->tsc_khz);
}

void list_dump(const struct dump *dump, const struct judgement *judgement)
{
	const struct lb_dump_header *header = &dump->header;
	char uuid[LB_UUID_TEXT];

	line("device:", "%s", dump->device.name);
	line("partition:", "%s", lb_uuid_format(header->partuuid, uuid));
	line("partition bytes:", "%" PRIu64, dump->device.bytes);
	line("state:", "%s%s", dump_state_name(header),
	     header->state == LB_DUMP_EMPTY ? ""
	     : header->saved                ? ", saved"
					    : ", not saved");
	if (header->state != LB_DUMP_EMPTY)
		list_content(dump, judgement);
	list_selftest(header);
	if (header->message[0])
		line("message:", "%s", header->message);
}
