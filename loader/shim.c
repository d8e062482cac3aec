// SPDX-License-Identifier: BSD-2-Clause
#include "loader/shim.h"

#include <stdbool.h>

static EFI_GUID lock_guid = {0x605dab50, 0xe046, 0x4300, {0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23}};
// From shim 16 on the system table's LoadImage and StartImage are shim's.
static EFI_GUID loader_guid = {0x1f492041, 0xfadb, 0x4e59, {0x9e, 0x57, 0x7c, 0xaf, 0xe7, 0x3a, 0x55, 0xab}};

// shim's functions use the calling convention of the System V ABI.
struct shim_lock {
	EFI_STATUS (*verify)(void *buffer, UINT32 bytes);
};

// LoadImage asks these protocols about an image (PI 1.7, volume 2, 12.9).
struct security;
typedef EFI_STATUS(EFIAPI *judge_state)(const struct security *this, UINT32 state,
					const EFI_DEVICE_PATH *path);
struct security {
	judge_state judge;
};

struct security2;
typedef EFI_STATUS(EFIAPI *judge_content)(const struct security2 *this, const EFI_DEVICE_PATH *path,
					  void *buffer, UINTN bytes, BOOLEAN boot_policy);
struct security2 {
	judge_content judge;
};

// Valid during the one call.
static struct {
	const struct shim_lock *shim;
	const struct lb_file *file;
	judge_state state;
	judge_content content;
	bool judged, taken; // by shim, once: it measures what it judges
} asked;

static void *find(EFI_GUID *guid)
{
	void *interface = NULL;

	return EFI_ERROR(BS->LocateProtocol(guid, NULL, &interface)) ? NULL : interface;
}

// shim's answer is the last: the firmware's db may hold what shim has revoked (SBAT, MokListX). shim
// accepts all that db accepts and nobody has revoked.
static EFI_STATUS ask_shim(void)
{
	if (!asked.judged)
		asked.taken = asked.file->bytes <= UINT32_MAX &&
			      !EFI_ERROR(asked.shim->verify(asked.file->data, (UINT32)asked.file->bytes));
	asked.judged = true;
	return asked.taken ? EFI_SUCCESS : EFI_ACCESS_DENIED;
}

// Asked by firmware without security2, or about an image's origin. The image is loaded from our buffer:
// LoadImage was given one.
static EFI_STATUS EFIAPI stand_in_state(const struct security *this, UINT32 state,
					const EFI_DEVICE_PATH *path)
{
	(void)this, (void)state, (void)path;
	return ask_shim();
}

static EFI_STATUS EFIAPI stand_in_content(const struct security2 *this, const EFI_DEVICE_PATH *path,
					  void *buffer, UINTN bytes, BOOLEAN boot_policy)
{
	if (buffer == asked.file->data && bytes == asked.file->bytes)
		return ask_shim();
	return asked.content(this, path, buffer, bytes, boot_policy);
}

static EFI_STATUS load(EFI_DEVICE_PATH *path, const struct lb_file *file, EFI_HANDLE *ret_image)
{
	return BS->LoadImage(FALSE, lb_image, path, file->data, file->bytes, ret_image);
}

EFI_STATUS lb_shim_load_image(EFI_DEVICE_PATH *path, const struct lb_file *file, EFI_HANDLE *ret_image)
{
	static EFI_GUID security_guid = {
		0xa46423e3, 0x4617, 0x49f1, {0xb9, 0xff, 0xd1, 0xbf, 0xa9, 0x11, 0x58, 0x39}};
	static EFI_GUID security2_guid = {
		0x94ab2f58, 0x1438, 0x4ef1, {0x91, 0x52, 0x18, 0x94, 0x1a, 0x3a, 0x0e, 0x68}};
	const struct shim_lock *shim = find(&lock_guid);
	struct security *security;
	struct security2 *security2;
	EFI_STATUS status;

	if (!shim || find(&loader_guid) || !lb_secure_boot())
		return load(path, file, ret_image);
	security = find(&security_guid);
	security2 = find(&security2_guid);
	asked.shim = shim;
	asked.file = file;
	asked.judged = false;
	if (security) {
		asked.state = security->judge;
		security->judge = stand_in_state;
	}
	if (security2) {
		asked.content = security2->judge;
		security2->judge = stand_in_content;
	}
	status = load(path, file, ret_image);
	if (security)
		security->judge = asked.state;
	if (security2)
		security2->judge = asked.content;
	return status;
}
