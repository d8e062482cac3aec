// SPDX-License-Identifier: BSD-2-Clause
// How Lifeboat would be installed here. Everything is found and judged before anything is written.
#ifndef LIFEBOAT_TOOLS_CTL_PLAN_H
#define LIFEBOAT_TOOLS_CTL_PLAN_H

#include "tools/ctl/conf.h"
#include "tools/ctl/entries.h"
#include "tools/ctl/esp.h"
#include "tools/ctl/firmware.h"
#include "tools/ctl/options.h"
#include "tools/ctl/settings.h"
#include "tools/ctl/target.h"
#include "tools/ctl/tpm.h"

struct plan {
	enum mode mode; // never MODE_AUTO
	struct esp esp;
	struct firmware firmware;
	struct target target; // of an image none, nor where a Linux is the second kernel
	struct tpm_volumes volumes; // all that are bound to a TPM
	struct image image; // plan_free() frees it
	char source[FILE_PATH];
	const char *program; // where it goes on the ESP
	char chain[ENTRY_FILE],
		shim[ENTRY_FILE]; // the boot manager to start; what starts us instead of the firmware
	char conf[CONF_BYTES]; // the lifeboat.conf to write
	struct settings settings; // of the one that will be there
	bool has_entry;
};

// The place of a mode's program on the ESP.
const char *mode_program(enum mode mode);
enum image_kind mode_image(enum mode mode);
// MODE_AUTO: it is not installed.
enum mode plan_installed(const struct esp *esp);

// Fails, naming the next step, where it cannot be installed.
int plan_make(const struct options *options, struct plan *ret_plan, struct lb_error *err);
// Refers to the plan. Only where has_entry.
struct entry plan_entry(const struct plan *plan);
void plan_free(struct plan *plan);

// PCRs that a mode changes by what the firmware measures.
uint32_t mode_pcrs(enum mode mode, bool secure_boot);
// Those, and what Lifeboat measures itself.
uint32_t plan_pcrs(const struct plan *plan);

// The program of that kind in options->from, else in /usr/lib/lifeboat of another root, else in
// ../lib/lifeboat beside the folder that lifeboatctl lies in, else in /usr/lib/lifeboat.
int plan_source(const struct options *options, enum mode mode, char ret_path[FILE_PATH],
		struct lb_error *err);

#endif
