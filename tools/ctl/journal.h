// SPDX-License-Identifier: BSD-2-Clause
// Entries of systemd's journal with message ids (systemd's JOURNAL_NATIVE_PROTOCOL). docs/boots.md has the
// table.
#ifndef LIFEBOAT_TOOLS_CTL_JOURNAL_H
#define LIFEBOAT_TOOLS_CTL_JOURNAL_H

enum event {
	EVENT_PROVED, // a boot on trial was completed
	EVENT_ASIDE, // this boot stood aside
	EVENT_UNACCOUNTED, // an armed boot ended neither cleanly nor with a dump
	EVENT_DUMP, // a panic was captured
	EVENT_SAVE_FAILED,
	EVENT_UPDATED, // an update's trial ended well
	EVENT_RETURNED, // an update's trial ended badly: the program before it is back
	EVENT_TESTED, // a try without a crash has a verdict
};

// `journalctl MESSAGE_ID=...` finds them.
const char *journal_id(enum event event);

// To the journal's socket below `root`; where there is none, a line on stderr.
void journal_tell(const char *root, enum event event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
