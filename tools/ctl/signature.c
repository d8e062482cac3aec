// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/signature.h"

#include <string.h>

#define WIN_CERTIFICATE_BYTES 8U
#define WIN_CERTIFICATE_PKCS 2U // WIN_CERT_TYPE_PKCS_SIGNED_DATA

// DER (X.690): tags, and the classes they are of.
#define INTEGER 0x02U
#define OID 0x06U
#define SEQUENCE 0x30U
#define SET 0x31U
#define CONTEXT_0 0xa0U

// The part of the DER that is not read yet.
struct der {
	const uint8_t *at, *end;
};

struct element {
	uint8_t tag;
	const uint8_t *begin; // of the tag
	struct der content;
};

static size_t left(const struct der *der)
{
	return (size_t)(der->end - der->at);
}

// The next element; false at the end, and where it does not fit.
static bool next(struct der *der, struct element *ret_element)
{
	size_t bytes, count;

	if (left(der) < 2)
		return false;
	ret_element->begin = der->at;
	ret_element->tag = *der->at++;
	bytes = *der->at++;
	if (bytes & 0x80) {
		count = bytes & 0x7f;
		if (count == 0 || count > 4 || count > left(der))
			return false;
		for (bytes = 0; count; count--)
			bytes = bytes << 8 | *der->at++;
	}
	if (bytes > left(der))
		return false;
	ret_element->content = (struct der){der->at, der->at + bytes};
	der->at += bytes;
	return true;
}

static bool next_of(struct der *der, uint8_t tag, struct element *ret_element)
{
	return next(der, ret_element) && ret_element->tag == tag;
}

// All of an element, its tag and length included.
static size_t whole(const struct element *element)
{
	return (size_t)(element->content.end - element->begin);
}

// An X.509 certificate's fields that are asked for.
struct certificate {
	struct element serial, issuer, subject;
};

static bool read_certificate(struct der der, struct certificate *ret_certificate)
{
	struct element outer, body, ignored;

	if (!next_of(&der, SEQUENCE, &outer) || !next_of(&outer.content, SEQUENCE, &body))
		return false;
	if (body.content.at < body.content.end && *body.content.at == CONTEXT_0 &&
	    !next(&body.content, &ignored)) // the version
		return false;
	return next_of(&body.content, INTEGER, &ret_certificate->serial) &&
	       next_of(&body.content, SEQUENCE, &ignored) && // the algorithm
	       next_of(&body.content, SEQUENCE, &ret_certificate->issuer) &&
	       next_of(&body.content, SEQUENCE, &ignored) && // validity
	       next_of(&body.content, SEQUENCE, &ret_certificate->subject);
}

// The last value of attribute 2.5.4.`number` of a name.
static bool find_attribute(struct der name, uint8_t number, char ret_text[SIGNER_NAME])
{
	const uint8_t wanted[3] = {0x55, 0x04, number};
	struct element set, pair, oid, value;
	bool found = false;

	while (next_of(&name, SET, &set)) {
		size_t used = 0;

		if (!next_of(&set.content, SEQUENCE, &pair) || !next_of(&pair.content, OID, &oid) ||
		    !next(&pair.content, &value) || left(&oid.content) != sizeof(wanted) ||
		    memcmp(oid.content.at, wanted, sizeof(wanted)) != 0)
			continue;
		for (; value.content.at < value.content.end && used + 1 < SIGNER_NAME; value.content.at++)
			ret_text[used++] = *value.content.at >= ' ' && *value.content.at <= '~'
						   ? (char)*value.content.at
						   : '?';
		ret_text[used] = '\0';
		found = used > 0;
	}
	return found;
}

static void name_signer(const struct certificate *certificate, struct signer *signer)
{
	if (!find_attribute(certificate->subject.content, 3, signer->name) && // commonName
	    !find_attribute(certificate->subject.content, 10, signer->name)) // organizationName
		memcpy(signer->name, "without a name", sizeof("without a name"));
}

static bool same(const struct element *left_one, const struct element *right)
{
	return whole(left_one) == whole(right) && memcmp(left_one->begin, right->begin, whole(right)) == 0;
}

// Finds the signer by issuer and serial number, among the certificates that came along.
static bool find_signer(struct der certificates, struct element *issuer, const struct element *serial,
			struct signer *ret_signer)
{
	struct certificate certificate;
	struct element one;

	while (next(&certificates, &one)) {
		if (!read_certificate((struct der){one.begin, one.content.end}, &certificate) ||
		    !same(&certificate.issuer, issuer) || !same(&certificate.serial, serial))
			continue;
		name_signer(&certificate, ret_signer);
		ret_signer->issuer = issuer->begin;
		ret_signer->issuer_bytes = whole(issuer);
		return true;
	}
	return false;
}

// The certificates in a ContentInfo of SignedData; what comes behind them is left in *ret_rest.
static bool find_certificates(struct der der, struct der *ret_certificates, struct der *ret_rest)
{
	struct element outer, one, signed_data, certificates;
	struct der in;

	if (!next_of(&der, SEQUENCE, &outer) || !next_of(&outer.content, OID, &one) ||
	    !next_of(&outer.content, CONTEXT_0, &one) || !next_of(&one.content, SEQUENCE, &signed_data))
		return false;
	in = signed_data.content;
	if (!next_of(&in, INTEGER, &one) || !next_of(&in, SET, &one) || !next_of(&in, SEQUENCE, &one) ||
	    !next_of(&in, CONTEXT_0, &certificates))
		return false;
	*ret_certificates = certificates.content;
	*ret_rest = in;
	return true;
}

static void read_signed_data(struct der der, struct signers *signers)
{
	struct element signer, one, issuer, serial;
	struct der certificates, rest;

	if (!find_certificates(der, &certificates, &rest))
		return;
	do { // revocation lists may come between
		if (!next(&rest, &one))
			return;
	} while (one.tag != SET);
	while (signers->count < SIGNERS_MAX && next_of(&one.content, SEQUENCE, &signer)) {
		struct element pair, version;

		if (next_of(&signer.content, INTEGER, &version) &&
		    next_of(&signer.content, SEQUENCE, &pair) && next_of(&pair.content, SEQUENCE, &issuer) &&
		    next_of(&pair.content, INTEGER, &serial) &&
		    find_signer(certificates, &issuer, &serial, &signers->list[signers->count]))
			signers->count++;
	}
}

// Takes the next signature off the WIN_CERTIFICATEs that are left; false: there is none.
static bool next_signature(struct der *table, struct der *ret_signature)
{
	while (left(table) > WIN_CERTIFICATE_BYTES) {
		const uint8_t *at = table->at;
		uint32_t length;
		uint16_t type;
		size_t step;

		memcpy(&length, at, sizeof(length));
		memcpy(&type, at + 6, sizeof(type));
		if (length <= WIN_CERTIFICATE_BYTES || length > left(table))
			return false;
		step = ((size_t)length + 7) & ~(size_t)7; // each begins at a multiple of 8
		table->at = step < left(table) ? at + step : table->end;
		if (type == WIN_CERTIFICATE_PKCS) {
			*ret_signature = (struct der){at + WIN_CERTIFICATE_BYTES, at + length};
			return true;
		}
	}
	return false;
}

void signature_read(const uint8_t *data, size_t bytes, struct signers *ret_signers)
{
	struct der table = {data, data + bytes}, signature;

	*ret_signers = (struct signers){.count = 0};
	while (next_signature(&table, &signature))
		read_signed_data(signature, ret_signers);
}

bool signature_any(const uint8_t *data, size_t bytes, signature_judge *judge, const void *context)
{
	struct der table = {data, data + bytes}, signature, certificates, ignored;
	struct element one, tbs;

	while (next_signature(&table, &signature)) {
		if (!find_certificates(signature, &certificates, &ignored))
			continue;
		while (next_of(&certificates, SEQUENCE, &one))
			if (next_of(&one.content, SEQUENCE, &tbs) && judge(tbs.begin, whole(&tbs), context))
				return true;
	}
	return false;
}

bool signature_issued(const struct signers *signers, const uint8_t *certificate, size_t bytes)
{
	struct certificate issuer;

	if (!read_certificate((struct der){certificate, certificate + bytes}, &issuer))
		return false;
	for (unsigned int i = 0; i < signers->count; i++)
		if (signers->list[i].issuer_bytes == whole(&issuer.subject) &&
		    memcmp(signers->list[i].issuer, issuer.subject.begin, whole(&issuer.subject)) == 0)
			return true;
	return false;
}
