// SPDX-License-Identifier: BSD-2-Clause
#include "loader/chain.h"

static EFI_GUID mark_guid = {0x8d1f6b0a, 0x52c7, 0x4f0b, {0x9a, 0x63, 0x0c, 0x7e, 0x41, 0xb8, 0xd2, 0x95}};

EFI_STATUS lb_chain_load(const char *path, struct lb_chain *chain, struct lb_error *err)
{
	LB_CLEANUP(lb_file_free) struct lb_file file = {0};
	void *interface = NULL;
	EFI_STATUS status;

	if (!EFI_ERROR(BS->LocateProtocol(&mark_guid, NULL, &interface))) {
		lb_fail(err, "%s: not started: another copy of Lifeboat, by its --chain, led back here",
			path);
		return EFI_ALREADY_STARTED;
	}
	status = lb_file_read(path, &file, err);
	if (EFI_ERROR(status))
		return status;
	lb_step_begin();
	return lb_program_load(&file, &chain->program, err);
}

EFI_STATUS lb_chain_start(struct lb_chain *chain, const char *words)
{
	// A protocol without functions has nothing but its address.
	EFI_STATUS status =
		BS->InstallProtocolInterface(&chain->mark, &mark_guid, EFI_NATIVE_INTERFACE, chain);

	if (EFI_ERROR(status))
		return status;
	lb_steps_hand_over();
	status = lb_program_start(&chain->program, words);
	lb_steps_take_back();
	BS->UninstallProtocolInterface(chain->mark, &mark_guid, chain);
	return status;
}

void lb_chain_unload(struct lb_chain *chain)
{
	lb_program_unload(&chain->program);
}
