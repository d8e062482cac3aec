// SPDX-License-Identifier: BSD-2-Clause
#include "loader/measure.h"

#include "lib/mem.h"
#include "lib/utf16.h"
#include "loader/budget.h"
#include "loader/firmware.h"
#include "loader/print.h"

// TCG PC Client Platform Firmware Profile, 10.4.1.
#define EV_EVENT_TAG 0x06U
#define EV_IPL 0x0dU
#define PCR_BOOT_CONFIG 5U
#define PCR_KERNEL_CONFIG 12U

// EFI_TCG2_EVENT, EFI_TCG2_BOOT_SERVICE_CAPABILITY, EFI_TCG2_PROTOCOL: TCG EFI Protocol Specification, 6.
struct event {
	UINT32 bytes;
	UINT32 header_bytes;
	UINT16 header_version;
	UINT32 pcr;
	UINT32 type;
	UINT8 data[];
} __attribute__((packed));

struct capability {
	UINT8 bytes;
	UINT8 structure_version[2], protocol_version[2];
	UINT32 hashes, logs;
	BOOLEAN present;
	UINT16 command_bytes, response_bytes;
	UINT32 manufacturer, banks, active_banks;
};

struct tcg2 {
	EFI_STATUS(EFIAPI *get_capability)(struct tcg2 *this, struct capability *capability);
	void *get_event_log;
	EFI_STATUS(EFIAPI *hash_log_extend)
	(struct tcg2 *this, UINT64 flags, EFI_PHYSICAL_ADDRESS data, UINT64 bytes, struct event *event);
};

// The data of an EV_EVENT_TAG.
struct tagged {
	UINT32 tag;
	UINT32 bytes;
	UINT8 data[];
} __attribute__((packed));

struct measured {
	const void *data;
	size_t bytes;
	UINT32 pcr, type;
	const void *logged;
	size_t logged_bytes;
	const char *name;
};

static struct tcg2 *find_tpm(void)
{
	static EFI_GUID guid = {0x607f766c, 0x7455, 0x42be, {0x93, 0x0b, 0xe4, 0xd7, 0x6d, 0xb2, 0x72, 0x0f}};
	struct capability capability = {.bytes = sizeof(capability)};
	void *interface = NULL;
	struct tcg2 *tcg2;

	if (EFI_ERROR(BS->LocateProtocol(&guid, NULL, &interface)))
		return NULL;
	tcg2 = interface;
	return !EFI_ERROR(tcg2->get_capability(tcg2, &capability)) && capability.present ? tcg2 : NULL;
}

static EFI_STATUS extend(struct tcg2 *tcg2, const struct measured *measured)
{
	const size_t bytes = sizeof(struct event) + measured->logged_bytes;
	LB_CLEANUP(lb_pool_free) struct event *event = lb_pool_alloc(bytes);
	EFI_STATUS status;

	if (!event)
		return EFI_OUT_OF_RESOURCES;
	event->bytes = (UINT32)bytes;
	event->header_bytes = sizeof(*event) - sizeof(event->bytes);
	event->header_version = 1;
	event->pcr = measured->pcr;
	event->type = measured->type;
	memcpy(event->data, measured->logged, measured->logged_bytes);
	lb_step_begin();
	lb_budget_wait();
	status = tcg2->hash_log_extend(tcg2, 0, (EFI_PHYSICAL_ADDRESS)(UINTN)measured->data, measured->bytes,
				       event);
	lb_budget_waited();
	return status;
}

static void measure(const struct measured *measured)
{
	struct tcg2 *tcg2 = find_tpm();
	EFI_STATUS status = tcg2 ? extend(tcg2, measured) : EFI_SUCCESS;

	// The PCR is extended; only the log lacks the event (TCG EFI Protocol Specification, 6).
	if (status == EFI_VOLUME_FULL)
		lb_print_warning("measured into PCR %u: %s; the TPM's event log is full and does not have it",
				 measured->pcr, measured->name);
	else if (EFI_ERROR(status))
		lb_print_warning("the TPM did not take %s: %s", measured->name, lb_status_text(status));
	else if (tcg2)
		lb_print_verbose("measured into PCR %u: %s\n", measured->pcr, measured->name);
}

void lb_measure_line(const char *text)
{
	LB_CLEANUP(lb_pool_free) uint16_t *wide = lb_pool_alloc(LB_MAX_CMDLINE * sizeof(*wide));
	struct measured measured = {.data = wide,
				    .pcr = PCR_KERNEL_CONFIG,
				    .type = EV_IPL,
				    .logged = wide,
				    .name = "the kernel's words"};

	if (!wide || !text[0])
		return;
	measured.bytes = (lb_utf8_to_utf16(text, wide, LB_MAX_CMDLINE) + 1) * sizeof(*wide);
	if (measured.bytes > LB_MAX_CMDLINE * sizeof(*wide))
		measured.bytes = LB_MAX_CMDLINE * sizeof(*wide);
	measured.logged_bytes = measured.bytes;
	measure(&measured);
}

void lb_measure_config(const void *data, size_t bytes)
{
	const size_t logged = bytes < LB_CONFIG_LOGGED ? bytes : LB_CONFIG_LOGGED;
	LB_CLEANUP(lb_pool_free) struct tagged *tagged = lb_pool_alloc(sizeof(*tagged) + logged);
	const struct measured measured = {.data = data,
					  .bytes = bytes,
					  .pcr = PCR_BOOT_CONFIG,
					  .type = EV_EVENT_TAG,
					  .logged = tagged,
					  .logged_bytes = sizeof(*tagged) + logged,
					  .name = "lifeboat.conf"};

	if (!tagged)
		return;
	tagged->tag = LB_CONFIG_TAG;
	tagged->bytes = (UINT32)logged;
	memcpy(tagged->data, data, logged);
	measure(&measured);
}
