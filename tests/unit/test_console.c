// SPDX-License-Identifier: BSD-2-Clause
// The console of purgatory and capture kernel, over a UART at ports, in memory, and on a PCI device. Each
// UART here notes what is asked of it.
#include <string.h>

#include "crash/bare/bare.h"
#include "lifeboat/ports.h"
#include "lifeboat/range.h"
#include "unit.h"

static void fake_out8(uint16_t port, uint8_t value);
static uint8_t fake_in8(uint16_t port);

#define cpu_out8 fake_out8
#define cpu_in8 fake_in8
#include "crash/bare/console.c"
#undef cpu_out8
#undef cpu_in8

#define PORT 0xc040
#define PHYS 0xfedc9000ULL

static char sent[512];
static size_t sent_bytes;
static uint32_t stray; // number of writes to ports that are not the UART's
static bool busy; // the UART takes no byte
static uint32_t page[LB_PAGE / 4]; // registers of a UART in memory, which do not change by themselves
static uint64_t mapped;
static uint32_t unmaps;

static void fake_out8(uint16_t port, uint8_t value)
{
	if (port == PORT)
		sent[sent_bytes++] = (char)value;
	else if (port != PORT + 1 || value != 0)
		stray++;
}

static uint8_t fake_in8(uint16_t port)
{
	assert_int_equal(port, PORT + 5);
	return busy ? 0 : 0x20;
}

// Takes one byte out of the UART each time it is mapped, as if the UART had sent it.
void *lb_window_map(const struct lb_window *window, uint64_t phys, bool uncached)
{
	assert_int_equal(window->virt, 0x1000);
	assert_true(uncached);
	mapped = phys;
	if (page[0]) {
		sent[sent_bytes++] = (char)page[0];
		page[0] = 0;
	}
	return (uint8_t *)page + phys % LB_PAGE;
}

void lb_window_unmap(const struct lb_window *window)
{
	(void)window;
	unmaps++;
}

static void open_at(uint32_t type, uint64_t address, bool sound)
{
	static struct lb_handoff handoff;

	handoff = (struct lb_handoff){.console = {.type = type, .address = address},
				      .device_window = {.virt = 0x1000}};
	memset(sent, 0, sizeof(sent));
	memset(page, 0, sizeof(page));
	sent_bytes = unmaps = stray = 0;
	mapped = 0;
	busy = false;
	lb_console_open(&handoff, sound, "who");
}

static void test_a_port(void **state)
{
	(void)state;
	open_at(LB_CONSOLE_PORT, PORT, false);
	lb_say("%u is said", 7);
	assert_string_equal(sent, "who: 7 is said\r\n");
	assert_int_equal(stray, 0);
	busy = true; // the console gives the UART up, and does not try it again
	lb_say("x");
	busy = false;
	lb_say("y");
	assert_string_equal(sent, "who: 7 is said\r\n");
}

// Registers lie one byte apart (LSR at 5, IER at 1), or four (LSR at 20, IER at 4, 32 bits wide).
static void test_memory(void **state)
{
	uint8_t *bytes = (uint8_t *)page;

	(void)state;
	open_at(LB_CONSOLE_MMIO, PHYS, true);
	bytes[5] = 0x20;
	bytes[1] = 0xaa;
	lb_say("m");
	page[0] &= 0xff;
	lb_window_map(&(struct lb_window){.virt = 0x1000}, PHYS, true);
	assert_int_equal(bytes[20], 0);

	open_at(LB_CONSOLE_MMIO32, PHYS, true);
	page[5] = 0xffffff20;
	lb_say("said");
	lb_window_map(&(struct lb_window){.virt = 0x1000}, PHYS, true);
	assert_string_equal(sent, "who: said\r\n");
	assert_int_equal(mapped, PHYS);
	assert_int_equal(unmaps, 1);
	// A write changes all 32 bits; the upper 24 become zero.
	page[1] = 0xffffffff;
	lb_console_open(&(struct lb_handoff){.console = {.type = LB_CONSOLE_MMIO32, .address = PHYS},
					     .device_window = {.virt = 0x1000}},
			true, "who");
	assert_int_equal(page[1], 0);
}

static void assert_silent(uint32_t type, uint64_t address, bool sound)
{
	open_at(type, address, sound);
	lb_say("x");
	assert_int_equal(sent_bytes + stray, 0);
	assert_int_equal(mapped, 0);
}

// Consoles that are not used: none, memory that must not be mapped, registers across two pages, and kinds
// without a driver.
static void test_none(void **state)
{
	(void)state;
	assert_silent(LB_CONSOLE_NONE, PORT, true);
	assert_silent(LB_CONSOLE_MMIO, PHYS, false);
	assert_silent(LB_CONSOLE_MMIO32, PHYS, false);
	assert_silent(LB_CONSOLE_MMIO, PHYS + 0xff9, true);
	assert_silent(LB_CONSOLE_MMIO32, PHYS + 0xfe4, true);
	assert_silent(LB_CONSOLE_PORT, 0xfff9, true);
	assert_silent(LB_CONSOLE_PCI, 0x20, true);
	assert_silent(77, PORT, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_port),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
