// SPDX-License-Identifier: BSD-2-Clause
// Who had the screen when a kernel died. The firmware's frame buffer is shown until a driver takes the
// graphics device over.
#ifndef LIFEBOAT_CRASH_DEAD_DISPLAY_H
#define LIFEBOAT_CRASH_DEAD_DISPLAY_H

#include "crash/dead/btf.h"
#include "crash/dead/modules.h"
#include "crash/dead/symbols.h"

enum lb_display {
	LB_DISPLAY_UNKNOWN, // the kernel does not tell
	LB_DISPLAY_FIRMWARE,
	LB_DISPLAY_DRIVER,
};

// A driver has the screen where a module is loaded that drives graphics devices or gives them away: DRM's
// modules, those whose names end in "fb", and vfio-pci. A driver has it also where DRM is built in and has a
// device registered. Takes a pass over the symbols. `ret_why` says by what sign, in all cases.
enum lb_display lb_display_owner(const struct lb_modules *modules, struct lb_symbols *symbols,
				 struct lb_btf *btf, struct lb_error *ret_why);

#endif
