// SPDX-License-Identifier: BSD-2-Clause
// Does the running system still lead a panic to Lifeboat? Read from /proc and /sys below a root.
#ifndef LIFEBOAT_TOOLS_CTL_RUNNING_H
#define LIFEBOAT_TOOLS_CTL_RUNNING_H

#include "tools/ctl/findings.h"

// `prepared`: the words came late, if they came. Then the rules by which the hook gave them judge /proc/cmdline
// (crash/plan/kernel_arguments.h): all of LB_WORDS_NEEDED there, a word that refused, or no word of ours at all.
void running_judge(const char *root, bool prepared, struct findings *findings);

// Of that, what the command line alone decides: nothing changes it before the next boot.
void running_judge_words(const char *root, bool prepared, struct findings *findings);

#endif
