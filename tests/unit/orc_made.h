// SPDX-License-Identifier: BSD-2-Clause
// Writes ORC tables for tests into a dead machine's RAM, in each encoding that kernels have.
#ifndef LIFEBOAT_TESTS_UNIT_ORC_MADE_H
#define LIFEBOAT_TESTS_UNIT_ORC_MADE_H

#include "crash/dead/orc.h"
#include "dead_machine.h"

enum orc_generation { ORC_5_10, ORC_6_3, ORC_6_4, ORC_7 };

// One line of a table: `entry` applies from `ip` on.
struct orc_line {
	uint64_t ip;
	struct lb_orc_entry entry;
};

#define ORC_SP(offset)                                                                                       \
	{                                                                                                    \
		.type = LB_ORC_CALL, .cfa_reg = LB_ORC_SP, .bp_reg = LB_ORC_NONE, .cfa_offset = offset       \
	}

static inline unsigned int orc_register(enum orc_generation generation, enum lb_orc_reg reg)
{
	static const unsigned int until_6[] = {
		[LB_ORC_UNKNOWN] = 15, [LB_ORC_PREV_SP] = 1,     [LB_ORC_AX] = 15,         [LB_ORC_DX] = 2,
		[LB_ORC_DI] = 3,       [LB_ORC_BP] = 4,          [LB_ORC_SP] = 5,          [LB_ORC_R10] = 6,
		[LB_ORC_R13] = 7,      [LB_ORC_BP_INDIRECT] = 8, [LB_ORC_SP_INDIRECT] = 9,
	};
	static const unsigned int since_7[] = {
		[LB_ORC_UNKNOWN] = 15, [LB_ORC_PREV_SP] = 8,      [LB_ORC_AX] = 1,          [LB_ORC_DX] = 2,
		[LB_ORC_DI] = 5,       [LB_ORC_BP] = 4,           [LB_ORC_SP] = 3,          [LB_ORC_R10] = 6,
		[LB_ORC_R13] = 7,      [LB_ORC_BP_INDIRECT] = 10, [LB_ORC_SP_INDIRECT] = 9,
	};

	return generation == ORC_7 ? since_7[reg] : until_6[reg];
}

static inline unsigned int orc_type(enum orc_generation generation, enum lb_orc_type type)
{
	static const unsigned int since_6_4[] = {[LB_ORC_UNDEFINED] = 0,
						 [LB_ORC_END] = 1,
						 [LB_ORC_CALL] = 2,
						 [LB_ORC_REGS] = 8 | 3,
						 [LB_ORC_IRET] = 8 | 4};
	static const unsigned int in_6_3[] = {[LB_ORC_UNDEFINED] = 0,
					      [LB_ORC_END] = 8,
					      [LB_ORC_CALL] = 0,
					      [LB_ORC_REGS] = 4 | 1,
					      [LB_ORC_IRET] = 4 | 2};
	static const unsigned int until_6_2[] = {[LB_ORC_UNDEFINED] = 0,
						 [LB_ORC_END] = 4,
						 [LB_ORC_CALL] = 0,
						 [LB_ORC_REGS] = 1,
						 [LB_ORC_IRET] = 2};

	if (generation >= ORC_6_4)
		return since_6_4[type];
	return generation == ORC_6_3 ? in_6_3[type] : until_6_2[type];
}

// Writes lines, sorted by ip, as a table. Its RAM is seen at `virt` plus the physical address.
static inline void orc_write(struct dead_machine *machine, enum orc_generation generation,
			     const struct orc_line *lines, const struct lb_orc_table *table, uint64_t virt)
{
	for (uint32_t i = 0; i < table->count; i++) {
		const struct lb_orc_entry *entry = &lines[i].entry;
		uint64_t word = table->ips + 4ULL * i, at = table->entries - virt + 6ULL * i;

		dead_put(machine, word - virt, lines[i].ip - word, 4);
		dead_put(machine, at, (uint16_t)entry->cfa_offset, 2);
		dead_put(machine, at + 2, (uint16_t)entry->bp_offset, 2);
		dead_put(machine, at + 4,
			 orc_register(generation, entry->cfa_reg) |
				 orc_register(generation, entry->bp_reg) << 4 |
				 orc_type(generation, entry->type) << 8,
			 2);
	}
}

#endif
