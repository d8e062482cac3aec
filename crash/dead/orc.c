// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/orc.h"

#include "lib/mem.h"

#define ENTRY_BYTES 6
#define NUMBERS 16 // of a register, in four bits
#define TYPES 4 // in the two bits that both generations have
// The encoding is told by this many runs of entries, spread over the whole table.
#define RUNS 256U
#define RUN_ENTRIES 64U

struct packed_entry {
	int16_t sp_offset, bp_offset;
	uint16_t bits;
};
_Static_assert(sizeof(struct packed_entry) == ENTRY_BYTES, "as objtool packs it");

// The times that each number was seen.
struct counts {
	uint32_t all; // entries with a stack
	uint32_t sp_reg[NUMBERS], bp_reg[NUMBERS], type[TYPES];
};

struct generation {
	uint8_t sp, prev_sp; // their numbers
	uint8_t registers[NUMBERS]; // enum lb_orc_reg
};

static const struct generation until_6 = {
	.sp = 5,
	.prev_sp = 1,
	.registers = {LB_ORC_NONE, LB_ORC_PREV_SP, LB_ORC_DX, LB_ORC_DI, LB_ORC_BP, LB_ORC_SP, LB_ORC_R10,
		      LB_ORC_R13, LB_ORC_BP_INDIRECT, LB_ORC_SP_INDIRECT},
};
static const struct generation since_7 = {
	.sp = 3,
	.prev_sp = 8,
	.registers = {LB_ORC_NONE, LB_ORC_AX, LB_ORC_DX, LB_ORC_SP, LB_ORC_BP, LB_ORC_DI, LB_ORC_R10,
		      LB_ORC_R13, LB_ORC_PREV_SP, LB_ORC_SP_INDIRECT, LB_ORC_BP_INDIRECT},
};

static const struct generation *generation_of(const struct lb_orc *orc)
{
	return orc->has_registers_of_7 ? &since_7 : &until_6;
}

static bool read_entry(struct lb_deadmem *mem, const struct lb_orc_table *table, uint32_t index,
		       struct packed_entry *ret_entry)
{
	return lb_deadmem_copy(mem, table->entries + (uint64_t)ENTRY_BYTES * index, ret_entry,
			       sizeof(*ret_entry));
}

// Reads the address from which on entry number `index` applies.
static bool read_ip(struct lb_deadmem *mem, const struct lb_orc_table *table, uint32_t index,
		    uint64_t *ret_ip)
{
	uint64_t word = table->ips + 4ULL * index;
	int32_t offset;

	if (!lb_deadmem_copy(mem, word, &offset, sizeof(offset)))
		return false;
	*ret_ip = word + (uint64_t)(int64_t)offset;
	return true;
}

// Runs of `count` entries from number `first` on, RUN_ENTRIES at most.
static bool count_run(struct lb_deadmem *mem, const struct lb_orc_table *table, uint32_t first,
		      uint32_t count, struct counts *counts)
{
	struct packed_entry entries[RUN_ENTRIES];

	if (!lb_deadmem_copy(mem, table->entries + (uint64_t)ENTRY_BYTES * first, entries,
			     count * sizeof(entries[0])))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t sp_reg = entries[i].bits & 15;

		if (!sp_reg)
			continue; // between functions, and where the stack ends
		counts->all++;
		counts->sp_reg[sp_reg]++;
		counts->bp_reg[entries[i].bits >> 4 & 15]++;
		counts->type[entries[i].bits >> 8 & 3]++;
	}
	return true;
}

static bool is_sorted(struct lb_deadmem *mem, const struct lb_orc_table *table, uint32_t first,
		      uint32_t count, uint64_t *last_ip)
{
	uint64_t word = table->ips + 4ULL * first;
	int32_t offsets[RUN_ENTRIES];

	if (!lb_deadmem_copy(mem, word, offsets, count * sizeof(offsets[0])))
		return false;
	for (uint32_t i = 0; i < count; i++, word += 4) {
		uint64_t ip = word + (uint64_t)(int64_t)offsets[i];

		if (ip < *last_ip)
			return false;
		*last_ip = ip;
	}
	return true;
}

static uint32_t commonest(const uint32_t *counts, uint32_t first, uint32_t end)
{
	uint32_t best = first;

	for (uint32_t i = first; i < end; i++)
		if (counts[i] > counts[best])
			best = i;
	return best;
}

// A generation fits where both kinds of register point at it, and most entries begin at SP.
static bool fits(const struct counts *counts, const struct generation *generation)
{
	uint32_t sp = commonest(counts->sp_reg, 1, NUMBERS);
	uint32_t prev_sp = commonest(counts->bp_reg, 1, NUMBERS);

	return sp == generation->sp && prev_sp == generation->prev_sp && counts->sp_reg[sp] > counts->all / 2;
}

int lb_orc_open(struct lb_orc *orc, struct lb_deadmem *mem, const struct lb_orc_table *table,
		struct lb_error *err)
{
	uint32_t step = table->count / RUNS > RUN_ENTRIES ? table->count / RUNS : RUN_ENTRIES;
	struct counts counts = {.all = 0};
	uint64_t last_ip = 0;
	uint32_t type;

	if (!table->count || table->count > LB_ORC_ENTRIES_MAX)
		return lb_fail(err, "ORC: the table at 0x%lx has %u entries, wanted 1 to %u", table->ips,
			       table->count, LB_ORC_ENTRIES_MAX);
	for (uint32_t first = 0; first < table->count; first += step) {
		uint32_t count = table->count - first < RUN_ENTRIES ? table->count - first : RUN_ENTRIES;

		if (!is_sorted(mem, table, first, count, &last_ip))
			return lb_fail(err,
				       "ORC: the table at 0x%lx is not sorted or cannot be read, entry %u",
				       table->ips, first);
		if (!count_run(mem, table, first, count, &counts))
			return lb_fail(err, "ORC: entry %u of the table at 0x%lx cannot be read", first,
				       table->entries);
	}
	type = commonest(counts.type, 0, TYPES);
	if (!counts.all || (type != 0 && type != 2) ||
	    (!fits(&counts, &until_6) && (!fits(&counts, &since_7) || type != 2)))
		return lb_fail(err,
			       "ORC: the commonest numbers of its table at 0x%lx are SP %u, BP's base %u, "
			       "type %u: of no known kernel",
			       table->entries, commonest(counts.sp_reg, 1, NUMBERS),
			       commonest(counts.bp_reg, 1, NUMBERS), type);
	*orc = (struct lb_orc){.has_types_of_6_4 = type == 2, .has_registers_of_7 = fits(&counts, &since_7)};
	return 0;
}

static enum lb_orc_type type_until_6_3(uint16_t bits)
{
	static const uint8_t types[TYPES] = {LB_ORC_CALL, LB_ORC_REGS, LB_ORC_IRET, LB_ORC_UNDEFINED};

	// Without a stack. 6.3 put a bit before the one that ends, which only those with a stack have.
	if (!(bits & 15))
		return bits >> 10 & 3 ? LB_ORC_END : LB_ORC_UNDEFINED;
	return types[bits >> 8 & 3];
}

static enum lb_orc_type type_since_6_4(uint16_t bits)
{
	static const uint8_t types[8] = {LB_ORC_UNDEFINED, LB_ORC_END, LB_ORC_CALL, LB_ORC_REGS, LB_ORC_IRET};

	return types[bits >> 8 & 7];
}

bool lb_orc_find(const struct lb_orc *orc, struct lb_deadmem *mem, const struct lb_orc_table *table,
		 uint64_t ip, struct lb_orc_entry *ret_entry)
{
	const struct generation *generation = generation_of(orc);
	uint32_t low = 0, high = table->count < LB_ORC_ENTRIES_MAX ? table->count : LB_ORC_ENTRIES_MAX;
	struct packed_entry entry;

	// The last entry that begins at or before `ip` is the one before `low`.
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		uint64_t begin;

		if (!read_ip(mem, table, middle, &begin))
			return false;
		if (begin <= ip)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || !read_entry(mem, table, low - 1, &entry))
		return false;
	*ret_entry = (struct lb_orc_entry){
		.type = orc->has_types_of_6_4 ? type_since_6_4(entry.bits) : type_until_6_3(entry.bits),
		.cfa_reg = (enum lb_orc_reg)generation->registers[entry.bits & 15],
		.bp_reg = (enum lb_orc_reg)generation->registers[entry.bits >> 4 & 15],
		.cfa_offset = entry.sp_offset,
		.bp_offset = entry.bp_offset,
	};
	return true;
}
