// SPDX-License-Identifier: BSD-2-Clause
#include "loader/file.h"

#include <efi.h>

#include <efishell.h>

#include "lib/mem.h"
#include "lib/utf16.h"
#include "lifeboat/range.h"
#include "loader/options/path.h"
#include "loader/print.h"

// Some firmware fails on larger reads, and the handle is broken afterwards.
#define PIECE (1 * LB_MIB)
// Files from this size on show their progress, in steps of it.
#define PROGRESS_STEP (8 * LB_MIB)
#define INITRD_ALIGN 4 // linux/Documentation/driver-api/early-userspace/buffer-format.rst

static void close_file(EFI_FILE_PROTOCOL **file)
{
	if (*file)
		(*file)->Close(*file);
}

static EFI_STATUS fail(EFI_STATUS status, const char *path, const char *doing, struct lb_error *err)
{
	lb_fail(err, "%s: %s: %s (0x%lx)", path, doing, lb_status_text(status), (unsigned long)status);
	return status;
}

// The device that the shell calls `path`'s volume.
static EFI_STATUS find_mapped(const char *path, EFI_HANDLE *ret_device, struct lb_error *err)
{
	static EFI_GUID shell_guid = EFI_SHELL_PROTOCOL_GUID;
	static EFI_GUID volume_guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	size_t bytes = (size_t)(lb_path_behind_volume(path) - path);
	char volume[LB_MAX_PATH];
	CHAR16 wide[LB_MAX_PATH];
	EFI_SHELL_PROTOCOL *shell;
	void *interface = NULL;
	const EFI_DEVICE_PATH *known;
	EFI_DEVICE_PATH *rest;
	EFI_STATUS status;

	lb_snprintf(volume, sizeof(volume), "%.*s", (int)bytes, path);
	lb_utf8_to_utf16(volume, wide, LB_MAX_PATH);
	if (EFI_ERROR(BS->LocateProtocol(&shell_guid, NULL, &interface))) {
		lb_fail(err, "%s: \"%s\" is a name the UEFI shell gives, and no shell is running", path,
			volume);
		return EFI_NOT_FOUND;
	}
	shell = interface;
	known = shell->GetDevicePathFromMap(wide);
	if (!known) {
		lb_fail(err, "%s: the UEFI shell knows no \"%s\" (map -r lists what it knows)", path, volume);
		return EFI_NOT_FOUND;
	}
	memcpy(&rest, &known, sizeof(rest)); // LocateDevicePath moves the pointer, never writes through it
	status = BS->LocateDevicePath(&volume_guid, &rest, ret_device);
	if (EFI_ERROR(status))
		return fail(status, path, "finding its volume", err);
	return EFI_SUCCESS;
}

// The device `path` is on, and the rest of the path.
static EFI_STATUS find_volume(const char *path, EFI_HANDLE *ret_device, const char **ret_rest,
			      struct lb_error *err)
{
	const char *rest = lb_path_behind_volume(path);
	EFI_LOADED_IMAGE *image;

	if (rest) {
		EFI_STATUS status = find_mapped(path, ret_device, err);

		if (!EFI_ERROR(status))
			*ret_rest = rest;
		return status;
	}
	image = lb_own_image();
	if (!image || !image->DeviceHandle) {
		lb_fail(err, "%s: lifeboat.efi was not loaded from a volume, wanted a path like fs0:%s", path,
			path);
		return EFI_NOT_FOUND;
	}
	*ret_device = image->DeviceHandle;
	*ret_rest = path;
	return EFI_SUCCESS;
}

// Opens with `mode`: EFI_FILE_MODE_READ, or the bits for writing.
static EFI_STATUS open_for(const char *path, UINT64 mode, EFI_FILE_PROTOCOL **ret_file, struct lb_error *err)
{
	static EFI_GUID guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	LB_CLEANUP(close_file) EFI_FILE_PROTOCOL *root = NULL;
	EFI_FILE_IO_INTERFACE *volume;
	CHAR16 wide[LB_MAX_PATH];
	void *interface = NULL;
	const char *rest;
	EFI_HANDLE device;
	EFI_STATUS status;

	lb_step_begin();
	status = find_volume(path, &device, &rest, err);
	if (EFI_ERROR(status))
		return status;
	status = BS->HandleProtocol(device, &guid, &interface);
	if (EFI_ERROR(status))
		return fail(status, path, "its device has no file system that the firmware reads", err);
	volume = interface;
	status = volume->OpenVolume(volume, &root);
	if (EFI_ERROR(status))
		return fail(status, path, "opening its volume", err);
	lb_utf8_to_utf16(rest, wide, LB_MAX_PATH);
	status = root->Open(root, ret_file, wide, mode, 0);
	if (status == EFI_NOT_FOUND) {
		lb_fail(err, "%s: no such file", path);
		return status;
	}
	if (EFI_ERROR(status))
		return fail(status, path, "opening it", err);
	return EFI_SUCCESS;
}

static EFI_STATUS open_file(const char *path, EFI_FILE_PROTOCOL **ret_file, struct lb_error *err)
{
	return open_for(path, EFI_FILE_MODE_READ, ret_file, err);
}

// The size of an open file. Fails on a directory and on an empty file.
static EFI_STATUS file_size(EFI_FILE_PROTOCOL *file, const char *path, UINTN *ret_bytes, struct lb_error *err)
{
	static EFI_GUID guid = EFI_FILE_INFO_ID;
	union {
		EFI_FILE_INFO info;
		uint8_t room[sizeof(EFI_FILE_INFO) + LB_MAX_PATH * sizeof(CHAR16)];
	} buffer;
	UINTN bytes = sizeof(buffer);
	EFI_STATUS status = file->GetInfo(file, &guid, &bytes, &buffer);

	if (EFI_ERROR(status))
		return fail(status, path, "asking for its size", err);
	if (buffer.info.Attribute & EFI_FILE_DIRECTORY) {
		lb_fail(err, "%s: is a directory, wanted a file", path);
		return EFI_INVALID_PARAMETER;
	}
	if (buffer.info.FileSize == 0) {
		lb_fail(err, "%s: is empty", path);
		return EFI_LOAD_ERROR;
	}
	*ret_bytes = buffer.info.FileSize;
	return EFI_SUCCESS;
}

EFI_STATUS lb_file_size(const char *path, UINTN *ret_bytes, struct lb_error *err)
{
	LB_CLEANUP(close_file) EFI_FILE_PROTOCOL *file = NULL;
	EFI_STATUS status = open_file(path, &file, err);

	return EFI_ERROR(status) ? status : file_size(file, path, ret_bytes, err);
}

// Exactly `bytes` bytes of `path` to `to`.
static EFI_STATUS read_into(const char *path, uint8_t *to, UINTN bytes, struct lb_error *err)
{
	LB_CLEANUP(close_file) EFI_FILE_PROTOCOL *file = NULL;
	EFI_STATUS status = open_file(path, &file, err);
	bool shown = bytes >= PROGRESS_STEP && lb_print_enabled(LB_VERBOSE);
	UINTN done = 0;

	if (EFI_ERROR(status))
		return status;
	while (done < bytes) {
		UINTN piece = bytes - done < PIECE ? bytes - done : PIECE;

		if (shown && done % PROGRESS_STEP == 0)
			lb_print("\rreading %s: %zu of %zu MiB", path, (size_t)(done / LB_MIB),
				 (size_t)(bytes / LB_MIB));
		lb_step_begin();
		status = file->Read(file, &piece, to + done);
		if (EFI_ERROR(status) || piece == 0)
			break;
		done += piece;
	}
	if (shown)
		lb_print("\rreading %s: %zu of %zu MiB\n", path, (size_t)(done / LB_MIB),
			 (size_t)(bytes / LB_MIB));
	if (EFI_ERROR(status))
		return fail(status, path, "reading it", err);
	if (done < bytes) {
		lb_fail(err, "%s: ends after %zu bytes, its directory entry says %zu", path, (size_t)done,
			(size_t)bytes);
		return EFI_LOAD_ERROR;
	}
	return EFI_SUCCESS;
}

EFI_STATUS lb_file_read_all(const char (*paths)[LB_MAX_PATH], uint32_t count, struct lb_file *ret_file,
			    struct lb_error *err)
{
	LB_CLEANUP(lb_file_free) struct lb_file file = {0};
	UINTN total = 0, sizes[LB_MAX_INITRDS];
	EFI_PHYSICAL_ADDRESS address = 0;
	EFI_STATUS status;

	if (count > LB_MAX_INITRDS) {
		lb_fail(err, "%s: one of %u files to join, wanted %d at most", paths[0], count,
			LB_MAX_INITRDS);
		return EFI_INVALID_PARAMETER;
	}
	for (uint32_t i = 0; i < count; i++) {
		status = lb_file_size(paths[i], &sizes[i], err);
		if (EFI_ERROR(status))
			return status;
		if (!lb_align_up_checked(total, INITRD_ALIGN, &total) ||
		    __builtin_add_overflow(total, sizes[i], &total) || total > UINT64_MAX - LB_PAGE) {
			lb_fail(err, "%s: its directory entry says %zu bytes", paths[i], (size_t)sizes[i]);
			return EFI_VOLUME_CORRUPTED;
		}
	}
	status = BS->AllocatePages(AllocateAnyPages, EfiLoaderData, lb_pages(total), &address);
	if (EFI_ERROR(status)) {
		lb_fail(err, "%s: no memory for its %zu bytes: %s", paths[0], (size_t)total,
			lb_status_text(status));
		return status;
	}
	file.data = (void *)address;
	file.bytes = total;
	for (UINTN i = 0, at = 0; i < count; i++) {
		UINTN begin = lb_align_up(at, INITRD_ALIGN);

		memset((uint8_t *)file.data + at, 0, begin - at);
		status = read_into(paths[i], (uint8_t *)file.data + begin, sizes[i], err);
		if (EFI_ERROR(status))
			return status;
		at = begin + sizes[i];
	}
	memset((uint8_t *)file.data + total, 0, lb_align_up(total, LB_PAGE) - total);
	memcpy(file.path, paths[0], sizeof(file.path));
	*ret_file = file;
	file.data = NULL; // now the caller's
	return EFI_SUCCESS;
}

EFI_STATUS lb_file_read(const char *path, struct lb_file *ret_file, struct lb_error *err)
{
	char one[1][LB_MAX_PATH];

	lb_snprintf(one[0], sizeof(one[0]), "%s", path);
	return lb_file_read_all(one, 1, ret_file, err);
}

bool lb_file_exists(const char *path)
{
	LB_CLEANUP(close_file) EFI_FILE_PROTOCOL *file = NULL;

	return !EFI_ERROR(open_file(path, &file, NULL));
}

UINTN lb_file_read_short(const char *path, void *to, UINTN bytes)
{
	LB_CLEANUP(close_file) EFI_FILE_PROTOCOL *file = NULL;
	UINTN read = bytes;

	if (EFI_ERROR(open_file(path, &file, NULL)) || EFI_ERROR(file->Read(file, &read, to)) || read > bytes)
		return 0;
	return read;
}

EFI_STATUS lb_file_write(const char *path, void *data, UINTN bytes)
{
	LB_CLEANUP(close_file) EFI_FILE_PROTOCOL *file = NULL;
	UINTN written = bytes;
	EFI_STATUS status =
		open_for(path, EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE | EFI_FILE_MODE_CREATE, &file, NULL);

	if (EFI_ERROR(status))
		return status;
	status = file->Write(file, &written, data);
	if (!EFI_ERROR(status) && written != bytes)
		status = EFI_VOLUME_FULL;
	return EFI_ERROR(status) ? status : file->Flush(file);
}

void lb_file_free(struct lb_file *file)
{
	if (file->data)
		BS->FreePages((EFI_PHYSICAL_ADDRESS)file->data, lb_pages(file->bytes));
	memset(file, 0, sizeof(*file));
}

EFI_STATUS lb_file_device_path(const char *path, EFI_DEVICE_PATH **ret_device_path, struct lb_error *err)
{
	static EFI_GUID guid = DEVICE_PATH_PROTOCOL;
	const size_t header = sizeof(EFI_DEVICE_PATH);
	CHAR16 wide[LB_MAX_PATH];
	UINTN device_bytes = 0, name_bytes;
	EFI_DEVICE_PATH *node;
	void *interface = NULL;
	uint8_t *whole;
	EFI_HANDLE device;
	const char *rest;
	EFI_STATUS status;

	status = find_volume(path, &device, &rest, err);
	if (EFI_ERROR(status))
		return status;
	status = BS->HandleProtocol(device, &guid, &interface);
	if (EFI_ERROR(status))
		return fail(status, path, "asking its volume for the device path", err);
	for (node = lb_path_node(interface); node; node = lb_path_node(NextDevicePathNode(node)))
		device_bytes += DevicePathNodeLength(node);
	name_bytes = (lb_utf8_to_utf16(rest, wide, LB_MAX_PATH) + 1) * sizeof(CHAR16);

	whole = lb_pool_alloc(device_bytes + header + name_bytes + header);
	if (!whole)
		return fail(EFI_OUT_OF_RESOURCES, path, "its device path", err);
	memcpy(whole, interface, device_bytes);
	node = (EFI_DEVICE_PATH *)(whole + device_bytes);
	node->Type = MEDIA_DEVICE_PATH;
	node->SubType = MEDIA_FILEPATH_DP;
	SetDevicePathNodeLength(node, header + name_bytes);
	memcpy(whole + device_bytes + header, wide, name_bytes);
	node = (EFI_DEVICE_PATH *)(whole + device_bytes + header + name_bytes);
	SetDevicePathEndNode(node);
	*ret_device_path = (EFI_DEVICE_PATH *)whole;
	return EFI_SUCCESS;
}
