// SPDX-License-Identifier: BSD-2-Clause
#include "loader/second_kernel.h"

#include "lifeboat/version.h"
#include "loader/embedded.h"

#define LINUX_ENTRY_64 0x200 // the 64-bit entry point, boot.rst
// The built-in kernel's tables of constants are aligned to pages; 2 MiB lets one leaf map it.
#define BUILTIN_ALIGNMENT (2 * LB_MIB)
#define BUILTIN_CMDLINE_MAX 255 // its command line is empty

int lb_second_kernel_linux(const struct lb_file *kernel, const struct lb_file *initrd,
			   struct lb_second_kernel *ret_second_kernel, struct lb_error *err)
{
	struct lb_second_kernel second = {.name = kernel->path, .entry = LINUX_ENTRY_64, .initrd = initrd};

	if (lb_bzimage_parse(kernel->path, kernel->data, kernel->bytes, &second.image, err) != 0)
		return -1;
	*ret_second_kernel = second;
	return 0;
}

int lb_second_kernel_builtin(struct lb_second_kernel *ret_second_kernel, struct lb_error *err)
{
	static const struct lb_file none;
	const struct lb_capture_image *header = lb_embedded_capture(err);

	if (!header)
		return -1;
	*ret_second_kernel = (struct lb_second_kernel){
		.name = "built-in",
		.builtin = true,
		.image =
			{
				.header = {.xloadflags = XLF_KERNEL_64 | XLF_CAN_BE_LOADED_ABOVE_4G},
				.kernel = header,
				.kernel_bytes = header->file_bytes,
				.init_size = header->total_bytes,
				.alignment = BUILTIN_ALIGNMENT,
				.cmdline_max = BUILTIN_CMDLINE_MAX,
				.release = LIFEBOAT_VERSION,
			},
		.entry = header->entry,
		.initrd = &none,
	};
	return 0;
}
