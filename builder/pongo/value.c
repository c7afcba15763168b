/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/value.h"

#include "pongo/letters.h"
#include "pongo/number.h"

struct pongo_value value_of_text(struct text text)
{
	return (struct pongo_value) { .kind = PONGO_TEXT, .text = text };
}

struct pongo_value value_of_flag(bool flag)
{
	return (struct pongo_value) { .kind = PONGO_FLAG, .flag = flag };
}

struct pongo_value value_of_integer(int64_t integer)
{
	return (struct pongo_value) { .kind = PONGO_INTEGER, .integer = integer };
}

struct pongo_value value_of_number(double number)
{
	return (struct pongo_value) { .kind = PONGO_NUMBER, .number = number };
}

static struct text number_text(struct arena *arena, double number)
{
	auto_buffer struct buffer buffer = BUFFER_INIT;

	number_format(&buffer, number, 6);
	return text_of(arena_strdup(arena, buffer.data));
}

static struct text cycle_text(struct arena *arena, const struct cycle_value *cycle)
{
	struct pongo_value value = cycle->value;

	value_refresh(&value);
	return value_text(arena, &value);
}

/* What has no text of its own gives its Go type, as Go's reflection prints it. */
struct text value_text(struct arena *arena, const struct pongo_value *value)
{
	switch (value->kind) {
	case PONGO_NONE:
	case PONGO_SECTION:
	case PONGO_FUNCTION:
	case PONGO_MACRO:
		break;
	case PONGO_FLAG:
		return value->flag ? TEXT("True") : TEXT("False");
	case PONGO_INTEGER:
		return text_of(arena_printf(arena, "%lld", (long long)value->integer));
	case PONGO_NUMBER:
		return number_text(arena, value->number);
	case PONGO_TEXT:
		return value->text;
	case PONGO_LIST:
		return TEXT("<[]string Value>");
	case PONGO_MAP:
		return text_of(arena_printf(arena, "<%s Value>", value->map->type));
	case PONGO_LOOP:
		return TEXT("<pongo2.tagForLoopInformation Value>");
	case PONGO_BLOCK:
		return TEXT("<pongo2.tagBlockInformation Value>");
	case PONGO_CYCLE:
		return cycle_text(arena, value->object);
	}
	return TEXT("");
}

bool value_is_numeric(const struct pongo_value *value)
{
	return value->kind == PONGO_INTEGER || value->kind == PONGO_NUMBER;
}

double value_number(const struct pongo_value *value)
{
	double number = 0;

	if (value->kind == PONGO_INTEGER)
		return (double)value->integer;
	if (value->kind == PONGO_NUMBER)
		return value->number;
	if (value->kind == PONGO_TEXT && !number_parse(value->text, &number))
		return 0;
	return number;
}

int64_t value_integer(const struct pongo_value *value)
{
	return value->kind == PONGO_INTEGER ? value->integer : number_to_integer(value_number(value));
}

bool value_is_true(const struct pongo_value *value)
{
	switch (value->kind) {
	case PONGO_NONE:
	case PONGO_SECTION:
	case PONGO_FUNCTION:
	case PONGO_MACRO:
		break;
	case PONGO_FLAG:
		return value->flag;
	case PONGO_INTEGER:
		return value->integer != 0;
	case PONGO_NUMBER:
		return !(value->number <= 0 && value->number >= 0); /* NaN is true */
	case PONGO_TEXT:
	case PONGO_LIST:
	case PONGO_MAP:
		return value_length(value) > 0;
	case PONGO_LOOP:
	case PONGO_CYCLE:
	case PONGO_BLOCK:
		return true;
	}
	return false;
}

bool value_has_elements(const struct pongo_value *value)
{
	return value->kind == PONGO_TEXT || value->kind == PONGO_LIST;
}

size_t value_length(const struct pongo_value *value)
{
	if (value->kind == PONGO_TEXT)
		return letter_count(value->text);
	if (value->kind == PONGO_LIST)
		return value->list->count;
	return value->kind == PONGO_MAP ? value->map->count : 0;
}

struct text value_element(struct arena *arena, const struct pongo_value *value, size_t index)
{
	struct text rest = value->text;
	struct text taken;
	size_t len;

	(void)arena;
	if (value->kind == PONGO_LIST)
		return value->list->items[index];
	rest.ptr += letter_offset(value->text, index);
	rest.len -= (size_t)(rest.ptr - value->text.ptr);
	taken = letter_take(&rest);
	/* Go goes through characters, and a stray byte comes out as one. */
	return letter_decode(taken, &len) == LETTER_BAD ? TEXT("\xEF\xBF\xBD") : taken;
}

struct pongo_value value_inverted(const struct pongo_value *value)
{
	if (value->kind == PONGO_INTEGER)
		return value_of_integer(value->integer == 0);
	/* Not 1.0: pongo2 really says 1.1. */
	if (value->kind == PONGO_NUMBER)
		return value_of_number(value_is_true(value) ? 0 : 1.1);
	return value_of_flag(!value_is_true(value));
}

static bool same_type(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

int value_equal(const struct pongo_value *a, const struct pongo_value *b, bool *equal, struct error *e)
{
	*equal = false;
	if (a->kind != b->kind)
		return 0;
	switch (a->kind) {
	case PONGO_NONE:
		*equal = true;
		break;
	case PONGO_FLAG:
		*equal = a->flag == b->flag;
		break;
	case PONGO_INTEGER:
		*equal = a->integer == b->integer;
		break;
	case PONGO_NUMBER:
		*equal = a->number <= b->number && a->number >= b->number;
		break;
	case PONGO_TEXT:
		*equal = same_type(a->type, b->type) && text_equal(a->text, b->text);
		break;
	case PONGO_MAP:
		if (!same_type(a->map->type, b->map->type))
			break;
		return error_set(e, ERROR_RECIPE, "two maps cannot be compared");
	case PONGO_LIST:
	case PONGO_BLOCK:
		return error_set(e, ERROR_RECIPE, "two lists cannot be compared");
	case PONGO_LOOP:
	case PONGO_CYCLE:
		*equal = a->object == b->object;
		break;
	case PONGO_SECTION:
	case PONGO_FUNCTION:
	case PONGO_MACRO:
		break;
	}
	return 0;
}

static int map_contains(const struct pongo_map *map, const struct pongo_value *key, bool *contains,
			struct error *e)
{
	if (key->kind == PONGO_INTEGER && !key->is_byte)
		return error_set(e, ERROR_RECIPE, "a number is looked for in a map, whose keys are texts");
	*contains = key->kind == PONGO_TEXT && !key->type && pongo_map_get(map, key->text);
	return 0;
}

int value_contains(struct arena *arena, const struct pongo_value *whole, const struct pongo_value *part,
		   bool *contains, struct error *e)
{
	struct text needle = value_text(arena, part);

	*contains = false;
	if (whole->kind == PONGO_MAP)
		return map_contains(whole->map, part, contains, e);
	if (whole->kind == PONGO_LOOP)
		*contains = loop_member(whole->object, needle).kind != PONGO_NONE ||
			    text_is(needle, "Parentloop");
	if (whole->kind == PONGO_TEXT)
		*contains = needle.len == 0 || (whole->text.len && memmem(whole->text.ptr, whole->text.len,
									  needle.ptr, needle.len));
	if (whole->kind == PONGO_LIST && part->kind == PONGO_TEXT && !part->type)
		for (size_t i = 0; i < whole->list->count && !*contains; i++)
			*contains = text_equal(whole->list->items[i], needle);
	return 0;
}

static bool loop_number(const struct loop_value *loop, struct text name, int64_t *number)
{
	if (text_is(name, "Counter"))
		*number = loop->counter;
	else if (text_is(name, "Counter0"))
		*number = loop->counter0;
	else if (text_is(name, "Revcounter"))
		*number = loop->revcounter;
	else if (text_is(name, "Revcounter0"))
		*number = loop->revcounter0;
	else
		return false;
	return true;
}

struct pongo_value loop_member(struct loop_value *loop, struct text name)
{
	struct pongo_value member = { .kind = PONGO_NONE, .object = loop, .text = name };

	if (text_is(name, "Parentloop") && loop->parent)
		return (struct pongo_value) { .kind = PONGO_LOOP, .object = loop->parent };
	if (loop_number(loop, name, &member.integer))
		member.kind = PONGO_INTEGER;
	else if (text_is(name, "First") || text_is(name, "Last"))
		member.kind = PONGO_FLAG;
	member.flag = text_is(name, "First") ? loop->is_first : loop->is_last;
	return member;
}

void value_refresh(struct pongo_value *value)
{
	if ((value->kind == PONGO_INTEGER || value->kind == PONGO_FLAG) && value->object)
		*value = loop_member(value->object, value->text);
}

const struct pongo_value *pongo_map_get(const struct pongo_map *map, struct text key)
{
	size_t low = 0;
	size_t high = map->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = text_compare(key, map->entries[middle].key);

		if (order == 0)
			return &map->entries[middle].value;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static int by_key(const void *a, const void *b)
{
	const struct pongo_entry *left = a;
	const struct pongo_entry *right = b;

	return text_compare(left->key, right->key);
}

const struct pongo_map *pongo_map_make(struct arena *arena, const char *type,
				       const struct pongo_entry *entries, size_t count)
{
	struct pongo_map *map = arena_alloc(arena, sizeof *map);
	struct pongo_entry *sorted = arena_alloc(arena, (count + 1) * sizeof *sorted);

	map->type = type;
	map->entries = sorted;
	/* From the last on, so that of equal keys it is the one that stays. */
	for (size_t i = count; i > 0; i--) {
		bool is_there = false;

		for (size_t j = 0; j < map->count && !is_there; j++)
			is_there = text_equal(sorted[j].key, entries[i - 1].key);
		if (!is_there)
			sorted[map->count++] = entries[i - 1];
	}
	if (map->count)
		qsort(sorted, map->count, sizeof *sorted, by_key);
	return map;
}
