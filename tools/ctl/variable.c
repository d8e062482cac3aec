// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/variable.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text_line.h"

#define ATTRIBUTES 4U // bytes before the value (Documentation/filesystems/efivarfs.rst)
#define TEXT_MAX 65536U

static bool is_empty_folder(const char *root)
{
	struct lb_error ignored;
	const struct dirent *entry;
	char path[FILE_PATH];
	bool empty = true;
	DIR *folder;

	if (file_path(root, EFIVARS_FOLDER, path, &ignored) != 0)
		return true;
	folder = opendir(path);
	if (!folder)
		return true;
	while ((entry = readdir(folder)) != NULL)
		empty = empty && entry->d_name[0] == '.';
	closedir(folder);
	return empty;
}

enum variable_state variable_read(const char *root, struct content *ret_text)
{
	struct lb_error ignored;
	struct content content;
	char path[FILE_PATH];

	if (!file_exists(root, EFI_FOLDER))
		return VARIABLE_NO_EFI;
	if (file_path(root, EFIVARS_FOLDER "/" VARIABLE_NAME, path, &ignored) != 0 ||
	    file_read(path, TEXT_MAX, &content) != 0)
		return is_empty_folder(root) ? VARIABLE_NO_EFIVARS : VARIABLE_ABSENT;
	if (content.bytes < ATTRIBUTES) {
		free(content.data);
		return VARIABLE_ABSENT;
	}
	content.bytes -= ATTRIBUTES;
	memmove(content.data, content.data + ATTRIBUTES, content.bytes + 1);
	*ret_text = content;
	return VARIABLE_FOUND;
}

bool variable_value(const struct content *text, const char *key, unsigned int number,
		    char ret_value[VARIABLE_VALUE])
{
	const size_t key_bytes = strlen(key);
	char line[VARIABLE_VALUE + 64];

	for (size_t at = 0; at < text->bytes;) {
		at += lb_text_line(text->data + at, text->bytes - at, line, sizeof(line));
		if (strncmp(line, key, key_bytes) != 0 || line[key_bytes] != '=')
			continue;
		if (number-- == 0) {
			lb_snprintf(ret_value, VARIABLE_VALUE, "%s", line + key_bytes + 1);
			return true;
		}
	}
	return false;
}
