// SPDX-License-Identifier: BSD-2-Clause
// Source: PCI Local Bus 3.0, chapter 6 (header, MSI, MSI-X); PCI Express Base 5.0, 7.5
// (header, extended capabilities) and 9.3.3 (SR-IOV).
#include "purgatory/pci.h"

#include <stdbool.h>

#include "lifeboat/watchdog.h"

#define DEVICES 32
#define FUNCTIONS 8

#define REG_ID 0x00
#define REG_COMMAND 0x04 // and status: its bits are cleared by ones, so zeroes keep them
#define REG_CLASS 0x08
#define REG_HEADER 0x0c
#define REG_CAPABILITIES 0x34
#define REG_CAPABILITIES_CARDBUS 0x14
#define REG_EXTENDED 0x100

#define ID_VENDOR 0xffffU
#define VENDOR_NONE 0xffffU
#define ID_RETRY 0xffff0001U // there, but not yet out of its reset: nothing is on
#define COMMAND_BITS 0xffffU
#define COMMAND_MASTER (1U << 2)
#define COMMAND_NO_INTX (1U << 10)
#define STATUS_CAPABILITIES (1U << 20)
#define HEADER_MULTIFUNCTION (1U << 23)
#define HEADER_CARDBUS 2

#define CLASS_BRIDGE 0x06
#define CLASS_INTERRUPT_CONTROLLER 0x0800
#define CLASS_IOMMU 0x0806

// Capabilities: id, next, and a control word, in one register.
#define CAPABILITIES_MIN 0x40 // below it are the headers
#define CAPABILITIES_MAX 48 // no more fit between there and 100h
#define CAPABILITY_MSI 0x05
#define CAPABILITY_MSIX 0x11
#define MSI_ENABLE (1U << 16)
#define MSIX_ENABLE (1U << 31)

#define EXTENDED_MAX 480 // of 8 bytes, the least, between 100h and 1000h
#define EXTENDED_SRIOV 0x10
#define SRIOV_CONTROL 0x08
#define SRIOV_ENABLE (1U << 0)
#define SRIOV_MEMORY (1U << 3)
#define SRIOV_CONTROL_BITS 0xffffU // the other half is the status: cleared by ones

// False if the function is not there.
static bool answers(const struct lb_pci_access *access)
{
	uint32_t id = access->read(access->ctx, REG_ID);

	return (id & ID_VENDOR) != VENDOR_NONE && id != ID_RETRY;
}

// Those that are in the list, which may be longer than it can be, lead anywhere, or to
// itself. True if MSI or MSI-X was on.
static bool stop_msi(const struct lb_pci_access *access, uint32_t header_type)
{
	uint32_t first = header_type == HEADER_CARDBUS ? REG_CAPABILITIES_CARDBUS : REG_CAPABILITIES;
	uint32_t at = access->read(access->ctx, first) & 0xfc;
	bool was_on = false;

	for (unsigned int i = 0; i < CAPABILITIES_MAX && at >= CAPABILITIES_MIN; i++) {
		uint32_t capability = access->read(access->ctx, at);
		uint32_t id = capability & 0xff;
		uint32_t enable = id == CAPABILITY_MSI ? MSI_ENABLE : id == CAPABILITY_MSIX ? MSIX_ENABLE : 0;

		if (id == 0xff) // the function is gone
			break;
		if (capability & enable) {
			access->write(access->ctx, at, capability & ~enable);
			was_on = true;
		}
		at = capability >> 8 & 0xfc;
	}
	return was_on;
}

static void stop_virtual_functions(const struct lb_pci_access *access)
{
	uint32_t at = REG_EXTENDED;

	for (unsigned int i = 0; i < EXTENDED_MAX && at >= REG_EXTENDED; i++) {
		uint32_t capability = access->read(access->ctx, at);

		if (capability == 0 || capability == UINT32_MAX) // an empty list; no such space
			return;
		if ((capability & 0xffff) == EXTENDED_SRIOV && at + SRIOV_CONTROL < access->bytes) {
			uint32_t control = access->read(access->ctx, at + SRIOV_CONTROL) & SRIOV_CONTROL_BITS;

			if (control & SRIOV_ENABLE)
				access->write(access->ctx, at + SRIOV_CONTROL,
					      control & ~(SRIOV_ENABLE | SRIOV_MEMORY));
			return;
		}
		at = capability >> 20 & 0xffc;
	}
}

static bool keeps_mastering(uint32_t class, uint32_t header_type)
{
	return header_type != 0 || class >> 8 == CLASS_BRIDGE || class == CLASS_INTERRUPT_CONTROLLER;
}

static void stop_watchdog(const struct lb_pci_access *access, uint32_t class, struct lb_pci_count *count)
{
	uint32_t id = access->read(access->ctx, REG_ID);

	if (id == LB_ESB_ID)
		access->write8(access->ctx, LB_ESB_LOCK, 0);
	if (class == LB_LPC_CLASS && lb_lpc_has_tco(id)) {
		uint16_t pmbase = access->read(access->ctx, LB_LPC_PMBASE) & LB_LPC_PMBASE_BITS;

		if (pmbase)
			count->tco = (uint16_t)(pmbase + LB_TCO_AT);
	}
}

static void quiesce_function(const struct lb_pci_access *access, uint32_t header_type,
			     struct lb_pci_count *count)
{
	uint32_t class = access->read(access->ctx, REG_CLASS) >> 16;
	uint32_t command = access->read(access->ctx, REG_COMMAND);
	uint32_t drop = keeps_mastering(class, header_type) ? 0 : COMMAND_MASTER;

	count->functions++;
	if (class == CLASS_IOMMU)
		return;
	stop_watchdog(access, class, count);
	if (command & STATUS_CAPABILITIES && stop_msi(access, header_type))
		count->msi++;
	if (access->bytes > REG_EXTENDED)
		stop_virtual_functions(access);
	if (command & drop)
		count->masters++;
	access->write(access->ctx, REG_COMMAND, ((command & COMMAND_BITS) | COMMAND_NO_INTX) & ~drop);
	access->read(access->ctx, REG_COMMAND); // nothing it wrote is on its way any more
}

void lb_pci_quiesce(const struct lb_pci_access *access, uint8_t bus_first, uint8_t bus_last,
		    struct lb_pci_count *count)
{
	for (uint32_t bus = bus_first; bus <= bus_last; bus++) {
		for (uint8_t device = 0; device < DEVICES; device++) {
			uint8_t functions = 1;

			for (uint8_t function = 0; function < functions; function++) {
				uint32_t header;

				access->select(access->ctx, (uint8_t)bus, device, function);
				if (!answers(access))
					continue;
				header = access->read(access->ctx, REG_HEADER);
				if (header & HEADER_MULTIFUNCTION && function == 0)
					functions = FUNCTIONS;
				quiesce_function(access, header >> 16 & 0x7f, count);
			}
		}
	}
}
