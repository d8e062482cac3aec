// SPDX-License-Identifier: BSD-2-Clause
// Compresses one 4 KiB page at a time, by libzstd or zlib. Each CPU has one work area, made once. A page that
// does not shrink stays as it is.
#ifndef LIFEBOAT_CRASH_DUMP_COMPRESS_H
#define LIFEBOAT_CRASH_DUMP_COMPRESS_H

#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"

// Values of page_desc.flags in kdump-compressed.
#define LB_COMPRESS_RAW 0U
#define LB_COMPRESS_ZLIB 0x1U
#define LB_COMPRESS_ZSTD 0x20U

struct lb_compressor; // one CPU's
uint64_t lb_compressor_bytes(enum lb_dump_format format); // of work area, whole pages
// Opens a compressor in `area`, which is page-aligned. NULL when the library refuses the area.
struct lb_compressor *lb_compressor_open(void *area, enum lb_dump_format format);

// Forgets the pages before, so that later pages' bytes do not depend on them. Called before a run of pages
// whose bytes must not depend on the CPU.
void lb_compressor_forget(struct lb_compressor *compressor);
// Compresses the page into `to` (room for 4096 bytes). Returns the bytes there, 1 to 4096. *ret_flags: the
// method (LB_COMPRESS_...). A page that does not shrink is 4096 bytes and LB_COMPRESS_RAW.
uint32_t lb_compress_page(struct lb_compressor *compressor, const void *page, void *to, uint32_t *ret_flags);

// Is the page nothing but zeroes?
bool lb_compress_is_zero(const void *page);

#endif
