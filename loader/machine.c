// SPDX-License-Identifier: BSD-2-Clause
#include "loader/machine.h"

#include "loader/acpi.h"
#include "loader/firmware.h"

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

static uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

// Encrypted guests need a bit in every page-table entry that neither our tables nor
// the second kernel's first ones carry. AMD APM 2, 15.34; Intel TDX module spec.
static const char *encryption(void)
{
	uint32_t last = cpuid(0, 0).eax, last_extended = cpuid(0x80000000, 0).eax;

	if (last_extended >= 0x8000001f && cpuid(0x8000001f, 0).eax & 1U << 1) {
		uint64_t status = rdmsr(0xc0010131); // SEV_STATUS

		if (status & 1U << 2)
			return "this is an AMD SEV-SNP guest: its memory is encrypted";
		if (status & 1U << 1)
			return "this is an AMD SEV-ES guest: its memory is encrypted";
		if (status & 1U << 0)
			return "this is an AMD SEV guest: its memory is encrypted";
	}
	if (last >= 0x21) {
		struct cpuid tdx = cpuid(0x21, 0);

		if (tdx.ebx == 0x65746e49 && tdx.edx == 0x5844546c && tdx.ecx == 0x20202020) // "IntelTDX    "
			return "this is an Intel TDX guest: its memory is encrypted";
	}
	return NULL;
}

void lb_machine_read_cpu(struct lb_machine *machine)
{
	uint32_t last_extended = cpuid(0x80000000, 0).eax;

	machine->phys_bits = last_extended >= 0x80000008 ? cpuid(0x80000008, 0).eax & 0xff : 36;
	machine->gib_pages = last_extended >= 0x80000001 && cpuid(0x80000001, 0).edx & 1U << 26;
	machine->la57 = cpuid(0, 0).eax >= 7 && cpuid(7, 0).ecx & 1U << 16;
	machine->encrypted = encryption();
}

// In x2APIC mode the CPU has no other than its 32-bit id. Intel SDM 3A, 11.12.
static uint32_t own_apic_id(void)
{
	bool x2apic = cpuid(1, 0).ecx & 1U << 21 && rdmsr(0x1b) & 1U << 10; // IA32_APIC_BASE

	return x2apic ? (uint32_t)rdmsr(0x802) : cpuid(1, 0).ebx >> 24;
}

static uint64_t find_rsdp(void)
{
	static const EFI_GUID acpi20 = ACPI_20_TABLE_GUID, acpi10 = ACPI_TABLE_GUID;
	const void *rsdp = lb_config_table(&acpi20);

	return (uint64_t)(uintptr_t)(rsdp ? rsdp : lb_config_table(&acpi10));
}

// A firmware may say that ResetSystem does not work once the kernel runs; the kernel
// then never calls it. UEFI 2.10, 4.6.2.
static bool reset_system_works(void)
{
	static const EFI_GUID guid = {
		0xeb66918a, 0x7eef, 0x402a, {0x84, 0x2e, 0x93, 0x1d, 0x21, 0xc3, 0x8a, 0xe9}};
	const struct {
		uint16_t version, bytes;
		uint32_t supported;
	} *properties = lb_config_table(&guid);

	return !properties || properties->supported & 0x400;
}

int lb_machine_read(struct lb_machine *machine, struct lb_error *err)
{
	*machine = (struct lb_machine){0};
	if (!reset_system_works())
		return lb_fail(err,
			       "firmware: its RT properties table says that ResetSystem is not supported "
			       "at run time; a panic could not reach the hook");
	lb_machine_read_cpu(machine);
	machine->bsp_apic = own_apic_id(); // firmware runs applications on the boot processor
	machine->rsdp = find_rsdp();
	if (!machine->rsdp)
		return lb_fail(err, "firmware: no ACPI root pointer among the configuration tables; "
				    "the second kernel could not find its devices");
	return lb_acpi_read(machine->rsdp, &machine->acpi, err);
}
