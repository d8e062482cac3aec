// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/consoles.h"

#include "crash/plan/cmdline.h"
#include "lib/mem.h"
#include "lifeboat/uart.h"
#include "loader/options/values.h"

// ttyS0 to ttyS3 at the start of `text`.
static bool read_tty(const char *text, size_t bytes, struct lb_console *ret_console)
{
	if (bytes < 5 || lb_strncmp(text, "ttyS", 4) != 0 || text[4] < '0' || text[4] > '3')
		return false;
	*ret_console = (struct lb_console){.type = LB_CONSOLE_PORT,
					   .address = lb_com_port((unsigned int)(text[4] - '0'))};
	return true;
}

int lb_console_parse(const char *shown, const char *value, struct lb_console *ret_console,
		     struct lb_error *err)
{
	struct lb_console console = {.type = LB_CONSOLE_NONE};

	if (lb_strncmp(value, "mmio:", 5) == 0 && lb_value_address(value + 5, &console.address)) {
		console.type = LB_CONSOLE_MMIO;
		// The purgatory has one window, of one page.
		if (console.address == 0 || console.address % LB_PAGE > LB_PAGE - LB_UART_REGISTERS)
			return lb_fail(err, "%s: no %d registers of a UART fit into the page at %s", shown,
				       LB_UART_REGISTERS, value + 5);
	} else if (lb_value_address(value, &console.address)) {
		console.type = LB_CONSOLE_PORT;
		if (console.address == 0 || console.address > LB_UART_PORT_MAX)
			return lb_fail(err, "%s: port %.40s is not from 0x1 to 0x%x", shown, value,
				       LB_UART_PORT_MAX);
	} else if (lb_strcmp(value, "none") != 0 &&
		   !(lb_strlen(value) == 5 && read_tty(value, 5, &console))) {
		return lb_value_refuse(shown, value, LB_CONSOLE_WANTS, err);
	}
	*ret_console = console;
	return 0;
}

// The value of the next word that is console=VALUE, VALUE not empty.
static bool next_console(const char *cmdline, size_t *at, struct lb_word *ret_value)
{
	static const char key[] = "console=";
	const size_t key_bytes = sizeof(key) - 1;
	struct lb_word word;

	while (lb_cmdline_next(cmdline, at, &word)) {
		if (word.bytes > key_bytes && lb_strncmp(word.text, key, key_bytes) == 0) {
			*ret_value = (struct lb_word){word.text + key_bytes, word.bytes - key_bytes};
			return true;
		}
	}
	return false;
}

bool lb_console_of_cmdline(const char *cmdline, struct lb_console *ret_console)
{
	bool found = false;
	struct lb_word value;
	size_t at = 0;

	while (next_console(cmdline, &at, &value)) {
		if (value.bytes == 5 || (value.bytes > 5 && value.text[5] == ','))
			found |= read_tty(value.text, value.bytes, ret_console);
	}
	return found;
}

void lb_console_list(const char *cmdline, char *ret_text, size_t room)
{
	struct lb_word value;
	size_t at = 0, used = 0;

	ret_text[0] = '\0';
	while (next_console(cmdline, &at, &value)) {
		if (used + (used > 0) + value.bytes >= room)
			continue;
		used += lb_snprintf(ret_text + used, room - used, "%s%.*s", used ? " " : "", (int)value.bytes,
				    value.text);
	}
}
