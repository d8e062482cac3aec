// SPDX-License-Identifier: BSD-2-Clause
#include "loader/command_line.h"

#include <efi.h>

#include <efishell.h>

#include "lib/mem.h"
#include "lib/sha256.h"
#include "lib/utf16.h"
#include "loader/budget.h"
#include "loader/file.h"
#include "loader/firmware.h"
#include "loader/measure.h"
#include "loader/options/config.h"
#include "loader/options/load_options.h"
#include "loader/options/path.h"
#include "loader/print.h"

#define LB_HOME "\\EFI\\lifeboat"

static struct lb_sha256 sum; // of what was read

struct words {
	char *text; // pool; what `list` points into
	const char **list; // pool
	uint32_t count;
	char base[LB_MAX_PATH];
};

static void free_words(struct words *words)
{
	lb_pool_free(&words->text);
	lb_pool_free(&words->list);
}

// The path of lifeboat.efi on its volume, out of the loaded image's device path: file path
// nodes, one behind the other. "" when there are none (network boot).
static void own_path(char out[LB_MAX_PATH])
{
	EFI_LOADED_IMAGE *image = lb_own_image();
	char joined[2 * LB_MAX_PATH] = "";
	size_t used = 0;

	if (image && image->FilePath) {
		for (EFI_DEVICE_PATH *node = lb_path_node(image->FilePath); node;
		     node = lb_path_node(NextDevicePathNode(node))) {
			size_t units = (DevicePathNodeLength(node) - sizeof(*node)) / sizeof(CHAR16);
			uint16_t name[LB_MAX_PATH] = {0};

			if (DevicePathType(node) != MEDIA_DEVICE_PATH ||
			    DevicePathSubType(node) != MEDIA_FILEPATH_DP)
				continue;
			if (units > LB_MAX_PATH)
				units = LB_MAX_PATH;
			memcpy(name, (const uint8_t *)node + sizeof(*node), units * sizeof(CHAR16));
			if (used + 1 < sizeof(joined))
				used += lb_snprintf(joined + used, sizeof(joined) - used, "\\");
			used += lb_utf16_to_utf8(name, units, joined + used, sizeof(joined) - used);
			if (used >= sizeof(joined))
				break;
		}
	}
	if (used == 0 || used >= sizeof(joined) || lb_path_resolve("", joined, out, LB_MAX_PATH, NULL) != 0)
		out[0] = '\0';
}

void lb_command_line_directory(char out[LB_MAX_PATH])
{
	char path[LB_MAX_PATH], directory[LB_MAX_PATH + 1];

	own_path(path);
	lb_path_directory(path, directory);
	lb_snprintf(out, LB_MAX_PATH, "%s", directory);
}

static void *find_shell(void)
{
	static EFI_GUID guid = EFI_SHELL_PROTOCOL_GUID;
	void *interface = NULL;

	return EFI_ERROR(BS->LocateProtocol(&guid, NULL, &interface)) ? NULL : interface;
}

bool lb_command_line_shell(void)
{
	return find_shell();
}

// The shell's current directory ("FS0:\dir"), else that of lifeboat.efi.
static void current_directory(char out[LB_MAX_PATH])
{
	EFI_SHELL_PROTOCOL *shell = find_shell();

	if (shell) {
		const CHAR16 *directory = shell->GetCurDir(NULL);

		if (directory && lb_utf16_to_utf8(directory, LB_MAX_PATH, out, LB_MAX_PATH) < LB_MAX_PATH)
			return;
	}
	lb_command_line_directory(out);
}

// False: there is no shell, or it lacks this protocol.
static bool words_of_shell(struct words *words, int *ret_result, struct lb_error *err)
{
	static EFI_GUID guid = EFI_SHELL_PARAMETERS_PROTOCOL_GUID;
	EFI_SHELL_PARAMETERS_PROTOCOL *parameters;
	void *interface = NULL;
	size_t bytes = 0;
	char *to;

	if (EFI_ERROR(BS->HandleProtocol(lb_image, &guid, &interface)))
		return false;
	parameters = interface;
	for (UINTN i = 1; i < parameters->Argc; i++)
		bytes += lb_utf16_to_utf8(parameters->Argv[i], SIZE_MAX, NULL, 0) + 1;
	words->text = to = lb_pool_alloc(bytes + 1);
	words->list = lb_pool_alloc((parameters->Argc + 1) * sizeof(*words->list));
	if (!words->text || !words->list) {
		*ret_result = lb_fail(err, "command line: no memory for its %zu bytes", bytes);
		return true;
	}
	for (UINTN i = 1; i < parameters->Argc; i++) {
		words->list[words->count++] = to;
		to += lb_utf16_to_utf8(parameters->Argv[i], SIZE_MAX, to, bytes + 1) + 1;
	}
	current_directory(words->base);
	*ret_result = 0;
	return true;
}

static int words_of_load_options(struct words *words, struct lb_error *err)
{
	EFI_LOADED_IMAGE *image = lb_own_image();
	LB_CLEANUP(lb_pool_free) uint16_t *aligned = NULL;
	char own[LB_MAX_PATH];
	struct lb_error reason;
	size_t bytes, room;

	lb_command_line_directory(words->base);
	if (!image || !image->LoadOptions || image->LoadOptionsSize == 0)
		return 0;
	bytes = image->LoadOptionsSize;
	room = bytes * 2 + 1; // UTF-8 takes at most 3 bytes for 2 of UTF-16
	aligned = lb_pool_alloc(bytes + 1);
	words->text = lb_pool_alloc(room);
	words->list = lb_pool_alloc(LB_MAX_WORDS * sizeof(*words->list));
	if (!aligned || !words->text || !words->list)
		return lb_fail(err, "load options: no memory for their %zu bytes", bytes);
	memcpy(aligned, image->LoadOptions, bytes);
	if (lb_load_options_text(aligned, bytes, words->text, room, &reason) != 0) {
		lb_print_warning("%s; ignored", reason.text);
		return 0;
	}
	if (lb_load_options_split(words->text, words->list, LB_MAX_WORDS, &words->count, err) != 0)
		return -1;
	own_path(own);
	if (words->count > 0 && own[0] && lb_path_is_program(words->list[0], lb_path_name(own))) {
		words->count--;
		memmove(words->list, words->list + 1, words->count * sizeof(*words->list));
	}
	return 0;
}

// Reads lifeboat.conf of `directory` into *options. Its content goes into the caller's *ret_file, which is
// empty before. A missing file is not an error.
static int read_config_of(const char *directory, struct lb_options *options, bool *ret_found,
			  struct lb_file *ret_file, struct lb_error *err)
{
	char path[LB_MAX_PATH];
	EFI_STATUS status;

	*ret_found = false;
	if (lb_path_resolve(directory, LB_CONFIG_NAME, path, sizeof(path), err) != 0)
		return -1;
	lb_budget_wait();
	status = lb_file_read(path, ret_file, err);
	lb_budget_waited();
	if (status == EFI_NOT_FOUND)
		return 0;
	*ret_found = true;
	if (EFI_ERROR(status))
		return -1;
	lb_sha256_add(&sum, ret_file->data, ret_file->bytes);
	lb_options_source(options, directory);
	return lb_config_parse(path, ret_file->data, ret_file->bytes, options, err);
}

static int read_config(struct lb_options *options, struct lb_file *ret_file, struct lb_error *err)
{
	char directory[LB_MAX_PATH];
	bool found;
	int result;

	lb_command_line_directory(directory);
	result = read_config_of(directory, options, &found, ret_file, err);
	return found || result != 0 ? result : read_config_of(LB_HOME, options, &found, ret_file, err);
}

// True for a boot-services driver, as lifeboatx64.efi is linked to be. The firmware tells by the memory
// type that it chose.
bool lb_command_line_driver(void)
{
	EFI_LOADED_IMAGE *image = lb_own_image();

	return image && image->ImageCodeType == EfiBootServicesCode;
}

void lb_command_line_init(struct lb_options *options)
{
	lb_options_init(options);
	options->resident = lb_command_line_driver();
}

int lb_command_line_read(struct lb_options *options, struct lb_error *err)
{
	LB_CLEANUP(free_words) struct words words = {0};
	LB_CLEANUP(lb_file_free) struct lb_file config = {0};
	int result = 0;
	bool typed;

	lb_command_line_init(options);
	lb_sha256_begin(&sum);
	typed = words_of_shell(&words, &result, err);
	if (!typed)
		result = words_of_load_options(&words, err);
	if (result != 0)
		return result;

	for (uint32_t i = 0; i < words.count; i++)
		lb_sha256_add(&sum, words.list[i], lb_strlen(words.list[i]) + 1);
	lb_options_source(options, words.base);
	result = lb_options_words(options, words.count, words.list, err);
	if ((options->resident || (!options->kernel[0] && !options->chain[0])) && !options->help &&
	    !options->help_dump && !options->version) {
		struct lb_error later;

		lb_command_line_init(options);
		if (read_config(options, &config, result == 0 ? err : NULL) != 0)
			result = -1;
		lb_options_source(options, words.base);
		lb_options_words(options, words.count, words.list, &later); // said once already
	}
	options->typed = typed;
	if (lb_options_finish(options, result == 0 ? err : NULL) != 0)
		result = -1;
	if (config.data && !options->no_measure && !lb_options_answer(options))
		lb_measure_config(config.data, config.bytes);
	return result;
}

uint64_t lb_command_line_sum(void)
{
	struct lb_sha256 copy = sum;
	uint8_t digest[LB_SHA256_BYTES];
	uint64_t first;

	lb_sha256_end(&copy, digest);
	memcpy(&first, digest, sizeof(first));
	return first;
}
