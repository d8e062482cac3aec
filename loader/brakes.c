// SPDX-License-Identifier: BSD-2-Clause
#include "loader/brakes.h"

#include "crash/plan/smbios.h"
#include "lib/sha256.h"
#include "loader/embedded.h"
#include "loader/firmware.h"
#include "loader/payload.h"
#include "loader/print.h"
#include "loader/trial_store.h"

// EFI_RESET_NOTIFICATION_PROTOCOL, UEFI 2.10, 8.5.5: called at a reset while boot services last.
typedef void(EFIAPI *reset_notify)(EFI_RESET_TYPE type, EFI_STATUS status, UINTN bytes, void *data);
struct reset_notification {
	EFI_STATUS(EFIAPI *add)(struct reset_notification *this, reset_notify function);
	EFI_STATUS(EFIAPI *remove)(struct reset_notification *this, reset_notify function);
};
static EFI_GUID reset_guid = {0x9da34ae0, 0xeaf9, 0x4bbf, {0x8e, 0xc3, 0xfd, 0x60, 0x22, 0x6c, 0x44, 0xbe}};

extern const uint8_t lb_loader_text[], lb_loader_text_end[]; // loader.lds

static struct {
	enum lb_trial_aside aside;
	char why[200];
	bool attended;
	bool marked; // there is a mark: `now`
	bool found; // it was there before: `before`
	struct lb_trial before, now;
	enum lb_trial_place place;
	bool begun; // this boot has begun a trial
	uint64_t hash; // 0: not known yet
	EFI_EVENT event;
	struct reset_notification *resets; // NULL: we are not called
	const struct lb_hook *hook;
	bool is_back; // ExitBootServices has put the mark back
} brakes;

static void stand_aside(enum lb_trial_aside aside, const char *why)
{
	if (brakes.aside != LB_ASIDE_NOT)
		return;
	brakes.aside = aside;
	lb_snprintf(brakes.why, sizeof(brakes.why), "%s", why);
}

static const char *reason(enum lb_trial_aside aside)
{
	if (aside == LB_ASIDE_PANICS)
		return "three panics were captured, and no boot has completed since";
	return brakes.now.mark == LB_TRIAL_PENDING ? "the last boot, a trial, did not complete; the next one "
						     "is a trial again"
						   : "two boots on trial did not complete; lifeboatctl on "
						     "begins anew";
}

// Writes the mark: into the variable, else into the file.
static bool save(void)
{
	struct lb_error err;

	if (lb_trial_store_write(brakes.place, &brakes.now, &err) == 0)
		return true;
	lb_print_warning("%s", err.text);
	if (brakes.place == LB_TRIAL_FILE)
		return false;
	brakes.place = LB_TRIAL_FILE;
	if (lb_trial_store_write(brakes.place, &brakes.now, &err) == 0)
		return true;
	lb_print_warning("%s", err.text);
	return false;
}

// Begins a trial. Without a mark that stays nobody would know that this boot did not come back.
static void begin(void)
{
	brakes.begun = save();
	if (!brakes.begun)
		stand_aside(LB_ASIDE_TRIAL,
			    "no trial can be begun: neither the EFI variable nor the file can be "
			    "written");
}

// Judges the mark that was found in `place`.
static void judge(enum lb_trial_place place)
{
	enum lb_trial_aside aside;
	bool write;

	brakes.place = place;
	brakes.marked = brakes.found = true;
	brakes.now = brakes.before;
	aside = lb_trial_find(&brakes.now, &write);
	if (aside != LB_ASIDE_NOT) {
		stand_aside(aside, reason(aside));
		if (write)
			save();
	} else if (write) {
		begin();
	}
}

bool lb_brakes_look(bool attended)
{
	brakes.attended = attended;
	if (lb_trial_store_off(LB_TRIAL_VARIABLE)) {
		// The mark is not judged here: it says where an earlier boot may have left keys.
		brakes.found = !attended && lb_trial_store_read(LB_TRIAL_VARIABLE, &brakes.before);
		stand_aside(LB_ASIDE_OFF, "the EFI variable LifeboatOff is there (lifeboatctl on)");
		return false;
	}
	if (!attended && lb_trial_store_aside()) {
		stand_aside(LB_ASIDE_TRIAL, "another copy of Lifeboat stands aside in this boot");
		return false;
	}
	if (!attended && lb_trial_store_read(LB_TRIAL_VARIABLE, &brakes.before))
		judge(LB_TRIAL_VARIABLE);
	if (brakes.aside != LB_ASIDE_NOT)
		return false;
	// The file comes last: the firmware may hang while it opens one.
	if (lb_trial_store_off(LB_TRIAL_FILE)) {
		lb_brakes_let_go();
		stand_aside(LB_ASIDE_OFF, "the file \\EFI\\lifeboat\\off is there (lifeboatctl on)");
	} else if (!attended && !brakes.begun && lb_trial_store_read(LB_TRIAL_FILE, &brakes.before)) {
		judge(LB_TRIAL_FILE);
	}
	return brakes.aside == LB_ASIDE_NOT;
}

// Adds the firmware's own version. On many machines EFI tells only the version of the code it was built
// from.
static void add_firmware(struct lb_sha256 *sha)
{
	static const EFI_GUID smbios3 = {
		0xf2fd1544, 0x9794, 0x4a2c, {0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94}};
	static const EFI_GUID smbios2 = {
		0xeb9d2d31, 0x2d88, 0x11d3, {0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d}};
	const uint8_t *entry = lb_config_table(&smbios3), *found;
	struct lb_smbios_table table;
	uint32_t bytes;

	if (!entry)
		entry = lb_config_table(&smbios2);
	if (!entry || !lb_smbios_entry(entry, &table))
		return;
	found = lb_smbios_firmware((const uint8_t *)(uintptr_t)table.phys, table.bytes, &bytes);
	if (found)
		lb_sha256_add(sha, found, bytes);
}

// Sums the loader's text, the embedded images, the words and the firmware. Never 0.
static uint64_t hash_all(uint64_t words)
{
	uint8_t digest[LB_SHA256_BYTES];
	const CHAR16 *vendor = ST->FirmwareVendor;
	struct lb_sha256 sha;
	uint64_t hash = 0;
	size_t units = 0;

	while (vendor && units < 100 && vendor[units])
		units++;
	lb_sha256_begin(&sha);
	lb_sha256_add(&sha, lb_loader_text, (size_t)(lb_loader_text_end - lb_loader_text));
	lb_sha256_add(&sha, lb_payload_hook, (size_t)(lb_payload_hook_end - lb_payload_hook));
	lb_sha256_add(&sha, lb_payload_purgatory, (size_t)(lb_payload_purgatory_end - lb_payload_purgatory));
	lb_sha256_add(&sha, lb_payload_capture, (size_t)(lb_payload_capture_end - lb_payload_capture));
	lb_sha256_add(&sha, &words, sizeof(words));
	lb_sha256_add(&sha, vendor, units * sizeof(*vendor));
	lb_sha256_add(&sha, &ST->FirmwareRevision, sizeof(ST->FirmwareRevision));
	add_firmware(&sha);
	lb_sha256_end(&sha, digest);
	for (int i = 0; i < 8; i++)
		hash = hash << 8 | digest[i];
	return hash ? hash : 1;
}

bool lb_brakes_know(const struct lb_options *options, uint64_t words)
{
	bool write = false;

	if (brakes.aside != LB_ASIDE_NOT || brakes.attended)
		return brakes.aside == LB_ASIDE_NOT;
	if (!brakes.marked && !lb_options_late(options))
		return true; // nobody is there to prove it
	brakes.hash = hash_all(words);
	if (brakes.marked) {
		lb_trial_know(&brakes.now, brakes.hash, &write);
	} else {
		lb_trial_first(&brakes.now);
		brakes.marked = write = true;
	}
	if (write)
		begin();
	return brakes.aside == LB_ASIDE_NOT;
}

void lb_brakes_count(const uint8_t arm_id[LB_TRIAL_ID])
{
	enum lb_trial_aside aside;
	bool write;

	if (!brakes.marked || !brakes.hash)
		return;
	aside = lb_trial_count(&brakes.now, arm_id, &write);
	if (write && !save())
		lb_print_warning("a panic was captured, and cannot be counted");
	if (aside != LB_ASIDE_NOT)
		stand_aside(aside, reason(aside));
}

bool lb_brakes_in_a_row(void)
{
	return brakes.marked && brakes.now.panics > 0;
}

enum lb_trial_aside lb_brakes_aside(void)
{
	return brakes.aside;
}

const char *lb_brakes_why(void)
{
	return brakes.why;
}

const struct lb_trial *lb_brakes_mark(void)
{
	return brakes.found ? &brakes.before : NULL;
}

const struct lb_trial *lb_brakes_proof(void)
{
	return brakes.found && brakes.hash && brakes.now.mark == LB_TRIAL_PROVED ? &brakes.before : NULL;
}

size_t lb_brakes_print(char *text, size_t bytes)
{
	const char *place = brakes.place == LB_TRIAL_FILE ? "file" : "variable";
	size_t used = 0;

	text[0] = '\0';
	if (brakes.aside != LB_ASIDE_NOT)
		used = lb_snprintf(text, bytes, "aside=%s\n", lb_trial_aside_name(brakes.aside));
	if (brakes.begun)
		used += lb_snprintf(text + used, bytes - used, "trial=begun\ntrial_in=%s\n", place);
	if (brakes.hash)
		used += lb_snprintf(text + used, bytes - used, "hash=%016lx\n", (unsigned long)brakes.hash);
	return used;
}

// The mark without this boot's trial.
static struct lb_trial put_back(void)
{
	struct lb_trial trial = brakes.now;

	lb_trial_retreat(&trial, brakes.found ? &brakes.before : NULL);
	return trial;
}

// Somebody who resets from a menu of the firmware or of a boot loader has not failed to boot: the mark is
// put back. The firmware's watchdog resets with EFI_TIMEOUT, and that counts.
static void EFIAPI on_reset(EFI_RESET_TYPE type, EFI_STATUS status, UINTN bytes, void *data)
{
	struct lb_trial trial = put_back(), there;

	(void)type, (void)bytes, (void)data;
	// The program that was started may have written the mark since.
	if (status != EFI_TIMEOUT && lb_trial_store_read(LB_TRIAL_VARIABLE, &there) &&
	    there.mark == LB_TRIAL_BEGUN)
		lb_trial_store_last(&trial);
}

// Without this protocol a reset from a menu counts as a boot that did not complete.
static void watch_resets(void)
{
	void *interface = NULL;

	if (EFI_ERROR(BS->LocateProtocol(&reset_guid, NULL, &interface)))
		return;
	brakes.resets = interface;
	if (EFI_ERROR(brakes.resets->add(brakes.resets, on_reset)))
		brakes.resets = NULL;
}

// After an ExitBootServices that failed there is another one, which may end otherwise.
static void EFIAPI on_exit_boot_services(EFI_EVENT event, void *context)
{
	bool armed = brakes.hook->is_armed();
	struct lb_trial trial = armed ? brakes.now : put_back();

	(void)event;
	(void)context;
	if (armed != brakes.is_back)
		return;
	lb_trial_store_last(&trial);
	brakes.is_back = !armed;
}

int lb_brakes_watch(const struct lb_hook *hook, struct lb_error *err)
{
	EFI_STATUS status;

	// At ExitBootServices no file can be written.
	if (!brakes.begun || brakes.place == LB_TRIAL_FILE)
		return 0;
	brakes.hook = hook;
	// The hook's own event is one of TPL_NOTIFY, so it runs before this one.
	status = BS->CreateEvent(EVT_SIGNAL_EXIT_BOOT_SERVICES, TPL_CALLBACK, on_exit_boot_services, NULL,
				 &brakes.event);
	if (EFI_ERROR(status))
		return lb_fail(err, "the trial: no event for the end of boot services: %s",
			       lb_status_text(status));
	watch_resets();
	return 0;
}

void lb_brakes_let_go(void)
{
	if (brakes.resets)
		brakes.resets->remove(brakes.resets, on_reset);
	brakes.resets = NULL;
	if (brakes.event)
		BS->CloseEvent(brakes.event);
	brakes.event = NULL;
	if (!brakes.begun)
		return;
	brakes.begun = false;
	brakes.now = put_back();
	save();
}
