/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/filter.h"

#include "recipe/architecture.h"
#include "recipe/release.h"
#include "recipe/schema.h"

#include <fnmatch.h>

/* What a word says of a value. */
struct word {
	bool negated;
	const char *bound; /* "<=" and so on; NULL: a name or a pattern */
	const char *name;
};

static struct word parse_word(const char *text)
{
	static const char *const bounds[] = { ">=", "<=", ">", "<" }; /* the long ones first */
	struct word word = { .name = text };

	if (*word.name == '!') {
		word.negated = true;
		word.name++;
	}
	for (size_t i = 0; i < ARRAY_LEN(bounds) && !word.bound; i++) {
		if (is_prefix(word.name, bounds[i])) {
			word.bound = bounds[i];
			word.name += strlen(bounds[i]);
		}
	}
	if (word.bound || word.negated)
		word.name += strspn(word.name, " \t");
	return word;
}

const char *filter_word_name(const char *text)
{
	return parse_word(text).name;
}

static bool is_pattern(const char *name)
{
	return strpbrk(name, "*?[") != NULL;
}

bool filter_word_is_name(const char *text)
{
	struct word word = parse_word(text);

	return !word.negated && !word.bound && !is_pattern(word.name);
}

const char *filter_word_mistake(const char *text, enum filter_axis axis)
{
	struct word word = parse_word(text);

	if (!word.name[0] && word.bound)
		return "has no version to compare with";
	if (!word.name[0])
		return "has no name behind its '!'";
	if (word.bound && axis != FILTER_RELEASES)
		return "compares, which only releases can be";
	if (word.bound && is_pattern(word.name))
		return "compares with a pattern";
	return NULL;
}

static bool holds(const char *bound, int order)
{
	if (bound[0] == '>')
		return order > 0 || (order == 0 && bound[1] == '=');
	return order < 0 || (order == 0 && bound[1] == '=');
}

/* The words of one list, looked at one after the other. */
struct verdict {
	bool has_names; /* or patterns */
	bool name_fits;
	bool has_bounds;
	bool bound_fails;
	bool excluded;
};

static void weigh(struct verdict *verdict, const struct word *word, bool fits)
{
	if (word->negated) {
		verdict->excluded = verdict->excluded || fits;
	} else if (word->bound) {
		verdict->has_bounds = true;
		verdict->bound_fails = verdict->bound_fails || !fits;
	} else {
		verdict->has_names = true;
		verdict->name_fits = verdict->name_fits || fits;
	}
}

static bool admits(const struct verdict *verdict)
{
	if (verdict->excluded)
		return false;
	if (verdict->has_names && verdict->name_fits)
		return true;
	if (verdict->has_bounds)
		return !verdict->bound_fails;
	return !verdict->has_names;
}

static bool name_fits(const struct word *word, const char *value)
{
	return strcmp(word->name, value) == 0 ||
	       (is_pattern(word->name) && fnmatch(word->name, value, 0) == 0);
}

static bool list_admits(const struct string_list *list, const char *value)
{
	struct verdict verdict = { .excluded = false };

	for (size_t i = 0; i < list->count; i++) {
		struct word word = parse_word(list->items[i]);

		weigh(&verdict, &word, name_fits(&word, value));
	}
	return admits(&verdict);
}

static int fail_compare(const struct filter *filter, const struct recipe *recipe, const char *word,
			const char *release, struct error *e)
{
	const char *nearest = release_nearest(recipe->image.distribution, release);

	return error_at(e, ERROR_RECIPE, &filter->releases_place,
			"'releases: %.100s' cannot be decided: of '%.100s' only the name is known%s%s%s",
			word, release, nearest ? " (did you mean '" : "", nearest ? nearest : "",
			nearest ? "'?)" : " (name the releases instead)");
}

static int releases_admit(const struct filter *filter, const struct recipe *recipe, struct error *e)
{
	const struct string_list *list = &filter->releases;
	const char *release = recipe->image.release;
	struct verdict verdict = { .excluded = false };

	for (size_t i = 0; i < list->count; i++) {
		struct word word = parse_word(list->items[i]);
		int order = 0;

		if (word.bound && !release_compare(recipe->image.distribution, release, word.name, &order))
			return fail_compare(filter, recipe, list->items[i], release, e);
		weigh(&verdict, &word, word.bound ? holds(word.bound, order) : name_fits(&word, release));
	}
	return admits(&verdict);
}

bool filter_admits_type(const struct filter *filter, const char *type)
{
	return list_admits(&filter->types, type);
}

int filter_admits(const struct filter *filter, const struct recipe *recipe, struct error *e)
{
	if (!list_admits(&filter->architectures, recipe->architecture_mapped) ||
	    !list_admits(&filter->variants, recipe->image.variant) ||
	    !list_admits(&filter->types, recipe->type))
		return 0;
	return releases_admit(filter, recipe, e);
}

/* Where the filter is in the entries of SECTION; false when they have none. */
static bool find_filter(const struct schema_section *section, size_t *offset)
{
	for (size_t i = 0; i < section->count; i++) {
		if (section->fields[i].filter != FILTER_RELEASES)
			continue;
		*offset = section->fields[i].offset - offsetof(struct filter, releases);
		return true;
	}
	return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the table */
static int visit_section(const struct schema_section *section, char *base, filter_visit_fn *visit,
			 void *context, bool keep, struct error *e);

/* Each entry of a list; with KEEP those for which VISIT says 0 are taken out. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static int visit_list(const struct schema_field *field, char *base, filter_visit_fn *visit, void *context,
		      bool keep, struct error *e)
{
	char *items;
	size_t count;
	size_t kept = 0;
	size_t offset = 0;
	bool filtered = find_filter(field->section, &offset);

	memcpy(&items, base + field->offset, sizeof items);
	memcpy(&count, base + field->count, sizeof count);
	for (size_t i = 0; i < count; i++) {
		char *item = items + i * field->item_bytes;
		int admitted = filtered ? visit(context, (const void *)(item + offset), e) : 1;

		if (admitted < 0)
			return -1;
		if (!admitted && keep)
			continue;
		if (visit_section(field->section, item, visit, context, keep, e) < 0)
			return -1;
		if (kept != i)
			memmove(items + kept * field->item_bytes, item, field->item_bytes);
		kept++;
	}
	memcpy(base + field->count, &kept, sizeof kept);
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static int visit_section(const struct schema_section *section, char *base, filter_visit_fn *visit,
			 void *context, bool keep, struct error *e)
{
	for (size_t i = 0; i < section->count; i++) {
		const struct schema_field *field = &section->fields[i];

		if (field->type == SCHEMA_SECTION &&
		    visit_section(field->section, base + field->offset, visit, context, keep, e) < 0)
			return -1;
		if (field->type == SCHEMA_SECTIONS && visit_list(field, base, visit, context, keep, e) < 0)
			return -1;
	}
	return 0;
}

int filter_each(const struct recipe *recipe, filter_visit_fn *visit, void *context, struct error *e)
{
	/* Nothing is taken out, so nothing changes. */
	return visit_section(&schema_recipe, (char *)(uintptr_t)recipe, visit, context, false, e);
}

static int is_wanted(void *context, const struct filter *filter, struct error *e)
{
	return filter_admits(filter, context, e);
}

int recipe_filter(struct recipe *recipe, struct error *e)
{
	return visit_section(&schema_recipe, (char *)recipe, is_wanted, recipe, true, e);
}

struct checker {
	const struct recipe *recipe;
	struct problems *problems;
};

static int check_bound(const struct checker *checker, const struct filter *filter, const char *text,
		       struct error *e)
{
	struct word word = parse_word(text);

	if (!word.bound || release_is_known(checker->recipe->image.distribution, word.name))
		return 0;
	fail_compare(filter, checker->recipe, text, word.name, e);
	return problems_take(checker->problems, e);
}

static bool is_known_architecture(const struct recipe *recipe, const char *name)
{
	for (size_t i = 0; i < recipe->architecture_mapping_count; i++)
		if (strcmp(recipe->architecture_mappings[i].value, name) == 0)
			return true;
	return is_pattern(name) || architecture_find(name) || architecture_is_mapped(name);
}

static int check_filter(void *context, const struct filter *filter, struct error *e)
{
	const struct checker *checker = context;

	for (size_t i = 0; i < filter->releases.count; i++)
		if (check_bound(checker, filter, filter->releases.items[i], e) < 0)
			return -1;
	for (size_t i = 0; i < filter->architectures.count; i++) {
		const char *name = filter_word_name(filter->architectures.items[i]);
		const char *nearest = architecture_nearest(name);

		if (!is_known_architecture(checker->recipe, name))
			problems_note(checker->problems, &filter->architectures_place,
				      "no image has the architecture '%.100s'%s%s%s", name,
				      nearest ? " (did you mean '" : "", nearest ? nearest : "",
				      nearest ? "'?)" : "");
	}
	return 1;
}

int filter_check(const struct recipe *recipe, struct problems *problems, struct error *e)
{
	struct checker checker = { recipe, problems };

	return filter_each(recipe, check_filter, &checker, e);
}
