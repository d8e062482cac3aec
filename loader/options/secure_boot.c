// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/secure_boot.h"

#include "lifeboat/uart.h"
#include "loader/options/consoles.h"

static bool is_com_port(const struct lb_console *console)
{
	for (unsigned int i = 0; i < LB_COM_COUNT; i++)
		if (console->type == LB_CONSOLE_PORT && console->address == lb_com_port(i))
			return true;
	return false;
}

bool lb_secure_boot_console(const struct lb_console *console, const struct lb_console *spcr)
{
	return console->type == LB_CONSOLE_NONE || is_com_port(console) ||
	       (console->type == spcr->type && console->address == spcr->address);
}

int lb_secure_boot_judge(const struct lb_options *options, const struct lb_console *spcr,
			 struct lb_error *err)
{
	const struct lb_console *console = &options->console;
	char text[LB_CONSOLE_TEXT];

	if (!options->builtin)
		return lb_fail(err, "Secure Boot is on: nobody checks the signature of a Linux as the second "
				    "kernel, wanted --capture builtin");
	if (!options->console_given || lb_secure_boot_console(console, spcr))
		return 0;
	return lb_fail(
		err,
		"Secure Boot is on: --console %s: nobody signed that address, wanted none, ttyS0 to ttyS3, "
		"or the firmware's own (SPCR)",
		lb_console_format(console, text));
}
