// SPDX-License-Identifier: BSD-2-Clause
// lifeboat.conf: one `key value` a line, the keys being the long options without
// their dashes, `kernel FILE` and `arguments TEXT` (repeated ones are joined). A line that
// begins with #, and a # behind a blank and outside of double quotes, begin a comment. Blanks
// around values do not count; a value wholly in double quotes loses them, but for `arguments`,
// which the kernel gets as it stands. UTF-8, line ends as on Unix or DOS. Pure.
#ifndef LIFEBOAT_LOADER_OPTIONS_CONFIG_H
#define LIFEBOAT_LOADER_OPTIONS_CONFIG_H

#include <stddef.h>

#include "loader/options/options.h"

#define LB_CONFIG_NAME "lifeboat.conf"

// `name` is the file's path, for messages: they begin with NAME:LINE. A mistake in a
// line does not end the reading: see loader/options/options.h. lb_options_source() was
// called, with the file's directory.
int lb_config_parse(const char *name, const char *text, size_t bytes, struct lb_options *options,
		    struct lb_error *err);

#endif
