// SPDX-License-Identifier: BSD-2-Clause
#include "loader/machine.h"

#include "lib/cpu.h"
#include "lifeboat/x86.h"
#include "loader/acpi.h"
#include "loader/firmware.h"
#include "pgtable/encryption.h"

// Encrypted guests need a bit in every page-table entry; neither our tables nor the second kernel's first
// ones carry it. AMD APM 2, 15.34; Intel TDX module spec. Some hypervisors hide the registers that tell of
// encryption; the firmware's own CR3 tells then.
static const char *encryption(unsigned int phys_bits)
{
	const struct cpu_cpuid leaf = cpu_cpuid_extended(LB_CPUID_ENCRYPTION);

	if (leaf.eax & 1U << 1) {
		uint64_t status = cpu_rdmsr(0xc0010131); // SEV_STATUS

		if (status & 1U << 2)
			return "this is an AMD SEV-SNP guest: its memory is encrypted";
		if (status & 1U << 1)
			return "this is an AMD SEV-ES guest: its memory is encrypted";
		if (status & 1U << 0)
			return "this is an AMD SEV guest: its memory is encrypted";
	}
	if (cpu_cpuid(0, 0).eax >= 0x21) {
		struct cpu_cpuid tdx = cpu_cpuid(0x21, 0);

		if (tdx.ebx == 0x65746e49 && tdx.edx == 0x5844546c && tdx.ecx == 0x20202020) // "IntelTDX    "
			return "this is an Intel TDX guest: its memory is encrypted";
	}
	if (lb_encryption_of(cpu_cr3(), lb_encryption_address_bits(phys_bits, leaf.eax, leaf.ebx)))
		return "the firmware's page tables carry an encryption bit (CR3): memory is encrypted";
	return NULL;
}

// A kernel can turn SEV-SNP on only where firmware has reserved the reverse map table. Under a hypervisor
// the register may be missing, whatever CPUID says. AMD APM 2, 15.36.4.
static bool is_snp_host(void)
{
	const bool snp = cpu_cpuid_extended(LB_CPUID_ENCRYPTION).eax & 1U << 4;
	const bool hypervisor = cpu_cpuid(1, 0).ecx & 1U << 31;

	return snp && !hypervisor && cpu_rdmsr(0xc0010133); // RMP_END
}

void lb_machine_read_cpu(struct lb_machine *machine)
{
	machine->phys_bits = cpu_phys_bits();
	machine->gib_pages = cpu_gib_pages();
	machine->la57 = cpu_cpuid(0, 0).eax >= 7 && cpu_cpuid(7, 0).ecx & 1U << 16;
	machine->snp_host = is_snp_host();
	machine->encrypted = encryption(machine->phys_bits);
}

// In x2APIC mode the CPU has only the 32-bit id. Intel SDM 3A, 11.12.
static uint32_t own_apic_id(void)
{
	bool x2apic = cpu_cpuid(1, 0).ecx & 1U << 21 && cpu_rdmsr(X86_MSR_APIC_BASE) & X86_APIC_BASE_X2APIC;

	return x2apic ? (uint32_t)cpu_rdmsr(X86_MSR_X2APIC + X86_LAPIC_ID / 16) : cpu_cpuid(1, 0).ebx >> 24;
}

static uint64_t find_rsdp(void)
{
	static const EFI_GUID acpi20 = ACPI_20_TABLE_GUID, acpi10 = ACPI_TABLE_GUID;
	const void *rsdp = lb_config_table(&acpi20);

	return (uint64_t)(uintptr_t)(rsdp ? rsdp : lb_config_table(&acpi10));
}

// Firmware may say that ResetSystem does not work once the kernel runs; the kernel then never calls it.
// UEFI 2.10, 4.6.2.
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
	machine->secure_boot = lb_secure_boot();
	machine->bsp_apic = own_apic_id(); // firmware runs applications on the boot processor
	machine->rsdp = find_rsdp();
	if (!machine->rsdp)
		return lb_fail(err, "firmware: no ACPI root pointer among the configuration tables; "
				    "the second kernel could not find its devices");
	return lb_acpi_read(machine->rsdp, &machine->acpi, err);
}
