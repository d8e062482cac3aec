// SPDX-License-Identifier: BSD-2-Clause
// By whom an EFI image is signed: names and certificates in its signatures (PKCS #7 as the PE format holds
// it; RFC 2315, RFC 5280). Nothing is verified here: the firmware and shim do that.
#ifndef LIFEBOAT_TOOLS_CTL_SIGNATURE_H
#define LIFEBOAT_TOOLS_CTL_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGNERS_MAX 4U
#define SIGNER_NAME 65U // bytes, its NUL included

struct signer {
	// The signer's common name, else its organisation's; '?' stands for what is not printable ASCII.
	char name[SIGNER_NAME];
	const uint8_t *issuer; // of the signer's certificate: a name in DER, within the signatures
	size_t issuer_bytes;
};

struct signers {
	struct signer list[SIGNERS_MAX];
	unsigned int count; // of further ones nothing is told
};

// `data`: WIN_CERTIFICATEs one behind the other, as the image's certificate table. What is damaged has no
// signer.
void signature_read(const uint8_t *data, size_t bytes, struct signers *ret_signers);

// A TBSCertificate, the part of a certificate that its issuer has signed (RFC 5280, 4.1), tag and length
// included.
typedef bool signature_judge(const uint8_t *tbs, size_t bytes, const void *context);
// Is `judge` true of one of the certificates in the signatures?
bool signature_any(const uint8_t *data, size_t bytes, signature_judge *judge, const void *context);

// Is that certificate the one that issued a signer's, by its name?
bool signature_issued(const struct signers *signers, const uint8_t *certificate, size_t bytes);

#endif
