// SPDX-License-Identifier: BSD-2-Clause
// BTF with types of every kind, members behind anonymous members, and BTF with wrong fields.
#include "crash/dead/btf.h"
#include "dead_image.h"

enum {
	INT = 1,
	PTR,
	ARRAY,
	STRUCT,
	UNION,
	ENUM,
	FWD,
	TYPEDEF,
	VOLATILE,
	CONST,
	RESTRICT,
	FUNC,
	FUNC_PROTO,
	VAR,
	DATASEC,
	FLOAT,
	DECL_TAG,
	TYPE_TAG,
	ENUM64
};

static struct btf_made made;
static struct lb_deadmem opened;
static struct lb_btf btf;

// The types of this struct, and of everything that it names: struct outer {
//	u32 flags; struct { u32 first; union { u64 wide; u32 narrow; }; };
//	u32 array[5]; inner_t in; u64 *pointer; struct inner grid[3][2]; };
static void make_types(void)
{
	uint32_t word, array, inner, anonymous_union, anonymous, alias, constant, pointer, rows, grid, wide;

	memset(&made, 0, sizeof(made));
	btf_type(&made, "outer", FWD, 0, 0); // a forward declaration of the same name
	word = btf_type(&made, "unsigned int", INT, 0, 4);
	btf_word(&made, 32);
	wide = btf_type(&made, "unsigned long", INT, 0, 8);
	btf_word(&made, 64);
	inner = btf_type(&made, "inner", STRUCT, 2, 8);
	btf_member(&made, "a", word, 0);
	btf_member(&made, "b", word, 32);
	alias = btf_type(&made, "inner_t", TYPEDEF, 0, inner);
	constant = btf_type(&made, "", CONST, 0, alias);
	pointer = btf_type(&made, "", PTR, 0, wide);
	array = btf_type(&made, "", ARRAY, 0, 0);
	btf_word(&made, word), btf_word(&made, word), btf_word(&made, 5);
	rows = btf_type(&made, "", ARRAY, 0, 0);
	btf_word(&made, inner), btf_word(&made, word), btf_word(&made, 2);
	grid = btf_type(&made, "", ARRAY, 0, 0);
	btf_word(&made, rows), btf_word(&made, word), btf_word(&made, 3);
	anonymous_union = btf_type(&made, "", UNION, 2, 8);
	btf_member(&made, "wide", wide, 0);
	btf_member(&made, "narrow", word, 0);
	anonymous = btf_type(&made, "", STRUCT, 2, 16);
	btf_member(&made, "first", word, 0);
	btf_member(&made, "", anonymous_union, 64);
	btf_type(&made, "outer", STRUCT, 6, 112);
	btf_member(&made, "flags", word, 0);
	btf_member(&made, "", anonymous, 64);
	btf_member(&made, "array", array, 192);
	btf_member(&made, "in", constant, 352);
	btf_member(&made, "pointer", pointer, 448);
	btf_member(&made, "grid", grid, 512);
	btf_type(&made, "bits", STRUCT, BTF_FLAG | 2, 4);
	btf_member(&made, "low", word, 3U << 24 | 0);
	btf_member(&made, "high", word, 5U << 24 | 11);
	btf_type(&made, "colour", ENUM, BTF_FLAG | 2, 4);
	btf_entry(&made, "RED", 7);
	btf_entry(&made, "BLUE", (uint32_t)-2);
	btf_type(&made, "large", ENUM, 1, 4);
	btf_entry(&made, "LARGE", 0xf0000000);
	btf_type(&made, "huge", ENUM64, 1, 8);
	btf_entry(&made, "HUGE", 5);
	btf_word(&made, 1);
	btf_type(&made, "function", FUNC, 0, btf_type(&made, "", FUNC_PROTO, 1, word));
	made.words -= 3; // take the function's head back: the prototype's parameter must come first
	made.count--;
	btf_entry(&made, "parameter", word);
	btf_type(&made, "function", FUNC, 0, made.count);
	btf_type(&made, "variable", VAR, 0, word);
	btf_word(&made, 1);
	btf_type(&made, ".data", DATASEC, 1, 4);
	btf_word(&made, made.count - 1), btf_word(&made, 0), btf_word(&made, 4);
	btf_type(&made, "tag", DECL_TAG, 0, inner);
	btf_word(&made, UINT32_MAX);
	btf_type(&made, "tag", TYPE_TAG, 0, word);
	btf_type(&made, "double", FLOAT, 0, 8);
	btf_type(&made, "last", STRUCT, 1, 4);
	btf_member(&made, "it", word, 0);
}

static struct dead_machine *open_made(void)
{
	struct dead_machine *machine = dead_open();
	const uint64_t end = write_btf(machine, &made);
	struct lb_error err;

	memset(&btf, 0xee, sizeof(btf));
	lb_deadmem_open(&opened, &machine->dead);
	if (lb_btf_open(&btf, &opened, IMAGE_VIRT + BTF_AT, end, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(btf.count, made.count);
	return machine;
}

static void assert_field(const char *type, const char *path, uint64_t offset, uint64_t bytes, uint64_t count)
{
	struct lb_btf_field field;

	if (!lb_btf_member(&btf, type, path, &field))
		fail_msg("%s.%s was not found", type, path);
	assert_int_equal(field.offset, offset);
	assert_int_equal(field.bytes, bytes);
	assert_int_equal(field.count, count);
	assert_int_equal(field.bits, 0);
}

static void members_are_found(void **state)
{
	struct dead_machine *machine;
	struct lb_btf_field field;

	(void)state;
	make_types();
	machine = open_made();
	assert_field("outer", "flags", 0, 4, 0);
	assert_field("outer", "first", 8, 4, 0);
	assert_field("outer", "wide", 16, 8, 0);
	assert_field("outer", "narrow", 16, 4, 0);
	assert_field("outer", "array", 24, 20, 5);
	assert_field("outer", "in", 44, 8, 0);
	assert_field("outer", "in.b", 48, 4, 0);
	assert_field("outer", "pointer", 56, 8, 0);
	assert_field("outer", "grid", 64, 48, 3);
	assert_field("inner_t", "b", 4, 4, 0);
	assert_field("last", "it", 0, 4, 0);
	assert_true(lb_btf_member(&btf, "bits", "high", &field));
	assert_int_equal(field.offset, 1);
	assert_int_equal(field.bit, 3);
	assert_int_equal(field.bits, 5);
	dead_close(machine);
}

static void what_is_not_there_is_not_found(void **state)
{
	static const char *const pairs[][2] = {
		{"outer", "nothing"},   {"outer", "in.c"}, {"outer", "array.a"},
		{"outer", "pointer.a"}, {"outer", ""},     {"outer", "in."},
		{"none", "flags"},      {"colour", "RED"}, {"function", "parameter"},
	};
	struct dead_machine *machine;
	struct lb_btf_field field;
	uint64_t bytes;
	int64_t value;

	(void)state;
	make_types();
	machine = open_made();
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		assert_false(lb_btf_member(&btf, pairs[i][0], pairs[i][1], &field));
	assert_false(lb_btf_size(&btf, "nothing", &bytes));
	assert_false(lb_btf_enumerator(&btf, "flags", &value));
	dead_close(machine);
}

static void sizes_and_enumerators(void **state)
{
	struct dead_machine *machine;
	uint64_t bytes;
	int64_t value;

	(void)state;
	make_types();
	machine = open_made();
	assert_true(lb_btf_size(&btf, "outer", &bytes) && bytes == 112);
	assert_true(lb_btf_size(&btf, "inner_t", &bytes) && bytes == 8);
	assert_true(lb_btf_enumerator(&btf, "RED", &value) && value == 7);
	assert_true(lb_btf_enumerator(&btf, "BLUE", &value) && value == -2);
	assert_true(lb_btf_enumerator(&btf, "LARGE", &value) && value == 0xf0000000);
	assert_true(lb_btf_enumerator(&btf, "HUGE", &value) && value == (1LL << 32 | 5));
	dead_close(machine);
}

// Names of all lengths, anywhere in a page and across two pages, are found in one pass.
static void strings_anywhere(void **state)
{
	static char names[200][24];
	static const char *list[LB_BTF_NAMES];
	struct dead_machine *machine;
	uint32_t count = 0, asked = 0;
	uint64_t bytes;

	(void)state;
	memset(&made, 0, sizeof(made));
	for (uint32_t i = 0; made.strings_bytes < 2000; i++) { // so that a page ends between the names' bytes
		char filler[40];

		snprintf(filler, sizeof(filler), "first_%u", i);
		btf_string(&made, filler);
	}
	for (uint32_t i = 0; i < 200; i++) {
		snprintf(names[i], sizeof(names[i]), "%.*s%u", (int)(i % 20), "abcdefghijklmnopqrst", i);
		btf_type(&made, names[i], STRUCT, 1, i);
		btf_member(&made, names[i], 1, 0);
	}
	// So that the strings reach a third page.
	for (uint32_t i = 0; made.strings_bytes < sizeof(made.strings) - 64; i++) {
		char filler[40];

		snprintf(filler, sizeof(filler), "filler_%.*s%u", (int)(i % 17), "zyxwvutsrqponmlkj", i);
		btf_string(&made, filler);
		if (count < 200 && asked < LB_BTF_NAMES - 1)
			list[asked++] = names[count++];
	}
	machine = open_made();
	machine->pages_read = 0;
	lb_btf_learn(&btf, list);
	// One read for each page of strings and types, and up to 8 more for each name that is found.
	assert_in_range(machine->pages_read, 1, 3 + 3 + 8 * asked);
	for (uint32_t i = 0; i < asked; i++) {
		assert_true(lb_btf_size(&btf, list[i], &bytes));
		assert_int_equal(bytes, (uint32_t)(strtoul(list[i] + i % 20, NULL, 10)));
	}
	dead_close(machine);
}

// Learnt names need no further pass. Names beyond the table's room push out others, which are then found by a
// pass.
static void many_names(void **state)
{
	static const char *const learnt[] = {"outer", "in.b", "flags", "RED", "no such name", NULL};
	static char names[LB_BTF_NAMES * 2][16];
	struct dead_machine *machine;
	uint32_t reads;
	uint64_t bytes;
	int64_t value;

	(void)state;
	make_types();
	machine = open_made();
	lb_btf_learn(&btf, learnt);
	assert_int_equal(btf.name_count, 6);
	reads = machine->pages_read;
	assert_false(lb_btf_enumerator(&btf, "no such name", &value));
	assert_true(lb_btf_enumerator(&btf, "RED", &value));
	assert_int_equal(machine->pages_read, reads);
	for (uint32_t i = 0; i < LB_BTF_NAMES * 2; i++) {
		snprintf(names[i], sizeof(names[i]), "name%u", i);
		assert_false(lb_btf_size(&btf, names[i], &bytes));
	}
	assert_field("outer", "in.b", 48, 4, 0);
	dead_close(machine);
}

// There are more types than the reader has marks for.
static void many_types(void **state)
{
	struct dead_machine *machine;

	(void)state;
	memset(&made, 0, sizeof(made));
	btf_type(&made, "int", INT, 0, 4);
	btf_word(&made, 32);
	for (uint32_t i = 0; i < 1300; i++)
		btf_type(&made, "", CONST, 0, made.count);
	btf_type(&made, "last", STRUCT, 2, 8);
	btf_member(&made, "near", 20, 0);
	btf_member(&made, "far", 1000, 32);
	machine = open_made();
	assert_field("last", "near", 0, 4, 0);
	assert_int_equal(btf.mark_step, 1);
	dead_close(machine);
}

static int try_open(struct dead_machine *machine, uint64_t start, uint64_t end)
{
	struct lb_error err = {.text = ""};
	int result;

	lb_deadmem_open(&opened, &machine->dead);
	result = lb_btf_open(&btf, &opened, start, end, &err);
	assert_int_equal(result != 0, err.text[0] != '\0');
	return result;
}

static void headers_that_lie(void **state)
{
	const uint64_t start = IMAGE_VIRT + BTF_AT;
	struct dead_machine *machine;
	uint64_t end;

	(void)state;
	make_types();
	machine = dead_open();
	end = write_btf(machine, &made);
	assert_int_equal(try_open(machine, start, end), 0);
	assert_int_equal(try_open(machine, start, end - 1), -1);
	assert_int_equal(try_open(machine, start, start + 8), -1);
	assert_int_equal(try_open(machine, end, start), -1);
	assert_int_equal(try_open(machine, start, start + (1ULL << 40)), -1);
	assert_int_equal(try_open(machine, 0x1000, 0x100000), -1);
	for (unsigned int word = 0; word < 6; word++) {
		write_btf(machine, &made);
		image_put32(machine, start + 4 * word, UINT32_MAX - 3);
		assert_int_equal(try_open(machine, start, end), -1);
	}
	write_btf(machine, &made);
	image_put32(machine, start + 24 + 4, 31U << 24); // a kind that does not exist
	assert_int_equal(try_open(machine, start, end), -1);
	image_put32(machine, start + 24 + 4, 4U << 24 | 0xffff); // the type's entries end beyond the BTF
	assert_int_equal(try_open(machine, start, end), -1);
	dead_close(machine);
}

// Typedefs, anonymous structs and arrays that contain themselves, and sizes that overflow.
static void circles_end(void **state)
{
	struct dead_machine *machine;
	struct lb_btf_field field;
	uint64_t bytes;

	(void)state;
	memset(&made, 0, sizeof(made));
	btf_type(&made, "circle", TYPEDEF, 0, 1);
	btf_type(&made, "self", STRUCT, 3, 8);
	btf_member(&made, "me", 2, 0);
	btf_member(&made, "", 2, 8);
	btf_member(&made, "", 2, 8);
	btf_type(&made, "", ARRAY, 0, 0); // type 3, whose element is type 3
	btf_word(&made, 3), btf_word(&made, 1), btf_word(&made, UINT32_MAX);
	btf_type(&made, "arrays", STRUCT, 4, 8);
	btf_member(&made, "own", 3, 0);
	btf_member(&made, "none", 4711, 0);
	btf_member(&made, "nothing", 0, 0);
	btf_member(&made, "circle", 1, 0);
	machine = open_made();
	assert_false(lb_btf_size(&btf, "circle", &bytes));
	assert_false(lb_btf_member(&btf, "circle", "me", &field));
	assert_false(lb_btf_member(&btf, "self", "you", &field));
	assert_false(lb_btf_member(&btf, "arrays", "own", &field));
	assert_false(lb_btf_member(&btf, "arrays", "none", &field));
	assert_false(lb_btf_member(&btf, "arrays", "nothing", &field));
	assert_false(lb_btf_member(&btf, "arrays", "circle", &field));
	assert_field("self", "me.me.me.me.me.me.me.me", 0, 8, 0);
	// One level more than PATH_MAX.
	assert_false(lb_btf_member(&btf, "self", "me.me.me.me.me.me.me.me.me", &field));
	dead_close(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_found),     cmocka_unit_test(what_is_not_there_is_not_found),
		cmocka_unit_test(sizes_and_enumerators), cmocka_unit_test(many_names),
		cmocka_unit_test(strings_anywhere),      cmocka_unit_test(many_types),
		cmocka_unit_test(headers_that_lie),      cmocka_unit_test(circles_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
