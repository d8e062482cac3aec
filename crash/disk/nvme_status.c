// SPDX-License-Identifier: BSD-2-Clause
#include "crash/disk/nvme_status.h"

const char *lb_nvme_status(uint32_t type, uint32_t code)
{
	static const struct {
		uint16_t status; // type << 8 | code
		char words[30];
	} known[] = {
		{0x001, "invalid opcode"},
		{0x002, "invalid field"},
		{0x004, "data transfer error"},
		{0x005, "power loss"},
		{0x006, "internal error"},
		{0x007, "aborted"},
		{0x008, "queue deleted"},
		{0x00b, "invalid namespace or format"},
		{0x00c, "wrong command sequence"},
		{0x013, "invalid PRP offset"},
		{0x020, "namespace is write protected"},
		{0x080, "block out of range"},
		{0x081, "capacity exceeded"},
		{0x082, "namespace not ready"},
		{0x083, "reservation conflict"},
		{0x084, "format in progress"},
		{0x101, "invalid queue identifier"},
		{0x102, "invalid queue size"},
		{0x10c, "invalid queue deletion"},
		{0x182, "write to read-only blocks"},
		{0x280, "write fault"},
		{0x281, "unrecovered read error"},
		{0x286, "access denied"},
	};

	for (unsigned int i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].status == (type << 8 | code))
			return known[i].words;
	return "not in our list";
}
