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

void bad_option_say(const char *who, const char *help, const struct option *options, int found,
		    char *const *argv)
{
	const struct option *option = find(options, optopt);
	const char *name, *meant;
	size_t bytes;

	if (option && (found == ':' || optopt >= LETTERS)) {
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
	if (meant)
		fprintf(stderr, "%s: --%.*s: no such option; did you mean --%s?\n", who, (int)bytes, name,
			meant);
	else
		fprintf(stderr, "%s: --%.*s: no such option; %s lists the options\n", who, (int)bytes, name,
			help);
}
