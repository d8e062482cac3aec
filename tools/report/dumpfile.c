// SPDX-License-Identifier: BSD-2-Clause
#include "tools/report/dumpfile.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lifeboat/range.h"
#include "tools/common/unflatten.h"
#include "tools/report/length.h"

#define ARCHITECTURE "x86_64"
// Flattened files are rearranged there, without TMPDIR: they are large.
#define TEMPORARY "/var/tmp"
#define CACHED 4096U // pages of the cache
#define CONTEXT_READS 16384U // pages that one context of libkdumpfile is asked for

struct dumpfile_page {
	uint64_t data[LB_PAGE / sizeof(uint64_t)]; // readers look at words of it
	uint64_t phys; // UINT64_MAX: none
	bool is_there;
};

// libkdumpfile up to 0.5.1 at least writes through NULL when it reads a page again that its cache gave up:
// so its cache never has to. By itself it maps the file, and what lies behind the end of one that was cut
// off is SIGBUS: it is told to read.
static int open_context(struct dumpfile *dump)
{
	dump->reads = 0;
	dump->ctx = kdump_new();
	if (!dump->ctx ||
	    kdump_set_number_attr(dump->ctx, KDUMP_ATTR_FILE_MMAP_POLICY, KDUMP_MMAP_NEVER) != KDUMP_OK ||
	    kdump_open_fd(dump->ctx, dump->file) != KDUMP_OK ||
	    kdump_set_number_attr(dump->ctx, "cache.size", CONTEXT_READS) != KDUMP_OK)
		return -1;
	// The library's own translation of addresses is not wanted, and may fail; its reading of VMCOREINFO
	// is wanted.
	kdump_set_string_attr(dump->ctx, KDUMP_ATTR_OSTYPE, "linux");
	kdump_clear_err(dump->ctx);
	return 0;
}

// libkdumpfile up to 0.5.1 at least reads through NULL when a context is freed whose kdump-compressed file
// it refused: such a one is kept.
static void abandon(struct dumpfile *dump)
{
	struct kept {
		struct kept *next;
		kdump_ctx_t *ctx;
	};
	static struct kept *kept;
	struct kept *one = malloc(sizeof(*one));

	if (one) {
		*one = (struct kept){kept, dump->ctx};
		kept = one;
	}
	dump->ctx = NULL;
}

static bool read_anew(struct dumpfile *dump, uint64_t phys, void *to)
{
	size_t bytes = LB_PAGE;
	kdump_status status;

	if (++dump->reads >= CONTEXT_READS) {
		kdump_free(dump->ctx);
		if (open_context(dump) != 0) {
			if (dump->ctx)
				abandon(dump);
			return false;
		}
	}
	status = kdump_read(dump->ctx, KDUMP_MACHPHYSADDR, phys, to, &bytes);
	kdump_clear_err(dump->ctx);
	return status == KDUMP_OK;
}

static const void *read_page(void *ctx, uint64_t phys)
{
	struct dumpfile *dump = ctx;
	struct dumpfile_page *page = &dump->pages[phys / LB_PAGE % CACHED];

	if (page->phys != phys) {
		page->phys = phys;
		page->is_there = dump->ctx && read_anew(dump, phys, page->data);
	}
	return page->is_there ? page->data : NULL;
}

static int open_cache(struct dumpfile *dump, struct lb_error *err)
{
	dump->pages = malloc(CACHED * sizeof(*dump->pages));
	if (!dump->pages)
		return lb_fail(err, "%s: no memory", dump->name);
	for (uint32_t i = 0; i < CACHED; i++)
		dump->pages[i].phys = UINT64_MAX;
	return 0;
}

// Rearranges a file that was cut off as far as it goes. Fails where that is nothing.
static int rearrange_into(struct dumpfile *dump, int to, struct lb_error *err)
{
	struct stat status;
	int result = unflatten(dump->file, dump->name, to, err);

	if (result != UNFLATTEN_CUT || fstat(to, &status) != 0 || !status.st_size)
		return result;
	dump->lacks = *err;
	return 0;
}

// The file of `dump` becomes a temporary one, rearranged.
static int rearrange(struct dumpfile *dump, struct lb_error *err)
{
	const char *folder = getenv("TMPDIR") ? getenv("TMPDIR") : TEMPORARY;
	char path[4096];
	int to;

	snprintf(path, sizeof(path), "%s/lifeboat-report.XXXXXX", folder);
	to = mkstemp(path);
	if (to < 0)
		return lb_fail(err, "%s: flattened; no temporary file in %s for it: %s", dump->name, folder,
			       strerror(errno));
	unlink(path);
	if (rearrange_into(dump, to, err) != 0) {
		close(to);
		return -1;
	}
	close(dump->file);
	dump->file = to;
	return 0;
}

static int check_architecture(const struct dumpfile *dump, struct lb_error *err)
{
	const char *name = NULL;

	if (kdump_get_string_attr(dump->ctx, KDUMP_ATTR_ARCH_NAME, &name) != KDUMP_OK)
		return lb_fail(err, "%s: it does not say of which architecture it is, want " ARCHITECTURE,
			       dump->name);
	if (strcmp(name, ARCHITECTURE) != 0)
		return lb_fail(err, "%s: of architecture %s, want " ARCHITECTURE, dump->name, name);
	return 0;
}

// The field `status` of a kdump-compressed file, and the bit that makedumpfile and lifeboat-save leave in
// it; an ELF core has the same in e_flags.
#define KDUMP_STATUS_AT 424U
#define KDUMP_INCOMPLETE 0x8U
#define ELF_FLAGS_AT 48U
#define ELF_INCOMPLETE 0x1U

static void ask_if_complete(struct dumpfile *dump)
{
	uint8_t head[KDUMP_STATUS_AT + sizeof(uint32_t)];
	bool incomplete = false;
	uint32_t word;

	if (dump->lacks.text[0] || pread(dump->file, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return;
	if (memcmp(head, "KDUMP   ", 8) == 0) {
		memcpy(&word, head + KDUMP_STATUS_AT, sizeof(word));
		incomplete = word & KDUMP_INCOMPLETE;
	} else if (memcmp(head, ELFMAG, SELFMAG) == 0) {
		memcpy(&word, head + ELF_FLAGS_AT, sizeof(word));
		incomplete = word & ELF_INCOMPLETE;
	}
	if (incomplete)
		lb_fail(&dump->lacks, "%s: it says of itself that it is incomplete", dump->name);
}

static void ask_what_it_lacks(struct dumpfile *dump)
{
	ask_if_complete(dump);
	if (!dump->lacks.text[0])
		length_check(dump->file, dump->name, &dump->lacks);
}

// libkdumpfile says of both no more than that it does not know them.
static int check_file(const struct dumpfile *dump, struct lb_error *err)
{
	struct stat status;

	if (fstat(dump->file, &status) != 0)
		return lb_fail(err, "%s: %s", dump->name, strerror(errno));
	if (S_ISDIR(status.st_mode))
		return lb_fail(err, "%s: a folder, want the dump in it", dump->name);
	if (S_ISREG(status.st_mode) && !status.st_size)
		return lb_fail(err, "%s: a dump of 0 bytes: nothing was written to it", dump->name);
	return 0;
}

// Whether it is an ELF file but not a core: a program, a library, an object.
static bool is_other_elf(const struct dumpfile *dump, uint16_t *ret_type)
{
	uint8_t head[offsetof(Elf64_Ehdr, e_type) + sizeof(*ret_type)];

	if (pread(dump->file, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    memcmp(head, ELFMAG, SELFMAG) != 0)
		return false;
	memcpy(ret_type, head + offsetof(Elf64_Ehdr, e_type), sizeof(*ret_type));
	return *ret_type != ET_CORE;
}

// The last part of libkdumpfile's message has the cause: "Cannot set file.set.0.fd: Unknown file format".
static int refuse(struct dumpfile *dump, struct lb_error *err)
{
	const char *why = kdump_get_err(dump->ctx), *cause = why ? strstr(why, ".fd: ") : NULL;
	uint16_t type;

	if (cause)
		why = cause + strlen(".fd: ");
	if (dump->lacks.text[0])
		lb_fail(err, "%s", dump->lacks.text);
	else if (is_other_elf(dump, &type))
		lb_fail(err, "%s: no dump: an ELF file of type %u, want %u, a core", dump->name, type,
			ET_CORE);
	else if (why && strcmp(why, "Unknown file format") == 0)
		lb_fail(err,
			"%s: no dump: neither an ELF core nor kdump-compressed, nor of another format that "
			"libkdumpfile knows",
			dump->name);
	else
		lb_fail(err, "%s: no dump that can be read: %s", dump->name, why ? why : "no cause is given");
	return -1;
}

int dumpfile_open(struct dumpfile *dump, const char *name, struct lb_error *err)
{
	kdump_num_t cpus = 0;

	*dump = (struct dumpfile){.name = name, .file = open(name, O_RDONLY | O_CLOEXEC)};
	dump->mem = (struct lb_physmem){read_page, dump};
	if (dump->file < 0)
		return lb_fail(err, "%s: %s", name, strerror(errno));
	if (check_file(dump, err) != 0)
		return -1;
	if (unflatten_wants(dump->file) && rearrange(dump, err) != 0)
		return -1;
	if (open_cache(dump, err) != 0)
		return -1;
	ask_what_it_lacks(dump);
	if (open_context(dump) != 0) {
		if (!dump->ctx)
			return lb_fail(err, "%s: no memory", name);
		refuse(dump, err);
		abandon(dump);
		return -1;
	}
	if (check_architecture(dump, err) != 0)
		return -1;
	if (kdump_vmcoreinfo_raw(dump->ctx, &dump->vmcoreinfo) != KDUMP_OK) {
		kdump_clear_err(dump->ctx);
		dump->vmcoreinfo = strdup("");
	}
	if (kdump_get_number_attr(dump->ctx, "cpu.number", &cpus) == KDUMP_OK)
		dump->cpus = (uint32_t)cpus;
	cpu_notes_read(dump->file, &dump->notes);
	return dump->vmcoreinfo ? 0 : lb_fail(err, "%s: no memory", name);
}

void dumpfile_close(struct dumpfile *dump)
{
	free(dump->vmcoreinfo);
	free(dump->pages);
	if (dump->ctx)
		kdump_free(dump->ctx);
	if (dump->file >= 0)
		close(dump->file);
}

bool dumpfile_registers(const struct dumpfile *dump, uint32_t cpu, uint32_t cpus,
			struct lb_user_regs *ret_registers)
{
	static const char names[][10] = {"r15",     "r14",      "r13", "r12", "rbp",    "rbx", "r11",
					 "r10",     "r9",       "r8",  "rax", "rcx",    "rdx", "rsi",
					 "rdi",     "orig_rax", "rip", "cs",  "rflags", "rsp", "ss",
					 "fs_base", "gs_base",  "ds",  "es",  "fs",     "gs"};
	uint64_t *values = &ret_registers->r15;
	uint32_t number;

	_Static_assert(sizeof(names) / sizeof(names[0]) == sizeof(*ret_registers) / sizeof(*values),
		       "a name each");
	if (!cpu_notes_find(&dump->notes, cpu, cpus, &number))
		return false;
	memset(ret_registers, 0, sizeof(*ret_registers));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char key[64];
		kdump_attr_t value;

		snprintf(key, sizeof(key), "cpu.%u.reg.%.9s", number, names[i]);
		value.type = KDUMP_NUMBER;
		if (kdump_get_typed_attr(dump->ctx, key, &value) == KDUMP_OK)
			values[i] = value.val.number;
		else
			kdump_clear_err(dump->ctx);
	}
	return ret_registers->rip != 0;
}
