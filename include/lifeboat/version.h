// SPDX-License-Identifier: BSD-2-Clause
#ifndef LIFEBOAT_VERSION_H
#define LIFEBOAT_VERSION_H

#define LIFEBOAT_VERSION "0.2.0"

#endif
