// SPDX-License-Identifier: BSD-2-Clause
// The user's words: the table of options, and the settings they result in. Pure: UTF-8, no EFI types,
// tested on the host.
#ifndef LIFEBOAT_LOADER_OPTIONS_OPTIONS_H
#define LIFEBOAT_LOADER_OPTIONS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/plan/panic_words.h"
#include "lib/format.h"
#include "lifeboat/handoff.h"
#include "loader/options/dump_options.h"
#include "loader/options/path.h"

#define LB_MAX_INITRDS 16
#define LB_MAX_CMDLINE 4096

enum lb_verbosity { LB_QUIET = -1, LB_NORMAL = 0, LB_VERBOSE = 1 };

// --watchdog, in seconds.
#define LB_WATCHDOG_MIN 5
#define LB_WATCHDOG_MAX 613 // the iTCO counts ten bits of 0.6 s

// Paths are kept resolved (loader/options/path.h).
struct lb_options {
	bool help, help_dump, version, dry_run, footprint, require;
	bool unknown; // among the words was an unknown option; lifeboat.conf does not count
	bool typed; // set by the caller: the words come from a UEFI shell
	bool no_measure; // nothing into the TPM
	enum lb_verbosity verbosity;
	char kernel[LB_MAX_PATH]; // once finished: "" where lb_options_late() holds
	char chain[LB_MAX_PATH]; // "": no boot manager is started
	char chain_words[LB_MAX_CMDLINE]; // once finished: the words for the boot manager
	bool resident; // set by the caller: this program is a driver, and starts nothing
	char initrd[LB_MAX_INITRDS][LB_MAX_PATH]; // in order; then those of initrd= in the arguments
	uint32_t initrd_count;
	bool builtin_given; // --capture builtin
	bool builtin; // once finished: the second kernel is the one in lifeboat.efi
	char capture[LB_MAX_PATH]; // ""; unless builtin: the first kernel's image
	char capture_initrd[LB_MAX_PATH]; // ""; unless builtin: capture.img beside lifeboat.efi
	char capture_args[LB_MAX_CMDLINE];
	// --crashkernel, else every crashkernel= of the arguments, parted by blanks, else "auto"
	char crashkernel[LB_MAX_CMDLINE];
	bool crashkernel_taken; // from the arguments
	enum lb_policy on_mismatch;
	bool console_given; // else: the first kernel's console=ttySn, SPCR, or none
	struct lb_console console;
	uint32_t watchdog; // seconds; 0: none is started
	enum lb_profile profile;
	uint32_t words_with, words_without; // exceptions: bits as in panic_words.h, none in both
	uint32_t panic_words; // once finished: the set that profile and exceptions choose
	struct lb_dump_options dump; // of the built-in capture kernel
	// KERNEL-ARGUMENTS, as given, joined by spaces; once finished "" where lb_options_late() holds
	char cmdline[LB_MAX_CMDLINE];

	char base[LB_MAX_PATH]; // relative paths of the words that are read now begin here
	char cmdline_base[LB_MAX_PATH]; // the same for those in `cmdline`
	bool initrds_begun, arguments_begun; // by the words that are read now
};

// Somebody else starts the first kernel later. It gets its words at ExitBootServices.
static inline bool lb_options_late(const struct lb_options *options)
{
	return options->resident || options->chain[0];
}

// True where nothing is booted: the program prints something and returns.
static inline bool lb_options_answer(const struct lb_options *options)
{
	return options->help || options->help_dump || options->version || options->dry_run ||
	       options->footprint;
}

void lb_options_init(struct lb_options *options);

// A mistake does not end the reading. `err` tells the first mistake and the rest is read, so that the
// caller can still boot the first kernel, unarmed.

// Begins a new source of words. Its relative paths begin at `base`; its lists replace those of earlier
// sources.
void lb_options_source(struct lb_options *options, const char *base);

// Reads one set of words, as in argv, without lifeboat.efi's path. Words of a later set win.
int lb_options_words(struct lb_options *options, uint32_t count, const char *const *words,
		     struct lb_error *err);

// Sets one option of lifeboat.conf by its long name without dashes. Messages call it `shown`. `value` is
// NULL when none was given.
int lb_options_set(struct lb_options *options, const char *name, const char *shown, const char *value,
		   struct lb_error *err);

int lb_options_kernel(struct lb_options *options, const char *path, struct lb_error *err);

// Appends kernel arguments unchanged. A text that is too long is cut between two words.
int lb_options_arguments(struct lb_options *options, const char *text, size_t bytes, struct lb_error *err);

// Call after the last words. Reads initrd= and crashkernel= among the arguments. Refuses options that
// exclude each other, and a missing KERNEL; --footprint, --chain and a driver need none. A driver ignores
// what it is told to start.
int lb_options_finish(struct lb_options *options, struct lb_error *err);

// Call after lb_options_finish() when KERNEL is a unified kernel image. It is started as --chain starts a
// boot manager, with the arguments as its words, and its Linux gets its words late. Refuses options that do
// not fit; *options is valid all the same.
int lb_options_unified(struct lb_options *options, struct lb_error *err);

const char *lb_policy_name(enum lb_policy policy);

extern const char lb_options_help[]; // the rest: lb_dump_options_help

#endif
