// SPDX-License-Identifier: BSD-2-Clause
// The build ID of a kernel that died before it wrote VMCOREINFO.
#include "crash/dead/buildid.h"
#include "dead_kernel_image.h"

static void put_build_id(uint64_t virt, uint8_t first)
{
	static const uint32_t header[] = {4, LB_BUILD_ID_BYTES, 3, 0x00554e47};
	uint8_t *at = (uint8_t *)image_at(virt);

	memcpy(at, header, sizeof(header));
	for (uint8_t i = 0; i < LB_BUILD_ID_BYTES; i++)
		at[sizeof(header) + i] = (uint8_t)(first + i);
}

// The kernel's own note is found, also across a page's end, and a vDSO's is not. Two candidates are no
// result.
static void build_id_is_found(void **state)
{
	static const uint64_t places[] = {DATA + 0x20020, DATA + 0x20ff4};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct machine m = usual;
		struct lb_deadkernel dead;
		char text[LB_VMCOREINFO_MAX];
		uint32_t bytes;

		m.has_note = false;
		m.symbols = NONE;
		m = build(m);
		memcpy(image_at(DATA + 0x30000),
		       "\x7f"
		       "ELF",
		       4);
		put_build_id(DATA + 0x30544, 0x80);
		dead = read_kernel(&m);
		assert_false(dead.has_build_id);

		put_build_id(places[i], 0x01);
		dead = read_kernel(&m);
		assert_true(dead.has_build_id);
		bytes = lb_deadkernel_synthesise(&dead, "6.1.0", text);
		assert_true(bytes < sizeof(text));
		text[bytes] = '\0';
		assert_non_null(strstr(text, "\nBUILD-ID=0102030405060708090a0b0c0d0e0f1011121314\n"));

		put_build_id(DATA + 0x38000, 0x40);
		dead = read_kernel(&m);
		assert_false(dead.has_build_id);
	}
}

// Notes that differ from a build ID note in one word or one letter.
static void other_notes_are_none(void **state)
{
	static const struct {
		unsigned int at;
		uint32_t word;
	} wrong[] = {{0, 3}, {0, 5}, {4, 16}, {4, 21}, {8, 1}, {8, 0}, {12, 0x00564e47}, {12, 0x20554e47}};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct machine m = usual;
		struct lb_deadkernel dead;
		uint8_t id[LB_BUILD_ID_BYTES] = {0xee};
		struct lb_deadmem opened;

		m.has_note = false;
		m = build(m);
		put_build_id(DATA + 0x20020, 0x01);
		memcpy((uint8_t *)image_at(DATA + 0x20020) + wrong[i].at, &wrong[i].word, 4);
		dead = read_kernel(&m);
		lb_deadmem_open(&opened, &dead.space);
		assert_false(lb_buildid_find(&opened, &dead, id));
		assert_int_equal(id[0], 0xee);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(build_id_is_found),
		cmocka_unit_test(other_notes_are_none),
	};

	return cmocka_run_group_tests(tests, take_ram, free_ram);
}
