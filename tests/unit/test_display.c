// SPDX-License-Identifier: BSD-2-Clause
// Who drives the screen: a module that drives one, or DRM built into the kernel, known by its devices.
// Kernels that do not tell. Symbols, types and memory are made here.
#include "crash/dead/display.h"

#include <string.h>

#include "unit.h"

static uint32_t fake_find(struct lb_symbols *symbols, struct lb_symbol_wanted *wanted, uint32_t count);
static void fake_learn(struct lb_btf *btf, const char *const *names);
static bool fake_member(struct lb_btf *btf, const char *type, const char *path,
			struct lb_btf_field *ret_field);
static bool fake_u64(struct lb_deadmem *mem, uint64_t virt, uint64_t *ret_value);
#define lb_symbols_find fake_find
#define lb_btf_learn fake_learn
#define lb_btf_member fake_member
#define lb_deadmem_u64 fake_u64
#include "crash/dead/display.c"

#define MINORS 0xffffffff82001000ULL
#define ROOT 8 // offset of idr_rt in struct idr
#define HEAD 16 // offset of xa_head in struct xarray

static struct {
	bool built_in, idr, array; // which symbols the kernel has
	bool no_types, unreadable;
	uint64_t head;
	uint32_t asked;
} kernel;
static struct lb_module list[3];
static struct lb_modules modules;

static uint32_t fake_find(struct lb_symbols *symbols, struct lb_symbol_wanted *wanted, uint32_t count)
{
	(void)symbols;
	kernel.asked++;
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(wanted[i].name, "drm_dev_register") == 0 && kernel.built_in)
			wanted[i].address = 0xffffffff81555000;
		if (strcmp(wanted[i].name, "drm_minors_idr") == 0 && kernel.idr)
			wanted[i].address = MINORS;
		if (strcmp(wanted[i].name, "drm_minors_xa") == 0 && kernel.array)
			wanted[i].address = MINORS;
	}
	return count;
}

static void fake_learn(struct lb_btf *btf, const char *const *names)
{
	unsigned int count = 0;

	(void)btf;
	while (count < 16 && names[count])
		count++;
	assert_in_range(count, 1, 15); // NULL ends the list
}

static bool fake_member(struct lb_btf *btf, const char *type, const char *path,
			struct lb_btf_field *ret_field)
{
	(void)btf;
	if (kernel.no_types)
		return false;
	ret_field->offset = strcmp(type, "idr") == 0 ? ROOT : HEAD;
	assert_string_equal(path, strcmp(type, "idr") == 0 ? "idr_rt" : "xa_head");
	return true;
}

static bool fake_u64(struct lb_deadmem *mem, uint64_t virt, uint64_t *ret_value)
{
	assert_ptr_equal(mem, modules.mem);
	assert_int_equal(virt, MINORS + HEAD + (kernel.array ? 0 : ROOT));
	*ret_value = kernel.head;
	return !kernel.unreadable;
}

// Starts a kernel with these modules, or with fewer where one is NULL.
static void start(const char *first, const char *second)
{
	static struct lb_deadmem mem;
	const char *names[] = {first, second};

	memset(&kernel, 0, sizeof(kernel));
	modules = (struct lb_modules){.mem = &mem, .list = list, .capacity = 3};
	for (uint32_t i = 0; i < 2 && names[i]; i++)
		strcpy(list[modules.count++].name, names[i]);
}

static void check(enum lb_display wanted, const char *why)
{
	struct lb_error err = {""};

	assert_int_equal(lb_display_owner(&modules, NULL, NULL, &err), wanted);
	assert_string_equal(err.text, why);
}

static void test_modules(void **state)
{
	static const char *const graphics[] = {"drm",           "nvidia",    "vfio_pci",
					       "vfio_pci_core", "hyperv_fb", "radeonfb"};
	static const char *const others[] = {
		"fb", "drm_panel_orientation_quirks", "fb_sys_fops", "dummy", "xfbx", ""};
	char why[96];

	(void)state;
	for (size_t i = 0; i < sizeof(graphics) / sizeof(graphics[0]); i++) {
		start("dummy", graphics[i]);
		lb_snprintf(why, sizeof(why), "module %s is loaded", graphics[i]);
		check(LB_DISPLAY_DRIVER, why);
		assert_int_equal(kernel.asked, 0);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		start(others[i], NULL);
		check(LB_DISPLAY_FIRMWARE, "no driver of a graphics device is loaded");
	}
	start(NULL, NULL); // the kernel died before it loaded modules
	check(LB_DISPLAY_FIRMWARE, "no driver of a graphics device is loaded");
	start("dummy", NULL);
	modules.cut = true;
	check(LB_DISPLAY_UNKNOWN, "the list of modules cannot be read to its end");
}

static void test_built_in(void **state)
{
	(void)state;
	for (int array = 0; array < 2; array++) {
		start("dummy", NULL);
		kernel.built_in = true;
		kernel.array = array;
		kernel.idr = !array;
		check(LB_DISPLAY_FIRMWARE, "DRM is built in, and has no device");
		kernel.head = 0xffff888001234562;
		check(LB_DISPLAY_DRIVER, "DRM is built in, and has a device");
		kernel.unreadable = true;
		check(LB_DISPLAY_UNKNOWN, "DRM is built in, and its devices cannot be found");
		kernel.unreadable = false;
		kernel.no_types = true;
		check(LB_DISPLAY_UNKNOWN, "DRM is built in, and its devices cannot be found");
	}
	start("dummy", NULL);
	kernel.built_in = true;
	check(LB_DISPLAY_UNKNOWN, "DRM is built in, and its devices cannot be found");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_built_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
