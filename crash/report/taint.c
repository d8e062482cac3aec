// SPDX-License-Identifier: BSD-2-Clause
#include "crash/report/taint.h"

#include "crash/dead/modules.h"
#include "lib/format.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// The meanings of the bits. lb_taint_letters() has their letters.
static const char *const meanings[] = {
	"proprietary module",
	"module loaded by force",
	"machine out of specification",
	"module unloaded by force",
	"machine check",
	"bad page",
	"a program asked for it",
	"died before",
	"ACPI table overridden",
	"warning before",
	"staging driver",
	"firmware bug worked around",
	"out-of-tree module",
	"unsigned module",
	"soft lockup before",
	"live patched",
	"of the distribution",
	"randomised structs",
	"test",
	"firmware commands by a program",
};

char *lb_taint_text(uint64_t flags, char *text, uint32_t bytes)
{
	char letters[LB_MODULE_TAINTS];
	const char *between = " (";
	size_t at;

	at = lb_snprintf(text, bytes, "%s", flags ? lb_taint_letters(flags, letters) : "no");
	for (unsigned int bit = 0; bit < COUNT(meanings) && at < bytes; bit++) {
		if (!(flags >> bit & 1))
			continue;
		at += lb_snprintf(text + at, bytes - at, "%s%s", between, meanings[bit]);
		between = ", ";
	}
	if (at < bytes && between[0] == ',')
		lb_snprintf(text + at, bytes - at, ")");
	return text;
}

static const char *behind(const char *text, const char *word)
{
	size_t bytes = lb_strlen(word);

	for (; *text; text++) {
		if (lb_strncmp(text, word, bytes) == 0)
			return text + bytes;
	}
	return NULL;
}

static uint64_t flag_of(char letter)
{
	char letters[LB_MODULE_TAINTS];

	for (unsigned int bit = 0; bit < COUNT(meanings); bit++) {
		if (lb_taint_letters(1ULL << bit, letters)[0] == letter)
			return 1ULL << bit;
	}
	return 0;
}

bool lb_taint_read(const char *message, uint64_t *ret_flags)
{
	const char *at = behind(message, "Tainted: ");
	uint64_t flags = 0;

	if (!at && !behind(message, "Not tainted"))
		return false;
	while (at && (*at == ' ' || (*at >= 'A' && *at <= 'Z')))
		flags |= flag_of(*at++);
	// Since 6.11 a list like "[P]=PROPRIETARY_MODULE, [O]=OOT_MODULE" follows.
	while (at && (at = behind(at, "["))) {
		if (at[0] && at[1] == ']')
			flags |= flag_of(at[0]);
	}
	*ret_flags = flags;
	return true;
}
