/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/deb_index.h"

#include "base/limits.h"
#include "fetch/url.h"
#include "index/index.h"

#include <stdarg.h>

enum { FIELD_BYTES_MAX = 1 << 20, NAME_SHOWN_MAX = 200 };
enum { PIN_DEFAULT = 500, PIN_UPGRADES = 100, PIN_NOT_AUTOMATIC = 1 };

/* What the scanner keeps of a stanza while it walks over its lines. */
struct stanza {
	struct text text;
	struct text package;
	struct text version;
	struct text architecture;
	struct text provides;
	struct text multi_arch;
	struct text priority;
	bool essential;
	bool important;
};

struct scan {
	struct deb_index *index;
	const struct index_file *file;
	const char *at;
	const char *end;
	int16_t pin;
};

/* Whether TEXT, which somebody else wrote, can stand in a message. */
static bool is_presentable(struct text text)
{
	return text.len > 0 && text.len < NAME_SHOWN_MAX && text_is_graphic(text);
}

static int scan_error(const struct scan *scan, const struct stanza *stanza, struct error *e, const char *what)
{
	const struct index_archive *archive = scan->file->archive;
	auto_free char *uri = url_without_credentials(archive->uri);
	size_t offset = (size_t)(stanza->text.ptr - scan->file->data);

	if (is_presentable(stanza->package))
		return error_set(e, ERROR_FORMAT, "index '%s %s %s': package '%.*s': %s", uri, archive->suite,
				 scan->file->component, TEXT_ARG(stanza->package), what);
	return error_set(e, ERROR_FORMAT, "index '%s %s %s': stanza at byte %zu: %s", uri, archive->suite,
			 scan->file->component, offset, what);
}

int deb_version_error(const struct deb_version *version, struct error *e, const char *fmt, ...)
{
	const struct index_archive *archive = version->file->archive;
	auto_free char *uri = url_without_credentials(archive->uri);
	char what[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	return error_set(e, ERROR_FORMAT, "index '%s %s %s': package '%.*s': %s", uri, archive->suite,
			 version->file->component, TEXT_ARG(version->package->name), what);
}

/*
 * The scanner walks over the lines itself instead of reading fields with deb/stanza.h: of 50 MB it wants eight
 * fields a stanza by their first letter, and checking every name and value on the way costs a tenth more time.
 */
static void keep_field(struct stanza *stanza, struct text name, struct text value)
{
	switch (name.ptr[0] | 0x20) {
	case 'p':
		if (text_is_anycase(name, "package"))
			stanza->package = text_trim(value);
		else if (text_is_anycase(name, "priority"))
			stanza->priority = text_trim(value);
		else if (text_is_anycase(name, "provides"))
			stanza->provides = text_trim(value);
		else if (text_is_anycase(name, "protected"))
			stanza->important |= text_is_anycase(text_trim(value), "yes");
		break;
	case 'v':
		if (text_is_anycase(name, "version"))
			stanza->version = text_trim(value);
		break;
	case 'a':
		if (text_is_anycase(name, "architecture"))
			stanza->architecture = text_trim(value);
		break;
	case 'm':
		if (text_is_anycase(name, "multi-arch"))
			stanza->multi_arch = text_trim(value);
		break;
	case 'e':
		if (text_is_anycase(name, "essential"))
			stanza->essential = text_is_anycase(text_trim(value), "yes");
		break;
	case 'i':
		if (text_is_anycase(name, "important"))
			stanza->important |= text_is_anycase(text_trim(value), "yes");
		break;
	default:
		break;
	}
}

/* The line at scan->at, without its end; scan->at moves behind it. */
static struct text take_line(struct scan *scan)
{
	const char *start = scan->at;
	const char *stop = memchr(start, '\n', (size_t)(scan->end - start));

	scan->at = stop ? stop + 1 : scan->end;
	if (!stop)
		stop = scan->end;
	if (stop > start && stop[-1] == '\r')
		stop--;
	return (struct text) { start, (size_t)(stop - start) };
}

static bool is_blank(struct text line)
{
	return text_trim(line).len == 0;
}

/* The value on LINE behind its colon, together with the lines that continue it; moves the scan behind them. */
static struct text field_value(struct scan *scan, struct text line, const char *colon)
{
	const char *stop = line.ptr + line.len;

	while (scan->at < scan->end && (scan->at[0] == ' ' || scan->at[0] == '\t')) {
		const char *before = scan->at;
		struct text more = take_line(scan);

		if (is_blank(more)) {
			scan->at = before;
			break;
		}
		stop = more.ptr + more.len;
	}
	return (struct text) { colon + 1, (size_t)(stop - colon) - 1 };
}

/* 1 with a stanza, 0 at the end of the file. */
static int take_stanza(struct scan *scan, struct stanza *stanza, struct error *e)
{
	*stanza = (struct stanza) { .text = { scan->at, 0 } };
	while (scan->at < scan->end) {
		struct text line = take_line(scan);
		const char *colon;
		struct text value;

		if (line.len == 0 || ((line.ptr[0] == ' ' || line.ptr[0] == '\t') && is_blank(line))) {
			if (stanza->text.len)
				return 1;
			stanza->text.ptr = scan->at;
			continue;
		}
		stanza->text.len = (size_t)(line.ptr + line.len - stanza->text.ptr);
		colon = memchr(line.ptr, ':', line.len);
		if (!colon || colon == line.ptr || line.ptr[0] == ' ' || line.ptr[0] == '\t')
			return scan_error(scan, stanza, e, "a line is neither a field nor continues one");
		value = field_value(scan, line, colon);
		stanza->text.len = (size_t)(value.ptr + value.len - stanza->text.ptr);
		if (value.len > FIELD_BYTES_MAX)
			return scan_error(scan, stanza, e, "a field is longer than 1 MiB");
		keep_field(stanza, (struct text) { line.ptr, (size_t)(colon - line.ptr) }, value);
	}
	return stanza->text.len ? 1 : 0;
}

static enum deb_priority priority_of(struct text word)
{
	static const char *const names[] = { "required", "important", "standard", "optional", "extra" };

	if (word.len == 0)
		return PRIORITY_UNKNOWN;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (text_is_anycase(word, names[i]))
			return (enum deb_priority)(PRIORITY_REQUIRED + i);
	return PRIORITY_EXTRA;
}

struct deb_package *deb_index_find(const struct deb_index *index, struct text name)
{
	return map_get(&index->names, name);
}

struct deb_package *deb_index_package(struct deb_index *index, struct text name)
{
	struct deb_package *package = map_get(&index->names, name);

	if (package)
		return package;
	package = arena_alloc(&index->arena, sizeof *package);
	package->name = name;
	map_put(&index->names, name, package);
	PUSH(index->packages, index->package_count, package);
	return package;
}

static struct text with_any(struct deb_index *index, struct text name)
{
	return text_of(arena_printf(&index->arena, "%.*s:any", TEXT_ARG(name)));
}

static void add_provide(struct deb_index *index, struct deb_version *owner, struct text name,
			struct text version)
{
	struct deb_provide *provide = arena_alloc(&index->arena, sizeof *provide);
	struct deb_package *target = deb_index_package(index, name);

	*provide = (struct deb_provide) { owner, target, version, target->provides, owner->provides };
	target->provides = provide;
	owner->provides = provide;
}

/* "a (= 1), b": unlike in apt a name may carry no relation but "=", which Policy demands anyway. */
static int add_provides(struct deb_index *index, struct deb_version *owner, const struct stanza *stanza,
			struct error *e)
{
	bool allowed = text_is(stanza->multi_arch, "allowed");
	bool foreign = text_is(stanza->multi_arch, "foreign");
	struct text rest = stanza->provides;
	struct deb_part part;
	int r;

	while ((r = deb_dependency_next(&rest, &part)) > 0) {
		if (part.or_next)
			return deb_version_error(owner, e, "'|' in the field Provides");
		if (part.relation != RELATION_NONE && part.relation != RELATION_EQUAL)
			continue;
		if (part.qualifier.len) {
			if (text_is(part.qualifier, "any"))
				add_provide(index, owner, with_any(index, part.name), part.version);
			else if (text_is(part.qualifier, index->architecture))
				add_provide(index, owner, part.name, part.version);
			continue;
		}
		/* Nothing provides itself; but apt does not look when it provides for all architectures. */
		if (!foreign && text_equal(part.name, owner->package->name) &&
		    (part.version.len == 0 || text_equal(part.version, owner->version)))
			continue;
		if (allowed)
			add_provide(index, owner, with_any(index, part.name), part.version);
		add_provide(index, owner, part.name, part.version);
	}
	if (r < 0)
		return deb_version_error(owner, e, "malformed field Provides");
	if (allowed)
		add_provide(index, owner, with_any(index, owner->package->name), owner->version);
	return 0;
}

static bool same_file(const struct deb_version *version, struct text stanza)
{
	return text_equal(deb_stanza_field(version->stanza, "SHA256"), deb_stanza_field(stanza, "SHA256"));
}

/*
 * Put VERSION among those of its package, highest first; among equal ones the first read stays first. One
 * that is there already (the same file in another archive) only lends its pin and its archive, and true is returned.
 */
static bool merge_version(struct deb_index *index, struct deb_version *version)
{
	struct deb_version **slot = &version->package->versions;

	for (; *slot; slot = &(*slot)->next) {
		int order = deb_version_compare(version->version, (*slot)->version);

		if (order > 0)
			break;
		if (order == 0 && same_file(*slot, version->stanza)) {
			struct deb_copy *copy = arena_alloc(&index->arena, sizeof *copy);

			*copy = (struct deb_copy) { version->file, (*slot)->copies };
			(*slot)->copies = copy;
			if ((*slot)->pin < version->pin)
				(*slot)->pin = version->pin;
			return true;
		}
	}
	version->next = *slot;
	*slot = version;
	return false;
}

static int add_stanza(const struct scan *scan, const struct stanza *stanza, struct error *e)
{
	struct deb_index *index = scan->index;
	bool all = text_is(stanza->architecture, "all");
	struct deb_version *version;

	if (!deb_name_is_valid(stanza->package))
		return scan_error(scan, stanza, e,
				  stanza->package.len ? "malformed name" : "no field Package");
	if (!deb_version_is_valid(stanza->version))
		return scan_error(scan, stanza, e,
				  stanza->version.len ? "malformed version" : "no field Version");
	if (stanza->architecture.len == 0)
		return scan_error(scan, stanza, e, "no field Architecture");
	index->stanza_count++;
	if (!all && !text_is(stanza->architecture, index->architecture))
		return 0;
	version = arena_alloc(&index->arena, sizeof *version);
	*version = (struct deb_version) {
		.package = deb_index_package(index, stanza->package),
		.version = stanza->version,
		.stanza = stanza->text,
		.file = scan->file,
		.order = index->stanza_count,
		.pin = scan->pin,
		.priority = (uint8_t)priority_of(stanza->priority),
		.architecture_all = all,
		.multi_arch_same = !all && text_is(stanza->multi_arch, "same"),
		.essential = stanza->essential,
	};
	version->package->essential |= stanza->essential;
	version->package->important |= stanza->important || text_is(stanza->package, "apt");
	if (merge_version(index, version))
		return 0;
	PUSH(index->versions, index->version_count, version);
	return add_provides(index, version, stanza, e);
}

static int16_t pin_of(const struct index_archive *archive)
{
	if (!archive->not_automatic)
		return PIN_DEFAULT;
	return archive->but_automatic_upgrades ? PIN_UPGRADES : PIN_NOT_AUTOMATIC;
}

int deb_index_scan(struct deb_index *index, const struct index_set *set, const char *architecture,
		   struct error *e)
{
	size_t bytes = 0;

	index->set = set;
	index->architecture = architecture;
	for (size_t i = 0; i < set->file_count; i++)
		bytes += set->files[i].len;
	map_reserve(&index->names, bytes / 700); /* bytes of a stanza of Debian's, and as many names again */
	for (size_t i = 0; i < set->file_count; i++) {
		const struct index_file *file = &set->files[i];
		struct scan scan = { index, file, file->data, file->data + file->len, pin_of(file->archive) };
		struct stanza stanza;
		int r;

		if (strcmp(file->architecture, architecture) != 0 && strcmp(file->architecture, "all") != 0)
			continue;
		while ((r = take_stanza(&scan, &stanza, e)) > 0)
			if (add_stanza(&scan, &stanza, e) < 0)
				return -1;
		if (r < 0)
			return -1;
	}
	return 0;
}

void deb_index_release(struct deb_index *index)
{
	map_release(&index->names);
	free(index->packages);
	free(index->versions);
	arena_release(&index->arena);
	*index = DEB_INDEX_INIT;
}

/* One bit for a letter in either case; others may share it. */
static uint32_t letter_bit(char c)
{
	return (c & 0x40) ? 1U << (c & 0x1f) : 0;
}

void deb_stanza_fields(struct text stanza, const char *const *names, size_t count, struct text *values)
{
	struct scan scan = { .at = stanza.ptr, .end = stanza.ptr + stanza.len };
	uint32_t letters = 0;

	for (size_t i = 0; i < count; i++) {
		values[i] = (struct text) { NULL, 0 };
		letters |= letter_bit(names[i][0]);
	}
	while (scan.at < scan.end) {
		struct text line = take_line(&scan);
		const char *colon = NULL;
		struct text name;
		struct text value;

		/* Most lines are of other fields, or continue them. */
		if (line.len && letters & letter_bit(line.ptr[0]))
			colon = memchr(line.ptr, ':', line.len);
		if (!colon)
			continue;
		name = (struct text) { line.ptr, (size_t)(colon - line.ptr) };
		value = field_value(&scan, line, colon);
		for (size_t i = 0; i < count; i++)
			if ((names[i][0] | 0x20) == (name.ptr[0] | 0x20) && text_is_anycase(name, names[i]))
				values[i] = text_trim(value);
	}
}

struct text deb_stanza_field(struct text stanza, const char *name)
{
	struct text value;

	deb_stanza_fields(stanza, &name, 1, &value);
	return value;
}
