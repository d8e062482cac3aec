// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/proof.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash/disk/dump_header.h"
#include "crash/disk/gpt.h"
#include "tools/ctl/dumps.h"
#include "tools/ctl/journal.h"

static const char *const verdicts[] = {
	[LB_SELFTEST_NONE] = NULL,
	[LB_SELFTEST_BEGUN] = "begun",
	[LB_SELFTEST_PASSED] = "passed",
	[LB_SELFTEST_FAILED] = "failed",
};

// ---- What the machine is now ---------------------------------------------------

// Words of these files behind one another; of one that is not there, none.
static void join(const char *root, const char *const *paths, char ret_text[PROOF_TEXT])
{
	char line[PROOF_TEXT];
	size_t used = 0;

	ret_text[0] = '\0';
	for (; *paths; paths++) {
		file_line(root, *paths, line, sizeof(line));
		for (size_t end = strlen(line); end && line[end - 1] == ' '; end--)
			line[end - 1] = '\0';
		if (line[0])
			used += lb_snprintf(ret_text + used, PROOF_TEXT - used, "%s%s", used ? " " : "",
					    line);
	}
}

static void read_firmware(const char *root, char ret_text[PROOF_TEXT])
{
	static const char *const paths[] = {"/sys/class/dmi/id/bios_vendor", "/sys/class/dmi/id/bios_version",
					    "/sys/class/dmi/id/bios_date", NULL};

	join(root, paths, ret_text);
}

static void read_loader(const char *root, char ret_text[PROOF_TEXT])
{
	char value[VARIABLE_VALUE] = "";
	struct content text;

	if (variable_read(root, &text) == VARIABLE_FOUND) {
		variable_value(&text, "version", 0, value);
		free(text.data);
	}
	snprintf(ret_text, PROOF_TEXT, "%.255s", value);
}

// The disk of a partition: of its name udev made a link, and of its number sysfs a folder below the disk's.
static void read_disk(const char *root, const char *partition, char ret_text[PROOF_TEXT])
{
	char link[64], path[FILE_PATH], target[PATH_MAX], names[4][PATH_MAX + 64];
	static const char *const files[] = {"device/model", "device/serial", "serial", "device/wwid"};
	const char *paths[5] = {NULL};
	struct lb_error ignored;
	ssize_t bytes;
	char *slash;

	ret_text[0] = '\0';
	snprintf(link, sizeof(link), "/dev/disk/by-partuuid/%s", partition);
	if (file_path(root, link, path, &ignored) != 0)
		return;
	bytes = readlink(path, target, sizeof(target) - 1);
	if (bytes <= 0)
		return;
	target[bytes] = '\0';
	slash = strrchr(target, '/');
	snprintf(link, sizeof(link), "/sys/class/block/%.32s", slash ? slash + 1 : target);
	if (file_path(root, link, path, &ignored) != 0 || !realpath(path, target))
		return;
	*strrchr(target, '/') = '\0';
	for (size_t i = 0; i < 4; i++) {
		snprintf(names[i], sizeof(names[i]), "%s/%s", target, files[i]);
		paths[i] = names[i];
	}
	join("", paths, ret_text);
	if (!ret_text[0])
		snprintf(ret_text, PROOF_TEXT, "a disk without a name");
}

void proof_setting_read(const char *root, const char *partition, struct proof_setting *ret_setting)
{
	read_firmware(root, ret_setting->firmware);
	read_loader(root, ret_setting->loader);
	read_disk(root, partition, ret_setting->disk);
}

// ---- What was written down -----------------------------------------------------

static void take_line(const struct state_text *text, const char *key, char *ret_value, size_t room)
{
	char value[VARIABLE_VALUE];

	state_value(text, key, 0, value);
	lb_snprintf(ret_value, room, "%s", value);
}

void proof_setting_take(const struct state_text *text, struct proof_setting *ret_setting)
{
	take_line(text, "firmware", ret_setting->firmware, PROOF_TEXT);
	take_line(text, "loader", ret_setting->loader, PROOF_TEXT);
	take_line(text, "disk", ret_setting->disk, PROOF_TEXT);
}

void proof_setting_add(struct state_text *text, const struct proof_setting *setting)
{
	state_add(text, "firmware", "%s", setting->firmware);
	state_add(text, "loader", "%s", setting->loader);
	state_add(text, "disk", "%s", setting->disk);
}

static bool read_record(const char *root, struct proof *ret_proof)
{
	static struct state_text text;

	memset(ret_proof, 0, sizeof(*ret_proof));
	if (!state_read(root, STATE_PROOF, &text))
		return false;
	take_line(&text, "verdict", ret_proof->verdict, sizeof(ret_proof->verdict));
	take_line(&text, "partition", ret_proof->partition, sizeof(ret_proof->partition));
	proof_setting_take(&text, &ret_proof->setting);
	return ret_proof->verdict[0];
}

static int write_record(const char *root, const struct proof *proof, struct lb_error *err)
{
	static struct state_text text;

	text.bytes = 0;
	state_add(&text, "verdict", "%s", proof->verdict);
	state_add(&text, "partition", "%s", proof->partition);
	proof_setting_add(&text, &proof->setting);
	return state_write(root, STATE_PROOF, &text, err);
}

static void compare(const char *what, const char *was, const char *is, char ret_change[PROOF_CHANGE])
{
	if (!ret_change[0] && strcmp(was, is) != 0)
		snprintf(ret_change, PROOF_CHANGE, "the %s changed from \"%s\" to \"%s\"", what, was, is);
}

void proof_setting_compare(const struct proof_setting *was, const struct proof_setting *now,
			   char ret_change[PROOF_CHANGE])
{
	ret_change[0] = '\0';
	compare("firmware", was->firmware, now->firmware, ret_change);
	if (now->loader[0])
		compare("loader", was->loader, now->loader, ret_change);
	compare("disk", was->disk, now->disk, ret_change);
}

bool proof_read(const char *root, struct proof *ret_proof)
{
	struct proof_setting now;

	if (!read_record(root, ret_proof))
		return false;
	proof_setting_read(root, ret_proof->partition, &now);
	proof_setting_compare(&ret_proof->setting, &now, ret_proof->stale);
	return true;
}

// ---- What is on the partitions -------------------------------------------------

// The loader goes by the first partition's verdict, and so do we.
static void take_first(struct dump *dump, void *context)
{
	struct proof *proof = context;
	const uint32_t selftest = dump->header.selftest;
	char uuid[LB_UUID_TEXT];

	if (proof->verdict[0] || selftest == LB_SELFTEST_NONE || selftest > LB_SELFTEST_FAILED)
		return;
	snprintf(proof->verdict, sizeof(proof->verdict), "%s", verdicts[selftest]);
	snprintf(proof->partition, sizeof(proof->partition), "%.36s",
		 lb_uuid_format(dump->header.partuuid, uuid));
}

int proof_take(const char *root, struct lb_error *err)
{
	struct proof there = {.verdict = ""}, known;

	dumps_each(root, take_first, &there);
	read_record(root, &known);
	if (strcmp(there.verdict, known.verdict) == 0 && strcmp(there.partition, known.partition) == 0)
		return 0;
	if (!there.verdict[0])
		return state_remove(root, STATE_PROOF, err);
	proof_setting_read(root, there.partition, &there.setting);
	journal_tell(root, EVENT_TESTED, "the try without a crash %s on partition %s",
		     strcmp(there.verdict, "begun") == 0 ? "did not come back" : there.verdict,
		     there.partition);
	return write_record(root, &there, err);
}

struct forgetting {
	struct lb_error *err;
	bool writes, failed;
};

static void forget_one(struct dump *dump, void *context)
{
	struct forgetting *forgetting = context;

	if (forgetting->failed || dump->header.selftest == LB_SELFTEST_NONE)
		return;
	if (lb_dump_header_unsaved(&dump->header)) {
		lb_fail(forgetting->err, "%s holds a dump that nobody has saved: lifeboatctl save",
			dump->device.name);
		forgetting->failed = true;
	} else if (forgetting->writes) {
		forgetting->failed = device_make_writable(&dump->device, forgetting->err) != 0 ||
				     dump_forget_selftest(dump, forgetting->err) != 0;
	}
}

int proof_forget(const char *root, bool dry_run, struct lb_error *err)
{
	struct forgetting forgetting = {.err = err};

	dumps_each(root, forget_one, &forgetting);
	if (dry_run)
		return forgetting.failed ? -1 : 0;
	forgetting.writes = true;
	if (!forgetting.failed)
		dumps_each(root, forget_one, &forgetting);
	return forgetting.failed ? -1 : state_remove(root, STATE_PROOF, err);
}
