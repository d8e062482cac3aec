// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/option_table.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/suggest.h"

#define WIDTH 100U
#define COMMAND_COLUMN 11U
#define OPTION_COLUMN 27U
#define SAID_MAX 3 // so many sub-commands are named with an option in the help of all

struct command_words {
	const char *name, *text; // no text: the help does not list it
};

static const struct command_words commands[COMMAND_COUNT] = {
	[COMMAND_INSTALL] = {"install",
			     "puts Lifeboat in front of every boot: its program onto the ESP, and an entry "
			     "for the firmware or a file for systemd-boot"},
	[COMMAND_UPDATE] = {"update",
			    "replaces the program by a newer one, where it is installed; where the next boot "
			    "does not come up with it, the one before it comes back; docs/boots.md"},
	[COMMAND_ROLLBACK] = {"rollback", "puts back the program that the last update replaced"},
	[COMMAND_OFF] = {"off", "the kill switch: from the next boot on Lifeboat does nothing"},
	[COMMAND_ON] = {"on", "ends that, and has the next boot be armed, whatever boots before it came to"},
	[COMMAND_STATUS] = {"status", "whether a panic of the running system would be captured: exit status "
				      "0 yes, 1 no"},
	[COMMAND_LIST] = {"list", "the dumps on this machine's disks"},
	[COMMAND_SAVE] = {"save", "saves them to /var/crash; docs/capture.md"},
	[COMMAND_REPORT] = {"report", "tells why a kernel died, from its dump; lifeboat-report(1)"},
	[COMMAND_TEST] = {"test", "says how a try without a crash ended, or asks for one at the next boot"},
	[COMMAND_REARM] = {"rearm",
			   "sets again what was changed since an armed boot and leads a panic elsewhere"},
	[COMMAND_DISARM] = {"disarm", "has panics go round Lifeboat until the next boot, or rearm"},
	[COMMAND_REMOVE] = {"remove", "takes away what install brought"},
	[COMMAND_BOOT_START] = {"boot-start", NULL},
	[COMMAND_BOOT_COMPLETE] = {"boot-complete", NULL},
	[COMMAND_BOOT_STOP] = {"boot-stop", NULL},
	[COMMAND_SAVE_FAILED] = {"save-failed", NULL},
};

#define OF(command) (1U << COMMAND_##command)
#define OF_OTHERS (OF(LIST) | OF(SAVE) | OF(REPORT)) // they have options of their own
#define OF_ALL (((1U << COMMAND_COUNT) - 1) & ~OF_OTHERS)
// Those that look at the ESP or at the firmware's variables.
#define OF_ESP                                                                                               \
	(OF(INSTALL) | OF(UPDATE) | OF(ROLLBACK) | OF(OFF) | OF(ON) | OF(STATUS) | OF(TEST) | OF(REMOVE) |   \
	 OF(BOOT_COMPLETE))
// Those that change something.
#define OF_CHANGES                                                                                           \
	(OF(INSTALL) | OF(UPDATE) | OF(ROLLBACK) | OF(OFF) | OF(ON) | OF(TEST) | OF(REARM) | OF(DISARM) |    \
	 OF(REMOVE))

struct option_words {
	const char *name;
	const char *argument; // as the help calls it, "[FILE]" where it may be left out; NULL: none
	uint32_t commands;
	const char *text;
	char letter; // 0: it has none
};

static const struct option_words options[OPTION_COUNT] = {
	[OPTION_ROOT] = {"root", "DIR", OF_ALL,
			 "the system below DIR, as image builds have it; its firmware's variables are not "
			 "touched, unless EFIVARFS_PATH says where they are",
			 0},
	[OPTION_ESP] = {"esp", "DIR", OF_ESP,
			"where the ESP is mounted, below --root; default: /efi, /boot/efi or /boot", 0},
	[OPTION_FROM] = {"from", "DIR", OF(INSTALL) | OF(UPDATE),
			 "where lifeboat.efi and lifeboatx64.efi are; default: PREFIX/lib/lifeboat", 0},
	[OPTION_MODE] = {"mode", "MODE", OF(INSTALL),
			 "driver, sd-boot or chain (docs/options.md); default: auto", 0},
	[OPTION_NO_VARIABLES] = {"no-variables", NULL, OF_ESP, "leaves the firmware's variables alone", 0},
	[OPTION_ACCEPT_TPM_CHANGE] = {"accept-tpm-change", NULL, OF(INSTALL),
				      "goes on although a disk's key is bound to a PCR that changes", 0},
	[OPTION_SIGN] = {"sign", "KEY CERT", OF(INSTALL) | OF(UPDATE),
			 "signs the program for Secure Boot (docs/secure-boot.md)", 0},
	[OPTION_NO_MEASURE] = {"no-measure", NULL, OF(INSTALL), "Lifeboat is to measure nothing into the TPM",
			       0},
	[OPTION_BOOT_ORDER] = {"boot-order", NULL, OF(UPDATE),
			       "puts a chain's boot entry to the front again, and does no more", 0},
	[OPTION_RECIPIENT] = {"recipient", "age1...", OF(INSTALL),
			      "log, report and dump are encrypted to it (docs/encrypt.md); may be repeated",
			      0},
	[OPTION_RESERVE] = {"reserve", "[SIZE]", OF(INSTALL),
			    "makes a file for dumps, where there is no partition; default: 64M "
			    "(docs/capture.md)",
			    0},
	[OPTION_DUMP_TO] =
		{"dump-to", "FILE", OF(INSTALL),
		 "where that file goes: on the ESP, an ext4 or an XFS; default: /boot, else the ESP", 0},
	[OPTION_CLEARTEXT] = {"cleartext", NULL, OF(INSTALL),
			      "a dump may lie on the disk in the clear although the root is encrypted", 0},
	[OPTION_DRY_RUN] = {"dry-run", NULL, OF_CHANGES, "prints what would be done, and does nothing", 'n'},
	[OPTION_JSON] = {"json", NULL, OF(STATUS), "for programs; docs/status.schema.json", 0},
	[OPTION_METRICS] = {"metrics", NULL, OF(STATUS), "for Prometheus", 0},
	[OPTION_WHEN_STALE] = {"when-stale", NULL, OF(TEST),
			       "asks for a try where there is no verdict, or an old one", 0},
	[OPTION_REPORT] =
		{"report", "[FILE]", OF(TEST),
		 "what is known of Lifeboat on this machine, as JSON without serial numbers, UUIDs, "
		 "names and addresses; docs/machines.md",
		 0},
	[OPTION_PANIC] = {"panic", NULL, OF(TEST), "panics this machine, once \"panic\" is typed", 0},
	[OPTION_YES] = {"yes", NULL, OF(TEST), "with --panic: asks nothing", 0},
	[OPTION_HELP] = {"help", NULL, OF_ALL, "this text", 'h'},
};

// ---- Looking up ----------------------------------------------------------------

const char *command_name(enum command command)
{
	return commands[command].name;
}

enum command command_find(const char *name)
{
	unsigned int i = 0;

	while (i < COMMAND_COUNT && strcmp(commands[i].name, name) != 0)
		i++;
	return (enum command)i;
}

static const char *listed_name(uint32_t index)
{
	return index < COMMAND_COUNT && commands[index].text ? commands[index].name : NULL;
}

const char *command_suggest(const char *name)
{
	return lb_suggest(name, strlen(name), listed_name);
}

const char *option_name(enum option_index option)
{
	return options[option].name;
}

bool option_goes_with(enum option_index option, enum command command)
{
	return command == COMMAND_COUNT || (options[option].commands & 1U << command);
}

static int value_of(enum option_index option)
{
	return options[option].letter ? options[option].letter : OPTION_VALUE + (int)option;
}

enum option_index option_of_value(int value)
{
	unsigned int i = 0;

	while (i < OPTION_COUNT && value_of((enum option_index)i) != value)
		i++;
	return (enum option_index)i;
}

static int argument_of(const struct option_words *words)
{
	if (!words->argument)
		return no_argument;
	return words->argument[0] == '[' ? optional_argument : required_argument;
}

void option_list(enum command command, struct option ret_list[OPTION_COUNT + 1])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < OPTION_COUNT; i++)
		if (option_goes_with((enum option_index)i, command))
			ret_list[count++] = (struct option){.name = options[i].name,
							    .has_arg = argument_of(&options[i]),
							    .val = value_of((enum option_index)i)};
	ret_list[count] = (struct option){.name = NULL};
}

static bool is_of(const struct option_words *words, unsigned int command)
{
	return commands[command].text && (words->commands & 1U << command);
}

const char *option_commands(enum option_index option, char *text, size_t bytes)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < COMMAND_COUNT; i++)
		if (is_of(&options[option], i) && used < bytes)
			used += (size_t)snprintf(text + used, bytes - used, "%s%s", used ? ", " : "",
						 commands[i].name);
	return text;
}

// ---- The help ------------------------------------------------------------------

// Prints the text from that column on, which the line has reached, in lines of WIDTH characters.
static void print_text(const char *text, unsigned int column)
{
	unsigned int at = column;

	while (*text) {
		const unsigned int bytes = (unsigned int)strcspn(text, " ");

		if (at > column && at + 1 + bytes > WIDTH) {
			printf("\n%*s", (int)column, "");
			at = column;
		}
		at += (unsigned int)printf("%s%.*s", at > column ? " " : "", (int)bytes, text);
		text += bytes + (text[bytes] == ' ');
	}
	putchar('\n');
}

// `all`: in the help of all sub-commands an option says whose it is.
static void print_option(enum option_index option, bool all)
{
	const struct option_words *words = &options[option];
	char head[OPTION_COLUMN + 1], whose[128], text[512];
	int count = 0;

	if (words->letter)
		snprintf(head, sizeof(head), "  -%c, --%s", words->letter, words->name);
	else
		snprintf(head, sizeof(head), "      --%s %s", words->name,
			 words->argument ? words->argument : "");
	for (unsigned int i = 0; i < COMMAND_COUNT; i++)
		count += is_of(words, i);
	if (all && count <= SAID_MAX)
		snprintf(text, sizeof(text), "of %s: %s", option_commands(option, whose, sizeof(whose)),
			 words->text);
	else
		snprintf(text, sizeof(text), "%s", words->text);
	printf("%-*s", (int)OPTION_COLUMN, head);
	print_text(text, OPTION_COLUMN);
}

static void print_commands(void)
{
	puts("usage: lifeboatctl COMMAND [OPTION]...\n");
	for (unsigned int i = 0; i < COMMAND_COUNT; i++) {
		if (!commands[i].text)
			continue;
		printf("  %-*s", (int)COMMAND_COLUMN - 2, commands[i].name);
		print_text(commands[i].text, COMMAND_COLUMN);
	}
}

void option_help(enum command command)
{
	const bool all = command == COMMAND_COUNT;

	if (all) {
		print_commands();
	} else {
		printf("usage: lifeboatctl %s [OPTION]...\n\n", commands[command].name);
		print_text(commands[command].text ? commands[command].text : "for systemd's units", 0);
	}
	putchar('\n');
	for (unsigned int i = 0; i < OPTION_COUNT; i++)
		if (option_goes_with((enum option_index)i, command))
			print_option((enum option_index)i, all);
	if (all)
		puts("      --version            the version\n\n"
		     "`lifeboatctl COMMAND --help` lists the options of one command, which takes no others.\n"
		     "boot-start, boot-complete, boot-stop and save-failed are for systemd's units.");
	puts(all ? "exit status: 0 done, 1 not, 2 bad usage" : "\nexit status: 0 done, 1 not, 2 bad usage");
}
