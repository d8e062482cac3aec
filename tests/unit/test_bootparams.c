// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "crash/plan/bootparams.h"
#include "unit.h"

#define M(mib) ((mib)*LB_MIB)
#define ENTRIES_MAX 300

static struct boot_e820_entry entries[ENTRIES_MAX];
static struct lb_e820 map;
static struct lb_bzimage image;
static struct lb_layout layout;
static struct screen_info screen;
static struct lb_bootparams_input input;
static struct boot_params params;
static uint8_t node[8192];

static int reset(void **state)
{
	(void)state;
	image = (struct lb_bzimage){
		.header = {.setup_sects = 39,
			   .boot_flag = 0xaa55,
			   .header = 0x53726448,
			   .version = 0x20f,
			   .type_of_loader = 0,
			   .loadflags = LOADED_HIGH | KASLR_FLAG,
			   .setup_data = 0x1234,
			   .ramdisk_size = 99,
			   .initrd_addr_max = 0x7fffffff,
			   .xloadflags = XLF_KERNEL_64 | XLF_CAN_BE_LOADED_ABOVE_4G,
			   .init_size = 0x3378000},
		.init_size = 0x3378000,
		.alignment = M(2),
		.min_address = M(16),
	};
	layout = (struct lb_layout){
		.region = {M(512), M(768)},
		.kernel = {M(512), M(512) + 0x3378000},
		.initrd = {M(700), M(710)},
		.boot_params = {M(710), M(710) + LB_PAGE},
		.setup_data = {M(711), M(711) + 2 * LB_PAGE},
		.cmdline = {M(712), M(712) + LB_PAGE},
	};
	for (unsigned int i = 0; i < ENTRIES_MAX; i++)
		entries[i] = (struct boot_e820_entry){i * M(2), M(1), 1 + i % 4};
	map = (struct lb_e820){.entries = entries, .count = 5, .capacity = ENTRIES_MAX};
	screen = (struct screen_info){.orig_video_isVGA = 0x70, .lfb_width = 1024};
	input = (struct lb_bootparams_input){
		.image = &image,
		.layout = &layout,
		.initrd_bytes = M(9) + 5,
		.map = &map,
		.screen = &screen,
		.rsdp = 0x7fb7e014,
	};
	memset(&params, 0xee, sizeof(params));
	memset(node, 0xee, sizeof(node));
	return 0;
}

static void build(void)
{
	struct lb_error err = {""};

	if (lb_bootparams_build(&input, &params, node, &err))
		fail_msg("%s", err.text);
}

static void check_refused(void *setup_data, const char *wanted)
{
	struct lb_error err = {""};

	assert_int_equal(lb_bootparams_build(&input, &params, setup_data, &err), -1);
	if (!strstr(err.text, wanted))
		fail_msg("\"%s\" does not say \"%s\"", err.text, wanted);
	assert_int_equal(params.e820_entries, 0xee);
	reset(NULL);
}

// The offsets are written here as the boot protocol has them, so that a wrong struct shows.
static uint32_t at32(unsigned int offset)
{
	uint32_t value;

	memcpy(&value, (const uint8_t *)&params + offset, sizeof(value));
	return value;
}

static void test_fields(void **state)
{
	(void)state;
	build();
	assert_int_equal(at32(0x218), M(700));
	assert_int_equal(at32(0x21c), M(9) + 5);
	assert_int_equal(at32(0x0c0), 0);
	assert_int_equal(at32(0x0c4), 0);
	assert_int_equal(at32(0x228), M(712));
	assert_int_equal(at32(0x0c8), 0);
	assert_int_equal(at32(0x070), 0x7fb7e014);
	assert_int_equal(at32(0x202), 0x53726448);
	assert_int_equal(params.hdr.type_of_loader, 0xff);
	assert_int_equal(params.hdr.loadflags, LOADED_HIGH);
	assert_int_equal(params.hdr.setup_data, 0);
	assert_int_equal(params.hdr.init_size, 0x3378000);
	assert_int_equal(params.sentinel, 0);
	assert_int_equal(params.efi_info.efi_loader_signature, 0);
	assert_memory_equal(&params.screen_info, &screen, sizeof(screen));
	assert_int_equal(params.e820_entries, 5);
	assert_memory_equal((uint8_t *)&params + 0x2d0, entries, 5 * 20);
	for (unsigned int i = 0; i < sizeof(node); i++)
		assert_int_equal(node[i], 0xee);
}

static void test_without_initrd_and_screen(void **state)
{
	struct screen_info none = {0};

	(void)state;
	input.initrd_bytes = 0;
	input.screen = NULL;
	build();
	assert_int_equal(at32(0x218), 0);
	assert_int_equal(at32(0x21c), 0);
	assert_memory_equal(&params.screen_info, &none, sizeof(none));
}

static void test_above_4g(void **state)
{
	uint64_t by = 5 * LB_GIB;

	(void)state;
	layout.region = (struct lb_range){M(512) + by, M(768) + by};
	layout.kernel = (struct lb_range){M(512) + by, M(512) + by + 0x3378000};
	layout.initrd = (struct lb_range){M(700) + by, M(710) + by};
	layout.cmdline = (struct lb_range){M(712) + by, M(712) + by + LB_PAGE};
	build();
	assert_int_equal(at32(0x218), M(700) + LB_GIB);
	assert_int_equal(at32(0x0c0), 1);
	assert_int_equal(at32(0x228), M(712) + LB_GIB);
	assert_int_equal(at32(0x0c8), 1);
}

static void test_entries_border(void **state)
{
	(void)state;
	assert_int_equal(lb_bootparams_setup_data(0), 0);
	assert_int_equal(lb_bootparams_setup_data(128), 0);
	assert_int_equal(lb_bootparams_setup_data(129), 16 + 20);
	map.count = 128;
	build();
	assert_int_equal(params.e820_entries, 128);
	assert_int_equal(params.hdr.setup_data, 0);
	assert_memory_equal((uint8_t *)&params + 0x2d0, entries, 128 * 20);
}

static void test_many_entries(void **state)
{
	struct setup_data header;

	(void)state;
	map.count = ENTRIES_MAX;
	build();
	assert_int_equal(params.e820_entries, 128);
	assert_int_equal(params.hdr.setup_data, M(711));
	memcpy(&header, node, sizeof(header));
	assert_int_equal(header.next, 0);
	assert_int_equal(header.type, 1); // SETUP_E820_EXT
	assert_int_equal(header.len, (ENTRIES_MAX - 128) * 20);
	assert_memory_equal(node + sizeof(header), &entries[128], header.len);
	assert_int_equal(lb_bootparams_setup_data(ENTRIES_MAX), sizeof(header) + header.len);
	assert_int_equal(node[sizeof(header) + header.len], 0xee);
}

static void test_refused(void **state)
{
	(void)state;
	image.alignment = M(1024);
	check_refused(node, "multiple of 0x40000000");
	image.min_address = M(514);
	check_refused(node, "below its pref_address 0x20200000");
	layout.kernel.end--;
	check_refused(node, "its init_size is 0x3378000");
	input.initrd_bytes = M(10) + 1;
	check_refused(node, "0xa00000 of room");
	image.header.xloadflags = XLF_KERNEL_64;
	image.header.initrd_addr_max = (uint32_t)M(700);
	check_refused(node, "initrd_addr_max 0x2bc00000");
	image.header.xloadflags = XLF_KERNEL_64;
	layout.region.end = LB_4GIB + M(2);
	check_refused(node, "above 4 GiB");
	map.count = 129;
	check_refused(NULL, "129 e820 entries");
	map.count = 129;
	layout.setup_data.end = layout.setup_data.start;
	check_refused(node, "room for 0x0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_fields, reset),
		cmocka_unit_test_setup(test_without_initrd_and_screen, reset),
		cmocka_unit_test_setup(test_above_4g, reset),
		cmocka_unit_test_setup(test_entries_border, reset),
		cmocka_unit_test_setup(test_many_entries, reset),
		cmocka_unit_test_setup(test_refused, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
