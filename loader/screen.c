// SPDX-License-Identifier: BSD-2-Clause
// Makes struct screen_info from the graphics output protocol, as the kernel's own stub does. Source: UEFI
// 2.10, 12.9; include/uapi/linux/screen_info.h.
#include "loader/screen.h"

#include "crash/plan/framebuffer.h"
#include "lib/cpu.h"
#include "lib/mem.h"
#include "lifeboat/pci.h"
#include "loader/firmware.h"
#include "loader/pci_io.h"

// GetBarAttributes() returns a QWORD address space descriptor. Source: UEFI 2.10, 14.4.11; ACPI 6.5,
// 6.4.3.5.1.
#define QWORD_SPACE 0x8a
#define SPACE_MEMORY 0
struct __attribute__((packed)) bar_descriptor {
	uint8_t tag;
	uint16_t bytes;
	uint8_t type, general, specific;
	uint64_t granularity, first, last, offset, length;
};

#define CPUID_HYPERVISOR (1U << 31) // in leaf 1's ECX
#define LEAF_HYPERVISOR 0x40000000
#define VENDOR_LETTERS 12

struct color {
	uint8_t bits, position;
};

static struct color color_of_mask(UINT32 mask)
{
	struct color color = {0, 0};

	if (!mask)
		return color;
	color.position = (uint8_t)__builtin_ctz(mask);
	for (; mask; mask &= mask - 1)
		color.bits++;
	return color;
}

static bool set_colors(struct screen_info *screen, const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info)
{
	EFI_PIXEL_BITMASK masks = info->PixelInformation;
	struct color red, green, blue, reserved;

	switch (info->PixelFormat) {
	case PixelRedGreenBlueReserved8BitPerColor:
		masks = (EFI_PIXEL_BITMASK){0x0000ff, 0x00ff00, 0xff0000, 0xff000000};
		break;
	case PixelBlueGreenRedReserved8BitPerColor:
		masks = (EFI_PIXEL_BITMASK){0xff0000, 0x00ff00, 0x0000ff, 0xff000000};
		break;
	case PixelBitMask:
		break;
	default:
		return false; // no linear frame buffer
	}
	red = color_of_mask(masks.RedMask);
	green = color_of_mask(masks.GreenMask);
	blue = color_of_mask(masks.BlueMask);
	reserved = color_of_mask(masks.ReservedMask);
	screen->red_size = red.bits;
	screen->red_pos = red.position;
	screen->green_size = green.bits;
	screen->green_pos = green.position;
	screen->blue_size = blue.bits;
	screen->blue_pos = blue.position;
	screen->rsvd_size = reserved.bits;
	screen->rsvd_pos = reserved.position;
	screen->lfb_depth = (uint16_t)(red.bits + green.bits + blue.bits + reserved.bits);
	return screen->lfb_depth != 0;
}

bool lb_screen_read(struct screen_info *screen)
{
	EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
	EFI_GRAPHICS_OUTPUT_PROTOCOL *output;
	const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info;
	UINT64 base;

	memset(screen, 0, sizeof(*screen));
	if (EFI_ERROR(BS->LocateProtocol(&guid, NULL, (void **)&output)) || !output->Mode ||
	    !output->Mode->Info)
		return false;
	info = output->Mode->Info;
	base = output->Mode->FrameBufferBase;
	if (!base || !set_colors(screen, info))
		return false;
	screen->orig_video_isVGA = VIDEO_TYPE_EFI;
	screen->lfb_width = (uint16_t)info->HorizontalResolution;
	screen->lfb_height = (uint16_t)info->VerticalResolution;
	screen->lfb_base = (uint32_t)base;
	screen->ext_lfb_base = (uint32_t)(base >> 32);
	screen->capabilities = VIDEO_CAPABILITY_SKIP_QUIRKS | (base >> 32 ? VIDEO_CAPABILITY_64BIT_BASE : 0);
	screen->lfb_linelength = (uint16_t)(info->PixelsPerScanLine * screen->lfb_depth / 8);
	screen->lfb_size = (uint32_t)screen->lfb_linelength * screen->lfb_height;
	screen->pages = 1;
	return true;
}

// Returns "" where there is no hypervisor, or it does not tell its name.
static void read_hypervisor(char ret_vendor[VENDOR_LETTERS + 1])
{
	struct cpu_cpuid leaf;

	memset(ret_vendor, 0, VENDOR_LETTERS + 1);
	if (!(cpu_cpuid(1, 0).ecx & CPUID_HYPERVISOR))
		return;
	leaf = cpu_cpuid(LEAF_HYPERVISOR, 0);
	memcpy(ret_vendor, &leaf.ebx, 4);
	memcpy(ret_vendor + 4, &leaf.ecx, 4);
	memcpy(ret_vendor + 8, &leaf.edx, 4);
}

// Takes the picture's size and colours. False: it is not linear, or has no 32-bit pixels of whole bytes.
static bool take_mode(const EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE *mode, struct lb_screen_config *screen)
{
	const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info = mode->Info;
	struct screen_info colors;

	memset(&colors, 0, sizeof(colors));
	if (!mode->FrameBufferBase || !set_colors(&colors, info) || colors.lfb_depth != 32 ||
	    colors.red_size != 8 || colors.green_size != 8 || colors.blue_size != 8 ||
	    info->HorizontalResolution > UINT16_MAX || info->VerticalResolution > UINT16_MAX ||
	    info->PixelsPerScanLine > UINT16_MAX)
		return false;
	screen->base = mode->FrameBufferBase;
	screen->width = (uint16_t)info->HorizontalResolution;
	screen->height = (uint16_t)info->VerticalResolution;
	screen->stride = info->PixelsPerScanLine * 4;
	screen->red = colors.red_pos;
	screen->green = colors.green_pos;
	screen->blue = colors.blue_pos;
	return true;
}

static bool find_mode(struct lb_screen_config *screen)
{
	EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
	LB_CLEANUP(lb_pool_free) EFI_HANDLE *handles = NULL;
	UINTN count = 0;

	if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles)))
		return false;
	for (UINTN i = 0; i < count; i++) {
		EFI_GRAPHICS_OUTPUT_PROTOCOL *output;

		if (!EFI_ERROR(BS->HandleProtocol(handles[i], &guid, (void **)&output)) && output->Mode &&
		    output->Mode->Info && take_mode(output->Mode, screen))
			return true;
	}
	return false;
}

// Whether the first pixel is in this BAR; takes the BAR then.
static bool take_bar(EFI_PCI_IO_PROTOCOL *pci, uint8_t index, struct lb_screen_config *screen)
{
	LB_CLEANUP(lb_pool_free) void *resources = NULL;
	struct bar_descriptor bar;

	if (EFI_ERROR(pci->GetBarAttributes(pci, index, NULL, &resources)) || !resources)
		return false;
	memcpy(&bar, resources, sizeof(bar));
	if (bar.tag != QWORD_SPACE || bar.type != SPACE_MEMORY || screen->base < bar.first ||
	    screen->base - bar.first >= bar.length)
		return false;
	screen->bar = bar.first;
	screen->bar_bytes = bar.length;
	screen->bar_index = index;
	return true;
}

// Takes the BAR with the picture. False: no BAR of this function has it.
static bool take_function(EFI_PCI_IO_PROTOCOL *pci, struct lb_screen_config *screen)
{
	UINTN segment, bus, device, function;
	bool found = false;

	for (uint8_t i = 0; i < LB_PCI_BARS && !found; i++)
		found = take_bar(pci, i, screen);
	if (!found || EFI_ERROR(pci->GetLocation(pci, &segment, &bus, &device, &function)))
		return false;
	screen->pci = (struct lb_pci_address){.segment = (uint16_t)segment,
					      .bus = (uint8_t)bus,
					      .device = (uint8_t)device,
					      .function = (uint8_t)function};
	screen->pci_id = lb_pci_io_read(pci, LB_PCI_ID);
	return true;
}

static bool find_function(struct lb_screen_config *screen)
{
	EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
	LB_CLEANUP(lb_pool_free) EFI_HANDLE *handles = NULL;
	UINTN count = 0;

	if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles)))
		return false;
	for (UINTN i = 0; i < count; i++) {
		void *pci;

		if (!EFI_ERROR(BS->HandleProtocol(handles[i], &guid, &pci)) && take_function(pci, screen))
			return true;
	}
	return false;
}

int lb_screen_find(enum lb_screen_policy policy, struct lb_screen_config *ret_screen, struct lb_error *err)
{
	struct lb_screen_config screen = {.policy = policy};
	char vendor[VENDOR_LETTERS + 1];

	memset(ret_screen, 0, sizeof(*ret_screen));
	read_hypervisor(vendor);
	if (!lb_framebuffer_allowed(vendor))
		return lb_fail(err, "screen: under the hypervisor %s it is left alone", vendor);
	if (!find_mode(&screen))
		return lb_fail(err, "screen: the firmware has no linear one of 32 bits a pixel");
	if (!find_function(&screen))
		return lb_fail(err, "screen: its pixels at 0x%lx are in no BAR of a PCI function",
			       (unsigned long)screen.base);
	if (lb_framebuffer_check(&screen, err) != 0)
		return -1;
	*ret_screen = screen;
	return 0;
}
