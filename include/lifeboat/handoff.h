// SPDX-License-Identifier: BSD-2-Clause
//
// The one contract. The loader writes it into crash memory, the purgatory reads it.
// Two parts, in pages of their own:
//
//   struct lb_handoff       sealed: filled by the loader at arm time, never
//                           written again; its last field is the SHA-256 of all
//                           before it.
//   struct lb_handoff_live  changes after the panic: written by the purgatory.
//
// The hook knows only struct lb_hook_sealed: where the sealed part is, and what it needs to enter the
// purgatory. All addresses are physical, all sizes bytes, little endian. A reader refuses another magic,
// version or size.
#ifndef LIFEBOAT_HANDOFF_H
#define LIFEBOAT_HANDOFF_H

#include <stddef.h>
#include <stdint.h>

#include "lifeboat/range.h"

#define LB_HANDOFF_MAGIC 0x54414f424546494cULL // "LIFEBOAT"
#define LB_LIVE_MAGIC 0x4556494c424cULL // "LBLIVE"
#define LB_HANDOFF_VERSION 5

#define LB_SHA256_BYTES 32
#define LB_MAX_SEGMENTS 16
#define LB_MAX_SWAP_RANGES 32 // RAM ranges below 1 MiB
#define LB_MAX_IOAPICS 64
#define LB_MAX_ECAM 48 // MCFG entries: PCI segments, or bus ranges of one
#define LB_MAX_HOTPLUG 32 // SRAT's hot-pluggable ranges, merged

// A piece of crash memory that must not change between arming and the panic.
struct lb_segment {
	char name[16]; // NUL-terminated, for messages
	uint64_t phys;
	uint64_t bytes;
	uint8_t sha256[LB_SHA256_BYTES];
};

// Low memory swapped with its backup: page-aligned RAM below 1 MiB.
struct lb_swap_range {
	uint64_t phys;
	uint64_t backup;
	uint64_t bytes;
};

enum lb_console_type {
	LB_CONSOLE_NONE = 0,
	LB_CONSOLE_PORT = 1, // 8250 at an I/O port; its baud rate is left as found
	LB_CONSOLE_MMIO = 2, // 8250 registers one byte apart at a physical address
	LB_CONSOLE_MMIO32 = 3, // registers four bytes apart, of 32 bits each
	LB_CONSOLE_PCI = 4, // in options only: the loader turns it into one of the others
};

struct lb_console {
	uint32_t type; // enum lb_console_type
	uint32_t reserved;
	uint64_t address;
};

// What the machine does after a digest mismatch or a fault.
enum lb_policy {
	LB_POLICY_RESET = 0, // say why, then cold reset
	LB_POLICY_BOOT = 1, // say why, then go on (a mismatch only; a fault resets)
	LB_POLICY_HALT = 2, // say why, then stop with the message on the console
};

// PCI configuration space in memory: one MCFG entry.
struct lb_ecam {
	uint64_t phys; // address of bus 0, device 0, function 0, even if bus_first is not 0
	uint16_t segment;
	uint8_t bus_first, bus_last;
	uint32_t reserved;
};

// A movable 4 KiB window of the identity map. It is present only while used.
struct lb_window {
	uint64_t virt; // where the page appears
	uint64_t pte; // physical address of its 8-byte page-table entry
};

struct lb_handoff {
	// Identity: filled and checked first.
	uint64_t magic;
	uint32_t version;
	uint32_t bytes; // sizeof(struct lb_handoff)
	uint64_t self; // where this struct lies
	uint64_t live; // where struct lb_handoff_live lies

	// Read by the hook when it is armed.
	uint64_t purgatory_entry;
	uint64_t cr3_4level; // PML4
	uint64_t cr3_5level; // PML5

	// Verify.
	uint32_t segment_count;
	uint32_t on_mismatch; // enum lb_policy
	struct lb_segment segments[LB_MAX_SEGMENTS];
	uint32_t on_fault; // enum lb_policy
	uint32_t reserved;

	// Windows and the console.
	struct lb_window window; // write-back: reading the dead kernel
	struct lb_window device_window; // uncached: device registers
	struct lb_console console;

	// Quiesce: from the ACPI MADT, HPET and MCFG tables; 0 where there is none.
	uint64_t hpet;
	uint32_t ioapic_count;
	uint32_t has_8259; // MADT flag PCAT_COMPAT
	uint64_t ioapic[LB_MAX_IOAPICS];
	uint32_t ecam_count; // 0: configuration space by ports, segment 0 only
	uint32_t reserved3;
	struct lb_ecam ecam[LB_MAX_ECAM];

	// Describe. e820_saved is an array of struct boot_e820_entry. elfcorehdr is a template whose
	// PT_LOADs lack only p_vaddr. The notes are one zeroed area that the only PT_NOTE points at.
	uint64_t e820_saved;
	uint32_t e820_saved_count;
	uint32_t cpu_slots; // NT_PRSTATUS notes that fit into the notes area
	uint64_t elfcorehdr;
	uint64_t elfcorehdr_bytes; // room: the template's size rounded up to pages
	uint64_t notes;
	uint64_t notes_bytes;
	char first_kernel_release[64]; // from the bzImage: OSRELEASE of a synthesised VMCOREINFO
	struct lb_range crash; // the region itself, for the LIFEBOAT note
	struct lb_range crash_ram; // the part that is RAM in the second kernel
	struct lb_range crash_low; // below 4 GiB for its DMA; holds nothing of ours; empty: none
	uint32_t hotplug_count; // ranges in which RAM may have appeared after arming
	uint32_t elfcorehdr_spare; // PT_LOAD slots kept free for them (PT_NULL at the end)
	struct lb_range hotplug[LB_MAX_HOTPLUG]; // whole pages, sorted, disjoint, no RAM of e820_saved

	// Swap.
	uint32_t swap_count;
	uint32_t reserved2;
	struct lb_swap_range swap[LB_MAX_SWAP_RANGES];

	// Jump.
	uint64_t kernel_entry; // 64-bit entry point
	// struct lb_capture_config of the built-in capture kernel; 0: the second kernel is a Linux.
	uint64_t capture;
	uint64_t boot_params;
	uint64_t cmdline; // room for " no5lvl" is left behind its NUL
	uint64_t cmdline_room;

	uint8_t sha256[LB_SHA256_BYTES]; // of every byte before this field
};

#define LB_HANDOFF_SEALED_BYTES offsetof(struct lb_handoff, sha256)

// The panicking CPU, saved by the hook in its own runtime data before anything changes. `regs` has the
// order of Linux's struct user_regs_struct, which NT_PRSTATUS carries.
struct lb_user_regs {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax;
	uint64_t rip, cs, rflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};

struct lb_cpu_state {
	struct lb_user_regs regs;
	uint64_t cr0, cr2, cr3, cr4, efer;
	uint64_t kernel_gs_base;
	uint64_t tsc; // at hook entry
	uint64_t nmi_count; // NMIs survived in the hook
};

// All that the hook knows, in its own runtime data: written when armed, never after.
struct lb_hook_sealed {
	uint64_t handoff; // struct lb_handoff
	uint64_t cr3_4level;
	uint64_t cr3_5level;
	uint64_t physical; // where the hook goes on at its physical address, which Linux maps one to one
	uint64_t text_sum; // over the part of the hook's text that runs after the panic
	uint64_t purgatory_entry; // as in the handoff, which only the purgatory can check
	struct lb_range purgatory_text;
	uint64_t purgatory_sum; // over purgatory_text
	uint64_t console_port; // an 8250's; 0: none
	uint64_t sum; // over the fields above
};

// The purgatory's stages. The console shows their numbers, too.
enum lb_stage {
	LB_STAGE_ARMED = 0,
	LB_STAGE_ENTRY = 1,
	LB_STAGE_VERIFY = 2,
	LB_STAGE_QUIESCE = 3,
	LB_STAGE_DESCRIBE = 4,
	LB_STAGE_SWAP = 5,
	LB_STAGE_JUMP = 6,
	LB_STAGE_COUNT = 7,
};

enum lb_fault {
	LB_FAULT_NONE = 0,
	LB_FAULT_HANDOFF = 1, // magic, version, size or digest of the sealed part
	LB_FAULT_SEGMENT = 2, // digest of segment `fault_detail`
	LB_FAULT_EXCEPTION = 3, // vector in `fault_detail`
	LB_FAULT_ENCRYPTED = 4, // the dead kernel's CR3 carries an encryption bit
};

struct lb_handoff_live {
	uint64_t magic; // loader
	uint32_t stage; // enum lb_stage; loader: ARMED
	uint32_t fault; // enum lb_fault; purgatory
	uint64_t fault_detail;
	uint64_t attempts; // counted by the purgatory at each entry
	uint64_t nmi_count;
	uint64_t tsc[LB_STAGE_COUNT]; // [ARMED]: when the hook was entered; others: when that stage began
	struct lb_cpu_state cpu; // copied from the hook's data
	// By the purgatory. When the dead kernel was kdump's, the page tables of the kernel that died
	// first; else 0.
	uint64_t first_cr3;
	uint64_t first_la57; // bool
};

// The first bytes of purgatory.bin, filled by its linker script. Offsets from the image's start. [0,
// text_bytes) is sealed. The file ends at file_bytes; zeroed live data, stacks and bss follow, up to
// total_bytes.
#define LB_PURGATORY_MAGIC 0x47525550424cULL // "LBPURG"
struct lb_purgatory_header {
	uint64_t magic;
	uint32_t version; // LB_HANDOFF_VERSION it was built for
	uint32_t entry;
	uint32_t text_bytes; // multiple of 4 KiB
	uint32_t file_bytes;
	uint32_t total_bytes; // multiple of 4 KiB
	uint32_t reserved;
};

// The first bytes of hook.bin, filled by its linker script; the loader reads them when it places
// the hook. Offsets from the image's start. Text lies in [0, text_bytes), data from there to file_bytes.
#define LB_HOOK_MAGIC 0x4b4f4f48424cULL // "LBHOOK"
struct lb_hook_header {
	uint64_t magic;
	uint32_t entry; // lb_hook_main(), loader/hook/hook.h
	uint32_t text_bytes; // multiple of 4 KiB
	uint32_t file_bytes; // multiple of 4 KiB
	uint32_t reserved;
};

// Our note in the core header: name "LIFEBOAT", n_type below. Its text has lines of KEY=VALUE, as
// VMCOREINFO has (docs/handoff.md lists the keys).
#define LB_NOTE_NAME "LIFEBOAT"
#define LB_NOTE_TYPE 0x4c420001U

_Static_assert(sizeof(struct lb_user_regs) == 27 * 8, "user_regs_struct has 27 registers");
_Static_assert(sizeof(struct lb_segment) == 64, "no padding in a segment");
_Static_assert(sizeof(struct lb_ecam) == 16, "no padding in an ECAM entry");
_Static_assert(sizeof(struct lb_swap_range) == 24, "no padding in a swap range");
_Static_assert(sizeof(struct lb_purgatory_header) == 32, "fixed by the purgatory's first bytes");
_Static_assert(sizeof(struct lb_hook_header) == 24, "fixed by the hook's first bytes");
_Static_assert(offsetof(struct lb_handoff, purgatory_entry) == 32, "read by the hook");
_Static_assert(sizeof(struct lb_handoff) <= 4096, "one page");
_Static_assert(sizeof(struct lb_handoff_live) <= 4096, "one page");

#endif
