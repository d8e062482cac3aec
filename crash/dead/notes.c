// SPDX-License-Identifier: BSD-2-Clause
// Source: gABI, "Note Section", with the 4-byte alignment that Linux uses for 64 bits, too.
#include "crash/dead/notes.h"

#include <elf.h>
#include <stdbool.h>

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
