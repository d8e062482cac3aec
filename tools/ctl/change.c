// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/change.h"

#include <stdio.h>
#include <string.h>

void change_note(const struct options *options, const char *what)
{
	static struct state_text text;
	char boot[BOOT_ID];
	struct lb_error err;
	int lock;

	if (!options->live || options->dry_run)
		return;
	state_boot_id(options->root, boot);
	text.bytes = 0;
	state_add(&text, "what", "%s", what);
	state_add(&text, "boot", "%s", boot);
	if (state_lock(options->root, &lock, &err) == 0) {
		const int failed = state_write(options->root, STATE_CHANGE, &text, &err);

		state_unlock(lock);
		if (!failed)
			return;
	}
	// The change itself succeeded.
	fprintf(stderr, "lifeboatctl: %s: status will not say that a restart is wanted: %s\n", what,
		err.text);
}

bool change_read(const char *root, struct change *ret_change)
{
	static struct state_text text;
	char value[VARIABLE_VALUE];

	if (!state_read(root, STATE_CHANGE, &text))
		return false;
	state_value(&text, "what", 0, value);
	snprintf(ret_change->what, sizeof(ret_change->what), "%.15s", value);
	state_value(&text, "boot", 0, value);
	snprintf(ret_change->boot, sizeof(ret_change->boot), "%.39s", value);
	return true;
}

bool change_waits(const char *root, struct change *ret_change)
{
	char boot[BOOT_ID];

	state_boot_id(root, boot);
	return change_read(root, ret_change) && boot[0] && strcmp(ret_change->boot, boot) == 0;
}
