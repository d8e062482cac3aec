// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/evidence.h"

#include <stddef.h>

const char *lb_evidence_warning(const struct lb_evidence *evidence)
{
	if (evidence->partitions)
		return NULL;
	if (evidence->console)
		return "no partition to dump to: after a panic the log will go to the console, and nothing "
		       "to "
		       "a disk";
	return "no partition to dump to, and no console (--console, console=ttySN or SPCR): a panic will "
	       "leave "
	       "nothing";
}

int lb_evidence_late(const struct lb_evidence *evidence, struct lb_error *err)
{
	if (evidence->partitions)
		return 0;
	return lb_fail(err, "no partition to dump to%s: a panic ends as it would without Lifeboat",
		       evidence->kept ? ", except those that hold a dump not saved yet" : "");
}

int lb_evidence_require(const struct lb_evidence *evidence, struct lb_error *err)
{
	if (evidence->unmatched)
		return lb_fail(err, "--dump-to %s: there is no partition that can be dumped to",
			       evidence->unmatched);
	if (!evidence->partitions && !evidence->kept && !evidence->console)
		return lb_fail(err,
			       "neither a partition to dump to nor a console: a panic would leave nothing");
	return 0;
}
