// SPDX-License-Identifier: BSD-2-Clause
// A dump on a partition: its header, checked against the partition.
#ifndef LIFEBOAT_TOOLS_SAVE_DUMP_H
#define LIFEBOAT_TOOLS_SAVE_DUMP_H

#include <stdbool.h>

#include "crash/crypt/identity.h"
#include "lifeboat/dumpdisk.h"
#include "tools/save/device.h"

struct dump {
	struct device device;
	struct lb_dump_header header; // release and message are printable, and end with a NUL
	// The bytes of the file that can be had: all of it, or up to the last checkpoint of a dump that was
	// interrupted. 0: the machine did not get that far.
	uint64_t file_bytes;
	const struct lb_identities *identities; // that open what is encrypted; NULL: it stays so
};

// `device`: a partition, whole or as partition_find() found it. On success the dump has its descriptor.
int dump_open(const struct device *device, struct dump *ret_dump, struct lb_error *err);
// Does it begin with a header of ours, damaged or not?
bool dump_present(const struct device *device);
void dump_close(struct dump *dump);

// The report's text, not NUL-terminated, from the disk as it is; `text` has LB_DUMP_REPORT_MAX bytes. None:
// 0 bytes.
int dump_read_report(const struct dump *dump, char *text, uint32_t *ret_bytes, struct lb_error *err);

const char *dump_state_name(const struct lb_dump_header *header);
// True when the file ends early: interrupted, or PARTIAL.
bool dump_cut_short(const struct lb_dump_header *header);
bool dump_is_encrypted(const struct lb_dump_header *header);
// To how many recipients, by an age file of it; 0: not known, or not encrypted.
uint32_t dump_recipients(const struct dump *dump);
// True where its files are age files, and stay so.
bool dump_stays_sealed(const struct dump *dump);
bool dump_is_kdump(const struct lb_dump_header *header);

// Notes in the header that it has been saved; needs device_make_writable(). Fails where the
// header has changed since it was read.
int dump_mark_saved(struct dump *dump, struct lb_error *err);
// The same, that it has been erased.
int dump_mark_erased(struct dump *dump, struct lb_error *err);
bool dump_is_erased(const struct lb_dump_header *header);
// Takes the verdict of a self-test out of the header, in the same way.
int dump_forget_selftest(struct dump *dump, struct lb_error *err);

#endif
