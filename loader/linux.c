// SPDX-License-Identifier: BSD-2-Clause
#include "loader/linux.h"

#include "lib/mem.h"
#include "lib/utf16.h"
#include "loader/file.h"
#include "loader/print.h"

static EFI_GUID device_path_guid = DEVICE_PATH_PROTOCOL;
static EFI_GUID load_file2_guid = {
	0x4006c0c1, 0xfcb3, 0x403e, {0x99, 0x6d, 0x4a, 0x6c, 0x87, 0x24, 0xe0, 0x6d}};

// Where Linux looks for its initrd: LINUX_EFI_INITRD_MEDIA_GUID.
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

// The handle somebody registered an initrd at, or NULL.
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
	static EFI_GUID guid = LOADED_IMAGE_PROTOCOL;
	LB_CLEANUP(lb_pool_free) EFI_DEVICE_PATH *path = NULL;
	void *interface = NULL;
	EFI_STATUS status;

	linux_image->initrd = initrd;
	linux_image->load_options = lb_pool_alloc(LB_MAX_CMDLINE * sizeof(CHAR16));
	if (!linux_image->load_options) {
		lb_fail(err, "%s: no memory for its command line", kernel->path);
		return EFI_OUT_OF_RESOURCES;
	}
	// With no path the firmware's Secure Boot policy for "unknown" images applies.
	status = lb_file_device_path(kernel->path, &path, err);
	if (EFI_ERROR(status))
		return status;
	status = BS->LoadImage(FALSE, lb_image, path, kernel->data, kernel->bytes, &linux_image->image);
	// After a security violation the image is there, for lb_linux_unload(). UEFI 2.10, 7.4.1.
	if (EFI_ERROR(status) && status != EFI_SECURITY_VIOLATION)
		linux_image->image = NULL;
	if (status == EFI_SECURITY_VIOLATION || status == EFI_ACCESS_DENIED) {
		lb_fail(err, "%s: the firmware's Secure Boot policy refuses it (%s)", kernel->path,
			lb_status_text(status));
		return status;
	}
	if (EFI_ERROR(status)) {
		lb_fail(err, "%s: the firmware does not load it as an EFI program: %s", kernel->path,
			lb_status_text(status));
		return status;
	}
	status = BS->HandleProtocol(linux_image->image, &guid, &interface);
	if (EFI_ERROR(status)) {
		lb_fail(err, "%s: asking for its loaded image: %s", kernel->path, lb_status_text(status));
		return status;
	}
	linux_image->loaded = interface;
	return register_initrd(linux_image, err);
}

EFI_STATUS lb_linux_start(struct lb_linux *linux_image, const char *cmdline)
{
	LB_CLEANUP(lb_pool_free) CHAR16 *exit_text = NULL;
	UINTN exit_bytes = 0;
	size_t units = lb_utf8_to_utf16(cmdline, linux_image->load_options, LB_MAX_CMDLINE);

	linux_image->loaded->LoadOptions = linux_image->load_options;
	linux_image->loaded->LoadOptionsSize = (UINT32)((units + 1) * sizeof(CHAR16));
	return BS->StartImage(linux_image->image, &exit_bytes, &exit_text);
}

void lb_linux_unload(struct lb_linux *linux_image)
{
	// An application that was started and has returned is gone already: the
	// firmware then refuses, which is what we want.
	if (linux_image->image)
		BS->UnloadImage(linux_image->image);
	unregister_initrd(linux_image);
	lb_pool_free(&linux_image->load_options);
	memset(linux_image, 0, sizeof(*linux_image));
}
