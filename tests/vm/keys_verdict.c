// SPDX-License-Identifier: BSD-2-Clause
// Searches a machine's memory for an arming's keys.
//
//	keys_verdict IDENTITY MEMORY [PLANT] [MEMORY]...
//
// MEMORY is an image of all memory. The first image gives the keys: struct lb_crypt in it has the payload
// keys, and with IDENTITY the age headers there give each file key, shared secret and wrap key. Each image is
// searched for each of them. A line for each image counts them:
//
//	image N: payload COUNT file COUNT shared COUNT wrap COUNT
//
// PLANT, "plant=OFFSET", puts one secret of each kind into the image before it, from OFFSET on.
#define _GNU_SOURCE // memmem()
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash/crypt/base64.h"
#include "crash/crypt/identity.h"
#include "lifeboat/range.h"

enum { PAYLOAD, FILE_KEY, SHARED, WRAP, KINDS };
static const size_t lengths[KINDS] = {LB_CRYPT_KEY, LB_AGE_FILE_KEY, LB_CRYPT_SHARE, LB_CRYPT_KEY};
static const char *const names[KINDS] = {"payload", "file", "shared", "wrap"};

#define FILES (LB_MAX_TARGETS * LB_CRYPT_PARTS)

struct image {
	uint8_t *data;
	size_t bytes;
};

static struct lb_identities identities;
static uint8_t keys[FILES][KINDS][LB_CRYPT_KEY];
static unsigned int key_count;

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "keys_verdict: %s: %s\n", what, why);
	exit(2);
}

static void read_identities(const char *path)
{
	static char text[4096];
	FILE *file = fopen(path, "rb");
	struct lb_error err;
	size_t bytes;

	if (!file)
		fail(path, "not there");
	bytes = fread(text, 1, sizeof(text), file);
	fclose(file);
	if (lb_identities_read(text, bytes, &identities, &err) != 0)
		fail(path, err.text);
}

// Private: the planted secrets do not get into the file.
static struct image map(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct image image;
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0)
		fail(path, "not there");
	image.bytes = (size_t)status.st_size;
	image.data = mmap(NULL, image.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	if (image.data == MAP_FAILED)
		fail(path, "cannot be mapped");
	return image;
}

static const struct lb_crypt *find_crypt(const struct image *image)
{
	const uint64_t magic = LB_CRYPT_MAGIC;

	for (size_t at = 0; at + sizeof(struct lb_crypt) <= image->bytes; at += 8) {
		const struct lb_crypt *crypt = (const struct lb_crypt *)(image->data + at);

		if (memcmp(image->data + at, &magic, sizeof(magic)) == 0 && crypt->recipients &&
		    crypt->recipients <= LB_MAX_RECIPIENTS && crypt->files[0][0].prefix_bytes &&
		    memcmp(crypt->files[0][0].prefix, LB_AGE_VERSION_LINE, sizeof(LB_AGE_VERSION_LINE) - 1) ==
			    0)
			return crypt;
	}
	return NULL;
}

// Learns keys from the stanza of the first recipient, to whom the first identity belongs.
static void learn(const struct lb_crypt_file *file)
{
	static const uint8_t nonce[12];
	const char *stanza =
		(const char *)file->prefix + sizeof(LB_AGE_VERSION_LINE) - 1 + sizeof(LB_AGE_STANZA) - 1;
	uint8_t share[LB_CRYPT_SHARE], wrapped[LB_AGE_WRAPPED], (*known)[LB_CRYPT_KEY] = keys[key_count];

	memcpy(known[PAYLOAD], file->key, LB_CRYPT_KEY);
	if (!lb_base64_read(stanza, sizeof(share), share) ||
	    !lb_base64_read(stanza + LB_BASE64_BYTES(sizeof(share)) + 1, sizeof(wrapped), wrapped) ||
	    !lb_crypt_x25519(identities.list[0].secret, share, known[SHARED]))
		fail("header", "no stanza");
	lb_age_wrap_key(known[SHARED], share, identities.list[0].share, known[WRAP]);
	if (!lb_crypt_open(known[WRAP], nonce, wrapped, LB_AGE_FILE_KEY, wrapped + LB_AGE_FILE_KEY))
		fail("header", "the identity does not open it");
	memcpy(known[FILE_KEY], wrapped, LB_AGE_FILE_KEY);
	key_count++;
}

static unsigned int count(const struct image *image, const uint8_t *key, size_t bytes)
{
	const uint8_t *at = image->data, *end = image->data + image->bytes;
	unsigned int found = 0;

	while ((at = memmem(at, (size_t)(end - at), key, bytes)) != NULL) {
		found++;
		at++;
	}
	return found;
}

static void judge(unsigned int number, const struct image *image)
{
	printf("image %u:", number);
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		unsigned int found = 0;

		for (unsigned int i = 0; i < key_count; i++)
			found += count(image, keys[i][kind], lengths[kind]);
		printf(" %s %u", names[kind], found);
	}
	putchar('\n');
}

static void plant(const struct image *image, size_t at)
{
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		if (at + lengths[kind] > image->bytes)
			fail("plant", "outside");
		memcpy(image->data + at, keys[0][kind], lengths[kind]);
		at += 64;
	}
}

int main(int argc, char **argv)
{
	struct image image = {NULL, 0};
	const struct lb_crypt *crypt;
	unsigned int number = 1;

	if (argc < 3)
		fail("usage", "keys_verdict IDENTITY MEMORY [plant=OFFSET] [MEMORY]...");
	read_identities(argv[1]);
	image = map(argv[2]);
	crypt = find_crypt(&image);
	if (!crypt)
		fail(argv[2], "no keys of an arming are in it");
	for (unsigned int i = 0; i < FILES; i++) {
		const struct lb_crypt_file *file = &crypt->files[i / LB_CRYPT_PARTS][i % LB_CRYPT_PARTS];

		if (file->prefix_bytes)
			learn(file);
	}
	printf("files: %u\n", key_count);
	judge(number, &image);
	for (int i = 3; i < argc; i++) {
		if (strncmp(argv[i], "plant=", 6) == 0) {
			plant(&image, strtoul(argv[i] + 6, NULL, 0));
		} else {
			munmap(image.data, image.bytes);
			image = map(argv[i]);
			number++;
		}
		judge(number, &image);
	}
	munmap(image.data, image.bytes);
	return 0;
}
