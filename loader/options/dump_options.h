// SPDX-License-Identifier: BSD-2-Clause
// The options of the built-in capture kernel and its dumps; a part of loader/options/options.h. Pure.
#ifndef LIFEBOAT_LOADER_OPTIONS_DUMP_OPTIONS_H
#define LIFEBOAT_LOADER_OPTIONS_DUMP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/crypt/recipient.h"
#include "crash/disk/gpt.h"
#include "lib/format.h"
#include "lifeboat/capture_config.h"
#include "lifeboat/dumpfile.h"

enum lb_dump_by {
	LB_DUMP_BY_TYPE = 0,
	LB_DUMP_BY_LABEL = 1,
	LB_DUMP_BY_UUID = 2,
	LB_DUMP_BY_FILE = 3, // a file, by its map
};

// One --dump-to.
struct lb_dump_to {
	enum lb_dump_by by;
	char word[16 + LB_GPT_NAME_BYTES]; // as the user wrote it
	uint8_t uuid[LB_UUID_BYTES]; // by UUID
};

// `--dump-to file`: the map lies on the volume of lifeboat.efi.
#define LB_DUMP_FILE_WORD "file"
#define LB_DUMP_FILE_MAP "\\EFI\\lifeboat\\" LB_FILE_MAP_NAME
// The map's path of a target by file.
const char *lb_dump_to_map(const struct lb_dump_to *to);

#define LB_DUMP_BY_LABEL_WORD "PARTLABEL="
// The label of a target by label.
static inline const char *lb_dump_to_label(const struct lb_dump_to *to)
{
	return to->word + sizeof(LB_DUMP_BY_LABEL_WORD) - 1;
}

struct lb_dump_options {
	uint32_t to_count; // 0: auto, and the file if its map exists
	struct lb_dump_to to[LB_MAX_TARGETS]; // in the user's order
	bool to_begun; // by the words that are read now
	struct lb_recipients recipients; // of --dump-encrypt; none: the dump is not encrypted
	bool recipients_begun; // by the words that are read now
	enum lb_dump_format format;
	uint32_t level; // makedumpfile's -d bits
	uint32_t cpus; // 0: not given
	enum lb_capture_end end;
	bool overwrite, selftest, mask_report;
	enum lb_screen_policy screen;
	bool selftest_once; // --selftest stands in lifeboat.conf, not on the command line
	const char *first_word; // the first of these options that was given; NULL: none
};

enum lb_dump_option {
	LB_DUMP_OPTION_TO,
	LB_DUMP_OPTION_FORMAT,
	LB_DUMP_OPTION_LEVEL,
	LB_DUMP_OPTION_OVERWRITE,
	LB_DUMP_OPTION_ENCRYPT,
	LB_DUMP_OPTION_CPUS,
	LB_DUMP_OPTION_ON_CAPTURED,
	LB_DUMP_OPTION_SELFTEST,
	LB_DUMP_OPTION_MASK_REPORT,
	LB_DUMP_OPTION_SCREEN,
	LB_DUMP_OPTION_COUNT,
};

// The long name without dashes, and the value it takes, in words; NULL: it takes no value.
struct lb_option_word {
	const char *name, *wants;
};
extern const struct lb_option_word lb_dump_words[LB_DUMP_OPTION_COUNT];

void lb_dump_options_init(struct lb_dump_options *options);

// `value` is not empty where the option takes one. `shown` is the option's name in messages.
int lb_dump_options_set(struct lb_dump_options *options, enum lb_dump_option option, const char *shown,
			const char *value, struct lb_error *err);

enum lb_boot {
	LB_BOOT_KERNEL, // the first kernel, armed or not
	LB_BOOT_SELFTEST, // the capture kernel, for a self-test
	LB_BOOT_NOTHING, // back to the firmware
};

// On the command line --selftest replaces the boot. In lifeboat.conf it runs once, until there is a
// verdict, an enum lb_selftest. `possible`: arming succeeds, and a partition can hold the verdict.
enum lb_boot lb_dump_options_boot(const struct lb_dump_options *options, bool possible, uint32_t verdict);

const char *lb_dump_format_name(enum lb_dump_format format);
const char *lb_capture_end_name(enum lb_capture_end end);
const char *lb_screen_policy_name(enum lb_screen_policy policy);

extern const char lb_dump_options_help[];

#endif
