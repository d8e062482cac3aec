// SPDX-License-Identifier: BSD-2-Clause
#include "acpi_made.h"
#include "crash/plan/viot.h"

static struct lb_viot viot;
static struct lb_error left_out;

static int read_viot(const void *table, uint64_t bytes, struct lb_error *err)
{
	int status;

	POISON(viot);
	POISON(left_out);
	status = lb_viot_read(table, bytes, &viot, &left_out, err);
	if (status != 0) {
		assert_poisoned(&viot, sizeof(viot));
		assert_poisoned(&left_out, sizeof(left_out));
	}
	return status;
}

static void add_node(struct made *made, uint8_t type, uint16_t bytes, uint16_t segment, uint16_t function)
{
	uint32_t at = extend(made, bytes), count = (uint32_t)(made->bytes[36] | made->bytes[37] << 8) + 1;

	put(made, 36, count, 2);
	put(made, at, type, 2); // the type's upper byte is reserved
	put(made, at + 2, bytes, 2);
	put(made, at + 4, segment, 2);
	put(made, at + 6, function, 2);
}

static struct made start(uint16_t first)
{
	struct made made = made_table("VIOT", first);

	put(&made, 38, first, 2);
	return made;
}

// The table of QEMU, with ranges of devices first, and one more device in another segment.
static struct made good(void)
{
	struct made made = start(48);

	add_node(&made, 1, 24, 0, 0);
	add_node(&made, 3, 16, 0, 0x28);
	add_node(&made, 2, 24, 0, 0);
	add_node(&made, 3, 16, 1, 0x0107);
	seal(&made);
	return made;
}

static void test_good(void **state)
{
	struct made made = good();

	(void)state;
	assert_reads(read_viot, &made);
	assert_int_equal(viot.count, 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(viot.iommu[i].registers, i ? 0x0107 : 0x28);
		assert_int_equal(viot.iommu[i].segment, i);
		assert_int_equal(viot.iommu[i].kind, LB_IOMMU_VIRTIO);
		assert_int_equal(viot.iommu[i].flags, 0);
	}
	assert_string_equal(left_out.text, "");
	put(&made, 36, 2, 2); // nodes beyond the count are ignored
	seal(&made);
	assert_reads(read_viot, &made);
	assert_int_equal(viot.count, 1);
	made = start(64); // a gap before the first node
	add_node(&made, 3, 16, 0, 0x28);
	seal(&made);
	assert_reads(read_viot, &made);
	assert_int_equal(viot.count, 1);
	made = start(48);
	add_node(&made, 3, 8, 0, 0x28);
	made.used -= 4; // a node shorter than its kind
	put(&made, 50, 4, 2);
	seal(&made);
	assert_reads(read_viot, &made);
	assert_int_equal(viot.count, 0);
	assert_string_equal(left_out.text, "");
}

static void test_header(void **state)
{
	struct made made = good();

	(void)state;
	check_header(read_viot, &made, "VIOT", 48);
}

static void check_left_out(struct made made, uint32_t count, const char *text)
{
	seal(&made);
	assert_reads(read_viot, &made);
	assert_int_equal(viot.count, count);
	if (!strstr(left_out.text, text) || !strstr(left_out.text, "; it and what follows are not used"))
		fail_msg("\"%s\" does not say \"%s\"", left_out.text, text);
}

static void test_left_out(void **state)
{
	struct made made = good();

	(void)state;
	put(&made, 48 + 24 + 16 + 2, 0, 2);
	check_left_out(made, 1, "ACPI table VIOT: entry 2, of type 2, says it has 0 bytes");
	made = good();
	put(&made, 38, 47, 2);
	check_left_out(made, 0, "ACPI table VIOT: its first node is at 47, wanted 48 to 128");
	put(&made, 38, 129, 2);
	check_left_out(made, 0, "ACPI table VIOT: its first node is at 129, wanted 48 to 128");
	made = good();
	add_node(&made, 4, 16, 0, 0); // a unit with registers in memory
	check_left_out(made, 2, "ACPI table VIOT: node 4 is a virtio-iommu that is no PCI function");
	made = start(48);
	for (uint16_t i = 0; i <= LB_MAX_IOMMUS; i++)
		add_node(&made, 3, 16, 0, i);
	check_left_out(made, LB_MAX_IOMMUS, "ACPI table VIOT: node 64 is one more IOMMU than 64");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
