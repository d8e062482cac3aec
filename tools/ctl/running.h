// SPDX-License-Identifier: BSD-2-Clause
// Does the running system still lead a panic to Lifeboat? Read from /proc and /sys below a root.
#ifndef LIFEBOAT_TOOLS_CTL_RUNNING_H
#define LIFEBOAT_TOOLS_CTL_RUNNING_H

#include <stdint.h>

#include "tools/ctl/file.h"
#include "tools/ctl/findings.h"

// The arming of this boot, as the loader tells it.
struct running_boot {
	bool prepared; // the words came late, if they came
	uint32_t words; // that profile and exceptions chose: bits of crash/plan/panic_words.h
};

// Reads the arming from the EFI variable's text. Where that does not name the words: those that every
// profile has.
struct running_boot running_boot_of(const struct content *text);

// Judges the running system. Where the boot was prepared, the rules by which the hook gave the words judge
// /proc/cmdline (crash/plan/kernel_arguments.h): all of them there, a word that refused, or none of ours at
// all.
void running_judge(const char *root, const struct running_boot *boot, struct findings *findings);

// Judges what the command line alone decides: nothing changes it before the next boot.
void running_judge_words(const char *root, const struct running_boot *boot, struct findings *findings);

#endif
