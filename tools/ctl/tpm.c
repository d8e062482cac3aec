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

// The numbers of "tpm2-pcrs":[7,11] behind `at`, up to the token's end.
static uint32_t read_pcrs(const char *token)
{
	static const char key[] = "\"tpm2-pcrs\"";
	const char *at = strstr(token, key);
	uint32_t pcrs = 0;

	at = at ? strchr(at, '[') : NULL;
	if (!at)
		return 0;
	while (*at && *at != ']') {
		char *end;
		const unsigned long number = strtoul(++at, &end, 10);

		if (end == at)
			break;
		if (number < 24)
			pcrs |= TPM_PCR(number);
		at = end + strspn(end, " \t\n");
		if (*at != ',')
			break;
	}
	return pcrs;
}

// Has `text` "type":"NAME"? Writers put no blanks there, or one.
static const char *find_type(const char *text, const char *name)
{
	char wanted[64];
	const char *at;

	snprintf(wanted, sizeof(wanted), "\"type\":\"%s\"", name);
	at = strstr(text, wanted);
	if (at)
		return at;
	snprintf(wanted, sizeof(wanted), "\"type\": \"%s\"", name);
	return strstr(text, wanted);
}

static uint32_t judge_metadata(const char *text)
{
	const char *at = find_type(text, "systemd-tpm2");

	if (at)
		return read_pcrs(at);
	return find_type(text, "clevis") ? TPM_PCRS_UNKNOWN : 0;
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

static void take_device(const char *root, const char *device, struct tpm_volumes *volumes)
{
	struct lb_error ignored;
	char path[FILE_PATH];
	uint32_t pcrs;

	if (volumes->count == TPM_VOLUMES || file_path(root, device, path, &ignored) != 0 ||
	    !read_volume(path, &pcrs))
		return;
	snprintf(volumes->list[volumes->count].device, TPM_DEVICE, "%s", device);
	volumes->list[volumes->count++].pcrs = pcrs;
}

void tpm_find(const char *root, struct tpm_volumes *ret_volumes)
{
	static struct disk disk;
	struct lb_error ignored;
	char device[TPM_DEVICE];
	char **names;
	const int count = disk_names(root, &names);

	*ret_volumes = (struct tpm_volumes){.count = 0};
	for (int i = 0; i < count; i++) {
		take_device(root, disk_device(names[i], 0, device, sizeof(device)), ret_volumes);
		if (disk_read(root, names[i], &disk, &ignored) != 0)
			disk.count = 0;
		for (unsigned int j = 0; j < disk.count; j++)
			take_device(root,
				    disk_device(names[i], disk.partitions[j].number, device, sizeof(device)),
				    ret_volumes);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

char *tpm_pcrs_text(uint32_t pcrs, char *text, unsigned int bytes)
{
	unsigned int used = 0;

	snprintf(text, bytes, "not known");
	for (unsigned int i = 0; i < 24 && !(pcrs & TPM_PCRS_UNKNOWN); i++)
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
