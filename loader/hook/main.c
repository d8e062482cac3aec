// SPDX-License-Identifier: BSD-2-Clause
// The hook: code in runtime memory that stands in for gRT->ResetSystem, and for gRT->UpdateCapsule to know
// which warm resets follow no panic. It holds struct lb_hook_sealed, and nothing else of what was armed.
// After the panic, entry.asm runs. Everything here runs in boot services, but for the two event handlers,
// which may not allocate or print.
#include <efi.h>

#include "lifeboat/desc.h"
#include "lifeboat/handoff.h"
#include "loader/hook/exit_boot.h"
#include "loader/hook/hook.h"
#include "loader/hook/late_words.h"
#include "loader/hook/stand_in.h"
#include "loader/hook/state.h"

struct lb_hook *EFIAPI lb_hook_main(EFI_SYSTEM_TABLE *system_table);

static EFI_SYSTEM_TABLE *system;
static struct lb_hook protocol;
static EFI_EVENT exit_event, address_event;
static bool wanted; // armed by the loader, and not disarmed

static enum lb_mat_status EFIAPI rehearse(void)
{
	return lb_exit_boot_rehearse(system, protocol.text, protocol.data);
}

static void EFIAPI on_exit_boot_services(EFI_EVENT event, void *context)
{
	(void)event;
	(void)context;
	lb_exit_boot_decide(wanted);
}

static void EFIAPI on_address_change(EFI_EVENT event, void *context)
{
	(void)event;
	(void)context;
	if (!lb_stand_in_convert(system->RuntimeServices))
		lb_hook_armed = 0; // a panic while unarmed still resets, through the kernel's own fallback
}

static EFI_STATUS EFIAPI disarm(void)
{
	EFI_BOOT_SERVICES *bs = system->BootServices;

	wanted = false;
	lb_hook_armed = 0;
	if (!lb_stand_in_remove(system))
		return EFI_ACCESS_DENIED; // the events stay: the OS has to be able to run a pass-through
	if (exit_event)
		bs->CloseEvent(exit_event);
	if (address_event)
		bs->CloseEvent(address_event);
	exit_event = address_event = NULL;
	lb_late_words_forget();
	lb_exit_boot_forget();
	return EFI_SUCCESS;
}

static bool EFIAPI is_armed(void)
{
	return lb_hook_armed;
}

// The purgatory's segment that holds its entry point.
static struct lb_range find_purgatory(const struct lb_handoff *handoff)
{
	for (uint32_t i = 0; i < handoff->segment_count; i++) {
		const struct lb_segment *segment = &handoff->segments[i];
		struct lb_range range = {segment->phys, segment->phys + segment->bytes};

		if (handoff->purgatory_entry >= range.start && handoff->purgatory_entry < range.end)
			return range;
	}
	return (struct lb_range){0, 0};
}

static EFI_STATUS EFIAPI arm(const struct lb_hook_arm *armed)
{
	const struct lb_handoff *handoff = (const struct lb_handoff *)(uintptr_t)armed->handoff;
	EFI_BOOT_SERVICES *bs = system->BootServices;
	EFI_STATUS status;

	if (exit_event)
		return EFI_ALREADY_STARTED;
	lb_hook_sealed = (struct lb_hook_sealed){
		.handoff = armed->handoff,
		.cr3_4level = armed->cr3_4level,
		.cr3_5level = armed->cr3_5level,
		.physical = (uint64_t)(uintptr_t)lb_hook_physical,
		.purgatory_entry = handoff->purgatory_entry,
		.purgatory_text = find_purgatory(handoff),
		.console_port = handoff->console.type == LB_CONSOLE_PORT ? handoff->console.address : 0,
	};
	lb_hook_seal();
	lb_hook_build_first_idt();
	lb_hook_fired = 0;
	lb_hook_capsule = 0;

	status = lb_exit_boot_prepare(system, protocol.text, protocol.data);
	if (EFI_ERROR(status))
		return status;
	status = lb_late_words_prepare(system, armed->late_words);
	if (!EFI_ERROR(status))
		status = bs->CreateEvent(EVT_SIGNAL_EXIT_BOOT_SERVICES, TPL_NOTIFY, on_exit_boot_services,
					 NULL, &exit_event);
	if (!EFI_ERROR(status))
		status = bs->CreateEvent(EVT_SIGNAL_VIRTUAL_ADDRESS_CHANGE, TPL_NOTIFY, on_address_change,
					 NULL, &address_event);
	if (EFI_ERROR(status)) {
		disarm();
		return status;
	}
	lb_stand_in_install(system);
	wanted = true;
	return EFI_SUCCESS;
}

struct lb_hook *EFIAPI lb_hook_main(EFI_SYSTEM_TABLE *system_table)
{
	system = system_table;
	protocol.text.start = (uint64_t)(uintptr_t)lb_hook_text_start;
	protocol.text.end = (uint64_t)(uintptr_t)lb_hook_text_end;
	protocol.data.start = (uint64_t)(uintptr_t)lb_hook_data_start;
	protocol.data.end = (uint64_t)(uintptr_t)lb_hook_data_end;
	protocol.rehearse = rehearse;
	protocol.arm = arm;
	protocol.is_armed = is_armed;
	protocol.disarm = disarm;
	return &protocol;
}
