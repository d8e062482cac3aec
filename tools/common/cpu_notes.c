// SPDX-License-Identifier: BSD-2-Clause
#include "tools/common/cpu_notes.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "crash/plan/elfcore.h"
#include "lifeboat/handoff.h"
#include "lifeboat/range.h"
#include "tools/common/read_at.h"

#define AREA_MAX (64 * LB_MIB) // of all notes
#define SEGMENTS_MAX 64U // the notes are among the first of a file's segments
// Offsets in a kdump-compressed file, from crash/dump/kdump_head.c's structs.
#define SIGNATURE "KDUMP   "
#define VERSION_AT 8
#define VERSION_WITH_NOTES 4
#define BLOCK_BYTES_AT 428
#define HEAD_BYTES 464U
#define NOTES_AT 48 // in the sub header: offset and bytes

static bool find_in_elf(int file, const Elf64_Ehdr *header, uint64_t area[2])
{
	for (uint32_t i = 0; i < header->e_phnum && i < SEGMENTS_MAX; i++) {
		Elf64_Phdr segment;

		if (!read_at(file, &segment, sizeof(segment), header->e_phoff + i * sizeof(segment)))
			return false;
		if (segment.p_type == PT_NOTE) {
			area[0] = segment.p_offset;
			area[1] = segment.p_filesz;
			return true;
		}
	}
	return false;
}

// Finds the notes in the file: offset and bytes.
static bool find_area(int file, uint64_t area[2])
{
	uint8_t head[HEAD_BYTES];
	int32_t version, block_bytes;
	Elf64_Ehdr header;

	if (!read_at(file, head, sizeof(header), 0))
		return false;
	memcpy(&header, head, sizeof(header));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) == 0)
		return header.e_ident[EI_CLASS] == ELFCLASS64 && find_in_elf(file, &header, area);
	if (memcmp(head, SIGNATURE, sizeof(SIGNATURE) - 1) != 0 || !read_at(file, head, sizeof(head), 0))
		return false;
	memcpy(&version, head + VERSION_AT, sizeof(version));
	memcpy(&block_bytes, head + BLOCK_BYTES_AT, sizeof(block_bytes));
	return version >= VERSION_WITH_NOTES && block_bytes > 0 &&
	       read_at(file, area, 2 * sizeof(*area), (uint64_t)block_bytes + NOTES_AT);
}

static bool is_named(const uint8_t *note, uint32_t bytes, const char *name)
{
	return bytes == strlen(name) + 1 && memcmp(note + sizeof(Elf64_Nhdr), name, bytes) == 0;
}

static void walk(const uint8_t *area, uint64_t bytes, struct cpu_notes *notes)
{
	for (uint64_t at = 0; bytes - at >= sizeof(Elf64_Nhdr);) {
		const uint8_t *note = area + at;
		Elf64_Nhdr head;
		uint64_t desc, end;

		memcpy(&head, note, sizeof(head));
		// Two 32-bit sizes: no overflow in 64 bits.
		desc = sizeof(head) + lb_align_up(head.n_namesz, 4);
		end = desc + lb_align_up(head.n_descsz, 4);
		if ((!head.n_namesz && !head.n_descsz) || end > bytes - at)
			return;
		if (is_named(note, head.n_namesz, LB_NOTE_NAME) || is_named(note, head.n_namesz, "QEMU"))
			notes->by_pid = true;
		if (head.n_type == NT_PRSTATUS && is_named(note, head.n_namesz, "CORE") &&
		    head.n_descsz >= sizeof(struct lb_prstatus) && notes->count < CPU_NOTES_MAX)
			memcpy(&notes->pids[notes->count++], note + desc + offsetof(struct lb_prstatus, pid),
			       sizeof(notes->pids[0]));
		at += end;
	}
}

void cpu_notes_read(int file, struct cpu_notes *ret_notes)
{
	uint64_t area[2];
	uint8_t *copy;

	memset(ret_notes, 0, sizeof(*ret_notes));
	if (!find_area(file, area) || !area[1] || area[1] > AREA_MAX)
		return;
	copy = malloc(area[1]);
	ret_notes->are_read = copy && read_at(file, copy, area[1], area[0]);
	if (ret_notes->are_read)
		walk(copy, area[1], ret_notes);
	free(copy);
}

bool cpu_notes_find(const struct cpu_notes *notes, uint32_t cpu, uint32_t cpus, uint32_t *ret_number)
{
	uint32_t number = cpu;

	if (notes->are_read && notes->by_pid)
		for (number = 0; number < notes->count && notes->pids[number] - 1 != (int32_t)cpu;)
			number++;
	else if (notes->are_read && cpus && notes->count != cpus)
		return false;
	if (notes->are_read && number >= notes->count)
		return false;
	*ret_number = number;
	return true;
}
