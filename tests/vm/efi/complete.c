// SPDX-License-Identifier: BSD-2-Clause
// Test only: a system whose boot completes at once. It prints the EFI variables Lifeboat and LifeboatTrial,
// completes the boot as lifeboatctl does, and resets the machine. If \EFI\lifeboat\lifeboatx64.efi exists and
// no Driver#### entry does, it makes that entry and resets. Its words:
//
//   wait   wait for a key before the reset
//   off    if there is nothing to prove, throw the kill switch, which is an EFI variable
#include <efi.h>
#include <stdbool.h>

#include "crash/plan/trial.h"
#include "lib/mem.h"
#include "tests/vm/efi/beside.h"

#define ROOM 4096
#define NAME(text) ((CHAR16 *)(UINTN)L##text)
#define NON_VOLATILE                                                                                         \
	(EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static EFI_SYSTEM_TABLE *st;
static EFI_GUID ours = {0x6b1f3c0e, 0x4d1a, 0x4c57, {0x9e, 0x0a, 0x5a, 0x0e, 0x3f, 0x2b, 0x7c, 0x11}};
static EFI_GUID global = EFI_GLOBAL_VARIABLE;

static void say(const char *text)
{
	for (; *text; text++) {
		CHAR16 wide[] = {(CHAR16)(UINT8)*text, 0};
		CHAR16 line_end[] = {'\r', '\n', 0};

		st->ConOut->OutputString(st->ConOut, *text == '\n' ? line_end : wide);
	}
}

// Reads a variable as NUL-terminated text; returns its bytes.
static UINTN get(CHAR16 *name, char text[ROOM])
{
	UINTN bytes = ROOM - 1;

	if (EFI_ERROR(st->RuntimeServices->GetVariable(name, &ours, NULL, &bytes, text)))
		bytes = 0;
	text[bytes] = '\0';
	return bytes;
}

// True if the load options contain the ASCII word.
static bool has_word(const EFI_LOADED_IMAGE *self, const char *word)
{
	const CHAR16 *options = self->LoadOptions;
	const UINTN units = self->LoadOptionsSize / sizeof(*options), letters = lb_strlen(word);

	for (UINTN at = 0, same; at + letters <= units; at++) {
		for (same = 0; same < letters && options[at + same] == (CHAR16)(UINT8)word[same]; same++)
			;
		if (same == letters)
			return true;
	}
	return false;
}

static void throw_switch(void)
{
	UINT8 any = 1;

	if (EFI_ERROR(st->RuntimeServices->SetVariable(NAME("LifeboatOff"), &ours, NON_VOLATILE, sizeof(any),
						       &any)))
		say("complete: failed: the kill switch cannot be thrown\n");
}

static void await_key(void)
{
	UINTN index;

	say("complete: waits for a key\n");
	st->BootServices->WaitForEvent(1, &st->ConIn->WaitForKey, &index);
}

static void complete(const char *said, bool off)
{
	struct lb_trial trial, boot;
	char text[ROOM], now[LB_TRIAL_ROOM] = "mark=pending\n";
	UINTN bytes = get(NAME("LifeboatTrial"), text), used = lb_strlen(now);
	struct lb_trial_boot done = {.begun = false};

	say("complete: mark\n");
	say(text);
	if (!bytes || lb_trial_parse(text, bytes, &trial, NULL) != 0) {
		say("complete: nothing to prove\n");
		return;
	}
	// Both texts have the same keys.
	lb_snprintf(now + used, sizeof(now) - used, "%.*s", (int)(sizeof(now) - used - 1), said);
	if (lb_trial_parse(now, lb_strlen(now), &boot, NULL) != 0)
		say("complete: failed: the variable Lifeboat cannot be read\n");
	done = (struct lb_trial_boot){
		.hash = boot.hash, .crash = boot.crash, .crash_low = boot.crash_low, .hook = boot.hook};
	for (const char *at = said; *at; at++)
		done.begun |= lb_strncmp(at, "\ntrial=begun\n", 13) == 0;
	if (!lb_trial_complete(&trial, &done)) {
		say("complete: nothing to write\n");
		if (off)
			throw_switch();
		return;
	}
	bytes = lb_trial_print(&trial, text);
	if (EFI_ERROR(st->RuntimeServices->SetVariable(NAME("LifeboatTrial"), &ours, NON_VOLATILE, bytes,
						       text)))
		say("complete: failed: the mark cannot be written\n");
	else
		say("complete: written\n");
}

static bool file_is_there(EFI_HANDLE device, CHAR16 *path)
{
	EFI_GUID guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	EFI_FILE_IO_INTERFACE *volume;
	EFI_FILE_HANDLE root, file;
	void *interface;

	if (EFI_ERROR(st->BootServices->HandleProtocol(device, &guid, &interface)))
		return false;
	volume = interface;
	return !EFI_ERROR(volume->OpenVolume(volume, &root)) &&
	       !EFI_ERROR(root->Open(root, &file, path, EFI_FILE_MODE_READ, 0));
}

// EFI_LOAD_OPTION, UEFI 2.10, 3.1.3: attribute active, length of the path, description, path.
static bool make_entry(EFI_HANDLE device, CHAR16 *path)
{
	UINT8 entry[BESIDE_ROOM + 16] = {1}, room[BESIDE_ROOM];
	static const CHAR16 description[] = L"LB";
	UINTN path_bytes = beside_path(st->BootServices, device, path, room);
	UINT16 order = 0;
	EFI_STATUS status;

	entry[4] = (UINT8)path_bytes;
	entry[5] = (UINT8)(path_bytes >> 8);
	memcpy(entry + 6, description, sizeof(description));
	memcpy(entry + 6 + sizeof(description), room, path_bytes);
	status = st->RuntimeServices->SetVariable(NAME("Driver0000"), &global, NON_VOLATILE,
						  6 + sizeof(description) + path_bytes, entry);
	if (!EFI_ERROR(status))
		status = st->RuntimeServices->SetVariable(NAME("DriverOrder"), &global, NON_VOLATILE,
							  sizeof(order), &order);
	return path_bytes && !EFI_ERROR(status);
}

static bool wants_entry(EFI_HANDLE device, CHAR16 *path)
{
	UINTN bytes = 0;

	return st->RuntimeServices->GetVariable(NAME("DriverOrder"), &global, NULL, &bytes, NULL) ==
		       EFI_NOT_FOUND &&
	       file_is_there(device, path);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	static CHAR16 driver[] = L"\\EFI\\lifeboat\\lifeboatx64.efi";
	EFI_GUID guid = LOADED_IMAGE_PROTOCOL;
	char said[ROOM];
	EFI_LOADED_IMAGE *self;
	void *interface;

	st = system;
	if (EFI_ERROR(st->BootServices->HandleProtocol(image, &guid, &interface)))
		return EFI_UNSUPPORTED;
	self = interface;
	if (wants_entry(self->DeviceHandle, driver)) {
		say(make_entry(self->DeviceHandle, driver) ? "complete: driver entry made\n"
							   : "complete: failed: no driver entry\n");
	} else {
		get(NAME("Lifeboat"), said);
		say("complete: begin\n");
		say(said);
		complete(said, has_word(self, "off"));
		say("complete: end\n");
		if (has_word(self, "wait"))
			await_key();
	}
	st->RuntimeServices->ResetSystem(EfiResetCold, EFI_SUCCESS, 0, NULL);
	return EFI_ABORTED;
}
