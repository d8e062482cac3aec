// SPDX-License-Identifier: BSD-2-Clause
#include "loader/watchdog.h"

#include <efipciio.h>
#include <stdbool.h>

#include "loader/firmware.h"

#define INTEL 0x8086
#define CLASS_ISA_BRIDGE 0x0601

#define ESB_DEVICE 0x25abU
#define ESB_CONFIG 0x60
#define ESB_CONFIG_RESET_ONLY 0x0003 // no interrupt, 1 kHz ticks, output on
#define ESB_LOCK 0x68
#define ESB_LOCK_ENABLE 0x02
#define ESB_TIMER1 0x00
#define ESB_TIMER2 0x04
#define ESB_RELOAD 0x0c
#define ESB_RELOAD_NOW 0x100

#define LPC_PMBASE 0x40
#define LPC_PMBASE_MASK 0xff80U
#define LPC_RCBA 0xf0
#define LPC_RCBA_ENABLED 1U
#define LPC_RCBA_MASK 0xffffc000U
#define RCBA_GCS 0x3410
#define GCS_NO_REBOOT (1U << 5)
#define TCO_FROM_PMBASE 0x60
#define TCO_RELOAD 0x00
#define TCO_STATUS1 0x04
#define TCO_STATUS1_TIMEOUT (1U << 3)
#define TCO_STATUS2 0x06
#define TCO_STATUS2_SECOND_TIMEOUT (1U << 1)
#define TCO_CONTROL1 0x08
#define TCO_CONTROL1_HALT (1U << 11)
#define TCO_TIMER 0x12

static struct {
	EFI_PCI_IO_PROTOCOL *esb;
	uint16_t tco; // port; 0: none
} running;

static uint32_t config_read(EFI_PCI_IO_PROTOCOL *pci, uint32_t offset)
{
	uint32_t value = 0;

	// What cannot be read is no device we know.
	return EFI_ERROR(pci->Pci.Read(pci, EfiPciIoWidthUint32, offset, 1, &value)) ? 0 : value;
}

static void out16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static uint16_t in16(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static EFI_STATUS esb_write(EFI_PCI_IO_PROTOCOL *pci, uint64_t offset, uint32_t value)
{
	return pci->Mem.Write(pci, EfiPciIoWidthUint32, 0, offset, 1, &value);
}

// Each write to a timer, and the reload, has to be unlocked by two bytes.
static EFI_STATUS esb_write_unlocked(EFI_PCI_IO_PROTOCOL *pci, uint64_t offset, uint32_t value)
{
	EFI_STATUS status = esb_write(pci, ESB_RELOAD, 0x80);

	if (!EFI_ERROR(status))
		status = esb_write(pci, ESB_RELOAD, 0x86);
	return EFI_ERROR(status) ? status : esb_write(pci, offset, value);
}

static int start_esb(EFI_PCI_IO_PROTOCOL *pci, uint32_t seconds, struct lb_error *err)
{
	UINT16 config = ESB_CONFIG_RESET_ONLY;
	UINT8 enable = ESB_LOCK_ENABLE;
	uint32_t half = seconds << 9; // two timers, one after the other, of 1/1024 s
	EFI_STATUS status =
		pci->Attributes(pci, EfiPciIoAttributeOperationEnable, EFI_PCI_IO_ATTRIBUTE_MEMORY, NULL);

	if (!EFI_ERROR(status))
		status = pci->Pci.Write(pci, EfiPciIoWidthUint16, ESB_CONFIG, 1, &config);
	if (!EFI_ERROR(status))
		status = esb_write_unlocked(pci, ESB_TIMER1, half);
	if (!EFI_ERROR(status))
		status = esb_write_unlocked(pci, ESB_TIMER2, half);
	if (!EFI_ERROR(status))
		status = esb_write_unlocked(pci, ESB_RELOAD, ESB_RELOAD_NOW);
	if (!EFI_ERROR(status))
		status = pci->Pci.Write(pci, EfiPciIoWidthUint8, ESB_LOCK, 1, &enable);
	if (EFI_ERROR(status))
		return lb_fail(err, "watchdog i6300esb: could not be set up: %s", lb_status_text(status));
	running.esb = pci;
	return 0;
}

static int start_tco(EFI_PCI_IO_PROTOCOL *lpc, uint32_t seconds, struct lb_error *err)
{
	uint32_t rcba = config_read(lpc, LPC_RCBA);
	uint16_t pmbase = (uint16_t)(config_read(lpc, LPC_PMBASE) & LPC_PMBASE_MASK);
	uint16_t tco = (uint16_t)(pmbase + TCO_FROM_PMBASE);
	volatile uint32_t *gcs = (volatile uint32_t *)(uintptr_t)((rcba & LPC_RCBA_MASK) + RCBA_GCS);

	if (!pmbase || !(rcba & LPC_RCBA_ENABLED))
		return lb_fail(err,
			       "watchdog iTCO: the firmware has not given it addresses "
			       "(PMBASE 0x%x, RCBA 0x%x)",
			       pmbase, rcba);
	*gcs &= ~GCS_NO_REBOOT;
	if (*gcs & GCS_NO_REBOOT)
		return lb_fail(err, "watchdog iTCO: the firmware forbids it to reset (NO_REBOOT is locked)");
	out16((uint16_t)(tco + TCO_CONTROL1), in16((uint16_t)(tco + TCO_CONTROL1)) | TCO_CONTROL1_HALT);
	out16((uint16_t)(tco + TCO_STATUS1), TCO_STATUS1_TIMEOUT);
	out16((uint16_t)(tco + TCO_STATUS2), TCO_STATUS2_SECOND_TIMEOUT);
	out16((uint16_t)(tco + TCO_TIMER), (uint16_t)((seconds * 10 + 5) / 6)); // of 0.6 s
	out16((uint16_t)(tco + TCO_RELOAD), 1);
	out16((uint16_t)(tco + TCO_CONTROL1),
	      (uint16_t)(in16((uint16_t)(tco + TCO_CONTROL1)) & ~TCO_CONTROL1_HALT));
	if (in16((uint16_t)(tco + TCO_CONTROL1)) & TCO_CONTROL1_HALT)
		return lb_fail(err, "watchdog iTCO: it stays halted");
	running.tco = tco;
	return 0;
}

// The LPC bridges whose TCO registers are laid out as above. Newer chipsets have theirs
// behind the SMBus function; a bridge we do not know is left alone.
static bool is_known_lpc(uint16_t device)
{
	return (device >= 0x2640 && device <= 0x2642) || // ICH6
	       (device >= 0x27b8 && device <= 0x27bd) || // ICH7
	       (device >= 0x2810 && device <= 0x2815) || // ICH8
	       (device >= 0x2912 && device <= 0x2919) || // ICH9
	       (device >= 0x3a14 && device <= 0x3a1a) || // ICH10
	       (device >= 0x3b00 && device <= 0x3b1f) || // 5 series
	       (device >= 0x1c41 && device <= 0x1c5f) || // 6 series
	       (device >= 0x1e41 && device <= 0x1e5f) || // 7 series
	       (device >= 0x8c41 && device <= 0x8c5f) || // 8 series
	       (device >= 0x8cc1 && device <= 0x8cc6); // 9 series
}

static EFI_PCI_IO_PROTOCOL *is_esb(EFI_PCI_IO_PROTOCOL *pci)
{
	return config_read(pci, 0) == (ESB_DEVICE << 16 | INTEL) ? pci : NULL;
}

static EFI_PCI_IO_PROTOCOL *is_lpc(EFI_PCI_IO_PROTOCOL *pci)
{
	uint32_t id = config_read(pci, 0);

	return (id & 0xffff) == INTEL && config_read(pci, 8) >> 16 == CLASS_ISA_BRIDGE &&
			       is_known_lpc((uint16_t)(id >> 16))
		       ? pci
		       : NULL;
}

int lb_watchdog_start(uint32_t seconds, const char **ret_name, struct lb_error *err)
{
	static EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
	LB_CLEANUP(lb_pool_free) EFI_HANDLE *handles = NULL;
	EFI_PCI_IO_PROTOCOL *esb = NULL, *lpc = NULL;
	UINTN count = 0;

	if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles)))
		count = 0;
	for (UINTN i = 0; i < count; i++) {
		void *pci;

		if (EFI_ERROR(BS->HandleProtocol(handles[i], &guid, &pci)))
			continue;
		esb = esb ? esb : is_esb(pci);
		lpc = lpc ? lpc : is_lpc(pci);
	}
	// Who has both has plugged the 6300ESB in to be used.
	*ret_name = esb ? "i6300esb" : "iTCO";
	if (esb)
		return start_esb(esb, seconds, err);
	if (lpc)
		return start_tco(lpc, seconds, err);
	return lb_fail(err, "watchdog: this machine has none that is known here (i6300esb, iTCO)");
}

void lb_watchdog_stop(void)
{
	UINT8 off = 0;

	if (running.esb)
		running.esb->Pci.Write(running.esb, EfiPciIoWidthUint8, ESB_LOCK, 1, &off);
	if (running.tco)
		out16((uint16_t)(running.tco + TCO_CONTROL1),
		      in16((uint16_t)(running.tco + TCO_CONTROL1)) | TCO_CONTROL1_HALT);
	running.esb = NULL;
	running.tco = 0;
}
