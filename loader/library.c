// SPDX-License-Identifier: BSD-2-Clause
#include "loader/library.h"

#include "lib/cpu.h"
#include "lib/mem.h"
#include "lifeboat/x86.h"
#include "loader/firmware.h"
#include "loader/print.h"

#define FXSAVE_BYTES 512

_Noreturn void __stack_chk_fail(void);
void *__memcpy_chk(void *to, const void *from, size_t bytes, size_t room);
void *__memset_chk(void *to, int value, size_t bytes, size_t room);

_Noreturn void __stack_chk_fail(void)
{
	lb_print_error("a library overran its stack; resetting");
	RT->ResetSystem(EfiResetCold, EFI_ABORTED, 0, NULL);
	for (;;)
		__asm__ volatile("pause");
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

void lb_library_run(void (*work)(void *ctx), void *ctx)
{
	static uint64_t block[8] = {[5] = 0x00a95c3e16d7b482ULL}; // a zero byte stops strings
	static uint8_t registers[FXSAVE_BYTES] __attribute__((aligned(16)));
	const uint64_t before = cpu_rdmsr(X86_MSR_FS_BASE);
	// An interrupt saves the SSE registers on the stack, and its event functions save them deeper than
	// anybody wipes.
	const EFI_TPL level = BS->RaiseTPL(TPL_HIGH_LEVEL);

	__asm__ volatile("fxsave64 %0" : "=m"(registers));
	cpu_wrmsr(X86_MSR_FS_BASE, (uint64_t)(uintptr_t)block);
	work(ctx);
	cpu_wrmsr(X86_MSR_FS_BASE, before);
	__asm__ volatile("fxrstor64 %0" : : "m"(registers));
	BS->RestoreTPL(level);
}
