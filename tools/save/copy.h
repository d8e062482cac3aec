// SPDX-License-Identifier: BSD-2-Clause
// The dump and the log taken off the partition, their digests judged on the way.
#ifndef LIFEBOAT_TOOLS_SAVE_COPY_H
#define LIFEBOAT_TOOLS_SAVE_COPY_H

#include "tools/save/dump.h"

enum digest {
	DIGEST_ABSENT = 0, // there is nothing of it
	DIGEST_UNKNOWN, // none was written
	DIGEST_RIGHT,
	DIGEST_WRONG,
};

struct judgement {
	enum digest log, report, head, desc, data;
	uint64_t lost_pages; // of a dump cut short: announced, but without data
};

// Says what is wrong, as words for a message; NULL where nothing is.
const char *judgement_wrong(const struct judgement *judgement);

struct copying {
	int fd; // where to; -1: only the digests are wanted
	// Called after each piece; may be NULL.
	void (*progress)(uint64_t done, uint64_t whole);
};

// The file. What lies beyond the checkpoint of a dump cut short becomes zero, which readers
// take for lost pages, and its header says "incomplete".
int copy_file(const struct dump *dump, const struct copying *copying, struct judgement *judgement,
	      struct lb_error *err);
int copy_log(const struct dump *dump, const struct copying *copying, struct judgement *judgement,
	     struct lb_error *err);
int copy_report(const struct dump *dump, const struct copying *copying, struct judgement *judgement,
		struct lb_error *err);
// The same as JSON.
int copy_report_json(const struct dump *dump, const struct copying *copying, struct judgement *judgement,
		     struct lb_error *err);

#endif
