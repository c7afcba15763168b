/* SPDX-License-Identifier: Apache-2.0 */
#include "customize/unit.h"

#include "base/file.h"
#include "base/root.h"
#include "customize/setup.h"

#include <fcntl.h>
#include <fnmatch.h>

enum { ALIAS_STEPS_MAX = 8 };

static const char *const suffixes[] = { ".service", ".socket", ".device", ".mount", ".automount", ".swap",
					".target",  ".path",   ".timer",  ".slice", ".scope" };

const char *unit_full_name(struct services *services, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (is_suffix(name, suffixes[i]))
			return name;
	return arena_printf(&services->arena, "%s.service", name);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The file of that very NAME: 1 and *path, or 0. */
static int find_file(struct services *services, const char *name, const char **path, struct error *e)
{
	for (size_t i = 0; services->unit_folders[i]; i++) {
		const char *candidate =
			arena_printf(&services->arena, "%s/%s", services->unit_folders[i], name);
		int r = root_has(services->root_fd, candidate, e);

		if (r > 0)
			*path = candidate;
		if (r != 0)
			return r;
	}
	return 0;
}

/* "getty@tty1.service" → "getty@.service"; NULL for what is no instance. */
static const char *template_of(struct services *services, const char *name)
{
	const char *at = strchr(name, '@');
	const char *dot = strrchr(name, '.');

	if (!at || !dot || dot < at || dot == at + 1)
		return NULL;
	return arena_printf(&services->arena, "%.*s@%s", (int)(at - name), name, dot);
}

/* %n, %N, %p, %i and %j of systemd.unit(5): what the name alone says. Others stay as they are. */
static const char *expand(struct services *services, const char *name, const char *text)
{
	const char *at = strchr(name, '@');
	const char *dot = strrchr(name, '.');
	int stem = (int)(dot - name);
	int prefix = at && at < dot ? (int)(at - name) : stem;
	auto_buffer struct buffer out = BUFFER_INIT;
	const char *instance = prefix < stem ? at + 1 : dot;
	int dash = prefix;

	while (dash > 0 && name[dash - 1] != '-')
		dash--;
	for (; *text; text++) {
		if (*text != '%' || !text[1]) {
			buffer_addc(&out, *text);
			continue;
		}
		switch (*++text) {
		case 'n':
			buffer_adds(&out, name);
			break;
		case 'N':
			buffer_add(&out, name, (size_t)stem);
			break;
		case 'p':
			buffer_add(&out, name, (size_t)prefix);
			break;
		case 'i':
		case 'I':
			buffer_add(&out, instance, (size_t)(dot - instance));
			break;
		case 'j':
			buffer_add(&out, name + dash, (size_t)(prefix - dash));
			break;
		case '%':
			buffer_addc(&out, '%');
			break;
		default:
			buffer_addc(&out, '%');
			buffer_addc(&out, *text);
		}
	}
	return arena_strndup(&services->arena, out.data ? out.data : "", out.len);
}

/* One setting of [Install]: a list of words, which an empty value begins anew. */
static void add_words(struct services *services, struct string_list *list, struct text value)
{
	struct text word = text_word(&value);

	if (word.len == 0)
		list->count = 0;
	for (; word.len; word = text_word(&value))
		ARENA_PUSH(&services->arena, list->items, list->count,
			   arena_strndup(&services->arena, word.ptr, word.len));
}

struct install {
	struct unit *unit;
	const char *default_instance;
	bool inside; /* of the section */
};

static void read_setting(struct services *services, struct install *install, struct text line)
{
	struct unit *unit = install->unit;
	const struct {
		const char *key;
		struct string_list *list;
	} lists[] = { { "WantedBy", &unit->wanted_by },
		      { "RequiredBy", &unit->required_by },
		      { "UpheldBy", &unit->upheld_by },
		      { "Alias", &unit->aliases },
		      { "Also", &unit->also } };
	struct text value;
	struct text key = text_trim(text_cut(line, '=', &value));

	value = text_trim(value);
	if (text_is(key, "DefaultInstance"))
		install->default_instance =
			arena_strndup(&services->arena, value.ptr ? value.ptr : "", value.len);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (text_is(key, lists[i].key))
			add_words(services, lists[i].list, value);
}

/* A line that ends in '\' goes on in the next one, comments between them apart. */
static void read_text(struct services *services, struct install *install, struct text rest)
{
	auto_buffer struct buffer logical = BUFFER_INIT;

	install->inside = false;
	while (rest.len) {
		struct text line = text_trim(text_cut(rest, '\n', &rest));

		if (text_starts(line, "#") || text_starts(line, ";"))
			continue;
		if (line.len && line.ptr[line.len - 1] == '\\') {
			buffer_add(&logical, line.ptr, line.len - 1);
			buffer_addc(&logical, ' ');
			continue;
		}
		buffer_add(&logical, line.ptr, line.len);
		line = text_trim((struct text) { logical.data, logical.len });
		if (text_starts(line, "["))
			install->inside = text_is(line, "[Install]");
		else if (install->inside && line.len)
			read_setting(services, install, line);
		buffer_reset(&logical);
	}
}

static int read_file(struct services *services, const char *path, struct install *install, struct error *e)
{
	auto_free char *data = NULL;
	size_t len = 0;

	if (root_read(services->root_fd, path, &data, &len, e) < 0)
		return -1;
	read_text(services, install, (struct text) { data, len });
	return 0;
}

/* A file NAME of a folder SUB that several folders may have: the first has it. */
struct fragment {
	const char *name;
	const char *path;
};

struct fragments {
	struct arena *arena;
	struct fragment *items;
	size_t count;
};

static int compare_fragments(const void *a, const void *b)
{
	return strcmp(((const struct fragment *)a)->name, ((const struct fragment *)b)->name);
}

static int collect(int root_fd, const char *folder, const char *suffix, struct fragments *fragments,
		   struct error *e)
{
	auto_close int fd = -1;
	char **names = NULL;
	size_t count = 0;
	int r = root_try_open(root_fd, folder, O_RDONLY | O_DIRECTORY, &fd, e);

	if (r <= 0)
		return r;
	if (dir_list(fd, &names, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct fragment new = { arena_strdup(fragments->arena, names[i]),
					arena_printf(fragments->arena, "%s/%s", folder, names[i]) };
		bool known = !is_suffix(names[i], suffix);

		for (size_t k = 0; k < fragments->count && !known; k++)
			known = strcmp(fragments->items[k].name, new.name) == 0;
		if (!known)
			ARENA_PUSH(fragments->arena, fragments->items, fragments->count, new);
	}
	names_free(names, count);
	return 0;
}

static int is_null_link(int root_fd, const char *path, struct error *e)
{
	auto_free char *target = NULL;
	int r = root_read_link(root_fd, path, &target, e);

	return r > 0 ? strcmp(target, "/dev/null") == 0 : r;
}

/* What administrators and packages put beside the unit, into NAME.d. */
static int read_drop_ins(struct services *services, const char *name, struct install *install,
			 struct error *e)
{
	struct fragments fragments = { .arena = &services->arena };

	for (size_t i = 0; services->unit_folders[i]; i++) {
		const char *folder =
			arena_printf(&services->arena, "%s/%s.d", services->unit_folders[i], name);

		if (collect(services->root_fd, folder, ".conf", &fragments, e) < 0)
			return -1;
	}
	if (fragments.count)
		qsort(fragments.items, fragments.count, sizeof *fragments.items, compare_fragments);
	for (size_t i = 0; i < fragments.count; i++) {
		int r = is_null_link(services->root_fd, fragments.items[i].path, e);

		if (r < 0 || (r == 0 && read_file(services, fragments.items[i].path, install, e) < 0))
			return -1;
	}
	return 0;
}

/* The file of NAME or of its template, links to other units followed: 1, 0; *name becomes the real one. */
static int locate(struct services *services, const char **name, struct unit *unit, struct error *e)
{
	for (unsigned i = 0; i < ALIAS_STEPS_MAX; i++) {
		auto_free char *target = NULL;
		const char *template = template_of(services, *name);
		int r = find_file(services, *name, &unit->path, e);

		if (r == 0 && template)
			r = find_file(services, template, &unit->path, e);
		if (r <= 0)
			return r;
		r = root_read_link(services->root_fd, unit->path, &target, e);
		if (r < 0)
			return -1;
		unit->masked = r > 0 && strcmp(target, "/dev/null") == 0;
		/* A link to a file of the same name is only somewhere else. */
		if (r == 0 || unit->masked || strcmp(last_part(target), last_part(unit->path)) == 0)
			return 1;
		*name = arena_strdup(&services->arena, last_part(target));
	}
	return error_set(e, ERROR_FORMAT, "unit '%s' is a link to a link, and so on", *name);
}

static void expand_all(struct services *services, const struct unit *unit, struct string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		list->items[i] = expand(services, unit->name, list->items[i]);
}

int unit_read(struct services *services, const char *name, struct unit *unit, struct error *e)
{
	struct unit read = { .name = name };
	struct install install = { .unit = &read };
	const char *template;
	const char *at;
	int r = locate(services, &name, &read, e);

	read.name = name;
	if (r <= 0 || read.masked) {
		*unit = read;
		return r;
	}
	template = template_of(services, name);
	if (read_file(services, read.path, &install, e) < 0 ||
	    (template && read_drop_ins(services, template, &install, e) < 0) ||
	    read_drop_ins(services, name, &install, e) < 0)
		return -1;
	at = strchr(name, '@');
	if (at && at[1] == '.') {
		if (!install.default_instance || !*install.default_instance)
			return error_set(e, ERROR_RECIPE,
					 "unit '%s' is a template: name an instance, as in '%.*s@x%s'", name,
					 (int)(at - name), name, at + 1);
		read.name = arena_printf(&services->arena, "%.*s@%s%s", (int)(at - name), name,
					 install.default_instance, at + 1);
	}
	expand_all(services, &read, &read.wanted_by);
	expand_all(services, &read, &read.required_by);
	expand_all(services, &read, &read.upheld_by);
	expand_all(services, &read, &read.aliases);
	expand_all(services, &read, &read.also);
	*unit = read;
	return 1;
}

bool unit_has_install(const struct unit *unit)
{
	return unit->wanted_by.count || unit->required_by.count || unit->upheld_by.count ||
	       unit->aliases.count || unit->also.count;
}

/* The first rule of TEXT for NAME: 1 enable, 0 disable (or leave), -1 none. */
static int find_rule(struct text text, const char *name)
{
	while (text.len) {
		struct text line = text_trim(text_cut(text, '\n', &text));
		struct text verb = text_word(&line);
		struct text word = text_word(&line);
		auto_free char *pattern = xstrndup(word.ptr ? word.ptr : "", word.len);

		if (verb.len == 0 || verb.ptr[0] == '#' || verb.ptr[0] == ';' || !*pattern)
			continue;
		if (fnmatch(pattern, name, FNM_NOESCAPE) == 0)
			return text_is(verb, "enable");
	}
	return -1;
}

int unit_preset(const struct services *services, const char *name, struct error *e)
{
	static const char *const folders[] = {
		"/etc/systemd/system-preset",
		"/usr/local/lib/systemd/system-preset",
		"/usr/lib/systemd/system-preset",
		"/lib/systemd/system-preset",
	};
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	struct fragments fragments = { .arena = &arena };

	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (collect(services->root_fd, folders[i], ".preset", &fragments, e) < 0)
			return -1;
	if (fragments.count)
		qsort(fragments.items, fragments.count, sizeof *fragments.items, compare_fragments);
	for (size_t i = 0; i < fragments.count; i++) {
		auto_free char *data = NULL;
		size_t len = 0;
		int r = is_null_link(services->root_fd, fragments.items[i].path, e);

		if (r < 0 ||
		    (r == 0 && root_read(services->root_fd, fragments.items[i].path, &data, &len, e) < 0))
			return -1;
		r = find_rule((struct text) { data, len }, name);
		if (r >= 0)
			return r;
	}
	return 1;
}
