// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/nvram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>

#include "tools/ctl/variable.h"

#define EFIVARFS_TYPE 0xde5e81e4 // EFIVARFS_MAGIC of linux/magic.h

// An ordinary folder in place of efivarfs keeps the tail of a longer old value: this cuts it.
static void drop_tail(efi_guid_t guid, const char *name)
{
	const char *folder = getenv("EFIVARFS_PATH");
	struct statfs status;

	if (folder && statfs(folder, &status) == 0 && (uint32_t)status.f_type != EFIVARFS_TYPE)
		efi_del_variable(guid, name);
}

// libefivar 37 calls a NULL pointer where there is no efivarfs.
int nvram_check(const char *name, struct lb_error *err)
{
	if (efi_variables_supported())
		return 0;
	return lb_fail(
		err,
		"the firmware's variable %s cannot be written: mount -t efivarfs efivarfs " EFIVARS_FOLDER,
		name);
}

int nvram_write(efi_guid_t guid, const char *name, const struct nvram_value *value, struct lb_error *err)
{
	uint8_t copy[NVRAM_BYTES];

	if (value->bytes > sizeof(copy))
		return lb_fail(err, "the firmware's variable %s: %zu bytes, wanted %u at most", name,
			       value->bytes, NVRAM_BYTES);
	if (nvram_check(name, err) != 0)
		return -1;
	memcpy(copy, value->data, value->bytes);
	drop_tail(guid, name);
	if (efi_set_variable(guid, name, copy, value->bytes, value->attributes, 0644) == 0)
		return 0;
	return lb_fail(err, "the firmware's variable %s cannot be written: %s", name, strerror(errno));
}

int nvram_delete(efi_guid_t guid, const char *name, struct lb_error *err)
{
	if (nvram_check(name, err) != 0)
		return -1;
	if (efi_del_variable(guid, name) == 0)
		return 0;
	return lb_fail(err, "the firmware's variable %s cannot be removed: %s", name, strerror(errno));
}
