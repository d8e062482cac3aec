// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/installed.h"

#include <stdio.h>
#include <string.h>

#include "tools/ctl/reserve.h"

// `explained`: Lifeboat was started, or it is known why it was not.
static void judge_driver_entry(const struct esp *esp, bool explained, struct findings *findings)
{
	const struct entry driver = {
		.kind = ENTRY_DRIVER, .partition = &esp->partition, .file = ESP_DRIVER, .words = ""};
	unsigned int number;

	if (entry_find(&driver, &number) != ENTRY_READY)
		findings_add(findings, FINDING_PROBLEM,
			     "no driver entry of the firmware's leads to " ESP_DRIVER
			     ": the next boot will not be armed; lifeboatctl install makes one");
	else if (!explained)
		findings_add(
			findings, FINDING_NOTE,
			"the driver entry is there: if the machine was restarted since it was made, this "
			"firmware starts no driver entries; lifeboatctl remove, then install --mode chain, "
			"makes a boot entry instead");
}

static void judge_entry(const struct esp *esp, enum mode mode, bool explained, struct findings *findings)
{
	if (mode == MODE_DRIVER)
		judge_driver_entry(esp, explained, findings);
	if (mode == MODE_CHAIN && !entry_first_is_ours(&esp->partition))
		findings_add(findings, FINDING_PROBLEM,
			     "the first boot entry is not Lifeboat's: the next boot will not be armed; "
			     "lifeboatctl install puts it back");
}

// Would the next boot start it?
static void judge_trust(enum trust trust, const struct image *image, struct findings *findings,
			struct installed *installed)
{
	static const char *const names[] = {[TRUST_NOT_NEEDED] = NULL,
					    [TRUST_FIRMWARE] = "db",
					    [TRUST_SHIM] = "shim",
					    [TRUST_NONE] = "nobody",
					    [TRUST_FORBIDDEN] = "nobody"};

	installed->trust = names[trust];
	if (trust == TRUST_NONE || trust == TRUST_FORBIDDEN)
		findings_add(findings, FINDING_PROBLEM,
			     "Secure Boot is on, and the program on the ESP is %s: the next boot will not be "
			     "armed; lifeboatctl install --sign KEY CERT",
			     firmware_distrust(trust, image));
	else if (trust == TRUST_SHIM && installed->mode != MODE_CHAIN)
		findings_add(findings, FINDING_PROBLEM,
			     "Secure Boot is on, and only shim knows who signed the program on the ESP: in "
			     "mode %s the next boot will not be armed",
			     mode_name(installed->mode));
}

void installed_judge(const struct options *options, bool was_started, struct findings *findings,
		     struct installed *ret_installed)
{
	struct lb_error ignored;
	struct firmware firmware;
	char path[FILE_PATH];
	struct image image;
	struct esp esp;
	enum trust trust = TRUST_NONE; // of one that cannot be read
	bool has_firmware;

	*ret_installed = (struct installed){.mode = MODE_AUTO};
	if (esp_find(options, false, &esp, &ignored) != 0)
		return;
	ret_installed->mode = plan_installed(&esp);
	if (ret_installed->mode == MODE_AUTO ||
	    esp_file(&esp, mode_program(ret_installed->mode), path, &ignored) != 0)
		return;
	snprintf(ret_installed->path, FILE_PATH, "%s", path + strlen(options->root));
	has_firmware = options->live && firmware_read(options, &firmware, &ignored) == 0;
	reserve_judge(options->root, &esp, findings);
	if (image_read(path, mode_image(ret_installed->mode), &image, &ignored) == 0) {
		memcpy(ret_installed->version, image.version, sizeof(image.version));
		ret_installed->signers = image.signers;
		if (has_firmware) {
			trust = firmware_trusts(&firmware, &image);
			judge_trust(trust, &image, findings, ret_installed);
		}
		image_free(&image);
	}
	if (has_firmware && esp.has_partition)
		judge_entry(&esp, ret_installed->mode,
			    was_started || (trust != TRUST_NOT_NEEDED && trust != TRUST_FIRMWARE), findings);
}
