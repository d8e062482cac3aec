// SPDX-License-Identifier: BSD-2-Clause
#include "tools/common/report_json.h"
void report_json(struct json *json, const char *name, const char *text, uint32_t bytes)
{
	(void)text;
	(void)bytes;
	json_open(json, name, '{');
	json_text(json, "schema", REPORT_JSON_SCHEMA);
	json_close(json, '}');
}
