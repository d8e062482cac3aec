// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE // memmem()
#include "tools/ctl/machine.h"

#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash/disk/target_kind.h"
#include "tools/ctl/file.h"
#include "tools/ctl/firmware.h"

#define DMI "/sys/class/dmi/id/"
#define PCI "/sys/bus/pci/devices"
#define TEXT 256U // bytes of a text that the machine gives, its NUL included
#define CLASS_DISK 0x01 // base class (PCI Code and ID Assignment 1.15)
#define CLASS_USB 0x0c03 // base class and subclass

// ---- Texts ---------------------------------------------------------------------

static void trim(char *text)
{
	for (size_t end = strlen(text); end && text[end - 1] == ' '; end--)
		text[end - 1] = '\0';
}

// A file's first line; null where there is none.
static void put_line(struct json *json, const char *name, const char *root, const char *path)
{
	char line[TEXT];

	file_line(root, path, line, sizeof(line));
	trim(line);
	json_text(json, name, line[0] ? line : NULL);
}

// The value of the first "KEY\t: VALUE" of a file like /proc/cpuinfo; "": there is none.
static void find_value(const struct content *content, const char *key, char ret_value[TEXT])
{
	const size_t bytes = strlen(key);

	ret_value[0] = '\0';
	for (const char *line = content->data; line;
	     line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		const char *at = line + bytes;

		if (strncmp(line, key, bytes) != 0)
			continue;
		at += strspn(at, " \t");
		if (*at++ != ':')
			continue;
		at += strspn(at, " \t");
		snprintf(ret_value, TEXT, "%.*s", (int)strcspn(at, "\n"), at);
		return;
	}
}

// Puts the number of "0x1d" or "29"; null where it is none.
static void put_number(struct json *json, const char *name, const char *text)
{
	char *end;
	const uint64_t value = strtoull(text, &end, 0);

	if (end != text)
		json_number(json, name, value);
	else
		json_null(json, name);
}

// ---- System, firmware, CPU -----------------------------------------------------

static void put_system(struct json *json, const char *root)
{
	json_open(json, "system", '{');
	put_line(json, "vendor", root, DMI "sys_vendor");
	put_line(json, "product", root, DMI "product_name");
	put_line(json, "board_vendor", root, DMI "board_vendor");
	put_line(json, "board", root, DMI "board_name");
	json_close(json, '}');
}

static void put_firmware(struct json *json, const struct options *options)
{
	struct firmware firmware;
	struct lb_error ignored;
	const bool known = options->live && firmware_read(options, &firmware, &ignored) == 0;

	json_open(json, "firmware", '{');
	put_line(json, "vendor", options->root, DMI "bios_vendor");
	put_line(json, "version", options->root, DMI "bios_version");
	put_line(json, "date", options->root, DMI "bios_date");
	if (known)
		json_bool(json, "secure_boot", firmware.secure_boot);
	else
		json_null(json, "secure_boot");
	json_close(json, '}');
}

static uint64_t count_processors(const struct content *content)
{
	uint64_t count = 0;

	for (const char *at = content->data; (at = strstr(at, "processor\t")) != NULL; at++)
		count++;
	return count;
}

static void put_cpu_values(struct json *json, const struct content *content)
{
	static const char *const numbers[][2] = {
		{"family", "cpu family"}, {"model", "model"}, {"stepping", "stepping"}};
	const char *flags = strstr(content->data, "\nflags");
	char value[TEXT];

	find_value(content, "vendor_id", value);
	json_text(json, "vendor", value[0] ? value : NULL);
	find_value(content, "model name", value);
	json_text(json, "name", value[0] ? value : NULL);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		find_value(content, numbers[i][1], value);
		put_number(json, numbers[i][0], value);
	}
	find_value(content, "microcode", value);
	json_text(json, "microcode", value[0] ? value : NULL);
	json_number(json, "count", count_processors(content));
	json_bool(json, "virtual",
		  flags && memmem(flags + 1, strcspn(flags + 1, "\n"), " hypervisor", strlen(" hypervisor")));
}

static void put_cpu(struct json *json, const char *root)
{
	struct content content;
	struct lb_error ignored;
	char path[FILE_PATH];

	if (file_path(root, "/proc/cpuinfo", path, &ignored) != 0 ||
	    file_read(path, 64 << 20, &content) != 0) {
		json_null(json, "cpu");
		return;
	}
	json_open(json, "cpu", '{');
	put_cpu_values(json, &content);
	json_close(json, '}');
	free(content.data);
}

// Puts whole GiB: a finer number could identify the machine.
static void put_memory(struct json *json, const char *root)
{
	char line[TEXT];

	file_line(root, "/proc/meminfo", line, sizeof(line));
	if (strncmp(line, "MemTotal:", strlen("MemTotal:")) == 0)
		json_number(json, "memory_gib",
			    (strtoull(line + strlen("MemTotal:"), NULL, 10) + (1 << 20) - 1) >> 20);
	else
		json_null(json, "memory_gib");
}

// Puts "6.1.0" of "6.1.0-56-amd64": what follows may be any text.
static void put_kernel(struct json *json, const char *root)
{
	char line[TEXT];

	file_line(root, "/proc/sys/kernel/osrelease", line, sizeof(line));
	line[strspn(line, "0123456789.")] = '\0';
	json_text(json, "kernel", line[0] ? line : NULL);
}

// ---- Devices -------------------------------------------------------------------

// The entries of a folder, sorted by name; -1: there is no such folder. The caller frees each, and the list.
static int list(const char *root, const char *folder, struct dirent ***ret_entries)
{
	char path[FILE_PATH];
	struct lb_error ignored;

	return file_path(root, folder, path, &ignored) != 0 ? -1
							    : scandir(path, ret_entries, NULL, alphasort);
}

// Calls `put` for each entry's name.
static void each_entry(struct json *json, const char *root, const char *folder,
		       void (*put)(struct json *json, const char *root, const char *name))
{
	struct dirent **entries;
	const int count = list(root, folder, &entries);

	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.')
			put(json, root, entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static void put_iommu_unit(struct json *json, const char *root, const char *name)
{
	char kind[TEXT];

	(void)root;
	snprintf(kind, sizeof(kind), "%.*s", (int)strcspn(name, "0123456789"), name);
	json_text(json, NULL, kind);
}

static void put_iommu(struct json *json, const char *root)
{
	static const char *const tables[] = {"DMAR", "IVRS", "VIOT"};
	char path[64];

	json_open(json, "iommu", '{');
	json_open(json, "tables", '[');
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		snprintf(path, sizeof(path), "/sys/firmware/acpi/tables/%s", tables[i]);
		if (file_exists(root, path))
			json_text(json, NULL, tables[i]);
	}
	json_close(json, ']');
	json_open(json, "units", '[');
	each_entry(json, root, "/sys/class/iommu", put_iommu_unit);
	json_close(json, ']');
	json_close(json, '}');
}

// Puts the name of the driver of a device, whose folder is below the root, or null.
static void put_driver(struct json *json, const char *root, const char *folder)
{
	char path[FILE_PATH], link[2 * TEXT], target[PATH_MAX];
	struct lb_error ignored;
	ssize_t bytes;

	snprintf(link, sizeof(link), "%s/driver", folder);
	bytes = file_path(root, link, path, &ignored) == 0 ? readlink(path, target, sizeof(target) - 1) : -1;
	target[bytes > 0 ? bytes : 0] = '\0';
	json_text(json, "driver", bytes > 0 ? basename(target) : NULL);
}

static uint32_t read_hex(const char *root, const char *folder, const char *name)
{
	char path[2 * TEXT], line[32];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file_line(root, path, line, sizeof(line));
	return (uint32_t)strtoul(line, NULL, 16);
}

static void put_function(struct json *json, const char *root, const char *name)
{
	char folder[TEXT], text[16];
	uint32_t class, vendor, device;

	snprintf(folder, sizeof(folder), PCI "/%.128s", name);
	class = read_hex(root, folder, "class");
	if (class >> 16 != CLASS_DISK && class >> 8 != CLASS_USB)
		return;
	vendor = read_hex(root, folder, "vendor") & 0xffff;
	device = read_hex(root, folder, "device") & 0xffff;
	json_open(json, NULL, '{');
	snprintf(text, sizeof(text), "%06x", class);
	json_text(json, "class", text);
	snprintf(text, sizeof(text), "%04x:%04x", vendor, device);
	json_text(json, "id", text);
	snprintf(text, sizeof(text), "%04x:%04x", read_hex(root, folder, "subsystem_vendor") & 0xffff,
		 read_hex(root, folder, "subsystem_device") & 0xffff);
	json_text(json, "subsystem", text);
	put_driver(json, root, folder);
	json_bool(json, "dumps", lb_target_driven(device << 16 | vendor, class));
	json_close(json, '}');
}

static void put_watchdog(struct json *json, const char *root, const char *name)
{
	char path[TEXT];

	snprintf(path, sizeof(path), "/sys/class/watchdog/%.128s/identity", name);
	put_line(json, NULL, root, path);
}

void machine_put(struct json *json, const struct options *options)
{
	const char *root = options->root;

	put_system(json, root);
	put_firmware(json, options);
	put_cpu(json, root);
	put_memory(json, root);
	put_kernel(json, root);
	put_iommu(json, root);
	json_open(json, "functions", '[');
	each_entry(json, root, PCI, put_function);
	json_close(json, ']');
	json_open(json, "watchdogs", '[');
	each_entry(json, root, "/sys/class/watchdog", put_watchdog);
	json_close(json, ']');
	put_line(json, "tpm", root, "/sys/class/tpm/tpm0/tpm_version_major");
}
