// SPDX-License-Identifier: BSD-2-Clause
// What is on the partition: lines of "name: value", or JSON for programs.
#ifndef LIFEBOAT_TOOLS_SAVE_LIST_H
#define LIFEBOAT_TOOLS_SAVE_LIST_H

#include "tools/common/json.h"
#include "tools/save/copy.h"

void list_dump(const struct dump *dump, const struct judgement *judgement);
// One object of an array; docs/capture.md has its members.
void list_json(struct json *json, const struct dump *dump, const struct judgement *judgement);

// "2026-11-21 07:44:00 UTC", or "not known". At least 32 bytes of text.
const char *list_time(uint64_t seconds, char *text, size_t bytes);

#endif
