/* SPDX-License-Identifier: Apache-2.0 */
#include "index/release.h"

#include "base/epoch.h"
#include "base/root.h"
#include "deb/stanza.h"

enum { SKEW_S = 10 };

static int quoted_error(struct error *e, const char *what, struct text text)
{
	return error_set(e, ERROR_FORMAT, "%s '%.*s'", what, (int)(text.len < 80 ? text.len : 80), text.ptr);
}

/* "DIGEST SIZE PATH" */
static int parse_entry(struct text line, struct release_entry *entry, struct error *e)
{
	struct text rest = line;

	if (!digest_parse(text_word(&rest), &entry->sha256) ||
	    !text_to_u64(text_word(&rest), &entry->size_bytes))
		return quoted_error(e, "malformed line in the field 'SHA256':", line);
	entry->path = text_word(&rest);
	if (!path_is_safe(entry->path) || text_trim(rest).len)
		return quoted_error(e, "malformed path in the field 'SHA256':", line);
	return 0;
}

static int parse_entries(struct text value, struct arena *arena, struct release *release, struct error *e)
{
	if (release->entries)
		return error_set(e, ERROR_FORMAT, "the field 'SHA256' stands twice");
	while (value.ptr) {
		struct text line = text_trim(text_cut(value, '\n', &value));
		struct release_entry entry;

		if (line.len == 0)
			continue;
		if (parse_entry(line, &entry, e) < 0)
			return -1;
		ARENA_PUSH(arena, release->entries, release->entry_count, entry);
	}
	return 0;
}

static int parse_date(struct text value, int64_t *epoch_s, struct error *e)
{
	if (!epoch_parse_rfc5322(value, epoch_s))
		return quoted_error(e, "malformed date", value);
	return 0;
}

static int set_text(struct text *field, struct text value, struct error *e)
{
	if (field->ptr)
		return quoted_error(e, "a field stands twice, once more with", value);
	*field = value;
	return 0;
}

static int take_text_field(struct release *release, struct text name, struct text value, struct error *e)
{
	const struct {
		const char *name;
		struct text *field;
	} fields[] = {
		{ "Origin", &release->origin },
		{ "Label", &release->label },
		{ "Suite", &release->suite },
		{ "Codename", &release->codename },
		{ "Version", &release->version },
		{ "Components", &release->components },
		{ "Architectures", &release->architectures },
		{ "Date", &release->date },
		{ "Valid-Until", &release->valid_until },
	};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (text_is_anycase(name, fields[i].name))
			return set_text(fields[i].field, value, e);
	return 0;
}

static int take_field(struct release *release, struct text name, struct text value, struct arena *arena,
		      struct error *e)
{
	const struct text trimmed = text_trim(value);

	if (text_is_anycase(name, "SHA256"))
		return parse_entries(value, arena, release, e);
	if (text_is_anycase(name, "Acquire-By-Hash"))
		release->acquire_by_hash = text_is(trimmed, "yes");
	else if (text_is_anycase(name, "NotAutomatic"))
		release->not_automatic = text_is(trimmed, "yes");
	else if (text_is_anycase(name, "ButAutomaticUpgrades"))
		release->but_automatic_upgrades = text_is(trimmed, "yes");
	else if (text_is_anycase(name, "No-Support-for-Architecture-all"))
		release->no_all_packages = release_has_word(trimmed, TEXT("Packages"));
	else
		return take_text_field(release, name, trimmed, e);
	return 0;
}

static int parse_fields(struct text text, struct arena *arena, struct release *release, struct error *e)
{
	struct deb_stanzas stanzas = deb_stanzas_of(text);
	struct deb_field field;
	int r = 0;

	if (deb_stanza_next(&stanzas))
		while ((r = deb_field_next(&stanzas, &field, e)) > 0)
			if (take_field(release, field.name, field.value, arena, e) < 0)
				return -1;
	if (r == 0 && deb_stanza_next(&stanzas))
		return error_set(e, ERROR_FORMAT, "has more than one stanza");
	return r;
}

static int compare_entries(const void *a, const void *b)
{
	return text_compare(((const struct release_entry *)a)->path, ((const struct release_entry *)b)->path);
}

int release_parse(struct text text, struct arena *arena, struct release *out, struct error *e)
{
	struct release release = { .entries = NULL };

	if (parse_fields(text, arena, &release, e) < 0)
		return -1;
	if (!release.date.ptr)
		return error_set(e, ERROR_FORMAT, "lacks the field 'Date'");
	if (parse_date(release.date, &release.date_s, e) < 0)
		return -1;
	if (release.valid_until.ptr && parse_date(release.valid_until, &release.valid_until_s, e) < 0)
		return -1;
	if (release.entry_count == 0)
		return error_set(e, ERROR_TRUST, "has no SHA-256 digests of its indexes");
	qsort(release.entries, release.entry_count, sizeof *release.entries, compare_entries);
	*out = release;
	return 0;
}

const struct release_entry *release_find(const struct release *release, const char *path)
{
	struct release_entry wanted = { .path = text_of(path) };

	return bsearch(&wanted, release->entries, release->entry_count, sizeof wanted, compare_entries);
}

bool release_has_word(struct text list, struct text word)
{
	for (struct text item = text_word(&list); item.len; item = text_word(&list))
		if (text_equal(item, word))
			return true;
	return false;
}

static bool names(const struct release *release, struct text suite)
{
	return suite.len && (text_equal(release->suite, suite) || text_equal(release->codename, suite));
}

bool release_is_for(const struct release *release, struct text suite)
{
	struct text head = suite;

	if (release->suite.len == 0 && release->codename.len == 0)
		return true;
	while (head.len && head.ptr[head.len - 1] != '/')
		head.len--;
	if (head.len)
		head.len--;
	return names(release, suite) || names(release, head);
}

int release_check_date(const struct release *release, int64_t now_s, struct error *e)
{
	if (release->date_s <= now_s + SKEW_S)
		return 0;
	return error_set(e, ERROR_EXPIRED,
			 "is not valid yet: its Date is '%.*s' (is this machine's clock right?)",
			 TEXT_ARG(release->date));
}

int release_check_valid_until(const struct release *release, int64_t now_s, struct error *e)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 24 * 3600, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	int64_t late_s = now_s - release->valid_until_s;
	size_t unit = 0;

	if (release->valid_until_s == 0 || late_s <= 0)
		return 0;
	while (late_s < units[unit].seconds && unit + 1 < ARRAY_LEN(units))
		unit++;
	late_s /= units[unit].seconds;
	return error_set(e, ERROR_EXPIRED, "expired %lld %s%s ago (Valid-Until: %.*s)", (long long)late_s,
			 units[unit].name, late_s == 1 ? "" : "s", TEXT_ARG(release->valid_until));
}
