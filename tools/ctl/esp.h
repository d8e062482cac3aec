// SPDX-License-Identifier: BSD-2-Clause
// The EFI system partition, found as bootctl(1) finds it: mounted at /efi, /boot/efi or /boot.
#ifndef LIFEBOAT_TOOLS_CTL_ESP_H
#define LIFEBOAT_TOOLS_CTL_ESP_H

#include <stdbool.h>

#include "tools/ctl/disk.h"
#include "tools/ctl/file.h"
#include "tools/ctl/options.h"

// Places of what install brings.
#define ESP_CONF "\\EFI\\lifeboat\\lifeboat.conf"
#define ESP_LOADER "\\EFI\\lifeboat\\lifeboat.efi"
#define ESP_DRIVER "\\EFI\\lifeboat\\lifeboatx64.efi"
#define ESP_SD_BOOT "\\EFI\\systemd\\drivers\\lifeboatx64.efi"

struct esp {
	char point[FILE_PATH]; // without the root, as the system below it calls the folder
	char path[FILE_PATH]; // with the root, as messages call it
	bool has_partition; // of an image build's folder nothing is known
	struct partition partition;
};

// An image build's --esp may be any folder. Every other is a mounted vfat on a GPT partition of the ESP's
// type. Says how to mount one where there is none, or that no UEFI started this machine. `writable`: it is
// to be written to.
int esp_find(const struct options *options, bool writable, struct esp *ret_esp, struct lb_error *err);

// A file of it by its firmware's name, "\EFI\lifeboat\lifeboat.efi".
int esp_file(const struct esp *esp, const char *name, char ret_path[FILE_PATH], struct lb_error *err);

#endif
