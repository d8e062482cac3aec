// SPDX-License-Identifier: BSD-2-Clause
// An ELF core of all RAM. It has the finished ELF core header's program headers, with offsets in this file.
//
//	Ehdr, program headers | notes | each PT_LOAD's bytes, in the order of the headers
//
// Each part begins on a page of its own. A PT_LOAD begins at p_paddr's offset within that page, as in
// /proc/vmcore, and is there to the byte. Kernel text is in the file once: it lies in RAM, and the offset of
// its PT_LOAD leads into the PT_LOAD of that RAM.
#include "crash/dump/elfdump.h"

#include <elf.h>

#include "crash/dump/output.h"
#include "crash/platform/platform.h"
#include "lib/mem.h"

struct elf {
	struct lb_writer *writer;
	const Elf64_Ehdr *ehdr;
	const Elf64_Phdr *phdrs;
	uint32_t count;
	uint32_t text, holder; // indices of kernel text's PT_LOAD and of the one that holds it; equal: none
	struct lb_output file;
	uint64_t bytes_done, pages_done;
	uint64_t checkpoint_ms, checkpoint_bytes;
	uint8_t page[LB_PAGE]; // a copy of the page at hand
};

static int check_header(const struct lb_dump_job *job, struct lb_error *err)
{
	const Elf64_Ehdr *ehdr = job->elfcorehdr;

	if (job->elfcorehdr_bytes < sizeof(*ehdr) || memcmp(ehdr->e_ident, ELFMAG, SELFMAG) != 0)
		return lb_fail(err, "ELF core header: not there, in %lu bytes", job->elfcorehdr_bytes);
	if (ehdr->e_phentsize != sizeof(Elf64_Phdr) || ehdr->e_phoff != sizeof(*ehdr))
		return lb_fail(err, "ELF core header: program headers of %u bytes at %lu, wanted %u at %u",
			       ehdr->e_phentsize, ehdr->e_phoff, (unsigned int)sizeof(Elf64_Phdr),
			       (unsigned int)sizeof(*ehdr));
	if (job->elfcorehdr_bytes < sizeof(*ehdr) + ehdr->e_phnum * sizeof(Elf64_Phdr))
		return lb_fail(err, "ELF core header: %u program headers in %lu bytes", ehdr->e_phnum,
			       job->elfcorehdr_bytes);
	return 0;
}

static bool lies_in(const Elf64_Phdr *text, const Elf64_Phdr *ram)
{
	return ram->p_type == PT_LOAD && ram->p_vaddr < LB_KERNEL_MAP && text->p_paddr >= ram->p_paddr &&
	       text->p_paddr - ram->p_paddr <= ram->p_filesz &&
	       text->p_filesz <= ram->p_filesz - (text->p_paddr - ram->p_paddr) &&
	       text->p_offset - text->p_paddr == ram->p_offset - ram->p_paddr;
}

static void find_text(struct elf *elf)
{
	for (uint32_t i = 0; i < elf->count; i++) {
		if (elf->phdrs[i].p_type != PT_LOAD || elf->phdrs[i].p_vaddr < LB_KERNEL_MAP)
			continue;
		for (uint32_t j = 0; j < elf->count; j++) {
			if (lies_in(&elf->phdrs[i], &elf->phdrs[j])) {
				elf->text = i;
				elf->holder = j;
				return;
			}
		}
	}
}

static bool has_content(const struct elf *elf, uint32_t i)
{
	return elf->phdrs[i].p_type == PT_LOAD && (elf->text == elf->holder || elf->text != i);
}

// The offset of PT_LOAD `i`'s content, where the content before it ends at `end`.
static uint64_t begins(const struct elf *elf, uint32_t i, uint64_t end)
{
	return lb_align_up(end, LB_PAGE) + elf->phdrs[i].p_paddr % LB_PAGE;
}

static uint64_t notes_begin(const struct elf *elf)
{
	return lb_align_up(sizeof(Elf64_Ehdr) + elf->count * sizeof(Elf64_Phdr), LB_PAGE);
}

// The offset of PT_LOAD `wanted`'s content. With `wanted` == elf->count: the end of the last content.
static uint64_t find_content(const struct elf *elf, uint32_t wanted)
{
	uint64_t at = notes_begin(elf) + elf->writer->job->notes_bytes;

	for (uint32_t i = 0; i < elf->count; i++) {
		if (!has_content(elf, i))
			continue;
		at = begins(elf, i, at);
		if (i == wanted)
			break;
		at += elf->phdrs[i].p_filesz;
	}
	return at;
}

static int write_headers(struct elf *elf, struct lb_error *err)
{
	const struct lb_dump_job *job = elf->writer->job;
	uint64_t at = notes_begin(elf) + job->notes_bytes;

	if (lb_output_add(&elf->file, elf->ehdr, sizeof(*elf->ehdr), err) != 0)
		return -1;
	for (uint32_t i = 0; i < elf->count; i++) {
		Elf64_Phdr phdr = elf->phdrs[i];

		if (phdr.p_type == PT_NOTE) {
			phdr.p_offset = notes_begin(elf);
			phdr.p_filesz = phdr.p_memsz = job->notes_bytes;
		} else if (has_content(elf, i)) {
			phdr.p_offset = begins(elf, i, at);
			at = phdr.p_offset + phdr.p_filesz;
		} else if (phdr.p_type == PT_LOAD) {
			phdr.p_offset = find_content(elf, elf->holder) + phdr.p_paddr -
					elf->phdrs[elf->holder].p_paddr;
		}
		if (lb_output_add(&elf->file, &phdr, sizeof(phdr), err) != 0)
			return -1;
	}
	if (lb_output_align(&elf->file, LB_PAGE, err) != 0 ||
	    lb_output_add(&elf->file, job->notes, job->notes_bytes, err) != 0)
		return -1;
	return lb_output_align(&elf->file, LB_PAGE, err);
}

static void note_progress(struct elf *elf)
{
	struct lb_dump_header *next = &elf->writer->next;

	next->data_bytes = elf->file.stream.bytes - next->data_offset;
	next->pages_done = elf->pages_done;
	elf->checkpoint_ms = lb_clock_ms();
	elf->checkpoint_bytes = elf->file.bytes;
}

static int checkpoint(struct elf *elf, struct lb_error *err)
{
	if (lb_output_settle(&elf->file, err) != 0)
		return -1;
	note_progress(elf);
	return lb_writer_checkpoint(elf->writer, err);
}

static int look_around(struct elf *elf, struct lb_error *err)
{
	elf->pages_done = elf->bytes_done / LB_PAGE;
	lb_partition_poll(elf->writer->partition);
	lb_writer_progress(elf->writer, elf->pages_done, elf->file.bytes);
	if (elf->file.bytes - elf->checkpoint_bytes >= LB_CHECKPOINT_BYTES ||
	    lb_clock_ms() - elf->checkpoint_ms >= LB_CHECKPOINT_MS)
		return checkpoint(elf, err);
	return 0;
}

// Writes a PT_LOAD page by page. The first and the last piece may be parts of pages.
static int write_load(struct elf *elf, const Elf64_Phdr *phdr, struct lb_error *err)
{
	uint64_t done = 0;

	if (lb_output_align(&elf->file, LB_PAGE, err) != 0 ||
	    lb_output_add_zeroes(&elf->file, phdr->p_paddr % LB_PAGE, err) != 0)
		return -1;
	while (done < phdr->p_filesz) {
		uint64_t from = phdr->p_offset + done, in_page = from % LB_PAGE;
		uint64_t piece = LB_PAGE - in_page;

		if (!lb_old_page_copy(0, from - in_page, elf->page)) {
			memset(elf->page, 0, sizeof(elf->page));
			elf->writer->lost_pages++;
		}
		if (piece > phdr->p_filesz - done)
			piece = phdr->p_filesz - done;
		if (lb_output_add(&elf->file, elf->page + in_page, piece, err) != 0)
			return -1;
		done += piece;
		elf->bytes_done += piece;
		if (look_around(elf, err) != 0)
			return -1;
	}
	return 0;
}

static int write_file(struct elf *elf, struct lb_error *err)
{
	if (write_headers(elf, err) != 0)
		return -1;
	elf->writer->next.data_offset = elf->file.stream.bytes;
	if (checkpoint(elf, err) != 0)
		return -1;
	for (uint32_t i = 0; i < elf->count; i++) {
		if (has_content(elf, i) && write_load(elf, &elf->phdrs[i], err) != 0)
			return -1;
	}
	return 0;
}

// Ends the file on the disk, and fills in the header's fields.
static int settle(struct elf *elf, struct lb_error *err)
{
	struct lb_dump_header *next = &elf->writer->next;

	if (lb_output_end(&elf->file, err) != 0 || lb_partition_flush(elf->writer->partition, err) != 0)
		return -1;
	if (next->data_offset)
		note_progress(elf);
	next->file_bytes = elf->file.stream.bytes;
	lb_stream_digest(&elf->file.stream, next->head_sha256);
	return 0;
}

int lb_elfdump_write(struct lb_writer *writer, struct lb_error *err)
{
	struct lb_dump_header *next = &writer->next;
	uint64_t bytes = 0;
	struct elf *elf;
	const struct lb_sealing sealing = {
		.file = &writer->job->crypt[LB_CRYPT_FILE],
		.room = writer->job->sealing,
	};
	int result;

	if (check_header(writer->job, err) != 0)
		return -1;
	elf = lb_heap_pages(sizeof(*elf));
	if (!elf)
		return lb_fail(err, "dump: no memory for %u bytes of state", (unsigned int)sizeof(*elf));
	elf->writer = writer;
	elf->ehdr = writer->job->elfcorehdr;
	elf->phdrs = (const Elf64_Phdr *)(elf->ehdr + 1);
	elf->count = elf->ehdr->e_phnum;
	find_text(elf);
	for (uint32_t i = 0; i < elf->count; i++)
		bytes += has_content(elf, i) ? elf->phdrs[i].p_filesz : 0;
	next->page_count = lb_pages(bytes);
	if (lb_output_open(&elf->file, writer->partition, next->file_offset, writer->limit,
			   writer->job->crypt ? &sealing : NULL, err) != 0)
		return -1;
	result = write_file(elf, err);
	if (result == 0) {
		elf->pages_done = next->page_count;
		return settle(elf, err);
	}
	if (settle(elf, NULL) != 0)
		next->file_bytes = next->data_offset + next->data_bytes;
	return result;
}
