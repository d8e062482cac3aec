// SPDX-License-Identifier: BSD-2-Clause
// Functions that libzstd.a, libz.a and libbearssl.a need. Debian builds them with a stack protector, whose
// canary is at FS:0x28. libzstd and libz refer to an allocator, which nobody calls: both work in areas that
// they are given (compress.c). BearSSL calls the checked forms of memcpy() and memset(). libzstd refers to
// its tracer by weak symbols. Without definitions of these symbols the linker would make a PLT.
#include <stddef.h>
#include <stdint.h>

#include "crash/bare/bare.h"
#include "lib/mem.h"

// FS points at this block on every CPU (entry.asm).
extern uint64_t lb_libraries_block[];
uint64_t lb_libraries_block[8] = {[5] = 0x00d1b54a32d192edULL}; // the canary; its zero byte stops strings

_Noreturn void __stack_chk_fail(void);
void *__memcpy_chk(void *to, const void *from, size_t bytes, size_t room);
void *__memset_chk(void *to, int value, size_t bytes, size_t room);
void *malloc(size_t bytes);
void *calloc(size_t count, size_t bytes);
void free(void *memory);
unsigned long long ZSTD_trace_compress_begin(const void *context);
void ZSTD_trace_compress_end(unsigned long long trace, const void *data);

_Noreturn void __stack_chk_fail(void)
{
	lb_say("fault: a library overran its stack");
	lb_stop(LB_POLICY_RESET);
}

void *__memcpy_chk(void *to, const void *from, size_t bytes, size_t room)
{
	if (bytes > room)
		__stack_chk_fail();
	return memcpy(to, from, bytes);
}

void *__memset_chk(void *to, int value, size_t bytes, size_t room)
{
	if (bytes > room)
		__stack_chk_fail();
	return memset(to, value, bytes);
}

void *malloc(size_t bytes)
{
	(void)bytes;
	return NULL;
}

void *calloc(size_t count, size_t bytes)
{
	(void)count;
	(void)bytes;
	return NULL;
}

void free(void *memory)
{
	(void)memory;
}

// Returns 0: nothing is traced. ZSTD_trace_compress_end() is then never called.
unsigned long long ZSTD_trace_compress_begin(const void *context)
{
	(void)context;
	return 0;
}

void ZSTD_trace_compress_end(unsigned long long trace, const void *data)
{
	(void)trace;
	(void)data;
}
