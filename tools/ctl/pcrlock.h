// SPDX-License-Identifier: BSD-2-Clause
// What a boot through Lifeboat measures, as a component of systemd-pcrlock's (systemd.pcrlock(5)): one
// variant for the program on the ESP, one for the program that an update or rollback has replaced.
#ifndef LIFEBOAT_TOOLS_CTL_PCRLOCK_H
#define LIFEBOAT_TOOLS_CTL_PCRLOCK_H

#include "tools/ctl/esp.h"
#include "tools/ctl/image.h"

#define PCRLOCK_INSTALLED "installed"
#define PCRLOCK_REPLACED "replaced"

// Writes a variant: the program's digest, those of the lifeboat.conf on the ESP and of the words that a
// Linux may get. Does nothing on a system without systemd-pcrlock. What cannot be written is said, and no
// reason to fail.
void pcrlock_put(const struct options *options, const struct esp *esp, enum mode mode,
		 const struct image *image, const char *variant);

// Takes the component away.
void pcrlock_remove(const struct options *options);

#endif
