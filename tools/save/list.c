// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/list.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "crash/disk/gpt.h"
#include "crash/report/report.h"
#include "crash/report/signature.h"
#include "lifeboat/capture_config.h"
#include "tools/common/report_json.h"

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

	line("digests:", "log %s, report %s, head %s, descriptors %s, data %s", names[judgement->log],
	     names[judgement->report], names[judgement->head], names[judgement->desc],
	     names[judgement->data]);
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

#define BUILD_ID_TEXT (2 * sizeof(((struct lb_dump_header *)0)->build_id) + 1)

// Returns "" where it is not known, else text.
static const char *format_build_id(const struct lb_dump_header *header, char *text)
{
	text[0] = '\0';
	for (uint32_t i = 0; i < header->build_id_bytes && i < sizeof(header->build_id); i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", header->build_id[i]);
	return text;
}

static void list_build_id(const struct lb_dump_header *header)
{
	char text[BUILD_ID_TEXT];

	if (format_build_id(header, text)[0])
		line("build id:", "%s", text);
}

// Lists signature and reason in one line.
static void list_report(const struct dump *dump, const struct judgement *judgement)
{
	static char text[LB_DUMP_REPORT_MAX];
	char reason[256], signature[LB_SIGNATURE_BYTES];
	struct lb_error err;
	uint32_t bytes;

	if (!dump->header.report_bytes)
		return;
	line("report bytes:", "%" PRIu64, dump->header.report_bytes);
	if (dump_is_encrypted(&dump->header) || judgement->report != DIGEST_RIGHT ||
	    dump_read_report(dump, text, &bytes, &err) != 0)
		return;
	if (!lb_report_value(text, bytes, "signature", signature, sizeof(signature)))
		snprintf(signature, sizeof(signature), "no signature");
	if (!lb_report_value(text, bytes, "reason", reason, sizeof(reason)))
		snprintf(reason, sizeof(reason), "no reason is known");
	line("report:", "%s: %s", signature, reason);
}

// Says how much of the kernel's own pages a cut dump has.
static void list_own_pages(const struct lb_dump_header *header)
{
	if (dump_cut_short(header) && dump_is_kdump(header))
		line("kernel's own pages:", "%s",
		     header->flags & LB_DUMP_FLAG_KERNEL_FIRST ? "all there" : "perhaps not all there");
}

static void list_content(const struct dump *dump, const struct judgement *judgement)
{
	const struct lb_dump_header *header = &dump->header;
	char when[32];

	if (dump_is_encrypted(header))
		line("encrypted:", "to %" PRIu32 " recipient%s", dump_recipients(dump),
		     dump_recipients(dump) == 1 ? "" : "s");
	else
		line("kernel:", "%s", header->release[0] ? header->release : "not known");
	list_build_id(header);
	line("crash time:", "%s", list_time(header->crash_time, when, sizeof(when)));
	line("format:", "%s", format_name(header->format));
	line("dump level:", "%u", header->dump_level);
	line("pages:", "%" PRIu64 " of %" PRIu64, header->pages_done, header->page_count);
	line("dump bytes:", "%" PRIu64, dump->file_bytes);
	list_own_pages(header);
	line("log bytes:", "%" PRIu64, header->log_bytes);
	list_report(dump, judgement);
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
	     : dump_is_erased(header)       ? ", saved, erased"
	     : header->saved                ? ", saved"
					    : ", not saved");
	if (header->state != LB_DUMP_EMPTY)
		list_content(dump, judgement);
	list_selftest(header);
	if (header->message[0])
		line("message:", "%s", header->message);
}

// ---- For programs ------------------------------------------------------------

static void json_digests(struct json *json, const struct judgement *judgement)
{
	static const char *const names[] = {NULL, "unknown", "right", "wrong"};

	json_open(json, "digests", '{');
	json_text(json, "log", names[judgement->log]);
	json_text(json, "report", names[judgement->report]);
	json_text(json, "head", names[judgement->head]);
	json_text(json, "descriptors", names[judgement->desc]);
	json_text(json, "data", names[judgement->data]);
	json_close(json, '}');
}

static void json_interval(struct json *json, const char *name, uint64_t from, uint64_t to, uint64_t khz)
{
	if (khz && from && to >= from)
		json_thousandths(json, name, (to - from) / khz);
	else
		json_null(json, name);
}

static void json_report(struct json *json, const struct dump *dump, const struct judgement *judgement)
{
	static char text[LB_DUMP_REPORT_MAX];
	struct lb_error err;
	uint32_t bytes = 0;

	if (!dump_is_encrypted(&dump->header) && judgement->report == DIGEST_RIGHT &&
	    dump_read_report(dump, text, &bytes, &err) == 0)
		report_json(json, "report", text, bytes);
	else
		json_null(json, "report");
}

static void json_content(struct json *json, const struct dump *dump, const struct judgement *judgement)
{
	static const char *const formats[] = {"zstd", "zlib", "raw", "elf"}; // enum lb_dump_format
	const struct lb_dump_header *header = &dump->header;
	char build_id[BUILD_ID_TEXT];

	json_text(json, "kernel", header->release[0] ? header->release : NULL);
	json_text(json, "build_id", format_build_id(header, build_id)[0] ? build_id : NULL);
	if (header->crash_time)
		json_number(json, "crash_time", header->crash_time);
	else
		json_null(json, "crash_time");
	json_text(json, "format", formats[header->format]); // dump_open() knows it
	json_number(json, "dump_level", header->dump_level);
	json_number(json, "pages", header->page_count);
	json_number(json, "pages_done", header->pages_done);
	json_number(json, "lost_pages", judgement->lost_pages);
	json_number(json, "dump_bytes", dump->file_bytes);
	json_bool(json, "encrypted", dump_is_encrypted(header));
	if (dump_is_encrypted(header))
		json_number(json, "recipients", dump_recipients(dump));
	json_bool(json, "kernel_pages_first", header->flags & LB_DUMP_FLAG_KERNEL_FIRST);
	json_number(json, "log_bytes", header->log_bytes);
	json_number(json, "report_bytes", header->report_bytes);
	json_report(json, dump, judgement);
	json_digests(json, judgement);
	json_interval(json, "seconds_to_begin", header->tsc_hook, header->tsc_begun, header->tsc_khz);
	json_interval(json, "seconds_to_first_byte", header->tsc_hook, header->tsc_first_byte,
		      header->tsc_khz);
	json_interval(json, "seconds_to_end", header->tsc_hook, header->tsc_end, header->tsc_khz);
}

void list_json(struct json *json, const struct dump *dump, const struct judgement *judgement)
{
	static const char *const verdicts[] = {"none", "begun", "passed", "failed"}; // enum lb_selftest
	const struct lb_dump_header *header = &dump->header;
	char uuid[LB_UUID_TEXT];

	json_open(json, NULL, '{');
	json_text(json, "device", dump->device.name);
	json_text(json, "partition", lb_uuid_format(header->partuuid, uuid));
	json_number(json, "partition_bytes", dump->device.bytes);
	json_text(json, "state", dump_state_name(header));
	json_bool(json, "saved", header->state != LB_DUMP_EMPTY && header->saved);
	json_bool(json, "erased", dump_is_erased(header));
	json_text(json, "selftest",
		  header->selftest <= LB_SELFTEST_FAILED ? verdicts[header->selftest] : NULL);
	json_text(json, "message", header->message[0] ? header->message : NULL);
	if (header->state != LB_DUMP_EMPTY)
		json_content(json, dump, judgement);
	json_close(json, '}');
}
