// SPDX-License-Identifier: BSD-2-Clause
// One 4 KiB page, compressed: by libzstd or zlib, each with a work area of its own that
// is made once per CPU. A page that does not shrink stays as it is.
#ifndef LIFEBOAT_CRASH_DUMP_COMPRESS_H
#define LIFEBOAT_CRASH_DUMP_COMPRESS_H

#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"

// page_desc.flags of kdump-compressed.
#define LB_COMPRESS_RAW 0U
#define LB_COMPRESS_ZLIB 0x1U
#define LB_COMPRESS_ZSTD 0x20U

struct lb_compressor; // one CPU's
uint64_t lb_compressor_bytes(enum lb_dump_format format); // of work area; 0: the format takes none
// `area` is page-aligned. NULL when the library will not work with it.
struct lb_compressor *lb_compressor_open(void *area, enum lb_dump_format format);

// Forgets the pages before, which then have no part in the bytes of the pages to come. A run of pages whose
// bytes are not to depend on the CPU begins with it.
void lb_compressor_forget(struct lb_compressor *compressor);
// Compresses the page into `to` (room for 4096 bytes). Returns the bytes there, 1 to 4096, and in
// *ret_flags how (LB_COMPRESS_...); 4096 and LB_COMPRESS_RAW when it would not shrink.
uint32_t lb_compress_page(struct lb_compressor *compressor, const void *page, void *to, uint32_t *ret_flags);

// The same for what is nothing but zeroes.
bool lb_compress_is_zero(const void *page);

#endif
