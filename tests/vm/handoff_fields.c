// SPDX-License-Identifier: BSD-2-Clause
// Reads a struct lb_handoff from standard input, and prints the fields that tests in virtual machines use, as
// NAME=VALUE lines. So no test has offsets of its own. A range is NAME=START-END.
#include <stdio.h>
#include <stdlib.h>

#include "lifeboat/handoff.h"

static void print_range(const char *name, struct lb_range range)
{
	printf("%s=0x%lx-0x%lx\n", name, range.start, range.end);
}

static int refuse(const struct lb_handoff *handoff)
{
	if (handoff->magic == LB_HANDOFF_MAGIC && handoff->version == LB_HANDOFF_VERSION &&
	    handoff->bytes == sizeof(*handoff) && handoff->swap_count <= LB_MAX_SWAP_RANGES &&
	    handoff->segment_count <= LB_MAX_SEGMENTS)
		return 0;
	fprintf(stderr, "handoff_fields: magic 0x%lx, version %u, %u bytes; wanted 0x%llx, %d, %zu\n",
		handoff->magic, handoff->version, handoff->bytes, LB_HANDOFF_MAGIC, LB_HANDOFF_VERSION,
		sizeof(*handoff));
	return 1;
}

int main(void)
{
	static struct lb_handoff handoff;

	if (fread(&handoff, sizeof(handoff), 1, stdin) != 1) {
		fprintf(stderr, "handoff_fields: less than %zu bytes on standard input\n", sizeof(handoff));
		return EXIT_FAILURE;
	}
	if (refuse(&handoff))
		return EXIT_FAILURE;
	printf("e820_saved=0x%lx\n", handoff.e820_saved);
	printf("e820_saved_count=%u\n", handoff.e820_saved_count);
	printf("boot_params=0x%lx\n", handoff.boot_params);
	printf("elfcorehdr=0x%lx\n", handoff.elfcorehdr);
	printf("elfcorehdr_bytes=0x%lx\n", handoff.elfcorehdr_bytes);
	printf("kernel_entry=0x%lx\n", handoff.kernel_entry);
	print_range("crash", handoff.crash);
	print_range("crash_ram", handoff.crash_ram);
	print_range("crash_low", handoff.crash_low);
	for (uint32_t i = 0; i < handoff.segment_count; i++) {
		const struct lb_segment *segment = &handoff.segments[i];

		print_range("segment", (struct lb_range){segment->phys, segment->phys + segment->bytes});
	}
	for (uint32_t i = 0; i < handoff.swap_count; i++) {
		struct lb_range low = {handoff.swap[i].phys, handoff.swap[i].phys + handoff.swap[i].bytes};

		print_range("swap", low);
	}
	return EXIT_SUCCESS;
}
