/* SPDX-License-Identifier: Apache-2.0 */
/* dpkg's database, and the copyright files beside it, as an inventory. */
#include "evidence/inventory.h"

#include "base/interrupt.h"
#include "base/root.h"
#include "deb/dependency.h"
#include "deb/stanza.h"
#include "plan/plan.h"

enum { DEPENDS_FIELDS = 2 };

/* A package of the database, on its way. */
struct entry {
	struct inventory_package package;
	struct text depends[DEPENDS_FIELDS]; /* Pre-Depends, Depends */
	struct text provides;
};

/* Who has, or provides, one name; in the order of the inventory. */
struct holders {
	size_t *items; /* of the arena */
	size_t count;
};

struct reading {
	struct inventory *inventory;
	char *text; /* owned; the database */
	struct entry *entries;
	size_t count;
	struct map names;    /* → struct holders: packages of that name */
	struct map provided; /* → struct holders: packages that provide it */
	struct map planned;  /* "NAME VERSION ARCHITECTURE" → struct plan_package */
};

static void reading_release(struct reading *reading)
{
	free(reading->text);
	free(reading->entries);
	map_release(&reading->names);
	map_release(&reading->provided);
	map_release(&reading->planned);
}

static const char *keep(struct arena *arena, struct text text)
{
	return text.len ? arena_strndup(arena, text.ptr, text.len) : NULL;
}

/* "glibc (2.36-8)", where it has another name or version than the package. */
static void set_source(struct inventory_package *package, struct text field, struct arena *arena)
{
	struct text version;
	struct text name = text_trim(text_cut(field, '(', &version));

	if (version.ptr)
		version = text_trim(text_cut(version, ')', &(struct text) { NULL, 0 }));
	package->source_name = name.len ? keep(arena, name) : package->name;
	package->source_version = version.len ? keep(arena, version) : package->version;
}

static void add_field(struct entry *entry, const struct deb_field *field, struct text *source,
		      bool *installed, struct arena *arena)
{
	struct inventory_package *package = &entry->package;
	const struct {
		const char *name;
		const char **value;
	} words[] = { { "Package", &package->name },
		      { "Version", &package->version },
		      { "Architecture", &package->architecture },
		      { "Maintainer", &package->maintainer },
		      { "Homepage", &package->homepage } };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (text_is_anycase(field->name, words[i].name))
			*words[i].value = keep(arena, field->value);
	if (text_is_anycase(field->name, "Status")) {
		struct text rest = field->value;

		text_word(&rest);
		text_word(&rest);
		*installed = text_is(text_word(&rest), "installed");
	} else if (text_is_anycase(field->name, "Description")) {
		package->summary = keep(arena, text_cut(field->value, '\n', &(struct text) { NULL, 0 }));
	} else if (text_is_anycase(field->name, "Source")) {
		*source = field->value;
	} else if (text_is_anycase(field->name, "Pre-Depends")) {
		entry->depends[0] = field->value;
	} else if (text_is_anycase(field->name, "Depends")) {
		entry->depends[1] = field->value;
	} else if (text_is_anycase(field->name, "Provides")) {
		entry->provides = field->value;
	}
}

static bool is_word(const char *text)
{
	return text_is_graphic(text_of(text));
}

static int read_entries(struct reading *reading, size_t len, struct error *e)
{
	struct deb_stanzas stanzas = deb_stanzas_of((struct text) { reading->text, len });
	struct arena *arena = &reading->inventory->arena;

	while (deb_stanza_next(&stanzas)) {
		struct entry entry = { .package = { .name = NULL } };
		struct text source = { "", 0 };
		struct deb_field field;
		bool installed = false;
		int r;

		while ((r = deb_field_next(&stanzas, &field, e)) > 0)
			add_field(&entry, &field, &source, &installed, arena);
		if (r < 0)
			return error_wrap(e, "'/var/lib/dpkg/status', line %u", stanzas.line);
		if (!installed || !entry.package.name || !entry.package.version ||
		    !entry.package.architecture)
			continue;
		if (!is_word(entry.package.name) || !is_word(entry.package.version) ||
		    !is_word(entry.package.architecture))
			return error_set(
				e, ERROR_FORMAT,
				"'/var/lib/dpkg/status', line %u: name, version or architecture of a "
				"package is no word",
				stanzas.line);
		set_source(&entry.package, source, arena);
		PUSH(reading->entries, reading->count, entry);
	}
	return 0;
}

/* A root without a database, such as one that its recipe has stripped of it: what was planned is what there is. */
static void take_plan(struct reading *reading, const struct plan *plan)
{
	struct arena *arena = &reading->inventory->arena;
	size_t count = 0;
	auto_free size_t *positions = plan ? plan_result(plan, &count) : NULL;

	for (size_t i = 0; i < count; i++) {
		const struct plan_package *planned = &plan->packages[positions[i]];
		struct entry entry = { .package = { .name = NULL } };

		entry.package.name = arena_strdup(arena, planned->name);
		entry.package.version = arena_strdup(arena, planned->version);
		entry.package.architecture = arena_strdup(arena, planned->architecture);
		entry.package.source_name = entry.package.name;
		entry.package.source_version = entry.package.version;
		PUSH(reading->entries, reading->count, entry);
	}
}

static int compare_entries(const void *a, const void *b)
{
	const struct inventory_package *one = &((const struct entry *)a)->package;
	const struct inventory_package *two = &((const struct entry *)b)->package;
	int order = strcmp(one->name, two->name);

	if (!order)
		order = strcmp(one->architecture, two->architecture);
	return order ? order : strcmp(one->version, two->version);
}

static char *plan_key(const char *name, const char *version, const char *architecture, struct arena *arena)
{
	return arena_printf(arena, "%s %s %s", name, version, architecture);
}

static void find_planned(struct reading *reading, const struct plan *plan)
{
	struct arena *arena = &reading->inventory->arena;

	for (size_t i = 0; plan && i < plan->package_count; i++) {
		struct plan_package *package = &plan->packages[i];

		map_put(&reading->planned,
			text_of(plan_key(package->name, package->version, package->architecture, arena)),
			package);
	}
	for (size_t i = 0; i < reading->count; i++) {
		struct inventory_package *package = &reading->entries[i].package;

		package->planned = map_get(
			&reading->planned,
			text_of(plan_key(package->name, package->version, package->architecture, arena)));
	}
}

static void add_holder(struct map *map, struct text name, size_t position, struct arena *arena)
{
	struct holders *holders = map_get(map, name);

	if (!holders) {
		holders = arena_alloc(arena, sizeof *holders);
		map_put(map, name, holders);
	}
	ARENA_PUSH(arena, holders->items, holders->count, position);
}

static void index_names(struct reading *reading)
{
	struct arena *arena = &reading->inventory->arena;

	for (size_t i = 0; i < reading->count; i++) {
		const struct entry *entry = &reading->entries[i];
		struct text rest = entry->provides;
		struct deb_part part;

		add_holder(&reading->names, text_of(entry->package.name), i, arena);
		while (rest.len && deb_dependency_next(&rest, &part) > 0)
			add_holder(&reading->provided, part.name, i, arena);
	}
}

/* Of several, as of a library for two architectures, the one for the same as who asks. */
static bool find_holder(const struct map *map, struct text name, const char *architecture, size_t *position,
			const struct reading *reading)
{
	const struct holders *holders = map_get(map, name);

	if (!holders)
		return false;
	*position = holders->items[0];
	for (size_t i = 0; i < holders->count; i++)
		if (strcmp(reading->entries[holders->items[i]].package.architecture, architecture) == 0)
			*position = holders->items[i];
	return true;
}

static void add_dependency(struct inventory_package *package, size_t position, struct arena *arena)
{
	for (size_t i = 0; i < package->depend_count; i++)
		if (package->depends[i] == position)
			return;
	ARENA_PUSH(arena, package->depends, package->depend_count, position);
}

/* The first alternative of each relation that is there. dpkg has checked the versions when it configured. */
static void resolve_field(struct reading *reading, size_t self, struct text field)
{
	struct inventory_package *package = &reading->entries[self].package;
	struct arena *arena = &reading->inventory->arena;
	struct deb_part part;
	bool satisfied = false;

	while (field.len && deb_dependency_next(&field, &part) > 0) {
		size_t position = 0;

		if (!satisfied &&
		    (find_holder(&reading->names, part.name, package->architecture, &position, reading) ||
		     find_holder(&reading->provided, part.name, package->architecture, &position, reading))) {
			if (position != self)
				add_dependency(package, position, arena);
			satisfied = true;
		}
		satisfied = satisfied && part.or_next;
	}
}

static int compare_positions(const void *a, const void *b)
{
	size_t one = *(const size_t *)a;
	size_t two = *(const size_t *)b;

	return (one > two) - (one < two);
}

static void resolve_all(struct reading *reading)
{
	index_names(reading);
	for (size_t i = 0; i < reading->count; i++) {
		struct inventory_package *package = &reading->entries[i].package;

		for (size_t k = 0; k < DEPENDS_FIELDS; k++)
			resolve_field(reading, i, reading->entries[i].depends[k]);
		if (package->depend_count)
			qsort(package->depends, package->depend_count, sizeof *package->depends,
			      compare_positions);
	}
}

/* Whatever an odd file holds costs its package the licence, not the build its evidence. */
static int read_copyright(int root_fd, struct inventory *inventory, struct inventory_package *package,
			  struct error *e)
{
	auto_free char *path = xasprintf("/usr/share/doc/%s/copyright", package->name);
	auto_free char *text = NULL;
	struct arena views = ARENA_INIT;
	struct copyright copyright;
	struct error local = ERROR_INIT;
	size_t len = 0;
	int r = root_read(root_fd, path, &text, &len, &local);

	if (interrupt_check(e) < 0)
		return -1;
	if (r <= 0) {
		package->copyright = r < 0 ? COPYRIGHT_MALFORMED : COPYRIGHT_ABSENT;
		error_clear(&local);
		return 0;
	}
	package->copyright = copyright_parse((struct text) { text, len }, &views, &copyright);
	if (package->copyright == COPYRIGHT_READ)
		inventory_set_licence(inventory, package, &copyright);
	arena_release(&views);
	return 0;
}

static int compare_licences(const void *a, const void *b)
{
	return strcmp((*(struct inventory_licence *const *)a)->id,
		      (*(struct inventory_licence *const *)b)->id);
}

static int read_licences(int root_fd, struct inventory *inventory, struct error *e)
{
	for (size_t i = 0; i < inventory->count; i++) {
		struct inventory_package *package = &inventory->packages[i];

		if (read_copyright(root_fd, inventory, package, e) < 0)
			return -1;
		inventory->copyright_counts[package->copyright]++;
	}
	if (inventory->licence_count)
		qsort(inventory->licences, inventory->licence_count, sizeof(struct inventory_licence *),
		      compare_licences);
	return 0;
}

int deb_inventory(int root_fd, const struct plan *plan, bool whole, struct inventory *out, struct error *e)
{
	auto_inventory struct inventory inventory = INVENTORY_INIT;
	AUTO(reading_release) struct reading reading = { .inventory = &inventory };
	size_t len = 0;
	int r = root_read(root_fd, "/var/lib/dpkg/status", &reading.text, &len, e);

	if (r < 0 || (r > 0 && read_entries(&reading, len, e) < 0))
		return -1;
	if (r == 0)
		take_plan(&reading, plan);
	if (reading.count)
		qsort(reading.entries, reading.count, sizeof *reading.entries, compare_entries);
	find_planned(&reading, plan);
	if (whole)
		resolve_all(&reading);
	for (size_t i = 0; i < reading.count; i++)
		ARENA_PUSH(&inventory.arena, inventory.packages, inventory.count, reading.entries[i].package);
	if (whole && read_licences(root_fd, &inventory, e) < 0)
		return -1;
	*out = TAKE(inventory, INVENTORY_INIT);
	return 0;
}
