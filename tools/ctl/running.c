// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE // memmem()
#include "tools/ctl/running.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash/plan/find_linux.h"
#include "crash/plan/kernel_arguments.h"
#include "crash/plan/panic_words.h"
#include "tools/ctl/variable.h"

#define LOG_MAX (64U << 20)
#define NOTIFIERS "/sys/module/kernel/parameters/crash_kexec_post_notifiers"

#define NOTIFIERS_BIT LB_WORD_BIT(LB_WORD_NOTIFIERS)

struct running_boot running_boot_of(const struct content *text)
{
	struct running_boot boot = {.words = LB_WORDS_NEEDED | NOTIFIERS_BIT};
	char value[VARIABLE_VALUE], *word, *rest;
	uint32_t bits;

	boot.prepared = variable_value(text, "state", 0, value) && strcmp(value, "prepared") == 0;
	if (!variable_value(text, "words", 0, value))
		return boot;
	boot.words = LB_WORDS_NEEDED; // which are no exceptions, and not found below
	for (word = strtok_r(value, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		if (lb_panic_words_find(word, &bits))
			boot.words |= bits & ~LB_WORDS_BESIDE_KDUMP;
	return boot;
}

// ---- Settings of the running kernel --------------------------------------------

static void judge_setting(const char *root, const char *path, const char *wanted, const char *why,
			  struct findings *findings)
{
	char found[64];

	if (!file_exists(root, path))
		return; // kernels before 5.11 have no /sys/kernel/reboot
	file_line(root, path, found, sizeof(found));
	if (strcmp(found, wanted) != 0)
		findings_add(findings, FINDING_PROBLEM, "%s is \"%s\", wanted %s: %s", path, found, wanted,
			     why);
}

static void judge_panic(const char *root, struct findings *findings)
{
	static const char path[] = "/proc/sys/kernel/panic";
	char found[64];

	file_line(root, path, found, sizeof(found));
	if (!found[0] || strcmp(found, "0") == 0)
		findings_add(findings, FINDING_PROBLEM,
			     "%s is \"%s\", wanted -1: a panic would stop, not reboot", path, found);
}

// ---- The command line ----------------------------------------------------------

// The last token of each kind in all reboot= words (reboot_setup() in kernel/reboot.c).
struct reboot_words {
	bool warm, forced;
};

static void take_token(struct lb_word token, struct reboot_words *words)
{
	static const char panic[] = "panic_";
	const size_t bytes = sizeof(panic) - 1;

	if (token.bytes > bytes && memcmp(token.text, panic, bytes) == 0)
		words->warm = token.text[bytes] == 'w';
	else if (token.bytes && token.text[0] == 'f')
		words->forced = true;
}

static struct reboot_words read_reboot_words(const char *line)
{
	struct reboot_words words = {false, false};
	struct lb_word value;
	size_t at = 0;

	while (lb_cmdline_next_value(line, "reboot", &at, &value)) {
		while (value.bytes) {
			const char *comma = memchr(value.text, ',', value.bytes);
			const size_t bytes = comma ? (size_t)(comma - value.text) : value.bytes;
			const size_t step = comma ? bytes + 1 : bytes;

			take_token((struct lb_word){value.text, bytes}, &words);
			value = (struct lb_word){value.text + step, value.bytes - step};
		}
	}
	return words;
}

static void judge_reboot_words(const char *line, struct findings *findings)
{
	const struct reboot_words words = read_reboot_words(line);

	if (!words.warm)
		findings_add(findings, FINDING_PROBLEM,
			     "/proc/cmdline: wanted reboot=efi,cold,panic_warm: a panic would not ask for a "
			     "warm reset");
	if (words.forced)
		findings_add(findings, FINDING_PROBLEM,
			     "/proc/cmdline: reboot=force: a panic would not stop the other CPUs");
}

// Lists those of `words` that the line has not, parted by blanks.
static void list_missing(const char *line, uint32_t words, char *ret_list, size_t room)
{
	size_t used = 0;

	*ret_list = '\0';
	for (uint32_t word = 0; word < LB_WORD_COUNT && used < room; word++) {
		const char *text = words & LB_WORD_BIT(word) ? lb_panic_word_for(word, line) : NULL;

		if (text)
			used += lb_snprintf(ret_list + used, room - used, "%s%s", used ? " " : "", text);
	}
}

// The hook's own rules over the line that the kernel says it has: a line with all our words in it comes out
// as it went in.
static void judge_late_words(const char *line, uint32_t words, struct findings *findings)
{
	static char made[LB_LINE_BYTES];
	struct lb_error err;
	char missing[200];

	words &= ~NOTIFIERS_BIT; // judged by what the kernel says of it
	if (lb_cmdline_late(line, words, LB_LINE_BYTES - 1, made, sizeof(made), &err) != 0) {
		findings_add(findings, FINDING_PROBLEM, "/proc/cmdline: nothing was armed: %s", err.text);
	} else if (strcmp(made, line) != 0) {
		list_missing(line, words, missing, sizeof(missing));
		findings_add(findings, FINDING_PROBLEM,
			     "/proc/cmdline has not %s: this boot loader's Linux was not recognised, and "
			     "nothing was armed",
			     missing);
	}
}

static void judge_notifiers(const char *root, const struct running_boot *boot, const char *line,
			    struct findings *findings)
{
	struct lb_word value;
	char found[16];

	file_line(root, NOTIFIERS, found, sizeof(found));
	if (strcmp(found, "Y") == 0 ||
	    (!found[0] && lb_cmdline_last(line, "crash_kexec_post_notifiers", &value)))
		return;
	if (!(boot->words & NOTIFIERS_BIT))
		findings_add(
			findings, FINDING_NOTE,
			"crash_kexec_post_notifiers was left out, as configured: a dump has no registers "
			"of other CPUs");
	// A kernel that somebody else starts keeps crashkernel=, and does not get the word beside it.
	else if (boot->prepared && lb_cmdline_last(line, "crashkernel", &value))
		findings_add(findings, FINDING_NOTE,
			     "crash_kexec_post_notifiers was left out beside crashkernel=: a dump has no "
			     "registers of other CPUs");
	else
		findings_add(findings, FINDING_PROBLEM,
			     "crash_kexec_post_notifiers is off: a panic would not save the other CPUs' "
			     "registers");
}

void running_judge_words(const char *root, const struct running_boot *boot, struct findings *findings)
{
	static char line[LB_LINE_BYTES];
	const unsigned int before = findings->count;

	file_line(root, "/proc/cmdline", line, sizeof(line));
	if (boot->prepared)
		judge_late_words(line, boot->words, findings);
	// All else that is wrong follows from it.
	if (findings->count == before)
		judge_reboot_words(line, findings);
}

static void judge_cmdline(const char *root, const struct running_boot *boot, struct findings *findings)
{
	static char line[LB_LINE_BYTES];
	const unsigned int before = findings->count;

	running_judge_words(root, boot, findings);
	file_line(root, "/proc/cmdline", line, sizeof(line));
	if (!boot->prepared || findings->count == before)
		judge_notifiers(root, boot, line, findings);
}

// ---- The kernel's log ----------------------------------------------------------

// One record a read; of a file, as much as there is. False: it cannot be read.
static bool log_says_capsule(const char *path, bool *ret_says)
{
	static const char *const lines[] = {"efi: Successfully uploaded capsule file",
					    "efi: Successfully processed capsule file"};
	const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	static char record[65536];
	size_t whole = 0;
	ssize_t got;

	if (fd < 0)
		return false;
	*ret_says = false;
	while (whole < LOG_MAX) {
		got = read(fd, record, sizeof(record));
		if (got < 0 && (errno == EPIPE || errno == EINTR))
			continue; // the record was overwritten meanwhile
		if (got <= 0)
			break; // EAGAIN: that was the last one
		whole += (size_t)got;
		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			*ret_says = *ret_says || memmem(record, (size_t)got, lines[i], strlen(lines[i]));
	}
	close(fd);
	return true;
}

// The hook lets every reset through once UpdateCapsule() took a capsule. Linux tells of that in its log only.
static void judge_capsule(const char *root, struct findings *findings)
{
	struct lb_error ignored;
	char path[FILE_PATH];
	bool says;

	if (file_path(root, "/dev/kmsg", path, &ignored) != 0 || !log_says_capsule(path, &says))
		findings_add(findings, FINDING_NOTE,
			     "the kernel's log cannot be read: a pending firmware update would not be seen");
	else if (says)
		findings_add(findings, FINDING_PROBLEM,
			     "a firmware update was handed to the firmware: not covered until the reboot");
}

void running_judge(const char *root, const struct running_boot *boot, struct findings *findings)
{
	char loaded[8];

	judge_setting(root, "/sys/kernel/reboot/type", "efi", "a panic would not call the firmware",
		      findings);
	judge_setting(root, "/sys/kernel/reboot/mode", "cold", "an ordinary reboot would look like a panic",
		      findings);
	judge_panic(root, findings);
	if (!file_exists(root, "/sys/firmware/efi/runtime"))
		findings_add(findings, FINDING_PROBLEM,
			     "/sys/firmware/efi/runtime: no such file: the kernel does not use EFI runtime "
			     "services (efi=noruntime?)");
	judge_cmdline(root, boot, findings);
	judge_capsule(root, findings);
	file_line(root, "/sys/kernel/kexec_crash_loaded", loaded, sizeof(loaded));
	if (strcmp(loaded, "1") == 0)
		findings_add(findings, FINDING_NOTE,
			     "the system's own kdump is loaded and takes a panic before Lifeboat does");
}
