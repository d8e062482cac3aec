// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/ctl/file.h"

#define SOCKET "/run/systemd/journal/socket"
#define TEXT 1024U

static const struct {
	const char *id;
	int priority; // syslog(3)
} events[] = {
	[EVENT_PROVED] = {"41ac8731e00b4d45b612bb8d9d9de70e", 6},
	[EVENT_ASIDE] = {"264c7f5f9e7b480a8f87aa9e64014a8e", 4},
	[EVENT_UNACCOUNTED] = {"ee61774940e94f22b211a3e7736f599e", 4},
	[EVENT_DUMP] = {"51c4ae888fb544b0805e2469a78e6015", 4},
	[EVENT_SAVE_FAILED] = {"0a1a8bf77ac04163a796ebd8d8a1c754", 3},
	[EVENT_UPDATED] = {"651901fde4624d32a4f824be7ec0c195", 6},
	[EVENT_RETURNED] = {"ba8a7532b82e435baed10f1d2e5f65d0", 4},
	[EVENT_TESTED] = {"b9d3ab210e4348d9b8ac55f21624e284", 6},
};

const char *journal_id(enum event event)
{
	return events[event].id;
}

static bool send_entry(const char *root, const char *entry)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const size_t bytes = strlen(entry);
	struct lb_error ignored;
	char path[FILE_PATH];
	bool sent;
	int fd;

	if (file_path(root, SOCKET, path, &ignored) != 0 || strlen(path) >= sizeof(address.sun_path))
		return false;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	sent = sendto(fd, entry, bytes, MSG_NOSIGNAL, (const struct sockaddr *)&address, sizeof(address)) ==
	       (ssize_t)bytes;
	close(fd);
	return sent;
}

void journal_tell(const char *root, enum event event, const char *format, ...)
{
	char text[TEXT], entry[TEXT + 256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	// A field's value ends at its line feed.
	text[strcspn(text, "\n")] = '\0';
	snprintf(entry, sizeof(entry), "MESSAGE=%s\nMESSAGE_ID=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=lifeboat\n",
		 text, events[event].id, events[event].priority);
	if (!send_entry(root, entry))
		fprintf(stderr, "lifeboatctl: %s\n", text);
}
