// SPDX-License-Identifier: BSD-2-Clause
#include "tests/vm/efi/beside.h"

#include "lib/format.h"
#include "lib/mem.h"

#define END 0x7f

UINTN beside_path(EFI_BOOT_SERVICES *bs, EFI_HANDLE device, const CHAR16 *name, UINT8 room[BESIDE_ROOM])
{
	EFI_GUID guid = DEVICE_PATH_PROTOCOL;
	EFI_DEVICE_PATH *node;
	void *interface;
	UINTN used = 0, units = 0;

	while (name[units++])
		;
	if (EFI_ERROR(bs->HandleProtocol(device, &guid, &interface)))
		return 0;
	for (node = interface; node->Type != END;) {
		UINTN bytes = node->Length[0] | (UINTN)node->Length[1] << 8;

		if (bytes < 4 || used + bytes + 2 * units + 8 > BESIDE_ROOM)
			return 0;
		memcpy(room + used, node, bytes);
		used += bytes;
		node = (EFI_DEVICE_PATH *)((UINT8 *)node + bytes);
	}
	room[used] = room[used + 1] = 4; // a media node, of a file path
	room[used + 2] = (UINT8)(2 * units + 4);
	room[used + 3] = 0;
	memcpy(room + used + 4, name, 2 * units);
	used += 2 * units + 4;
	memcpy(room + used, "\x7f\xff\x04\x00", 4);
	return used + 4;
}

bool beside_put(EFI_FILE_IO_INTERFACE *volume, CHAR16 *path, const char *text)
{
	EFI_FILE_PROTOCOL *root, *file;
	UINTN bytes = lb_strlen(text) + 1;
	bool done;

	if (EFI_ERROR(volume->OpenVolume(volume, &root)))
		return false;
	done = !EFI_ERROR(root->Open(root, &file, path,
				     EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE | EFI_FILE_MODE_CREATE, 0));
	if (done) {
		done = !EFI_ERROR(file->Write(file, &bytes, (void *)(UINTN)text));
		file->Close(file);
	}
	root->Close(root);
	return done;
}

UINTN beside_get(EFI_FILE_IO_INTERFACE *volume, CHAR16 *path, char text[BESIDE_ROOM])
{
	EFI_FILE_PROTOCOL *root, *file;
	UINTN bytes = BESIDE_ROOM;

	if (EFI_ERROR(volume->OpenVolume(volume, &root)))
		return 0;
	if (EFI_ERROR(root->Open(root, &file, path, EFI_FILE_MODE_READ, 0)) ||
	    EFI_ERROR(file->Read(file, &bytes, text)))
		return 0;
	file->Close(file);
	root->Close(root);
	return bytes;
}

void beside_delete(EFI_FILE_IO_INTERFACE *volume, CHAR16 *path)
{
	EFI_FILE_PROTOCOL *root, *file;

	if (!EFI_ERROR(volume->OpenVolume(volume, &root)) &&
	    !EFI_ERROR(root->Open(root, &file, path, EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE, 0)))
		file->Delete(file);
}
