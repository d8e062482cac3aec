// SPDX-License-Identifier: BSD-2-Clause
// Registers of a PCI function's configuration space, by offset, and their bits. A register of two halves
// (command and status, for example) is read and written as 32 bits. Source: PCI Local Bus 3.0, chapter 6;
// PCI Express Base 5.0, 7.5 and 7.7.
#ifndef LIFEBOAT_PCI_H
#define LIFEBOAT_PCI_H

#define LB_PCI_DEVICES 32 // of a bus
#define LB_PCI_FUNCTIONS 8 // of a device

#define LB_PCI_SPACE_PORTS 256U // bytes of configuration space that the ports reach
#define LB_PCI_SPACE_ECAM 4096U // and ECAM

#define LB_PCI_ID 0x00
#define LB_PCI_ID_VENDOR 0xffffU
#define LB_PCI_VENDOR_NONE 0xffffU // no function is there
#define LB_PCI_ID_RETRY 0xffff0001U // there, but not yet out of its reset

#define LB_PCI_COMMAND 0x04
#define LB_PCI_COMMAND_IO (1U << 0)
#define LB_PCI_COMMAND_MEMORY (1U << 1)
#define LB_PCI_COMMAND_MASTER (1U << 2)
#define LB_PCI_COMMAND_NO_INTX (1U << 10)
#define LB_PCI_STATUS_CAPABILITIES (1U << 20)
// Ones written to the status half clear it, so only the control half is ever written back.
#define LB_PCI_CONTROL_HALF 0xffffU

#define LB_PCI_CLASS 0x08 // bits 31:8 class, subclass, interface

#define LB_PCI_HEADER 0x0c // bits 22:16 the header's type
#define LB_PCI_HEADER_MULTIFUNCTION (1U << 23)
#define LB_PCI_HEADER_TYPE 0x7fU
#define LB_PCI_HEADER_BRIDGE 1
#define LB_PCI_HEADER_CARDBUS 2

#define LB_PCI_BAR0 0x10
#define LB_PCI_BARS 6
#define LB_PCI_BAR_IO 1U
#define LB_PCI_BAR_IO_FLAGS 3U
#define LB_PCI_BAR_TYPE 6U
#define LB_PCI_BAR_64 4U
#define LB_PCI_BAR_FLAGS 0xfU

// A bridge's own registers. Buses: primary, secondary, subordinate, 8 bits each. The registers from there
// to the I/O base's upper half are windows, except for the half with the secondary status.
#define LB_PCI_BUSES 0x18
#define LB_PCI_WINDOW_IO 0x1c
#define LB_PCI_WINDOWS_END 0x34
#define LB_PCI_BRIDGE_CONTROL 0x3c // bits 31:16
#define LB_PCI_BRIDGE_DISCARDED (1U << 26) // cleared by a one

// One register holds a capability's id, the next one's offset, and 16 bits of its own.
#define LB_PCI_CAPABILITIES 0x34
#define LB_PCI_CAPABILITIES_CARDBUS 0x14
#define LB_PCI_CAPABILITIES_MIN 0x40 // below it is the standard header
#define LB_PCI_CAPABILITIES_MAX ((LB_PCI_SPACE_PORTS - LB_PCI_CAPABILITIES_MIN) / 4) // no more fit
#define LB_PCI_CAPABILITY_NEXT(offset) ((offset)&0xfc) // the two low bits are reserved
#define LB_PCI_CAP_POWER 0x01
#define LB_PCI_CAP_MSI 0x05
#define LB_PCI_CAP_VENDOR 0x09
#define LB_PCI_CAP_EXPRESS 0x10
#define LB_PCI_CAP_MSIX 0x11

#endif
