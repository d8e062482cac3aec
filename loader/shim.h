// SPDX-License-Identifier: BSD-2-Clause
// LoadImage where a shim before 16 has started us. That shim does not replace LoadImage: the firmware
// judges by its own keys, and knows neither a MOK nor the certificate in shim.
#ifndef LIFEBOAT_LOADER_SHIM_H
#define LIFEBOAT_LOADER_SHIM_H

#include "loader/file.h"

// LoadImage of a file's content. While Secure Boot is on and such a shim is there, shim is asked, too, for
// this call and this content alone. The image is loaded when either the firmware or shim accepts it.
EFI_STATUS lb_shim_load_image(EFI_DEVICE_PATH *path, const struct lb_file *file, EFI_HANDLE *ret_image);

#endif
