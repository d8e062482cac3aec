// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/tpm.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/disk.h"
#include "tools/ctl/file.h"
#include "tools/ctl/mount.h"

#define HEADER_BYTES 4096U // the binary part, before the JSON
#define METADATA_MAX (4U << 20) // the largest that the format allows
#define DEPTH_MAX 8U
#define BLANKS " \t\r\n"
#define TPM_PCRS 24U

// ---- JSON ----------------------------------------------------------------------
// As much of it as tokens have. A text that is none ends where it cannot be understood.

// The text behind the string that begins at `at`; the text's end where that string has no end.
static const char *skip_string(const char *at)
{
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && at[1])
			at++;
	return *at ? at + 1 : at;
}

// The value of `key`, wherever in the text; NULL: it has none. Strings that only look like keys have no
// colon.
static const char *find_value(const char *text, const char *key)
{
	const size_t bytes = strlen(key);

	for (const char *at = text; *at;) {
		const char *end, *behind;

		if (*at != '"') {
			at++;
			continue;
		}
		end = skip_string(at);
		behind = end + strspn(end, BLANKS);
		if (*behind == ':' && (size_t)(end - at) == bytes + 2 && strncmp(at + 1, key, bytes) == 0)
			return behind + 1 + strspn(behind + 1, BLANKS);
		at = end;
	}
	return NULL;
}

static bool value_is(const char *text, const char *key, const char *wanted)
{
	const char *value = find_value(text, key);
	const size_t bytes = strlen(wanted);

	return value && strncmp(value, wanted, bytes) == 0;
}

// The next object at this depth from *at on, cut out of the text; *at is left behind it. NULL: there is none.
static char *next_object(char **at)
{
	char *begin, *to;
	unsigned int depth = 0;

	for (to = *at; *to && *to != '{'; to = *to == '"' ? to + (skip_string(to) - to) : to + 1)
		if (*to == '}')
			return NULL;
	for (begin = to; *to; to++) {
		if (*to == '"')
			to += skip_string(to) - to - 1;
		else if (*to == '{')
			depth++;
		else if (*to == '}' && --depth == 0)
			break;
	}
	if (!*to)
		return NULL;
	*to = '\0';
	*at = to + 1;
	return begin;
}

// Numbers parted by commas, up to what is none.
static uint32_t read_numbers(const char *at)
{
	uint32_t pcrs = 0;

	for (;;) {
		char *end;
		const unsigned long number = strtoul(at, &end, 10);

		if (end == at)
			return pcrs;
		if (number < TPM_PCRS)
			pcrs |= TPM_PCR(number);
		at = end + strspn(end, BLANKS);
		if (*at++ != ',')
			return pcrs;
	}
}

// ---- Tokens --------------------------------------------------------------------

// systemd-cryptenroll(1): PCRs by value, those of a signed policy, or one that systemd-pcrlock keeps.
static uint32_t judge_systemd(const char *token)
{
	static const char *const keys[] = {"tpm2-pcrs", "tpm2_pubkey_pcrs"};
	uint32_t pcrs = value_is(token, "tpm2_pcrlock", "true") ? TPM_PCRS_UNKNOWN : 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *value = find_value(token, keys[i]);

		if (value && *value == '[')
			pcrs |= read_numbers(value + 1);
	}
	return pcrs;
}

static int digit_of(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

// base64url, which JOSE uses (RFC 7515), up to what is none of it.
static void decode(const char *from, char *to, size_t room)
{
	uint32_t bits = 0;
	unsigned int count = 0;
	size_t used = 0;
	int digit;

	for (; (digit = digit_of(*from)) >= 0 && used + 1 < room; from++) {
		bits = bits << 6 | (uint32_t)digit;
		count += 6;
		if (count >= 8) {
			count -= 8;
			to[used++] = (char)(bits >> count);
		}
	}
	to[used] = '\0';
}

// clevis(1): the protected header of its JWE names the pin, and a TPM's PCRs as "7" or "4,7".
static uint32_t judge_clevis(const char *token)
{
	static char header[4096];
	const char *value = find_value(token, "protected");

	decode(value && *value == '"' ? value + 1 : "", header, sizeof(header));
	if (value_is(header, "pin", "\"tang\""))
		return 0; // a server's, no TPM's
	if (!value_is(header, "pin", "\"tpm2\""))
		return TPM_PCRS_UNKNOWN; // several of them, or one that is not known
	value = find_value(header, "pcr_ids");
	return value ? read_numbers(value + (*value == '"')) : 0;
}

static uint32_t judge_token(const char *token)
{
	if (value_is(token, "type", "\"systemd-tpm2\""))
		return judge_systemd(token);
	return value_is(token, "type", "\"clevis\"") ? judge_clevis(token) : 0;
}

// A volume may have several.
static uint32_t judge_metadata(char *text)
{
	const char *tokens = find_value(text, "tokens");
	char *at = tokens ? text + (tokens - text) : NULL, *token;
	uint32_t pcrs = 0;

	if (!at || *at++ != '{')
		return 0;
	while ((token = next_object(&at)) != NULL)
		pcrs |= judge_token(token);
	return pcrs;
}

static bool read_metadata(int fd, uint64_t bytes, uint32_t *ret_pcrs)
{
	char *text = calloc(1, bytes - HEADER_BYTES + 1);
	bool done;

	if (!text)
		return false;
	done = pread(fd, text, bytes - HEADER_BYTES, HEADER_BYTES) > 0;
	*ret_pcrs = judge_metadata(text);
	free(text);
	return done;
}

// False: no LUKS2 volume with a token.
static bool read_volume(const char *path, uint32_t *ret_pcrs)
{
	static const uint8_t magic[8] = {'L', 'U', 'K', 'S', 0xba, 0xbe, 0, 2};
	const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	uint8_t head[16];
	uint64_t bytes;
	bool bound;

	if (fd < 0)
		return false;
	bound = pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
		memcmp(head, magic, sizeof(magic)) == 0;
	memcpy(&bytes, head + 8, sizeof(bytes));
	bytes = bound ? __builtin_bswap64(bytes) : 0;
	bound = bytes > HEADER_BYTES && bytes <= METADATA_MAX && read_metadata(fd, bytes, ret_pcrs) &&
		*ret_pcrs;
	close(fd);
	return bound;
}

// A volume's first sector: a jump of three bytes, then this name. Whether a TPM has a key of it cannot be
// read.
static bool is_bitlocker(const char *path)
{
	static const char name[8] = {'-', 'F', 'V', 'E', '-', 'F', 'S', '-'};
	const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char head[11];
	bool found;

	if (fd < 0)
		return false;
	found = pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
		memcmp(head + 3, name, sizeof(name)) == 0;
	close(fd);
	return found;
}

static void take_device(const char *root, const char *device, bool secure_boot, struct tpm_volumes *volumes)
{
	const uint32_t windows =
		secure_boot ? TPM_PCR(7) | TPM_PCR(11) : TPM_PCR(0) | TPM_PCR(2) | TPM_PCR(4) | TPM_PCR(11);
	struct lb_error ignored;
	char path[FILE_PATH];
	uint32_t pcrs = windows;
	bool bitlocker;

	if (volumes->count == TPM_VOLUMES || file_path(root, device, path, &ignored) != 0)
		return;
	bitlocker = is_bitlocker(path);
	if (!bitlocker && !read_volume(path, &pcrs))
		return;
	snprintf(volumes->list[volumes->count].device, TPM_DEVICE, "%s", device);
	volumes->list[volumes->count].bitlocker = bitlocker;
	volumes->list[volumes->count++].pcrs = pcrs;
}

void tpm_find(const char *root, bool secure_boot, struct tpm_volumes *ret_volumes)
{
	static struct disk disk;
	struct lb_error ignored;
	char device[TPM_DEVICE];
	char **names;
	const int count = disk_names(root, &names);

	*ret_volumes = (struct tpm_volumes){.count = 0};
	for (int i = 0; i < count; i++) {
		take_device(root, disk_device(names[i], 0, device, sizeof(device)), secure_boot, ret_volumes);
		if (disk_read(root, names[i], &disk, &ignored) != 0)
			disk.count = 0;
		for (unsigned int j = 0; j < disk.count; j++)
			take_device(root,
				    disk_device(names[i], disk.partitions[j].number, device, sizeof(device)),
				    secure_boot, ret_volumes);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

char *tpm_pcrs_text(uint32_t pcrs, char *text, unsigned int bytes)
{
	unsigned int used = 0;

	snprintf(text, bytes, "not known");
	for (unsigned int i = 0; i < TPM_PCRS && !(pcrs & TPM_PCRS_UNKNOWN); i++)
		if ((pcrs & TPM_PCR(i)) && used < bytes)
			used += (unsigned int)snprintf(text + used, bytes - used, "%s%u", used ? ", " : "",
						       i);
	return text;
}

// `folder`: of a block device in sysfs; below it are dm/uuid and slaves/.
static bool is_crypt(const char *root, const char *folder, unsigned int depth)
{
	char path[FILE_PATH], whole[FILE_PATH], uuid[64];
	const struct dirent *entry;
	struct lb_error ignored;
	bool found = false;
	DIR *slaves;

	snprintf(path, sizeof(path), "%.2000s/dm/uuid", folder);
	file_line(root, path, uuid, sizeof(uuid));
	if (strncmp(uuid, "CRYPT-", 6) == 0)
		return true;
	snprintf(path, sizeof(path), "%.2000s/slaves", folder);
	if (depth == DEPTH_MAX || file_path(root, path, whole, &ignored) != 0)
		return false;
	slaves = opendir(whole);
	while (slaves && !found && (entry = readdir(slaves)) != NULL) {
		char below[FILE_PATH];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%.2000s/slaves/%.255s", folder, entry->d_name);
		found = is_crypt(root, below, depth + 1);
	}
	if (slaves)
		closedir(slaves);
	return found;
}

bool root_is_encrypted(const char *root)
{
	char folder[64];
	struct mount mount;

	if (!mount_find(root, "/", &mount))
		return false;
	snprintf(folder, sizeof(folder), "/sys/dev/block/%s", mount.numbers);
	return is_crypt(root, folder, 0);
}
