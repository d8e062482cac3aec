// SPDX-License-Identifier: BSD-2-Clause
// Times SHA-256: bench_sha256 BYTES MILLISECONDS hashes a buffer of BYTES again and again, and prints a line
// for each method that this CPU can run: method=NAME mib_per_second=NUMBER. Time is the process's own, as
// openssl speed counts it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/sha256.h"

#define NANOSECONDS 1000000000ULL

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec;
}

static double mib_per_second(const uint8_t *data, size_t bytes, uint64_t nanoseconds,
			     enum lb_sha256_method method, uint8_t ret_digest[LB_SHA256_BYTES])
{
	const uint64_t begun = now();
	uint64_t hashed = 0, spent;

	do {
		struct lb_sha256 sha;

		lb_sha256_begin_with(&sha, method);
		lb_sha256_add(&sha, data, bytes);
		lb_sha256_end(&sha, ret_digest);
		hashed += bytes;
		spent = now() - begun;
	} while (spent < nanoseconds);
	return (double)hashed / (1 << 20) / ((double)spent / NANOSECONDS);
}

int main(int argc, char **argv)
{
	const size_t bytes = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	const uint64_t nanoseconds = argc == 3 ? strtoul(argv[2], NULL, 10) * 1000000 : 0;
	uint8_t plain[LB_SHA256_BYTES], ni[LB_SHA256_BYTES];
	uint8_t *data = malloc(bytes);

	if (!bytes || !nanoseconds || !data) {
		fprintf(stderr, "usage: bench_sha256 BYTES MILLISECONDS\n");
		free(data);
		return 2;
	}
	for (size_t i = 0; i < bytes; i++)
		data[i] = (uint8_t)(i * 31 >> 3);
	printf("method=plain mib_per_second=%.1f\n",
	       mib_per_second(data, bytes, nanoseconds, LB_SHA256_PLAIN, plain));
	if (lb_sha256_best() == LB_SHA256_NI) {
		printf("method=sha-ni mib_per_second=%.1f\n",
		       mib_per_second(data, bytes, nanoseconds, LB_SHA256_NI, ni));
		if (memcmp(plain, ni, sizeof(plain)) != 0) {
			fprintf(stderr, "bench_sha256: the methods' digests differ\n");
			free(data);
			return 1;
		}
	}
	free(data);
	return 0;
}
