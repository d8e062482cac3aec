// SPDX-License-Identifier: BSD-2-Clause
// Finds the dead kernel's build ID, by which debuggers find symbols. A VMCOREINFO that has to be synthesised
// needs it.
#ifndef LIFEBOAT_CRASH_DEAD_BUILDID_H
#define LIFEBOAT_CRASH_DEAD_BUILDID_H

#include "crash/dead/facts.h"

// Looks through the image's data for a GNU build-ID note (namesz 4, descsz 20, type 3). Notes in vDSO images
// do not count: these are ELF files of their own, in whole pages. False, with nothing written, when there is
// no such note or more than one.
bool lb_buildid_find(struct lb_deadmem *mem, const struct lb_deadkernel *kernel,
		     uint8_t ret_id[LB_BUILD_ID_BYTES]);

#endif
