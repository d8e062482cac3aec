// SPDX-License-Identifier: BSD-2-Clause
#include "loader/linux.h"

#include "lib/mem.h"
#include "loader/print.h"

static EFI_GUID device_path_guid = DEVICE_PATH_PROTOCOL;
static EFI_GUID load_file2_guid = {
	0x4006c0c1, 0xfcb3, 0x403e, {0x99, 0x6d, 0x4a, 0x6c, 0x87, 0x24, 0xe0, 0x6d}};

// Linux looks for its initrd by this device path: LINUX_EFI_INITRD_MEDIA_GUID.
static struct {
	VENDOR_DEVICE_PATH vendor;
	EFI_DEVICE_PATH end;
} __attribute__((packed)) initrd_path = {
	.vendor = {.Header = {MEDIA_DEVICE_PATH, MEDIA_VENDOR_DP, {sizeof(VENDOR_DEVICE_PATH), 0}},
		   .Guid = {0x5568e427, 0x68fc, 0x4f3d, {0xac, 0x74, 0xca, 0x55, 0x52, 0x31, 0xcc, 0x68}}},
	.end = {END_DEVICE_PATH_TYPE, END_ENTIRE_DEVICE_PATH_SUBTYPE, {sizeof(EFI_DEVICE_PATH), 0}},
};

// Called twice: for the size, then with a buffer (UEFI 2.10, 13.2).
static EFI_STATUS EFIAPI load_initrd(EFI_LOAD_FILE_PROTOCOL *this, EFI_DEVICE_PATH *path, BOOLEAN boot_policy,
				     UINTN *bytes, void *buffer)
{
	const struct lb_linux *linux_image =
		(const struct lb_linux *)((const uint8_t *)this - offsetof(struct lb_linux, load_file));
	const struct lb_file *initrd = linux_image->initrd;

	if (boot_policy)
		return EFI_UNSUPPORTED;
	if (!path || !bytes)
		return EFI_INVALID_PARAMETER;
	if (!buffer || *bytes < initrd->bytes) {
		*bytes = initrd->bytes;
		return EFI_BUFFER_TOO_SMALL;
	}
	memcpy(buffer, initrd->data, initrd->bytes);
	*bytes = initrd->bytes;
	return EFI_SUCCESS;
}

// The handle at which somebody has registered an initrd, or NULL.
static EFI_HANDLE find_initrd(void **ret_interface)
{
	EFI_DEVICE_PATH *rest = &initrd_path.vendor.Header;
	EFI_HANDLE handle = NULL;

	if (EFI_ERROR(BS->LocateDevicePath(&load_file2_guid, &rest, &handle)) || !IsDevicePathEnd(rest) ||
	    EFI_ERROR(BS->HandleProtocol(handle, &load_file2_guid, ret_interface)))
		return NULL;
	return handle;
}

static EFI_STATUS register_initrd(struct lb_linux *linux_image, struct lb_error *err)
{
	const struct lb_file *initrd = linux_image->initrd;
	void *other = NULL;
	EFI_HANDLE handle = find_initrd(&other);
	EFI_STATUS status;

	if (!initrd->data) {
		if (handle)
			lb_print("The initrd is one that another program has registered.\n");
		return EFI_SUCCESS;
	}
	linux_image->load_file.LoadFile = load_initrd;
	if (handle) {
		lb_print_warning("another program has registered an initrd; %s takes its place",
				 initrd->path);
		status = BS->ReinstallProtocolInterface(handle, &load_file2_guid, other,
							&linux_image->load_file);
	} else {
		status = BS->InstallMultipleProtocolInterfaces(&handle, &device_path_guid, &initrd_path,
							       &load_file2_guid, &linux_image->load_file,
							       NULL);
	}
	if (EFI_ERROR(status)) {
		lb_fail(err, "%s: registering the initrd: %s", initrd->path, lb_status_text(status));
		return status;
	}
	linux_image->initrd_handle = handle;
	linux_image->taken_over = other;
	return EFI_SUCCESS;
}

static void unregister_initrd(struct lb_linux *linux_image)
{
	EFI_STATUS status;

	if (!linux_image->initrd_handle)
		return;
	if (linux_image->taken_over)
		status = BS->ReinstallProtocolInterface(linux_image->initrd_handle, &load_file2_guid,
							&linux_image->load_file, linux_image->taken_over);
	else
		status = BS->UninstallMultipleProtocolInterfaces(
			linux_image->initrd_handle, &device_path_guid, &initrd_path, &load_file2_guid,
			&linux_image->load_file, NULL);
	if (EFI_ERROR(status))
		lb_print_warning("taking the initrd back: %s", lb_status_text(status));
	linux_image->initrd_handle = NULL;
}

EFI_STATUS lb_linux_load(const struct lb_file *kernel, const struct lb_file *initrd,
			 struct lb_linux *linux_image, struct lb_error *err)
{
	EFI_STATUS status = lb_program_load(kernel, &linux_image->program, err);

	linux_image->initrd = initrd;
	return EFI_ERROR(status) ? status : register_initrd(linux_image, err);
}

void lb_linux_unload(struct lb_linux *linux_image)
{
	lb_program_unload(&linux_image->program);
	unregister_initrd(linux_image);
	memset(linux_image, 0, sizeof(*linux_image));
}
