// SPDX-License-Identifier: BSD-2-Clause
#include "pgtable/encryption.h"

#include "lifeboat/x86.h"

#define EAX_SME (1U << 0)
#define EAX_SEV (1U << 1)
#define EBX_C_BIT 0x3fU
// A CPU with 64-bit addresses has at least these. A lower number means that a hypervisor left the field
// out.
#define MIN_BITS 36

unsigned int lb_encryption_address_bits(unsigned int phys_bits, uint32_t eax, uint32_t ebx)
{
	unsigned int c_bit = ebx & EBX_C_BIT;

	if (!(eax & (EAX_SME | EAX_SEV)) || c_bit < MIN_BITS || c_bit > phys_bits)
		return phys_bits;
	return c_bit;
}

bool lb_encryption_of(uint64_t entry, unsigned int address_bits)
{
	return address_bits < 52 && (entry & X86_PTE_ADDR) >> address_bits != 0;
}
