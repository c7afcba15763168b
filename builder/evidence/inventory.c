/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/inventory.h"

#include "base/digest.h"
#include "evidence/licence.h"

#include <ctype.h>

void inventory_release(struct inventory *inventory)
{
	map_release(&inventory->ids);
	arena_release(&inventory->arena);
	*inventory = INVENTORY_INIT;
}

void inventory_print(const struct inventory *inventory, struct buffer *out)
{
	for (size_t i = 0; i < inventory->count; i++)
		buffer_addf(out, "%s\t%s\t%s\n", inventory->packages[i].name, inventory->packages[i].version,
			    inventory->packages[i].architecture);
}

/* What a file says of one name: a name may come thousands of times, and its text be long. */
struct named {
	struct text text;
	const char *id; /* NULL: not asked for yet */
};

struct naming {
	struct inventory *inventory;
	struct map names; /* in lower case → struct named */
};

enum { REF_NAME_BYTES_MAX = 60, REF_DIGEST_LEN = 8 };

/* Letters, digits, dots and minus signs are what an id may have (SPDX 2.3, §10.1). */
static void add_id_name(struct text name, struct buffer *out)
{
	for (size_t i = 0; i < name.len && i < REF_NAME_BYTES_MAX; i++) {
		unsigned char c = (unsigned char)name.ptr[i];
		bool plain = c < 0x80 && (isalnum(c) || c == '.' || c == '-');

		if (plain || (out->len && out->data[out->len - 1] != '-'))
			buffer_addc(out, plain ? (char)c : '-');
	}
}

static struct text fold(struct text name, struct arena *arena)
{
	char *folded = arena_strndup(arena, name.ptr, name.len);

	for (size_t i = 0; i < name.len; i++)
		folded[i] = (char)tolower((unsigned char)folded[i]);
	return (struct text) { folded, name.len };
}

/* The paragraph that is there for a name comes first, then the first of the others that has a text. */
static void collect_texts(struct naming *naming, const struct copyright *copyright)
{
	struct arena *arena = &naming->inventory->arena;

	for (int defines = 1; defines >= 0; defines--)
		for (size_t i = 0; i < copyright->count; i++) {
			const struct copyright_licence *licence = &copyright->licences[i];
			struct text name;
			struct named *named;

			if (licence->defines != (defines == 1) || !text_trim(licence->text).len)
				continue;
			name = fold(licence->synopsis, arena);
			if (map_get(&naming->names, name))
				continue;
			named = arena_alloc(arena, sizeof *named);
			named->text = licence->text;
			map_put(&naming->names, name, named);
		}
}

static struct inventory_licence *add_licence(struct inventory *inventory, const char *id, struct text name,
					     const char *text)
{
	struct inventory_licence *licence = arena_alloc(&inventory->arena, sizeof *licence);

	licence->id = arena_strdup(&inventory->arena, id);
	licence->name = arena_strndup(&inventory->arena, name.ptr, name.len);
	licence->text = arena_strdup(&inventory->arena, text);
	map_put(&inventory->ids, text_of(licence->id), licence);
	ARENA_PUSH(&inventory->arena, inventory->licences, inventory->licence_count, licence);
	return licence;
}

/*
 * Packages use one name for different texts ("public-domain", "permissive"): the id says which by a digest over name
 * and text, the same in every image.
 */
static const char *make_id(struct inventory *inventory, struct text name, struct text folded,
			   struct text given)
{
	auto_free char *text = copyright_plain(given);
	auto_buffer struct buffer id = BUFFER_INIT;
	auto_hash struct hash hash = HASH_INIT;
	struct inventory_licence *licence;
	struct digest digest;

	hash_start_sha256(&hash);
	hash_add(&hash, folded.ptr, folded.len);
	hash_add(&hash, "\n", 1);
	hash_add(&hash, text, strlen(text));
	digest = hash_end_sha256(&hash);
	buffer_adds(&id, "LicenseRef-");
	add_id_name(folded, &id);
	buffer_addf(&id, "-%.*s", (int)REF_DIGEST_LEN, digest_hex(&digest).text);
	licence = map_get(&inventory->ids, (struct text) { id.data, id.len });
	return licence ? licence->id : add_licence(inventory, id.data, name, text)->id;
}

static const char *make_ref(void *context, struct text name)
{
	struct naming *naming = context;
	struct arena *arena = &naming->inventory->arena;
	struct text folded = fold(name, arena);
	struct named *named = map_get(&naming->names, folded);

	if (!named) {
		named = arena_alloc(arena, sizeof *named);
		named->text = (struct text) { "", 0 };
		map_put(&naming->names, folded, named);
	}
	if (!named->id)
		named->id = make_id(naming->inventory, name, folded, named->text);
	return named->id;
}

static void naming_release(struct naming *naming)
{
	map_release(&naming->names);
}

void inventory_set_licence(struct inventory *inventory, struct inventory_package *package,
			   const struct copyright *copyright)
{
	AUTO(naming_release) struct naming naming = { inventory, MAP_INIT };
	struct licence_parts parts = { NULL, 0 };

	collect_texts(&naming, copyright);
	for (size_t i = 0; i < copyright->count; i++)
		if (!copyright->licences[i].defines)
			licence_parts_add(&parts, copyright->licences[i].synopsis, make_ref, &naming,
					  &inventory->arena);
	package->licence = licence_parts_end(&parts, &inventory->arena);
	if (!package->licence)
		package->copyright = COPYRIGHT_MALFORMED;
}
