// SPDX-License-Identifier: BSD-2-Clause
// The section .sbat: component, generation, vendor, package, version, address (shim's own description of
// SBAT). shim starts no second stage without it. The generation goes up with each fault that breaks Secure
// Boot.
#include "lifeboat/version.h"

__attribute__((section(".sbat"), used)) static const char sbat[] =
	"sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\n"
	"lifeboat,1,Lifeboat,lifeboat," LIFEBOAT_VERSION ",no address yet\n";
