// SPDX-License-Identifier: BSD-2-Clause
// The dead kernel's log, out of printk's ring buffer (5.10 and later), as lines of text
// like dmesg's: "[    1.234567] [      T1] text\n". The caller is there where VMCOREINFO says
// where it is. Source: kernel/printk/printk_ringbuffer.c;
// Documentation/admin-guide/kdump/vmcoreinfo.rst lists what is exported.
#ifndef LIFEBOAT_CRASH_DEAD_DMESG_H
#define LIFEBOAT_CRASH_DEAD_DMESG_H

#include "crash/dead/deadmem.h"
#include "lib/format.h"

// Gives `put` the text piece by piece, oldest first. Fails, naming the key or the
// structure, when there is nothing that can be read; what was put before that stays.
// Stops, with 0, when `put` returns false. *ret_records: how many were read.
int lb_dmesg_read(const struct lb_deadspace *dead, bool (*put)(void *ctx, const char *text, size_t bytes),
		  void *ctx, uint64_t *ret_records, struct lb_error *err);

#endif
