// SPDX-License-Identifier: BSD-2-Clause
// What is said of a measurement: it was taken, it was taken and the log has no room, it was not taken.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/measure.c"
#include "unit.h"

EFI_BOOT_SERVICES *BS;

static EFI_STATUS answer; // the firmware's
static unsigned int extended;
static char warned[256], told[256];

void lb_print_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(warned, sizeof(warned), format, args);
	va_end(args);
}

void lb_print_verbose(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(told, sizeof(told), format, args);
	va_end(args);
}

const char *lb_status_text(EFI_STATUS status)
{
	return status == EFI_DEVICE_ERROR ? "device error" : "another error";
}

void *lb_pool_alloc(UINTN bytes)
{
	return calloc(1, bytes);
}

void lb_step_begin(void)
{
}

void lb_budget_wait(void)
{
}

void lb_budget_waited(void)
{
}

static EFI_STATUS EFIAPI free_pool(void *pointer)
{
	free(pointer);
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI get_capability(struct tcg2 *this, struct capability *capability)
{
	(void)this;
	capability->present = 1;
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI hash_log_extend(struct tcg2 *this, UINT64 flags, EFI_PHYSICAL_ADDRESS data,
					 UINT64 bytes, struct event *event)
{
	(void)this;
	assert_int_equal(flags, 0);
	assert_int_equal(bytes, 10);
	assert_memory_equal((const void *)(UINTN)data, "w\0o\0r\0d\0\0", 10);
	assert_int_equal(event->pcr, PCR_KERNEL_CONFIG);
	assert_int_equal(event->bytes, sizeof(*event) + bytes);
	extended++;
	return answer;
}

static EFI_STATUS EFIAPI locate_protocol(EFI_GUID *guid, void *registration, void **ret_interface)
{
	static struct tcg2 tcg2 = {.get_capability = get_capability, .hash_log_extend = hash_log_extend};

	(void)guid;
	(void)registration;
	*ret_interface = &tcg2;
	return EFI_SUCCESS;
}

static void say(EFI_STATUS status)
{
	static EFI_BOOT_SERVICES services;

	services.LocateProtocol = locate_protocol;
	services.FreePool = free_pool;
	BS = &services;
	answer = status;
	extended = 0;
	warned[0] = told[0] = '\0';
	lb_measure_line("word");
	assert_int_equal(extended, 1);
}

static void test_taken(void **state)
{
	(void)state;
	say(EFI_SUCCESS);
	assert_string_equal(warned, "");
	assert_string_equal(told, "measured into PCR 12: the kernel's words\n");
}

static void test_the_log_is_full(void **state)
{
	(void)state;
	say(EFI_VOLUME_FULL);
	assert_string_equal(warned,
			    "measured into PCR 12: the kernel's words; the TPM's event log is full and "
			    "does not have it");
	assert_string_equal(told, "");
}

static void test_not_taken(void **state)
{
	(void)state;
	say(EFI_DEVICE_ERROR);
	assert_string_equal(warned, "the TPM did not take the kernel's words: device error");
	assert_string_equal(told, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_the_log_is_full),
		cmocka_unit_test(test_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
