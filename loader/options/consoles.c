// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/consoles.h"

#include "crash/plan/cmdline.h"
#include "lib/mem.h"
#include "lib/number.h"
#include "lifeboat/pci.h"
#include "lifeboat/uart.h"
#include "loader/options/values.h"

// Reads ttyS0 to ttyS3 at the start of `text`.
static bool read_tty(const char *text, size_t bytes, struct lb_console *ret_console)
{
	if (bytes < 5 || lb_strncmp(text, "ttyS", 4) != 0 || text[4] < '0' || text[4] > '3')
		return false;
	*ret_console = (struct lb_console){.type = LB_CONSOLE_PORT,
					   .address = lb_com_port((unsigned int)(text[4] - '0'))};
	return true;
}

// The purgatory maps one page for the console.
static bool fits(const struct lb_console *console)
{
	uint32_t bytes = console->type == LB_CONSOLE_MMIO32 ? LB_UART_BYTES32 : LB_UART_REGISTERS;

	if (console->type == LB_CONSOLE_PORT)
		return console->address != 0 && console->address <= LB_UART_PORT_MAX;
	return console->address != 0 && console->address % LB_PAGE <= LB_PAGE - bytes;
}

// Reads hexadecimal digits that end with the character `end`.
static bool read_hex(const char **text, uint32_t max, char end, uint32_t *ret_number)
{
	uint32_t number = 0;
	const char *at = *text;

	for (int digit; (digit = lb_digit_value(*at)) >= 0; at++) {
		number = number << 4 | (uint32_t)digit;
		if (number > max)
			return false;
	}
	if (at == *text || *at != end)
		return false;
	*text = at + (end != '\0');
	*ret_number = number;
	return true;
}

// Reads BUS:DEVICE.FUNCTION as lspci prints it, with or without the segment 0000: in front.
static bool read_function(const char *text, uint64_t *ret_bdf)
{
	uint32_t bus, device, function;
	const char *at = text;

	if (lb_strncmp(at, "0000:", 5) == 0)
		at += 5;
	if (!read_hex(&at, 0xff, ':', &bus) || !read_hex(&at, LB_PCI_DEVICES - 1, '.', &device) ||
	    !read_hex(&at, LB_PCI_FUNCTIONS - 1, '\0', &function))
		return false;
	*ret_bdf = bus << 8 | device << 3 | function;
	return true;
}

int lb_console_parse(const char *shown, const char *value, struct lb_console *ret_console,
		     struct lb_error *err)
{
	struct lb_console console = {.type = LB_CONSOLE_NONE};
	const char *address = value;

	if (lb_strncmp(value, "mmio:", 5) == 0) {
		console.type = LB_CONSOLE_MMIO;
		address = value + 5;
	} else if (lb_strncmp(value, "mmio32:", 7) == 0) {
		console.type = LB_CONSOLE_MMIO32;
		address = value + 7;
	} else if (lb_strncmp(value, "pci:", 4) == 0 && read_function(value + 4, &console.address)) {
		*ret_console = (struct lb_console){.type = LB_CONSOLE_PCI, .address = console.address};
		return 0;
	} else if (lb_strcmp(value, "none") == 0 || (lb_strlen(value) == 5 && read_tty(value, 5, &console))) {
		*ret_console = console;
		return 0;
	} else {
		console.type = LB_CONSOLE_PORT;
	}
	if (!lb_value_address(address, &console.address))
		return lb_value_refuse(shown, value, LB_CONSOLE_WANTS, err);
	if (!fits(&console) && console.type == LB_CONSOLE_PORT)
		return lb_fail(err, "%s: port %.40s is not from 0x1 to 0x%x", shown, value, LB_UART_PORT_MAX);
	if (!fits(&console))
		return lb_fail(err, "%s: no %d registers of a UART fit into the page at %s", shown,
			       LB_UART_REGISTERS, address);
	*ret_console = console;
	return 0;
}

char *lb_console_format(const struct lb_console *console, char *text)
{
	const unsigned long address = console->address;

	switch (console->type) {
	case LB_CONSOLE_PORT:
		lb_snprintf(text, LB_CONSOLE_TEXT, "0x%lx", address);
		break;
	case LB_CONSOLE_MMIO:
		lb_snprintf(text, LB_CONSOLE_TEXT, "mmio:0x%lx", address);
		break;
	case LB_CONSOLE_MMIO32:
		lb_snprintf(text, LB_CONSOLE_TEXT, "mmio32:0x%lx", address);
		break;
	case LB_CONSOLE_PCI:
		lb_snprintf(text, LB_CONSOLE_TEXT, "pci:%02lx:%02lx.%lx", address >> 8 & 0xff,
			    address >> 3 & 0x1f, address & 7);
		break;
	default:
		lb_snprintf(text, LB_CONSOLE_TEXT, "none");
		break;
	}
	return text;
}

// Finds the next word that begins with `key` and has a value.
static bool next_value(const char *cmdline, const char *key, size_t *at, struct lb_word *ret_value)
{
	const size_t key_bytes = lb_strlen(key);
	struct lb_word word;

	while (lb_cmdline_next(cmdline, at, &word)) {
		if (word.bytes > key_bytes && lb_strncmp(word.text, key, key_bytes) == 0) {
			*ret_value = (struct lb_word){word.text + key_bytes, word.bytes - key_bytes};
			return true;
		}
	}
	return false;
}

static bool skip(struct lb_word *word, const char *prefix)
{
	const size_t bytes = lb_strlen(prefix);

	if (word->bytes < bytes || lb_strncmp(word->text, prefix, bytes) != 0)
		return false;
	word->text += bytes;
	word->bytes -= bytes;
	return true;
}

#define ADDRESS_TEXT 24

// Reads uart[8250],WHERE[,OPTIONS] as Linux's 8250_early does. This console cannot use 16-bit or big-endian
// registers.
static bool read_uart(struct lb_word word, struct lb_console *ret_console)
{
	struct lb_console console = {.type = LB_CONSOLE_MMIO};
	char address[ADDRESS_TEXT];
	size_t bytes = 0;

	if (!skip(&word, "uart8250,") && !skip(&word, "uart,"))
		return false;
	if (skip(&word, "io,"))
		console.type = LB_CONSOLE_PORT;
	else if (skip(&word, "mmio32,") || skip(&word, "mmio32native,"))
		console.type = LB_CONSOLE_MMIO32;
	else
		skip(&word, "mmio,");
	while (bytes < word.bytes && word.text[bytes] != ',')
		bytes++;
	if (bytes >= sizeof(address))
		return false;
	memcpy(address, word.text, bytes);
	address[bytes] = '\0';
	if (!lb_value_address(address, &console.address) || !fits(&console))
		return false;
	*ret_console = console;
	return true;
}

bool lb_console_of_cmdline(const char *cmdline, struct lb_console *ret_console)
{
	bool found = false;
	struct lb_word value;
	size_t at = 0;

	while (next_value(cmdline, "console=", &at, &value)) {
		if (value.bytes == 5 || (value.bytes > 5 && value.text[5] == ','))
			found |= read_tty(value.text, value.bytes, ret_console);
		found |= read_uart(value, ret_console);
	}
	if (found)
		return true;
	for (at = 0; next_value(cmdline, "earlycon=", &at, &value);)
		found |= read_uart(value, ret_console);
	return found;
}

void lb_console_list(const char *cmdline, char *ret_text, size_t room)
{
	struct lb_word value;
	size_t at = 0, used = 0;

	ret_text[0] = '\0';
	while (next_value(cmdline, "console=", &at, &value)) {
		if (used + (used > 0) + value.bytes >= room)
			continue;
		used += lb_snprintf(ret_text + used, room - used, "%s%.*s", used ? " " : "", (int)value.bytes,
				    value.text);
	}
}
