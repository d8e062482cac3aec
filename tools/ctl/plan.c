// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/plan.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "loader/options/path.h"
#include "tools/ctl/reserve.h"
#include "tools/ctl/sign.h"

#define LIBRARY "/usr/lib/lifeboat"
#define FALLBACK "\\EFI\\BOOT\\BOOTX64.EFI"
#define SYSTEMD_BOOT "\\EFI\\systemd\\systemd-bootx64.efi"

const char *mode_program(enum mode mode)
{
	if (mode == MODE_SD_BOOT)
		return ESP_SD_BOOT;
	return mode == MODE_CHAIN ? ESP_LOADER : ESP_DRIVER;
}

enum image_kind mode_image(enum mode mode)
{
	return mode == MODE_CHAIN ? IMAGE_APPLICATION : IMAGE_DRIVER;
}

// Drivers are measured into PCR 2, boot managers into PCR 4 and their boot entries into PCR 1, who signed
// them into PCR 7 (TCG PC Client Platform Firmware Profile, 3.3.4). edk2 measures no driver's entry.
uint32_t mode_pcrs(enum mode mode, bool secure_boot)
{
	const uint32_t program = mode == MODE_CHAIN ? TPM_PCR(1) | TPM_PCR(4) : TPM_PCR(2);

	return program | (secure_boot ? TPM_PCR(7) : 0);
}

uint32_t plan_pcrs(const struct plan *plan)
{
	const uint32_t ours = plan->settings.options.no_measure ? 0 : TPM_PCR(5) | TPM_PCR(12);

	return mode_pcrs(plan->mode, plan->firmware.secure_boot) | ours;
}

static bool on_esp(const struct esp *esp, const char *name)
{
	struct lb_error ignored;
	char path[FILE_PATH];

	return esp_file(esp, name, path, &ignored) == 0 && access(path, F_OK) == 0;
}

enum mode plan_installed(const struct esp *esp)
{
	static const enum mode modes[] = {MODE_DRIVER, MODE_SD_BOOT, MODE_CHAIN};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (on_esp(esp, mode_program(modes[i])))
			return modes[i];
	return MODE_AUTO;
}

// `make install` puts PREFIX/sbin/lifeboatctl beside PREFIX/lib/lifeboat.
static bool beside_program(const char *name, char ret_path[FILE_PATH])
{
	const ssize_t bytes = readlink("/proc/self/exe", ret_path, FILE_PATH - 1);
	char *end;

	if (bytes <= 0)
		return false;
	ret_path[bytes] = '\0';
	for (int parts = 0; parts < 2; parts++) {
		end = strrchr(ret_path, '/');
		if (!end)
			return false;
		*end = '\0';
	}
	return snprintf(end, FILE_PATH - (size_t)(end - ret_path), "/lib/lifeboat%s", name) <
		       (int)(FILE_PATH - (end - ret_path)) &&
	       access(ret_path, F_OK) == 0;
}

int plan_source(const struct options *options, enum mode mode, char ret_path[FILE_PATH], struct lb_error *err)
{
	const char *name = mode == MODE_CHAIN ? "/lifeboat.efi" : "/lifeboatx64.efi";
	char path[FILE_PATH];

	if (options->from)
		return file_path(options->from, name, ret_path, err);
	if (snprintf(path, sizeof(path), LIBRARY "%s", name) >= (int)sizeof(path) ||
	    file_path(options->root, path, ret_path, err) != 0)
		return -1;
	if (options->root[0] && access(ret_path, F_OK) == 0)
		return 0;
	if (!beside_program(name, ret_path))
		snprintf(ret_path, FILE_PATH, "%s", path);
	return 0;
}

// ---- Mode ----------------------------------------------------------------------

static bool is_shim(const char *file)
{
	const char *name = strrchr(file, '\\');

	return name && strncasecmp(name + 1, "shim", 4) == 0;
}

// Finds what boots today, and is to be started by us.
static int find_chain(struct plan *plan, bool by_shim, struct lb_error *err)
{
	char *name;

	if (!plan->esp.has_partition || !entry_first_boot_file(&plan->esp.partition, plan->chain)) {
		if (!on_esp(&plan->esp, FALLBACK))
			return lb_fail(
				err,
				"mode chain: no boot entry names a file on %.100s, and it has no " FALLBACK
				": install a boot loader first",
				plan->esp.path);
		snprintf(plan->chain, sizeof(plan->chain), FALLBACK);
	}
	if (!by_shim)
		return 0;
	if (!is_shim(plan->chain))
		return lb_fail(
			err,
			"mode chain: Secure Boot wants shim before it, and the first boot entry is %.100s: "
			"enrol the certificate in the firmware's db instead",
			plan->chain);
	snprintf(plan->shim, sizeof(plan->shim), "%s", plan->chain);
	name = strrchr(plan->chain, '\\') + 1;
	snprintf(name, sizeof(plan->chain) - (size_t)(name - plan->chain), "grubx64.efi");
	return 0;
}

static bool loses_key(const struct tpm_volumes *volumes, enum mode mode, bool secure_boot)
{
	const uint32_t changed = mode_pcrs(mode, secure_boot) | TPM_PCRS_UNKNOWN;

	for (unsigned int i = 0; i < volumes->count; i++)
		if (volumes->list[i].pcrs & changed)
			return true;
	return false;
}

static enum mode choose_mode(const struct options *options, const struct plan *plan, enum trust trust)
{
	const enum mode installed = plan_installed(&plan->esp);
	const bool secure_boot = plan->firmware.secure_boot;
	enum mode mode;

	if (options->mode != MODE_AUTO)
		return options->mode;
	if (installed != MODE_AUTO)
		return installed;
	if (trust == TRUST_SHIM)
		return MODE_CHAIN;
	mode = plan->firmware.systemd_boot || (!options->live && on_esp(&plan->esp, SYSTEMD_BOOT))
		       ? MODE_SD_BOOT
		       : MODE_DRIVER;
	if (loses_key(&plan->volumes, mode, secure_boot) &&
	    !loses_key(&plan->volumes, MODE_CHAIN, secure_boot))
		mode = MODE_CHAIN;
	return mode;
}

static int judge_mode(struct plan *plan, enum trust trust, struct lb_error *err)
{
	const enum mode installed = plan_installed(&plan->esp);

	if (installed != MODE_AUTO && installed != plan->mode)
		return lb_fail(err, "it is installed in mode %s: lifeboatctl remove, then install in mode %s",
			       mode_name(installed), mode_name(plan->mode));
	if (trust == TRUST_SHIM && plan->mode != MODE_CHAIN)
		return lb_fail(err,
			       "mode %s: the firmware's db does not know who signed %.100s, only shim does: "
			       "take --mode chain",
			       mode_name(plan->mode), plan->source);
	if (plan->mode == MODE_SD_BOOT && !on_esp(&plan->esp, SYSTEMD_BOOT) && !plan->firmware.systemd_boot)
		return lb_fail(
			err,
			"mode sd-boot: no systemd-boot is on %.100s: bootctl install, or take another mode",
			plan->esp.path);
	return 0;
}

// ---- All of it -----------------------------------------------------------------

static int read_image(const struct options *options, struct plan *plan, struct lb_error *err)
{
	image_free(&plan->image);
	if (plan_source(options, plan->mode, plan->source, err) != 0)
		return -1;
	return sign_image_read(options, plan->source, mode_image(plan->mode), &plan->image, err);
}

static int find_mode(const struct options *options, struct plan *plan, struct lb_error *err)
{
	enum trust trust;

	plan->mode = options->mode != MODE_AUTO ? options->mode : MODE_DRIVER;
	if (read_image(options, plan, err) != 0)
		return -1;
	trust = firmware_trusts(&plan->firmware, &plan->image);
	plan->mode = choose_mode(options, plan, trust);
	if (read_image(options, plan, err) != 0)
		return -1;
	trust = firmware_trusts(&plan->firmware, &plan->image);
	if (trust == TRUST_NONE || trust == TRUST_FORBIDDEN)
		return lb_fail(err,
			       "Secure Boot is on, and %s is %s: have it signed by --sign KEY CERT, or turn "
			       "Secure Boot off (docs/secure-boot.md)",
			       strrchr(plan->source, '/') + 1, firmware_distrust(trust, &plan->image));
	if (judge_mode(plan, trust, err) != 0)
		return -1;
	plan->program = mode_program(plan->mode);
	return plan->mode == MODE_CHAIN ? find_chain(plan, trust == TRUST_SHIM, err) : 0;
}

// The boot manager that an administrator's lifeboat.conf names is started, not the one that was found.
static int take_chain(struct plan *plan, struct lb_error *err)
{
	const char *chain = plan->settings.options.chain, *name = plan->settings.name;

	if (plan->mode != MODE_CHAIN)
		return 0;
	if (!chain[0])
		return lb_fail(err, "%.80s%.60s has no chain: add the line \"chain %.60s\"", plan->esp.path,
			       name, plan->chain);
	if (strcasecmp(chain, ESP_LOADER) == 0)
		return lb_fail(err, "%.60s: chain %.100s: that is Lifeboat itself", name, chain);
	if (!lb_path_behind_volume(chain) && !on_esp(&plan->esp, chain))
		return lb_fail(err, "%.60s: chain %.100s: no such file on %.100s", name, chain,
			       plan->esp.path);
	snprintf(plan->chain, sizeof(plan->chain), "%s", chain);
	return 0;
}

static int judge_conf(const struct options *options, struct plan *plan, struct lb_error *err)
{
	if (settings_read(&plan->esp, plan->mode, plan->conf, &plan->settings, err) != 0)
		return -1;
	if (plan->firmware.secure_boot &&
	    settings_judge_secure_boot(&plan->settings, options->root, err) != 0)
		return -1;
	return take_chain(plan, err);
}

static int make(const struct options *options, struct plan *plan, struct lb_error *err)
{
	if (firmware_read(options, &plan->firmware, err) != 0 ||
	    esp_find(options, true, &plan->esp, err) != 0)
		return -1;
	if (options->live)
		tpm_find(options->root, plan->firmware.secure_boot, &plan->volumes);
	if (find_mode(options, plan, err) != 0)
		return -1;
	conf_make(options, plan->chain, plan->conf);
	if (judge_conf(options, plan, err) != 0)
		return -1;
	plan->has_entry = options->live && plan->mode != MODE_SD_BOOT;
	if (!options->live || !plan->settings.options.builtin)
		return 0;
	if (target_find(options->root, &plan->settings.options.dump, &plan->target, err) == 0)
		return 0;
	return options->reserve || reserve_is_there(&plan->esp) ? 0 : -1;
}

int plan_make(const struct options *options, struct plan *ret_plan, struct lb_error *err)
{
	memset(ret_plan, 0, sizeof(*ret_plan));
	if (make(options, ret_plan, err) == 0)
		return 0;
	plan_free(ret_plan);
	return -1;
}

struct entry plan_entry(const struct plan *plan)
{
	return (struct entry){
		.kind = plan->mode == MODE_CHAIN ? ENTRY_BOOT : ENTRY_DRIVER,
		.partition = &plan->esp.partition,
		.file = plan->shim[0] ? plan->shim : plan->program,
		.words = plan->shim[0] ? plan->program : "",
	};
}

void plan_free(struct plan *plan)
{
	image_free(&plan->image);
}
