/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the index that is read on demand: relations, and who is mentioned where first. */
#include "plan/deb_index.h"

#include "index/index.h"

static const char *const kind_fields[] = {
	[KIND_PRE_DEPENDS] = "Pre-Depends", [KIND_DEPENDS] = "Depends",       [KIND_CONFLICTS] = "Conflicts",
	[KIND_BREAKS] = "Breaks",           [KIND_RECOMMENDS] = "Recommends", [KIND_SUGGESTS] = "Suggests",
};

/* The package that "NAME:QUALIFIER" means; one of another architecture is a name that nothing bears. */
static struct deb_package *target_of(struct deb_index *index, const struct deb_part *part)
{
	if (part->qualifier.len == 0 || text_is(part->qualifier, "native") ||
	    text_is(part->qualifier, index->architecture))
		return deb_index_package(index, part->name);
	/* Both parts are views into one text with the colon between them. */
	return deb_index_package(index,
				 (struct text) { part->name.ptr, part->name.len + 1 + part->qualifier.len });
}

static bool add_parts(struct deb_index *index, struct deb_version *version, enum deb_kind kind,
		      struct text rest)
{
	struct deb_part part;
	int r;

	while ((r = deb_dependency_next(&rest, &part)) > 0) {
		struct deb_relation_part made = {
			.target = target_of(index, &part),
			.version = part.version,
			.kind = kind,
			.relation = part.relation,
			.or_next = part.or_next,
		};

		ARENA_PUSH(&index->arena, version->parts, version->part_count, made);
	}
	if (r < 0 && index->error.kind == ERROR_NONE)
		deb_version_error(version, &index->error, "malformed field %s", kind_fields[kind]);
	return r == 0;
}

const struct deb_relation_part *deb_version_parts(struct deb_index *index, struct deb_version *version,
						  size_t *count)
{
	if (!version->parsed) {
		struct text values[ARRAY_LEN(kind_fields)];

		version->parsed = true;
		deb_stanza_fields(version->stanza, kind_fields, ARRAY_LEN(kind_fields), values);
		for (size_t kind = 0; kind < ARRAY_LEN(kind_fields); kind++)
			if (!add_parts(index, version, (enum deb_kind)kind, values[kind]))
				break;
		if (version->part_count)
			version->parts[version->part_count - 1].or_next = false;
	}
	*count = version->part_count;
	return version->parts;
}

/* A search for the first mention of a few names. */
struct search {
	struct map wanted; /* → struct deb_package, those not met yet */
	size_t left;
	uint64_t lengths; /* a bit for each length of a name, modulo 64 */
};

static uint64_t length_bit(struct text name)
{
	return 1ULL << (name.len % 64);
}

static void meet(struct search *search, struct text name, uint64_t place)
{
	struct deb_package *package = NULL;

	if (search->lengths & length_bit(name))
		package = map_get(&search->wanted, name);
	if (package && package->mention == 0) {
		package->mention = place;
		search->left--;
	}
}

enum { BETWEEN_ENTRIES = 1 << 0, NO_NAME_BYTE = 1 << 1, ENTRY_END = 1 << 2 };
static const unsigned char classes[256] = {
	[' '] = BETWEEN_ENTRIES | NO_NAME_BYTE,
	['\t'] = BETWEEN_ENTRIES | NO_NAME_BYTE,
	['\n'] = BETWEEN_ENTRIES | NO_NAME_BYTE,
	['\r'] = BETWEEN_ENTRIES | NO_NAME_BYTE,
	[','] = BETWEEN_ENTRIES | NO_NAME_BYTE | ENTRY_END,
	['|'] = BETWEEN_ENTRIES | NO_NAME_BYTE | ENTRY_END,
	['('] = NO_NAME_BYTE,
	['['] = NO_NAME_BYTE,
	['<'] = NO_NAME_BYTE,
	[':'] = NO_NAME_BYTE,
};

/*
 * The next name in a relation field, with whatever follows it in *behind. An archive mentions half a million names,
 * of which a search wants a few: the rest of an entry is passed over unread.
 */
static bool next_name(struct text *rest, struct text *name, struct text *behind)
{
	const char *at = rest->ptr;
	const char *end = at + rest->len;

	while (at < end && classes[(unsigned char)*at] & BETWEEN_ENTRIES)
		at++;
	name->ptr = at;
	while (at < end && !(classes[(unsigned char)*at] & NO_NAME_BYTE))
		at++;
	name->len = (size_t)(at - name->ptr);
	behind->ptr = at;
	while (at < end && !(classes[(unsigned char)*at] & ENTRY_END))
		at++;
	behind->len = (size_t)(at - behind->ptr);
	*rest = (struct text) { at, (size_t)(end - at) };
	return at > name->ptr;
}

/* Every relation of a stanza can be a first mention, in the order in which apt reads the fields. */
static void search_stanza(struct search *search, const struct deb_version *version)
{
	static const char *const fields[] = { "Pre-Depends", "Depends",  "Conflicts", "Breaks",  "Recommends",
					      "Suggests",    "Replaces", "Enhances",  "Provides" };
	uint64_t place = ((uint64_t)version->order << 20) + 1;
	struct text values[ARRAY_LEN(fields)];

	meet(search, version->package->name, place);
	deb_stanza_fields(version->stanza, fields, ARRAY_LEN(fields), values);
	for (size_t i = 0; i < ARRAY_LEN(fields) && search->left; i++) {
		struct text name;
		struct text behind;

		while (values[i].len && next_name(&values[i], &name, &behind)) {
			place++;
			if (!text_starts(behind, ":any"))
				meet(search, name, place);
		}
	}
}

void deb_index_rank(struct deb_index *index, struct deb_package *const *packages, size_t count)
{
	struct search search = { .left = 0 };

	for (size_t i = 0; i < count; i++) {
		if (packages[i]->mention)
			continue;
		map_put(&search.wanted, packages[i]->name, packages[i]);
		search.lengths |= length_bit(packages[i]->name);
		search.left++;
	}
	for (size_t i = 0; i < index->version_count && search.left; i++)
		search_stanza(&search, index->versions[i]);
	map_release(&search.wanted);
}
