// SPDX-License-Identifier: BSD-2-Clause
// disktest.conf has a line for each disk: driver and address, then words with their values.
//
//   nvme|virtio-blk|ahci|virtio-scsi|pvscsi SSSS:BB:DD.F   the disk's function
//   unit N        namespace or port (default 0)
//   block N       bytes of a block that the target names (default 512)
//   first N       first block that is written
//   last N        last block that is written
//   seed N        makes the patterns of several disks differ (default 0)
//   bad N COUNT   blocks that cannot be written
//   unplug SSSS:BB:DD.F   the root port above the disk, which is powered off in the middle
//   ecam          configuration space in memory, not by ports
//   function-reset   the PCI function is reset first, and its configuration restored
//   keep          the firmware's driver stays connected to the device
//   partition     through partition.c, which retries, not by the driver's own calls
//   untried       only what must be refused is tried: the disk is not for the capture kernel
//
// Numbers are decimal or 0x…. A line may be empty, or a comment after '#'.
#include "disktest.h"

#include "lib/mem.h"

static void skip_blanks(const char **text)
{
	while (**text == ' ' || **text == '\t' || **text == '\r')
		(*text)++;
}

static bool take_word(const char **text, const char *word)
{
	size_t length = lb_strlen(word);

	if (lb_strncmp(*text, word, length) != 0 || (uint8_t)(*text)[length] > ' ')
		return false;
	*text += length;
	skip_blanks(text);
	return true;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_digits(const char **text, unsigned int base, uint64_t *ret_number)
{
	const char *start = *text;
	uint64_t number = 0;
	int digit;

	while ((digit = digit_of(**text)) >= 0 && digit < (int)base) {
		number = number * base + (uint64_t)digit;
		(*text)++;
	}
	*ret_number = number;
	return *text != start;
}

static bool take_number(const char **text, uint64_t *ret_number)
{
	unsigned int base = (*text)[0] == '0' && (*text)[1] == 'x' ? 16 : 10;
	bool taken;

	*text += base == 16 ? 2 : 0;
	taken = take_digits(text, base, ret_number);
	skip_blanks(text);
	return taken;
}

static bool take_part(const char **text, char before, uint64_t *ret_number)
{
	if (before && *(*text)++ != before)
		return false;
	return take_digits(text, 16, ret_number);
}

static bool take_address(const char **text, struct lb_pci_address *ret_at)
{
	uint64_t segment, bus, device, function;

	if (!take_part(text, 0, &segment) || !take_part(text, ':', &bus) || !take_part(text, ':', &device) ||
	    !take_part(text, '.', &function))
		return false;
	*ret_at = (struct lb_pci_address){.segment = (uint16_t)segment,
					  .bus = (uint8_t)bus,
					  .device = (uint8_t)device,
					  .function = (uint8_t)function};
	skip_blanks(text);
	return true;
}

static bool take_flag(const char **text, struct order *order)
{
	if (take_word(text, "ecam"))
		order->ecam = true;
	else if (take_word(text, "keep"))
		order->keep = true;
	else if (take_word(text, "partition"))
		order->partition = true;
	else if (take_word(text, "function-reset"))
		order->function_reset = true;
	else if (take_word(text, "untried"))
		order->untried = true;
	else
		return false;
	return true;
}

static bool take_value(const char **text, struct order *order)
{
	uint64_t number = 0;
	bool taken;

	if (take_word(text, "unit")) {
		taken = take_number(text, &number);
		order->target.unit = (uint32_t)number;
	} else if (take_word(text, "block")) {
		taken = take_number(text, &number);
		order->target.block_bytes = (uint32_t)number;
	} else if (take_word(text, "first")) {
		taken = take_number(text, &order->target.first_block);
	} else if (take_word(text, "last")) {
		taken = take_number(text, &order->target.last_block);
	} else if (take_word(text, "seed")) {
		taken = take_number(text, &order->seed);
	} else if (take_word(text, "bad")) {
		taken = take_number(text, &order->bad_first) && take_number(text, &order->bad_count);
	} else {
		order->unplug = true;
		taken = take_word(text, "unplug") && take_address(text, &order->port);
	}
	return taken;
}

static bool take_kind(const char **text, uint32_t *ret_kind)
{
	static const struct {
		char name[12];
		enum lb_target_kind kind;
	} kinds[] = {
		{"nvme", LB_TARGET_NVME},     {"virtio-blk", LB_TARGET_VIRTIO_BLK},
		{"ahci", LB_TARGET_AHCI},     {"virtio-scsi", LB_TARGET_VIRTIO_SCSI},
		{"pvscsi", LB_TARGET_PVSCSI},
	};

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		*ret_kind = kinds[i].kind;
		if (take_word(text, kinds[i].name))
			return true;
	}
	return false;
}

bool read_order(const char *text, struct order *ret_order, const char **ret_next)
{
	struct order order = {.target.block_bytes = 512};

	skip_blanks(&text);
	if (*text && *text != '\n' && *text != '#') {
		if (!take_kind(&text, &order.target.kind) || !take_address(&text, &order.target.pci))
			return false;
		while (*text && *text != '\n' && *text != '#')
			if (!take_flag(&text, &order) && !take_value(&text, &order))
				return false;
	}
	while (*text && *text != '\n')
		text++;
	*ret_order = order;
	*ret_next = *text ? text + 1 : text;
	return true;
}
