// SPDX-License-Identifier: BSD-2-Clause
// lifeboat.conf: one `key value` a line. The keys are the long options without their dashes, `kernel FILE`
// and `arguments TEXT` (repeated ones are joined). A comment begins with a # at the start of a line, or
// with a # after a blank and outside of double quotes. Blanks around values are ignored. A value wholly in
// double quotes loses them, except for `arguments`, which the kernel gets unchanged. UTF-8, line ends of
// Unix or DOS. Pure.
#ifndef LIFEBOAT_LOADER_OPTIONS_CONFIG_H
#define LIFEBOAT_LOADER_OPTIONS_CONFIG_H

#include <stddef.h>

#include "loader/options/options.h"

#define LB_CONFIG_NAME "lifeboat.conf"

// `name` is the file's path; messages begin with NAME:LINE. A mistake in a line does not end the reading
// (loader/options/options.h). Call lb_options_source() before, with the file's directory.
int lb_config_parse(const char *name, const char *text, size_t bytes, struct lb_options *options,
		    struct lb_error *err);

#endif
