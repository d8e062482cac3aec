// SPDX-License-Identifier: BSD-2-Clause
// The keys of encrypted dumps: made when armed, wiped at the next start.
#ifndef LIFEBOAT_LOADER_KEYS_H
#define LIFEBOAT_LOADER_KEYS_H

#include "crash/crypt/recipient.h"
#include "crash/plan/trial.h"
#include "lifeboat/dumpdisk.h"

// Makes fresh keys for each file of `targets` targets, for the arming `arm_id`, at `keys`, in crash memory.
// No other copy of them stays in memory. Fails where no source of random numbers answers, and where a
// recipient is invalid.
int lb_keys_make(const struct lb_recipients *recipients, uint32_t targets, const uint8_t arm_id[16],
		 struct lb_crypt *keys, struct lb_error *err);

// Wipes the keys that an earlier arming left in memory, at the address in its partition's header. A page
// that is in use now is left alone.
void lb_keys_forget(const struct lb_dump_header *header);
// Looks for keys of a proved boot in crash memory as `mark` gives it, in what is free there, and wipes
// them.
void lb_keys_forget_proved(const struct lb_trial *mark);

#endif
