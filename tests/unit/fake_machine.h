// SPDX-License-Identifier: BSD-2-Clause
// A dead machine for tests of code that writes dumps: three pieces of RAM with holes between them, the
// content of the first one in a backup elsewhere, and the notes that the purgatory makes. Included after
// cmocka.
#ifndef LIFEBOAT_TESTS_UNIT_FAKE_MACHINE_H
#define LIFEBOAT_TESTS_UNIT_FAKE_MACHINE_H

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture_platform.h"
#include "crash/dump/dump.h"
#include "crash/dump/helpers.h"
#include "crash/plan/elfcore.h"
#include "unit.h"

#define MACHINE_PIECES 3
#define MACHINE_CPUS 2
#define MACHINE_HIGH 0x40000000ULL // the last piece of RAM
#define MACHINE_MAX_PFN ((MACHINE_HIGH + 2 * LB_MIB) / LB_PAGE)
#define MACHINE_PHYS_BASE 0x1000000ULL

static const struct lb_ram_piece machine_layout[MACHINE_PIECES] = {
	{{0x1000, 0x9f000}, 0x7f000000},
	{{LB_MIB, 5 * LB_MIB}, LB_MIB},
	{{MACHINE_HIGH, MACHINE_HIGH + 2 * LB_MIB}, MACHINE_HIGH},
};

struct machine {
	struct lb_ram_piece pieces[MACHINE_PIECES];
	struct lb_ram ram;
	struct lb_physmem mem;
	struct lb_deadspace dead;
	uint8_t *content[MACHINE_PIECES];
	uint8_t notes[2 * LB_PAGE];
	uint64_t notes_bytes, vmcoreinfo_offset;
	struct lb_filter *filter;
	struct lb_dump_job job;
};

static inline const uint8_t *machine_page(const struct machine *machine, uint64_t pfn)
{
	for (uint32_t i = 0; i < MACHINE_PIECES; i++) {
		const struct lb_range *phys = &machine->pieces[i].phys;

		if (pfn * LB_PAGE >= phys->start && pfn * LB_PAGE < phys->end)
			return machine->content[i] + (pfn * LB_PAGE - phys->start);
	}
	return NULL;
}

static inline const void *machine_physmem_page(void *ctx, uint64_t phys)
{
	return machine_page(ctx, phys / LB_PAGE);
}

// Fills page `n`. Each six pages are: zeroes, noise, text, a ramp, zeroes with one other byte, half noise.
static inline void machine_fill_page(uint8_t *page, uint64_t n)
{
	uint64_t seed = (n + 1) * 0x9e3779b97f4a7c15ULL;

	memset(page, 0, LB_PAGE);
	for (uint32_t i = 0; i < LB_PAGE && n % 6; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		switch (n % 6) {
		case 1:
			page[i] = (uint8_t)(seed >> 56);
			break;
		case 2:
			page[i] = (uint8_t)("a page of text, "[(i + n) % 16]);
			break;
		case 3:
			page[i] = (uint8_t)(i * n >> 4);
			break;
		case 4:
			page[i] = i == n % LB_PAGE;
			break;
		default:
			page[i] = i % 2 ? (uint8_t)(seed >> 56) : 0x55;
			break;
		}
	}
}

static inline void machine_fill_notes(struct machine *machine)
{
	static const char text[] = "OSRELEASE=6.1.0-test-amd64\n"
				   "BUILD-ID=00112233445566778899aabbccddeeff01234567\n"
				   "PAGESIZE=4096\n"
				   "SYMBOL(swapper_pg_dir)=ffffffff82610000\n"
				   "SYMBOL(_stext)=ffffffff81000000\n"
				   "SYMBOL(init_uts_ns)=ffffffff80001f00\n"
				   "OFFSET(uts_namespace.name)=4\n"
				   "SYMBOL(prb)=ffffffff80010000\n"
				   "SIZE(printk_ringbuffer)=88\n"
				   "OFFSET(printk_ringbuffer.desc_ring)=0\n"
				   "OFFSET(printk_ringbuffer.text_data_ring)=48\n"
				   "OFFSET(prb_desc_ring.count_bits)=0\n"
				   "OFFSET(prb_desc_ring.descs)=8\n"
				   "OFFSET(prb_desc_ring.infos)=16\n"
				   "OFFSET(prb_desc_ring.head_id)=24\n"
				   "OFFSET(prb_desc_ring.tail_id)=32\n"
				   "SIZE(prb_desc)=24\n"
				   "OFFSET(prb_desc.state_var)=0\n"
				   "OFFSET(prb_desc.text_blk_lpos)=8\n"
				   "OFFSET(prb_data_blk_lpos.begin)=0\n"
				   "OFFSET(prb_data_blk_lpos.next)=8\n"
				   "SIZE(printk_info)=88\n"
				   "OFFSET(printk_info.ts_nsec)=8\n"
				   "OFFSET(printk_info.text_len)=16\n"
				   "OFFSET(prb_data_ring.size_bits)=0\n"
				   "OFFSET(prb_data_ring.data)=8\n"
				   "OFFSET(atomic_long_t.counter)=0\n"
				   "NUMBER(phys_base)=16777216\n"
				   "NUMBER(pgtable_l5_enabled)=0\n"
				   "KERNELOFFSET=0\n"
				   "CRASHTIME=1700000000\n";
	struct lb_prstatus status = {.regs = {.rip = 0xffffffff81234567}};
	const struct lb_elf_note registers = {"CORE", NT_PRSTATUS, &status, sizeof(status)};
	const struct lb_elf_note vmcoreinfo = {"VMCOREINFO", 0, text, sizeof(text) - 1};
	struct lb_error err = {""};
	uint64_t pos = 0;

	for (int32_t cpu = 0; cpu < MACHINE_CPUS; cpu++) {
		status.pid = cpu + 1;
		if (lb_elfcore_note(machine->notes, sizeof(machine->notes), &pos, &registers, &err) != 0)
			fail_msg("%s", err.text);
	}
	machine->vmcoreinfo_offset = pos + 24;
	if (lb_elfcore_note(machine->notes, sizeof(machine->notes), &pos, &vmcoreinfo, &err) != 0)
		fail_msg("%s", err.text);
	machine->notes_bytes = pos;
	machine->dead.vmcoreinfo.text = (const char *)machine->notes + machine->vmcoreinfo_offset;
	machine->dead.vmcoreinfo.bytes = sizeof(text) - 1;
	assert_memory_equal(machine->dead.vmcoreinfo.text, text, sizeof(text) - 1);
}

// Resets the platform, and opens the machine. The test opens the helpers.
static inline void machine_open(struct machine *machine, enum lb_dump_format format)
{
	uint64_t n = 0;

	capture_reset();
	memset(machine, 0, sizeof(*machine));
	memcpy(machine->pieces, machine_layout, sizeof(machine_layout));
	machine->ram.pieces = machine->pieces;
	machine->ram.count = MACHINE_PIECES;
	machine->ram.max_pfn = MACHINE_MAX_PFN;
	for (uint32_t i = 0; i < MACHINE_PIECES; i++) {
		uint64_t bytes = lb_range_size(machine->pieces[i].phys);

		machine->ram.pages += bytes / LB_PAGE;
		machine->content[i] = malloc(bytes);
		assert_non_null(machine->content[i]);
		for (uint64_t at = 0; at < bytes; at += LB_PAGE)
			machine_fill_page(machine->content[i] + at, n++);
		capture_ram_add(machine->pieces[i].now, machine->content[i], bytes);
	}
	machine->mem = (struct lb_physmem){machine_physmem_page, machine};
	machine->dead.mem = &machine->mem;
	machine->dead.phys_bits = 46;
	machine_fill_notes(machine);
	machine->job = (struct lb_dump_job){.format = format,
					    .level = LB_FILTER_ZERO,
					    .ram = &machine->ram,
					    .dead = &machine->dead,
					    .notes = machine->notes,
					    .notes_bytes = machine->notes_bytes,
					    .vmcoreinfo_offset = machine->vmcoreinfo_offset,
					    .nr_cpus = MACHINE_CPUS,
					    .now = 1700000000};
}

// Maps the kernel: MACHINE_MAP is the fourth page of the last piece of RAM. The page tables lie in that piece
// too.
#define MACHINE_MAP 0xffffffff80000000ULL

static inline uint8_t *machine_at(struct machine *machine, uint64_t virt)
{
	return machine->content[MACHINE_PIECES - 1] + 3 * LB_PAGE + (virt - MACHINE_MAP);
}

static inline void machine_map(struct machine *machine)
{
	uint64_t *tables = (uint64_t *)machine->content[MACHINE_PIECES - 1];

	memset(tables, 0, 3 * LB_PAGE);
	memset(tables + 6 * 512, 0, LB_PAGE);
	tables[511] = (MACHINE_HIGH + LB_PAGE) | 3;
	tables[512 + 510] = (MACHINE_HIGH + 2 * LB_PAGE) | 3;
	tables[1024] = (MACHINE_HIGH + 6 * LB_PAGE) | 3;
	for (uint64_t i = 0; i < 512 - 3; i++)
		tables[6 * 512 + i] = (MACHINE_HIGH + (i + 3) * LB_PAGE) | 3;
	machine->dead.cr3 = MACHINE_HIGH;
}

// Puts the kernel's names of itself, after machine_map().
static inline void machine_put_names(struct machine *machine, const char *const names[6])
{
	uint8_t *uts = machine_at(machine, MACHINE_MAP + 0x1f04);

	memset(uts, 0, 6 * 65);
	for (uint32_t i = 0; i < 6; i++)
		strcpy((char *)uts + 65 * i, names[i]);
}

static inline void machine_put(struct machine *machine, uint64_t virt, uint64_t value)
{
	memcpy(machine_at(machine, virt), &value, sizeof(value));
}

// Puts the kernel's log, after machine_map(): `count` lines, one second apart, up to 4 KiB.
static inline void machine_put_log(struct machine *machine, const char *const *lines, uint32_t count)
{
	const uint64_t prb = MACHINE_MAP + 0x10000, ring = prb + 0x100, descs = prb + 0x1000;
	const uint64_t infos = prb + 0x2000, data = prb + 0x3000, finalized = 2ULL << 62;
	uint64_t at = 0;

	memset(machine_at(machine, prb), 0, 4 * LB_PAGE);
	machine_put(machine, prb, ring);
	machine_put(machine, ring, 4); // 16 records
	machine_put(machine, ring + 8, descs);
	machine_put(machine, ring + 16, infos);
	machine_put(machine, ring + 24, count - 1);
	machine_put(machine, ring + 32, 0);
	machine_put(machine, ring + 48, 12); // 4 KiB of text
	machine_put(machine, ring + 56, data);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t bytes = strlen(lines[i]), next = at + lb_align_up(8 + bytes, 8);

		machine_put(machine, descs + 24 * i, finalized | i);
		machine_put(machine, descs + 24 * i + 8, at);
		machine_put(machine, descs + 24 * i + 16, next);
		machine_put(machine, infos + 88 * i + 8, (i + 1) * 1000000000ULL);
		machine_put(machine, infos + 88 * i + 16, bytes);
		machine_put(machine, data + at, i);
		memcpy(machine_at(machine, data + at + 8), lines[i], bytes);
		at = next;
	}
}

static inline void machine_close(struct machine *machine)
{
	for (uint32_t i = 0; i < MACHINE_PIECES; i++)
		free(machine->content[i]);
	memset(machine, 0, sizeof(*machine));
}

static inline void machine_open_helpers(const struct machine *machine, uint32_t cpus)
{
	const struct lb_capture_config config = {.format = machine->job.format,
						 .cpus = cpus,
						 .apic_count = cpus,
						 .crypt = machine->job.crypt ? 1 : 0};
	struct lb_error err = {""};
	uint32_t count = 0;

	capture_clock_pause(0); // the clock stands still, so that a slow host does not look like a lost CPU
	capture_cpus(cpus - 1);
	if (lb_helpers_open(&config, 1, &count, &err))
		fail_msg("%s", err.text);
	assert_int_equal(count, cpus);
}

#endif
