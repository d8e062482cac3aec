// SPDX-License-Identifier: BSD-2-Clause
// The machine for the capture kernel's drivers, by UEFI's boot services: memory below 4 GiB, the TSC measured
// with Stall(), device registers in the firmware's identity map, and COM1.
#include "disktest.h"

#include "crash/platform/platform.h"
#include "lib/cpu.h"
#include "lifeboat/uart.h"
#include "tests/say.h"

#define MEASURE_US 20000

static EFI_BOOT_SERVICES *bs;
static uint64_t heap_used, tsc_khz, tsc_opened;

void platform_open(EFI_BOOT_SERVICES *services)
{
	uint64_t start;

	bs = services;
	start = cpu_tsc();
	bs->Stall(MEASURE_US);
	lb_clock_open((cpu_tsc() - start) / (MEASURE_US / 1000));
}

void *lb_heap_pages(uint64_t bytes)
{
	EFI_PHYSICAL_ADDRESS at = LB_4GIB - 1;
	uint64_t pages = lb_pages(bytes);

	if (EFI_ERROR(bs->AllocatePages(AllocateMaxAddress, EfiLoaderData, pages, &at)))
		return NULL;
	bs->SetMem((void *)(uintptr_t)at, pages * LB_PAGE, 0);
	heap_used += pages * LB_PAGE;
	return (void *)(uintptr_t)at;
}

uint64_t lb_heap_used(void)
{
	return heap_used;
}

void lb_clock_open(uint64_t khz)
{
	tsc_khz = khz ? khz : 1;
	tsc_opened = cpu_tsc();
}

uint64_t lb_clock_ms(void)
{
	return (cpu_tsc() - tsc_opened) / tsc_khz;
}

struct lb_deadline lb_deadline_in(uint64_t milliseconds)
{
	return (struct lb_deadline){cpu_tsc() + milliseconds * tsc_khz};
}

bool lb_deadline_passed(struct lb_deadline deadline)
{
	return (int64_t)(cpu_tsc() - deadline.tsc) >= 0;
}

void lb_pause(void)
{
	__asm__ volatile("pause");
}

volatile void *lb_device_map(uint64_t phys, uint64_t bytes)
{
	(void)bytes;
	return (volatile void *)(uintptr_t)phys;
}

static void put(const char *text)
{
	for (; *text; text++) {
		for (unsigned int polls = 0; polls < LB_UART_MAX_POLLS; polls++)
			if (cpu_in8(LB_COM1 + LB_UART_LSR) & LB_UART_LSR_THRE)
				break;
		cpu_out8(LB_COM1, (uint8_t)*text);
	}
}

void say_line(const char *line)
{
	put("disktest: ");
	put(line);
	put("\r\n");
}
