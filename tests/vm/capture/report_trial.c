// SPDX-License-Identifier: BSD-2-Clause
// Linked around the report (ld --wrap) of a capture kernel for tests. Before the real report it makes others:
// in each, one section faults once, loops once, or takes too much time. After each a line on the console says
// how the text ended. Then the capture kernel goes on as usual.
#include "crash/capture/capture.h"
#include "crash/platform/guard.h"
#include "crash/platform/paging.h"
#include "crash/platform/platform.h"
#include "crash/platform/smp.h"
#include "crash/report/report.h"
#include "lib/mem.h"

#define SECTIONS_MAX 32
#define SOON 1000000U // milliseconds of the timer that ends a section
#define PATIENCE_MS 60000 // a busy host must not end a trial
#define NOWHERE (LB_PAGING_OLD_BASE - LB_PAGE) // an address that is not mapped

const char *__real_lb_report_make(struct lb_run *run, uint32_t *ret_bytes);
const char *__wrap_lb_report_make(struct lb_run *run, uint32_t *ret_bytes);
uint32_t __real_lb_report_write(const struct lb_report_source *source, char *text, uint32_t room);
uint32_t __wrap_lb_report_write(const struct lb_report_source *source, char *text, uint32_t room);
enum lb_guard_end __real_lb_guard_run(void (*work)(void *ctx), void *ctx, uint64_t milliseconds,
				      struct lb_guard_fault *ret_fault);
enum lb_guard_end __wrap_lb_guard_run(void (*work)(void *ctx), void *ctx, uint64_t milliseconds,
				      struct lb_guard_fault *ret_fault);

enum kind { NONE, LEARN, FAULT, LOOP, LINGER };

static struct {
	enum kind kind;
	const char *where; // the section
	bool (*go_on)(void *ctx, const char *section, uint32_t bytes);
	const char *sections[SECTIONS_MAX];
	uint32_t section_count;
	bool done;
} trial;

static bool same(const char *a, const char *b)
{
	size_t bytes = lb_strlen(a);

	return bytes == lb_strlen(b) && memcmp(a, b, bytes) == 0;
}

static void learn(const char *section)
{
	for (uint32_t i = 0; i < trial.section_count; i++) {
		if (same(trial.sections[i], section))
			return;
	}
	if (trial.section_count < SECTIONS_MAX)
		trial.sections[trial.section_count++] = section;
}

static void loop(void)
{
	struct lb_lapic lapic;

	if (lb_smp_lapic(&lapic))
		lb_lapic_write(&lapic, LB_LAPIC_TIMER_COUNT, SOON);
	for (;;)
		lb_pause();
}

static bool try_section(void *ctx, const char *section, uint32_t bytes)
{
	bool go_on = trial.go_on(ctx, section, bytes);

	if (trial.kind == LEARN)
		learn(section);
	if (trial.kind == LEARN || trial.kind == FAULT || trial.kind == LOOP)
		go_on = true;
	if (!trial.where || !same(section, trial.where))
		return go_on;
	if (trial.kind == FAULT)
		go_on = *(const volatile uint8_t *)(uintptr_t)NOWHERE;
	if (trial.kind == LOOP)
		loop();
	while (trial.kind == LINGER && go_on) {
		lb_pause();
		go_on = trial.go_on(ctx, section, bytes);
	}
	return go_on;
}

uint32_t __wrap_lb_report_write(const struct lb_report_source *source, char *text, uint32_t room)
{
	struct lb_report_source ours = *source;

	trial.go_on = source->go_on;
	ours.go_on = try_section;
	return __real_lb_report_write(&ours, text, room);
}

enum lb_guard_end __wrap_lb_guard_run(void (*work)(void *ctx), void *ctx, uint64_t milliseconds,
				      struct lb_guard_fault *ret_fault)
{
	return __real_lb_guard_run(work, ctx, trial.kind == NONE ? milliseconds : PATIENCE_MS, ret_fault);
}

static void try(struct lb_run *run, enum kind kind, const char *word, const char *where)
{
	uint32_t bytes, last;
	const char *text;

	trial.kind = kind;
	trial.where = where;
	run->report_bytes = 0;
	text = __real_lb_report_make(run, &bytes);
	for (last = bytes - 1; last && text[last - 1] != '\n'; last--)
		;
	lb_say("trial: %s in %s: %.*s", word, where ? where : "all", (int)(bytes - 1 - last), text + last);
}

const char *__wrap_lb_report_make(struct lb_run *run, uint32_t *ret_bytes)
{
	if (!trial.done) {
		trial.done = true;
		try(run, LEARN, "nothing", NULL);
		for (uint32_t i = 0; i < trial.section_count; i++) {
			try(run, FAULT, "fault", trial.sections[i]);
			try(run, LOOP, "loop", trial.sections[i]);
		}
		try(run, LINGER, "time", trial.sections[trial.section_count / 2]);
		trial.kind = NONE;
		run->report_bytes = 0;
		lb_say("trial: over, %u sections", trial.section_count);
	}
	return __real_lb_report_make(run, ret_bytes);
}
