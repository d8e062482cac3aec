// SPDX-License-Identifier: BSD-2-Clause
#include "loader/variable.h"

#include "lifeboat/version.h"
#include "loader/firmware.h"
#include "loader/print.h"

#define ATTRIBUTES (EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)

static EFI_GUID vendor = {0x6b1f3c0e, 0x4d1a, 0x4c57, {0x9e, 0x0a, 0x5a, 0x0e, 0x3f, 0x2b, 0x7c, 0x11}};
static CHAR16 name[] = L"Lifeboat";

static EFI_STATUS set(void *data, UINTN bytes)
{
	return RT->SetVariable(name, &vendor, bytes ? ATTRIBUTES : 0, bytes, data);
}

static void set_text(char *text, size_t bytes, size_t room)
{
	EFI_STATUS status;

	// One left by an earlier program may have other attributes: then it cannot be
	// written over.
	set(NULL, 0);
	status = set(text, bytes < room ? bytes : room - 1);
	if (EFI_ERROR(status))
		lb_print_warning(
			"the EFI variable Lifeboat, which tells the OS what was armed, was not set: %s",
			lb_status_text(status));
}

void lb_variable_armed(const struct lb_plan *plan, const char *kernel)
{
	const struct lb_handoff *handoff = (const struct lb_handoff *)plan->layout.handoff.start;
	char text[2048], digest[2 * LB_SHA256_BYTES + 1], uuid[LB_UUID_TEXT];
	size_t bytes;

	for (size_t i = 0; i < LB_SHA256_BYTES; i++)
		lb_snprintf(digest + 2 * i, 3, "%02x", handoff->sha256[i]);
	bytes = lb_snprintf(
		text, sizeof(text),
		"version=%s\nstate=armed\nkernel=%s\ncapture=%s\ncrash=0x%lx-0x%lx\ncrash_bytes=%lu\n"
		"crash_low=0x%lx-0x%lx\ncrash_low_bytes=%lu\npage_table_bytes=%lu\nhandoff=0x%lx\ndigest=%"
		"s\n",
		LIFEBOAT_VERSION, kernel, plan->second.name, (unsigned long)plan->layout.region.start,
		(unsigned long)plan->layout.region.end, (unsigned long)lb_range_size(plan->layout.region),
		(unsigned long)plan->crash_low.start, (unsigned long)plan->crash_low.end,
		(unsigned long)lb_range_size(plan->crash_low), (unsigned long)(plan->tables.pages * LB_PAGE),
		(unsigned long)plan->layout.handoff.start, digest);
	for (uint32_t i = 0; i < plan->capture.target_count && bytes < sizeof(text); i++)
		bytes += lb_snprintf(text + bytes, sizeof(text) - bytes, "dump_to=%s PARTUUID=%s\n",
				     plan->capture.targets[i].name,
				     lb_uuid_format(plan->capture.targets[i].partuuid, uuid));
	set_text(text, bytes, sizeof(text));
}

void lb_variable_unarmed(const char *kernel, const char *reason)
{
	char text[1024];
	size_t bytes = lb_snprintf(text, sizeof(text), "version=%s\nstate=unarmed\nreason=%s\nkernel=%s\n",
				   LIFEBOAT_VERSION, reason, kernel);

	set_text(text, bytes, sizeof(text));
}

void lb_variable_remove(void)
{
	set(NULL, 0); // EFI_NOT_FOUND is as good
}
