// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/path.h"

static bool is_slash(char c)
{
	return c == '\\' || c == '/';
}

const char *lb_path_behind_volume(const char *path)
{
	const char *colon = lb_strchr(path, ':');

	return colon ? colon + 1 : NULL;
}

// A path that grows: slashes become backslashes, and doubled ones single.
struct sink {
	char *out; // NULL: only counted
	size_t used;
	char last;
};

static void append(struct sink *sink, const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char c = is_slash(text[i]) ? '\\' : text[i];

		if (c == '\\' && sink->last == '\\')
			continue;
		if (sink->out)
			sink->out[sink->used] = c;
		sink->used++;
		sink->last = c;
	}
}

static size_t join(const char *base, const char *path, char *out)
{
	const char *behind = lb_path_behind_volume(base);
	size_t volume = behind ? (size_t)(behind - base) : 0;
	struct sink sink = {.out = out};

	if (!lb_path_behind_volume(path)) {
		append(&sink, base, is_slash(path[0]) ? volume : lb_strlen(base));
		append(&sink, "\\", 1);
	}
	append(&sink, path, lb_strlen(path));
	return sink.used;
}

int lb_path_resolve(const char *base, const char *path, char *out, size_t bytes, struct lb_error *err)
{
	size_t used = join(base, path, NULL);

	if (used >= bytes)
		return lb_fail(err, "%.60s: the whole path has %zu bytes, %zu are possible", path, used,
			       bytes - 1);
	out[join(base, path, out)] = '\0';
	return 0;
}

const char *lb_path_name(const char *path)
{
	const char *name = path;

	for (const char *c = path; *c; c++)
		if (is_slash(*c) || *c == ':')
			name = c + 1;
	return name;
}

void lb_path_directory(const char *path, char *out)
{
	size_t bytes = (size_t)(lb_path_name(path) - path);

	while (bytes > 1 && is_slash(path[bytes - 1]))
		bytes--;
	for (size_t i = 0; i < bytes; i++)
		out[i] = path[i];
	if (bytes == 0 || out[bytes - 1] == ':')
		out[bytes++] = '\\';
	out[bytes] = '\0';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool lb_path_is_program(const char *word, const char *own)
{
	static const char suffix[] = ".efi";
	const char *name = lb_path_name(word);
	size_t i = 0;

	for (; name[i]; i++)
		if (lower(name[i]) != lower(own[i]))
			return false;
	if (i == 0)
		return false;
	if (own[i] == '\0')
		return true;
	for (size_t j = 0; j < sizeof(suffix); j++)
		if (lower(own[i + j]) != suffix[j])
			return false;
	return true;
}
