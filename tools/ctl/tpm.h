// SPDX-License-Identifier: BSD-2-Clause
// Encrypted volumes: those whose key a TPM gives out, and whether the root lies on one.
#ifndef LIFEBOAT_TOOLS_CTL_TPM_H
#define LIFEBOAT_TOOLS_CTL_TPM_H

#include <stdbool.h>
#include <stdint.h>

#define TPM_VOLUMES 16U
#define TPM_DEVICE 80U
#define TPM_PCR(number) (1U << (number))
#define TPM_PCRS_UNKNOWN                                                                                     \
	(1U << 31) // a token that does not say which (clevis' with several pins, systemd-pcrlock)

struct tpm_volumes {
	struct {
		char device[TPM_DEVICE];
		uint32_t pcrs; // TPM_PCR() bits
		bool bitlocker;
	} list[TPM_VOLUMES];
	unsigned int count;
};

// LUKS2 volumes with tokens of systemd-cryptenroll's or clevis' that are bound to PCRs (LUKS2 On-Disk
// Format, 3), also below LVM; BitLocker's volumes, with the PCRs that Windows binds to if nobody says
// otherwise, which Secure Boot decides. A device that cannot be read has none.
void tpm_find(const char *root, bool secure_boot, struct tpm_volumes *ret_volumes);

// "2, 7"; "not known".
char *tpm_pcrs_text(uint32_t pcrs, char *text, unsigned int bytes);

// Does "/" lie on dm-crypt, directly or below LVM?
bool root_is_encrypted(const char *root);

#endif
