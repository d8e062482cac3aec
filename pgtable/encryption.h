// SPDX-License-Identifier: BSD-2-Clause
// The bit by which a page-table entry, or CR3, says that memory is encrypted. AMD's (SME, SEV) lies
// at or above the physical width on some CPUs and inside of it on others (width 48, C-bit 47).
// Pure. Source: AMD APM 2, 7.10.1 and 15.34; APM 3, CPUID Fn8000_001F.
#ifndef LIFEBOAT_PGTABLE_ENCRYPTION_H
#define LIFEBOAT_PGTABLE_ENCRYPTION_H

#include <stdbool.h>
#include <stdint.h>

#define LB_CPUID_ENCRYPTION 0x8000001fU

// The number of address bits in a physical address: `phys_bits`, CPUID 80000008h EAX[7:0], or the bits
// below the C-bit, if those are fewer. `eax` and `ebx` are LB_CPUID_ENCRYPTION's, 0 where that leaf is
// missing.
unsigned int lb_encryption_address_bits(unsigned int phys_bits, uint32_t eax, uint32_t ebx);

// Whether the address in `entry`, a present page-table entry or CR3, has a bit at or above
// `address_bits`.
bool lb_encryption_of(uint64_t entry, unsigned int address_bits);

#endif
