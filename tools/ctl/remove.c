// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/remove.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/change.h"
#include "tools/ctl/keep.h"
#include "tools/ctl/pcrlock.h"
#include "tools/ctl/reserve.h"
#include "tools/ctl/trial.h"

// Entries go first: an entry without its file does no harm, and a file without an entry is easily found
// again.
static int remove_entries(const struct options *options, const struct esp *esp, const struct entry *entry,
			  struct lb_error *err)
{
	unsigned int count, number;

	if (!esp->has_partition)
		return 0;
	if (options->dry_run) {
		if (entry_find(entry, &number) != ENTRY_ABSENT)
			printf("would remove: an entry for %s\n", entry->file);
		return 0;
	}
	if (entry_remove(entry, &count, err) != 0)
		return -1;
	if (count)
		printf("removed: %u %s for %s\n", count, count == 1 ? "entry" : "entries", entry->file);
	return 0;
}

static int remove_all_entries(const struct options *options, const struct esp *esp, struct lb_error *err)
{
	struct entry entry = {
		.kind = ENTRY_DRIVER, .partition = &esp->partition, .file = ESP_DRIVER, .words = ""};
	char shim[ENTRY_FILE];

	if (!options->live)
		return 0;
	if (remove_entries(options, esp, &entry, err) != 0)
		return -1;
	entry.kind = ENTRY_BOOT;
	entry.file = ESP_LOADER;
	if (remove_entries(options, esp, &entry, err) != 0)
		return -1;
	// One of our entries may start shim, as the boot entry behind it does.
	entry.file = shim;
	return entry_first_boot_file(&esp->partition, shim) ? remove_entries(options, esp, &entry, err) : 0;
}

static int remove_file(const struct options *options, const struct esp *esp, const char *name,
		       struct lb_error *err)
{
	char path[FILE_PATH];

	if (esp_file(esp, name, path, err) != 0)
		return -1;
	if (access(path, F_OK) != 0)
		return 0;
	if (!options->dry_run && unlink(path) != 0)
		return lb_fail(err, "%.160s: %s", path, strerror(errno));
	printf("%s: %s\n", options->dry_run ? "would remove" : "removed", path);
	return 0;
}

static int remove_conf(const struct options *options, const struct esp *esp, struct lb_error *err)
{
	char path[FILE_PATH];

	if (esp_file(esp, ESP_CONF, path, err) != 0)
		return -1;
	if (conf_is_ours(path))
		return remove_file(options, esp, ESP_CONF, err);
	printf("stays: %s, which install did not write\n", path);
	return 0;
}

// Removes empty folders only.
static void remove_folders(const struct options *options, const struct esp *esp)
{
	static const char *const folders[] = {"\\EFI\\lifeboat", "\\EFI\\systemd\\drivers"};
	struct lb_error ignored;
	char path[FILE_PATH];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (!options->dry_run && esp_file(esp, folders[i], path, &ignored) == 0)
			rmdir(path);
}

// Removes what updates kept, the trial's mark, the kill switch.
static int remove_traces(const struct options *options, const struct esp *esp, struct lb_error *err)
{
	static const enum mode modes[] = {MODE_DRIVER, MODE_SD_BOOT, MODE_CHAIN};

	if (options->dry_run)
		return 0;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (keep_remove(esp, modes[i], err) != 0)
			return -1;
	return trial_remove(options, esp, err);
}

static int remove_all(const struct options *options, const struct esp *esp, struct lb_error *err)
{
	const bool installed = plan_installed(esp) != MODE_AUTO;

	if (remove_all_entries(options, esp, err) != 0 || remove_file(options, esp, ESP_DRIVER, err) != 0 ||
	    remove_file(options, esp, ESP_SD_BOOT, err) != 0 || reserve_remove(options, esp, err) != 0 ||
	    remove_file(options, esp, ESP_LOADER, err) != 0 || remove_traces(options, esp, err) != 0 ||
	    remove_conf(options, esp, err) != 0)
		return -1;
	remove_folders(options, esp);
	pcrlock_remove(options);
	if (installed)
		change_note(options, "remove");
	return 0;
}

int remove_command(const struct options *options)
{
	struct firmware firmware;
	struct lb_error err;
	struct esp esp;

	if (firmware_read(options, &firmware, &err) == 0 && esp_find(options, true, &esp, &err) == 0 &&
	    remove_all(options, &esp, &err) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "lifeboatctl: remove: %s\n", err.text);
	return EXIT_FAILURE;
}
