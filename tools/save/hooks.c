// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/hooks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/save/saved_folders.h"

#define TERM_SECONDS 5 // from SIGTERM to SIGKILL

struct hooks {
	char names[HOOKS_MAX][NAME_MAX + 1];
	unsigned int count;
	bool failed; // something was said
};

static void complain(struct hooks *hooks, const char *name, const char *what)
{
	fprintf(stderr, "lifeboat-save: " HOOKS_FOLDER "%s%s: %s\n", name[0] ? "/" : "", name, what);
	hooks->failed = true;
}

// ---- Which ---------------------------------------------------------------------

static bool is_name(const char *name)
{
	return name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")] == '\0';
}

static bool is_roots(const struct stat *status)
{
	return status->st_uid == 0 && !(status->st_mode & (S_IWGRP | S_IWOTH));
}

static void take(struct hooks *hooks, int fd, const char *name)
{
	struct stat status;

	if (!is_name(name) || fstatat(fd, name, &status, 0) != 0 || !S_ISREG(status.st_mode) ||
	    !(status.st_mode & 0111))
		return;
	if (!is_roots(&status))
		complain(hooks, name, "not run: wanted: root's, and writable by nobody else");
	else if (hooks->count == HOOKS_MAX)
		complain(hooks, name, "not run: there are 64 others");
	else
		snprintf(hooks->names[hooks->count++], sizeof(hooks->names[0]), "%s", name);
}

static int compare(const void *left, const void *right)
{
	return strcmp(left, right);
}

// False: there may be some, but not for us.
static bool find(struct hooks *hooks)
{
	DIR *dir = opendir(HOOKS_FOLDER);
	struct dirent *entry;
	struct stat status;

	*hooks = (struct hooks){.count = 0};
	if (!dir && errno == ENOENT)
		return true;
	if (!dir || fstat(dirfd(dir), &status) != 0) {
		complain(hooks, "", strerror(errno));
	} else if (!is_roots(&status)) {
		complain(hooks, "", "nothing in it is run: wanted: root's, and writable by nobody else");
	} else {
		while ((entry = readdir(dir)) != NULL)
			take(hooks, dirfd(dir), entry->d_name);
		qsort(hooks->names, hooks->count, sizeof(hooks->names[0]), compare);
		closedir(dir);
		return true;
	}
	if (dir)
		closedir(dir);
	return false;
}

// ---- One of them ---------------------------------------------------------------

static void become(const char *path, const char *folder)
{
	static char programs[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	static char locale[] = "LC_ALL=C.UTF-8";
	char *const environment[] = {programs, locale, NULL};
	const int none = open("/dev/null", O_RDONLY);
	sigset_t no_signals;

	sigemptyset(&no_signals);
	sigprocmask(SIG_SETMASK, &no_signals, NULL);
	if (setpgid(0, 0) == 0 && none >= 0 && dup2(none, STDIN_FILENO) == 0 && chdir("/") == 0)
		execle(path, path, folder, (char *)NULL, environment);
	fprintf(stderr, "lifeboat-save: %s: %s\n", path, strerror(errno));
	_exit(127);
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

// Waits for the process. False: it still runs after so many seconds. A process that has ended keeps its
// number and its group's until it is reaped. SIGCHLD is blocked.
static bool wait_for(pid_t pid, uint64_t seconds)
{
	const int64_t end = now() + (int64_t)seconds;
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (;;) {
		siginfo_t ended = {.si_pid = 0};
		const int failed = waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT);
		const int64_t left = end - now();

		if (!failed && ended.si_pid == pid)
			return true;
		if (left < 0 || (failed && errno != EINTR))
			return false;
		sigtimedwait(&child, NULL, &(struct timespec){.tv_sec = left + 1});
	}
}

static int end_of(pid_t pid, uint64_t seconds, char *ret_text, size_t room)
{
	const bool late = !wait_for(pid, seconds);
	int status;

	if (late) {
		kill(-pid, SIGTERM);
		wait_for(pid, TERM_SECONDS);
		kill(-pid, SIGKILL); // its children, too
	}
	waitpid(pid, &status, 0);
	if (late) {
		snprintf(ret_text, room, "ended by force: it took more than %lu s", seconds);
		return -1;
	}
	if (WIFSIGNALED(status))
		snprintf(ret_text, room, "killed by signal %d", WTERMSIG(status));
	else
		snprintf(ret_text, room, "exit status %d", WEXITSTATUS(status));
	return status ? -1 : 0;
}

static void run_one(struct hooks *hooks, const char *name, const char *folder, uint64_t seconds, bool quiet)
{
	char path[sizeof(HOOKS_FOLDER) + NAME_MAX + 1], text[64], what[OUTPUT_PATH + FOLDER_NAME + 128];
	pid_t pid;
	int failed;

	snprintf(path, sizeof(path), HOOKS_FOLDER "/%s", name);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become(path, folder);
	if (pid < 0) {
		complain(hooks, name, strerror(errno));
		return;
	}
	setpgid(pid, pid); // whichever of the two processes comes first
	failed = end_of(pid, seconds, text, sizeof(text));
	snprintf(what, sizeof(what), "%s, for %s", text, folder);
	if (failed)
		complain(hooks, name, what);
	else if (!quiet)
		printf("lifeboat-save: %s: %s\n", path, what);
}

// ---- All of them ---------------------------------------------------------------

// Locks the mark of a dump that nobody was told of; -1: another run has it.
static int claim(int folder)
{
	const int fd = openat(folder, FOLDER_NEW, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &status) == 0 && status.st_nlink)
		return fd;
	close(fd);
	return -1;
}

// False: another run tells of it, or it cannot be said that it was told of.
static bool tell(struct hooks *hooks, const struct crash_folder *parent, const char *name, bool quiet)
{
	char path[OUTPUT_PATH + FOLDER_NAME];
	const int folder = dump_folder_open(parent, name);
	const int mark = folder < 0 ? -1 : claim(folder);
	bool told = false;

	if (mark >= 0) {
		snprintf(path, sizeof(path), "%s/%s", parent->path, name);
		for (unsigned int i = 0; i < hooks->count; i++)
			run_one(hooks, hooks->names[i], path, parent->conf.hook_seconds, quiet);
		told = unlinkat(folder, FOLDER_NEW, 0) == 0;
		if (!told) {
			fprintf(stderr, "lifeboat-save: %s/" FOLDER_NEW ": %s\n", path, strerror(errno));
			hooks->failed = true;
		}
		close(mark);
	}
	if (folder >= 0)
		close(folder);
	return told;
}

// How many were told of.
static unsigned int pass(struct hooks *hooks, const struct crash_folder *folder, bool quiet)
{
	struct saved_folders folders;
	struct lb_error err;
	unsigned int told = 0;

	if (saved_folders_list(folder, &folders, &err) != 0) {
		fprintf(stderr, "lifeboat-save: %s\n", err.text);
		hooks->failed = true;
		return 0;
	}
	for (size_t i = 0; i < folders.count; i++)
		told += folders.each[i].is_new && tell(hooks, folder, folders.each[i].name, quiet);
	saved_folders_free(&folders);
	return told;
}

enum hooks_end hooks_run(const struct crash_folder *folder, bool quiet)
{
	static struct hooks hooks;
	unsigned int told = 0, more = 1;
	sigset_t child, before;

	if (!find(&hooks))
		return HOOKS_FAILED;
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before);
	// What is saved meanwhile is told, too.
	for (unsigned int i = 0; more && i < SAVED_FOLDERS_MAX; i++, told += more)
		more = pass(&hooks, folder, quiet);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return hooks.failed ? HOOKS_FAILED : told ? HOOKS_DONE : HOOKS_NOTHING;
}
