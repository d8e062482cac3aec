// SPDX-License-Identifier: BSD-2-Clause
// A vmcore of any format that libkdumpfile reads, as a dead machine's memory.
#ifndef LIFEBOAT_TOOLS_REPORT_DUMPFILE_H
#define LIFEBOAT_TOOLS_REPORT_DUMPFILE_H

#include <libkdumpfile/kdumpfile.h>

#include "crash/dead/deadmem.h"
#include "lib/format.h"
#include "lifeboat/handoff.h"
#include "tools/common/cpu_notes.h"

struct dumpfile {
	const char *name; // the caller's
	int file;
	kdump_ctx_t *ctx;
	struct lb_physmem mem; // its ctx is this struct, which must not be moved
	char *vmcoreinfo; // NUL-terminated; "" when the dump has none
	uint32_t cpus; // whose registers it has
	struct cpu_notes notes;
	struct lb_error lacks; // why something of it is missing; "": nobody says that anything is
	uint32_t reads; // by `ctx`
	struct dumpfile_page *pages; // a cache, by address
};

// Opens `name`, a flattened one through a temporary file, one that was cut off as far as it goes. Fails
// when it is no dump of an x86-64 machine. Afterwards dumpfile_close(), whatever the result.
int dumpfile_open(struct dumpfile *dump, const char *name, struct lb_error *err);
void dumpfile_close(struct dumpfile *dump);

// The registers that the dump has of CPU `cpu` in its notes, of `cpus` that the kernel had (0: not known).
// False: no note is that CPU's, or none can be told to be (cpu_notes.h).
bool dumpfile_registers(const struct dumpfile *dump, uint32_t cpu, uint32_t cpus,
			struct lb_user_regs *ret_registers);

#endif
