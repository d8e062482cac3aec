// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/buildid.h"

#include <elf.h>

#include "lib/mem.h"

// The note as it lies in the kernel's .notes section, 4-byte aligned.
struct note {
	Elf64_Nhdr header;
	char name[4];
	uint8_t id[LB_BUILD_ID_BYTES];
};

static bool is_build_id(const struct note *note)
{
	return note->header.n_namesz == sizeof(note->name) && note->header.n_descsz == sizeof(note->id) &&
	       note->header.n_type == NT_GNU_BUILD_ID && memcmp(note->name, "GNU", sizeof(note->name)) == 0;
}

bool lb_buildid_find(struct lb_deadmem *mem, const struct lb_deadkernel *kernel,
		     uint8_t ret_id[LB_BUILD_ID_BYTES])
{
	const uint64_t end = kernel->text_virt + kernel->image_bytes;
	struct note found;
	unsigned int count = 0;

	for (uint64_t virt = kernel->text_virt; virt < end; virt += LB_PAGE) {
		const uint64_t *page = lb_deadmem_data_page(mem, virt);

		if (!page || memcmp(page, ELFMAG, SELFMAG) == 0)
			continue;
		for (uint32_t at = 0; at < LB_PAGE; at += 4) {
			struct note note;

			// The header's first word is a cheap sieve; the window may move after it.
			if (((const uint32_t *)page)[at / 4] != sizeof(note.name))
				continue;
			if (lb_deadmem_copy(mem, virt + at, &note, sizeof(note)) && is_build_id(&note)) {
				found = note;
				count++;
			}
			page = lb_deadmem_data_page(mem, virt);
			if (!page)
				break;
		}
	}
	if (count == 1)
		memcpy(ret_id, found.id, sizeof(found.id));
	return count == 1;
}
