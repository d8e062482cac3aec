// SPDX-License-Identifier: BSD-2-Clause
#include "loader/variable.h"

#include <stdarg.h>

#include "lifeboat/version.h"
#include "loader/brakes.h"
#include "loader/budget.h"
#include "loader/canaries.h"
#include "loader/firmware.h"
#include "loader/print.h"

#define ATTRIBUTES (EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)

static CHAR16 name[] = L"Lifeboat";

static EFI_STATUS set(void *data, UINTN bytes)
{
	return RT->SetVariable(name, &lb_vendor, bytes ? ATTRIBUTES : 0, bytes, data);
}

static void set_text(char *text, size_t bytes, size_t room)
{
	EFI_STATUS status;

	// A variable of an earlier program may have other attributes, and then cannot be overwritten.
	set(NULL, 0);
	status = set(text, bytes < room ? bytes : room - 1);
	if (EFI_ERROR(status))
		lb_print_warning(
			"the EFI variable Lifeboat, which tells the OS what was armed, was not set: %s",
			lb_status_text(status));
}

// Text in limited room. `used` may be larger than the room, as lb_snprintf() counts.
struct text {
	char bytes[3072];
	size_t used;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *text, const char *format, ...)
{
	size_t at = text->used < sizeof(text->bytes) ? text->used : sizeof(text->bytes) - 1;
	va_list args;

	va_start(args, format);
	text->used += lb_vsnprintf(text->bytes + at, sizeof(text->bytes) - at, format, args);
	va_end(args);
}

// Adds the messages so far: a driver may have printed them before there was a console.
static void add_record(struct text *text)
{
	for (const char *line = lb_print_record(); *line;) {
		const char *end = lb_strchr(line, '\n');
		size_t bytes = end ? (size_t)(end - line) : lb_strlen(line);

		if (bytes)
			add(text, "said=%.*s\n", (int)bytes, line);
		line += bytes + (end ? 1 : 0);
	}
}

static void add_crash_memory(struct text *text, const struct lb_plan *plan)
{
	const struct lb_handoff *handoff = (const struct lb_handoff *)plan->layout.handoff.start;
	char digest[2 * LB_SHA256_BYTES + 1], uuid[LB_UUID_TEXT];

	for (size_t i = 0; i < LB_SHA256_BYTES; i++)
		lb_snprintf(digest + 2 * i, 3, "%02x", handoff->sha256[i]);
	add(text,
	    "capture=%s\ncrash=0x%lx-0x%lx\ncrash_bytes=%lu\n"
	    "crash_low=0x%lx-0x%lx\ncrash_low_bytes=%lu\nhook=0x%lx-0x%lx\npage_table_bytes=%lu\n"
	    "handoff=0x%lx\ndigest=%s\n",
	    plan->second.name, (unsigned long)plan->layout.region.start,
	    (unsigned long)plan->layout.region.end, (unsigned long)lb_range_size(plan->layout.region),
	    (unsigned long)plan->crash_low.start, (unsigned long)plan->crash_low.end,
	    (unsigned long)lb_range_size(plan->crash_low), (unsigned long)plan->hook_text.start,
	    (unsigned long)plan->hook_data.end, (unsigned long)(plan->tables.pages * LB_PAGE),
	    (unsigned long)plan->layout.handoff.start, digest);
	for (uint32_t i = 0; i < plan->capture.target_count; i++)
		add(text, "dump_to=%s PARTUUID=%s\n", plan->capture.targets[i].name,
		    lb_uuid_format(plan->capture.targets[i].partuuid, uuid));
	for (uint32_t i = 0; plan->second.builtin && lb_acpi_unstoppable(&plan->machine.acpi, i); i++)
		add(text, "watchdog=%s\n", lb_acpi_unstoppable(&plan->machine.acpi, i));
}

// Adds what this boot starts: by us, or by somebody else later.
static void add_start(struct text *text, const struct lb_options *options)
{
	if (options->resident)
		add(text, "mode=driver\n");
	else if (options->chain[0])
		add(text, "mode=chain\nchain=%s\n", options->chain);
	else
		add(text, "mode=kernel\nkernel=%s\n", options->kernel);
}

static void add_brakes(struct text *text)
{
	char brakes[160], survived[40];

	lb_brakes_print(brakes, sizeof(brakes));
	lb_canaries_print(survived, sizeof(survived));
	add(text, "%sarming_ms=%lu\n%s", brakes, (unsigned long)lb_budget_ms(), survived);
}

void lb_variable_armed(const struct lb_plan *plan)
{
	struct text text = {.used = 0};
	char words[LB_PANIC_WORDS_TEXT];

	add(&text, "version=%s\nstate=%s\n", LIFEBOAT_VERSION,
	    lb_options_late(plan->options) ? "prepared" : "armed");
	add_start(&text, plan->options);
	lb_panic_words_print(plan->options->panic_words, words);
	add(&text, "words=%s\n", words);
	add_brakes(&text);
	add_crash_memory(&text, plan);
	if (lb_options_late(plan->options))
		add_record(&text);
	set_text(text.bytes, text.used, sizeof(text.bytes));
}

void lb_variable_unarmed(const struct lb_options *options, const char *reason, const char *stage)
{
	struct text text = {.used = 0};

	add(&text, "version=%s\nstate=unarmed\nreason=%s\nstage=%s\n", LIFEBOAT_VERSION, reason, stage);
	add_start(&text, options);
	add_brakes(&text);
	if (lb_options_late(options))
		add_record(&text);
	set_text(text.bytes, text.used, sizeof(text.bytes));
}

void lb_variable_remove(void)
{
	set(NULL, 0); // EFI_NOT_FOUND is fine, too
}
