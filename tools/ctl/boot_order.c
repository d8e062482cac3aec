// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/boot_order.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/ctl/entries.h"
#include "tools/ctl/firmware.h"
#include "tools/ctl/plan.h"

static int complain(const struct lb_error *err)
{
	fprintf(stderr, "lifeboatctl: update --boot-order: %s\n", err->text);
	return EXIT_FAILURE;
}

static int put_first(const struct options *options, const struct esp *esp, struct lb_error *err)
{
	enum entry_state state;
	unsigned int number;

	if (entry_put_first(&esp->partition, options->dry_run, &state, &number, err) != 0)
		return -1;
	if (state == ENTRY_ABSENT)
		return lb_fail(err, "no boot entry of Lifeboat's is there: lifeboatctl install makes one");
	if (state == ENTRY_ELSEWHERE)
		printf("%s: Boot%04X is the first boot entry again\n", options->dry_run ? "would be" : "done",
		       number);
	return 0;
}

int boot_order_command(const struct options *options)
{
	struct firmware firmware;
	struct lb_error err;
	struct esp esp;

	if (!options->live)
		return EXIT_SUCCESS;
	if (firmware_read(options, &firmware, &err) != 0 || esp_find(options, false, &esp, &err) != 0)
		return complain(&err);
	if (plan_installed(&esp) != MODE_CHAIN)
		return EXIT_SUCCESS;
	return put_first(options, &esp, &err) != 0 ? complain(&err) : EXIT_SUCCESS;
}
