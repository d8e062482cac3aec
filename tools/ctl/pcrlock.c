// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/pcrlock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash/plan/panic_words.h"
#include "lib/utf16.h"
#include "tools/common/json.h"
#include "tools/ctl/place.h"
#include "tools/ctl/settings.h"

// Components are in their order in a boot: a Driver#### entry comes before the separators (500), what boot
// managers load after them, and before the kernel (650).
#define COMPONENTS "/var/lib/pcrlock.d"
#define EARLY COMPONENTS "/300-lifeboat.pcrlock.d"
#define LATE COMPONENTS "/630-lifeboat.pcrlock.d"
#define POLICY "/var/lib/systemd/pcrlock.json"

// PCRs by the UAPI group's registry; loader/measure.h.
#define PCR_DRIVERS 2U
#define PCR_PROGRAMS 4U
#define PCR_BOOT_CONFIG 5U
#define PCR_KERNEL_CONFIG 12U

static bool has_pcrlock(const char *root)
{
	return file_exists(root, "/usr/lib/systemd/systemd-pcrlock") ||
	       file_exists(root, "/lib/systemd/systemd-pcrlock");
}

static void put_record(struct json *json, unsigned int pcr, const uint8_t digest[LB_SHA256_BYTES])
{
	char text[2 * LB_SHA256_BYTES + 1];

	for (size_t i = 0; i < LB_SHA256_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	json_open(json, NULL, '{');
	json_number(json, "pcr", pcr);
	json_open(json, "digests", '[');
	json_open(json, NULL, '{');
	json_text(json, "hashAlg", "sha256");
	json_text(json, "digest", text);
	json_close(json, '}');
	json_close(json, ']');
	json_close(json, '}');
}

static void put_words(struct json *json, uint32_t words)
{
	char text[LB_PANIC_WORDS_TEXT];
	uint16_t wide[LB_PANIC_WORDS_TEXT];
	uint8_t digest[LB_SHA256_BYTES];

	lb_panic_words_print(words, text);
	lb_sha256(wide, (lb_utf8_to_utf16(text, wide, LB_PANIC_WORDS_TEXT) + 1) * sizeof(*wide), digest);
	put_record(json, PCR_KERNEL_CONFIG, digest);
}

static void put_conf(struct json *json, const struct esp *esp, const struct settings *settings)
{
	struct lb_error ignored;
	struct content content;
	uint8_t digest[LB_SHA256_BYTES];
	char path[FILE_PATH];

	if (esp_file(esp, settings->name, path, &ignored) != 0 ||
	    file_read(path, SETTINGS_MAX, &content) != 0)
		return;
	lb_sha256(content.data, content.bytes, digest);
	free(content.data);
	put_record(json, PCR_BOOT_CONFIG, digest);
}

// The caller frees ret_content->data.
static int make(const struct esp *esp, enum mode mode, const struct image *image, struct content *ret_content,
		struct lb_error *err)
{
	static struct settings settings;
	struct json json = {.out = NULL};

	if (settings_read(esp, mode, "", &settings, err) != 0)
		return -1;
	json.out = open_memstream(&ret_content->data, &ret_content->bytes);
	if (!json.out)
		return lb_fail(err, "no memory");
	json_open(&json, NULL, '{');
	json_open(&json, "records", '[');
	put_record(&json, mode == MODE_CHAIN ? PCR_PROGRAMS : PCR_DRIVERS, image->digest);
	if (!settings.options.no_measure) {
		put_conf(&json, esp, &settings);
		put_words(&json, settings.options.panic_words);
	}
	json_close(&json, ']');
	json_close(&json, '}');
	if (fclose(json.out) != 0) {
		free(ret_content->data);
		return lb_fail(err, "no memory");
	}
	return 0;
}

static int put(const struct options *options, const char *name, const struct content *content,
	       struct lb_error *err)
{
	struct placed placed = {.count = 0};
	char path[FILE_PATH];

	if (file_path(options->root, name, path, err) != 0)
		return -1;
	if (place_compare(path, content->data, content->bytes) == PLACE_SAME)
		return 0;
	if (!options->dry_run && place_file(options->root, path, content, &placed, err) != 0)
		return -1;
	printf("%s: %s\n", options->dry_run ? "would write" : "wrote", path);
	if (!options->dry_run && file_exists(options->root, POLICY))
		puts("note: before the next boot, run: systemd-pcrlock make-policy");
	return 0;
}

void pcrlock_put(const struct options *options, const struct esp *esp, enum mode mode,
		 const struct image *image, const char *variant)
{
	struct content content = {.data = NULL};
	struct lb_error err;
	char name[128];

	if (!has_pcrlock(options->root))
		return;
	snprintf(name, sizeof(name), "%s/%s.pcrlock", mode == MODE_DRIVER ? EARLY : LATE, variant);
	if (make(esp, mode, image, &content, &err) != 0 || put(options, name, &content, &err) != 0)
		fprintf(stderr, "lifeboatctl: systemd-pcrlock is not told what a boot measures: %s\n",
			err.text);
	free(content.data);
}

void pcrlock_remove(const struct options *options)
{
	static const char *const folders[] = {EARLY, LATE}, *const names[] = {
								    "/" PCRLOCK_INSTALLED ".pcrlock",
								    "/" PCRLOCK_REPLACED ".pcrlock", ""};
	struct lb_error ignored;
	char name[128], path[FILE_PATH];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			snprintf(name, sizeof(name), "%s%s", folders[i], names[j]);
			if (file_path(options->root, name, path, &ignored) != 0 || access(path, F_OK) != 0)
				continue;
			if (names[j][0])
				printf("%s: %s\n", options->dry_run ? "would remove" : "removed", path);
			if (!options->dry_run && (names[j][0] ? unlink(path) : rmdir(path)) != 0)
				fprintf(stderr, "lifeboatctl: %s: %s\n", path, strerror(errno));
		}
	}
}
