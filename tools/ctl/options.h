// SPDX-License-Identifier: BSD-2-Clause
// The options of a sub-command of lifeboatctl, as they were given.
#ifndef LIFEBOAT_TOOLS_CTL_OPTIONS_H
#define LIFEBOAT_TOOLS_CTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lifeboat/crypt.h"
#include "tools/ctl/option_table.h"

enum { EXIT_BAD_USAGE = 2 };

// Ways of Lifeboat in front of a boot (docs/options.md).
enum mode { MODE_AUTO, MODE_DRIVER, MODE_SD_BOOT, MODE_CHAIN };

struct options {
	const char *root; // "": the running system
	const char *esp; // NULL: it is looked for
	const char *from; // folder of lifeboat.efi and lifeboatx64.efi; NULL: the usual ones
	enum mode mode;
	const char *sign_key, *sign_certificate; // PEM files; NULL: nothing is signed
	const char *recipients[LB_MAX_RECIPIENTS]; // of encrypted dumps, as given
	unsigned int recipient_count;
	uint64_t reserve; // bytes of a file for dumps; 0: none is asked for
	const char *reserve_at; // its path; NULL: the usual ones
	const char *report_to; // a file for --report; NULL: standard output
	bool no_variables, dry_run, accept_tpm_change, no_measure, cleartext, boot_order, json, metrics,
		when_stale, report, panic, yes;
	// The root runs on this machine's firmware: it is the running system, or EFIVARFS_PATH says where the
	// variables are. Else an image is built.
	bool live;
};

// Takes the options of `command` out of the words behind argv[0]. Prints its help, and exits, where it is
// asked to. Fails, having said why, where a word is not understood, is an option of other sub-commands, or
// does not go with another.
int options_take(enum command command, struct options *ret_options, int argc, char **argv);

const char *mode_name(enum mode mode);

#endif
