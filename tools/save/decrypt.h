// SPDX-License-Identifier: BSD-2-Clause
// An age file, decrypted while it is read; a flattened dump in it is rearranged on the way.
#ifndef LIFEBOAT_TOOLS_SAVE_DECRYPT_H
#define LIFEBOAT_TOOLS_SAVE_DECRYPT_H

#include <stdbool.h>

#include "crash/crypt/chunk.h"
#include "crash/crypt/identity.h"

// A flattened file on its way into the one that it describes: pieces, each behind 16 bytes that say where it
// belongs. The file's first 4096 bytes say what it is.
struct rearranging {
	enum {
		REARRANGE_UNDECIDED,
		REARRANGE_NONE,
		REARRANGE_HEAD,
		REARRANGE_PIECE,
		REARRANGE_DATA,
		REARRANGE_END
	} state;
	uint8_t held[4096]; // of head or piece
	uint32_t held_bytes;
	uint64_t at, left; // of a piece's data: where it belongs, how much is to come
};

struct decrypting {
	const struct lb_identities *identities;
	int fd; // where the content goes
	uint8_t header[LB_AGE_HEADER_MAX];
	uint32_t header_bytes;
	bool opened;
	struct lb_age_opened file;
	uint8_t chunk[LB_CHUNK_SEALED];
	uint32_t chunk_bytes;
	uint64_t chunks; // that are decrypted
	uint64_t written; // where there is nothing to rearrange
	struct rearranging flat;
};

void decrypt_begin(struct decrypting *decrypting, const struct lb_identities *identities, int fd);
// The next bytes of the age file. Fails where no identity opens it, where a chunk is not the one that was
// written there, and where `fd` takes no more.
int decrypt_add(struct decrypting *decrypting, const uint8_t *data, size_t bytes, struct lb_error *err);
// Ends the decrypting. `cut`, of a dump that was interrupted: what is no whole chunk is left out, and no
// last one wanted.
int decrypt_end(struct decrypting *decrypting, bool cut, struct lb_error *err);

// Reads a file of identities. Messages repeat nothing of it.
int identities_load(const char *path, struct lb_identities *ret_identities, struct lb_error *err);

#endif
