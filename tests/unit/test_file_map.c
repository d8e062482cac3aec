// SPDX-License-Identifier: BSD-2-Clause
// crash/disk/file_map.c: a good map, and maps with wrong fields.
#include <string.h>

#include "crash/disk/file_map.h"
#include "unit.h"

static struct lb_file_map map;
static struct lb_error err;

static int make(void **state)
{
	(void)state;
	map = (struct lb_file_map){
		.file_id = "file",
		.disk_guid = "disk",
		.partuuid = "partition",
		.file_bytes = 3 << 20,
		.extent_count = 2,
		.extents = {{1 << 20, 2 << 20}, {8 << 20, 1 << 20}},
		.esp_path = "\\EFI\\lifeboat\\reserve",
		.host_path = "/boot/efi/EFI/lifeboat/reserve",
	};
	lb_file_map_seal(&map);
	return 0;
}

static int check(void)
{
	err.text[0] = '\0';
	return lb_file_map_check(&map, sizeof(map), &err);
}

// Seals the map, so that only the field just changed is wrong, and expects a refusal.
static void refused(const char *why)
{
	lb_file_map_seal(&map);
	assert_int_equal(check(), -1);
	assert_non_null(strstr(err.text, why));
	make(NULL);
}

static void test_whole(void **state)
{
	(void)state;
	assert_memory_equal(&map, "BFILEMAP", 8);
	assert_int_equal(map.bytes, 880);
	assert_int_equal(check(), 0);
}

static void test_every_byte_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(map); i++) {
		((uint8_t *)&map)[i] ^= 0x20;
		assert_int_equal(check(), -1);
		assert_true(err.text[0]);
		((uint8_t *)&map)[i] ^= 0x20;
	}
	assert_int_equal(check(), 0);
}

static void test_length(void **state)
{
	(void)state;
	for (uint64_t bytes = 0; bytes < sizeof(map); bytes++)
		assert_int_equal(lb_file_map_check(&map, bytes, &err), -1);
	assert_non_null(strstr(err.text, "879 bytes, wanted 880"));
	assert_int_equal(lb_file_map_check(&map, sizeof(map) + 1, &err), -1);
}

static void test_versions(void **state)
{
	(void)state;
	map.version = 2;
	assert_int_equal(check(), -1);
	assert_non_null(strstr(err.text, "version 2 of 880 bytes, wanted version 1"));
	make(NULL);
	map.magic++;
	assert_int_equal(check(), -1);
	assert_non_null(strstr(err.text, "not Lifeboat's"));
}

static void test_lies(void **state)
{
	(void)state;
	map.file_bytes += 4096;
	refused("pieces of 3145728 bytes, the file has 3149824");
	map.extent_count = LB_MAX_EXTENTS + 1;
	refused("25 pieces");
	map.extent_count = 0;
	refused("0 pieces");
	map.extents[1].start = 2 << 20;
	refused("on the same blocks");
	map.extents[0].bytes = UINT64_MAX - 4095;
	refused("piece 0 has");
	map.file_bytes = LB_FILE_BYTES_MIN - 4096;
	refused("wanted 1048576 to");
	map.file_bytes = LB_FILE_BYTES_MAX + 4096;
	refused("wanted 1048576 to");
}

static void test_paths(void **state)
{
	(void)state;
	memset(map.esp_path, 'x', sizeof(map.esp_path)); // no NUL: the text would run into the next field
	refused("a path that is no printable text");
	memset(map.host_path, 'x', sizeof(map.host_path));
	refused("a path that is no printable text");
	map.host_path[3] = '\033';
	refused("a path that is no printable text");
	map.esp_path[0] = '\0';
	lb_file_map_seal(&map);
	assert_int_equal(check(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_whole, make),
		cmocka_unit_test_setup(test_every_byte_counts, make),
		cmocka_unit_test_setup(test_length, make),
		cmocka_unit_test_setup(test_versions, make),
		cmocka_unit_test_setup(test_lies, make),
		cmocka_unit_test_setup(test_paths, make),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
