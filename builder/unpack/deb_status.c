/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/deb_database.h"

#include "base/file.h"
#include "base/root.h"
#include "deb/dependency.h"

#include <fcntl.h>

#define STATUS_PATH "/var/lib/dpkg/status"
#define BEGUN       "install reinstreq half-installed"

static const char *const state_names[] = {
	[DEB_NOT_INSTALLED] = "not-installed",       [DEB_CONFIG_FILES] = "config-files",
	[DEB_HALF_INSTALLED] = "half-installed",     [DEB_UNPACKED] = "unpacked",
	[DEB_HALF_CONFIGURED] = "half-configured",   [DEB_TRIGGERS_AWAITED] = "triggers-awaited",
	[DEB_TRIGGERS_PENDING] = "triggers-pending", [DEB_INSTALLED] = "installed",
};

/* What dpkg knows of, in the order in which it writes them; what it does not know comes behind. */
enum field_kind {
	FIELD_PLAIN,
	FIELD_FLAG,
	FIELD_VERSION,
	FIELD_RELATION,
	FIELD_STATUS,
	FIELD_CONFFILES,
	FIELD_KEPT, /* what is known of the package from before */
	FIELD_DROPPED
};

static const struct {
	const char *name;
	enum field_kind kind;
} known_fields[] = {
	{ "Package", FIELD_PLAIN },
	{ "Essential", FIELD_FLAG },
	{ "Protected", FIELD_FLAG },
	{ "Status", FIELD_STATUS },
	{ "Priority", FIELD_PLAIN },
	{ "Section", FIELD_PLAIN },
	{ "Installed-Size", FIELD_PLAIN },
	{ "Origin", FIELD_PLAIN },
	{ "Maintainer", FIELD_PLAIN },
	{ "Bugs", FIELD_PLAIN },
	{ "Architecture", FIELD_PLAIN },
	{ "Multi-Arch", FIELD_FLAG },
	{ "Source", FIELD_PLAIN },
	{ "Version", FIELD_VERSION },
	{ "Config-Version", FIELD_KEPT },
	{ "Replaces", FIELD_RELATION },
	{ "Provides", FIELD_RELATION },
	{ "Depends", FIELD_RELATION },
	{ "Pre-Depends", FIELD_RELATION },
	{ "Recommends", FIELD_RELATION },
	{ "Suggests", FIELD_RELATION },
	{ "Breaks", FIELD_RELATION },
	{ "Conflicts", FIELD_RELATION },
	{ "Enhances", FIELD_RELATION },
	{ "Conffiles", FIELD_CONFFILES },
	{ "Filename", FIELD_DROPPED },
	{ "Size", FIELD_DROPPED },
	{ "MD5sum", FIELD_DROPPED },
	{ "Description", FIELD_PLAIN },
	{ "Triggers-Pending", FIELD_DROPPED },
	{ "Triggers-Awaited", FIELD_DROPPED },
};

const char *deb_state_name(enum deb_state state)
{
	return state_names[state];
}

static struct text copy_text(struct arena *arena, struct text text)
{
	return (struct text) { arena_strndup(arena, text.ptr ? text.ptr : "", text.len), text.len };
}

static struct text status_text(struct arena *arena, enum deb_state state)
{
	return text_of(arena_printf(arena, "install ok %s", state_names[state]));
}

static bool parse_state(struct text status, enum deb_state *state)
{
	struct text rest = status;

	text_word(&rest);
	text_word(&rest);
	rest = text_word(&rest);
	for (size_t i = 0; i < ARRAY_LEN(state_names); i++)
		if (text_is(rest, state_names[i])) {
			*state = (enum deb_state)i;
			return true;
		}
	return false;
}

static void index_package(struct deb_status *status, struct deb_status_package *package)
{
	const char *key = arena_printf(&status->arena, "%s:%s", package->name, package->architecture);

	if (map_put(&status->by_name, text_of(key), package))
		return;
	PUSH(status->packages, status->count, package);
}

static const char *value_of(struct deb_status *status, const struct deb_field *fields, size_t count,
			    const char *name)
{
	struct text value = deb_field_value(fields, count, name);

	return arena_strndup(&status->arena, value.ptr ? value.ptr : "", value.len);
}

static int add_stanza(struct deb_status *status, struct deb_field *fields, size_t count, struct error *e)
{
	struct deb_status_package *package = arena_alloc(&status->arena, sizeof *package);
	struct text words = deb_field_value(fields, count, "Status");

	package->name = value_of(status, fields, count, "Package");
	package->architecture = value_of(status, fields, count, "Architecture");
	package->version = value_of(status, fields, count, "Version");
	package->multi_arch_same = text_is(deb_field_value(fields, count, "Multi-Arch"), "same");
	package->fields = fields;
	package->field_count = count;
	if (!deb_name_is_valid(text_of(package->name)))
		return error_set(e, ERROR_FORMAT, "a stanza without a package name");
	if (!parse_state(words, &package->state))
		return error_set(e, ERROR_FORMAT, "package '%s': status '%.*s' is not known", package->name,
				 (int)(words.len > 80 ? 80 : words.len), words.ptr ? words.ptr : "");
	index_package(status, package);
	return 0;
}

/* dpkg that was killed leaves numbered changes, which only it can put into status. */
static int check_journal(int root_fd, struct error *e)
{
	auto_close int fd = -1;
	char **names = NULL;
	size_t count = 0;
	bool pending = false;
	int r = root_try_open(root_fd, "/var/lib/dpkg/updates", O_RDONLY | O_DIRECTORY, &fd, e);

	if (r <= 0)
		return r;
	if (dir_list(fd, &names, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		pending = pending || (names[i][0] >= '0' && names[i][0] <= '9');
	names_free(names, count);
	if (pending)
		return error_set(e, ERROR_FORMAT, "dpkg in the root has died and left changes unfinished");
	return 0;
}

int deb_status_parse(struct text text, struct deb_status *status, struct error *e)
{
	struct deb_stanzas stanzas = deb_stanzas_of(copy_text(&status->arena, text));
	struct deb_field *fields;
	size_t count;
	int r;

	while ((r = deb_fields_take(&status->arena, &stanzas, &fields, &count, e)) > 0)
		if (add_stanza(status, fields, count, e) < 0)
			return -1;
	return r;
}

int deb_status_read(int root_fd, struct deb_status *status, struct error *e)
{
	auto_free char *data = NULL;
	auto_deb_status struct deb_status found = DEB_STATUS_INIT;
	size_t len = 0;
	int r = check_journal(root_fd, e) < 0 ? -1 : root_read(root_fd, STATUS_PATH, &data, &len, e);

	if (r < 0)
		return -1;
	if (r > 0 && deb_status_parse((struct text) { data, len }, &found, e) < 0)
		return error_wrap(e, "'" STATUS_PATH "' in the root");
	*status = TAKE(found, DEB_STATUS_INIT);
	return 0;
}

void deb_status_release(struct deb_status *status)
{
	map_release(&status->by_name);
	free(status->packages);
	arena_release(&status->arena);
	*status = DEB_STATUS_INIT;
}

struct deb_status_package *deb_status_find(const struct deb_status *status, const char *name,
					   const char *architecture)
{
	auto_free char *key = NULL;

	if (architecture) {
		key = xasprintf("%s:%s", name, architecture);
		return map_get(&status->by_name, text_of(key));
	}
	for (size_t i = 0; i < status->count; i++)
		if (strcmp(status->packages[i]->name, name) == 0)
			return status->packages[i];
	return NULL;
}

bool deb_status_is_configured(const struct deb_status *status, const char *name)
{
	for (size_t i = 0; i < status->count; i++)
		if (strcmp(status->packages[i]->name, name) == 0 &&
		    status->packages[i]->state >= DEB_TRIGGERS_AWAITED)
			return true;
	return false;
}

/* The value of its field Status. */
static void set_words(struct deb_status_package *package, enum deb_state state, struct text words)
{
	package->state = state;
	for (size_t i = 0; i < package->field_count; i++)
		if (text_is(package->fields[i].name, "Status"))
			package->fields[i].value = words;
}

void deb_status_set_state(struct deb_status *status, struct deb_status_package *package, enum deb_state state)
{
	set_words(package, state, status_text(&status->arena, state));
}

/* The line "PATH DIGEST[ obsolete]" about PATH in the field Conffiles, or NULL. */
static struct text conffile_line(const struct deb_status_package *package, const char *path)
{
	struct text rest = deb_field_value(package->fields, package->field_count, "Conffiles");
	size_t len = strlen(path);

	while (rest.ptr) {
		struct text line = text_trim(text_cut(rest, '\n', &rest));

		if (text_starts(line, path) && line.len > len && line.ptr[len] == ' ')
			return line;
	}
	return (struct text) { NULL, 0 };
}

struct text deb_status_conffile(const struct deb_status_package *package, const char *path)
{
	struct text line = conffile_line(package, path);
	struct text rest = { NULL, 0 };

	if (line.ptr)
		rest = (struct text) { line.ptr + strlen(path), line.len - strlen(path) };
	return text_word(&rest);
}

void deb_status_disown_conffile(struct deb_status *status, struct deb_status_package *package,
				const char *path)
{
	static const char mark[] = " obsolete";
	struct text line = conffile_line(package, path);

	if (!line.ptr || memmem(line.ptr, line.len, mark, strlen(mark)))
		return;
	for (size_t i = 0; i < package->field_count; i++) {
		struct text *value = &package->fields[i].value;
		struct text after = { line.ptr + line.len, 0 };

		if (!text_is(package->fields[i].name, "Conffiles"))
			continue;
		after.len = (size_t)(value->ptr + value->len - after.ptr);
		*value = text_of(arena_printf(&status->arena, "%.*s%s%.*s", (int)(after.ptr - value->ptr),
					      value->ptr, mark, TEXT_ARG(after)));
	}
}

/* An epoch of 0 is left out, as dpkg does when nothing depends on it. */
static struct text shown_version(struct text version)
{
	if (version.len > 2 && version.ptr[0] == '0' && version.ptr[1] == ':' &&
	    !memchr(version.ptr + 2, ':', version.len - 2))
		return (struct text) { version.ptr + 2, version.len - 2 };
	return version;
}

/* "a(>=1)|b , c" → "a (>= 1) | b, c". What cannot be read stays as it is, for dpkg to complain about. */
static struct text shown_relation(struct arena *arena, struct text value)
{
	auto_buffer struct buffer buffer = BUFFER_INIT;
	struct text rest = value;
	struct deb_part part;
	const char *separator = "";
	int r;

	while ((r = deb_dependency_next(&rest, &part)) > 0) {
		struct text version = shown_version(part.version);

		buffer_addf(&buffer, "%s%.*s", separator, TEXT_ARG(part.name));
		if (part.qualifier.len)
			buffer_addf(&buffer, ":%.*s", TEXT_ARG(part.qualifier));
		if (part.relation != RELATION_NONE)
			buffer_addf(&buffer, " (%s %.*s)", deb_relation_sign(part.relation),
				    TEXT_ARG(version));
		separator = part.or_next ? " | " : ", ";
	}
	if (r < 0)
		return copy_text(arena, value);
	return copy_text(arena, (struct text) { buffer.data, buffer.len });
}

static void put_field(struct deb_status *status, struct deb_status_package *package, const char *name,
		      struct text value)
{
	struct deb_field field = { .name = text_of(name), .value = value };

	if (value.len)
		ARENA_PUSH(&status->arena, package->fields, package->field_count, field);
}

static struct text shown_value(struct deb_status *status, enum field_kind kind, struct text value,
			       enum deb_state state, const char *conffiles)
{
	static const struct text nothing = { NULL, 0 };

	switch (kind) {
	case FIELD_PLAIN:
	case FIELD_KEPT:
		return copy_text(&status->arena, value);
	case FIELD_FLAG:
		return text_is_anycase(value, "no") ? nothing : copy_text(&status->arena, value);
	case FIELD_VERSION:
		return copy_text(&status->arena, shown_version(value));
	case FIELD_RELATION:
		return value.len ? shown_relation(&status->arena, value) : nothing;
	case FIELD_STATUS:
		return status_text(&status->arena, state);
	case FIELD_CONFFILES:
		return conffiles ? copy_text(&status->arena, text_of(conffiles)) : nothing;
	case FIELD_DROPPED:
		break;
	}
	return nothing;
}

static bool is_known(struct text name)
{
	for (size_t i = 0; i < ARRAY_LEN(known_fields); i++)
		if (text_is_anycase(name, known_fields[i].name))
			return true;
	return false;
}

static struct deb_status_package *fresh_package(struct deb_status *status, const struct deb_control *control,
						enum deb_state state)
{
	struct deb_status_package *package = deb_status_find(status, control->package, control->architecture);
	bool old = package;

	if (!old)
		package = arena_alloc(&status->arena, sizeof *package);
	*package = (struct deb_status_package) {
		.name = arena_strdup(&status->arena, control->package),
		.architecture = arena_strdup(&status->arena, control->architecture),
		.version = arena_strdup(&status->arena, control->version),
		.state = state,
		.multi_arch_same = control->multi_arch_same,
	};
	if (!old)
		index_package(status, package);
	return package;
}

struct deb_status_package *deb_status_put(struct deb_status *status, const struct deb_control *control,
					  enum deb_state state, const char *conffiles)
{
	const struct deb_status_package *found =
		deb_status_find(status, control->package, control->architecture);
	struct deb_status_package former = found ? *found : (struct deb_status_package) { .name = NULL };
	struct deb_status_package *package = fresh_package(status, control, state);

	for (size_t i = 0; i < ARRAY_LEN(known_fields); i++) {
		const char *name = known_fields[i].name;
		struct text value = known_fields[i].kind == FIELD_KEPT
					    ? deb_field_value(former.fields, former.field_count, name)
					    : deb_field_value(control->fields, control->field_count, name);

		put_field(status, package, name,
			  shown_value(status, known_fields[i].kind, value, state, conffiles));
	}
	for (size_t i = 0; i < control->field_count; i++) {
		const struct deb_field *field = &control->fields[i];

		if (!is_known(field->name))
			put_field(status, package, copy_text(&status->arena, field->name).ptr,
				  copy_text(&status->arena, field->value));
	}
	return package;
}

struct deb_status_package *deb_status_put_begun(struct deb_status *status, const struct deb_control *control)
{
	static const char *const kept[] = { "Package",      "Status",     "Priority", "Section",
					    "Architecture", "Multi-Arch", "Version" };
	struct deb_status_package *package = deb_status_find(status, control->package, control->architecture);

	if (package && package->state == DEB_CONFIG_FILES) {
		set_words(package, DEB_HALF_INSTALLED, TEXT(BEGUN));
		return package;
	}
	package = fresh_package(status, control, DEB_HALF_INSTALLED);
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		struct text value = deb_field_value(control->fields, control->field_count, kept[i]);

		if (strcmp(kept[i], "Status") == 0)
			value = TEXT(BEGUN);
		put_field(status, package, kept[i], copy_text(&status->arena, value));
	}
	return package;
}

static int compare_packages(const void *a, const void *b)
{
	const struct deb_status_package *const *x = a;
	const struct deb_status_package *const *y = b;
	int order = strcmp((*x)->name, (*y)->name);

	return order ? order : strcmp((*x)->architecture, (*y)->architecture);
}

void deb_status_print(const struct deb_status *status, struct buffer *out)
{
	/* Sorted here, so that nothing who holds a place in the array is surprised. */
	struct deb_status_package **sorted = xcalloc(status->count + 1, sizeof *sorted);

	if (status->count)
		memcpy(sorted, status->packages, status->count * sizeof *sorted);
	qsort(sorted, status->count, sizeof *sorted, compare_packages);
	for (size_t i = 0; i < status->count; i++) {
		for (size_t k = 0; k < sorted[i]->field_count; k++) {
			const struct deb_field *field = &sorted[i]->fields[k];

			buffer_add(out, field->name.ptr, field->name.len);
			/* A value that begins on the next line, as Conffiles does. */
			buffer_adds(out, field->value.len && field->value.ptr[0] == '\n' ? ":" : ": ");
			buffer_add(out, field->value.ptr, field->value.len);
			buffer_addc(out, '\n');
		}
		buffer_addc(out, '\n');
	}
	free(sorted);
}

int deb_status_write(int root_fd, const struct deb_status *status, struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_close int dir_fd = -1;
	const char *name;

	deb_status_print(status, &text);
	if (root_open_parent(root_fd, STATUS_PATH, &dir_fd, &name, e) < 0)
		return -1;
	if (unlinkat(dir_fd, "status-old", 0) < 0 && errno != ENOENT)
		return error_sys(e, "cannot remove '" STATUS_PATH "-old' in the root");
	if (linkat(dir_fd, name, dir_fd, "status-old", 0) < 0 && errno != ENOENT)
		return error_sys(e, "cannot keep '" STATUS_PATH "-old' in the root");
	return root_write(root_fd, STATUS_PATH, text.data ? text.data : "", text.len, 0644, 0, 0, e);
}
