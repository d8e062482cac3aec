// SPDX-License-Identifier: BSD-2-Clause
// BearSSL under firmware. Debian builds it with a stack protector, whose canary is at FS:0x28. It uses XMM
// registers, some of which the firmware's calling convention preserves. Canary and registers are put back
// afterwards.
#ifndef LIFEBOAT_LOADER_LIBRARY_H
#define LIFEBOAT_LOADER_LIBRARY_H

// Calls work(ctx) with interrupts off. BearSSL may be called in it, the firmware may not.
void lb_library_run(void (*work)(void *ctx), void *ctx);

#endif
