// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/vmcoreinfo_rules.h"

#include "lib/format.h"

#define SUBSECTION_BITS 21 // SUBSECTION_SHIFT, include/linux/mmzone.h
#define MAX_PHYSMEM_BITS_4LEVEL 46 // arch/x86/include/asm/sparsemem.h
#define MAX_PHYSMEM_BITS_5LEVEL 52
#define SECTION_PRESENT 1ULL // SECTION_MARKED_PRESENT
#define SECTION_HAS_MAP 2ULL // SECTION_HAS_MEM_MAP
#define PAGE_TYPE_SHIFT 24 // of PGTY_buddy and its like, include/linux/page-flags.h
#define FLAGS_MAX 64 // of a page: numbers of bits in a word
#define BUDDY_MACRO 0x80U // PG_buddy and PG_offline where they are macros (5.1 to 6.10)
#define OFFLINE_MACRO 0x100U
#define FREE_LISTS_READ 64 // free lists whose first page is looked at
#define ZONES_MAX 8 // __MAX_NR_ZONES is 4 to 6
#define ORDERS_MAX 32
#define LIST_HEAD 16ULL // bytes

const char *const lb_vmcoreinfo_rule_symbols[] = {
	"node_states", "vmap_area_list",          "vmalloc_base", "vmemmap_base",  "mem_section",
	"node_data",   "kernel_randomize_memory", "sme_me_mask",  "accept_memory", NULL,
};
const char *const lb_vmcoreinfo_rule_types[] = {
	"N_ONLINE",
	"nodemask_t",
	"mem_section_usage.subsection_map",
	"mem_section.section_mem_map",
	"folio._folio_dtor",
	"folio._folio_order",
	"page.compound_dtor",
	"page.compound_order",
	"PG_head",
	"PG_slab",
	"PG_buddy",
	"PG_offline",
	"PG_hugetlb",
	"PGTY_slab",
	"PGTY_buddy",
	"PGTY_offline",
	"PGTY_hugetlb",
	"PGTY_unaccepted",
	"zonelist._zonerefs",
	"__MAX_NR_ZONES",
	"pglist_data.node_zones",
	"zone.free_area",
	"free_area.free_list",
	"page.lru",
	"page._mapcount",
	NULL,
};

uint64_t lb_vmcoreinfo_symbol(const struct lb_vmcoreinfo_work *work, const char *name)
{
	for (uint32_t i = 0; i < work->known.count; i++)
		if (lb_strcmp(work->known.names[i].name, name) == 0)
			return work->known.names[i].address;
	return 0;
}

static bool member(struct lb_vmcoreinfo_work *work, const char *type, const char *path,
		   struct lb_btf_field *ret_field)
{
	return work->has_btf && lb_btf_member(&work->btf, type, path, ret_field);
}

static bool enumerator(struct lb_vmcoreinfo_work *work, const char *name, int64_t *ret_value)
{
	return work->has_btf && lb_btf_enumerator(&work->btf, name, ret_value);
}

// The word that variable `name` holds.
static bool value_of(struct lb_vmcoreinfo_work *work, const char *name, uint64_t *ret_value)
{
	const uint64_t address = lb_vmcoreinfo_symbol(work, name);

	return address && lb_deadmem_u64(&work->mem, address, ret_value);
}

// node_online_map is a macro: node_states[N_ONLINE] (include/linux/nodemask.h).
enum lb_vmcoreinfo_verdict lb_vmcoreinfo_node_online_map(struct lb_vmcoreinfo_work *work, uint64_t *ret_value)
{
	const uint64_t states = lb_vmcoreinfo_symbol(work, "node_states");
	uint64_t bytes;
	int64_t online;

	if (!states || !enumerator(work, "N_ONLINE", &online) || online < 0 || online > 16 ||
	    !lb_btf_size(&work->btf, "nodemask_t", &bytes))
		return LB_VMCOREINFO_UNKNOWN;
	*ret_value = states + (uint64_t)online * bytes;
	return LB_VMCOREINFO_KNOWN;
}

// VMALLOC_START is the value of vmalloc_base. Since VMCOREINFO does not list vmap_area_list any
// more (6.9), which the kernel no longer has then, it lists this.
enum lb_vmcoreinfo_verdict lb_vmcoreinfo_vmalloc_start(struct lb_vmcoreinfo_work *work, uint64_t *ret_value)
{
	if (lb_vmcoreinfo_symbol(work, "vmap_area_list"))
		return LB_VMCOREINFO_NONE;
	return value_of(work, "vmalloc_base", ret_value) ? LB_VMCOREINFO_KNOWN : LB_VMCOREINFO_UNKNOWN;
}

// vmemmap is a macro: the value of vmemmap_base as a pointer. Listed as long as VMALLOC_START.
enum lb_vmcoreinfo_verdict lb_vmcoreinfo_vmemmap(struct lb_vmcoreinfo_work *work, uint64_t *ret_value)
{
	if (lb_vmcoreinfo_symbol(work, "vmap_area_list"))
		return LB_VMCOREINFO_NONE;
	return value_of(work, "vmemmap_base", ret_value) ? LB_VMCOREINFO_KNOWN : LB_VMCOREINFO_UNKNOWN;
}

// A section's subsections, of 2 MiB each, have a bit each in struct mem_section_usage.
enum lb_vmcoreinfo_verdict lb_vmcoreinfo_section_size_bits(struct lb_vmcoreinfo_work *work,
							   uint64_t *ret_value)
{
	struct lb_btf_field map;
	uint64_t subsections, bits = SUBSECTION_BITS;

	if (!member(work, "mem_section_usage", "subsection_map", &map) || map.bytes > LB_PAGE)
		return LB_VMCOREINFO_UNKNOWN;
	for (subsections = 8 * map.bytes; subsections > 1 && subsections % 2 == 0; subsections /= 2)
		bits++;
	*ret_value = bits;
	return subsections == 1 ? LB_VMCOREINFO_KNOWN : LB_VMCOREINFO_UNKNOWN;
}

// The depth of the page tables that are in use decides.
enum lb_vmcoreinfo_verdict lb_vmcoreinfo_max_physmem_bits(struct lb_vmcoreinfo_work *work,
							  uint64_t *ret_value)
{
	*ret_value = work->kernel->space.la57 ? MAX_PHYSMEM_BITS_5LEVEL : MAX_PHYSMEM_BITS_4LEVEL;
	return LB_VMCOREINFO_KNOWN;
}

// struct mem_section **mem_section (CONFIG_SPARSEMEM_EXTREME), if the section of the kernel's own
// text is where that leads to. This proves SECTION_SIZE_BITS and the struct's size, too.
static bool find_sections(struct lb_vmcoreinfo_work *work, uint64_t *ret_roots, uint64_t *ret_per_root,
			  uint64_t *ret_section_bits)
{
	struct lb_btf_field map;
	uint64_t bytes, section, root, word;

	if (lb_vmcoreinfo_section_size_bits(work, ret_section_bits) != LB_VMCOREINFO_KNOWN ||
	    !member(work, "mem_section", "section_mem_map", &map) ||
	    !lb_btf_size(&work->btf, "mem_section", &bytes) || bytes < 8 || bytes > LB_PAGE ||
	    !value_of(work, "mem_section", ret_roots))
		return false;
	*ret_per_root = LB_PAGE / bytes;
	section = work->kernel->text_phys >> *ret_section_bits;
	return lb_deadmem_u64(&work->mem, *ret_roots + section / *ret_per_root * 8, &root) && root &&
	       lb_deadmem_u64(&work->mem, root + section % *ret_per_root * bytes + map.offset, &word) &&
	       (word & (SECTION_PRESENT | SECTION_HAS_MAP)) == (SECTION_PRESENT | SECTION_HAS_MAP);
}

enum lb_vmcoreinfo_verdict lb_vmcoreinfo_mem_section(struct lb_vmcoreinfo_work *work, uint64_t *ret_value)
{
	uint64_t per_root, bits;

	return find_sections(work, ret_value, &per_root, &bits) ? LB_VMCOREINFO_KNOWN : LB_VMCOREINFO_UNKNOWN;
}

// NR_SECTION_ROOTS.
enum lb_vmcoreinfo_verdict lb_vmcoreinfo_mem_section_length(struct lb_vmcoreinfo_work *work,
							    uint64_t *ret_value)
{
	uint64_t roots, per_root, section_bits, physmem_bits, sections;

	if (!find_sections(work, &roots, &per_root, &section_bits))
		return LB_VMCOREINFO_UNKNOWN;
	lb_vmcoreinfo_max_physmem_bits(work, &physmem_bits);
	if (section_bits >= physmem_bits)
		return LB_VMCOREINFO_UNKNOWN;
	sections = 1ULL << (physmem_bits - section_bits);
	*ret_value = (sections + per_root - 1) / per_root;
	return LB_VMCOREINFO_KNOWN;
}

// VMCOREINFO told these two in the folio from 6.3 to 6.5, since struct page no longer had them.
static enum lb_vmcoreinfo_verdict in_folio(struct lb_vmcoreinfo_work *work, const char *page_member,
					   const char *folio_member, uint64_t *ret_value)
{
	struct lb_btf_field field;

	if (!work->has_btf)
		return LB_VMCOREINFO_UNKNOWN;
	if (member(work, "page", page_member, &field) || !member(work, "folio", folio_member, &field))
		return LB_VMCOREINFO_NONE;
	*ret_value = field.offset;
	return LB_VMCOREINFO_KNOWN;
}

enum lb_vmcoreinfo_verdict lb_vmcoreinfo_folio_dtor(struct lb_vmcoreinfo_work *work, uint64_t *ret_value)
{
	return in_folio(work, "compound_dtor", "_folio_dtor", ret_value);
}

enum lb_vmcoreinfo_verdict lb_vmcoreinfo_folio_order(struct lb_vmcoreinfo_work *work, uint64_t *ret_value)
{
	return in_folio(work, "compound_order", "_folio_order", ret_value);
}

// 1 << PG_head.
enum lb_vmcoreinfo_verdict lb_vmcoreinfo_head_mask(struct lb_vmcoreinfo_work *work, uint64_t *ret_value)
{
	int64_t head;

	if (!enumerator(work, "PG_head", &head) || head < 0 || head >= FLAGS_MAX)
		return LB_VMCOREINFO_UNKNOWN;
	*ret_value = 1ULL << head;
	return LB_VMCOREINFO_KNOWN;
}

// The number of a flag, where the enumerator is one of enum pageflags; in 6.11 the same name is a
// type of pages, a mask.
static enum lb_vmcoreinfo_verdict flag(struct lb_vmcoreinfo_work *work, const char *name, uint64_t *ret_value)
{
	int64_t value;

	if (!work->has_btf)
		return LB_VMCOREINFO_UNKNOWN;
	if (!enumerator(work, name, &value) || value < 0 || value >= FLAGS_MAX)
		return LB_VMCOREINFO_NONE;
	*ret_value = (uint64_t)value;
	return LB_VMCOREINFO_KNOWN;
}

enum lb_vmcoreinfo_verdict lb_vmcoreinfo_pg_slab(struct lb_vmcoreinfo_work *work, uint64_t *ret_value)
{
	return flag(work, "PG_slab", ret_value);
}

enum lb_vmcoreinfo_verdict lb_vmcoreinfo_pg_hugetlb(struct lb_vmcoreinfo_work *work, uint64_t *ret_value)
{
	return flag(work, "PG_hugetlb", ret_value);
}

static uint64_t as_int(uint32_t value)
{
	return (uint64_t)(int64_t)(int32_t)value;
}

// The value of page._mapcount for a type of pages that BTF knows: PGTY_x << 24 from 6.12 on; in 6.11 the
// complement of PG_x, a mask.
static bool page_type(struct lb_vmcoreinfo_work *work, const char *type, const char *mask,
		      uint64_t *ret_value)
{
	int64_t value;

	if (enumerator(work, type, &value) && value > 0 && value < 256) {
		*ret_value = as_int((uint32_t)value << PAGE_TYPE_SHIFT);
		return true;
	}
	if (enumerator(work, mask, &value) && value >= FLAGS_MAX) {
		*ret_value = as_int(~(uint32_t)value);
		return true;
	}
	return false;
}

// A slab is a flag of the page until 6.10.
enum lb_vmcoreinfo_verdict lb_vmcoreinfo_slab_value(struct lb_vmcoreinfo_work *work, uint64_t *ret_value)
{
	if (page_type(work, "PGTY_slab", "PG_slab", ret_value))
		return LB_VMCOREINFO_KNOWN;
	return work->has_btf ? LB_VMCOREINFO_NONE : LB_VMCOREINFO_UNKNOWN;
}

// The places of free pages, for free_page_value().
struct free_lists {
	struct lb_btf_field zones, areas, lists, lru, mapcount;
	uint64_t zone_bytes, area_bytes;
};

static bool open_free_lists(struct lb_vmcoreinfo_work *work, struct free_lists *ret_lists)
{
	return member(work, "pglist_data", "node_zones", &ret_lists->zones) &&
	       member(work, "zone", "free_area", &ret_lists->areas) &&
	       member(work, "free_area", "free_list", &ret_lists->lists) &&
	       member(work, "page", "lru", &ret_lists->lru) &&
	       member(work, "page", "_mapcount", &ret_lists->mapcount) &&
	       lb_btf_size(&work->btf, "zone", &ret_lists->zone_bytes) &&
	       lb_btf_size(&work->btf, "free_area", &ret_lists->area_bytes) &&
	       ret_lists->zone_bytes < LB_MIB && ret_lists->area_bytes < LB_PAGE;
}

// page._mapcount of the first page on the list whose head is at `head`, if both point at each other.
static bool first_on_list(struct lb_vmcoreinfo_work *work, const struct free_lists *lists, uint64_t head,
			  uint32_t *ret_value)
{
	uint64_t next, back;

	return lb_deadmem_u64(&work->mem, head, &next) && next != head && next &&
	       lb_deadmem_u64(&work->mem, next + 8, &back) && back == head &&
	       lb_deadmem_copy(&work->mem, next - lists->lru.offset + lists->mapcount.offset, ret_value,
			       sizeof(*ret_value));
}

// The value of page._mapcount in free pages: read from the first node's free lists, whose pages must all
// agree.
static bool free_page_value(struct lb_vmcoreinfo_work *work, uint32_t *ret_value)
{
	uint32_t seen = 0, looked_at = 0, value;
	struct free_lists lists;
	uint64_t node;

	if (!open_free_lists(work, &lists) || !value_of(work, "node_data", &node) || !node)
		return false;
	for (uint64_t zone = 0; zone < lists.zones.count && zone < ZONES_MAX; zone++)
		for (uint64_t order = 0; order < lists.areas.count && order < ORDERS_MAX; order++)
			for (uint64_t type = 0; type < lists.lists.count && type < ZONES_MAX; type++) {
				const uint64_t head = node + lists.zones.offset + zone * lists.zone_bytes +
						      lists.areas.offset + order * lists.area_bytes +
						      lists.lists.offset + type * LIST_HEAD;

				if (looked_at == FREE_LISTS_READ ||
				    !first_on_list(work, &lists, head, &value))
					continue;
				if (looked_at++ && value != seen)
					return false;
				seen = value;
			}
	*ret_value = seen;
	return looked_at > 0;
}

// PG_buddy is a macro until 6.10; free pages in memory show its complement.
enum lb_vmcoreinfo_verdict lb_vmcoreinfo_buddy_value(struct lb_vmcoreinfo_work *work, uint64_t *ret_value)
{
	uint32_t value;

	if (page_type(work, "PGTY_buddy", "PG_buddy", ret_value))
		return LB_VMCOREINFO_KNOWN;
	if (!free_page_value(work, &value) || value != ~BUDDY_MACRO)
		return LB_VMCOREINFO_UNKNOWN;
	*ret_value = as_int(value);
	return LB_VMCOREINFO_KNOWN;
}

// PG_offline is a macro until 6.10, too: the next bit, in every version in which PG_buddy is the bit that
// free pages show.
enum lb_vmcoreinfo_verdict lb_vmcoreinfo_offline_value(struct lb_vmcoreinfo_work *work, uint64_t *ret_value)
{
	uint32_t value;

	if (page_type(work, "PGTY_offline", "PG_offline", ret_value))
		return LB_VMCOREINFO_KNOWN;
	if (!free_page_value(work, &value) || value != ~BUDDY_MACRO)
		return LB_VMCOREINFO_UNKNOWN;
	*ret_value = as_int(~OFFLINE_MACRO);
	return LB_VMCOREINFO_KNOWN;
}

// Before it was a type of pages hugetlbfs had a destructor's number (until 6.5), or a flag.
enum lb_vmcoreinfo_verdict lb_vmcoreinfo_hugetlb_value(struct lb_vmcoreinfo_work *work, uint64_t *ret_value)
{
	if (page_type(work, "PGTY_hugetlb", "PG_hugetlb", ret_value))
		return LB_VMCOREINFO_KNOWN;
	return work->has_btf ? LB_VMCOREINFO_NONE : LB_VMCOREINFO_UNKNOWN;
}

// Only of a kernel that has functions for unaccepted memory.
enum lb_vmcoreinfo_verdict lb_vmcoreinfo_unaccepted_value(struct lb_vmcoreinfo_work *work,
							  uint64_t *ret_value)
{
	if (!lb_vmcoreinfo_symbol(work, "accept_memory"))
		return LB_VMCOREINFO_NONE;
	if (page_type(work, "PGTY_unaccepted", "PG_unaccepted", ret_value))
		return LB_VMCOREINFO_KNOWN;
	return work->has_btf ? LB_VMCOREINFO_NONE : LB_VMCOREINFO_UNKNOWN;
}

// MAX_NUMNODES: zonelist._zonerefs has an element for each zone of each node, and one more.
enum lb_vmcoreinfo_verdict lb_vmcoreinfo_node_data_length(struct lb_vmcoreinfo_work *work,
							  uint64_t *ret_value)
{
	struct lb_btf_field zonerefs;
	int64_t zones;

	if (!lb_vmcoreinfo_symbol(work, "node_data"))
		return LB_VMCOREINFO_NONE;
	if (!enumerator(work, "__MAX_NR_ZONES", &zones) || zones <= 0 ||
	    !member(work, "zonelist", "_zonerefs", &zonerefs) || zonerefs.count <= 1 ||
	    (zonerefs.count - 1) % (uint64_t)zones)
		return LB_VMCOREINFO_UNKNOWN;
	*ret_value = (zonerefs.count - 1) / (uint64_t)zones;
	return LB_VMCOREINFO_KNOWN;
}

// 1 GiB with CONFIG_RANDOMIZE_BASE, without which there is no CONFIG_RANDOMIZE_MEMORY.
enum lb_vmcoreinfo_verdict lb_vmcoreinfo_kernel_image_size(struct lb_vmcoreinfo_work *work,
							   uint64_t *ret_value)
{
	*ret_value = LB_GIB;
	return lb_vmcoreinfo_symbol(work, "kernel_randomize_memory") ? LB_VMCOREINFO_KNOWN
								     : LB_VMCOREINFO_UNKNOWN;
}

// The variable; without CONFIG_AMD_MEM_ENCRYPT a macro, 0.
enum lb_vmcoreinfo_verdict lb_vmcoreinfo_sme_mask(struct lb_vmcoreinfo_work *work, uint64_t *ret_value)
{
	*ret_value = 0;
	if (!lb_vmcoreinfo_symbol(work, "sme_me_mask")) // and other variables have names
		return lb_vmcoreinfo_symbol(work, "mem_section") ? LB_VMCOREINFO_KNOWN
								 : LB_VMCOREINFO_UNKNOWN;
	return value_of(work, "sme_me_mask", ret_value) ? LB_VMCOREINFO_KNOWN : LB_VMCOREINFO_UNKNOWN;
}
