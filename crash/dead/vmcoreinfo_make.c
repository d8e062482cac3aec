// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/vmcoreinfo_make.h"

#include "lib/format.h"
#include "lib/mem.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NAMES_MAX 256 // of what BTF is asked for at once

enum source {
	OLD, // the line of the text that is replaced
	GIVEN, // a field of struct lb_deadkernel; `at`
	SYMBOL, // the address of symbol `of`
	TABLE, // one of the kallsyms tables; `at` in struct lb_symbols
	OFFSET, // of member `of`.`path`
	SIZE, // of type `of`
	LENGTH, // elements of member `of`.`path`
	ENUM, // value of enumerator `of`
	DERIVED, // by `rule`
};

enum format {
	DECIMAL,
	HEX,
	HEX_0X,
};

// One line of VMCOREINFO.
struct key {
	const char *text; // up to the '='
	enum source source;
	enum format format;
	const char *of, *path;
	uint32_t at;
	lb_vmcoreinfo_rule *rule;
	const char *needs; // a symbol: a kernel without it does not write the key
};

#define KEY_OLD(name)                                                                                        \
	{                                                                                                    \
		.text = name, .source = OLD                                                                  \
	}
#define KEY_GIVEN(name, radix, field)                                                                        \
	{                                                                                                    \
		.text = name, .source = GIVEN, .format = radix, .at = offsetof(struct lb_deadkernel, field)  \
	}
#define KEY_ALIAS(name, symbol)                                                                              \
	{                                                                                                    \
		.text = "SYMBOL(" name ")", .source = SYMBOL, .format = HEX, .of = symbol                    \
	}
#define KEY_SYMBOL(name) KEY_ALIAS(name, name)
#define KEY_TABLE(name, field)                                                                               \
	{                                                                                                    \
		.text = "SYMBOL(kallsyms_" name ")", .source = TABLE, .format = HEX,                         \
		.at = offsetof(struct lb_symbols, field)                                                     \
	}
#define KEY_OFFSET_IF(type, member, symbol)                                                                  \
	{                                                                                                    \
		.text = "OFFSET(" type "." member ")", .source = OFFSET, .of = type, .path = member,         \
		.needs = symbol                                                                              \
	}
#define KEY_OFFSET(type, member) KEY_OFFSET_IF(type, member, NULL)
#define KEY_SIZE(type)                                                                                       \
	{                                                                                                    \
		.text = "SIZE(" type ")", .source = SIZE, .of = type                                         \
	}
#define KEY_LENGTH(name, type, member)                                                                       \
	{                                                                                                    \
		.text = "LENGTH(" name ")", .source = LENGTH, .of = type, .path = member                     \
	}
#define KEY_ENUM(name)                                                                                       \
	{                                                                                                    \
		.text = "NUMBER(" name ")", .source = ENUM, .of = name                                       \
	}
#define KEY_RULE(name, radix, function)                                                                      \
	{                                                                                                    \
		.text = name, .source = DERIVED, .format = radix, .rule = function                           \
	}

// The keys, in the kernel's order. A key that a kernel's tables do not have is not listed.
static const struct key keys[] = {
	KEY_OLD("OSRELEASE"),
	KEY_OLD("BUILD-ID"),
	KEY_OLD("PAGESIZE"),
	KEY_SYMBOL("init_uts_ns"),
	KEY_OFFSET("uts_namespace", "name"),
	KEY_RULE("SYMBOL(node_online_map)", HEX, lb_vmcoreinfo_node_online_map),
	KEY_ALIAS("swapper_pg_dir", "init_top_pgt"), // a macro
	KEY_SYMBOL("_stext"),
	KEY_SYMBOL("vmap_area_list"),
	KEY_RULE("NUMBER(VMALLOC_START)", HEX_0X, lb_vmcoreinfo_vmalloc_start),
	KEY_SYMBOL("mem_map"),
	KEY_SYMBOL("contig_page_data"),
	KEY_RULE("SYMBOL(vmemmap)", HEX, lb_vmcoreinfo_vmemmap),
	KEY_RULE("SYMBOL(mem_section)", HEX, lb_vmcoreinfo_mem_section),
	KEY_RULE("LENGTH(mem_section)", DECIMAL, lb_vmcoreinfo_mem_section_length),
	KEY_SIZE("mem_section"),
	KEY_OFFSET("mem_section", "section_mem_map"),
	KEY_RULE("NUMBER(SECTION_SIZE_BITS)", DECIMAL, lb_vmcoreinfo_section_size_bits),
	KEY_RULE("NUMBER(MAX_PHYSMEM_BITS)", DECIMAL, lb_vmcoreinfo_max_physmem_bits),
	KEY_SIZE("page"),
	KEY_SIZE("pglist_data"),
	KEY_SIZE("zone"),
	KEY_SIZE("free_area"),
	KEY_SIZE("list_head"),
	KEY_SIZE("nodemask_t"),
	KEY_OFFSET("page", "flags"),
	KEY_OFFSET("page", "_refcount"),
	KEY_OFFSET("page", "mapping"),
	KEY_OFFSET("page", "lru"),
	KEY_OFFSET("page", "_mapcount"),
	KEY_OFFSET("page", "private"),
	KEY_OFFSET("page", "compound_dtor"), // until 6.2
	KEY_OFFSET("page", "compound_order"),
	KEY_RULE("OFFSET(folio._folio_dtor)", DECIMAL, lb_vmcoreinfo_folio_dtor),
	KEY_RULE("OFFSET(folio._folio_order)", DECIMAL, lb_vmcoreinfo_folio_order),
	KEY_OFFSET("page", "compound_head"), // until 7.0
	KEY_OFFSET("page", "compound_info"),
	KEY_OFFSET("pglist_data", "node_zones"),
	KEY_OFFSET("pglist_data", "nr_zones"),
	KEY_OFFSET("pglist_data", "node_mem_map"),
	KEY_OFFSET("pglist_data", "node_start_pfn"),
	KEY_OFFSET("pglist_data", "node_spanned_pages"),
	KEY_OFFSET("pglist_data", "node_id"),
	KEY_OFFSET("zone", "free_area"),
	KEY_OFFSET("zone", "vm_stat"),
	KEY_OFFSET("zone", "spanned_pages"),
	KEY_OFFSET("free_area", "free_list"),
	KEY_OFFSET("list_head", "next"),
	KEY_OFFSET("list_head", "prev"),
	KEY_OFFSET_IF("vmap_area", "va_start", "vmap_area_list"),
	KEY_OFFSET_IF("vmap_area", "list", "vmap_area_list"),
	KEY_LENGTH("zone.free_area", "zone", "free_area"),
	KEY_SYMBOL("prb"),
	KEY_SYMBOL("printk_rb_static"),
	KEY_SYMBOL("clear_seq"),
	KEY_SIZE("printk_ringbuffer"),
	KEY_OFFSET("printk_ringbuffer", "desc_ring"),
	KEY_OFFSET("printk_ringbuffer", "text_data_ring"),
	KEY_OFFSET("printk_ringbuffer", "fail"),
	KEY_SIZE("prb_desc_ring"),
	KEY_OFFSET("prb_desc_ring", "count_bits"),
	KEY_OFFSET("prb_desc_ring", "descs"),
	KEY_OFFSET("prb_desc_ring", "infos"),
	KEY_OFFSET("prb_desc_ring", "head_id"),
	KEY_OFFSET("prb_desc_ring", "tail_id"),
	KEY_SIZE("prb_desc"),
	KEY_OFFSET("prb_desc", "state_var"),
	KEY_OFFSET("prb_desc", "text_blk_lpos"),
	KEY_SIZE("prb_data_blk_lpos"),
	KEY_OFFSET("prb_data_blk_lpos", "begin"),
	KEY_OFFSET("prb_data_blk_lpos", "next"),
	KEY_SIZE("printk_info"),
	KEY_OFFSET("printk_info", "seq"),
	KEY_OFFSET("printk_info", "ts_nsec"),
	KEY_OFFSET("printk_info", "text_len"),
	KEY_OFFSET("printk_info", "caller_id"),
	KEY_OFFSET("printk_info", "dev_info"),
	KEY_SIZE("dev_printk_info"),
	KEY_OFFSET("dev_printk_info", "subsystem"),
	KEY_LENGTH("printk_info_subsystem", "dev_printk_info", "subsystem"),
	KEY_OFFSET("dev_printk_info", "device"),
	KEY_LENGTH("printk_info_device", "dev_printk_info", "device"),
	KEY_SIZE("prb_data_ring"),
	KEY_OFFSET("prb_data_ring", "size_bits"),
	KEY_OFFSET("prb_data_ring", "data"),
	KEY_OFFSET("prb_data_ring", "head_lpos"),
	KEY_OFFSET("prb_data_ring", "tail_lpos"),
	KEY_SIZE("atomic_long_t"),
	KEY_OFFSET("atomic_long_t", "counter"),
	KEY_SIZE("latched_seq"),
	KEY_OFFSET("latched_seq", "val"),
	KEY_LENGTH("free_area.free_list", "free_area", "free_list"),
	KEY_ENUM("NR_FREE_PAGES"),
	KEY_ENUM("PG_lru"),
	KEY_ENUM("PG_private"),
	KEY_ENUM("PG_swapcache"),
	KEY_ENUM("PG_swapbacked"),
	KEY_RULE("NUMBER(PG_slab)", DECIMAL, lb_vmcoreinfo_pg_slab),
	KEY_RULE("NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)", DECIMAL, lb_vmcoreinfo_slab_value),
	KEY_ENUM("PG_hwpoison"),
	KEY_RULE("NUMBER(PG_head_mask)", DECIMAL, lb_vmcoreinfo_head_mask),
	KEY_RULE("NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)", DECIMAL, lb_vmcoreinfo_buddy_value),
	KEY_ENUM("HUGETLB_PAGE_DTOR"),
	KEY_RULE("NUMBER(PG_hugetlb)", DECIMAL, lb_vmcoreinfo_pg_hugetlb),
	KEY_RULE("NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)", DECIMAL, lb_vmcoreinfo_hugetlb_value),
	KEY_RULE("NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)", DECIMAL, lb_vmcoreinfo_offline_value),
	KEY_RULE("NUMBER(PAGE_UNACCEPTED_MAPCOUNT_VALUE)", DECIMAL, lb_vmcoreinfo_unaccepted_value),
	KEY_TABLE("names", names),
	KEY_TABLE("num_syms", num_syms),
	KEY_TABLE("token_table", token_table),
	KEY_TABLE("token_index", token_index),
	KEY_TABLE("offsets", offsets),
	KEY_TABLE("relative_base", relative_base),
	KEY_GIVEN("NUMBER(phys_base)", DECIMAL, phys_base),
	KEY_SYMBOL("init_top_pgt"),
	KEY_OLD("NUMBER(pgtable_l5_enabled)"),
	KEY_SYMBOL("node_data"),
	KEY_RULE("LENGTH(node_data)", DECIMAL, lb_vmcoreinfo_node_data_length),
	KEY_GIVEN("KERNELOFFSET", HEX, kaslr_offset),
	KEY_RULE("NUMBER(KERNEL_IMAGE_SIZE)", DECIMAL, lb_vmcoreinfo_kernel_image_size),
	KEY_RULE("NUMBER(sme_mask)", DECIMAL, lb_vmcoreinfo_sme_mask),
};

bool lb_vmcoreinfo_is_whole(const struct lb_vmcoreinfo *info)
{
	uint64_t stext;

	return lb_vmcoreinfo_number(info, "SYMBOL(_stext)=", 16, &stext);
}

// Collects the symbols that will be asked for, before the tables are opened.
static void want_symbols(struct lb_vmcoreinfo_work *work)
{
	static const char *const btf[] = {"__start_BTF", "__stop_BTF", NULL};

	memset(&work->known, 0, sizeof(work->known));
	lb_symbols_will_ask(&work->known, btf);
	for (uint32_t i = 0; i < COUNT(keys); i++) {
		const char *const name[] = {keys[i].of, NULL};

		if (keys[i].source == SYMBOL)
			lb_symbols_will_ask(&work->known, name);
	}
	lb_symbols_will_ask(&work->known, lb_vmcoreinfo_rule_symbols);
}

// All names in one pass.
static void learn_types(struct lb_vmcoreinfo_work *work)
{
	const char *names[NAMES_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < COUNT(keys) && count < NAMES_MAX - 2; i++) {
		const enum source source = keys[i].source;

		if (source == OFFSET || source == LENGTH || source == SIZE || source == ENUM)
			names[count++] = keys[i].of;
		if (source == OFFSET || source == LENGTH)
			names[count++] = keys[i].path;
	}
	for (uint32_t i = 0; lb_vmcoreinfo_rule_types[i] && count < NAMES_MAX - 1; i++)
		names[count++] = lb_vmcoreinfo_rule_types[i];
	names[count] = NULL;
	lb_btf_learn(&work->btf, names);
}

static int open_btf(struct lb_vmcoreinfo_work *work, struct lb_error *err)
{
	const uint64_t start = lb_vmcoreinfo_symbol(work, "__start_BTF"),
		       stop = lb_vmcoreinfo_symbol(work, "__stop_BTF");

	if (!start || !stop)
		return lb_fail(err,
			       "kallsyms has no __start_BTF (CONFIG_KALLSYMS_ALL and CONFIG_DEBUG_INFO_BTF)");
	if (lb_btf_open(&work->btf, &work->mem, start, stop, err) != 0)
		return -1;
	learn_types(work);
	return 0;
}

// A number out of BTF; such a kernel has the key if and only if its BTF has the name.
static enum lb_vmcoreinfo_verdict from_btf(struct lb_vmcoreinfo_work *work, const struct key *key,
					   uint64_t *ret_value)
{
	struct lb_btf_field field = {.offset = 0};
	int64_t number = 0;
	bool known;

	if (!work->has_btf)
		return LB_VMCOREINFO_UNKNOWN;
	if (key->source == SIZE)
		known = lb_btf_size(&work->btf, key->of, ret_value);
	else if (key->source == ENUM)
		known = lb_btf_enumerator(&work->btf, key->of, &number);
	else
		known = lb_btf_member(&work->btf, key->of, key->path, &field);
	if (key->source == ENUM)
		*ret_value = (uint64_t)number;
	else if (key->source != SIZE)
		*ret_value = key->source == LENGTH ? field.count : field.offset;
	return known ? LB_VMCOREINFO_KNOWN : LB_VMCOREINFO_NONE;
}

static enum lb_vmcoreinfo_verdict find_value(struct lb_vmcoreinfo_work *work, const struct key *key,
					     uint64_t *ret_value)
{
	if (key->needs && !lb_vmcoreinfo_symbol(work, key->needs))
		return LB_VMCOREINFO_NONE;
	switch (key->source) {
	case SYMBOL:
		*ret_value = lb_vmcoreinfo_symbol(work, key->of);
		return *ret_value ? LB_VMCOREINFO_KNOWN : LB_VMCOREINFO_NONE;
	case TABLE:
		memcpy(ret_value, (const uint8_t *)&work->symbols + key->at, sizeof(*ret_value));
		return *ret_value ? LB_VMCOREINFO_KNOWN : LB_VMCOREINFO_NONE;
	case GIVEN:
		memcpy(ret_value, (const uint8_t *)work->kernel + key->at, sizeof(*ret_value));
		return LB_VMCOREINFO_KNOWN;
	case DERIVED:
		lb_deadmem_refill(&work->mem);
		return key->rule(work, ret_value);
	default:
		return from_btf(work, key, ret_value);
	}
}

// The text that is being written.
struct writer {
	char *text;
	struct lb_vmcoreinfo_made *made;
};

// A line that does not fit is left out whole.
static bool add_line(struct writer *writer, const char *key, const char *value)
{
	const uint32_t at = writer->made->bytes, room = LB_VMCOREINFO_MAX - at;
	char line[160];
	const size_t bytes = lb_snprintf(line, sizeof(line), "%s=%s\n", key, value);

	if (bytes >= sizeof(line) || bytes > room)
		return false;
	memcpy(writer->text + at, line, bytes);
	writer->made->bytes += (uint32_t)bytes;
	writer->made->keys++;
	return true;
}

static void leave_out(struct lb_vmcoreinfo_made *made, const char *key)
{
	const size_t at = lb_strlen(made->why);

	lb_snprintf(made->why + at, sizeof(made->why) - at, "%s%s", made->left_out++ ? ", " : "", key);
}

static void format_number(enum format format, uint64_t number, char *value, size_t bytes)
{
	if (format == DECIMAL)
		lb_snprintf(value, bytes, "%ld", (long)number);
	else
		lb_snprintf(value, bytes, "%s%lx", format == HEX_0X ? "0x" : "", number);
}

static void write_key(struct lb_vmcoreinfo_work *work, const struct key *key, struct writer *writer)
{
	char value[96];

	if (key->source == OLD) {
		lb_snprintf(value, sizeof(value), "%s=", key->text);
		if (!lb_vmcoreinfo_text(&work->kernel->space.vmcoreinfo, value, value, sizeof(value)))
			value[0] = '\0';
	} else {
		enum lb_vmcoreinfo_verdict verdict;
		uint64_t number = 0;

		verdict = find_value(work, key, &number);
		if (verdict == LB_VMCOREINFO_NONE)
			return;
		value[0] = '\0';
		if (verdict == LB_VMCOREINFO_KNOWN)
			format_number(key->format, number, value, sizeof(value));
	}
	if (!value[0] || !add_line(writer, key->text, value))
		leave_out(writer->made, key->text);
}

int lb_vmcoreinfo_make(const struct lb_deadkernel *kernel, struct lb_vmcoreinfo_work *work, char *text,
		       struct lb_vmcoreinfo_made *ret_made, struct lb_error *err)
{
	struct writer writer = {.text = text, .made = ret_made};
	struct lb_error why = {.text = ""};

	*ret_made = (struct lb_vmcoreinfo_made){.bytes = 0};
	work->kernel = kernel;
	lb_deadmem_open(&work->mem, &kernel->space);
	want_symbols(work);
	if (lb_symbols_open(&work->symbols, &work->mem, kernel, &work->known, err) != 0)
		return -1;
	work->has_btf = open_btf(work, &why) == 0;
	for (uint32_t i = 0; i < COUNT(keys); i++)
		write_key(work, &keys[i], &writer);
	if (!work->has_btf)
		lb_snprintf(ret_made->why, sizeof(ret_made->why), "%s", why.text);
	return 0;
}
