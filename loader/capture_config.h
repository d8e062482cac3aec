// SPDX-License-Identifier: BSD-2-Clause
// The built-in capture kernel's configuration (lifeboat/capture_config.h). It is planned with the rest, and
// finished when armed.
#ifndef LIFEBOAT_LOADER_CAPTURE_CONFIG_H
#define LIFEBOAT_LOADER_CAPTURE_CONFIG_H

#include "crash/plan/capturesize.h"
#include "crash/plan/crashkernel.h"
#include "crash/plan/e820.h"
#include "crash/plan/layout.h"
#include "loader/machine.h"
#include "loader/options/options.h"
#include "loader/target.h"

struct lb_capture_config_input {
	const struct lb_options *options;
	const struct lb_machine *machine;
	const struct lb_e820 *saved;
	const struct lb_targets *targets;
};

// Computes the bytes of crash memory and their purposes from `need` and the size that crashkernel= gives.
int lb_capture_config_size(const struct lb_capture_config_input *input, const struct lb_layout_need *need,
			   const struct lb_crashkernel *crashkernel, struct lb_capture_size *ret_size,
			   uint64_t *ret_bytes, struct lb_error *err);

// Fills all that is known before arming, with `cpus` that compress and `heap` to allocate. Warns of wishes
// that this machine cannot fulfil.
void lb_capture_config_plan(const struct lb_capture_config_input *input, uint32_t cpus, struct lb_range heap,
			    struct lb_capture_config *ret_config);

// The configuration's bytes of crash memory, the keys of an encrypted dump included.
uint64_t lb_capture_config_bytes(const struct lb_options *options);

// Fills the rest: the clock, and this arming's id, made with `salt` (loader/random.h). Takes about 40 ms.
void lb_capture_config_arm(uint64_t salt, struct lb_capture_config *config);

#endif
