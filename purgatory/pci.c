// SPDX-License-Identifier: BSD-2-Clause
// Source: PCI Local Bus 3.0, chapter 6 (header, MSI, MSI-X); PCI Express Base 5.0, 7.5
// (header, extended capabilities), 9.3.3 (SR-IOV) and 10.5 (ATS, PRI, PASID).
#include "purgatory/pci.h"

#include "lifeboat/watchdog.h"

#define CLASS_BRIDGE 0x06
#define CLASS_INTERRUPT_CONTROLLER 0x0800
#define CLASS_IOMMU 0x0806

#define MSI_ENABLE (1U << 16)
#define MSIX_ENABLE (1U << 31)

#define EXTENDED LB_PCI_SPACE_PORTS // begins where ports end
#define EXTENDED_MAX 480 // the most capabilities of 8 bytes, the smallest size, between 100h and 1000h
#define EXTENDED_ATS 0x0f
#define EXTENDED_SRIOV 0x10
#define EXTENDED_PRI 0x13
#define EXTENDED_PASID 0x1b
#define SRIOV_CONTROL 0x08
#define SRIOV_ENABLE (1U << 0)
#define SRIOV_MEMORY (1U << 3)
// The lower half says what a function supports, the upper half what is switched on. For PRI it is the other
// way round.
#define TRANSLATION_CONTROL 0x04
#define ATS_ENABLE (1U << 31)
#define PRI_ENABLE (1U << 0)
#define PASID_ENABLE (7U << 16)

// False when no function is there.
static bool answers(const struct lb_pci_space *space)
{
	uint32_t id = lb_pci_read(space, LB_PCI_ID);

	return (id & LB_PCI_ID_VENDOR) != LB_PCI_VENDOR_NONE && id != LB_PCI_ID_RETRY;
}

// Switches off MSI and MSI-X by the capability list. A hostile list may be too long, lead anywhere or in a
// circle. True when one was on.
static bool stop_msi(const struct lb_pci_space *space, uint32_t header_type)
{
	uint32_t first =
		header_type == LB_PCI_HEADER_CARDBUS ? LB_PCI_CAPABILITIES_CARDBUS : LB_PCI_CAPABILITIES;
	uint32_t at = LB_PCI_CAPABILITY_NEXT(lb_pci_read(space, first));
	bool was_on = false;

	for (unsigned int i = 0; i < LB_PCI_CAPABILITIES_MAX && at >= LB_PCI_CAPABILITIES_MIN; i++) {
		uint32_t capability = lb_pci_read(space, at);
		uint32_t id = capability & 0xff;
		uint32_t enable = id == LB_PCI_CAP_MSI ? MSI_ENABLE : id == LB_PCI_CAP_MSIX ? MSIX_ENABLE : 0;

		if (id == 0xff) // the function is gone
			break;
		if (capability & enable) {
			lb_pci_write(space, at, capability & ~enable);
			was_on = true;
		}
		at = LB_PCI_CAPABILITY_NEXT(capability >> 8);
	}
	return was_on;
}

// The offsets of the extended capabilities; 0: the function lacks it.
struct extended {
	uint32_t sriov, ats, pri, pasid;
};

static struct extended find_extended(const struct lb_pci_space *space)
{
	struct extended found = {0};
	uint32_t at = EXTENDED;

	for (unsigned int i = 0; i < EXTENDED_MAX && at >= EXTENDED && at < space->bytes; i++) {
		uint32_t capability = lb_pci_read(space, at), id = capability & 0xffff;

		if (capability == 0 || capability == UINT32_MAX) // an empty list; no extended space
			break;
		if (id == EXTENDED_SRIOV && at + SRIOV_CONTROL < space->bytes)
			found.sriov = at;
		else if (id == EXTENDED_ATS && at + TRANSLATION_CONTROL < space->bytes)
			found.ats = at;
		else if (id == EXTENDED_PRI && at + TRANSLATION_CONTROL < space->bytes)
			found.pri = at;
		else if (id == EXTENDED_PASID && at + TRANSLATION_CONTROL < space->bytes)
			found.pasid = at;
		at = capability >> 20 & 0xffc;
	}
	return found;
}

static void stop_virtual_functions(const struct lb_pci_space *space, uint32_t at)
{
	uint32_t control;

	if (!at)
		return;
	control = lb_pci_read(space, at + SRIOV_CONTROL) & LB_PCI_CONTROL_HALF;
	if (control & SRIOV_ENABLE)
		lb_pci_write(space, at + SRIOV_CONTROL, control & ~(SRIOV_ENABLE | SRIOV_MEMORY));
}

static void clear_control(const struct lb_pci_space *space, uint32_t at, uint32_t writable, uint32_t bits)
{
	uint32_t control;

	if (!at)
		return;
	control = lb_pci_read(space, at + TRANSLATION_CONTROL);
	if (control & bits)
		lb_pci_write(space, at + TRANSLATION_CONTROL, control & writable & ~bits);
}

// ATS goes first: PASID must not change while ATS is on (PCIe Base 5.0, 10.5.1.3, 7.8.8.3).
static void stop_translation(const struct lb_pci_space *space, const struct extended *extended)
{
	clear_control(space, extended->ats, UINT32_MAX, ATS_ENABLE);
	clear_control(space, extended->pri, LB_PCI_CONTROL_HALF, PRI_ENABLE); // ones would clear its status
	clear_control(space, extended->pasid, UINT32_MAX, PASID_ENABLE);
}

static bool keeps_mastering(uint32_t class, uint32_t header_type)
{
	return header_type != 0 || class >> 8 == CLASS_BRIDGE || class == CLASS_INTERRUPT_CONTROLLER;
}

static void stop_watchdog(const struct lb_pci_space *space, uint32_t class, struct lb_pci_count *count)
{
	uint32_t id = lb_pci_read(space, LB_PCI_ID);

	if (id == LB_ESB_ID)
		lb_pci_write8(space, LB_ESB_LOCK, 0);
	if (class == LB_LPC_CLASS && lb_lpc_has_tco(id)) {
		uint16_t pmbase = lb_pci_read(space, LB_LPC_PMBASE) & LB_LPC_PMBASE_BITS;

		if (pmbase)
			count->tco = (uint16_t)(pmbase + LB_TCO_AT);
	}
}

static void quiesce_function(const struct lb_pci_space *space, uint32_t header_type,
			     struct lb_pci_count *count)
{
	uint32_t class = lb_pci_read(space, LB_PCI_CLASS) >> 16;
	uint32_t command = lb_pci_read(space, LB_PCI_COMMAND);
	uint32_t drop = keeps_mastering(class, header_type) ? 0 : LB_PCI_COMMAND_MASTER;
	struct extended extended;

	count->functions++;
	if (class == CLASS_IOMMU)
		return;
	stop_watchdog(space, class, count);
	if (command & LB_PCI_STATUS_CAPABILITIES && stop_msi(space, header_type))
		count->msi++;
	extended = find_extended(space);
	stop_virtual_functions(space, extended.sriov);
	if (command & drop)
		count->masters++;
	lb_pci_write(space, LB_PCI_COMMAND,
		     ((command & LB_PCI_CONTROL_HALF) | LB_PCI_COMMAND_NO_INTX) & ~drop);
	lb_pci_read(space, LB_PCI_COMMAND); // flushes the writes that the function had on their way
	stop_translation(space, &extended);
}

bool lb_pci_wants_ports(const struct lb_ecam *ecam, uint32_t count)
{
	for (uint32_t i = 0; i < count && i < LB_MAX_ECAM; i++) {
		if (ecam[i].segment == 0 && ecam[i].bus_first == 0)
			return false;
	}
	return true;
}

void lb_pci_quiesce(const struct lb_pci_config *config, uint16_t segment, uint8_t bus_first, uint8_t bus_last,
		    struct lb_pci_count *count)
{
	for (uint32_t bus = bus_first; bus <= bus_last; bus++) {
		for (uint8_t device = 0; device < LB_PCI_DEVICES; device++) {
			uint8_t functions = 1;

			for (uint8_t function = 0; function < functions; function++) {
				const struct lb_pci_address at = {.segment = segment,
								  .bus = (uint8_t)bus,
								  .device = device,
								  .function = function};
				const struct lb_pci_space space = lb_pci_select(config, at);
				uint32_t header;

				if (!answers(&space))
					continue;
				header = lb_pci_read(&space, LB_PCI_HEADER);
				if (header & LB_PCI_HEADER_MULTIFUNCTION && function == 0)
					functions = LB_PCI_FUNCTIONS;
				quiesce_function(&space, header >> 16 & 0x7f, count);
			}
		}
	}
}
