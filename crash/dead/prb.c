// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/prb.h"

#include "lib/mem.h"

#define STRUCT_MAX LB_PAGE // of the kernel's structures here the largest has 88 bytes
// log_buf_len= is at most 2 GiB (LOG_BUF_LEN_MAX), with a descriptor for each 32 bytes.
#define SIZE_BITS_MAX 31U
#define COUNT_BITS_MAX 26U

#define ID_BITS 62
#define ID_MASK ((1ULL << ID_BITS) - 1)
#define COMMITTED 1U // enum desc_state
#define FINALIZED 2U

#define KEY(name, radix, field)                                                                              \
	{                                                                                                    \
		name, radix, offsetof(struct lb_prb_layout, field)                                           \
	}

static const struct lb_vmcoreinfo_key keys[] = {
	KEY("SYMBOL(prb)=", 16, prb),
	KEY("SIZE(printk_ringbuffer)=", 10, ring_bytes),
	KEY("OFFSET(printk_ringbuffer.desc_ring)=", 10, ring_descs),
	KEY("OFFSET(printk_ringbuffer.text_data_ring)=", 10, ring_text),
	KEY("OFFSET(prb_desc_ring.count_bits)=", 10, count_bits),
	KEY("OFFSET(prb_desc_ring.descs)=", 10, descs),
	KEY("OFFSET(prb_desc_ring.infos)=", 10, infos),
	KEY("OFFSET(prb_desc_ring.head_id)=", 10, head_id),
	KEY("OFFSET(prb_desc_ring.tail_id)=", 10, tail_id),
	KEY("SIZE(prb_desc)=", 10, desc_bytes),
	KEY("OFFSET(prb_desc.state_var)=", 10, desc_state),
	KEY("OFFSET(prb_desc.text_blk_lpos)=", 10, desc_lpos),
	KEY("OFFSET(prb_data_blk_lpos.begin)=", 10, lpos_begin),
	KEY("OFFSET(prb_data_blk_lpos.next)=", 10, lpos_next),
	KEY("SIZE(printk_info)=", 10, info_bytes),
	KEY("OFFSET(printk_info.ts_nsec)=", 10, info_time),
	KEY("OFFSET(printk_info.text_len)=", 10, info_text_len),
	KEY("OFFSET(prb_data_ring.size_bits)=", 10, size_bits),
	KEY("OFFSET(prb_data_ring.data)=", 10, data),
	KEY("OFFSET(atomic_long_t.counter)=", 10, counter),
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static int read_layout(const struct lb_deadspace *dead, struct lb_prb_layout *layout, struct lb_error *err)
{
	const char *missing = lb_vmcoreinfo_numbers(&dead->vmcoreinfo, keys, KEYS, layout);

	if (missing)
		return lb_fail(err, "log: VMCOREINFO has no number for %.*s", (int)(lb_strlen(missing) - 1),
			       missing);
	for (uint32_t i = 0; i < KEYS; i++) {
		uint64_t value;

		memcpy(&value, (const uint8_t *)layout + keys[i].at, sizeof(value));
		if (keys[i].base == 10 && value > STRUCT_MAX)
			return lb_fail(err, "log: VMCOREINFO: %s%ld, wanted 0 to %lu", keys[i].key,
				       (int64_t)value, (uint64_t)STRUCT_MAX);
	}
	if (!lb_vmcoreinfo_number(&dead->vmcoreinfo, "OFFSET(printk_info.caller_id)=", 10,
				  &layout->info_caller) ||
	    layout->info_caller > STRUCT_MAX)
		layout->info_caller = LB_PRB_NONE;
	return 0;
}

static bool read_number(struct lb_prb *prb, uint64_t virt, void *ret_number, size_t bytes)
{
	return lb_deadmem_copy(&prb->mem, virt, ret_number, bytes);
}

int lb_prb_open(struct lb_prb *prb, const struct lb_deadspace *dead, struct lb_error *err)
{
	struct lb_prb_layout *layout = &prb->layout;
	uint64_t ring, descs, text, tail, head;
	uint32_t count_bits, size_bits;

	if (read_layout(dead, layout, err) != 0)
		return -1;
	lb_deadmem_open(&prb->mem, dead);
	if (!lb_deadmem_u64(&prb->mem, layout->prb, &ring))
		return lb_fail(err, "log: the pointer prb at 0x%lx cannot be read", layout->prb);
	descs = ring + layout->ring_descs;
	text = ring + layout->ring_text;
	if (!read_number(prb, descs + layout->count_bits, &count_bits, sizeof(count_bits)) ||
	    !read_number(prb, text + layout->size_bits, &size_bits, sizeof(size_bits)) ||
	    !lb_deadmem_u64(&prb->mem, descs + layout->descs, &prb->descs) ||
	    !lb_deadmem_u64(&prb->mem, descs + layout->infos, &prb->infos) ||
	    !lb_deadmem_u64(&prb->mem, descs + layout->tail_id + layout->counter, &tail) ||
	    !lb_deadmem_u64(&prb->mem, descs + layout->head_id + layout->counter, &head) ||
	    !lb_deadmem_u64(&prb->mem, text + layout->data, &prb->data))
		return lb_fail(err, "log: the printk_ringbuffer at 0x%lx cannot be read", ring);
	if (count_bits > COUNT_BITS_MAX || size_bits > SIZE_BITS_MAX)
		return lb_fail(err,
			       "log: the printk_ringbuffer at 0x%lx has 2^%u records in 2^%u bytes, "
			       "wanted up to 2^%u in 2^%u",
			       ring, count_bits, size_bits, COUNT_BITS_MAX, SIZE_BITS_MAX);
	prb->count = 1ULL << count_bits;
	prb->data_bytes = 1ULL << size_bits;
	prb->next_id = tail & ID_MASK;
	prb->before_gap = prb->gap = 0;
	prb->left = ((head - tail) & ID_MASK) + 1;
	if (prb->left > prb->count)
		return lb_fail(err,
			       "log: the printk_ringbuffer at 0x%lx has %lu records from tail 0x%lx to "
			       "head 0x%lx, and room for %lu",
			       ring, prb->left, tail, head, prb->count);
	return 0;
}

// Finds the text of the block from position `begin` to `next`; false when it has none.
static bool find_text(const struct lb_prb *prb, uint64_t begin, uint64_t next, uint16_t text_bytes,
		      struct lb_prb_record *record)
{
	uint64_t room;

	begin &= prb->data_bytes - 1;
	next &= prb->data_bytes - 1;
	if (begin == next)
		return false; // data-less, or more than a block can be
	if (next == 0)
		next = prb->data_bytes; // 6.18 and later: a block may end where the ring ends
	if (begin > next)
		begin = 0;
	if (next - begin <= sizeof(uint64_t))
		return false;
	begin += sizeof(uint64_t); // its id
	room = next - begin;
	record->text = prb->data + begin;
	record->text_bytes = room < text_bytes ? (uint32_t)room : text_bytes; // truncated messages
	return true;
}

static bool read_record(struct lb_prb *prb, uint64_t id, struct lb_prb_record *record)
{
	const struct lb_prb_layout *layout = &prb->layout;
	uint64_t desc = prb->descs + (id & (prb->count - 1)) * layout->desc_bytes;
	uint64_t info = prb->infos + (id & (prb->count - 1)) * layout->info_bytes;
	uint64_t lpos = desc + layout->desc_lpos;
	uint64_t state, begin, next;
	uint16_t text_bytes;

	if (!lb_deadmem_u64(&prb->mem, desc + layout->desc_state + layout->counter, &state) ||
	    (state & ID_MASK) != id || (state >> ID_BITS != COMMITTED && state >> ID_BITS != FINALIZED))
		return false;
	record->caller = 0;
	if (layout->info_caller != LB_PRB_NONE &&
	    !read_number(prb, info + layout->info_caller, &record->caller, sizeof(record->caller)))
		return false;
	return lb_deadmem_u64(&prb->mem, lpos + layout->lpos_begin, &begin) &&
	       lb_deadmem_u64(&prb->mem, lpos + layout->lpos_next, &next) &&
	       lb_deadmem_u64(&prb->mem, info + layout->info_time, &record->nanoseconds) &&
	       read_number(prb, info + layout->info_text_len, &text_bytes, sizeof(text_bytes)) &&
	       find_text(prb, begin, next, text_bytes, record);
}

// The length of the text of an id, by its info.
static uint64_t text_bytes_of(struct lb_prb *prb, uint64_t id)
{
	const struct lb_prb_layout *layout = &prb->layout;
	const uint64_t info = prb->infos + (id & (prb->count - 1)) * layout->info_bytes;
	uint16_t bytes;

	lb_deadmem_refill(&prb->mem);
	return read_number(prb, info + layout->info_text_len, &bytes, sizeof(bytes)) ? bytes : 0;
}

// `start`: the first id; `step`: to the next one, modulo 2^64.
static uint64_t count_fitting(struct lb_prb *prb, uint64_t start, uint64_t step, uint64_t bytes,
			      uint32_t more, uint64_t *ret_bytes)
{
	uint64_t sum = 0, ids = 0;

	for (; ids < prb->left; ids++) {
		const uint64_t next = sum + text_bytes_of(prb, start + ids * step) + more;

		if (next > bytes)
			break;
		sum = next;
	}
	*ret_bytes = sum;
	return ids;
}

uint64_t lb_prb_first(struct lb_prb *prb, uint64_t bytes, uint32_t more, uint64_t *ret_bytes)
{
	return count_fitting(prb, prb->next_id, 1, bytes, more, ret_bytes);
}

uint64_t lb_prb_last(struct lb_prb *prb, uint64_t bytes, uint32_t more, uint64_t *ret_bytes)
{
	return count_fitting(prb, prb->next_id + prb->left - 1, UINT64_MAX, bytes, more, ret_bytes);
}

uint64_t lb_prb_keep_ends(struct lb_prb *prb, uint64_t first, uint64_t last)
{
	if (prb->left <= last || prb->left - last <= first)
		return 0;
	prb->before_gap = first;
	prb->gap = prb->left - last - first;
	prb->left -= prb->gap;
	return prb->gap;
}

static uint64_t take_id(struct lb_prb *prb)
{
	uint64_t id;

	if (prb->gap && !prb->before_gap--) {
		prb->next_id = (prb->next_id + prb->gap) & ID_MASK;
		prb->gap = 0;
	}
	id = prb->next_id;
	prb->left--;
	prb->next_id = (id + 1) & ID_MASK;
	return id;
}

bool lb_prb_next(struct lb_prb *prb, struct lb_prb_record *ret_record)
{
	while (prb->left) {
		struct lb_prb_record record;
		uint64_t id = take_id(prb);

		lb_deadmem_refill(&prb->mem); // one record is a job: their number is bounded
		if (read_record(prb, id, &record)) {
			*ret_record = record;
			return true;
		}
	}
	return false;
}
