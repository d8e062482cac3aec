// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/display.h"

#include "lib/mem.h"

// DRM's drivers bring `drm` along, unless it is built in.
static const char *const drivers[] = {"drm", "nvidia", "vfio_pci", "vfio_pci_core"};

static bool is_driver(const char *name)
{
	const size_t bytes = lb_strlen(name);

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (lb_strcmp(name, drivers[i]) == 0)
			return true;
	}
	return bytes > 2 && lb_strcmp(name + bytes - 2, "fb") == 0;
}

// Asks whether DRM has a minor. DRM's minors are an IDR until 6.12, and an XArray later. An IDR begins with
// an XArray. An XArray with an element has a head.
static enum lb_display ask_minors(struct lb_deadmem *mem, struct lb_btf *btf, uint64_t idr, uint64_t array,
				  struct lb_error *ret_why)
{
	static const char *const names[] = {"idr", "idr_rt", "xarray", "xa_head", NULL};
	struct lb_btf_field root = {.offset = 0}, head;
	uint64_t first;

	lb_btf_learn(btf, names);
	if ((!array && (!idr || !lb_btf_member(btf, "idr", "idr_rt", &root))) ||
	    !lb_btf_member(btf, "xarray", "xa_head", &head) ||
	    !lb_deadmem_u64(mem, (array ? array : idr) + root.offset + head.offset, &first)) {
		lb_fail(ret_why, "DRM is built in, and its devices cannot be found");
		return LB_DISPLAY_UNKNOWN;
	}
	lb_fail(ret_why, "DRM is built in, and has %s", first ? "a device" : "no device");
	return first ? LB_DISPLAY_DRIVER : LB_DISPLAY_FIRMWARE;
}

enum lb_display lb_display_owner(const struct lb_modules *modules, struct lb_symbols *symbols,
				 struct lb_btf *btf, struct lb_error *ret_why)
{
	struct lb_symbol_wanted wanted[] = {
		{.name = "drm_dev_register"}, {.name = "drm_minors_idr"}, {.name = "drm_minors_xa"}};

	for (uint32_t i = 0; i < modules->count; i++) {
		if (is_driver(modules->list[i].name)) {
			lb_fail(ret_why, "module %s is loaded", modules->list[i].name);
			return LB_DISPLAY_DRIVER;
		}
	}
	if (modules->cut) {
		lb_fail(ret_why, "the list of modules cannot be read to its end");
		return LB_DISPLAY_UNKNOWN;
	}
	lb_symbols_find(symbols, wanted, 3);
	if (wanted[0].address)
		return ask_minors(modules->mem, btf, wanted[1].address, wanted[2].address, ret_why);
	lb_fail(ret_why, "no driver of a graphics device is loaded");
	return LB_DISPLAY_FIRMWARE;
}
