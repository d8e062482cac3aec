// SPDX-License-Identifier: BSD-2-Clause
// The keys of encrypted dumps: made when armed, wiped at the next start.
#ifndef LIFEBOAT_LOADER_KEYS_H
#define LIFEBOAT_LOADER_KEYS_H

#include "crash/crypt/recipient.h"
#include "crash/plan/trial.h"
#include "lifeboat/dumpdisk.h"

// Makes fresh keys for each file of `targets` targets, for the arming `arm_id`, at `keys`, in crash memory. Nothing
// else of them stays. Fails where nothing gives random numbers, and where a recipient is none.
int lb_keys_make(const struct lb_recipients *recipients, uint32_t targets, const uint8_t arm_id[16],
		 struct lb_crypt *keys, struct lb_error *err);

// Wipes what an earlier arming left in memory. A page that somebody has got since is left alone; the others are wiped.
// By the header of its partition, which says where they were.
void lb_keys_forget(const struct lb_dump_header *header);
// By the mark of a proved boot, which says where crash memory was: they are looked for in what is free there.
void lb_keys_forget_proved(const struct lb_trial *mark);

#endif
