// SPDX-License-Identifier: BSD-2-Clause
// A capture kernel is recognised by its symbol, or by its log where there is no symbol. The log comes in
// pieces of any size.
#include "crash/dead/capture_kernel.h"
#include "crash/dead/dmesg.h"
#include "dead_kernel_image.h"

static const char *log_text;
static size_t log_piece; // bytes of the log that are passed in each call
static bool log_fails; // the read fails after the log was passed

// The ends that the code under test asked for last.
static struct lb_dmesg_ends asked;

int lb_dmesg_read_ends(const struct lb_deadspace *dead, struct lb_dmesg_ends ends,
		       bool (*put)(void *ctx, const char *text, size_t bytes), void *ctx,
		       struct lb_dmesg_gaps *ret_gaps, struct lb_error *err)
{
	size_t bytes = log_text ? strlen(log_text) : 0;

	assert_non_null(dead);
	asked = ends;
	for (size_t at = 0; at < bytes; at += log_piece) {
		size_t left = bytes - at;

		if (!put(ctx, log_text + at, left < log_piece ? left : log_piece))
			break;
	}
	*ret_gaps = (struct lb_dmesg_gaps){0};
	return log_fails ? lb_fail(err, "unreadable") : 0;
}

int lb_dmesg_read(const struct lb_deadspace *dead, bool (*put)(void *ctx, const char *text, size_t bytes),
		  void *ctx, uint64_t *ret_records, struct lb_error *err)
{
	struct lb_dmesg_gaps gaps;

	*ret_records = 1;
	return lb_dmesg_read_ends(dead, (struct lb_dmesg_ends){UINT64_MAX, UINT64_MAX, 0}, put, ctx, &gaps,
				  err);
}

static struct machine machine_with(enum symbols symbols)
{
	return build((struct machine){.symbols = symbols, .has_note = true, .cpus = CPUS});
}

static bool ask(const struct machine *m)
{
	const struct lb_deadkernel kernel = read_kernel(m);

	return lb_was_capture_kernel(&kernel.space);
}

static void the_symbol_decides(void **state)
{
	(void)state;
	log_text = "[    0.000000] Command line: elfcorehdr=1G\n";
	log_piece = 1000;
	for (enum symbols symbols = BASE_NEGATIVE; symbols <= PLACE_RELATIVE; symbols++) {
		struct machine m = machine_with(symbols);

		assert_false(ask(&m));
		put64(ELFCOREHDR, 0x5ff80000);
		assert_true(ask(&m));
		// ELFCORE_ADDR_ERR: the header was read and its address forgotten.
		put64(ELFCOREHDR, UINT64_MAX - 1);
		assert_true(ask(&m));
	}
}

static void the_log_where_there_is_no_symbol(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} logs[] = {
		{NULL, false},
		{"", false},
		{"[    0.000000] Command line: root=/dev/sda1 elfcorehdr=0x5ff80000 nr_cpus=1\n", true},
		{"[    0.000000] Linux\n[    0.000000] Kernel command line: elfcorehdr=1G\n[    1] x\n",
		 true},
		{"[    0.000000] Command line: ro quiet\n[    0.1] elfcorehdr= in another line\n", false},
		{"[    0.1] elfcorehdr=1G Command line: ro\n", false},
		{"[    0.000000] Command line: noelfcorehdr=1 elfcorehdrs=1 elfcorehdr\n", false},
		{"[    0.000000] ooommand line:  elfelfcorehdr=  elfcorehdr=\n", true},
		{"[    0.000000] Command line:elfcorehdr=1\n", false},
	};
	struct machine m = machine_with(NONE);

	(void)state;
	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		log_text = logs[i].text;
		for (log_piece = 1; log_piece < 90; log_piece++)
			assert_int_equal(ask(&m), logs[i].is);
	}
	log_text = "[    0.000000] Command line: elfcorehdr=1G\n";
	log_fails = true; // what was read before the failure counts
	assert_true(ask(&m));
	log_fails = false;
}

// Only the beginning of a large ring is read, because the log is not on the disk yet.
static void a_large_log_is_not_read_to_its_end(void **state)
{
	struct machine m = machine_with(NONE);

	(void)state;
	log_text = "[    0.000000] Command line: ro\n[    0.1] x\n";
	log_piece = 1000;
	assert_false(ask(&m));
	assert_in_range(asked.first, 16, 4096);
	assert_int_equal(asked.last, 0);
	assert_in_range(asked.bytes, 16 * LB_KIB, LB_MIB);
}

// A symbol that cannot be read counts as missing.
static void an_unreadable_symbol(void **state)
{
	struct machine m = machine_with(BASE_NEGATIVE);
	const struct lb_deadkernel kernel = read_kernel(&m);

	(void)state;
	log_text = "[    0.000000] Command line: elfcorehdr=1G\n";
	log_piece = 7;
	ram_hole = IMAGE + lb_align_down(ELFCOREHDR - TEXT, LB_PAGE);
	assert_true(lb_was_capture_kernel(&kernel.space));
	log_text = "[    0.000000] Command line: ro\n";
	assert_false(lb_was_capture_kernel(&kernel.space));
}

#define LINE 0xa40ff0ULL // the command line, across a page's end

// Returns the header's address as the command line `line` gives it, or 0 if it is not found.
static uint64_t header_by(const char *line)
{
	struct machine m = machine_with(BASE_NEGATIVE);
	const struct lb_deadkernel kernel = read_kernel(&m);
	uint64_t phys = 0;

	put64(ELFCOREHDR, UINT64_MAX - 1); // the header was read already
	put64(COMMAND_LINE, kernel.page_offset + LINE);
	strcpy((char *)ram + LINE, line);
	return lb_capture_kernel_header(&kernel.space, &phys) ? phys : 0;
}

static void the_header_by_the_command_line(void **state)
{
	static const struct {
		const char *line;
		uint64_t phys;
	} lines[] = {
		// As kexec_file_load() writes it.
		{"root=/dev/vda1 elfcorehdr=0x5ff80000 nr_cpus=1", 0x5ff80000},
		{"elfcorehdr=867176K", 867176ULL << 10}, // as kexec-tools write it
		{"a elfcorehdr=16m", 16ULL << 20},
		{"a elfcorehdr=3G b", 3ULL << 30},
		{"elfcorehdr=1024@0x1000 ro", 0x1000}, // SIZE@ADDRESS, as on other architectures
		{"elfcorehdr=4K@8K", 8192},
		{"elfcorehdr=1T", 1ULL << 40},
		{"elfcorehdr=010", 8},
		{"elfcorehdr=1 elfcorehdr=2", 2}, // the last one counts
		{"elfcorehdr=18446744073709551615", UINT64_MAX},
		{"", 0},
		{"ro quiet", 0},
		{"elfcorehdr=", 0},
		{"elfcorehdr", 0},
		{"noelfcorehdr=1", 0},
		{"elfcorehdrs=1", 0},
		{"elfcorehdr=0x", 0},
		{"elfcorehdr=1KK", 0},
		{"elfcorehdr=1@", 0},
		{"elfcorehdr=1@2@3", 0},
		{"elfcorehdr=-1", 0},
		{"elfcorehdr=18446744073709551616", 0},
		{"elfcorehdr=18014398509481984K", 0},
		{"elfcorehdr=00000000000000000000000000000000000000000000000001", 0},
	};
	char longer[5000];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(header_by(lines[i].line), lines[i].phys);
	// The command line is read no further than a kernel's longest.
	memset(longer, ' ', sizeof(longer));
	strcpy(longer + sizeof(longer) - 100, "elfcorehdr=1");
	assert_int_equal(header_by(longer), 0);
}

static void the_header_by_the_symbol(void **state)
{
	struct machine m = machine_with(BASE_NEGATIVE);
	const struct lb_deadkernel kernel = read_kernel(&m);
	uint64_t phys = 0;

	(void)state;
	assert_false(lb_capture_kernel_header(&kernel.space, &phys));
	put64(ELFCOREHDR, 0x5ff80000);
	assert_true(lb_capture_kernel_header(&kernel.space, &phys));
	assert_int_equal(phys, 0x5ff80000);
	// The command line is not in RAM, or has no end.
	put64(ELFCOREHDR, UINT64_MAX - 1);
	put64(COMMAND_LINE, 0);
	assert_false(lb_capture_kernel_header(&kernel.space, &phys));
	memset(ram + LINE, 'x', RAM_BYTES - LINE);
	put64(COMMAND_LINE, kernel.page_offset + RAM_BYTES - 3);
	assert_false(lb_capture_kernel_header(&kernel.space, &phys));
	put64(COMMAND_LINE, kernel.page_offset + LINE);
	assert_false(lb_capture_kernel_header(&kernel.space, &phys));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_symbol_decides),
		cmocka_unit_test(the_log_where_there_is_no_symbol),
		cmocka_unit_test(a_large_log_is_not_read_to_its_end),
		cmocka_unit_test(an_unreadable_symbol),
		cmocka_unit_test(the_header_by_the_command_line),
		cmocka_unit_test(the_header_by_the_symbol),
	};

	return cmocka_run_group_tests(tests, take_ram, free_ram);
}
