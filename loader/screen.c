// SPDX-License-Identifier: BSD-2-Clause
// struct screen_info from the graphics output protocol, as the kernel's own stub
// does it. Source: UEFI 2.10, 12.9; include/uapi/linux/screen_info.h.
#include "loader/screen.h"

#include "lib/mem.h"
#include "loader/firmware.h"

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
