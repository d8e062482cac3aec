// SPDX-License-Identifier: BSD-2-Clause
// What lifeboatctl remembers from boot to boot: files of KEY=VALUE lines in /var/lib/lifeboat below a root.
#ifndef LIFEBOAT_TOOLS_CTL_STATE_H
#define LIFEBOAT_TOOLS_CTL_STATE_H

#include <stdint.h>

#include "tools/ctl/variable.h"

#define STATE_FOLDER "/var/lib/lifeboat"
#define STATE_COUNTERS "counters"
#define STATE_RUNNING "running"
#define STATE_ENDS "ends"
#define STATE_CHANGE "change"
#define STATE_PROOF "proof"
#define STATE_PANIC "panic"

#define STATE_TEXT 16384U // bytes of such a file, its NUL included
#define BOOT_ID 40U // bytes of a boot's name, its NUL included

struct state_text {
	char text[STATE_TEXT];
	size_t bytes;
};

// False, and *ret_text empty: there is no file that can be read.
bool state_read(const char *root, const char *name, struct state_text *ret_text);
// Writes the whole file. On failure the old one stays.
int state_write(const char *root, const char *name, const struct state_text *text, struct lb_error *err);
// A missing file is no failure.
int state_remove(const char *root, const char *name, struct lb_error *err);
// Excludes other runs of lifeboatctl that write to the folder, until state_unlock(); *ret_fd is for that.
int state_lock(const char *root, int *ret_fd, struct lb_error *err);
void state_unlock(int fd);

// Line number `number`, from 0, of those of `key`; "" where there is none.
void state_value(const struct state_text *text, const char *key, unsigned int number,
		 char ret_value[VARIABLE_VALUE]);
// 0 where it is none.
uint64_t state_number(const struct state_text *text, const char *key);
// Adds a line; one that does not fit is left out.
void state_add(struct state_text *text, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// The kernel's name for this boot (random(4), boot_id); "" where it has none.
void state_boot_id(const char *root, char ret_id[BOOT_ID]);

#endif
