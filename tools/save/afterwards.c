// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/afterwards.h"

#include <stdio.h>
#include <unistd.h>

#include "tools/save/limits.h"

static enum hooks_end complain(const struct lb_error *err)
{
	fprintf(stderr, "lifeboat-save: %s\n", err->text);
	return HOOKS_FAILED;
}

// Saves of another run, for which this one waits, are told of, too: maybe no other run follows.
static int tell_and_lock(const struct crash_folder *folder, bool quiet, enum hooks_end *ret_end,
			 struct lb_error *err)
{
	*ret_end = HOOKS_NOTHING;
	for (;;) {
		const enum hooks_end end = hooks_run(folder, quiet);

		if (end < *ret_end) // a failure counts most, nothing to tell least
			*ret_end = end;
		if (crash_folder_lock(folder, false, err) == 0)
			return 0;
		if (crash_folder_lock(folder, true, err) != 0)
			return -1;
		crash_folder_unlock(folder);
	}
}

enum hooks_end afterwards(bool quiet)
{
	struct crash_folder folder;
	enum hooks_end end;
	struct lb_error err;
	int wrong;

	if (access(FOLDER_USUAL, F_OK) != 0)
		return HOOKS_NOTHING;
	if (crash_folder_open(FOLDER_USUAL, &folder, &err) != 0)
		return complain(&err);
	wrong = save_conf_read(&folder.conf, &err);
	if (wrong)
		complain(&err);
	if (tell_and_lock(&folder, quiet, &end, &err) != 0 || limits_keep(&folder, &err) != 0)
		end = complain(&err);
	crash_folder_close(&folder);
	return wrong ? HOOKS_FAILED : end;
}
