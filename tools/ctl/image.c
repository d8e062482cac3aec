// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE // memmem()
#include "tools/ctl/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PE_X86_64 0x8664U
#define PE32_PLUS 0x20bU
// Places in the PE header: signature and file header have 24 bytes, the optional header is behind them.
#define PE_MACHINE 4U
#define PE_MAGIC 24U
#define PE_SUBSYSTEM (PE_MAGIC + 68U)
#define PE_CHECKSUM (PE_MAGIC + 64U)
#define PE_CERTIFICATES (PE_MAGIC + 144U) // the data directory's entry 4: offset in the file and bytes
#define PE_BYTES (PE_CERTIFICATES + 8U)

static uint32_t number(const struct content *content, size_t at, size_t bytes)
{
	uint32_t value = 0;

	memcpy(&value, content->data + at, bytes);
	return value;
}

// The fifth field of the second line of .sbat: "lifeboat,1,Lifeboat,lifeboat,0.2.0,...".
static void read_version(const struct content *content, char *ret_version, size_t room)
{
	static const char line[] = "\nlifeboat,";
	const char *end = content->data + content->bytes;
	const char *at = memmem(content->data, content->bytes, line, sizeof(line) - 1);
	size_t used = 0;

	*ret_version = '\0';
	for (unsigned int field = 0; at && field < 4; field++) {
		at = memchr(at, ',', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	for (; at && at < end && ((*at >= '0' && *at <= '9') || *at == '.') && used + 1 < room; at++)
		ret_version[used++] = *at;
	ret_version[used] = '\0';
}

// Digests all but the checksum, the certificates' place, and the certificates (Authenticode). The file's
// sections follow each other without a gap, which `make lint` checks.
static void digest(const struct content *content, uint32_t pe, size_t end, uint8_t *ret_digest)
{
	const char *data = content->data;
	struct lb_sha256 sha;

	lb_sha256_begin(&sha);
	lb_sha256_add(&sha, data, pe + PE_CHECKSUM);
	lb_sha256_add(&sha, data + pe + PE_CHECKSUM + 4, PE_CERTIFICATES - PE_CHECKSUM - 4);
	lb_sha256_add(&sha, data + pe + PE_BYTES, end - pe - PE_BYTES);
	lb_sha256_end(&sha, ret_digest);
}

static int judge(const char *path, enum image_kind kind, struct image *image, struct lb_error *err)
{
	const struct content *content = &image->content;
	uint32_t pe, at, bytes;

	pe = content->bytes >= 64 && memcmp(content->data, "MZ", 2) == 0 ? number(content, 0x3c, 4)
									 : UINT32_MAX;
	if (pe > content->bytes || content->bytes - pe < PE_BYTES ||
	    memcmp(content->data + pe, "PE\0", 4) != 0 || number(content, pe + PE_MACHINE, 2) != PE_X86_64 ||
	    number(content, pe + PE_MAGIC, 2) != PE32_PLUS)
		return lb_fail(err, "%.160s: no program for UEFI on x86-64", path);
	if (number(content, pe + PE_SUBSYSTEM, 2) != (uint32_t)kind)
		return lb_fail(err, "%.160s: its subsystem is %u, wanted %u", path,
			       number(content, pe + PE_SUBSYSTEM, 2), kind);
	read_version(content, image->version, sizeof(image->version));
	if (!image->version[0])
		return lb_fail(err, "%.160s: not a program of Lifeboat's: its .sbat does not name lifeboat",
			       path);
	at = number(content, pe + PE_CERTIFICATES, 4);
	bytes = number(content, pe + PE_CERTIFICATES + 4, 4);
	if (bytes && at >= pe + PE_BYTES && at < content->bytes && bytes <= content->bytes - at) {
		image->signature = (const uint8_t *)content->data + at;
		image->signature_bytes = bytes;
		signature_read(image->signature, bytes, &image->signers);
	}
	digest(content, pe, image->signature ? at : content->bytes, image->digest);
	return 0;
}

int image_read(const char *path, enum image_kind kind, struct image *ret_image, struct lb_error *err)
{
	struct image image = {.signature = NULL};

	ret_image->content.data = NULL;
	if (file_read(path, IMAGE_MAX, &image.content) != 0)
		return lb_fail(err, "%.160s: %s", path, strerror(errno));
	if (judge(path, kind, &image, err) != 0) {
		image_free(&image);
		return -1;
	}
	*ret_image = image;
	return 0;
}

void image_free(struct image *image)
{
	free(image->content.data);
	*image = (struct image){.signature = NULL};
}

int image_compare_versions(const char *left, const char *right)
{
	while (*left || *right) {
		char *left_end, *right_end;
		const unsigned long one = strtoul(left, &left_end, 10),
				    other = strtoul(right, &right_end, 10);

		if (one != other)
			return one < other ? -1 : 1;
		left = *left_end == '.' ? left_end + 1 : "";
		right = *right_end == '.' ? right_end + 1 : "";
	}
	return 0;
}
