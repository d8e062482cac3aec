// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/bootparams.h"

#include "lib/mem.h"

_Static_assert(sizeof(struct boot_params) == LB_PAGE, "the zero page");
_Static_assert(E820_MAX_ENTRIES_ZEROPAGE == 128, "boot protocol");

#define LOADER_UNDEFINED 0xff // type_of_loader of a loader without a number of its own
#define VIDEO_NORMAL 0xffff // vid_mode: leave the screen as it is

uint64_t lb_bootparams_setup_data(uint32_t entries)
{
	if (entries <= E820_MAX_ENTRIES_ZEROPAGE)
		return 0;
	return sizeof(struct setup_data) +
	       (uint64_t)(entries - E820_MAX_ENTRIES_ZEROPAGE) * sizeof(struct boot_e820_entry);
}

static int check_kernel(const struct lb_bzimage *image, struct lb_range kernel, struct lb_error *err)
{
	if (!lb_aligned(kernel.start, image->alignment))
		return lb_fail(err,
			       "boot_params: the second kernel lies at 0x%lx, wanted a multiple of 0x%lx",
			       kernel.start, image->alignment);
	// The kernel would copy itself up to its preferred address, over what lies there.
	if (kernel.start < image->min_address)
		return lb_fail(err,
			       "boot_params: the second kernel lies at 0x%lx, below its pref_address 0x%lx",
			       kernel.start, image->min_address);
	if (lb_range_size(kernel) < image->init_size)
		return lb_fail(
			err, "boot_params: the second kernel has 0x%lx bytes of room, its init_size is 0x%lx",
			lb_range_size(kernel), image->init_size);
	return 0;
}

static int check_addresses(const struct lb_bootparams_input *input, struct lb_error *err)
{
	const struct lb_layout *layout = input->layout;
	bool above_4g = input->image->header.xloadflags & XLF_CAN_BE_LOADED_ABOVE_4G;
	uint64_t initrd_max = input->image->header.initrd_addr_max;

	if (input->initrd_bytes > lb_range_size(layout->initrd))
		return lb_fail(err, "boot_params: the capture initrd has 0x%lx bytes and 0x%lx of room",
			       input->initrd_bytes, lb_range_size(layout->initrd));
	if (input->initrd_bytes && !above_4g && layout->initrd.start + input->initrd_bytes - 1 > initrd_max)
		return lb_fail(err,
			       "boot_params: the capture initrd ends at 0x%lx, above the kernel's "
			       "initrd_addr_max 0x%lx",
			       layout->initrd.start + input->initrd_bytes, initrd_max);
	if (layout->region.end > LB_4GIB && !above_4g)
		return lb_fail(err,
			       "boot_params: the crash region ends at 0x%lx and the kernel's xloadflags 0x%x "
			       "forbid addresses above 4 GiB",
			       layout->region.end, (unsigned int)input->image->header.xloadflags);
	return 0;
}

static int check_map(const struct lb_bootparams_input *input, const void *setup_data, struct lb_error *err)
{
	uint64_t wanted = lb_bootparams_setup_data(input->map->count);

	if (wanted > lb_range_size(input->layout->setup_data) || (wanted && !setup_data))
		return lb_fail(
			err,
			"boot_params: %u e820 entries take 0x%lx bytes of setup_data, there is room for "
			"0x%lx",
			input->map->count, wanted, lb_range_size(input->layout->setup_data));
	return 0;
}

static __u32 low_half(uint64_t value)
{
	return (__u32)value;
}

static __u32 high_half(uint64_t value)
{
	return (__u32)(value >> 32);
}

static void fill_header(const struct lb_bootparams_input *input, struct boot_params *params)
{
	const struct lb_layout *layout = input->layout;

	params->hdr = input->image->header;
	params->hdr.type_of_loader = LOADER_UNDEFINED;
	params->hdr.ext_loader_type = 0;
	params->hdr.ext_loader_ver = 0;
	params->hdr.vid_mode = VIDEO_NORMAL;
	params->hdr.loadflags &= (__u8)~KASLR_FLAG; // private to the kernel
	params->hdr.setup_data = 0;
	// No kernel reads this field in 64-bit mode; a true address is easier to recognise in a dump.
	params->hdr.code32_start = (__u32)layout->kernel.start;
	params->hdr.cmd_line_ptr = low_half(layout->cmdline.start);
	params->ext_cmd_line_ptr = high_half(layout->cmdline.start);
	params->hdr.ramdisk_image = 0;
	params->hdr.ramdisk_size = 0;
	if (input->initrd_bytes) {
		params->hdr.ramdisk_image = low_half(layout->initrd.start);
		params->ext_ramdisk_image = high_half(layout->initrd.start);
		params->hdr.ramdisk_size = low_half(input->initrd_bytes);
		params->ext_ramdisk_size = high_half(input->initrd_bytes);
	}
}

static void fill_map(const struct lb_bootparams_input *input, struct boot_params *params, void *setup_data)
{
	const struct lb_e820 *map = input->map;
	bool more = map->count > E820_MAX_ENTRIES_ZEROPAGE;
	uint32_t here = more ? E820_MAX_ENTRIES_ZEROPAGE : map->count;
	struct setup_data node = {.next = 0, .type = SETUP_E820_EXT};

	params->e820_entries = (__u8)here;
	memcpy(params->e820_table, map->entries, here * sizeof(*map->entries));
	if (!more)
		return;
	node.len = (__u32)(lb_bootparams_setup_data(map->count) - sizeof(node));
	memcpy(setup_data, &node, sizeof(node));
	memcpy((uint8_t *)setup_data + sizeof(node), map->entries + here, node.len);
	params->hdr.setup_data = input->layout->setup_data.start;
}

int lb_bootparams_build(const struct lb_bootparams_input *input, struct boot_params *params, void *setup_data,
			struct lb_error *err)
{
	if (check_kernel(input->image, input->layout->kernel, err) != 0 || check_addresses(input, err) != 0 ||
	    check_map(input, setup_data, err) != 0)
		return -1;
	// Zero stands for: no EFI (efi_info), no sentinel, no EDD, no secure boot state.
	memset(params, 0, sizeof(*params));
	fill_header(input, params);
	fill_map(input, params, setup_data);
	if (input->screen)
		params->screen_info = *input->screen;
	params->acpi_rsdp_addr = input->rsdp;
	return 0;
}
