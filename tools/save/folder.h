// SPDX-License-Identifier: BSD-2-Clause
// The folder that dumps are saved to (/var/crash), and in it one dump's own:
//
//   lifeboat-YYYYMMDDTHHMMSSZ-XXXXXXXX/      the time of the crash, arm_id's first bytes
//     vmcore, vmcore-dmesg.txt               as kdump's collectors look for them
//     report.txt, report.json                why the kernel died, if that was told
//     vmcore.age, vmcore-dmesg.txt.age, report.txt.age   where they are encrypted
//     .new                                 of those in /var/crash: nobody was told of it yet (hooks.h)
//   .lifeboat-…-XXXXXXXX.part/               the same while it is made
//
// Everything is opened by descriptor of its folder, follows no link, and is its owner's alone.
#ifndef LIFEBOAT_TOOLS_SAVE_FOLDER_H
#define LIFEBOAT_TOOLS_SAVE_FOLDER_H

#include "tools/save/dump.h"
#include "tools/save/output.h"
#include "tools/save/save_conf.h"

#define FOLDER_VMCORE "vmcore"
#define FOLDER_LOG "vmcore-dmesg.txt"
#define FOLDER_REPORT "report.txt"
#define FOLDER_REPORT_JSON "report.json"
#define FOLDER_SEALED ".age" // behind the name of a file that is encrypted
#define FOLDER_NEW ".new"
#define FOLDER_NAME 64 // bytes of a dump's folder's name, its NUL included
#define FOLDER_USUAL "/var/crash"

struct crash_folder {
	char path[OUTPUT_PATH]; // without a slash at its end
	int fd;
	bool usual; // FOLDER_USUAL, whatever it was called: save.conf's limits hold there
	struct save_conf conf; // of another one: as if there were none
};

// Without save.conf. Refuses a link, a folder that is neither root's nor the caller's, and one that all may
// write to without its sticky bit.
int crash_folder_open(const char *path, struct crash_folder *ret_folder, struct lb_error *err);
// Excludes every other run that saves to this folder, until it is closed. `wait`: until the others are
// through; else -1 where there is one.
int crash_folder_lock(const struct crash_folder *folder, bool wait, struct lb_error *err);
void crash_folder_unlock(const struct crash_folder *folder);
void crash_folder_close(struct crash_folder *folder);
// Fails where `bytes` more would leave less than save.conf's min-free; without it than 10 % of the file
// system, or than 1 GiB.
int crash_folder_check_room(const struct crash_folder *folder, uint64_t bytes, struct lb_error *err);

enum dump_folder_state {
	DUMP_FOLDER_NEW, // there is none
	DUMP_FOLDER_LOG_ONLY, // there was too little room for more
	DUMP_FOLDER_WHOLE,
};

struct dump_folder {
	const struct crash_folder *parent;
	enum dump_folder_state state;
	char name[FOLDER_NAME], part[FOLDER_NAME + 8];
	int fd; // of the temporary folder
};

// Judges what an earlier run left of this dump. A folder of that name that is not this dump's is left
// alone: the dump's is NAME-2 then, up to NAME-9.
int dump_folder_find(const struct crash_folder *parent, const struct dump *dump,
		     struct dump_folder *ret_folder, struct lb_error *err);
// Makes the temporary folder, after removing one that was left behind.
int dump_folder_begin(struct dump_folder *folder, struct lb_error *err);
// Opens what is in a folder for dumps under that name: one of the caller's own, that nobody else writes to.
// -1 with errno.
int dump_folder_open(const struct crash_folder *parent, const char *name);
// Removes the files that a dump's folder has, and no others; then the folder, which fails with errno where
// it is not empty.
int dump_folder_remove(const struct crash_folder *parent, const char *name);
// A new file in it, for writing; *ret_fd is the caller's.
int dump_folder_create(const struct dump_folder *folder, const char *name, int *ret_fd, struct lb_error *err);
// All of it is on the disk, and has its name, when it returns. Of a folder that is there already, the
// files are replaced.
int dump_folder_commit(struct dump_folder *folder, struct lb_error *err);
// Leaves nothing of the temporary folder.
void dump_folder_abandon(struct dump_folder *folder);

#endif
