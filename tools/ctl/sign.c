// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE // pipe2()
#include "tools/ctl/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAID 4096U // bytes of what sbsign says, its NUL included
#define REASON 60U // bytes of what OpenSSL says of it

// ---- What sbsign says ----------------------------------------------------------

// The reason in the first of OpenSSL's lines, "ID:error:CODE:LIBRARY:FUNCTION:REASON:FILE:LINE:MORE"; ""
// where there is none.
static void find_reason(const char *said, char ret_reason[REASON])
{
	const char *at = strstr(said, ":error:");

	for (unsigned int field = 0; at && field < 5; field++) {
		at = strchr(at, ':');
		at = at ? at + 1 : NULL;
	}
	snprintf(ret_reason, REASON, "%.*s", at ? (int)strcspn(at, ":\n") : 0, at ? at : "");
}

static int fail_by(const char *said, const struct options *options, const char *path, struct lb_error *err)
{
	char reason[REASON], shown[REASON + 4] = "";

	find_reason(said, reason);
	if (reason[0])
		snprintf(shown, sizeof(shown), " (%s)", reason);
	if (strstr(said, "load key"))
		return lb_fail(err, "--sign: %.120s: no private key in PEM that can be read%s",
			       options->sign_key, shown);
	if (strstr(said, "load certificate"))
		return lb_fail(err, "--sign: %.120s: no certificate in PEM%s", options->sign_certificate,
			       shown);
	if (strstr(said, "key/certificate"))
		return lb_fail(err, "--sign: %.70s is not the certificate of %.70s%s",
			       options->sign_certificate, options->sign_key, shown);
	return lb_fail(err, "sbsign did not sign %.60s with %.50s and %.50s%s", path, options->sign_key,
		       options->sign_certificate, shown);
}

// ---- Running it ----------------------------------------------------------------

// Reads all that it says, and keeps as much as has room.
static void hear(int fd, char ret_said[SAID])
{
	size_t used = 0;
	char piece[512];
	ssize_t got;

	while ((got = read(fd, piece, sizeof(piece))) > 0 || (got < 0 && errno == EINTR))
		for (ssize_t i = 0; i < got && used + 1 < SAID; i++)
			ret_said[used++] = piece[i];
	ret_said[used] = '\0';
}

// Starts it with what it says going into `to`. A question for a passphrase goes to the terminal.
static int start(char *const *argv, int to, pid_t *ret_child)
{
	posix_spawn_file_actions_t actions;
	int failed = posix_spawn_file_actions_init(&actions);

	if (failed)
		return failed;
	failed = posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
	if (!failed)
		failed = posix_spawn_file_actions_adddup2(&actions, to, STDERR_FILENO);
	if (!failed)
		failed = posix_spawnp(ret_child, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return failed;
}

static int run(char *const *argv, char ret_said[SAID], int *ret_status, struct lb_error *err)
{
	int ends[2], failed;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return lb_fail(err, "sbsign: %s", strerror(errno));
	failed = start(argv, ends[1], &child);
	close(ends[1]);
	if (!failed)
		hear(ends[0], ret_said);
	close(ends[0]);
	if (failed)
		return lb_fail(err, "sbsign: %s: install sbsigntool (Debian), sbsigntools (Fedora, Arch)",
			       strerror(failed));
	while (waitpid(child, ret_status, 0) < 0)
		if (errno != EINTR)
			return lb_fail(err, "sbsign: %s", strerror(errno));
	return 0;
}

static int run_sbsign(const struct options *options, const char *path, const char *output,
		      struct lb_error *err)
{
	const char *words[] = {
		"sbsign", "--key", options->sign_key, "--cert", options->sign_certificate, "--output", output,
		path,     NULL};
	char copies[sizeof(words) / sizeof(words[0])][FILE_PATH], said[SAID];
	char *argv[sizeof(words) / sizeof(words[0])] = {NULL};
	int status;

	for (size_t i = 0; words[i]; i++) { // posix_spawn() wants them writable
		snprintf(copies[i], FILE_PATH, "%s", words[i]);
		argv[i] = copies[i];
	}
	if (run(argv, said, &status, err) != 0)
		return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : fail_by(said, options, path, err);
}

// A file that cannot be read is named before anybody's key is used.
static int judge_file(const char *path, struct lb_error *err)
{
	struct stat status;

	if (access(path, R_OK) != 0 || stat(path, &status) != 0)
		return lb_fail(err, "--sign: %.160s: %s", path, strerror(errno));
	return S_ISDIR(status.st_mode) ? lb_fail(err, "--sign: %.160s: %s", path, strerror(EISDIR)) : 0;
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
	if (judge_file(options->sign_key, err) != 0 || judge_file(options->sign_certificate, err) != 0)
		return -1;
	if (!mkdtemp(folder))
		return lb_fail(err, "%s: %s", folder, strerror(errno));
	snprintf(output, sizeof(output), "%s/signed.efi", folder);
	failed = run_sbsign(options, path, output, err) != 0 ? -1 : image_read(output, kind, ret_image, err);
	unlink(output);
	rmdir(folder);
	return failed;
}
