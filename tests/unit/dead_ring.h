// SPDX-License-Identifier: BSD-2-Clause
// A printk ring buffer in a dead machine's memory, as an x86-64 kernel of 6.1 lays it out, and the VMCOREINFO
// for it. The ring is empty: tests and fuzzers put records into it.
#ifndef LIFEBOAT_TESTS_UNIT_DEAD_RING_H
#define LIFEBOAT_TESTS_UNIT_DEAD_RING_H

#include "tests/unit/dead_machine.h"

// Addresses are physical.
#define PRB_POINTER 0x100000ULL
#define RING 0x100100ULL
#define DESCS 0x110000ULL
#define INFOS 0x120000ULL
#define DATA 0x130000ULL

// Makes an empty ring of 2^count_bits descriptors and 2^size_bits bytes of text. VMCOREINFO begins with the
// lines `first`.
static inline void dead_ring(struct dead_machine *machine, const char *first, uint32_t count_bits,
			     uint32_t size_bits)
{
	dead_info(machine,
		  "%sSYMBOL(prb)=%llx\nSIZE(printk_ringbuffer)=88\n"
		  "OFFSET(printk_ringbuffer.desc_ring)=0\nOFFSET(printk_ringbuffer.text_data_ring)=48\n"
		  "OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\n"
		  "OFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=24\n"
		  "OFFSET(prb_desc_ring.tail_id)=32\nSIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\n"
		  "OFFSET(prb_desc.text_blk_lpos)=8\nOFFSET(prb_data_blk_lpos.begin)=0\n"
		  "OFFSET(prb_data_blk_lpos.next)=8\nSIZE(printk_info)=88\nOFFSET(printk_info.ts_nsec)=8\n"
		  "OFFSET(printk_info.text_len)=16\nOFFSET(prb_data_ring.size_bits)=0\n"
		  "OFFSET(prb_data_ring.data)=8\nOFFSET(atomic_long_t.counter)=0\n",
		  first, DEAD_DIRECT + PRB_POINTER);
	dead_put(machine, PRB_POINTER, DEAD_DIRECT + RING, 8);
	dead_put(machine, RING, count_bits, 4);
	dead_put(machine, RING + 8, DEAD_DIRECT + DESCS, 8);
	dead_put(machine, RING + 16, DEAD_DIRECT + INFOS, 8);
	dead_put(machine, RING + 48, size_bits, 4);
	dead_put(machine, RING + 56, DEAD_DIRECT + DATA, 8);
}

#endif
