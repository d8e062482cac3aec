// SPDX-License-Identifier: BSD-2-Clause
// A firmware for the hook: tables of services, a configuration table with a memory attributes table, and the
// symbols of the hook's assembly. Included once, before the sources under test.
#ifndef LIFEBOAT_TESTS_UNIT_HOOK_FIRMWARE_H
#define LIFEBOAT_TESTS_UNIT_HOOK_FIRMWARE_H

#include <efi.h>
#include <stdbool.h>
#include <string.h>

#include "loader/hook/state.h"
#include "unit.h"

#define VIRTUAL 0x400000000000ULL // ConvertPointer() adds this

static EFI_BOOT_SERVICES fw_bs;
static EFI_RUNTIME_SERVICES fw_rt;
static EFI_CONFIGURATION_TABLE fw_tables[2];
static EFI_SYSTEM_TABLE fw;
static const void *fw_unconvertible; // a pointer outside of runtime memory

EFI_STATUS EFIAPI lb_hook_reset_system(EFI_RESET_TYPE type, EFI_STATUS status, UINTN bytes, CHAR16 *data)
{
	(void)type, (void)status, (void)bytes, (void)data;
	return EFI_SUCCESS;
}

EFI_STATUS EFIAPI lb_hook_update_capsule(EFI_CAPSULE_HEADER **headers, UINTN count, EFI_PHYSICAL_ADDRESS list)
{
	(void)headers, (void)count, (void)list;
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI fw_reset(EFI_RESET_TYPE type, EFI_STATUS status, UINTN bytes, CHAR16 *data)
{
	(void)type, (void)status, (void)bytes, (void)data;
	return EFI_UNSUPPORTED;
}

static EFI_STATUS EFIAPI fw_other_reset(EFI_RESET_TYPE type, EFI_STATUS status, UINTN bytes, CHAR16 *data)
{
	return fw_reset(type, status, bytes, data);
}

static EFI_STATUS EFIAPI fw_capsule(EFI_CAPSULE_HEADER **headers, UINTN count, EFI_PHYSICAL_ADDRESS list)
{
	(void)headers, (void)count, (void)list;
	return EFI_UNSUPPORTED;
}

// Not CRC-32, but it also changes with every byte.
static EFI_STATUS EFIAPI fw_crc(void *start, UINTN bytes, UINT32 *ret_crc)
{
	UINT32 sum = 0;

	for (UINTN i = 0; i < bytes; i++)
		sum = sum * 31 + ((const uint8_t *)start)[i];
	*ret_crc = sum;
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI fw_convert(UINTN flags, void **pointer)
{
	(void)flags;
	if (*pointer == fw_unconvertible)
		return EFI_NOT_FOUND;
	*pointer = (void *)((uintptr_t)*pointer + VIRTUAL);
	return EFI_SUCCESS;
}

static bool fw_crc_is_right(void)
{
	EFI_RUNTIME_SERVICES copy = fw_rt;
	UINT32 crc;

	copy.Hdr.CRC32 = 0;
	fw_crc(&copy, copy.Hdr.HeaderSize, &crc);
	return crc == fw_rt.Hdr.CRC32;
}

static bool fw_has_its_services(void)
{
	return fw_rt.ResetSystem == fw_reset && fw_rt.UpdateCapsule == fw_capsule && fw_crc_is_right();
}

static bool fw_has_ours(void)
{
	return fw_rt.ResetSystem == lb_hook_reset_system && fw_rt.UpdateCapsule == lb_hook_update_capsule &&
	       fw_crc_is_right();
}

static void fw_start(void)
{
	memset(&fw_bs, 0, sizeof(fw_bs));
	fw_bs.CalculateCrc32 = fw_crc;
	fw_rt = (EFI_RUNTIME_SERVICES){
		.Hdr = {.HeaderSize = sizeof(fw_rt)},
		.ResetSystem = fw_reset,
		.UpdateCapsule = fw_capsule,
		.ConvertPointer = fw_convert,
	};
	fw = (EFI_SYSTEM_TABLE){.BootServices = &fw_bs,
				.RuntimeServices = &fw_rt,
				.ConfigurationTable = fw_tables,
				.NumberOfTableEntries = 2};
	fw_unconvertible = NULL;
}

#endif
