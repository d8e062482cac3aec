// SPDX-License-Identifier: BSD-2-Clause
#include "lib/suggest.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static const char *const known[] = {
	"kernel",  "quiet",    "dump-to", "dump-level",
	"capture", "chain",    "a",       "a-name-of-more-letters-than-are-compared",
	"profile", "dump-tor", NULL};

static const char *name_of(uint32_t index)
{
	return known[index];
}

// The word lies on the heap in exactly its size, without a NUL, so that ASan sees a read beyond it.
static const char *meant(const char *word)
{
	size_t bytes = strlen(word);
	char *copy = malloc(bytes ? bytes : 1);
	const char *name;

	memcpy(copy, word, bytes);
	name = lb_suggest(copy, bytes, name_of);
	free(copy);
	return name;
}

static void test_near(void **state)
{
	static const char *const near[][2] = {
		{"kernle", "kernel"},         {"kernl", "kernel"},   {"kernell", "kernel"},
		{"karnel", "kernel"},         {"quite", "quiet"},    {"dumpto", "dump-to"},
		{"dmup-level", "dump-level"}, {"profil", "profile"}, {"kernel", "kernel"},
		{"captuer", "capture"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++)
		assert_string_equal(meant(near[i][0]), near[i][1]);
}

static void test_far(void **state)
{
	static const char *const far[] = {"",
					  "x",
					  "b",
					  "fo",
					  "frobnicate",
					  "linux",
					  "colonel",
					  "options",
					  "chance",
					  "dmplevl",
					  "a-name-of-more-letters-than-are-compared"};

	(void)state;
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++)
		assert_null(meant(far[i]));
}

// If two words are equally near, the first one is suggested.
static void test_first(void **state)
{
	(void)state;
	assert_string_equal(meant("dump-tx"), "dump-to");
	assert_string_equal(meant("dump-tor"), "dump-tor");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_near),
		cmocka_unit_test(test_far),
		cmocka_unit_test(test_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
