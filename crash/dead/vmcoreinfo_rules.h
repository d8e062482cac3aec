// SPDX-License-Identifier: BSD-2-Clause
// Some values of a VMCOREINFO are neither symbols nor in BTF. Each has a rule here, and a sign in the dead
// kernel that the rule applies. Never by the release's number.
#ifndef LIFEBOAT_CRASH_DEAD_VMCOREINFO_RULES_H
#define LIFEBOAT_CRASH_DEAD_VMCOREINFO_RULES_H

#include "crash/dead/btf.h"
#include "crash/dead/symbols.h"

// The material of a VMCOREINFO. Some 40 KiB.
struct lb_vmcoreinfo_work {
	const struct lb_deadkernel *kernel;
	struct lb_deadmem mem;
	struct lb_symbols symbols;
	struct lb_btf btf;
	bool has_btf;
	struct lb_symbols_known known;
};

enum lb_vmcoreinfo_verdict {
	LB_VMCOREINFO_KNOWN,
	LB_VMCOREINFO_NONE, // such a kernel writes no such key
	LB_VMCOREINFO_UNKNOWN, // such a kernel may write the key, but its memory does not tell the value
};

typedef enum lb_vmcoreinfo_verdict lb_vmcoreinfo_rule(struct lb_vmcoreinfo_work *work, uint64_t *ret_value);

// The address of a symbol that was asked for beforehand; 0: the kernel has none.
uint64_t lb_vmcoreinfo_symbol(const struct lb_vmcoreinfo_work *work, const char *name);

// The symbols and types that the rules will ask for.
extern const char *const lb_vmcoreinfo_rule_symbols[]; // NULL ends it
extern const char *const lb_vmcoreinfo_rule_types[];

lb_vmcoreinfo_rule lb_vmcoreinfo_node_online_map, lb_vmcoreinfo_vmalloc_start, lb_vmcoreinfo_vmemmap,
	lb_vmcoreinfo_mem_section, lb_vmcoreinfo_mem_section_length, lb_vmcoreinfo_section_size_bits,
	lb_vmcoreinfo_max_physmem_bits, lb_vmcoreinfo_folio_dtor, lb_vmcoreinfo_folio_order,
	lb_vmcoreinfo_head_mask, lb_vmcoreinfo_pg_slab, lb_vmcoreinfo_pg_hugetlb, lb_vmcoreinfo_slab_value,
	lb_vmcoreinfo_buddy_value, lb_vmcoreinfo_hugetlb_value, lb_vmcoreinfo_offline_value,
	lb_vmcoreinfo_unaccepted_value, lb_vmcoreinfo_node_data_length, lb_vmcoreinfo_kernel_image_size,
	lb_vmcoreinfo_sme_mask;

#endif
