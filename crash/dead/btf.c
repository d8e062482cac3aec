// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/btf.h"

#include "lib/mem.h"

#define BTF_MAGIC 0xeb9f
#define TYPES_MAX (1U << 22) // 6.1 has 130 000
#define SECTION_MAX (64 * LB_MIB)
#define MODIFIERS_MAX 32 // const, volatile, typedef and the like in a row
#define NESTING_MAX 8 // anonymous structs in anonymous unions, arrays of arrays
#define STEPS_MAX (1U << 16) // members that one question may look at
#define PATH_MAX 8 // parts of a path

// include/uapi/linux/btf.h
struct header {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t header_bytes;
	uint32_t types_at, types_bytes, strings_at, strings_bytes; // from the header's end on
};

struct type {
	uint32_t name; // in the strings
	uint32_t info;
	uint32_t size; // or the type that is meant
};

struct array {
	uint32_t type, index_type, count;
};

struct member {
	uint32_t name, type, offset; // in bits
};

enum kind {
	INT = 1,
	PTR,
	ARRAY,
	STRUCT,
	UNION,
	ENUM,
	FWD,
	TYPEDEF,
	VOLATILE,
	CONST,
	RESTRICT,
	FUNC,
	FUNC_PROTO,
	VAR,
	DATASEC,
	FLOAT,
	DECL_TAG,
	TYPE_TAG,
	ENUM64,
};

#define KIND_FLAG(type) ((type)->info >> 31) // offsets with a size in bits; an enum of signed values

static unsigned int kind_of(const struct type *type)
{
	return type->info >> 24 & 0x1f;
}

static uint32_t entries_of(const struct type *type)
{
	return type->info & 0xffff;
}

// The bytes that follow a type's head. False: the kind is not known.
static bool rest_bytes(const struct type *type, uint64_t *ret_bytes)
{
	const uint64_t entries = entries_of(type);

	switch (kind_of(type)) {
	case PTR:
	case FWD:
	case TYPEDEF:
	case VOLATILE:
	case CONST:
	case RESTRICT:
	case FUNC:
	case FLOAT:
	case TYPE_TAG:
		*ret_bytes = 0;
		return true;
	case INT:
	case VAR:
	case DECL_TAG:
		*ret_bytes = 4;
		return true;
	case ARRAY:
		*ret_bytes = sizeof(struct array);
		return true;
	case ENUM:
	case FUNC_PROTO:
		*ret_bytes = 8 * entries;
		return true;
	case STRUCT:
	case UNION:
	case DATASEC:
	case ENUM64:
		*ret_bytes = 12 * entries;
		return true;
	default:
		return false;
	}
}

// Reads the next type's head, and leaves the cursor behind that head.
static bool read_head(const struct lb_btf *btf, struct lb_deadcursor *cursor, struct type *ret_type,
		      uint64_t *ret_rest)
{
	return cursor->virt < btf->types.end && btf->types.end - cursor->virt >= sizeof(*ret_type) &&
	       lb_deadcursor_take(cursor, ret_type, sizeof(*ret_type)) && rest_bytes(ret_type, ret_rest) &&
	       btf->types.end - cursor->virt >= *ret_rest;
}

// Finds type number `id`, and leaves the cursor behind the type's head.
static bool find_type(const struct lb_btf *btf, uint32_t id, struct lb_deadcursor *ret_cursor,
		      struct type *ret_type)
{
	uint32_t at, rest_of_step;
	uint64_t rest = 0;

	if (id == 0 || id > btf->count)
		return false;
	at = (id - 1) / btf->mark_step;
	rest_of_step = (id - 1) % btf->mark_step;
	*ret_cursor = (struct lb_deadcursor){.mem = btf->mem, .virt = btf->types.start + btf->marks[at]};
	for (uint32_t i = 0; i <= rest_of_step; i++) {
		lb_deadcursor_skip(ret_cursor, rest);
		if (!read_head(btf, ret_cursor, ret_type, &rest))
			return false;
	}
	return true;
}

// Notes where type number `id` begins. When the marks are full, every other mark is dropped.
static void mark(struct lb_btf *btf, uint32_t id, uint64_t virt)
{
	if ((id - 1) % btf->mark_step)
		return;
	if ((id - 1) / btf->mark_step == LB_BTF_MARKS) {
		for (uint32_t i = 0; i < LB_BTF_MARKS / 2; i++)
			btf->marks[i] = btf->marks[2 * i];
		btf->mark_step *= 2;
	}
	btf->marks[(id - 1) / btf->mark_step] = (uint32_t)(virt - btf->types.start);
}

static int read_header(struct lb_btf *btf, uint64_t start, uint64_t stop, struct lb_error *err)
{
	const uint64_t bytes = stop - start;
	struct header header;
	uint64_t room;

	if (stop < start || bytes < sizeof(header) || bytes > SECTION_MAX)
		return lb_fail(err, "BTF: 0x%lx to 0x%lx cannot hold it", start, stop);
	if (!lb_deadmem_copy(btf->mem, start, &header, sizeof(header)))
		return lb_fail(err, "BTF at 0x%lx: its header cannot be read", start);
	if (header.magic != BTF_MAGIC || header.version != 1)
		return lb_fail(err, "BTF at 0x%lx: magic 0x%x, version %u; wanted 0x%x, 1", start,
			       header.magic, header.version, BTF_MAGIC);
	if (header.header_bytes < sizeof(header) || header.header_bytes > bytes)
		return lb_fail(err, "BTF at 0x%lx: a header of %u bytes in %lu", start, header.header_bytes,
			       bytes);
	room = bytes - header.header_bytes;
	if (header.types_at > room || header.types_bytes > room - header.types_at || header.types_at % 4 ||
	    header.strings_at > room || header.strings_bytes > room - header.strings_at)
		return lb_fail(err, "BTF at 0x%lx: types or strings beyond its %lu bytes", start, bytes);
	start += header.header_bytes;
	btf->types.start = start + header.types_at;
	btf->types.end = btf->types.start + header.types_bytes;
	btf->strings.start = start + header.strings_at;
	btf->strings.end = btf->strings.start + header.strings_bytes;
	return 0;
}

int lb_btf_open(struct lb_btf *btf, struct lb_deadmem *mem, uint64_t start, uint64_t stop,
		struct lb_error *err)
{
	struct lb_deadcursor cursor;

	btf->mem = mem;
	btf->count = 0;
	btf->mark_step = 1;
	btf->name_count = 0;
	lb_deadmem_refill(mem);
	if (read_header(btf, start, stop, err) != 0)
		return -1;
	cursor = (struct lb_deadcursor){.mem = mem, .virt = btf->types.start};
	while (cursor.virt < btf->types.end) {
		const uint64_t virt = cursor.virt;
		struct type type;
		uint64_t rest;

		if (btf->count == TYPES_MAX || !read_head(btf, &cursor, &type, &rest))
			return lb_fail(err, "BTF: type %u, at 0x%lx, cannot be read", btf->count + 1, virt);
		lb_deadcursor_skip(&cursor, rest);
		mark(btf, ++btf->count, virt);
	}
	return 0;
}

// The names that one call of learn() looks up: those from `first` on.
struct lesson {
	uint32_t first;
	uint64_t sieve[64]; // a bit for the low bits of each key, then of each offset
	uint32_t keys[LB_BTF_NAMES];
};

// The first eight bytes of a text, as a number; a shorter one ends in zeroes.
static uint64_t beginning_of(const char *text, uint32_t bytes)
{
	uint64_t beginning = 0;

	for (uint32_t i = 0; i < bytes && i < 8; i++)
		beginning |= (uint64_t)(uint8_t)text[i] << 8 * i;
	return beginning;
}

static uint32_t key_of(uint64_t beginning, uint64_t bytes)
{
	return (uint32_t)((beginning + bytes * 0x100000001b3ULL) * 0x9e3779b97f4a7c15ULL >> 32);
}

static void add_to_sieve(struct lesson *lesson, uint32_t value)
{
	lesson->sieve[value / 64 % 64] |= 1ULL << value % 64;
}

static bool is_in_sieve(const struct lesson *lesson, uint32_t value)
{
	return lesson->sieve[value / 64 % 64] >> value % 64 & 1;
}

// Does this text, with its NUL, stand at `offset` in the strings?
static bool is_string(const struct lb_btf *btf, uint32_t offset, const struct lb_btf_name *name)
{
	struct lb_deadcursor cursor = {.mem = btf->mem, .virt = btf->strings.start + offset};

	for (uint32_t i = 0; i <= name->bytes; i++) {
		uint8_t c;

		if (!lb_deadcursor_byte(&cursor, &c) || c != (i < name->bytes ? (uint8_t)name->text[i] : 0))
			return false;
	}
	return true;
}

// Compares a string in BTF with the lesson's names; `key` tells its beginning and length. BTF has each string
// once.
static void take_string(struct lb_btf *btf, const struct lesson *lesson, uint32_t key, uint32_t offset)
{
	if (!is_in_sieve(lesson, key))
		return;
	for (uint32_t i = lesson->first; i < btf->name_count; i++) {
		struct lb_btf_name *name = &btf->names[i];

		if (lesson->keys[i] == key && !name->offset && is_string(btf, offset, name))
			name->offset = offset;
	}
}

static void find_keys(struct lb_btf *btf, struct lesson *lesson)
{
	for (uint32_t i = lesson->first; i < btf->name_count; i++) {
		const struct lb_btf_name *name = &btf->names[i];

		lesson->keys[i] = key_of(beginning_of(name->text, name->bytes), name->bytes);
		add_to_sieve(lesson, lesson->keys[i]);
	}
}

// Counts the bytes before the NUL, eight at a time; `room`: there is no NUL. *ret_beginning as
// beginning_of() has it.
static uint64_t find_end(const uint8_t *text, uint64_t room, uint64_t *ret_beginning)
{
	const uint64_t ones = 0x0101010101010101ULL;
	uint64_t at = 0, word, nul;

	for (; room - at >= sizeof(word); at += sizeof(word)) {
		__builtin_memcpy(&word, text + at, sizeof(word));
		nul = (word - ones) & ~word & ones << 7; // the lowest bit is that of the first NUL
		if (!at)
			*ret_beginning = nul ? word & (((nul & -nul) >> 7) - 1) : word;
		if (nul)
			return at + (uint64_t)__builtin_ctzll(nul) / 8;
	}
	while (at < room && text[at])
		at++;
	if (at < sizeof(word))
		*ret_beginning = beginning_of((const char *)text, (uint32_t)at);
	return at;
}

// Takes a string that begins in the page before.
static void take_split_string(struct lb_btf *btf, const struct lesson *lesson, uint32_t offset,
			      uint64_t bytes)
{
	uint8_t text[sizeof(uint64_t)];
	const uint32_t length = bytes < sizeof(text) ? (uint32_t)bytes : (uint32_t)sizeof(text);

	if (lb_deadmem_copy(btf->mem, btf->strings.start + offset, text, length))
		take_string(btf, lesson, key_of(beginning_of((const char *)text, length), bytes), offset);
}

// Looks for the names among BTF's strings. These are a megabyte and more, so each takes few instructions.
static void learn_strings(struct lb_btf *btf, struct lesson *lesson)
{
	const uint64_t bytes = btf->strings.end - btf->strings.start;
	uint64_t at = 0, start = 0, beginning = 0, room = 0, read = 0, end;
	const uint8_t *next = NULL;

	find_keys(btf, lesson);
	while (at < bytes) {
		if (!room || btf->mem->reads != read) { // else the window has not moved
			next = lb_deadmem_at(btf->mem, btf->strings.start + at, &room);
			if (!next)
				return;
			read = btf->mem->reads;
			room = room < bytes - at ? room : bytes - at;
		}
		end = find_end(next, room, &beginning);
		if (end == room) { // the string goes on in the next page
			at += room;
			room = 0;
			continue;
		}
		if (start == at)
			take_string(btf, lesson, key_of(beginning, end), (uint32_t)start);
		else
			take_split_string(btf, lesson, (uint32_t)start, at + end - start);
		at += end + 1;
		next += end + 1;
		room -= end + 1;
		start = at;
	}
}

// The lesson's name, from number `from` on, that stands at `offset` in BTF's strings; NULL: none.
static struct lb_btf_name *named(struct lb_btf *btf, const struct lesson *lesson, uint32_t offset)
{
	if (!offset || !is_in_sieve(lesson, offset))
		return NULL;
	for (uint32_t i = lesson->first; i < btf->name_count; i++)
		if (btf->names[i].offset == offset)
			return &btf->names[i];
	return NULL;
}

// Learns from the enumerators of an enum, which the cursor is at.
static bool learn_values(struct lb_btf *btf, const struct lesson *lesson, const struct type *type,
			 struct lb_deadcursor *cursor)
{
	const uint32_t words = kind_of(type) == ENUM64 ? 3 : 2;

	for (uint32_t i = 0; i < entries_of(type); i++) {
		uint32_t entry[3] = {0, 0, 0};
		struct lb_btf_name *name;

		if (words == 3 ? !lb_deadcursor_take(cursor, entry, 12)
			       : !lb_deadcursor_take(cursor, entry, 8))
			return false;
		name = named(btf, lesson, entry[0]);
		if (!name || name->has_value)
			continue;
		name->has_value = true;
		if (words == 3)
			name->value = (int64_t)((uint64_t)entry[2] << 32 | entry[1]);
		else
			name->value = KIND_FLAG(type) ? (int32_t)entry[1] : (int64_t)entry[1];
	}
	return true;
}

static void learn_types(struct lb_btf *btf, struct lesson *lesson)
{
	struct lb_deadcursor cursor = {.mem = btf->mem, .virt = btf->types.start};

	memset(lesson->sieve, 0, sizeof(lesson->sieve));
	for (uint32_t i = lesson->first; i < btf->name_count; i++)
		if (btf->names[i].offset)
			add_to_sieve(lesson, btf->names[i].offset);
	for (uint32_t id = 1; id <= btf->count; id++) {
		struct lb_btf_name *name;
		struct type type;
		unsigned int kind;
		uint64_t rest;

		if (!read_head(btf, &cursor, &type, &rest))
			return;
		kind = kind_of(&type);
		if (kind == ENUM || kind == ENUM64) {
			if (!learn_values(btf, lesson, &type, &cursor))
				return;
			continue;
		}
		lb_deadcursor_skip(&cursor, rest);
		name = kind == STRUCT || kind == UNION || kind == TYPEDEF ? named(btf, lesson, type.name)
									  : NULL;
		if (!name)
			continue;
		if (kind == TYPEDEF && !name->alias)
			name->alias = id;
		else if (kind != TYPEDEF && !name->type && entries_of(&type))
			name->type = id;
	}
}

static struct lb_btf_name *find_name(struct lb_btf *btf, const char *text, uint32_t bytes)
{
	for (uint32_t i = 0; i < btf->name_count; i++)
		if (btf->names[i].bytes == bytes && memcmp(btf->names[i].text, text, bytes) == 0)
			return &btf->names[i];
	return NULL;
}

static uint32_t part_bytes(const char *path)
{
	uint32_t bytes = 0;

	while (path[bytes] && path[bytes] != '.')
		bytes++;
	return bytes;
}

// Adds those parts of a path that are new. False when not all parts fit.
static bool add_parts(struct lb_btf *btf, const char *path)
{
	for (;;) {
		const uint32_t bytes = part_bytes(path);

		if (!find_name(btf, path, bytes)) {
			if (btf->name_count == LB_BTF_NAMES)
				return false;
			btf->names[btf->name_count++] = (struct lb_btf_name){.text = path, .bytes = bytes};
		}
		if (!path[bytes])
			return true;
		path += bytes + 1;
	}
}

// Makes the passes over BTF, for the names from number `first` on.
static void learn(struct lb_btf *btf, uint32_t first)
{
	struct lesson lesson = {.first = first};

	if (first == btf->name_count)
		return;
	lb_deadmem_refill(btf->mem);
	learn_strings(btf, &lesson);
	learn_types(btf, &lesson);
}

void lb_btf_learn_all(struct lb_btf *btf, const char *const *const *lists)
{
	const uint32_t first = btf->name_count;

	for (; *lists; lists++)
		for (const char *const *name = *lists; *name && add_parts(btf, *name); name++) {
		}
	learn(btf, first);
}

void lb_btf_learn(struct lb_btf *btf, const char *const *names)
{
	const char *const *const lists[] = {names, NULL};

	lb_btf_learn_all(btf, lists);
}

// Looks up `type` and the parts of `path`, which may be NULL. Forgets all earlier names when there is no
// room.
static void know(struct lb_btf *btf, const char *type, const char *path)
{
	uint32_t first = btf->name_count;

	if (!add_parts(btf, type) || (path && !add_parts(btf, path))) {
		first = btf->name_count = 0;
		add_parts(btf, type);
		if (path)
			add_parts(btf, path);
	}
	learn(btf, first);
}

// Follows typedefs and the like to the type that is meant. False when there is none.
static bool resolve(const struct lb_btf *btf, uint32_t id, struct lb_deadcursor *ret_cursor,
		    struct type *ret_type)
{
	for (unsigned int i = 0; i < MODIFIERS_MAX; i++) {
		if (!find_type(btf, id, ret_cursor, ret_type))
			return false;
		switch (kind_of(ret_type)) {
		case TYPEDEF:
		case VOLATILE:
		case CONST:
		case RESTRICT:
		case TYPE_TAG:
			id = ret_type->size;
			break;
		default:
			return true;
		}
	}
	return false;
}

// The size of type number `id`; of an array also *ret_count, its elements.
static bool size_of(const struct lb_btf *btf, uint32_t id, uint64_t *ret_bytes, uint64_t *ret_count)
{
	uint64_t factor = 1;

	*ret_count = 0;
	for (unsigned int depth = 0; depth < NESTING_MAX; depth++) {
		struct lb_deadcursor cursor;
		struct array array;
		struct type type;

		if (!resolve(btf, id, &cursor, &type))
			return false;
		switch (kind_of(&type)) {
		case INT:
		case STRUCT:
		case UNION:
		case ENUM:
		case ENUM64:
		case FLOAT:
			return !__builtin_mul_overflow(factor, type.size, ret_bytes);
		case PTR:
			return !__builtin_mul_overflow(factor, sizeof(uint64_t), ret_bytes);
		case ARRAY:
			if (!lb_deadcursor_copy(&cursor, &array, sizeof(array)) ||
			    __builtin_mul_overflow(factor, array.count, &factor))
				return false;
			if (depth == 0)
				*ret_count = array.count;
			id = array.type;
			break;
		default:
			return false;
		}
	}
	return false;
}

// The place that one question has come to.
struct place {
	uint32_t id; // of the type at this place
	uint64_t offset; // bits
	uint32_t bits; // of a bit field
	uint32_t steps_left;
};

// Finds the member whose name is at `name` in BTF's strings, in the struct or union place->id and in the
// anonymous ones inside. `place` becomes the member's.
static bool find_member(const struct lb_btf *btf, uint32_t name, unsigned int depth, struct place *place)
{
	struct lb_deadcursor cursor;
	struct type type;

	if (depth == NESTING_MAX || !resolve(btf, place->id, &cursor, &type) ||
	    (kind_of(&type) != STRUCT && kind_of(&type) != UNION))
		return false;
	for (uint32_t i = 0; i < entries_of(&type); i++) {
		struct place inner = *place;
		struct member member;

		if (place->steps_left == 0 || !lb_deadcursor_take(&cursor, &member, sizeof(member)))
			return false;
		inner.steps_left = --place->steps_left;
		inner.id = member.type;
		inner.bits = KIND_FLAG(&type) ? member.offset >> 24 : 0;
		inner.offset += KIND_FLAG(&type) ? member.offset & 0xffffff : member.offset;
		if (member.name == name || (!member.name && find_member(btf, name, depth + 1, &inner))) {
			*place = inner;
			return true;
		}
		place->steps_left = inner.steps_left;
	}
	return false;
}

static uint32_t type_named(struct lb_btf *btf, const char *type)
{
	const struct lb_btf_name *name = find_name(btf, type, (uint32_t)lb_strlen(type));

	if (!name)
		return 0;
	return name->type ? name->type : name->alias;
}

bool lb_btf_member(struct lb_btf *btf, const char *type, const char *path, struct lb_btf_field *ret_field)
{
	struct place place = {.steps_left = STEPS_MAX};
	struct lb_btf_field field;

	know(btf, type, path);
	lb_deadmem_refill(btf->mem);
	place.id = type_named(btf, type);
	for (unsigned int part = 0; part < PATH_MAX; part++) {
		const uint32_t bytes = part_bytes(path);
		const struct lb_btf_name *name = find_name(btf, path, bytes);

		if (!name || !name->offset || !find_member(btf, name->offset, 0, &place))
			return false;
		path += bytes;
		if (!*path)
			break;
		path++;
	}
	if (*path || !size_of(btf, place.id, &field.bytes, &field.count))
		return false;
	field.offset = place.offset / 8;
	field.bit = place.bits ? (uint32_t)(place.offset % 8) : 0;
	field.bits = place.bits;
	*ret_field = field;
	return true;
}

bool lb_btf_size(struct lb_btf *btf, const char *type, uint64_t *ret_bytes)
{
	uint64_t count;

	know(btf, type, NULL);
	lb_deadmem_refill(btf->mem);
	return size_of(btf, type_named(btf, type), ret_bytes, &count);
}

bool lb_btf_enumerator(struct lb_btf *btf, const char *name, int64_t *ret_value)
{
	const struct lb_btf_name *found;

	know(btf, name, NULL);
	found = find_name(btf, name, (uint32_t)lb_strlen(name));
	if (!found || !found->has_value)
		return false;
	*ret_value = found->value;
	return true;
}
