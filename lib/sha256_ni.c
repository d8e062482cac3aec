// SPDX-License-Identifier: BSD-2-Clause
// The only object that is built with vector instructions (Makefile, SHA_NI). It uses their legacy SSE
// encodings: no AVX, so XCR0 does not matter, and no arithmetic that depends on MXCSR. Source: Intel SDM 2,
// SHA256RNDS2, SHA256MSG1, SHA256MSG2; names as there.
#include <immintrin.h>

#include "lib/sha256_blocks.h"

#define INLINE static inline __attribute__((always_inline))

// Four rounds: each SHA256RNDS2 does two, takes its words from the low half, and
// leaves the new A, B, E, F where C, D, G, H were.
INLINE void rounds(__m128i *abef, __m128i *cdgh, __m128i words, const uint32_t *k)
{
	__m128i sum = _mm_add_epi32(words, _mm_load_si128((const __m128i *)k));

	*cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sum);
	*abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

// The four message words that follow these sixteen: w[t-16] + s0(w[t-15]) by MSG1,
// w[t-7] by the shift, s1(w[t-2]) by MSG2.
INLINE __m128i next(__m128i w0, __m128i w4, __m128i w8, __m128i w12)
{
	__m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8(w12, w8, 4));

	return _mm_sha256msg2_epu32(sum, w12);
}

INLINE __m128i load(const uint8_t *from)
{
	const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);

	return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)from), big_endian);
}

INLINE __m128i four(uint32_t lane3, uint32_t lane2, uint32_t lane1, uint32_t lane0)
{
	return _mm_set_epi32((int)lane3, (int)lane2, (int)lane1, (int)lane0);
}

__attribute__((ms_abi)) void lb_sha256_blocks_ni(uint32_t state[8], const uint8_t *data, size_t count)
{
	__m128i abef = four(state[0], state[1], state[4], state[5]);
	__m128i cdgh = four(state[2], state[3], state[6], state[7]);

	for (; count; count--, data += LB_SHA256_BLOCK) {
		const __m128i abef_before = abef, cdgh_before = cdgh;
		__m128i w0 = load(data), w4 = load(data + 16), w8 = load(data + 32), w12 = load(data + 48);
		const uint32_t *k = lb_sha256_k;

		rounds(&abef, &cdgh, w0, k);
		rounds(&abef, &cdgh, w4, k + 4);
		rounds(&abef, &cdgh, w8, k + 8);
		rounds(&abef, &cdgh, w12, k + 12);
		for (k += 16; k < lb_sha256_k + 64; k += 16) {
			w0 = next(w0, w4, w8, w12);
			rounds(&abef, &cdgh, w0, k);
			w4 = next(w4, w8, w12, w0);
			rounds(&abef, &cdgh, w4, k + 4);
			w8 = next(w8, w12, w0, w4);
			rounds(&abef, &cdgh, w8, k + 8);
			w12 = next(w12, w0, w4, w8);
			rounds(&abef, &cdgh, w12, k + 12);
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}
	state[0] = (uint32_t)_mm_extract_epi32(abef, 3);
	state[1] = (uint32_t)_mm_extract_epi32(abef, 2);
	state[2] = (uint32_t)_mm_extract_epi32(cdgh, 3);
	state[3] = (uint32_t)_mm_extract_epi32(cdgh, 2);
	state[4] = (uint32_t)_mm_extract_epi32(abef, 1);
	state[5] = (uint32_t)_mm_extract_epi32(abef, 0);
	state[6] = (uint32_t)_mm_extract_epi32(cdgh, 1);
	state[7] = (uint32_t)_mm_extract_epi32(cdgh, 0);
}
