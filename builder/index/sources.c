/* SPDX-License-Identifier: Apache-2.0 */
#include "index/sources.h"

#include "base/alloc.h"
#include "base/root.h"
#include "deb/stanza.h"
#include "fetch/url.h"

/* One line, or one stanza, before it is multiplied out. */
struct entry {
	struct text types;
	struct text uris;
	struct text suites;
	struct text components;
	struct text architectures; /* only these, when not empty */
	struct text without;       /* but not these */
	const char *signed_by;
	bool any_age;
	bool accept_sha1;
	bool disabled;
	unsigned line;
};

struct parser {
	const char *architecture;
	struct arena *arena;
	struct source_list *list;
};

/* apt's words for true (apt-pkg/contrib/strutl.cc, StringToBool). */
static bool is_yes(struct text value)
{
	static const char *const words[] = { "yes", "true", "with", "on", "enable", "1" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (text_is_anycase(value, words[i]))
			return true;
	return false;
}

/* Lists are separated by commas in a line and by blanks in a stanza. */
static bool has_item(struct text list, const char *wanted)
{
	size_t start = 0;

	for (size_t i = 0; i <= list.len; i++) {
		if (i < list.len && !strchr(", \t\n", list.ptr[i]))
			continue;
		if (i - start == strlen(wanted) && memcmp(list.ptr + start, wanted, i - start) == 0)
			return true;
		start = i + 1;
	}
	return false;
}

enum effect {
	EFFECT_TYPES,
	EFFECT_URIS,
	EFFECT_SUITES,
	EFFECT_COMPONENTS,
	EFFECT_ENABLED,
	EFFECT_ARCHITECTURES,
	EFFECT_SIGNED_BY,
	EFFECT_CHECK_VALID_UNTIL,
	EFFECT_ALLOW_WEAK,
	EFFECT_REFUSED_IF_YES,
	EFFECT_REFUSED,
	EFFECT_NONE
};

static const struct option {
	const char *field; /* of a stanza */
	const char *word;  /* in a line's brackets; NULL: none */
	enum effect effect;
} options[] = {
	{ "Types", NULL, EFFECT_TYPES },
	{ "URIs", NULL, EFFECT_URIS },
	{ "Suites", NULL, EFFECT_SUITES },
	{ "Components", NULL, EFFECT_COMPONENTS },
	{ "Enabled", NULL, EFFECT_ENABLED },
	{ "Architectures", "arch", EFFECT_ARCHITECTURES },
	{ "Signed-By", "signed-by", EFFECT_SIGNED_BY },
	{ "Check-Valid-Until", "check-valid-until", EFFECT_CHECK_VALID_UNTIL },
	{ "Trusted", "trusted", EFFECT_REFUSED_IF_YES },
	{ "Allow-Insecure", "allow-insecure", EFFECT_REFUSED_IF_YES },
	{ "Allow-Weak", "allow-weak", EFFECT_ALLOW_WEAK },
	{ "Allow-Downgrade-To-Insecure", "allow-downgrade-to-insecure", EFFECT_REFUSED_IF_YES },
	{ "InRelease-Path", "inrelease-path", EFFECT_REFUSED },
	{ "Snapshot", "snapshot", EFFECT_REFUSED },
	/* These change how apt works in the image, not what there is to install. */
	{ "Languages", "lang", EFFECT_NONE },
	{ "Targets", "target", EFFECT_NONE },
	{ "PDiffs", "pdiffs", EFFECT_NONE },
	{ "By-Hash", "by-hash", EFFECT_NONE },
	{ "Valid-Until-Min", "valid-until-min", EFFECT_NONE },
	{ "Valid-Until-Max", "valid-until-max", EFFECT_NONE },
	{ "Check-Date", "check-date", EFFECT_NONE },
	{ "Date-Max-Future", "date-max-future", EFFECT_NONE },
	{ "Description", NULL, EFFECT_NONE },
	{ "X-Repolib-Name", NULL, EFFECT_NONE },
};

/* deb822 puts an empty line of a key as " ."; each line begins with a blank. */
static const char *take_inline_key(struct text value, struct arena *arena)
{
	auto_buffer struct buffer key = BUFFER_INIT;

	if (!text_starts(value, "-----BEGIN"))
		return NULL; /* a file of the image: the recipe brings the key itself */
	while (value.ptr) {
		struct text line = text_trim(text_cut(value, '\n', &value));

		if (!text_is(line, "."))
			buffer_add(&key, line.ptr, line.len);
		buffer_addc(&key, '\n');
	}
	return arena_strndup(arena, key.data, key.len);
}

static int take_option(const struct option *option, char sign, struct text value, struct entry *entry,
		       struct arena *arena, struct error *e)
{
	struct text *lists[] = { [EFFECT_TYPES] = &entry->types,
				 [EFFECT_URIS] = &entry->uris,
				 [EFFECT_SUITES] = &entry->suites,
				 [EFFECT_COMPONENTS] = &entry->components };

	switch (option->effect) {
	case EFFECT_TYPES:
	case EFFECT_URIS:
	case EFFECT_SUITES:
	case EFFECT_COMPONENTS:
		*lists[option->effect] = value;
		return 0;
	case EFFECT_ENABLED:
		entry->disabled = !is_yes(value);
		return 0;
	case EFFECT_ARCHITECTURES:
		if (sign != '+') /* arch+= adds to the image's own, which is the one of interest here */
			*(sign == '-' ? &entry->without : &entry->architectures) = value;
		return 0;
	case EFFECT_SIGNED_BY:
		entry->signed_by = take_inline_key(value, arena);
		return 0;
	case EFFECT_CHECK_VALID_UNTIL:
		entry->any_age = !is_yes(value);
		return 0;
	case EFFECT_ALLOW_WEAK:
		entry->accept_sha1 = is_yes(value);
		return 0;
	case EFFECT_REFUSED_IF_YES:
		if (!is_yes(value))
			return 0;
		return error_set(e, ERROR_UNSUPPORTED,
				 "'%s: %.*s' is not supported: every archive must be signed", option->field,
				 TEXT_ARG(value));
	case EFFECT_REFUSED:
		return error_set(e, ERROR_UNSUPPORTED, "'%s' is not supported yet", option->field);
	case EFFECT_NONE:
		break;
	}
	return 0;
}

static int check_uri(struct text uri, struct error *e)
{
	auto_free char *address = xstrndup(uri.ptr, uri.len);
	auto_free char *shown = url_without_credentials(address);
	struct url url;

	if (strchr(address, '$'))
		return error_set(e, ERROR_UNSUPPORTED, "address '%s': '$(…)' is not supported yet", shown);
	if (text_starts(uri, "file:/") || url_split(address, &url))
		return 0;
	if (text_starts(uri, "http://") || text_starts(uri, "https://"))
		return error_set(e, ERROR_RECIPE, "malformed address '%s'", shown);
	return error_set(e, ERROR_UNSUPPORTED,
			 "address '%s': only http://, https:// and file:/ are supported", shown);
}

static int check_suite(struct text suite, struct text components, struct error *e)
{
	if (suite.ptr[suite.len - 1] == '/')
		return error_set(e, ERROR_UNSUPPORTED,
				 "flat repositories (suite '%.*s') are not supported yet", TEXT_ARG(suite));
	if (!path_is_safe(suite) || suite.ptr[0] == '/')
		return error_set(e, ERROR_RECIPE, "malformed suite '%.*s'", TEXT_ARG(suite));
	if (components.len == 0)
		return error_set(e, ERROR_RECIPE, "suite '%.*s' needs at least one component, such as 'main'",
				 TEXT_ARG(suite));
	return 0;
}

static void add_components(struct source *source, struct text components, struct arena *arena)
{
	for (struct text word = text_word(&components); word.len; word = text_word(&components)) {
		const char *copy = arena_strndup(arena, word.ptr, word.len);

		ARENA_PUSH(arena, source->components, source->component_count, copy);
	}
}

/* "file:/srv" is apt's way to write "file:///srv". */
static const char *copy_uri(struct text uri, struct arena *arena)
{
	if (text_starts(uri, "file:/") && !text_starts(uri, "file://"))
		return arena_printf(arena, "file://%.*s", (int)(uri.len - 5), uri.ptr + 5);
	return arena_strndup(arena, uri.ptr, uri.len);
}

static int add_pair(const struct parser *parser, const struct entry *entry, struct text uri,
		    struct text suite, struct error *e)
{
	struct source source = { .line = entry->line,
				 .any_age = entry->any_age,
				 .accept_sha1 = entry->accept_sha1,
				 .signed_by = entry->signed_by };

	if (check_uri(uri, e) < 0 || check_suite(suite, entry->components, e) < 0)
		return -1;
	source.uri = copy_uri(uri, parser->arena);
	source.suite = arena_strndup(parser->arena, suite.ptr, suite.len);
	add_components(&source, entry->components, parser->arena);
	ARENA_PUSH(parser->arena, parser->list->items, parser->list->count, source);
	return 0;
}

static int add_entry(const struct parser *parser, const struct entry *entry, struct error *e)
{
	struct text uris = entry->uris;

	if (entry->disabled || !has_item(entry->types, "deb"))
		return 0;
	if (entry->architectures.len && !has_item(entry->architectures, parser->architecture))
		return 0;
	if (has_item(entry->without, parser->architecture))
		return 0;
	for (struct text uri = text_word(&uris); uri.len; uri = text_word(&uris)) {
		struct text suites = entry->suites;

		for (struct text suite = text_word(&suites); suite.len; suite = text_word(&suites))
			if (add_pair(parser, entry, uri, suite, e) < 0)
				return -1;
	}
	return 0;
}

/* "arch=amd64,arm64", "arch+=i386" */
static int take_bracket_word(struct text word, struct entry *entry, struct arena *arena, struct error *e)
{
	struct text value;
	struct text name = text_cut(word, '=', &value);
	char sign = '=';

	if (!value.ptr)
		return error_set(e, ERROR_RECIPE, "option '%.*s' lacks its value", TEXT_ARG(word));
	if (name.len && strchr("+-", name.ptr[name.len - 1]))
		sign = name.ptr[--name.len];
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].word && text_is_anycase(name, options[i].word))
			return take_option(&options[i], sign, value, entry, arena, e);
	return error_set(e, ERROR_RECIPE, "unknown option '%.*s'", TEXT_ARG(name));
}

/* What stands between '[' and ']'; *rest moves behind it. */
static int take_brackets(struct text *rest, struct entry *entry, struct arena *arena, struct error *e)
{
	struct text after;
	struct text inside;

	*rest = text_trim(*rest);
	if (rest->len == 0 || rest->ptr[0] != '[')
		return 0;
	inside = text_cut((struct text) { rest->ptr + 1, rest->len - 1 }, ']', &after);
	if (!after.ptr)
		return error_set(e, ERROR_RECIPE, "']' is missing");
	*rest = after;
	for (struct text word = text_word(&inside); word.len; word = text_word(&inside))
		if (take_bracket_word(word, entry, arena, e) < 0)
			return -1;
	return 0;
}

static int parse_line(const struct parser *parser, struct text line, unsigned number, struct error *e)
{
	struct entry entry = { .line = number };
	struct text comment;
	struct text rest = text_trim(text_cut(line, '#', &comment));

	entry.types = text_word(&rest);
	if (entry.types.len == 0 || text_is(entry.types, "deb-src"))
		return 0;
	if (!text_is(entry.types, "deb"))
		return error_set(e, ERROR_RECIPE, "'%.*s' where 'deb' or 'deb-src' should stand",
				 (int)(entry.types.len < 40 ? entry.types.len : 40), entry.types.ptr);
	if (take_brackets(&rest, &entry, parser->arena, e) < 0)
		return -1;
	entry.uris = text_word(&rest);
	entry.suites = text_word(&rest);
	entry.components = text_trim(rest);
	if (entry.suites.len == 0)
		return error_set(e, ERROR_RECIPE, "'deb' needs an address and a suite");
	return add_entry(parser, &entry, e);
}

int sources_parse_lines(struct text text, const char *architecture, struct arena *arena,
			struct source_list *list, unsigned *line, struct error *e)
{
	struct parser parser = { architecture, arena, list };
	unsigned number = 0;

	while (text.ptr) {
		if (parse_line(&parser, text_cut(text, '\n', &text), ++number, e) < 0) {
			*line = number;
			return -1;
		}
	}
	return 0;
}

/* VALUE without the comments between its lines, which takes a copy. */
static struct text strip_comments(struct text value, struct arena *arena)
{
	auto_buffer struct buffer kept = BUFFER_INIT;

	if (!memmem(value.ptr, value.len, "\n#", 2))
		return value;
	while (value.ptr) {
		struct text line = text_cut(value, '\n', &value);

		/* What stands behind the colon is no comment. */
		if (kept.len && line.len && line.ptr[0] == '#')
			continue;
		buffer_add(&kept, line.ptr, line.len);
		buffer_addc(&kept, '\n');
	}
	return (struct text) { arena_strndup(arena, kept.data, kept.len), kept.len };
}

static int take_field(const struct deb_field *field, struct entry *entry, struct arena *arena,
		      struct error *e)
{
	struct text value = text_trim(strip_comments(field->value, arena));

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (text_is_anycase(field->name, options[i].field))
			return take_option(&options[i], '=', value, entry, arena, e);
	return error_set(e, ERROR_RECIPE, "unknown field '%.*s'",
			 (int)(field->name.len < 40 ? field->name.len : 40), field->name.ptr);
}

static int end_stanza(const struct parser *parser, const struct entry *entry, struct error *e)
{
	if (entry->types.len == 0 && entry->uris.len == 0 && entry->suites.len == 0)
		return 0;
	if (entry->types.len == 0 || entry->uris.len == 0 || entry->suites.len == 0)
		return error_set(e, ERROR_RECIPE, "a stanza needs the fields 'Types', 'URIs' and 'Suites'");
	return add_entry(parser, entry, e);
}

static int take_fields(struct deb_stanzas *stanzas, struct entry *entry, struct arena *arena, struct error *e)
{
	struct deb_field field;
	int r;

	while ((r = deb_field_next(stanzas, &field, e)) > 0)
		if (take_field(&field, entry, arena, e) < 0)
			return -1;
	if (r < 0)
		e->kind = ERROR_RECIPE;
	return r;
}

int sources_parse_deb822(struct text text, const char *architecture, struct arena *arena,
			 struct source_list *list, unsigned *line, struct error *e)
{
	struct parser parser = { architecture, arena, list };
	struct deb_stanzas stanzas = deb_stanzas_of(text);

	stanzas.comments = true;
	while (deb_stanza_next(&stanzas)) {
		struct entry entry = { .line = stanzas.next_line };

		if (take_fields(&stanzas, &entry, arena, e) < 0) {
			*line = stanzas.line;
			return -1;
		}
		if (end_stanza(&parser, &entry, e) < 0) {
			*line = entry.line;
			return -1;
		}
	}
	return 0;
}
