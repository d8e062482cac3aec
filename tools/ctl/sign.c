// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/sign.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int run_sbsign(const struct options *options, const char *path, const char *output,
		      struct lb_error *err)
{
	const char *words[] = {
		"sbsign", "--key", options->sign_key, "--cert", options->sign_certificate, "--output", output,
		path,     NULL};
	char copies[sizeof(words) / sizeof(words[0])][FILE_PATH];
	char *argv[sizeof(words) / sizeof(words[0])] = {NULL};
	int status, failed;
	pid_t child;

	for (size_t i = 0; words[i]; i++) { // posix_spawn() wants them writable
		snprintf(copies[i], FILE_PATH, "%s", words[i]);
		argv[i] = copies[i];
	}
	fflush(stdout);
	failed = posix_spawnp(&child, argv[0], NULL, NULL, argv, environ);
	if (failed)
		return lb_fail(err, "sbsign: %s: install sbsigntool (Debian), sbsigntools (Fedora, Arch)",
			       strerror(failed));
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return lb_fail(err, "sbsign: %s", strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return lb_fail(err, "sbsign did not sign %.100s with %.60s and %.60s", path,
			       options->sign_key, options->sign_certificate);
	return 0;
}

int sign_image_read(const struct options *options, const char *path, enum image_kind kind,
		    struct image *ret_image, struct lb_error *err)
{
	char folder[] = "/tmp/lifeboatctl.XXXXXX", output[sizeof(folder) + sizeof("/signed.efi")];
	int failed;

	// Judged before anybody's key is used for it.
	if (image_read(path, kind, ret_image, err) != 0 || !options->sign_key)
		return ret_image->content.data ? 0 : -1;
	image_free(ret_image);
	if (!mkdtemp(folder))
		return lb_fail(err, "%s: %s", folder, strerror(errno));
	snprintf(output, sizeof(output), "%s/signed.efi", folder);
	failed = run_sbsign(options, path, output, err) != 0 ? -1 : image_read(output, kind, ret_image, err);
	unlink(output);
	rmdir(folder);
	return failed;
}
