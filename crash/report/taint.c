// SPDX-License-Identifier: BSD-2-Clause
#include "crash/report/taint.h"

#include "lib/format.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	char letter;
	const char *meaning;
} flags_by_bit[] = {
	{'P', "proprietary module"},
	{'F', "module loaded by force"},
	{'S', "machine out of specification"},
	{'R', "module unloaded by force"},
	{'M', "machine check"},
	{'B', "bad page"},
	{'U', "a program asked for it"},
	{'D', "died before"},
	{'A', "ACPI table overridden"},
	{'W', "warning before"},
	{'C', "staging driver"},
	{'I', "firmware bug worked around"},
	{'O', "out-of-tree module"},
	{'E', "unsigned module"},
	{'L', "soft lockup before"},
	{'K', "live patched"},
	{'X', "of the distribution"},
	{'T', "randomised structs"},
	{'N', "test"},
	{'J', "firmware commands by a program"},
};

static size_t add(char *text, uint32_t bytes, size_t at, const char *piece)
{
	return at < bytes ? at + lb_snprintf(text + at, bytes - at, "%s", piece) : at;
}

char *lb_taint_text(uint64_t flags, char *text, uint32_t bytes)
{
	size_t at = 0;

	if (!flags) {
		add(text, bytes, 0, "no");
		return text;
	}
	for (unsigned int bit = 0; bit < 64; bit++) {
		char piece[16];

		if (!(flags >> bit & 1))
			continue;
		if (bit < COUNT(flags_by_bit))
			lb_snprintf(piece, sizeof(piece), "%s%c", at ? " " : "", flags_by_bit[bit].letter);
		else
			lb_snprintf(piece, sizeof(piece), "%sbit %u", at ? " " : "", bit);
		at = add(text, bytes, at, piece);
	}
	for (unsigned int bit = 0, first = 1; bit < COUNT(flags_by_bit); bit++) {
		if (!(flags >> bit & 1))
			continue;
		at = add(text, bytes, at, first ? " (" : ", ");
		at = add(text, bytes, at, flags_by_bit[bit].meaning);
		first = 0;
	}
	if (flags & ((1ULL << COUNT(flags_by_bit)) - 1))
		add(text, bytes, at, ")");
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
	for (unsigned int bit = 0; bit < COUNT(flags_by_bit); bit++) {
		if (letter == flags_by_bit[bit].letter)
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
	// Since 6.11 as "[P]=PROPRIETARY_MODULE, [O]=OOT_MODULE".
	while (at && (at = behind(at, "["))) {
		if (at[0] && at[1] == ']')
			flags |= flag_of(at[0]);
	}
	*ret_flags = flags;
	return true;
}
