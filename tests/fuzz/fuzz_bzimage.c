// SPDX-License-Identifier: BSD-2-Clause
// Property: for any file, lb_bzimage_parse() either reports what is wrong, beginning with the file's name,
// and writes nothing, or its result lies inside the file and inside the bounds that placing and booting need.
// In the second case no byte behind the kernel's end matters, and the file without the kernel's last byte, or
// cut anywhere before, is refused.
#include "crash/plan/bzimage.h"
#include "crash/plan/imagekind.h"
#include "fuzz.h"
#include "lifeboat/range.h"

#define NAME "\\EFI\\debian\\vmlinuz"

// Parses the first `bytes` bytes, in memory of exactly that size.
static int parse(const uint8_t *data, size_t bytes, struct lb_bzimage *ret_image)
{
	uint8_t *file = fuzz_alloc(bytes);
	struct lb_error err;
	int result;

	if (bytes)
		memcpy(file, data, bytes);
	fuzz_poison_error(&err);
	fuzz_poison(ret_image, sizeof(*ret_image));
	result = lb_bzimage_parse(NAME, file, bytes, ret_image, &err);
	if (result) {
		fuzz_check_error(&err, NAME ": ");
		fuzz_check_untouched(ret_image, sizeof(*ret_image));
	} else {
		const uint8_t *kernel = ret_image->kernel;

		fuzz_check(lb_image_kind(file, bytes) == LB_IMAGE_OTHER);
		fuzz_check(kernel > file && kernel <= file + bytes);
		fuzz_check(ret_image->kernel_bytes <= (size_t)(file + bytes - kernel));
		ret_image->kernel = data + (kernel - file);
	}
	free(file);
	return result;
}

static void check_bounds(const struct lb_bzimage *image)
{
	size_t length = strnlen(image->release, sizeof(image->release));

	fuzz_check(image->header.version >= 0x20c && (image->header.xloadflags & XLF_KERNEL_64));
	fuzz_check(image->kernel_bytes > 0x200); // contains the 64-bit entry point
	fuzz_check(image->init_size >= image->kernel_bytes && image->init_size <= LB_GIB);
	fuzz_check(image->alignment >= 2 * LB_MIB && image->alignment <= LB_GIB);
	fuzz_check(lb_aligned(image->alignment, image->alignment));
	fuzz_check(image->min_address < LB_4GIB && image->cmdline_max > 0);
	fuzz_check(length < sizeof(image->release));
	for (size_t i = 0; i < length; i++)
		fuzz_check(image->release[i] > ' ' && image->release[i] < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct lb_bzimage whole, cut;
	size_t end;

	if (parse(data, bytes, &whole))
		return 0;
	check_bounds(&whole);

	end = (size_t)((const uint8_t *)whole.kernel - data) + whole.kernel_bytes;
	fuzz_check(parse(data, end, &cut) == 0 && memcmp(&whole, &cut, sizeof(whole)) == 0);
	fuzz_check(parse(data, end - 1, &cut));
	fuzz_check(parse(data, (data[end - 1] | data[end - 2] << 8) % end, &cut));
	return 0;
}
