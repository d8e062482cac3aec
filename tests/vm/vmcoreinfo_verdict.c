// SPDX-License-Identifier: BSD-2-Clause
// Makes the VMCOREINFO of an ELF dump anew, from what an early panic leaves: the release, the build ID and
// the memory. For comparison with the VMCOREINFO that the kernel wrote.
//
//	vmcoreinfo_verdict VMCORE
//
// Prints the text, then "# why=" and "# ms=" (the processor time used).
#include <time.h>

#include "crash/dead/deadkernel.h"
#include "crash/dead/vmcoreinfo_make.h"
#include "elf_core.h"

// Keeps only the few keys that the purgatory writes.
static uint32_t keep_little(const struct lb_vmcoreinfo *info, char *text, size_t room)
{
	static const char *const kept[] = {
		"OSRELEASE=", "BUILD-ID=", "PAGESIZE=", "NUMBER(pgtable_l5_enabled)="};
	uint32_t at = 0;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		char value[100];

		if (lb_vmcoreinfo_text(info, kept[i], value, sizeof(value)))
			at += (uint32_t)snprintf(text + at, room - at, "%s%s\n", kept[i], value);
	}
	return at;
}

int main(int argc, char **argv)
{
	static struct lb_vmcoreinfo_work work;
	char little[512], text[LB_VMCOREINFO_MAX];
	struct lb_vmcoreinfo_made made;
	struct lb_deadkernel kernel;
	struct lb_deadspace dead;
	struct lb_error err;
	struct core core;
	clock_t begun;

	if (argc != 2) {
		fprintf(stderr, "usage: vmcoreinfo_verdict VMCORE\n");
		return 2;
	}
	open_core(argv[1], &core, &dead);
	dead.vmcoreinfo.bytes = keep_little(&dead.vmcoreinfo, little, sizeof(little));
	dead.vmcoreinfo.text = little;
	begun = clock();
	lb_deadkernel_open(&dead, &kernel);
	if (lb_vmcoreinfo_make(&kernel, &work, text, &made, &err) != 0)
		fail(argv[1], err.text);
	printf("%.*s# why=%s\n# ms=%ld\n", (int)made.bytes, text, made.why,
	       (long)((clock() - begun) / (CLOCKS_PER_SEC / 1000)));
	close_core(&core);
	return 0;
}
