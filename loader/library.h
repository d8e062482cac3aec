// SPDX-License-Identifier: BSD-2-Clause
// BearSSL under firmware. Debian builds it with a stack protector, whose canary is at FS:0x28, and it uses XMM
// registers, of which the firmware's callers keep some: both are as before afterwards.
#ifndef LIFEBOAT_LOADER_LIBRARY_H
#define LIFEBOAT_LOADER_LIBRARY_H

// Calls work(ctx), in which BearSSL may be called, without interrupts: nothing of the firmware may be called in it.
void lb_library_run(void (*work)(void *ctx), void *ctx);

#endif
