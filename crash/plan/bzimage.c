// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/bzimage.h"

#include "crash/plan/imagekind.h"
#include "lib/mem.h"
#include "lifeboat/range.h"

// Documentation/arch/x86/boot.rst, "Details of Header Fields".
#define HEADER_AT offsetof(struct boot_params, hdr) // 0x1f1
#define JUMP_AT 0x200ULL // "jmp short" over the header: its end
#define JUMP_FROM 0x202ULL
#define JUMP_OPCODE 0xeb
#define HEADER_MAGIC 0x53726448U // "HdrS"
#define BOOT_FLAG 0xaa55
#define PROTOCOL_MIN 0x020c // 3.8 and later: xloadflags
#define SECTOR 512ULL
#define SETUP_SECTS_DEFAULT 4 // what 0 stands for
#define ENTRY_64 0x200ULL // 64-bit entry point, from the kernel's first byte

#define HEADER_END_MIN (HEADER_AT + offsetof(struct setup_header, init_size) + sizeof(__u32))
#define ALIGNMENT_MIN (2 * LB_MIB)
#define ALIGNMENT_MAX LB_GIB
// The kernel's own image ends below 1 GiB (KERNEL_IMAGE_SIZE); nothing needs more.
#define INIT_SIZE_MAX LB_GIB

struct file {
	const char *name;
	const uint8_t *data;
	size_t bytes;
	struct lb_error *err;
};

static int check_kind(const struct file *file)
{
	enum lb_image_kind kind = lb_image_kind(file->data, file->bytes);

	switch (kind) {
	case LB_IMAGE_EMPTY:
		return lb_fail(file->err, "%s: the file is empty, wanted a Linux bzImage", file->name);
	case LB_IMAGE_UKI:
		return lb_fail(file->err,
			       "%s: is a unified kernel image (it has a .linux section), wanted a bzImage: "
			       "take the kernel out with objcopy -O binary --only-section=.linux",
			       file->name);
	case LB_IMAGE_ELF:
		return lb_fail(file->err,
			       "%s: is an ELF file (a vmlinux?), wanted the bzImage of the same build",
			       file->name);
	case LB_IMAGE_COMPRESSED:
		return lb_fail(file->err,
			       "%s: is compressed with %s, wanted the bzImage itself: unpack it first",
			       file->name, lb_image_compression(file->data, file->bytes));
	case LB_IMAGE_TEXT:
		return lb_fail(file->err, "%s: is a text file, wanted a Linux bzImage", file->name);
	case LB_IMAGE_EFI_PROGRAM:
		return lb_fail(file->err, "%s: is an EFI program but no Linux kernel (no HdrS at 0x202)",
			       file->name);
	case LB_IMAGE_OTHER:
		break;
	}
	return 0;
}

// Copies the header, which newer kernels make longer and older ones shorter.
static int read_header(const struct file *file, struct setup_header *ret_header)
{
	struct setup_header header = {0};
	uint64_t end;

	if (file->bytes < HEADER_END_MIN)
		return lb_fail(file->err,
			       "%s: has %zu bytes, a bzImage's header alone ends at %zu: truncated, or no "
			       "bzImage",
			       file->name, file->bytes, (size_t)HEADER_END_MIN);
	memcpy(&header, file->data + HEADER_AT, HEADER_END_MIN - HEADER_AT);
	if (header.boot_flag != BOOT_FLAG)
		return lb_fail(file->err, "%s: field boot_flag is 0x%x, wanted 0x%x: not a bzImage",
			       file->name, (unsigned int)header.boot_flag, BOOT_FLAG);
	if (header.header != HEADER_MAGIC)
		return lb_fail(file->err, "%s: field header is 0x%x, wanted 0x%x (HdrS): not a bzImage",
			       file->name, (unsigned int)header.header, HEADER_MAGIC);
	if (header.version < PROTOCOL_MIN)
		return lb_fail(file->err, "%s: boot protocol %u.%u, wanted 2.12 or newer (Linux 3.8)",
			       file->name, (unsigned int)header.version >> 8,
			       (unsigned int)header.version & 0xff);
	end = JUMP_FROM + file->data[JUMP_AT + 1];
	if (file->data[JUMP_AT] != JUMP_OPCODE || end < HEADER_END_MIN)
		return lb_fail(file->err, "%s: field jump is 0x%x, wanted a short jump to 0x%x or beyond",
			       file->name, (unsigned int)header.jump, (unsigned int)HEADER_END_MIN);
	if (end > file->bytes)
		return lb_fail(file->err, "%s: has %zu bytes, its header ends at %lu: truncated", file->name,
			       file->bytes, end);
	if (end > HEADER_AT + sizeof(header))
		end = HEADER_AT + sizeof(header);
	memcpy(&header, file->data + HEADER_AT, end - HEADER_AT);
	*ret_header = header;
	return 0;
}

static uint64_t setup_bytes(const struct setup_header *header)
{
	uint64_t sectors = header->setup_sects ? header->setup_sects : SETUP_SECTS_DEFAULT;

	return (sectors + 1) * SECTOR;
}

// A checksum is not there any more (Linux 6.15): the sizes are what can be checked.
static int check_sizes(const struct file *file, const struct setup_header *header)
{
	uint64_t setup = setup_bytes(header);
	uint64_t kernel = header->syssize * 16ULL;
	uint64_t payload_end = (uint64_t)header->payload_offset + header->payload_length;

	if (setup + kernel > file->bytes)
		return lb_fail(file->err, "%s: truncated: has %zu bytes, setup_sects and syssize say %lu",
			       file->name, file->bytes, setup + kernel);
	if (kernel <= ENTRY_64)
		return lb_fail(file->err, "%s: field syssize says %lu bytes of kernel, wanted more than %lu",
			       file->name, kernel, (uint64_t)ENTRY_64);
	if (header->payload_length == 0 || payload_end > kernel)
		return lb_fail(file->err,
			       "%s: fields payload_offset 0x%x and payload_length 0x%x are not inside the "
			       "kernel's 0x%lx bytes",
			       file->name, header->payload_offset, header->payload_length, kernel);
	if (header->init_size < kernel || header->init_size > INIT_SIZE_MAX)
		return lb_fail(file->err, "%s: field init_size is 0x%x, wanted 0x%lx (its size) to 0x%lx",
			       file->name, header->init_size, kernel, (uint64_t)INIT_SIZE_MAX);
	return 0;
}

static int check_loading(const struct file *file, const struct setup_header *header)
{
	if (!(header->loadflags & LOADED_HIGH))
		return lb_fail(file->err, "%s: field loadflags is 0x%x, wanted bit 0 (LOADED_HIGH): a zImage",
			       file->name, (unsigned int)header->loadflags);
	if (!(header->xloadflags & XLF_KERNEL_64))
		return lb_fail(file->err,
			       "%s: is 32-bit only: field xloadflags is 0x%x, wanted bit 0 (XLF_KERNEL_64)",
			       file->name, (unsigned int)header->xloadflags);
	if (!header->relocatable_kernel)
		return lb_fail(file->err,
			       "%s: is not relocatable: field relocatable_kernel is 0, wanted a kernel with "
			       "CONFIG_RELOCATABLE",
			       file->name);
	if (header->kernel_alignment == 0 ||
	    !lb_aligned(header->kernel_alignment, header->kernel_alignment) ||
	    header->kernel_alignment > ALIGNMENT_MAX)
		return lb_fail(file->err,
			       "%s: field kernel_alignment is 0x%x, wanted a power of two of 0x%lx at most",
			       file->name, header->kernel_alignment, (uint64_t)ALIGNMENT_MAX);
	if (header->pref_address >= LB_4GIB)
		return lb_fail(file->err, "%s: field pref_address is 0x%lx, wanted an address below 4 GiB",
			       file->name, (uint64_t)header->pref_address);
	if (header->cmdline_size == 0)
		return lb_fail(file->err,
			       "%s: field cmdline_size is 0, wanted the length of its command line",
			       file->name);
	return 0;
}

// The first word of the version string. It is only a name, so a strange one is left
// out instead of refused.
static void read_release(const struct file *file, const struct setup_header *header, char *ret_release,
			 size_t room)
{
	uint64_t at = JUMP_AT + header->kernel_version;
	uint64_t end = setup_bytes(header);
	size_t length = 0;

	ret_release[0] = '\0';
	if (header->kernel_version == 0)
		return;
	while (at + length < end && file->data[at + length] > ' ' && file->data[at + length] < 0x7f)
		length++;
	if (at + length >= end || length >= room ||
	    (file->data[at + length] != ' ' && file->data[at + length] != '\0'))
		return;
	memcpy(ret_release, file->data + at, length);
	ret_release[length] = '\0';
}

int lb_bzimage_parse(const char *name, const void *data, size_t bytes, struct lb_bzimage *ret_image,
		     struct lb_error *err)
{
	const struct file file = {name, data, bytes, err};
	struct lb_bzimage image = {0};

	if (check_kind(&file) != 0 || read_header(&file, &image.header) != 0 ||
	    check_sizes(&file, &image.header) != 0 || check_loading(&file, &image.header) != 0)
		return -1;
	image.kernel = file.data + setup_bytes(&image.header);
	image.kernel_bytes = image.header.syssize * 16ULL;
	image.init_size = image.header.init_size;
	image.alignment =
		image.header.kernel_alignment > ALIGNMENT_MIN ? image.header.kernel_alignment : ALIGNMENT_MIN;
	image.min_address = image.header.pref_address;
	image.cmdline_max = image.header.cmdline_size;
	read_release(&file, &image.header, image.release, sizeof(image.release));
	*ret_image = image;
	return 0;
}
