// SPDX-License-Identifier: BSD-2-Clause
#include "tools/common/bad_option.h"

#include <stdio.h>
#include <string.h>

#include "lib/suggest.h"

#define LETTERS 256

static const struct option *known; // lb_suggest() asks for their names

static const char *name_of(uint32_t index)
{
	return known[index].name;
}

static const struct option *find(const struct option *options, int value)
{
	while (options->name && options->val != value)
		options++;
	return options->name ? options : NULL;
}

// Of names that begin so, getopt_long() takes the only one. *ret_one: any of them, unchanged where there is none.
static unsigned int count_beginning(const struct option *options, const char *name, size_t bytes,
				    const char **ret_one)
{
	unsigned int count = 0;

	for (; bytes && options->name; options++) {
		if (strncmp(options->name, name, bytes) != 0)
			continue;
		*ret_one = options->name;
		count++;
	}
	return count;
}

void bad_option_say(const char *who, const char *help, const struct option *options, int found,
		    char *const *argv)
{
	const struct option *option = find(options, optopt);
	const char *name, *meant;
	size_t bytes;

	if (option) { // of one without a value the letter alone is no fault
		fprintf(stderr, "%s: --%s: %s; %s lists the options\n", who, option->name,
			found == ':' ? "a value is wanted" : "takes no value", help);
		return;
	}
	if (optopt > 0 && optopt < LETTERS) {
		fprintf(stderr, "%s: -%c: no such option; %s lists the options\n", who, optopt, help);
		return;
	}
	name = argv[optind - 1];
	name += strspn(name, "-");
	bytes = strcspn(name, "=");
	known = options;
	meant = lb_suggest(name, bytes, name_of);
	if (count_beginning(options, name, bytes, &meant) > 1)
		fprintf(stderr, "%s: --%.*s: more than one option begins so; %s lists the options\n", who,
			(int)bytes, name, help);
	else if (meant)
		fprintf(stderr, "%s: --%.*s: no such option; did you mean --%s?\n", who, (int)bytes, name,
			meant);
	else
		fprintf(stderr, "%s: --%.*s: no such option; %s lists the options\n", who, (int)bytes, name,
			help);
}
