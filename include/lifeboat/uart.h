// SPDX-License-Identifier: BSD-2-Clause
// An 8250's registers, by offset, and their ports in a PC. Source: 16550A datasheet (National Semiconductor
// PC16550D); Linux, arch/x86/include/asm/serial.h.
#ifndef LIFEBOAT_UART_H
#define LIFEBOAT_UART_H

#include <stdint.h>

#define LB_UART_REGISTERS 8
#define LB_UART_BYTES32 (4 * LB_UART_REGISTERS) // where each has 32 bits
#define LB_UART_PORT_MAX (0x10000 - LB_UART_REGISTERS) // the last I/O port it can begin at

#define LB_UART_TX 0
#define LB_UART_IER 1
#define LB_UART_LSR 5
#define LB_UART_LSR_THRE 0x20

// Polls for room for one byte. At 9600 baud a byte takes about 1 ms; a register read takes about 1 µs on
// real hardware.
#define LB_UART_MAX_POLLS 200000

#define LB_COM1 0x3f8
#define LB_COM_COUNT 4

// The I/O port of COM1 to COM4, which Linux calls ttyS0 to ttyS3: `number` is 0 to 3.
static inline uint16_t lb_com_port(unsigned int number)
{
	static const uint16_t ports[LB_COM_COUNT] = {LB_COM1, 0x2f8, 0x3e8, 0x2e8};

	return ports[number];
}

#endif
