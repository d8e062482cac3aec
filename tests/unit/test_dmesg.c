// SPDX-License-Identifier: BSD-2-Clause
// Reads the log from a printk ring buffer made here: record states, wrapping, missing keys, text that is not
// printable, wrong fields. The layout is 6.1's. 5.10's differs in offsets only.
#include <stdlib.h>
#include <string.h>

#include "crash/dead/dmesg.h"
#include "dead_ring.h"
#include "unit.h"

// Addresses are physical. Everything is read through the direct map.
#define COUNT_BITS 4U
#define SIZE_BITS 9U // 512 bytes of text
#define COMMITTED 1ULL
#define FINALIZED 2ULL
#define REUSABLE 3ULL
#define ID_MASK ((1ULL << 62) - 1)

static struct dead_machine *machine;
static uint64_t head, tail; // ids of the newest and the oldest record
static uint64_t head_lpos;

static char log_text[65536];
static size_t log_bytes, log_limit;

static void put_state(uint64_t id, uint64_t state)
{
	dead_put(machine, DESCS + (id & 15) * 24, state << 62 | (id & ID_MASK), 8);
}

static void put_lpos(uint64_t id, uint64_t begin, uint64_t next)
{
	dead_put(machine, DESCS + (id & 15) * 24 + 8, begin, 8);
	dead_put(machine, DESCS + (id & 15) * 24 + 16, next, 8);
}

static void put_ends(void)
{
	dead_put(machine, RING + 24, head, 8);
	dead_put(machine, RING + 32, tail, 8);
}

// Adds one record as printk does. A block that does not fit at the ring's end goes to its beginning.
static void add(uint64_t nanoseconds, const char *text, size_t bytes)
{
	uint64_t begin = head_lpos, room = (8 + bytes + 7) & ~7ULL, next = begin + room;
	uint64_t at = begin % 512;

	if (begin / 512 != next / 512) {
		next = (begin / 512 + 1) * 512 + room;
		at = 0;
	}
	head = (head + 1) & ID_MASK;
	put_state(head, FINALIZED);
	put_lpos(head, begin, next);
	dead_put(machine, INFOS + (head & 15) * 88 + 8, nanoseconds, 8);
	dead_put(machine, INFOS + (head & 15) * 88 + 16, bytes, 2);
	dead_put(machine, DATA + at, head, 8);
	memcpy(dead_at(machine, DATA + at + 8), text, bytes);
	head_lpos = next;
	put_ends();
}

static void say(uint64_t nanoseconds, const char *text)
{
	add(nanoseconds, text, strlen(text));
}

static int open_machine(void **state)
{
	(void)state;
	machine = dead_open();
	dead_ring(machine, "OSRELEASE=6.1\n", COUNT_BITS, SIZE_BITS);
	head = 0x3ffffffffffffff8; // the next ids wrap around
	tail = head + 1;
	head_lpos = 0xfffffffffffffe00; // the position wraps around too
	log_limit = sizeof(log_text);
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	dead_close(machine);
	return 0;
}

static bool put(void *ctx, const char *text, size_t bytes)
{
	assert_ptr_equal(ctx, &log_bytes);
	// Moves the window, as writing the log to a disk may do.
	dead_page(machine, 0);
	assert_true(bytes && bytes <= sizeof(log_text) - 1 - log_bytes);
	memcpy(log_text + log_bytes, text, bytes);
	log_bytes += bytes;
	log_text[log_bytes] = '\0';
	return log_bytes < log_limit;
}

static int read_log(uint64_t *ret_records, struct lb_error *err)
{
	log_bytes = 0;
	log_text[0] = '\0';
	memset(err, 0, sizeof(*err));
	return lb_dmesg_read(&machine->dead, put, &log_bytes, ret_records, err);
}

static void check_log(const char *wanted, uint64_t wanted_records)
{
	struct lb_error err;
	uint64_t records = 0;

	assert_int_equal(read_log(&records, &err), 0);
	assert_string_equal(log_text, wanted);
	assert_int_equal(records, wanted_records);
}

static void check_refused(const char *words)
{
	struct lb_error err;
	uint64_t records = 77;

	assert_int_equal(read_log(&records, &err), -1);
	assert_non_null(strstr(err.text, words));
	assert_int_equal(records, 77);
	assert_int_equal(log_bytes, 0);
}

static void test_lines(void **state)
{
	(void)state;
	say(0, "Linux version");
	say(1234567890, "two\nlines");
	say(123456789012345678, "late");
	check_log("[    0.000000] Linux version\n"
		  "[    1.234567] two\n               lines\n"
		  "[123456789.012345] late\n",
		  3);
}

static void put_caller(uint64_t id, uint32_t caller)
{
	dead_put(machine, INFOS + (id & 15) * 88 + 20, caller, 4);
}

// Callers are printed as makedumpfile 1.7.6 prints them. A caller longer than its column makes the column
// wider.
static void test_callers(void **state)
{
	(void)state;
	say(0, "boot");
	say(1234567890, "two\nlines");
	say(2000000000, "wide\nlines");
	put_caller(head - 1, 0x80000003);
	put_caller(head, 0x7fffffff);
	check_log("[    0.000000] boot\n[    1.234567] two\n               lines\n"
		  "[    2.000000] wide\n               lines\n",
		  3);
	dead_info_set(machine, "OFFSET(printk_info.text_len)=", "16\nOFFSET(printk_info.caller_id)=20");
	check_log("[    0.000000] [      T0] boot\n"
		  "[    1.234567] [      C3] two\n                          lines\n"
		  "[    2.000000] [T2147483647] wide\n                             lines\n",
		  3);
	dead_info_set(machine, "OFFSET(printk_info.caller_id)=", "-20");
	check_log("[    0.000000] boot\n[    1.234567] two\n               lines\n"
		  "[    2.000000] wide\n               lines\n",
		  3);
}

static void test_bytes(void **state)
{
	(void)state;
	add(0, "a\0b\x1b[m\t\xc3\xa9\x7f~", 11);
	check_log("[    0.000000] a\\x00b\\x1b[m\t\\xc3\\xa9\\x7f~\n", 1);
}

static void test_states(void **state)
{
	(void)state;
	say(1, "one");
	say(2, "two");
	say(3, "three");
	say(4, "four");
	say(5, "five");
	put_state(head - 4, COMMITTED);
	put_state(head - 3, 0); // a record that is reserved and not yet written
	put_state(head - 2, REUSABLE);
	put_state(head - 1, FINALIZED);
	dead_put(machine, DESCS + ((head - 1) & 15) * 24, FINALIZED << 62 | ((head + 15) & ID_MASK), 8);
	check_log("[    0.000000] one\n[    0.000000] five\n", 2);
}

static void test_no_data(void **state)
{
	(void)state;
	say(1, "one");
	say(2, "two");
	say(3, "three");
	put_lpos(head - 1, 1, 1); // a record whose text did not get room
	put_lpos(head, 3, 3); // a record without text
	check_log("[    0.000000] one\n", 1);
}

// More records were written than the ring holds. The log begins at the tail.
static void test_wrap(void **state)
{
	char text[40], wanted[600] = "";

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "record %u %.*s", i, (int)(i % 20), "xxxxxxxxxxxxxxxxxxxx");
		say(i * 1000000000ULL, text);
	}
	tail = head - 9;
	put_ends();
	for (unsigned int i = 90; i < 100; i++)
		snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted),
			 "[%5u.000000] record %u %.*s\n", i, i, (int)(i % 20), "xxxxxxxxxxxxxxxxxxxx");
	check_log(wanted, 10);
}

static void test_block_ends_with_ring(void **state)
{
	char text[49];

	(void)state;
	memset(text, 'x', 48);
	text[48] = '\0';
	say(0, text);
	put_lpos(head, 512 - 56, 512);
	memcpy(dead_at(machine, DATA + 512 - 48), text, 48);
	dead_put(machine, DATA + 8, 0, 8);
	check_log("[    0.000000] xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", 1);
}

static void test_truncated(void **state)
{
	(void)state;
	say(0, "12345678");
	dead_put(machine, INFOS + (head & 15) * 88 + 16, 60000, 2);
	check_log("[    0.000000] 12345678\n", 1);
	put_lpos(head, 8, 16); // the block has room for the id only
	check_log("", 0);
}

static void test_unreadable(void **state)
{
	(void)state;
	say(0, "one");
	say(1000000000, "two");
	machine->hole = DATA;
	check_log("[    0.000000] (lost)\n[    1.000000] (lost)\n", 2);
	machine->hole = INFOS;
	check_log("", 0);
	machine->hole = RING & ~0xfffULL;
	check_refused("the pointer prb at");
	machine->hole = 0;
	dead_put(machine, PRB_POINTER, 0x1234, 8);
	check_refused("the printk_ringbuffer at 0x1234 cannot be read");
}

static uint64_t end_bytes;

static const char *ends_of_log(uint64_t first, uint64_t last, struct lb_dmesg_gaps *ret_gaps)
{
	const struct lb_dmesg_ends ends = {first, last, end_bytes};
	struct lb_error err;

	log_bytes = 0;
	log_text[0] = '\0';
	if (lb_dmesg_read_ends(&machine->dead, ends, put, &log_bytes, ret_gaps, &err) != 0)
		fail_msg("%s", err.text);
	return log_text;
}

// A dump that was cut off reads as zeroes from the middle of a record on. What is missing is marked as lost.
static void test_lost(void **state)
{
	char text[101], wanted[256];
	struct lb_dmesg_gaps gaps;

	(void)state;
	memset(text, 'x', 100);
	text[100] = '\0';
	say(0, "one");
	say(1000000000, text);
	say(2000000000, "three");
	memset(dead_at(machine, DATA + 16 + 8 + 64), 0, 36);
	memset(dead_at(machine, DATA + 16 + 112 + 8), 0, 5);
	snprintf(wanted, sizeof(wanted),
		 "[    0.000000] one\n[    1.000000] %.64s(lost)\n[    2.000000] (lost)\n", text);
	assert_string_equal(ends_of_log(5, 5, &gaps), wanted);
	assert_int_equal(gaps.lost, 2);
}

static void test_stop(void **state)
{
	uint64_t records = 0;
	struct lb_error err;

	(void)state;
	for (unsigned int i = 0; i < 12; i++)
		say(0, "12345678901234567890");
	tail = head - 11;
	for (unsigned int i = 0; i < 12; i++)
		put_lpos(head - i, 0, 504); // each record claims a long text
	for (unsigned int i = 0; i < 12; i++)
		dead_put(machine, INFOS + ((head - i) & 15) * 88 + 16, 400, 2);
	put_ends();
	log_limit = 1;
	assert_int_equal(read_log(&records, &err), 0);
	assert_true(records < 12 && log_bytes <= 512);
}

// The two ends of a log whose ids wrap around between them.
static void test_ends(void **state)
{
	struct lb_dmesg_gaps gaps;

	(void)state;
	for (char name[] = "a"; name[0] < 'm'; name[0]++)
		say(0, name);
	assert_string_equal(ends_of_log(2, 3, &gaps),
			    "[    0.000000] a\n[    0.000000] b\n[    0.000000] j\n[    0.000000] k\n"
			    "[    0.000000] l\n");
	assert_int_equal(gaps.left_out, 7);
	assert_int_equal(strlen(ends_of_log(2, 10, &gaps)), 12 * strlen("[    0.000000] a\n"));
	assert_int_equal(gaps.left_out, 0);
	assert_int_equal(strlen(ends_of_log(20, 1, &gaps)), 12 * strlen("[    0.000000] a\n"));
	assert_string_equal(ends_of_log(0, 1, &gaps), "[    0.000000] l\n");
	assert_int_equal(gaps.left_out, 11);
	end_bytes = 3 * 17 + 16; // three records of a letter (17 bytes each), and 16 bytes more
	assert_string_equal(ends_of_log(12, 2, &gaps),
			    "[    0.000000] a\n[    0.000000] b\n[    0.000000] c\n[    0.000000] k\n"
			    "[    0.000000] l\n");
	assert_string_equal(ends_of_log(0, 12, &gaps),
			    "[    0.000000] j\n[    0.000000] k\n[    0.000000] l\n");
	assert_int_equal(gaps.left_out, 9);
	end_bytes = 0;
	dead_info_drop(machine, "SYMBOL(prb)");
	assert_int_equal(lb_dmesg_read_ends(&machine->dead, (struct lb_dmesg_ends){.first = 1, .last = 1},
					    put, &log_bytes, &gaps, NULL),
			 -1);
}

// The ring has a quarter of a million records. Only those at its two ends are read.
static void test_ends_of_a_large_ring(void **state)
{
	struct lb_dmesg_gaps gaps;

	(void)state;
	dead_put(machine, RING, 18, 4);
	tail = head + 1;
	head = (head + (1 << 18)) & ID_MASK;
	put_ends();
	machine->pages_read = 0;
	ends_of_log(512, 4096, &gaps);
	assert_int_equal(gaps.left_out, (1 << 18) - 512 - 4096);
	assert_in_range(machine->pages_read, 1, 3 * (512 + 4096));
}

static void test_missing_keys(void **state)
{
	static const char *const keys[] = {
		"SYMBOL(prb)",    "SIZE(printk_ringbuffer)",      "OFFSET(prb_desc_ring.infos)",
		"SIZE(prb_desc)", "OFFSET(printk_info.text_len)", "OFFSET(atomic_long_t.counter)"};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char words[80], before[DEAD_INFO_MAX];

		memcpy(before, machine->info, sizeof(before));
		dead_info_drop(machine, keys[i]);
		snprintf(words, sizeof(words), "VMCOREINFO has no number for %s", keys[i]);
		check_refused(words);
		dead_info(machine, "%s", before);
	}
	dead_info_set(machine, "SIZE(prb_desc)=", "4097");
	check_refused("SIZE(prb_desc)=4097, wanted 0 to 4096");
	dead_info_set(machine, "SIZE(prb_desc)=", "-8");
	check_refused("SIZE(prb_desc)=-8");
}

static void test_lies(void **state)
{
	(void)state;
	say(0, "one");
	dead_put(machine, RING, 40, 4);
	check_refused("2^40 records");
	dead_put(machine, RING, COUNT_BITS, 4);
	dead_put(machine, RING + 48, 64, 4);
	check_refused("2^64");
	dead_put(machine, RING + 48, SIZE_BITS, 4);
	tail = head - 16;
	put_ends();
	check_refused("17 records");
	tail = head + 1;
	put_ends();
	check_refused("has 4611686018427387904 records");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lines),
		TEST(test_callers),
		TEST(test_bytes),
		TEST(test_states),
		TEST(test_no_data),
		TEST(test_wrap),
		TEST(test_block_ends_with_ring),
		TEST(test_truncated),
		TEST(test_unreadable),
		TEST(test_lost),
		TEST(test_stop),
		TEST(test_ends),
		TEST(test_ends_of_a_large_ring),
		TEST(test_missing_keys),
		TEST(test_lies),
	};

	return cmocka_run_group_tests_name("dmesg", tests, NULL, NULL);
}
