// SPDX-License-Identifier: BSD-2-Clause
#include "loader/watchdog.h"

#include <stdbool.h>

#include "lifeboat/pci.h"
#include "lifeboat/ports.h"
#include "lifeboat/watchdog.h"
#include "loader/firmware.h"
#include "loader/pci_io.h"

#define ESB_CONFIG 0x60
#define ESB_CONFIG_RESET_ONLY 0x0003 // no interrupt, 1 kHz ticks, output on
#define ESB_TIMER1 0x00
#define ESB_TIMER2 0x04
#define ESB_RELOAD 0x0c
#define ESB_RELOAD_NOW 0x100

#define LPC_RCBA 0xf0
#define LPC_RCBA_ENABLED 1U
#define LPC_RCBA_MASK 0xffffc000U
#define RCBA_GCS 0x3410
#define GCS_NO_REBOOT (1U << 5)
#define PM_SMI_EN 0x30 // offset from PMBASE
#define SMI_EN_GLOBAL_AND_TCO (1U << 0 | 1U << 13)
#define TCO_RELOAD 0x00
#define TCO_STATUS1 0x04
#define TCO_STATUS1_TIMEOUT (1U << 3)
#define TCO_STATUS2 0x06
#define TCO_STATUS2_SECOND_TIMEOUT (1U << 1)
#define TCO_TIMER 0x12

static struct {
	EFI_PCI_IO_PROTOCOL *esb;
	uint16_t tco; // port; 0: none
	volatile uint32_t *gcs; // has NO_REBOOT, which is restored when the watchdog is stopped
} running;

// Each write to a timer, and the reload, has to be unlocked by two writes to the 16-bit reload register.
static EFI_STATUS esb_unlock(EFI_PCI_IO_PROTOCOL *pci)
{
	UINT16 words[] = {0x80, 0x86};
	EFI_STATUS status = EFI_SUCCESS;

	for (size_t i = 0; i < 2 && !EFI_ERROR(status); i++)
		status = pci->Mem.Write(pci, EfiPciIoWidthUint16, 0, ESB_RELOAD, 1, &words[i]);
	return status;
}

static EFI_STATUS esb_write(EFI_PCI_IO_PROTOCOL *pci, uint64_t offset, EFI_PCI_IO_PROTOCOL_WIDTH width,
			    UINT32 value)
{
	EFI_STATUS status = esb_unlock(pci);

	return EFI_ERROR(status) ? status : pci->Mem.Write(pci, width, 0, offset, 1, &value);
}

static EFI_STATUS esb_enable(EFI_PCI_IO_PROTOCOL *pci, UINT8 lock)
{
	return pci->Pci.Write(pci, EfiPciIoWidthUint8, LB_ESB_LOCK, 1, &lock);
}

static bool esb_enabled(EFI_PCI_IO_PROTOCOL *pci)
{
	UINT8 lock = 0;

	return !EFI_ERROR(pci->Pci.Read(pci, EfiPciIoWidthUint8, LB_ESB_LOCK, 1, &lock)) &&
	       lock & LB_ESB_LOCK_ENABLE;
}

static EFI_STATUS set_up_esb(EFI_PCI_IO_PROTOCOL *pci, uint32_t seconds)
{
	UINT16 config = ESB_CONFIG_RESET_ONLY;
	uint32_t half = seconds << 9; // half the time for each of two timers, in 1/1024 s
	EFI_STATUS status =
		pci->Attributes(pci, EfiPciIoAttributeOperationEnable, EFI_PCI_IO_ATTRIBUTE_MEMORY, NULL);

	if (!EFI_ERROR(status))
		status = esb_enable(pci, 0);
	if (!EFI_ERROR(status))
		status = pci->Pci.Write(pci, EfiPciIoWidthUint16, ESB_CONFIG, 1, &config);
	if (!EFI_ERROR(status))
		status = esb_write(pci, ESB_TIMER1, EfiPciIoWidthUint32, half);
	if (!EFI_ERROR(status))
		status = esb_write(pci, ESB_TIMER2, EfiPciIoWidthUint32, half);
	if (!EFI_ERROR(status))
		status = esb_write(pci, ESB_RELOAD, EfiPciIoWidthUint16, ESB_RELOAD_NOW);
	return EFI_ERROR(status) ? status : esb_enable(pci, LB_ESB_LOCK_ENABLE);
}

static int start_esb(EFI_PCI_IO_PROTOCOL *pci, uint32_t seconds, struct lb_error *err)
{
	EFI_STATUS status = set_up_esb(pci, seconds);

	if (EFI_ERROR(status))
		return lb_fail(err, "watchdog i6300esb: could not be set up: %s", lb_status_text(status));
	if (!esb_enabled(pci))
		return lb_fail(err, "watchdog i6300esb: it stays disabled");
	running.esb = pci;
	return 0;
}

// The timer counts down twice before it resets. Firmware may handle the first time by an SMI, and the
// second time may be short then.
static uint16_t tco_ticks(uint16_t pmbase, uint32_t seconds)
{
	bool firmware =
		(cpu_in32((uint16_t)(pmbase + PM_SMI_EN)) & SMI_EN_GLOBAL_AND_TCO) == SMI_EN_GLOBAL_AND_TCO;
	uint32_t ticks = (seconds * 10 + 5) / 6; // units of 0.6 s

	return (uint16_t)(firmware ? ticks : (ticks + 1) / 2);
}

static int start_tco(EFI_PCI_IO_PROTOCOL *lpc, uint32_t seconds, struct lb_error *err)
{
	uint32_t rcba = lb_pci_io_read(lpc, LPC_RCBA);
	uint16_t pmbase = (uint16_t)(lb_pci_io_read(lpc, LB_LPC_PMBASE) & LB_LPC_PMBASE_BITS);
	uint16_t tco = (uint16_t)(pmbase + LB_TCO_AT);
	volatile uint32_t *gcs = (volatile uint32_t *)(uintptr_t)((rcba & LPC_RCBA_MASK) + RCBA_GCS);

	if (!pmbase || !(rcba & LPC_RCBA_ENABLED))
		return lb_fail(err,
			       "watchdog iTCO: the firmware has not given it addresses "
			       "(PMBASE 0x%x, RCBA 0x%x)",
			       pmbase, rcba);
	if (*gcs & GCS_NO_REBOOT) {
		*gcs &= ~GCS_NO_REBOOT;
		if (*gcs & GCS_NO_REBOOT)
			return lb_fail(
				err, "watchdog iTCO: the firmware forbids it to reset (NO_REBOOT is locked)");
		running.gcs = gcs;
	}
	running.tco = tco;
	lb_tco_halt(tco, true);
	cpu_out16((uint16_t)(tco + TCO_STATUS1), TCO_STATUS1_TIMEOUT);
	cpu_out16((uint16_t)(tco + TCO_STATUS2), TCO_STATUS2_SECOND_TIMEOUT);
	cpu_out16((uint16_t)(tco + TCO_TIMER), tco_ticks(pmbase, seconds));
	cpu_out16((uint16_t)(tco + TCO_RELOAD), 1);
	lb_tco_halt(tco, false);
	if (cpu_in16((uint16_t)(tco + LB_TCO_CONTROL1)) & LB_TCO_CONTROL1_HALT) {
		lb_watchdog_stop();
		return lb_fail(err, "watchdog iTCO: it stays halted");
	}
	return 0;
}

static EFI_PCI_IO_PROTOCOL *is_esb(EFI_PCI_IO_PROTOCOL *pci)
{
	return lb_pci_io_read(pci, LB_PCI_ID) == LB_ESB_ID ? pci : NULL;
}

static EFI_PCI_IO_PROTOCOL *is_lpc(EFI_PCI_IO_PROTOCOL *pci)
{
	return lb_pci_io_read(pci, LB_PCI_CLASS) >> 16 == LB_LPC_CLASS &&
			       lb_lpc_has_tco(lb_pci_io_read(pci, LB_PCI_ID))
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
	// A 6300ESB was plugged in on purpose, so it goes before the iTCO.
	*ret_name = esb ? "i6300esb" : "iTCO";
	if (esb)
		return start_esb(esb, seconds, err);
	if (lpc)
		return start_tco(lpc, seconds, err);
	return lb_fail(err, "watchdog: this machine has none that is known here (i6300esb, iTCO)");
}

void lb_watchdog_stop(void)
{
	if (running.esb)
		esb_enable(running.esb, 0);
	if (running.tco)
		lb_tco_halt(running.tco, true);
	if (running.gcs)
		*running.gcs |= GCS_NO_REBOOT;
	running.esb = NULL;
	running.tco = 0;
	running.gcs = NULL;
}
