// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/uts.h"

#include "crash/dead/deadmem.h"
#include "lib/format.h"
#include "lib/mem.h"

#define NAMES 6
#define NONE "(none)" // as the kernel has it before anybody names it

// sethostname() and setdomainname() take no letter at all, too.
static bool may_be_empty(const struct lb_uts *uts, const char *name)
{
	return name == uts->nodename || name == uts->domainname;
}

static bool is_text(const struct lb_uts *uts, const char *name)
{
	for (uint32_t i = 0; i < LB_UTS_BYTES; i++) {
		if (!name[i])
			return i > 0 || may_be_empty(uts, name);
		if (name[i] < ' ' || name[i] > '~')
			return false;
	}
	return false;
}

static bool makes_sense(const struct lb_uts *uts, const char *release)
{
	for (uint32_t i = 0; i < NAMES; i++) {
		if (!is_text(uts, (const char *)uts + i * LB_UTS_BYTES))
			return false;
	}
	return lb_strcmp(uts->sysname, "Linux") == 0 && lb_strcmp(uts->release, release) == 0;
}

// Source: SYMBOL(init_uts_ns) in Documentation/admin-guide/kdump/vmcoreinfo.rst.
static bool read_memory(const struct lb_deadspace *dead, struct lb_uts *ret_uts)
{
	struct lb_deadmem mem;
	uint64_t ns, name;

	if (!lb_vmcoreinfo_number(&dead->vmcoreinfo, "SYMBOL(init_uts_ns)=", 16, &ns) ||
	    !lb_vmcoreinfo_number(&dead->vmcoreinfo, "OFFSET(uts_namespace.name)=", 10, &name))
		return false;
	lb_deadmem_open(&mem, dead);
	return lb_deadmem_copy(&mem, ns + name, ret_uts, sizeof(*ret_uts));
}

static void fill(char *name)
{
	if (!*name)
		lb_snprintf(name, LB_UTS_BYTES, NONE);
}

void lb_uts_read(const struct lb_deadspace *dead, struct lb_uts *ret_uts)
{
	char release[LB_UTS_BYTES] = "(unknown)";

	lb_vmcoreinfo_text(&dead->vmcoreinfo, "OSRELEASE=", release, sizeof(release));
	if (read_memory(dead, ret_uts) && makes_sense(ret_uts, release)) {
		fill(ret_uts->nodename);
		fill(ret_uts->domainname);
		return;
	}
	memset(ret_uts, 0, sizeof(*ret_uts));
	lb_snprintf(ret_uts->sysname, LB_UTS_BYTES, "Linux");
	lb_snprintf(ret_uts->nodename, LB_UTS_BYTES, NONE);
	lb_snprintf(ret_uts->release, LB_UTS_BYTES, "%s", release);
	lb_snprintf(ret_uts->version, LB_UTS_BYTES, "(unknown)");
	lb_snprintf(ret_uts->machine, LB_UTS_BYTES, "x86_64");
	lb_snprintf(ret_uts->domainname, LB_UTS_BYTES, NONE);
}
