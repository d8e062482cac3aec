// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/crash_signs.h"

#include "lib/format.h"
#include "lib/mem.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// The same words are in scripts/capture/lib/vmcore.sh: tests/vm/test_capture_scripts.py compares them.
static const char crash_words[][32] = {"Kernel panic", "Oops", "BUG: ", "sysrq: Trigger a crash",
				       "general protection fault"};
// A message begins so. Sources: kernel/reboot.c, kernel/kexec_core.c, drivers/tty/sysrq.c.
static const char reboot_words[][32] = {"reboot: Restarting system",       "reboot: Power down",
					"reboot: System halted",           "kexec: Starting new kernel",
					"kexec_core: Starting new kernel", "sysrq: Resetting"};

static bool begins_with(const char *text, size_t bytes, const char *word)
{
	size_t length = lb_strlen(word);

	return length <= bytes && memcmp(text, word, length) == 0;
}

// Is it the first letter of one of crash_words? Most are not.
static bool begins_crash_word(char c)
{
	return c == 'K' || c == 'O' || c == 'B' || c == 's' || c == 'g';
}

static bool has_crash_word(const char *line, size_t bytes)
{
	for (size_t at = 0; at < bytes; at++) {
		if (!begins_crash_word(line[at]))
			continue;
		for (size_t i = 0; i < COUNT(crash_words); i++) {
			if (begins_with(line + at, bytes - at, crash_words[i]))
				return true;
		}
	}
	return false;
}

// The message's beginning: behind the time, and behind the caller where there is one.
static size_t message_at(const char *line, size_t bytes)
{
	size_t at = 0;

	for (unsigned int i = 0; i < 2 && at < bytes && line[at] == '['; i++) {
		size_t end = at;

		while (end < bytes && line[end] != ']')
			end++;
		if (bytes - end < 2 || line[end + 1] != ' ')
			break;
		at = end + 2;
	}
	return at;
}

static bool has_reboot_word(const char *line, size_t bytes)
{
	size_t at = message_at(line, bytes);

	for (size_t i = 0; at && i < COUNT(reboot_words); i++) {
		if (begins_with(line + at, bytes - at, reboot_words[i]))
			return true;
	}
	return false;
}

static void end_line(struct lb_crash_signs *signs)
{
	if (has_reboot_word(signs->line, signs->bytes)) {
		signs->reboot = true;
		signs->lines = 0;
	} else if (has_crash_word(signs->line, signs->bytes)) {
		signs->crash = true;
		signs->reboot = false;
	}
	signs->lines++;
	signs->bytes = 0;
}

void lb_crash_signs_add(struct lb_crash_signs *signs, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] == '\n')
			end_line(signs);
		else if (signs->bytes < sizeof(signs->line))
			signs->line[signs->bytes++] = text[i];
	}
}

enum lb_crash_verdict lb_crash_signs_judge(struct lb_crash_signs *signs)
{
	if (signs->bytes)
		end_line(signs);
	if (signs->reboot && signs->lines <= LB_CRASH_SIGNS_LAST_LINES)
		return LB_CRASH_REBOOT;
	return signs->crash ? LB_CRASH_SIGN : LB_CRASH_NO_SIGN;
}
