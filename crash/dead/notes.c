// SPDX-License-Identifier: BSD-2-Clause
// Source: gABI, "Note Section", with the 4-byte alignment that Linux uses for 64 bits, too.
#include "crash/dead/notes.h"

#include <elf.h>

#include "lib/format.h"
#include "lib/mem.h"
#include "lifeboat/range.h"

static bool is_named(const Elf64_Nhdr *note, const char *name)
{
	size_t bytes = lb_strlen(name) + 1;

	return note->n_namesz == bytes && memcmp(note + 1, name, bytes) == 0;
}

void lb_notes_read(const void *area, uint64_t bytes, struct lb_notes *ret_notes)
{
	struct lb_notes notes = {0};

	while (bytes - notes.bytes >= sizeof(Elf64_Nhdr)) {
		const Elf64_Nhdr *note = (const void *)((const uint8_t *)area + notes.bytes);
		// Two 32-bit sizes: no overflow in 64 bits.
		uint64_t desc = notes.bytes + sizeof(*note) + lb_align_up(note->n_namesz, 4);
		uint64_t end = desc + lb_align_up(note->n_descsz, 4);

		if ((!note->n_namesz && !note->n_descsz) || end > bytes)
			break;
		if (is_named(note, "VMCOREINFO")) {
			notes.vmcoreinfo = desc;
			notes.vmcoreinfo_bytes = note->n_descsz;
		} else if (note->n_type == NT_PRSTATUS && is_named(note, "CORE")) {
			notes.prstatus++;
		}
		notes.bytes = end;
	}
	*ret_notes = notes;
}

bool lb_notes_replace(void *area, uint64_t bytes, const char *text, uint32_t text_bytes,
		      struct lb_notes *notes)
{
	uint8_t *desc = (uint8_t *)area + notes->vmcoreinfo;
	const uint64_t before = lb_align_up(notes->vmcoreinfo_bytes, 4), after = lb_align_up(text_bytes, 4);
	const uint64_t behind = notes->bytes - (notes->vmcoreinfo + before),
		       end = notes->bytes - before + after;
	Elf64_Nhdr note;

	if (!notes->vmcoreinfo || end > bytes || bytes - end < sizeof(note))
		return false;
	memmove(desc + after, desc + before, behind);
	memcpy(desc, text, text_bytes);
	memset(desc + text_bytes, 0, after - text_bytes);
	memset((uint8_t *)area + end, 0, sizeof(note));
	notes->bytes = end;
	notes->vmcoreinfo_bytes = text_bytes;
	desc -= sizeof(note) + lb_align_up(sizeof("VMCOREINFO"), 4);
	memcpy(&note, desc, sizeof(note));
	note.n_descsz = text_bytes;
	memcpy(desc, &note, sizeof(note));
	return true;
}
