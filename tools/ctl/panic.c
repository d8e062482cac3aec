// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/panic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash/disk/gpt.h"
#include "tools/ctl/counters.h"
#include "tools/ctl/dumps.h"
#include "tools/ctl/facts.h"

#define TRIGGER "/proc/sysrq-trigger"
#define CONSENT "panic"

static void format_arm_id(const struct lb_dump_header *header, char ret_text[ARM_ID])
{
	for (size_t i = 0; i < sizeof(header->arm_id); i++)
		snprintf(ret_text + 2 * i, 3, "%02x", header->arm_id[i]);
}

// ---- Asking --------------------------------------------------------------------

struct asking {
	struct state_text text;
	char partition[37]; // of the first that is armed
};

static void note_target(struct dump *dump, void *context)
{
	struct asking *asking = context;
	char arm_id[ARM_ID], uuid[LB_UUID_TEXT];

	if (dump->header.state != LB_DUMP_EMPTY)
		return;
	format_arm_id(&dump->header, arm_id);
	state_add(&asking->text, "arm", "%s", arm_id);
	if (!asking->partition[0])
		snprintf(asking->partition, sizeof(asking->partition), "%.36s",
			 lb_uuid_format(dump->header.partuuid, uuid));
}

// Records the id of this arming from each armed partition's header: the dump is recognised by it later.
static int note(const struct options *options, struct lb_error *err)
{
	static struct asking asking;
	struct proof_setting setting;
	char boot[BOOT_ID];
	int lock, failed;

	state_boot_id(options->root, boot);
	state_add(&asking.text, "boot", "%s", boot);
	dumps_each(options->root, note_target, &asking);
	if (!asking.partition[0])
		return lb_fail(err,
			       "no partition or file is armed for a dump of the built-in capture kernel");
	proof_setting_read(options->root, asking.partition, &setting);
	state_add(&asking.text, "partition", "%s", asking.partition);
	proof_setting_add(&asking.text, &setting);
	if (options->dry_run)
		return 0;
	if (state_lock(options->root, &lock, err) != 0)
		return -1;
	failed = state_write(options->root, STATE_PANIC, &asking.text, err);
	state_unlock(lock);
	return failed;
}

static int judge_covered(const struct options *options, struct lb_error *err)
{
	struct facts *facts = facts_take(options);
	const bool covered = !findings_any(&facts->findings, FINDING_PROBLEM);

	facts_free(facts);
	return covered ? 0 : lb_fail(err, "a panic would not be captured: lifeboatctl status says why");
}

static int agree(const struct options *options, struct lb_error *err)
{
	char line[32];

	if (options->yes || options->dry_run)
		return 0;
	printf("This machine will panic now, write its dump, and restart. What programs have not saved is "
	       "lost.\n"
	       "Type " CONSENT " to go on: ");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin) || strcmp(line, CONSENT "\n") != 0)
		return lb_fail(err, "nobody has typed " CONSENT ": nothing was done");
	return 0;
}

// sysrq-trigger takes every command, whatever kernel.sysrq says (Documentation/admin-guide/sysrq.rst).
static int provoke(const struct options *options, struct lb_error *err)
{
	char path[FILE_PATH];
	int fd;

	if (file_path(options->root, TRIGGER, path, err) != 0)
		return -1;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return lb_fail(err, "%.160s: %s", path, strerror(errno));
	fflush(stdout);
	sync();
	if (write(fd, "c", 1) != 1)
		lb_fail(err, "%.160s: %s", path, strerror(errno));
	else
		lb_fail(err, "%.160s: the machine did not panic", path);
	close(fd);
	return -1;
}

static int ask(const struct options *options, struct lb_error *err)
{
	if (judge_covered(options, err) != 0 || agree(options, err) != 0 || note(options, err) != 0)
		return -1;
	if (!options->dry_run)
		return provoke(options, err);
	puts("would panic this machine");
	return 0;
}

int panic_command(const struct options *options)
{
	struct lb_error err;

	if (ask(options, &err) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "lifeboatctl: test: %s\n", err.text);
	return EXIT_FAILURE;
}

// ---- What it came to -----------------------------------------------------------

struct taking {
	struct state_text *text; // what was asked, and then what was found
	bool found;
};

static bool is_asked_for(const struct state_text *text, const char *arm_id)
{
	char value[VARIABLE_VALUE] = "x";

	for (unsigned int i = 0; value[0]; i++) {
		state_value(text, "arm", i, value);
		if (strcmp(value, arm_id) == 0)
			return true;
	}
	return false;
}

static void add_ms(struct state_text *text, const char *key, const struct lb_dump_header *header,
		   uint64_t tsc)
{
	if (header->tsc_khz && header->tsc_hook && tsc > header->tsc_hook)
		state_add(text, key, "%lu", (tsc - header->tsc_hook) / header->tsc_khz);
}

static void take_dump(struct dump *dump, void *context)
{
	const struct lb_dump_header *header = &dump->header;
	struct taking *taking = context;
	char arm_id[ARM_ID];

	format_arm_id(header, arm_id);
	if (taking->found || header->state == LB_DUMP_EMPTY || !is_asked_for(taking->text, arm_id))
		return;
	taking->found = true;
	state_add(taking->text, "outcome", "%s", dump_state_name(header));
	state_add(taking->text, "dump_bytes", "%lu", header->file_bytes);
	add_ms(taking->text, "first_byte_ms", header, header->tsc_first_byte);
	add_ms(taking->text, "end_ms", header, header->tsc_end);
}

int panic_take(const char *root, struct lb_error *err)
{
	static struct state_text text;
	struct taking taking = {.text = &text};
	char value[VARIABLE_VALUE];

	if (!state_read(root, STATE_PANIC, &text))
		return 0;
	state_value(&text, "outcome", 0, value);
	if (value[0])
		return 0;
	dumps_each(root, take_dump, &taking);
	return taking.found ? state_write(root, STATE_PANIC, &text, err) : 0;
}

bool panic_read(const char *root, struct panic *ret_panic)
{
	static struct state_text text;
	struct proof_setting was, now;
	char value[VARIABLE_VALUE], boot[BOOT_ID];

	memset(ret_panic, 0, sizeof(*ret_panic));
	if (!state_read(root, STATE_PANIC, &text))
		return false;
	state_boot_id(root, boot);
	state_value(&text, "boot", 0, value);
	snprintf(ret_panic->outcome, sizeof(ret_panic->outcome), "%s",
		 strcmp(value, boot) == 0 ? "asked for" : "none seen");
	state_value(&text, "outcome", 0, value);
	if (value[0])
		snprintf(ret_panic->outcome, sizeof(ret_panic->outcome), "%.15s", value);
	ret_panic->dump_bytes = state_number(&text, "dump_bytes");
	ret_panic->first_byte_ms = state_number(&text, "first_byte_ms");
	ret_panic->end_ms = state_number(&text, "end_ms");
	proof_setting_take(&text, &was);
	state_value(&text, "partition", 0, value);
	proof_setting_read(root, value, &now);
	proof_setting_compare(&was, &now, ret_panic->stale);
	return true;
}
