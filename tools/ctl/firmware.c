// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE // memmem()
#include "tools/ctl/firmware.h"

#include <bearssl.h>
#include <efivar/efivar.h>
#include <stdlib.h>
#include <string.h>

#include "lib/utf16.h"
#include "tools/ctl/variable.h"

#define GUID_DATABASE EFI_GUID(0xd719b2cb, 0x3d3a, 0x4596, 0xa3bc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f)
#define GUID_SHIM EFI_GUID(0x605dab50, 0xe046, 0x4300, 0xabb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23)
#define GUID_LOADER EFI_GUID(0x4a67b082, 0x0a4c, 0x41cf, 0xb6c7, 0x44, 0x0b, 0x29, 0xbb, 0x8c, 0x4f)
// EFI_SIGNATURE_LIST: type, then sizes of the list, its header and one signature; a signature begins with its
// owner. The type of a certificate is EFI_CERT_X509_GUID.
#define LIST_BYTES 28U
#define OWNER_BYTES 16U
static const uint8_t x509[16] = {0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a,
				 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72};
static const uint8_t sha256[16] = {0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40,
				   0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28}; // EFI_CERT_SHA256_GUID

static bool get(efi_guid_t guid, const char *name, struct content *ret_content)
{
	uint32_t attributes;
	uint8_t *data;

	if (efi_get_variable(guid, name, &data, &ret_content->bytes, &attributes) != 0)
		return false;
	ret_content->data = (char *)data;
	return true;
}

static bool is_one(const char *name)
{
	struct content content;
	bool one;

	if (!get(EFI_GLOBAL_GUID, name, &content))
		return false;
	one = content.bytes && content.data[0] == 1;
	free(content.data);
	return one;
}

static bool is_systemd_boot(void)
{
	static const char wanted[] = "systemd-boot";
	uint16_t units[sizeof(wanted)] = {0};
	char text[3 * sizeof(wanted) + 1];
	struct content content;

	if (!get(GUID_LOADER, "LoaderInfo", &content))
		return false;
	memcpy(units, content.data, content.bytes < sizeof(units) ? content.bytes : sizeof(units));
	free(content.data);
	lb_utf16_to_utf8(units, sizeof(wanted) - 1, text, sizeof(text));
	return strcmp(text, wanted) == 0;
}

int firmware_judge(const struct options *options, struct lb_error *err)
{
	char bits[8];

	if (!options->live)
		return 0;
	if (!file_exists(options->root, EFI_FOLDER))
		return lb_fail(
			err, "this system was started by a BIOS, not by UEFI: choose UEFI in the firmware's "
			     "setup, and a disk with an EFI system partition");
	file_line(options->root, EFI_FOLDER "/fw_platform_size", bits, sizeof(bits));
	if (bits[0] && strcmp(bits, "64") != 0)
		return lb_fail(
			err,
			"the firmware is one of %s bits, and runs no program of 64: Lifeboat cannot be "
			"used on this machine",
			bits);
	return 0;
}

int firmware_read(const struct options *options, struct firmware *ret_firmware, struct lb_error *err)
{
	*ret_firmware = (struct firmware){.secure_boot = false};
	if (!options->live)
		return 0;
	if (firmware_judge(options, err) != 0)
		return -1;
	if (!efi_variables_supported())
		return lb_fail(err, "the firmware's variables cannot be read: mount -t efivarfs "
				    "efivarfs " EFIVARS_FOLDER);
	ret_firmware->secure_boot = is_one("SecureBoot");
	ret_firmware->systemd_boot = is_systemd_boot();
	return 0;
}

// Does the signature hold this certificate, or was its signer's issued by it?
static bool is_signed_by(const struct image *image, const uint8_t *certificate, size_t bytes)
{
	return image->signature && (memmem(image->signature, image->signature_bytes, certificate, bytes) ||
				    signature_issued(&image->signers, certificate, bytes));
}

// Of dbx only: a digest of a certificate's TBSCertificate, and the time from which it is revoked (UEFI
// 2.10, 32.4.1). A signature with a trusted time stamp from before that would still be taken: nobody has
// made one of ours.
struct certificate_kind {
	uint8_t type[16];
	size_t bytes; // of the digest
	const br_hash_class *hash;
};

#define TIME_BYTES 16U
static const struct certificate_kind certificate_kinds[] = {
	{{0x92, 0xa4, 0xd2, 0x3b, 0xc0, 0x96, 0x79, 0x40, 0xb4, 0x20, 0xfc, 0xf9, 0x8e, 0xf1, 0x03, 0xed},
	 br_sha256_SIZE,
	 &br_sha256_vtable}, // EFI_CERT_X509_SHA256_GUID
	{{0x6e, 0x87, 0x76, 0x70, 0xc2, 0x80, 0xe6, 0x4e, 0xaa, 0xd2, 0x28, 0xb3, 0x49, 0xa6, 0x86, 0x5b},
	 br_sha384_SIZE,
	 &br_sha384_vtable}, // EFI_CERT_X509_SHA384_GUID
	{{0x63, 0xbf, 0x6d, 0x44, 0x02, 0x25, 0xda, 0x4c, 0xbc, 0xfa, 0x24, 0x65, 0xd2, 0xb0, 0xfe, 0x9d},
	 br_sha512_SIZE,
	 &br_sha512_vtable}, // EFI_CERT_X509_SHA512_GUID
};

struct revoked {
	const struct certificate_kind *kind;
	const uint8_t *digest;
};

static bool is_revoked(const uint8_t *tbs, size_t bytes, const void *context)
{
	const struct revoked *revoked = context;
	uint8_t digest[br_sha512_SIZE];
	br_hash_compat_context hash;

	revoked->kind->hash->init(&hash.vtable);
	revoked->kind->hash->update(&hash.vtable, tbs, bytes);
	revoked->kind->hash->out(&hash.vtable, digest);
	return memcmp(digest, revoked->digest, revoked->kind->bytes) == 0;
}

// An entry of a list of such digests.
static bool revokes(const uint8_t *type, const uint8_t *data, size_t bytes, const struct image *image)
{
	for (size_t i = 0; i < sizeof(certificate_kinds) / sizeof(certificate_kinds[0]); i++) {
		const struct revoked revoked = {&certificate_kinds[i], data};

		if (memcmp(type, revoked.kind->type, sizeof(revoked.kind->type)) == 0)
			return image->signature && bytes == revoked.kind->bytes + TIME_BYTES &&
			       signature_any(image->signature, image->signature_bytes, is_revoked, &revoked);
	}
	return false;
}

// `is_dbx`: digests of certificates count, too.
static bool list_has(const uint8_t *list, uint32_t bytes, bool is_dbx, const struct image *image)
{
	const bool certificates = memcmp(list, x509, sizeof(x509)) == 0,
		   digests = memcmp(list, sha256, sizeof(sha256)) == 0;
	uint32_t header, each;

	memcpy(&header, list + 20, 4);
	memcpy(&each, list + 24, 4);
	if (each <= OWNER_BYTES || header > bytes - LIST_BYTES)
		return false;
	for (uint32_t at = LIST_BYTES + header; bytes - at >= each; at += each) {
		const uint8_t *data = list + at + OWNER_BYTES;

		if (certificates && is_signed_by(image, data, each - OWNER_BYTES))
			return true;
		if (is_dbx && revokes(list, data, each - OWNER_BYTES, image))
			return true;
		if (digests && each == OWNER_BYTES + LB_SHA256_BYTES &&
		    memcmp(data, image->digest, LB_SHA256_BYTES) == 0)
			return true;
	}
	return false;
}

static bool database_has(efi_guid_t guid, const char *name, const struct image *image)
{
	const bool is_dbx = strcmp(name, "dbx") == 0;
	struct content content;
	bool found = false;
	uint32_t bytes;

	if (!get(guid, name, &content))
		return false;
	for (size_t at = 0; !found && content.bytes - at >= LIST_BYTES; at += bytes) {
		memcpy(&bytes, content.data + at + 16, 4);
		if (bytes < LIST_BYTES || bytes > content.bytes - at)
			break;
		found = list_has((const uint8_t *)content.data + at, bytes, is_dbx, image);
	}
	free(content.data);
	return found;
}

enum trust firmware_trusts(const struct firmware *firmware, const struct image *image)
{
	if (!firmware->secure_boot)
		return TRUST_NOT_NEEDED;
	if (database_has(GUID_DATABASE, "dbx", image) || database_has(GUID_SHIM, "MokListXRT", image))
		return TRUST_FORBIDDEN;
	if (database_has(GUID_DATABASE, "db", image))
		return TRUST_FIRMWARE;
	if (database_has(GUID_SHIM, "MokListRT", image))
		return TRUST_SHIM;
	return TRUST_NONE;
}

const char *firmware_distrust(enum trust trust, const struct image *image)
{
	if (trust == TRUST_FORBIDDEN)
		return "forbidden by this machine's dbx";
	return image->signature ? "signed by nobody that this machine knows" : "not signed";
}
