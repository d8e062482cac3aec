// SPDX-License-Identifier: BSD-2-Clause
// A polled 8250, as the first kernel set it up. A port that does not take a byte in time is given up, because
// there may be none.
#include "crash/bare/bare.h"
#include "lib/format.h"
#include "lifeboat/ports.h"
#include "lifeboat/uart.h"

static struct lb_console console;
static const char *speaker; // no initialiser: that would be an absolute address
static struct lb_window device_window;

static bool in_memory(void)
{
	return console.type == LB_CONSOLE_MMIO || console.type == LB_CONSOLE_MMIO32;
}

static volatile void *map(unsigned int offset)
{
	return (uint8_t *)lb_window_map(&device_window, console.address, true) + offset;
}

static uint8_t uart_read(unsigned int reg)
{
	if (console.type == LB_CONSOLE_PORT)
		return cpu_in8((uint16_t)(console.address + reg));
	if (console.type == LB_CONSOLE_MMIO32)
		return (uint8_t) * (volatile uint32_t *)map(4 * reg);
	return *(volatile uint8_t *)map(reg);
}

static void uart_write(unsigned int reg, uint8_t value)
{
	if (console.type == LB_CONSOLE_PORT)
		cpu_out8((uint16_t)(console.address + reg), value);
	else if (console.type == LB_CONSOLE_MMIO32)
		*(volatile uint32_t *)map(4 * reg) = value;
	else
		*(volatile uint8_t *)map(reg) = value;
}

// The registers must lie within one page, the size of the window.
static bool usable(bool sound)
{
	uint32_t bytes = console.type == LB_CONSOLE_MMIO32 ? LB_UART_BYTES32 : LB_UART_REGISTERS;

	if (console.type == LB_CONSOLE_PORT)
		return console.address <= LB_UART_PORT_MAX;
	return in_memory() && sound && console.address % LB_PAGE <= LB_PAGE - bytes;
}

static void use(struct lb_console wanted, bool sound)
{
	console = wanted;
	if (!usable(sound))
		console.type = LB_CONSOLE_NONE;
	if (console.type != LB_CONSOLE_NONE)
		uart_write(LB_UART_IER, 0); // nobody handles its interrupts any more
}

void lb_console_open(const struct lb_handoff *handoff, bool sound, const char *name)
{
	speaker = name;
	device_window = handoff->device_window;
	use(handoff->console, sound);
}

bool lb_console_com1(void)
{
	bool other = console.type != LB_CONSOLE_PORT || console.address != LB_COM1;

	use((struct lb_console){.type = LB_CONSOLE_PORT, .address = LB_COM1}, false);
	return other;
}

static void put(char c)
{
	for (unsigned int polls = 0; console.type != LB_CONSOLE_NONE; polls++) {
		if (uart_read(LB_UART_LSR) & LB_UART_LSR_THRE) {
			uart_write(LB_UART_TX, (uint8_t)c);
			return;
		}
		if (polls == LB_UART_MAX_POLLS)
			console.type = LB_CONSOLE_NONE;
	}
}

static void put_text(const char *text)
{
	for (; *text; text++)
		put(*text);
}

void lb_say(const char *format, ...)
{
	char line[256];
	va_list args;

	va_start(args, format);
	lb_vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	put_text(speaker);
	put_text(": ");
	put_text(line);
	put_text("\r\n");
	if (in_memory()) // a digest covers the page tables: restore them
		lb_window_unmap(&device_window);
}
