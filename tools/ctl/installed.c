// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/installed.h"

#include <stdio.h>
#include <string.h>

static void judge_entry(const struct esp *esp, enum mode mode, struct findings *findings)
{
	const struct entry driver = {
		.kind = ENTRY_DRIVER, .partition = &esp->partition, .file = ESP_DRIVER, .words = ""};
	unsigned int number;

	if (mode == MODE_DRIVER && entry_find(&driver, &number) != ENTRY_READY)
		findings_add(findings, FINDING_PROBLEM,
			     "no driver entry of the firmware's leads to " ESP_DRIVER
			     ": the next boot will not be armed; lifeboatctl install makes one");
	if (mode == MODE_CHAIN && !entry_first_is_ours(&esp->partition))
		findings_add(findings, FINDING_PROBLEM,
			     "the first boot entry is not Lifeboat's: the next boot will not be armed; "
			     "lifeboatctl install puts it back");
}

void installed_judge(const struct options *options, struct findings *findings,
		     struct installed *ret_installed)
{
	struct lb_error ignored;
	struct firmware firmware;
	char path[FILE_PATH];
	struct image image;
	struct esp esp;

	*ret_installed = (struct installed){.mode = MODE_AUTO};
	if (esp_find(options, false, &esp, &ignored) != 0)
		return;
	ret_installed->mode = plan_installed(&esp);
	if (ret_installed->mode == MODE_AUTO ||
	    esp_file(&esp, mode_program(ret_installed->mode), path, &ignored) != 0)
		return;
	snprintf(ret_installed->path, FILE_PATH, "%s", path + strlen(options->root));
	if (image_read(path, mode_image(ret_installed->mode), &image, &ignored) == 0) {
		memcpy(ret_installed->version, image.version, sizeof(image.version));
		image_free(&image);
	}
	if (options->live && esp.has_partition && firmware_read(options, &firmware, &ignored) == 0)
		judge_entry(&esp, ret_installed->mode, findings);
}
