// SPDX-License-Identifier: BSD-2-Clause
//
// The built-in capture kernel's configuration, beside the handoff: one sealed segment of its own
// ("capture"), written by the loader when armed, never after. It holds what only firmware can tell: where
// the dump goes, which CPUs there are, how fast the clock ticks. Addresses are physical, sizes are bytes
// unless said otherwise, all little endian.
#ifndef LIFEBOAT_CAPTURE_CONFIG_H
#define LIFEBOAT_CAPTURE_CONFIG_H

#include <stdint.h>

#include "lifeboat/range.h"

#define LB_CAPTURE_MAGIC 0x545041434c424c00ULL
#define LB_CAPTURE_VERSION 6

#define LB_MAX_TARGETS 4
#define LB_MAX_BRIDGES 8
#define LB_MAX_EXTENTS 24
#define LB_MAX_CAPTURE_CPUS 64
#define LB_MAX_IOMMUS 64

enum lb_dump_format {
	LB_DUMP_ZSTD = 0, // kdump-compressed, each page by itself; raw where it does not shrink
	LB_DUMP_ZLIB = 1,
	LB_DUMP_RAW = 2, // kdump-compressed, nothing compressed
	LB_DUMP_ELF = 3, // an ELF core of all RAM, nothing filtered
};

// What the machine does after the dump, or after a failure to write one.
enum lb_capture_end {
	LB_CAPTURE_RESET = 0, // cold reset
	LB_CAPTURE_POWEROFF = 1, // ACPI S5; cold reset where that does not work
	LB_CAPTURE_HALT = 2, // stay, the result on the console
};

enum lb_target_kind {
	LB_TARGET_NVME = 1,
	LB_TARGET_VIRTIO_BLK = 2,
	LB_TARGET_AHCI = 3,
	LB_TARGET_VIRTIO_SCSI = 4,
	LB_TARGET_PVSCSI = 5, // VMware's
};

// A SCSI disk's address behind its adapter: both numbers up to 65535.
#define LB_SCSI_UNIT(target, lun) ((uint32_t)(target) << 16 | (lun))
#define LB_SCSI_UNIT_TARGET(unit) ((unit) >> 16)
#define LB_SCSI_UNIT_LUN(unit) ((unit)&0xffff)

// A place in a machine: PCI segment, bus, device (0-31), function (0-7).
struct lb_pci_address {
	uint16_t segment;
	uint8_t bus, device, function;
	uint8_t reserved[3];
};

// An address within its segment. 0 is a host bridge on every machine that has one.
#define LB_PCI_BDF(at) ((uint16_t)((at).bus << 8 | (at).device << 3 | (at).function))

// A piece of a file: whole blocks of 4 KiB that are contiguous on the disk.
struct lb_extent {
	uint64_t start; // from the partition's beginning, a multiple of the disk's blocks
	uint64_t bytes;
};

// A GPT partition, as the firmware saw it when armed, or a file on one (lifeboat/dumpfile.h). The capture
// kernel writes to it only if its first block still carries the header that was put there when armed, with
// this `arm_id` (lifeboat/dumpdisk.h). Another disk in the same slot is left alone.
struct lb_target {
	uint32_t kind; // enum lb_target_kind
	uint32_t block_bytes; // 512 or 4096
	struct lb_pci_address pci;
	uint32_t pci_id; // vendor and device, as in the ID register
	uint32_t unit; // NVMe: namespace; AHCI: port; virtio-blk: 0; SCSI: LB_SCSI_UNIT()
	uint64_t first_block, last_block; // of the partition, both inclusive, in block_bytes
	uint8_t partuuid[16]; // as GPT has it on disk
	char name[64]; // what the user called it, for messages
	uint16_t bridges[LB_MAX_BRIDGES]; // above the function, LB_PCI_BDF(), the topmost first; 0: no more
	uint8_t file_id[16]; // of a file
	uint32_t extent_count; // of a file, up to LB_MAX_EXTENTS; 0: all of the partition
	uint32_t reserved;
	struct lb_extent extents[LB_MAX_EXTENTS]; // in the file's order
};

// The id of this target, as a dump header there has it in `partuuid`.
static inline const uint8_t *lb_target_id(const struct lb_target *target)
{
	return target->extent_count ? target->file_id : target->partuuid;
}

enum lb_iommu_kind {
	LB_IOMMU_VTD = 1, // Intel's, of the ACPI table DMAR
	LB_IOMMU_AMD = 2, // AMD's, of IVRS
	LB_IOMMU_VIRTIO = 3, // a virtual machine's, of VIOT
};

#define LB_IOMMU_GRAPHICS 1U // VT-d: only the graphics device is behind it

struct lb_iommu {
	uint64_t registers; // physical; virtio: the PCI function, bus << 8 | device << 3 | function
	uint16_t kind; // enum lb_iommu_kind
	uint16_t segment; // PCI
	uint32_t flags;
};

enum lb_screen_policy {
	LB_SCREEN_AUTO = 0, // only where nobody but the firmware has set it up
	LB_SCREEN_ALWAYS = 1,
	LB_SCREEN_NEVER = 2,
};

// The firmware's linear frame buffer of 32-bit pixels, in a memory BAR of a PCI function. All 0: there is
// none to draw on. Source: UEFI 2.10, 12.9.
struct lb_screen_config {
	uint64_t base; // physical, of the first pixel
	uint64_t bar, bar_bytes; // what the BAR covers
	uint32_t stride; // bytes from one line to the next
	uint16_t width, height; // pixels
	uint8_t red, green, blue; // first of the eight bits of each
	uint8_t bar_index; // 0 to 5
	struct lb_pci_address pci;
	uint32_t pci_id; // vendor and device, as in the ID register
	uint32_t policy; // enum lb_screen_policy
};

#define LB_MAX_WDAT_STEPS 8

// One register access, which stops the watchdog of the ACPI table WDAT or checks that it stands. Source:
// Microsoft, Hardware Watchdog Timers Design Specification, 2.4.
struct lb_wdat_step {
	uint64_t address; // physical, or an I/O port
	uint32_t value, mask; // of the field, from its bit 0
	uint8_t port; // 1: address is an I/O port
	uint8_t bytes; // of the register: 1, 2 or 4
	uint8_t shift; // of the field in it
	uint8_t write; // 1: value goes into the field; 0: the field holds value once the watchdog stands
	uint32_t preserve; // 1: the register's other bits are kept
};

struct lb_capture_config {
	uint64_t magic;
	uint32_t version;
	uint32_t bytes; // sizeof(struct lb_capture_config)

	uint32_t format; // enum lb_dump_format
	uint32_t dump_level; // makedumpfile's -d bits that may be applied: 0 to 31
	uint32_t end; // enum lb_capture_end, after a success
	uint32_t end_failed; // enum lb_capture_end, after a failure
	uint32_t selftest; // 1: no crash; look at target and memory, write the verdict, reset
	uint32_t cpus; // number that may compress, the panicking one included: 1 and up

	uint64_t tsc_khz; // measured when armed
	uint64_t armed_tsc; // the TSC at armed_time
	uint64_t armed_time; // seconds since 1970, UTC, by the firmware's clock; 0: it has none
	uint8_t arm_id[16]; // id of this arming (lb_random_id())

	uint32_t target_count; // 0: the log goes to the console, nothing to a disk
	uint32_t apic_count;
	struct lb_target targets[LB_MAX_TARGETS]; // in the order they are tried
	uint32_t bsp_apic; // never gets an INIT, which would reset the machine
	uint32_t apic[LB_MAX_CAPTURE_CPUS]; // enabled CPUs of the MADT, the boot processor's too
	uint32_t iommu_count;
	struct lb_iommu iommu[LB_MAX_IOMMUS];
	// ACPI power-off: PM1a and PM1b control ports (0: none), and their S5 sleep types.
	uint16_t pm1a, pm1b;
	uint8_t s5a, s5b;
	uint8_t mask_report; // 1: the report is masked
	uint8_t reserved;
	uint32_t wdat_count; // 0: the machine has no such table, or its table cannot stop it
	uint32_t reserved2;
	struct lb_wdat_step wdat[LB_MAX_WDAT_STEPS]; // in this order
	uint64_t crypt; // address of struct lb_crypt behind this one; 0: nothing is encrypted
	struct lb_screen_config screen;
	struct lb_range heap; // crash memory that the capture kernel may allocate
	char loader_version[16];
};

_Static_assert(sizeof(struct lb_pci_address) == 8, "no padding");
_Static_assert(sizeof(struct lb_target) == 544, "no padding");
_Static_assert(sizeof(struct lb_iommu) == 16, "no padding");
_Static_assert(sizeof(struct lb_wdat_step) == 24, "no padding");
_Static_assert(sizeof(struct lb_screen_config) == 56, "no padding");
_Static_assert(sizeof(struct lb_capture_config) <= 4096, "one page");

// The first bytes of the capture kernel's image, filled by its linker script; offsets from the image's
// start. The image is position-independent: its entry applies its own relocations. The file has file_bytes;
// zeroed bss and stacks follow, up to total_bytes.
#define LB_CAPTURE_IMAGE_MAGIC 0x474d49504143424cULL
struct lb_capture_image {
	uint64_t magic;
	uint32_t version; // LB_HANDOFF_VERSION it was built for
	uint32_t entry; // RDI: struct lb_handoff, RSI: struct boot_params, otherwise as Linux's
	uint32_t file_bytes;
	uint32_t total_bytes; // multiple of 4 KiB
	uint64_t reserved;
};

#endif
