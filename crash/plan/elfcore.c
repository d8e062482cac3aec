// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/elfcore.h"

#include "lib/mem.h"

#define MAX_SEGMENTS (PN_XNUM - 1)
#define NOTE_SEGMENT 0
#define TEXT_SEGMENT 1
#define FIRST_LOAD 2

#define NOTE_ALIGN 4ULL
#define TEXT_NOTE_MAX LB_PAGE // of VMCOREINFO (the kernel's limit) and of ours

// The kernel's loop looks at the header after the last note: it must be zero.
#define NOTES_END_BYTES sizeof(Elf64_Nhdr)

// The whole pages below 1 MiB of one RAM entry: what is swapped.
static struct lb_range swapped_part(struct lb_range ram)
{
	struct lb_range part = lb_range_intersect(ram, (struct lb_range){0, LB_LOW_END});

	if (lb_range_empty(part))
		return part;
	part.start = lb_align_up(part.start, LB_PAGE);
	part.end = lb_align_down(part.end, LB_PAGE);
	if (part.end < part.start)
		part.end = part.start;
	return part;
}

// One future PT_LOAD; `swapped` says that its bytes will be found in the backup.
struct piece {
	struct lb_range phys;
	bool swapped;
};

#define CUTS 2 // the crash region and its low one
#define PIECES_MAX (3 + CUTS) // before the swapped pages, these, and one more for each end of a cut

// The ranges that are cut out of RAM, sorted. An empty range cuts nothing.
struct cuts {
	struct lb_range ranges[CUTS];
};

static struct cuts sort_cuts(const struct lb_elfcore *core)
{
	if (core->crash.start < core->crash_low.start)
		return (struct cuts){{core->crash, core->crash_low}};
	return (struct cuts){{core->crash_low, core->crash}};
}

// Splits one RAM entry where a PT_LOAD must end. Returns the number of pieces.
static unsigned int split(struct lb_range ram, const struct cuts *cuts, struct piece pieces[PIECES_MAX])
{
	struct lb_range whole = swapped_part(ram);
	struct lb_range swapped = lb_range_empty(whole) ? (struct lb_range){ram.start, ram.start} : whole;
	const struct {
		uint64_t end;
		bool swapped, dropped;
	} steps[] = {
		{swapped.start, false, false},
		{swapped.end, true, false},
		{cuts->ranges[0].start, false, false},
		{cuts->ranges[0].end, false, true},
		{cuts->ranges[1].start, false, false},
		{cuts->ranges[1].end, false, true},
		{ram.end, false, false},
	};
	unsigned int count = 0;

	for (unsigned int i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct lb_range phys = {ram.start, steps[i].end < ram.end ? steps[i].end : ram.end};

		if (lb_range_empty(phys))
			continue;
		if (!steps[i].dropped)
			pieces[count++] = (struct piece){phys, steps[i].swapped};
		ram.start = phys.end;
	}
	return count;
}

static uint64_t count_loads(const struct lb_e820 *saved, const struct cuts *cuts)
{
	struct piece pieces[PIECES_MAX];
	uint64_t count = 0;

	for (uint32_t i = 0; i < saved->count; i++) {
		if (saved->entries[i].type == LB_E820_RAM)
			count += split(lb_e820_range(&saved->entries[i]), cuts, pieces);
	}
	return count;
}

static uint64_t header_bytes(uint64_t segments)
{
	return sizeof(Elf64_Ehdr) + segments * sizeof(Elf64_Phdr);
}

uint64_t lb_elfcore_bytes(const struct lb_elfcore *core)
{
	const struct cuts cuts = sort_cuts(core);

	return header_bytes(FIRST_LOAD + count_loads(core->saved, &cuts) + core->spare);
}

static uint64_t note_bytes(uint64_t name_bytes, uint64_t desc_bytes)
{
	return sizeof(Elf64_Nhdr) + lb_align_up(name_bytes, NOTE_ALIGN) + lb_align_up(desc_bytes, NOTE_ALIGN);
}

uint64_t lb_elfcore_notes_bytes(uint32_t cpus)
{
	uint64_t bytes = cpus * note_bytes(sizeof("CORE"), sizeof(struct lb_prstatus)) +
			 note_bytes(sizeof("VMCOREINFO"), TEXT_NOTE_MAX) +
			 note_bytes(sizeof(LB_NOTE_NAME), TEXT_NOTE_MAX) + NOTES_END_BYTES;

	return lb_align_up(bytes, LB_PAGE);
}

int lb_elfcore_swap(const struct lb_e820 *saved, struct lb_range backup, struct lb_swap_range *ranges,
		    uint32_t capacity, uint32_t *ret_count, struct lb_error *err)
{
	uint64_t at = backup.start;
	uint32_t count = 0;

	if (!lb_aligned(backup.start, LB_PAGE))
		return lb_fail(err, "low memory: its backup is at 0x%lx, wanted a 4 KiB page", backup.start);
	for (uint32_t i = 0; i < saved->count; i++) {
		struct lb_range part = swapped_part(lb_e820_range(&saved->entries[i]));

		if (saved->entries[i].type != LB_E820_RAM || lb_range_empty(part))
			continue;
		if (count == capacity)
			return lb_fail(
				err,
				"low memory: RAM below 1 MiB is in more than the %u ranges that can be "
				"swapped",
				capacity);
		if (lb_range_size(part) > backup.end - at)
			return lb_fail(err,
				       "low memory: RAM at 0x%lx-0x%lx does not go into what is left of its "
				       "backup, 0x%lx-0x%lx",
				       part.start, part.end, at, backup.end);
		ranges[count++] = (struct lb_swap_range){part.start, at, lb_range_size(part)};
		at += lb_range_size(part);
	}
	*ret_count = count;
	return 0;
}

// Finds where the bytes of a swapped piece will be. False when no range of `swap` has them all.
static bool find_backup(const struct lb_elfcore *core, struct lb_range phys, uint64_t *ret_backup)
{
	for (uint32_t i = 0; i < core->swap_count; i++) {
		const struct lb_swap_range *swap = &core->swap[i];
		struct lb_range range = {swap->phys, swap->phys + swap->bytes};

		if (lb_range_contains(range, phys)) {
			*ret_backup = swap->backup + (phys.start - range.start);
			return true;
		}
	}
	return false;
}

static Elf64_Phdr load_segment(struct lb_range phys, uint64_t offset)
{
	return (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W | PF_X,
		.p_offset = offset,
		.p_paddr = phys.start,
		.p_filesz = lb_range_size(phys),
		.p_memsz = lb_range_size(phys),
	};
}

static Elf64_Ehdr file_header(uint64_t segments)
{
	return (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT,
			    ELFOSABI_NONE},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (Elf64_Half)segments,
	};
}

static int write_loads(const struct lb_elfcore *core, const struct cuts *cuts, Elf64_Phdr *segment,
		       struct lb_error *err)
{
	const struct lb_e820 *saved = core->saved;
	struct piece pieces[PIECES_MAX];

	for (uint32_t i = 0; i < saved->count; i++) {
		unsigned int count;

		if (saved->entries[i].type != LB_E820_RAM)
			continue;
		count = split(lb_e820_range(&saved->entries[i]), cuts, pieces);
		for (unsigned int j = 0; j < count; j++) {
			struct lb_range phys = pieces[j].phys;
			uint64_t offset = phys.start;

			if (pieces[j].swapped && !find_backup(core, phys, &offset))
				return lb_fail(err, "ELF core header: low RAM 0x%lx-0x%lx has no backup",
					       phys.start, phys.end);
			*segment++ = load_segment(phys, offset);
		}
	}
	return 0;
}

int lb_elfcore_template(const struct lb_elfcore *core, void *header, uint64_t bytes, struct lb_error *err)
{
	const struct cuts cuts = sort_cuts(core);
	uint64_t segments = FIRST_LOAD + count_loads(core->saved, &cuts);
	uint64_t wanted = header_bytes(segments + core->spare);
	Elf64_Ehdr *ehdr = header;
	Elf64_Phdr *phdr = (Elf64_Phdr *)(ehdr + 1);

	if (segments + core->spare > MAX_SEGMENTS)
		return lb_fail(
			err, "ELF core header: RAM and %u spare slots take %lu segments, e_phnum can say %u",
			core->spare, segments + core->spare, (unsigned int)MAX_SEGMENTS);
	if (wanted > bytes)
		return lb_fail(err, "ELF core header: takes %lu bytes, there is room for %lu", wanted, bytes);
	memset(header, 0, bytes);
	*ehdr = file_header(segments);
	phdr[NOTE_SEGMENT] = (Elf64_Phdr){
		.p_type = PT_NOTE,
		.p_offset = core->notes.start,
		.p_paddr = core->notes.start,
		.p_filesz = lb_range_size(core->notes),
		.p_memsz = lb_range_size(core->notes),
	};
	phdr[TEXT_SEGMENT].p_type = PT_NULL;
	return write_loads(core, &cuts, &phdr[FIRST_LOAD], err);
}

int lb_elfcore_hotadd(void *header, uint64_t bytes, struct lb_range ram, struct lb_error *err)
{
	Elf64_Ehdr *ehdr = header;
	Elf64_Phdr *phdr = (Elf64_Phdr *)(ehdr + 1);

	if (ehdr->e_phnum >= MAX_SEGMENTS || header_bytes(ehdr->e_phnum + 1ULL) > bytes)
		return lb_fail(err, "ELF core header: no slot is left for hot-added RAM 0x%lx-0x%lx",
			       ram.start, ram.end);
	phdr[ehdr->e_phnum++] = load_segment(ram, ram.start);
	return 0;
}

void lb_elfcore_finish(void *header, uint64_t page_offset, uint64_t text_virt, uint64_t text_phys,
		       uint64_t text_bytes)
{
	Elf64_Ehdr *ehdr = header;
	Elf64_Phdr *phdr = (Elf64_Phdr *)(ehdr + 1);

	if (page_offset) {
		for (unsigned int i = FIRST_LOAD; i < ehdr->e_phnum; i++)
			phdr[i].p_vaddr = page_offset + phdr[i].p_paddr;
	}
	if (text_bytes) {
		phdr[TEXT_SEGMENT] =
			load_segment((struct lb_range){text_phys, text_phys + text_bytes}, text_phys);
		phdr[TEXT_SEGMENT].p_vaddr = text_virt;
		return;
	}
	memmove(&phdr[TEXT_SEGMENT], &phdr[FIRST_LOAD], (ehdr->e_phnum - FIRST_LOAD) * sizeof(*phdr));
	ehdr->e_phnum--;
	memset(&phdr[ehdr->e_phnum], 0, sizeof(*phdr));
}

int lb_elfcore_note(void *area, uint64_t area_bytes, uint64_t *pos, const struct lb_elf_note *note,
		    struct lb_error *err)
{
	const Elf64_Nhdr header = {
		.n_namesz = (Elf64_Word)lb_strlen(note->name) + 1,
		.n_descsz = note->desc_bytes,
		.n_type = note->type,
	};
	uint64_t bytes = note_bytes(header.n_namesz, header.n_descsz);
	uint64_t end;
	uint8_t *at;

	if (__builtin_add_overflow(*pos, bytes + NOTES_END_BYTES, &end) || end > area_bytes)
		return lb_fail(err,
			       "ELF notes: %s takes %lu bytes and %zu zeroes after it, the area has %lu of "
			       "%lu left",
			       note->name, bytes, NOTES_END_BYTES, *pos < area_bytes ? area_bytes - *pos : 0,
			       area_bytes);
	at = (uint8_t *)area + *pos;
	memset(at, 0, bytes + NOTES_END_BYTES);
	memcpy(at, &header, sizeof(header));
	memcpy(at + sizeof(header), note->name, header.n_namesz);
	if (header.n_descsz)
		memcpy(at + sizeof(header) + lb_align_up(header.n_namesz, NOTE_ALIGN), note->desc,
		       header.n_descsz);
	*pos += bytes;
	return 0;
}
