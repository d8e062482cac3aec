// SPDX-License-Identifier: BSD-2-Clause
#include "loader/trial_store.h"

#include "lib/mem.h"
#include "loader/file.h"
#include "loader/print.h"

#define ATTRIBUTES (EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)
#define OFF_FILE "\\EFI\\lifeboat\\off"
#define MARK_FILE "\\EFI\\lifeboat\\trial"

static CHAR16 off_name[] = L"LifeboatOff", mark_name[] = L"LifeboatTrial", name[] = L"Lifeboat";

bool lb_trial_store_off(enum lb_trial_place place)
{
	UINTN bytes = 0;

	if (place == LB_TRIAL_FILE)
		return lb_file_exists(OFF_FILE);
	return RT->GetVariable(off_name, &lb_vendor, NULL, &bytes, NULL) == EFI_BUFFER_TOO_SMALL;
}

bool lb_trial_store_aside(void)
{
	char text[3072] = {0};
	UINTN bytes = sizeof(text) - 1;
	EFI_STATUS status = RT->GetVariable(name, &lb_vendor, NULL, &bytes, text);

	if (EFI_ERROR(status))
		return false;
	for (const char *line = text; line; line = lb_strchr(line, '\n')) {
		line += *line == '\n';
		if (lb_strncmp(line, "aside=", 6) == 0)
			return true;
	}
	return false;
}

// The bytes of the stored text, read into `text`; 0: there is none.
static size_t read_text(enum lb_trial_place place, char text[LB_TRIAL_ROOM])
{
	UINTN bytes = LB_TRIAL_ROOM;
	EFI_STATUS status;

	memset(text, 0, LB_TRIAL_ROOM); // some firmware reports success and reads nothing
	if (place == LB_TRIAL_FILE)
		return lb_file_read_short(MARK_FILE, text, LB_TRIAL_ROOM);
	status = RT->GetVariable(mark_name, &lb_vendor, NULL, &bytes, text);
	return EFI_ERROR(status) || bytes > LB_TRIAL_ROOM ? 0 : bytes;
}

bool lb_trial_store_read(enum lb_trial_place place, struct lb_trial *ret_trial)
{
	char text[LB_TRIAL_ROOM];
	size_t bytes = read_text(place, text);
	struct lb_error err;

	if (!bytes)
		return false;
	if (lb_trial_parse(text, bytes, ret_trial, &err) == 0)
		return true;
	lb_print_warning("%s; it does not count", err.text);
	return false;
}

static EFI_STATUS set(char text[LB_TRIAL_ROOM], size_t bytes)
{
	return RT->SetVariable(mark_name, &lb_vendor, ATTRIBUTES, bytes, text);
}

int lb_trial_store_write(enum lb_trial_place place, const struct lb_trial *trial, struct lb_error *err)
{
	char text[LB_TRIAL_ROOM] = {0}, again[LB_TRIAL_ROOM];
	const char *what = place == LB_TRIAL_FILE ? MARK_FILE : "EFI variable LifeboatTrial";
	size_t bytes = lb_trial_print(trial, text);
	// The file always has the same length, so nothing of a longer text stays.
	EFI_STATUS status =
		place == LB_TRIAL_FILE ? lb_file_write(MARK_FILE, text, sizeof(text)) : set(text, bytes);

	if (EFI_ERROR(status))
		return lb_fail(err, "%s: it cannot be written: %s", what, lb_status_text(status));
	if (read_text(place, again) < bytes || memcmp(text, again, bytes) != 0)
		return lb_fail(err, "%s: what was read back differs from what was written", what);
	return 0;
}

void lb_trial_store_last(const struct lb_trial *trial)
{
	char text[LB_TRIAL_ROOM];

	set(text, lb_trial_print(trial, text));
}
