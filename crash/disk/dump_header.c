// SPDX-License-Identifier: BSD-2-Clause
#include "crash/disk/dump_header.h"

#include "lib/mem.h"
#include "lib/sha256.h"

void lb_dump_header_seal(struct lb_dump_header *header)
{
	header->magic = LB_DUMP_MAGIC;
	header->version = LB_DUMP_VERSION;
	header->bytes = sizeof(*header);
	lb_sha256(header, offsetof(struct lb_dump_header, sha256), header->sha256);
}

int lb_dump_header_check(const struct lb_dump_header *header, struct lb_error *err)
{
	uint8_t sha256[sizeof(header->sha256)];

	if (header->magic != LB_DUMP_MAGIC)
		return lb_fail(err, "dump header: magic is 0x%lx, not Lifeboat's", header->magic);
	if (header->version != LB_DUMP_VERSION || header->bytes != sizeof(*header))
		return lb_fail(err, "dump header: version %u of %u bytes, wanted version %u of %u",
			       header->version, header->bytes, LB_DUMP_VERSION,
			       (unsigned int)sizeof(*header));
	lb_sha256(header, offsetof(struct lb_dump_header, sha256), sha256);
	if (memcmp(sha256, header->sha256, sizeof(sha256)) != 0)
		return lb_fail(err, "dump header: its digest does not match its content");
	return 0;
}

bool lb_dump_header_unsaved(const struct lb_dump_header *header)
{
	return header->state != LB_DUMP_EMPTY && !header->saved;
}
