// SPDX-License-Identifier: BSD-2-Clause
// /etc/lifeboat/save.conf: what becomes of dumps in /var/crash once they are saved. One setting a line; '#'
// begins a comment, at a line's beginning or behind a blank.
//
//   keep N           so many dumps
//   max-bytes SIZE   so much of all that was saved; SIZE: bytes, or with K, M, G or T behind them
//   min-free SIZE    so much of the file system stays free; in place of 10 % and 1 GiB
//   hook-seconds N   so long may each program in saved.d take; 1 to 86400, without it 600
#ifndef LIFEBOAT_TOOLS_SAVE_SAVE_CONF_H
#define LIFEBOAT_TOOLS_SAVE_SAVE_CONF_H

#include <stdint.h>

#include "lib/format.h"

#define SAVE_CONF "/etc/lifeboat/save.conf"

// 0: no limit.
struct save_conf {
	uint64_t keep, max_bytes, min_free, hook_seconds;
};

// A file that is not there has no setting. Fails, naming the line, where one is not understood: then there
// is none.
int save_conf_read(struct save_conf *ret_conf, struct lb_error *err);

#endif
