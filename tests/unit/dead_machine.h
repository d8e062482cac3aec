// SPDX-License-Identifier: BSD-2-Clause
// A dead machine's RAM for tests of code that reads it. Page tables lie in its first pages and map all of it
// from DEAD_DIRECT on. VMCOREINFO is text. There is one window: each read replaces the page read before, as
// can happen in the capture kernel.
#ifndef LIFEBOAT_TESTS_UNIT_DEAD_MACHINE_H
#define LIFEBOAT_TESTS_UNIT_DEAD_MACHINE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/dead/deadmem.h"
#include "lifeboat/range.h"
#include "lifeboat/x86.h"
#include "unit.h"

#ifndef DEAD_RAM
#define DEAD_RAM (8 * LB_MIB) // a multiple of 2 MiB
#endif
#define DEAD_DIRECT 0xffff888000000000ULL
#ifndef DEAD_TABLES
#define DEAD_TABLES 16U // pages of page tables, from physical 0 on
#endif
#define DEAD_INFO_MAX 4096U

struct dead_machine {
	uint8_t *ram;
	uint64_t next_table;
	char info[DEAD_INFO_MAX];
	uint32_t pages_read;
	uint64_t hole; // physical address of a page that cannot be read; 0: none
	void *window; // allocated anew for each page, so that ASan sees a use of the page before
	struct lb_physmem mem;
	struct lb_deadspace dead;
};

static inline const void *dead_page(void *ctx, uint64_t phys)
{
	struct dead_machine *machine = ctx;

	machine->pages_read++;
	if (phys >= DEAD_RAM || phys % LB_PAGE || (machine->hole && phys == machine->hole))
		return NULL;
	free(machine->window);
	machine->window = malloc(LB_PAGE);
	if (!machine->window)
		abort();
	memcpy(machine->window, machine->ram + phys, LB_PAGE);
	return machine->window;
}

// Returns the table entry that maps the page of 1 << `shift` bytes at `virt`.
static inline uint8_t *dead_entry(struct dead_machine *machine, uint64_t virt, unsigned int shift)
{
	uint64_t table = 0, entry;

	for (unsigned int level = 39;; level -= 9) {
		uint8_t *at = machine->ram + table + 8 * (virt >> level & 511);

		if (level == shift)
			return at;
		memcpy(&entry, at, 8);
		if (!entry) {
			if (machine->next_table == DEAD_TABLES)
				abort();
			entry = machine->next_table++ * LB_PAGE | X86_PTE_P | X86_PTE_W;
			memcpy(at, &entry, 8);
		}
		table = entry & X86_PTE_ADDR;
	}
}

static inline void dead_map(struct dead_machine *machine, uint64_t virt, uint64_t phys)
{
	const uint64_t entry = phys | X86_PTE_P | X86_PTE_W;

	memcpy(dead_entry(machine, virt, 12), &entry, 8);
}

static inline void dead_unmap(struct dead_machine *machine, uint64_t virt)
{
	memset(dead_entry(machine, virt, 12), 0, 8);
}

static inline struct dead_machine *dead_open(void)
{
	struct dead_machine *machine = calloc(1, sizeof(*machine));

	if (!machine)
		abort();
	machine->ram = calloc(1, DEAD_RAM);
	if (!machine->ram)
		abort();
	machine->next_table = 1;
	machine->mem = (struct lb_physmem){.page = dead_page, .ctx = machine};
	machine->dead = (struct lb_deadspace){
		.mem = &machine->mem, .vmcoreinfo.text = machine->info, .phys_bits = 46};
	for (uint64_t phys = 0; phys < DEAD_RAM; phys += 2 * LB_MIB) {
		const uint64_t entry = phys | X86_PTE_P | X86_PTE_W | X86_PTE_PS;

		memcpy(dead_entry(machine, DEAD_DIRECT + phys, 21), &entry, 8);
	}
	return machine;
}

static inline void dead_close(struct dead_machine *machine)
{
	free(machine->window);
	free(machine->ram);
	free(machine);
}

// Replaces VMCOREINFO's text.
static inline void dead_info(struct dead_machine *machine, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static inline void dead_info(struct dead_machine *machine, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	machine->dead.vmcoreinfo.bytes =
		(uint32_t)vsnprintf(machine->info, sizeof(machine->info), format, args);
	va_end(args);
	if (machine->dead.vmcoreinfo.bytes >= sizeof(machine->info))
		abort();
}

// Takes the line that begins with `key` out of VMCOREINFO.
static inline void dead_info_drop(struct dead_machine *machine, const char *key)
{
	char *line = strstr(machine->info, key), *end;

	if (!line || !(end = strchr(line, '\n')))
		abort();
	memmove(line, end + 1, strlen(end + 1) + 1);
	machine->dead.vmcoreinfo.bytes = (uint32_t)strlen(machine->info);
}

// Sets the number behind `key` to `value`.
static inline void dead_info_set(struct dead_machine *machine, const char *key, const char *value)
{
	char text[DEAD_INFO_MAX];

	dead_info_drop(machine, key);
	memcpy(text, machine->info, sizeof(text));
	dead_info(machine, "%s%s%s\n", text, key, value);
}

static inline uint8_t *dead_at(struct dead_machine *machine, uint64_t phys)
{
	if (phys >= DEAD_RAM)
		abort();
	return machine->ram + phys;
}

static inline void dead_put(struct dead_machine *machine, uint64_t phys, uint64_t value, unsigned int bytes)
{
	memcpy(dead_at(machine, phys), &value, bytes);
}

#endif
