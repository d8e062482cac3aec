// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE // syncfs()
#include "tools/ctl/blocks.h"

#include <errno.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define AT_ONCE 64U // extents that one FIEMAP call lists

// Adds bytes of the file from `offset` on that lie at `start`; extends the piece before where they continue
// it.
static int add_piece(struct lb_extent extents[LB_MAX_EXTENTS], uint32_t *count, uint64_t start,
		     uint64_t bytes, struct lb_error *err)
{
	struct lb_extent *last = *count ? &extents[*count - 1] : NULL;

	if (last && last->start + last->bytes == start) {
		last->bytes += bytes;
		return 0;
	}
	if (*count == LB_MAX_EXTENTS)
		return lb_fail(
			err, "it lies in more than %d pieces: the file system is too full or too fragmented",
			LB_MAX_EXTENTS);
	extents[(*count)++] = (struct lb_extent){start, bytes};
	return 0;
}

static const struct {
	uint32_t flag;
	const char *what;
} refused[] = {
	{FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC, "has no place on the disk yet"},
	{FIEMAP_EXTENT_DATA_ENCRYPTED, "is encrypted"},
	{FIEMAP_EXTENT_ENCODED, "is compressed or encrypted"},
	{FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL, "lies inside of the file system's own blocks"},
	{FIEMAP_EXTENT_NOT_ALIGNED, "does not begin or end with a block"},
	{FIEMAP_EXTENT_UNWRITTEN, "is reserved, but not written"},
	{FIEMAP_EXTENT_SHARED, "is shared with another file (reflink)"},
};

static int judge(const struct fiemap_extent *extent, struct lb_error *err)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (extent->fe_flags & refused[i].flag)
			return lb_fail(err, "its piece at byte %llu %s", extent->fe_logical, refused[i].what);
	return 0;
}

// Returns 1 when the file system does not know FIEMAP.
static int by_fiemap(int fd, uint64_t bytes, struct lb_extent *extents, uint32_t *count, struct lb_error *err)
{
	static _Alignas(struct fiemap)
		uint8_t room[sizeof(struct fiemap) + AT_ONCE * sizeof(struct fiemap_extent)];
	struct fiemap *map = (struct fiemap *)room;
	uint64_t next = 0;

	while (next < bytes) {
		memset(room, 0, sizeof(room));
		map->fm_start = next;
		map->fm_length = bytes - next;
		map->fm_flags = FIEMAP_FLAG_SYNC;
		map->fm_extent_count = AT_ONCE;
		if (ioctl(fd, FS_IOC_FIEMAP, map) != 0)
			return errno == EOPNOTSUPP || errno == ENOTTY
				       ? 1
				       : lb_fail(err, "where it lies: %s", strerror(errno));
		if (!map->fm_mapped_extents)
			return lb_fail(err, "it has a hole at byte %lu", next);
		for (uint32_t i = 0; i < map->fm_mapped_extents && next < bytes; i++) {
			const struct fiemap_extent *extent = &map->fm_extents[i];
			uint64_t skip = next - extent->fe_logical, piece;

			if (judge(extent, err) != 0)
				return -1;
			if (extent->fe_logical > next)
				return lb_fail(err, "it has a hole at byte %lu", next);
			piece = extent->fe_length - skip;
			if (piece > bytes - next)
				piece = bytes - next;
			if (add_piece(extents, count, extent->fe_physical + skip, piece, err) != 0)
				return -1;
			next += piece;
		}
	}
	return 0;
}

static int by_fibmap(int fd, uint64_t bytes, struct lb_extent *extents, uint32_t *count, struct lb_error *err)
{
	int block_bytes;

	if (ioctl(fd, FIGETBSZ, &block_bytes) != 0 || block_bytes <= 0)
		return lb_fail(err, "its file system's blocks: %s", strerror(errno));
	for (uint64_t at = 0; at < bytes; at += (uint64_t)block_bytes) {
		int block = (int)(at / (uint64_t)block_bytes);

		if (ioctl(fd, FIBMAP, &block) != 0)
			return lb_fail(err, "where it lies: %s", strerror(errno));
		if (!block)
			return lb_fail(err, "it has a hole at byte %lu", at);
		if (add_piece(extents, count, (uint64_t)(unsigned int)block * (uint64_t)block_bytes,
			      (uint64_t)block_bytes, err) != 0)
			return -1;
	}
	return 0;
}

int blocks_find(int fd, uint64_t bytes, struct lb_extent ret_extents[LB_MAX_EXTENTS], uint32_t *ret_count,
		struct lb_error *err)
{
	int result;

	*ret_count = 0;
	if (fsync(fd) != 0 || syncfs(fd) != 0)
		return lb_fail(err, "writing it: %s", strerror(errno));
	result = by_fiemap(fd, bytes, ret_extents, ret_count, err);
	if (result == 1) {
		*ret_count = 0;
		result = by_fibmap(fd, bytes, ret_extents, ret_count, err);
	}
	if (result != 0)
		return -1;
	for (uint32_t i = 0; i < *ret_count; i++)
		if (ret_extents[i].bytes % LB_DUMP_BLOCK)
			return lb_fail(
				err,
				"it lies in pieces that are no whole blocks of %d bytes: the file system "
				"is too fragmented",
				LB_DUMP_BLOCK);
	return 0;
}
