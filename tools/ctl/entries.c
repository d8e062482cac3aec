// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/entries.h"

#include <efivar/efiboot.h>
#include <efivar/efivar.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/number.h"
#include "lib/utf16.h"
#include "tools/ctl/nvram.h"

#define ATTRIBUTES NVRAM_ATTRIBUTES
#define ACTIVE 1U // LOAD_OPTION_ACTIVE
#define OPTION_BYTES NVRAM_BYTES // of an entry
#define ORDER_MAX 512U // numbers
#define NAME_BYTES 16U
// An entry: attributes, the path's bytes, the title as UTF-16, the path.
#define HEAD_BYTES 6U

static const char *const prefixes[] = {[ENTRY_DRIVER] = "Driver", [ENTRY_BOOT] = "Boot"};

struct present {
	uint8_t bits[(UINT16_MAX + 1) / 8];
};

struct order {
	uint16_t numbers[ORDER_MAX];
	unsigned int count;
	uint32_t attributes;
};

// ---- Variables -----------------------------------------------------------------

static int write_variable(const char *name, const void *data, size_t bytes, uint32_t attributes,
			  struct lb_error *err)
{
	return nvram_write(EFI_GLOBAL_GUID, name, &(struct nvram_value){data, bytes, attributes}, err);
}

static int delete_variable(const char *name, struct lb_error *err)
{
	return nvram_delete(EFI_GLOBAL_GUID, name, err);
}

static const char *order_name(enum entry_kind kind)
{
	return kind == ENTRY_DRIVER ? "DriverOrder" : "BootOrder";
}

static void read_order(enum entry_kind kind, struct order *ret_order)
{
	uint8_t *data;
	size_t bytes;

	*ret_order = (struct order){.attributes = ATTRIBUTES};
	if (efi_get_variable(EFI_GLOBAL_GUID, order_name(kind), &data, &bytes, &ret_order->attributes) != 0)
		return;
	ret_order->count = bytes / 2 < ORDER_MAX ? (unsigned int)bytes / 2 : ORDER_MAX;
	memcpy(ret_order->numbers, data, 2 * ret_order->count);
	free(data);
}

static int write_order(enum entry_kind kind, const struct order *order, struct lb_error *err)
{
	if (order->count == 0)
		return delete_variable(order_name(kind), err);
	return write_variable(order_name(kind), order->numbers, 2 * order->count, order->attributes, err);
}

// Place of the number, or the count.
static unsigned int place_in(const struct order *order, unsigned int number)
{
	unsigned int at = 0;

	while (at < order->count && order->numbers[at] != number)
		at++;
	return at;
}

static void take_out(struct order *order, unsigned int number)
{
	const unsigned int at = place_in(order, number);

	if (at == order->count)
		return;
	memmove(&order->numbers[at], &order->numbers[at + 1], 2 * (order->count - at - 1));
	order->count--;
}

static void put_in(struct order *order, unsigned int at, unsigned int number)
{
	memmove(&order->numbers[at + 1], &order->numbers[at], 2 * (order->count - at));
	order->numbers[at] = (uint16_t)number;
	order->count++;
}

// ---- Entries -------------------------------------------------------------------

// An entry's facts; `file` is "" where it is none on a partition of a GPT.
struct named {
	char title[64], file[ENTRY_FILE];
	uint8_t uuid[16];
};

// Nodes of a device path: a partition, and a file on it. Everything else is passed over.
static void read_path(const uint8_t *path, size_t bytes, struct named *named)
{
	uint16_t units[ENTRY_FILE];
	bool has_drive = false;

	while (bytes >= 4) {
		const size_t length = (size_t)(path[2] | path[3] << 8);

		if (length < 4 || length > bytes || path[0] == EFIDP_END_TYPE)
			return;
		if (path[0] == EFIDP_MEDIA_TYPE && path[1] == EFIDP_MEDIA_HD && length == sizeof(efidp_hd)) {
			memcpy(named->uuid, path + offsetof(efidp_hd, signature), sizeof(named->uuid));
			has_drive = path[offsetof(efidp_hd, signature_type)] == EFIDP_HD_SIGNATURE_GUID;
		} else if (path[0] == EFIDP_MEDIA_TYPE && path[1] == EFIDP_MEDIA_FILE && has_drive) {
			const size_t count = (length - 4) / 2 < ENTRY_FILE ? (length - 4) / 2 : ENTRY_FILE;

			memcpy(units, path + 4, 2 * count);
			lb_utf16_to_utf8(units, count, named->file, sizeof(named->file));
		}
		path += length;
		bytes -= length;
	}
}

static bool read_named(const char *name, struct named *ret_named)
{
	uint16_t units[sizeof(ret_named->title)] = {0};
	uint32_t attributes;
	uint8_t *data;
	size_t bytes, at = HEAD_BYTES, path_bytes;

	memset(ret_named, 0, sizeof(*ret_named));
	if (efi_get_variable(EFI_GLOBAL_GUID, name, &data, &bytes, &attributes) != 0)
		return false;
	for (; at + 2 <= bytes && (data[at] || data[at + 1]); at += 2)
		if ((at - HEAD_BYTES) / 2 < sizeof(ret_named->title) - 1)
			memcpy(&units[(at - HEAD_BYTES) / 2], data + at, 2);
	lb_utf16_to_utf8(units, sizeof(ret_named->title) - 1, ret_named->title, sizeof(ret_named->title));
	at += 2;
	path_bytes = bytes >= HEAD_BYTES ? (size_t)(data[4] | data[5] << 8) : 0;
	if (at < bytes && path_bytes <= bytes - at)
		read_path(data + at, path_bytes, ret_named);
	free(data);
	return true;
}

// GPT's bytes of a UUID's text.
static void uuid_bytes(const char *text, uint8_t ret_bytes[16])
{
	efi_guid_t guid;

	memset(ret_bytes, 0, 16);
	if (efi_str_to_guid(text, &guid) == 0)
		memcpy(ret_bytes, &guid, 16);
}

static bool lies_on(const struct named *named, const struct partition *partition)
{
	uint8_t uuid[16];

	uuid_bytes(partition->uuid, uuid);
	return named->file[0] && memcmp(named->uuid, uuid, sizeof(uuid)) == 0;
}

static bool is_ours(const struct entry *entry, const struct named *named)
{
	return strcmp(named->title, ENTRY_TITLE) == 0 && lies_on(named, entry->partition) &&
	       strcasecmp(named->file, entry->file) == 0;
}

static char *variable_name(enum entry_kind kind, unsigned int number, char name[NAME_BYTES])
{
	lb_snprintf(name, NAME_BYTES, "%s%04x", prefixes[kind], number);
	for (char *c = name + strlen(prefixes[kind]); *c; c++)
		*c = *c >= 'a' ? (char)(*c - 'a' + 'A') : *c;
	return name;
}

// The number in an entry's name; -1: it is no entry's of this kind.
static int name_number(enum entry_kind kind, const char *name)
{
	const size_t bytes = strlen(prefixes[kind]);
	uint64_t number;

	if (strncmp(name, prefixes[kind], bytes) != 0 || strlen(name) != bytes + 4 ||
	    !lb_number_read(name + bytes, 4, 16, &number))
		return -1;
	return (int)number;
}

// Sets one bit for the number of each entry. Errors that libefivar remembers are discarded.
static void read_present(enum entry_kind kind, struct present *ret_present)
{
	efi_guid_t *guid = NULL;
	char *name = NULL;

	memset(ret_present, 0, sizeof(*ret_present));
	while (efi_get_next_variable_name(&guid, &name) > 0) {
		const int number = efi_guid_cmp(guid, &efi_guid_global) == 0 ? name_number(kind, name) : -1;

		if (number >= 0)
			ret_present->bits[number / 8] |= (uint8_t)(1U << number % 8);
	}
	efi_error_clear();
}

static bool is_present(const struct present *present, unsigned int number)
{
	return present->bits[number / 8] >> number % 8 & 1;
}

static bool find_number(const struct entry *entry, unsigned int *number)
{
	static struct present present;
	char name[NAME_BYTES];
	struct named named;

	read_present(entry->kind, &present);
	for (; *number <= UINT16_MAX; ++*number)
		if (is_present(&present, *number) &&
		    read_named(variable_name(entry->kind, *number, name), &named) && is_ours(entry, &named))
			return true;
	return false;
}

enum entry_state entry_find(const struct entry *entry, unsigned int *ret_number)
{
	struct order order;
	unsigned int at;

	*ret_number = 0;
	if (!find_number(entry, ret_number))
		return ENTRY_ABSENT;
	read_order(entry->kind, &order);
	at = place_in(&order, *ret_number);
	if (at == order.count || (entry->kind == ENTRY_BOOT && at != 0))
		return ENTRY_ELSEWHERE;
	return ENTRY_READY;
}

// ---- Making one ----------------------------------------------------------------

static ssize_t make_path(const struct entry *entry, uint8_t *path, size_t room)
{
	const struct partition *partition = entry->partition;
	const uint64_t blocks = partition->block_bytes / DISK_SECTOR;
	char file[ENTRY_FILE];
	uint8_t uuid[16];
	ssize_t used, more;

	uuid_bytes(partition->uuid, uuid);
	lb_snprintf(file, sizeof(file), "%s", entry->file);
	used = efidp_make_hd(path, (ssize_t)room, partition->number, partition->start / blocks,
			     partition->sectors / blocks, uuid, EFIDP_HD_FORMAT_GPT, EFIDP_HD_SIGNATURE_GUID);
	if (used < 0)
		return -1;
	more = efidp_make_file(path + used, (ssize_t)room - used, file);
	if (more < 0)
		return -1;
	used += more;
	more = efidp_make_end_entire(path + used, (ssize_t)room - used);
	return more < 0 ? -1 : used + more;
}

static ssize_t make_option(const struct entry *entry, uint8_t *option, size_t room)
{
	unsigned char title[] = ENTRY_TITLE;
	uint16_t words[ENTRY_FILE] = {0};
	uint8_t path[1024];
	const ssize_t bytes = make_path(entry, path, sizeof(path));
	const size_t units = lb_utf8_to_utf16(entry->words, words, ENTRY_FILE);

	if (bytes < 0 || units >= ENTRY_FILE)
		return -1;
	return efi_loadopt_create(option, (ssize_t)room, ACTIVE, (efidp)(void *)path, bytes, title,
				  (uint8_t *)words, units ? 2 * (units + 1) : 0);
}

static int make_entry(const struct entry *entry, unsigned int *ret_number, struct lb_error *err)
{
	uint8_t option[OPTION_BYTES] = {0};
	const ssize_t bytes = make_option(entry, option, sizeof(option));
	char name[NAME_BYTES];
	static struct present present;
	unsigned int number = 0;

	if (bytes < 0)
		return lb_fail(err, "%.100s: no entry of the firmware can be made for it", entry->file);
	read_present(entry->kind, &present);
	while (number <= UINT16_MAX && is_present(&present, number))
		number++;
	if (number > UINT16_MAX)
		return lb_fail(err, "the firmware has no free %s entry", prefixes[entry->kind]);
	*ret_number = number;
	return write_variable(variable_name(entry->kind, number, name), option, (size_t)bytes, ATTRIBUTES,
			      err);
}

int entry_add(const struct entry *entry, unsigned int *ret_number, struct lb_error *err)
{
	const enum entry_state state = entry_find(entry, ret_number);
	struct lb_error ignored;
	char name[NAME_BYTES];
	struct order order;

	if (state == ENTRY_READY)
		return 0;
	read_order(entry->kind, &order);
	if (order.count == ORDER_MAX)
		return lb_fail(err, "%s has %u numbers, and no room for one more", order_name(entry->kind),
			       order.count);
	if (state == ENTRY_ABSENT && make_entry(entry, ret_number, err) != 0)
		return -1;
	take_out(&order, *ret_number);
	put_in(&order, entry->kind == ENTRY_BOOT ? 0 : order.count, *ret_number);
	if (write_order(entry->kind, &order, err) == 0)
		return 0;
	if (state == ENTRY_ABSENT)
		delete_variable(variable_name(entry->kind, *ret_number, name), &ignored);
	return -1;
}

int entry_remove(const struct entry *entry, unsigned int *ret_count, struct lb_error *err)
{
	char name[NAME_BYTES];
	struct order order;

	*ret_count = 0;
	for (unsigned int number = 0; find_number(entry, &number); number++, ++*ret_count) {
		read_order(entry->kind, &order);
		if (place_in(&order, number) < order.count) {
			take_out(&order, number);
			if (write_order(entry->kind, &order, err) != 0)
				return -1;
		}
		if (delete_variable(variable_name(entry->kind, number, name), err) != 0)
			return -1;
	}
	return 0;
}

// Finds an entry of ours on this partition by its title: its file may be shim.
static bool find_boot_number(const struct partition *partition, unsigned int *ret_number)
{
	static struct present present;
	char name[NAME_BYTES];
	struct named named;

	read_present(ENTRY_BOOT, &present);
	for (unsigned int number = 0; number <= UINT16_MAX; number++) {
		if (!is_present(&present, number) ||
		    !read_named(variable_name(ENTRY_BOOT, number, name), &named) ||
		    !lies_on(&named, partition) || strcmp(named.title, ENTRY_TITLE) != 0)
			continue;
		*ret_number = number;
		return true;
	}
	return false;
}

int entry_put_first(const struct partition *partition, bool dry_run, enum entry_state *ret_state,
		    unsigned int *ret_number, struct lb_error *err)
{
	struct order order;

	*ret_state = ENTRY_READY;
	if (entry_first_is_ours(partition))
		return 0;
	*ret_state = ENTRY_ABSENT;
	if (!find_boot_number(partition, ret_number))
		return 0;
	*ret_state = ENTRY_ELSEWHERE;
	if (dry_run)
		return 0;
	read_order(ENTRY_BOOT, &order);
	take_out(&order, *ret_number);
	if (order.count == ORDER_MAX)
		return lb_fail(err, "%s has %u numbers, and no room for one more", order_name(ENTRY_BOOT),
			       order.count);
	put_in(&order, 0, *ret_number);
	return write_order(ENTRY_BOOT, &order, err);
}

bool entry_first_is_ours(const struct partition *partition)
{
	char name[NAME_BYTES];
	struct named named;
	struct order order;

	read_order(ENTRY_BOOT, &order);
	return order.count && read_named(variable_name(ENTRY_BOOT, order.numbers[0], name), &named) &&
	       lies_on(&named, partition) && strcmp(named.title, ENTRY_TITLE) == 0;
}

bool entry_first_boot_file(const struct partition *partition, char ret_file[ENTRY_FILE])
{
	char name[NAME_BYTES];
	struct named named;
	struct order order;

	read_order(ENTRY_BOOT, &order);
	for (unsigned int i = 0; i < order.count; i++) {
		if (!read_named(variable_name(ENTRY_BOOT, order.numbers[i], name), &named) ||
		    !lies_on(&named, partition) || strcmp(named.title, ENTRY_TITLE) == 0)
			continue;
		memcpy(ret_file, named.file, ENTRY_FILE);
		return true;
	}
	return false;
}
