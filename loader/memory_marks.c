// SPDX-License-Identifier: BSD-2-Clause
#include "loader/memory_marks.h"

#include <stdbool.h>

#include "loader/firmware.h"

// gEfiMemoryTypeInformation: pairs of memory type and page count, ended by EfiMaxMemoryType.
struct mark {
	uint32_t type;
	uint32_t pages;
};

static struct mark *find_marks(void)
{
	static const EFI_GUID guid = {
		0x4c19049f, 0x4137, 0x4dd3, {0x9c, 0x10, 0x8b, 0x97, 0xa8, 0x3f, 0xfd, 0xfa}};

	return lb_config_table(&guid);
}

// EfiMaxMemoryType has grown over the years; it was 14 at first.
static bool is_end(const struct mark *mark)
{
	return mark->type > EfiPalCode;
}

void lb_memory_marks_take(struct lb_memory_marks *marks)
{
	const struct mark *table = find_marks();

	marks->count = 0;
	for (uint32_t i = 0; table && i < LB_MEMORY_MARKS && !is_end(&table[i]); i++)
		marks->pages[marks->count++] = table[i].pages;
}

void lb_memory_marks_put_back(const struct lb_memory_marks *marks)
{
	struct mark *table = find_marks();

	for (uint32_t i = 0; table && i < marks->count; i++)
		table[i].pages = marks->pages[i];
}
