// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash/plan/spcr.h"
#include "loader/options/config.h"
#include "loader/options/secure_boot.h"

#define SD_BOOT_CONF "\\EFI\\systemd\\drivers\\" LB_CONFIG_NAME
#define SPCR_TABLE "/sys/firmware/acpi/tables/SPCR"
#define SPCR_MAX 4096U

const char *settings_name(const struct esp *esp, enum mode mode)
{
	struct lb_error ignored;
	char path[FILE_PATH];

	if (mode == MODE_SD_BOOT && esp_file(esp, SD_BOOT_CONF, path, &ignored) == 0 &&
	    access(path, F_OK) == 0)
		return SD_BOOT_CONF;
	return ESP_CONF;
}

// Refuses options that a lifeboat.conf may have, and an installed one may not.
static int judge(const char *path, const struct lb_options *options, struct lb_error *err)
{
	const char *word = options->dry_run ? "dry-run" : options->footprint ? "footprint" : NULL;

	return word ? lb_fail(err, "%.160s: %s: nothing would be armed", path, word) : 0;
}

static int parse(const char *path, const struct content *text, enum mode mode, struct settings *settings,
		 struct lb_error *err)
{
	struct lb_options *options = &settings->options;
	char directory[LB_MAX_PATH + 1];
	struct lb_error why;

	lb_options_init(options);
	options->resident = mode != MODE_CHAIN;
	lb_path_directory(settings->name, directory);
	lb_options_source(options, directory);
	if (lb_config_parse(path, text->data, text->bytes, options, err) != 0)
		return -1;
	// Without these two a chain is no mistake of the file's: install says what line it wants.
	if (mode == MODE_CHAIN && !options->chain[0] && !options->kernel[0])
		return judge(path, options, err);
	if (lb_options_finish(options, &why) != 0)
		return lb_fail(err, "%.160s: %s", path, why.text);
	return judge(path, options, err);
}

int settings_read(const struct esp *esp, enum mode mode, const char *otherwise, struct settings *ret_settings,
		  struct lb_error *err)
{
	char path[FILE_PATH];
	struct content text;
	int failed;

	ret_settings->name = settings_name(esp, mode);
	if (esp_file(esp, ret_settings->name, path, err) != 0)
		return -1;
	ret_settings->written = file_read(path, SETTINGS_MAX, &text) == 0;
	if (!ret_settings->written && errno != ENOENT && errno != ENOTDIR)
		return lb_fail(err, "%.160s: %s", path, strerror(errno));
	if (!ret_settings->written)
		text = (struct content){strdup(otherwise), strlen(otherwise)};
	if (!text.data)
		return lb_fail(err, "no memory");
	failed = parse(path, &text, mode, ret_settings, err);
	free(text.data);
	return failed;
}

int settings_judge_secure_boot(const struct settings *settings, const char *root, struct lb_error *err)
{
	struct lb_console spcr = {.type = LB_CONSOLE_NONE};
	struct lb_error ignored;
	struct content table;
	char path[FILE_PATH];

	if (file_path(root, SPCR_TABLE, path, &ignored) == 0 && file_read(path, SPCR_MAX, &table) == 0) {
		if (lb_spcr_read(table.data, table.bytes, &spcr, &ignored) != 0)
			spcr = (struct lb_console){.type = LB_CONSOLE_NONE};
		free(table.data);
	}
	return lb_secure_boot_judge(&settings->options, &spcr, err);
}
