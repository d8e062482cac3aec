// SPDX-License-Identifier: BSD-2-Clause
#include "loader/program.h"

#include "lib/mem.h"
#include "lib/utf16.h"
#include "loader/options/options.h"
#include "loader/shim.h"

EFI_STATUS lb_program_load(const struct lb_file *file, struct lb_program *program, struct lb_error *err)
{
	static EFI_GUID guid = LOADED_IMAGE_PROTOCOL;
	LB_CLEANUP(lb_pool_free) EFI_DEVICE_PATH *path = NULL;
	void *interface = NULL;
	EFI_STATUS status;

	program->load_options = lb_pool_alloc(LB_MAX_CMDLINE * sizeof(CHAR16));
	if (!program->load_options) {
		lb_fail(err, "%s: no memory for its command line", file->path);
		return EFI_OUT_OF_RESOURCES;
	}
	// Without a path the firmware would apply its Secure Boot policy for "unknown" images.
	status = lb_file_device_path(file->path, &path, err);
	if (EFI_ERROR(status))
		return status;
	status = lb_shim_load_image(path, file, &program->image);
	// After a security violation the image is loaded, and lb_program_unload() unloads it. UEFI 2.10,
	// 7.4.1.
	if (EFI_ERROR(status) && status != EFI_SECURITY_VIOLATION)
		program->image = NULL;
	if (status == EFI_SECURITY_VIOLATION || status == EFI_ACCESS_DENIED) {
		lb_fail(err, "%s: the firmware's Secure Boot policy refuses it (%s)", file->path,
			lb_status_text(status));
		return status;
	}
	if (EFI_ERROR(status)) {
		lb_fail(err, "%s: the firmware does not load it as an EFI program: %s", file->path,
			lb_status_text(status));
		return status;
	}
	status = BS->HandleProtocol(program->image, &guid, &interface);
	if (EFI_ERROR(status)) {
		lb_fail(err, "%s: asking for its loaded image: %s", file->path, lb_status_text(status));
		return status;
	}
	program->loaded = interface;
	return EFI_SUCCESS;
}

EFI_STATUS lb_program_start(struct lb_program *program, const char *words)
{
	LB_CLEANUP(lb_pool_free) CHAR16 *exit_text = NULL;
	UINTN exit_bytes = 0;
	size_t units = lb_utf8_to_utf16(words, program->load_options, LB_MAX_CMDLINE);

	program->loaded->LoadOptions = units ? program->load_options : NULL;
	program->loaded->LoadOptionsSize = units ? (UINT32)((units + 1) * sizeof(CHAR16)) : 0;
	return BS->StartImage(program->image, &exit_bytes, &exit_text);
}

void lb_program_unload(struct lb_program *program)
{
	// The firmware has unloaded an application that was started and has returned; unloading it again
	// fails harmlessly.
	if (program->image)
		BS->UnloadImage(program->image);
	lb_pool_free(&program->load_options);
	memset(program, 0, sizeof(*program));
}
