// SPDX-License-Identifier: BSD-2-Clause
// Padding, lengths, and the blocks in plain C, for CPUs without the SHA extensions; sha256_ni.c has the
// blocks for the others. Source: FIPS 180-4, chapters 4 to 6; names as there.
#include "lib/sha256.h"

#include "lib/mem.h"
#include "lib/sha256_blocks.h"
#include "lib/sha_ni.h"

#define BLOCK LB_SHA256_BLOCK

// 4.2.2: fractional parts of the cube roots of the first 64 primes.
const uint32_t lb_sha256_k[64] __attribute__((aligned(16))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

// 5.3.3: fractional parts of the square roots of the first 8 primes.
static const uint32_t H0[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static inline uint32_t rotr(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

static inline uint32_t load_be32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return __builtin_bswap32(value);
}

static void store_be64(uint8_t *to, uint64_t value)
{
	value = __builtin_bswap64(value);
	memcpy(to, &value, sizeof(value));
}

// 6.2.2 step 1 from the 17th word on; `w` holds the last sixteen.
#define NEXT(i)                                                                                              \
	(w[i] += (rotr(w[((i) + 14) & 15], 17) ^ rotr(w[((i) + 14) & 15], 19) ^ w[((i) + 14) & 15] >> 10) +  \
		 w[((i) + 9) & 15] +                                                                         \
		 (rotr(w[((i) + 1) & 15], 7) ^ rotr(w[((i) + 1) & 15], 18) ^ w[((i) + 1) & 15] >> 3))

// 6.2.2 step 3, Ch and Maj with one operation less than written there. Here K and
// the message word come as their sum, `kw`.
#define ROUND(a, b, c, d, e, f, g, h, kw)                                                                    \
	do {                                                                                                 \
		uint32_t t1 =                                                                                \
			(h) + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((g) ^ ((e) & ((f) ^ (g)))) + (kw); \
		(d) += t1;                                                                                   \
		(h) = t1 + (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + (((a) & (b)) | ((c) & ((a) | (b))));   \
	} while (0)

// Eight rounds, after which the variables are back in their places: they rotate by name instead of moving.
// `i` is 0 or 8, so every index into `w` is constant, which makes this fast.
#define EIGHT_ROUNDS(word, i)                                                                                \
	do {                                                                                                 \
		ROUND(a, b, c, d, e, f, g, h, k[(i)] + word((i)));                                           \
		ROUND(h, a, b, c, d, e, f, g, k[(i) + 1] + word((i) + 1));                                   \
		ROUND(g, h, a, b, c, d, e, f, k[(i) + 2] + word((i) + 2));                                   \
		ROUND(f, g, h, a, b, c, d, e, k[(i) + 3] + word((i) + 3));                                   \
		ROUND(e, f, g, h, a, b, c, d, k[(i) + 4] + word((i) + 4));                                   \
		ROUND(d, e, f, g, h, a, b, c, k[(i) + 5] + word((i) + 5));                                   \
		ROUND(c, d, e, f, g, h, a, b, k[(i) + 6] + word((i) + 6));                                   \
		ROUND(b, c, d, e, f, g, h, a, k[(i) + 7] + word((i) + 7));                                   \
	} while (0)

#define FIRST(i) (w[i] = load_be32(data + 4 * (i)))

// 6.2.2 over `count` blocks.
static void blocks_plain(uint32_t state[8], const uint8_t *data, size_t count)
{
	for (; count; count--, data += BLOCK) {
		uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
		uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
		const uint32_t *k = lb_sha256_k;
		uint32_t w[16];

		EIGHT_ROUNDS(FIRST, 0);
		EIGHT_ROUNDS(FIRST, 8);
		for (k += 16; k < lb_sha256_k + 64; k += 16) {
			EIGHT_ROUNDS(NEXT, 0);
			EIGHT_ROUNDS(NEXT, 8);
		}
		state[0] += a;
		state[1] += b;
		state[2] += c;
		state[3] += d;
		state[4] += e;
		state[5] += f;
		state[6] += g;
		state[7] += h;
	}
}

// An `if` chooses the method, not a pointer: the purgatory may have no pointer in its data.
static void compress(struct lb_sha256 *sha, const uint8_t *data, size_t count)
{
	if (sha->method == LB_SHA256_NI)
		lb_sha256_blocks_ni(sha->state, data, count);
	else
		blocks_plain(sha->state, data, count);
}

enum lb_sha256_method lb_sha256_best(void)
{
	struct lb_sha_ni_state state = lb_sha_ni_state();

	return lb_sha_ni_usable(&state) ? LB_SHA256_NI : LB_SHA256_PLAIN;
}

void lb_sha256_begin_with(struct lb_sha256 *sha, enum lb_sha256_method method)
{
	memcpy(sha->state, H0, sizeof(H0));
	sha->bytes = 0;
	sha->method = method;
}

void lb_sha256_begin(struct lb_sha256 *sha)
{
	lb_sha256_begin_with(sha, lb_sha256_best());
}

void lb_sha256_add(struct lb_sha256 *sha, const void *data, size_t bytes)
{
	const uint8_t *next = data;
	size_t held = sha->bytes % BLOCK; // in sha->block

	if (!bytes)
		return; // `data` may be NULL then
	sha->bytes += bytes;
	if (held) {
		size_t piece = bytes < BLOCK - held ? bytes : BLOCK - held;

		memcpy(sha->block + held, next, piece);
		next += piece;
		bytes -= piece;
		if (held + piece < BLOCK)
			return;
		compress(sha, sha->block, 1);
	}
	compress(sha, next, bytes / BLOCK);
	if (bytes % BLOCK)
		memcpy(sha->block, next + bytes / BLOCK * BLOCK, bytes % BLOCK);
}

// 5.1.1: a 1 bit, zeroes, and the length in bits as the last eight bytes of a block.
void lb_sha256_end(struct lb_sha256 *sha, uint8_t ret_digest[LB_SHA256_BYTES])
{
	size_t held = sha->bytes % BLOCK;

	sha->block[held++] = 0x80;
	if (held > BLOCK - sizeof(uint64_t)) {
		memset(sha->block + held, 0, BLOCK - held);
		compress(sha, sha->block, 1);
		held = 0;
	}
	memset(sha->block + held, 0, BLOCK - sizeof(uint64_t) - held);
	store_be64(sha->block + BLOCK - sizeof(uint64_t), sha->bytes * 8);
	compress(sha, sha->block, 1);

	for (unsigned int i = 0; i < 8; i++) {
		uint32_t value = __builtin_bswap32(sha->state[i]);

		memcpy(ret_digest + 4 * i, &value, sizeof(value));
	}
}

void lb_sha256(const void *data, size_t bytes, uint8_t ret_digest[LB_SHA256_BYTES])
{
	struct lb_sha256 sha;

	lb_sha256_begin(&sha);
	lb_sha256_add(&sha, data, bytes);
	lb_sha256_end(&sha, ret_digest);
}
