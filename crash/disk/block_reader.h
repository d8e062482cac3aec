// SPDX-License-Identifier: BSD-2-Clause
// A whole disk to read from. Behind it is the firmware, one of Lifeboat's drivers, or a file.
#ifndef LIFEBOAT_CRASH_DISK_BLOCK_READER_H
#define LIFEBOAT_CRASH_DISK_BLOCK_READER_H

#include <stdbool.h>
#include <stdint.h>

#define LB_BLOCK_MAX 4096U // bytes

struct lb_block_reader {
	const char *name; // for messages
	uint32_t block_bytes; // 512 or 4096
	uint64_t blocks;
	// Reads `count` blocks from `block` on; false when that failed. The caller has checked both
	// numbers.
	bool (*read)(void *ctx, uint64_t block, uint32_t count, void *data);
	void *ctx;
};

#endif
