// SPDX-License-Identifier: BSD-2-Clause
#include "tools/report/length.h"

#include <elf.h>
#include <string.h>
#include <sys/stat.h>

#include "lifeboat/range.h"
#include "tools/common/read_at.h"

#define CHUNK 65536U // bytes of a table that are read at once
// Places in a kdump-compressed file; numbers of crash/dump/kdump_head.c's structs.
#define KDUMP_SIGNATURE "KDUMP   "
#define VERSION_AT 8
#define BLOCK_BYTES_AT 428
#define SUB_HEADER_BLOCKS_AT 432
#define BITMAP_BLOCKS_AT 436
#define MAX_MAPNR_AT 440
#define HEAD_BYTES 464U
#define VERSION_WITH_SPLIT 2
#define SPLIT_AT 12 // in the sub header
#define VERSION_WITH_MAX_MAPNR_64 6
#define MAX_MAPNR_64_AT 96
#define BLOCK_BYTES_MAX (1 << 20)

struct page_desc {
	uint64_t offset; // 0: the page was never written
	uint32_t bytes, flags;
	uint64_t page_flags;
};

struct announced {
	uint64_t end; // the file's, in bytes
	bool more; // something that announces more lies behind the file's end
};

static void reach(struct announced *announced, uint64_t at, uint64_t bytes)
{
	uint64_t end;

	if (__builtin_add_overflow(at, bytes, &end))
		end = UINT64_MAX;
	if (bytes && end > announced->end)
		announced->end = end;
}

static uint32_t word_at(const uint8_t *head, unsigned int at)
{
	uint32_t word;

	memcpy(&word, head + at, sizeof(word));
	return word;
}

// ---- ELF -------------------------------------------------------------------------------

static uint32_t count_segments(int file, const Elf64_Ehdr *header)
{
	Elf64_Shdr first;

	if (header->e_phnum != PN_XNUM)
		return header->e_phnum;
	return read_at(file, &first, sizeof(first), header->e_shoff) ? first.sh_info : 0;
}

static void find_elf_end(int file, const Elf64_Ehdr *header, struct announced *announced)
{
	const uint32_t count = count_segments(file, header);
	Elf64_Phdr segment;

	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_phentsize != sizeof(segment))
		return;
	reach(announced, header->e_phoff, count * sizeof(segment));
	for (uint32_t i = 0; i < count; i++) {
		if (!read_at(file, &segment, sizeof(segment), header->e_phoff + i * sizeof(segment))) {
			announced->more = true;
			return;
		}
		reach(announced, segment.p_offset, segment.p_filesz);
	}
}

// ---- kdump-compressed ------------------------------------------------------------------

// Counts the first `bits` bits at `at` that are set. False: they lie behind the file's end.
static bool count_bits(int file, uint64_t at, uint64_t bits, uint64_t *ret_count)
{
	static uint8_t chunk[CHUNK];
	uint64_t count = 0;

	while (bits) {
		const uint64_t now = bits < 8ULL * CHUNK ? bits : 8ULL * CHUNK;
		const size_t bytes = (size_t)(lb_align_up(now, 8) / 8);

		if (!read_at(file, chunk, bytes, at))
			return false;
		if (now % 8)
			chunk[bytes - 1] &= (uint8_t)((1U << now % 8) - 1);
		for (size_t i = 0; i < bytes; i++)
			count += (unsigned int)__builtin_popcount(chunk[i]);
		at += bytes;
		bits -= now;
	}
	*ret_count = count;
	return true;
}

static void find_pages_end(int file, uint64_t at, uint64_t count, struct announced *announced)
{
	static struct page_desc chunk[CHUNK / sizeof(struct page_desc)];
	const uint64_t room = sizeof(chunk) / sizeof(*chunk);

	while (count) {
		const uint64_t now = count < room ? count : room;

		if (!read_at(file, chunk, now * sizeof(*chunk), at)) {
			announced->more = true;
			return;
		}
		for (uint64_t i = 0; i < now; i++) {
			if (chunk[i].offset)
				reach(announced, chunk[i].offset, chunk[i].bytes);
		}
		at += now * sizeof(*chunk);
		count -= now;
	}
}

static void find_kdump_end(int file, const uint8_t *head, struct announced *announced)
{
	const uint64_t block = word_at(head, BLOCK_BYTES_AT), version = word_at(head, VERSION_AT);
	const uint64_t bitmap = block * (1 + (uint64_t)word_at(head, SUB_HEADER_BLOCKS_AT));
	const uint64_t bitmap_bytes = block * word_at(head, BITMAP_BLOCKS_AT);
	uint64_t max_mapnr = word_at(head, MAX_MAPNR_AT), bits, count;
	uint32_t split = 0;

	if (!block || block > BLOCK_BYTES_MAX)
		return;
	if ((version >= VERSION_WITH_SPLIT && !read_at(file, &split, sizeof(split), block + SPLIT_AT)) ||
	    (version >= VERSION_WITH_MAX_MAPNR_64 &&
	     !read_at(file, &max_mapnr, sizeof(max_mapnr), block + MAX_MAPNR_64_AT))) {
		reach(announced, bitmap, bitmap_bytes);
		announced->more = true;
		return;
	}
	if (split)
		return;
	reach(announced, bitmap, bitmap_bytes);
	// Two bitmaps, of RAM and of what is in the dump; or, with makedumpfile's first versions, one.
	bits = 8 * bitmap_bytes / 2 >= max_mapnr ? 8 * bitmap_bytes / 2 : 8 * bitmap_bytes;
	if (!count_bits(file, bitmap + bitmap_bytes - bits / 8, max_mapnr < bits ? max_mapnr : bits,
			&count)) {
		announced->more = true;
		return;
	}
	reach(announced, bitmap + bitmap_bytes, count * sizeof(struct page_desc));
	find_pages_end(file, bitmap + bitmap_bytes, count, announced);
}

int length_check(int file, const char *name, struct lb_error *err)
{
	struct announced announced = {0};
	uint8_t head[HEAD_BYTES] = {0};
	Elf64_Ehdr header;
	struct stat status;
	uint64_t bytes;

	if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
		return 0;
	bytes = (uint64_t)status.st_size;
	if (!read_at(file, head, bytes < sizeof(head) ? bytes : sizeof(head), 0))
		return 0;
	if (memcmp(head, ELFMAG, SELFMAG) == 0) {
		reach(&announced, 0, sizeof(header));
		memcpy(&header, head, sizeof(header));
		if (bytes >= sizeof(header))
			find_elf_end(file, &header, &announced);
	} else if (memcmp(head, KDUMP_SIGNATURE, sizeof(KDUMP_SIGNATURE) - 1) == 0) {
		reach(&announced, 0, sizeof(head));
		if (bytes >= sizeof(head))
			find_kdump_end(file, head, &announced);
	}
	if (announced.end <= bytes)
		return 0;
	return lb_fail(err, "%s: shorter than it announces: %lu of %s%lu bytes are there", name, bytes,
		       announced.more ? "at least " : "", announced.end);
}
