/* SPDX-License-Identifier: Apache-2.0 */
/* A template of any bytes: what parses must render, or fail at a place inside the template. */
#include "fuzz/fuzz.h"
#include "pongo/pongo.h"

#include <assert.h>

/* Names that start with a letter of these are text, flag, list, map and number; the rest is undefined. */
static int look_up(void *data, struct text name, struct arena *arena, struct pongo_value *value,
		   struct error *e)
{
	static const struct text items[] = { { "b", 1 }, { "", 0 }, { "a", 1 } };
	static const struct pongo_list list = { items, 3 };
	static const struct pongo_entry entries[] = { { { "a", 1 }, { .kind = PONGO_INTEGER, .integer = 1 } },
						      { { "b", 1 },
							{ .kind = PONGO_TEXT, .text = { "x", 1 } } } };
	static const struct pongo_map map = { "map", entries, 2 };

	(void)data;
	(void)arena;
	switch (name.ptr[0]) {
	case 'e':
		return error_set(e, ERROR_RECIPE, "refused");
	case 't':
		*value = (struct pongo_value) { .kind = PONGO_TEXT, .text = TEXT("text") };
		return 1;
	case 'f':
		*value = (struct pongo_value) { .kind = PONGO_FLAG, .flag = true };
		return 1;
	case 'l':
		*value = (struct pongo_value) { .kind = PONGO_LIST, .list = &list };
		return 1;
	case 'm':
		*value = (struct pongo_value) { .kind = PONGO_MAP, .map = &map };
		return 1;
	case 'n':
		*value = (struct pongo_value) { .kind = PONGO_INTEGER, .integer = 12 };
		return 1;
	default:
		return 0;
	}
}

static void assert_inside(struct pongo_position where, const struct error *e, size_t size)
{
	assert(e->kind == ERROR_RECIPE || e->kind == ERROR_UNSUPPORTED);
	assert(where.line >= 1 && where.column >= 1);
	assert(where.line <= size + 1 && where.column <= size + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pongo_scope scope = { .lookup = look_up };
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	auto_free char *text = xmalloc(size);
	auto_buffer struct buffer out = BUFFER_INIT;
	const struct pongo_template *template = NULL;
	struct pongo_position where = { 0, 0 };
	struct error e = ERROR_INIT;

	/* A copy of just this size, so that a step beyond its end is seen. */
	if (size)
		memcpy(text, data, size);
	for (enum pongo_version version = PONGO_4; version <= PONGO_6; version++) {
		if (pongo_parse(&arena, (struct text) { text, size }, version, &template, &where, &e) < 0 ||
		    pongo_check(template, &scope, &where, &e) < 0)
			assert_inside(where, &e, size);
		else if (pongo_render(template, &scope, &out, &where, &e) < 0)
			assert_inside(where, &e, size);
		error_clear(&e);
	}
	return 0;
}
