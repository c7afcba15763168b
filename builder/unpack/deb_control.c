/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/deb_control.h"

#include "base/limits.h"
#include "base/root.h"
#include "deb/dependency.h"

#include <ctype.h>

static int take_field(struct arena *arena, const struct deb_field *field, struct deb_field **fields,
		      size_t *count, struct error *e)
{
	/* dpkg refuses it too: which of them would be meant? */
	for (size_t i = 0; i < *count; i++)
		if (text_equal_anycase((*fields)[i].name, field->name))
			return error_set(e, ERROR_FORMAT, "the field '%.*s' stands twice",
					 (int)(field->name.len < 80 ? field->name.len : 80), field->name.ptr);
	if (*count == LIMIT_STANZA_FIELDS)
		return error_set(e, ERROR_FORMAT, "more than %d fields in a stanza", LIMIT_STANZA_FIELDS);
	ARENA_PUSH(arena, *fields, *count, *field);
	return 0;
}

int deb_fields_take(struct arena *arena, struct deb_stanzas *stanzas, struct deb_field **fields,
		    size_t *count, struct error *e)
{
	struct deb_field *found = NULL;
	size_t found_count = 0;
	struct deb_field field;
	int r;

	if (!deb_stanza_next(stanzas))
		return 0;
	while ((r = deb_field_next(stanzas, &field, e)) > 0)
		if (take_field(arena, &field, &found, &found_count, e) < 0)
			return -1;
	if (r < 0)
		return -1;
	*fields = found;
	*count = found_count;
	return 1;
}

struct text deb_field_value(const struct deb_field *fields, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (text_is_anycase(fields[i].name, name))
			return fields[i].value;
	return (struct text) { NULL, 0 };
}

const struct deb_member *deb_control_member(const struct deb_control *control, const char *name)
{
	for (size_t i = 0; i < control->member_count; i++)
		if (strcmp(control->members[i].name, name) == 0)
			return &control->members[i];
	return NULL;
}

void deb_control_release(struct deb_control *control)
{
	arena_release(&control->arena);
	*control = DEB_CONTROL_INIT;
}

static bool is_architecture(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!isalnum((unsigned char)text.ptr[i]) && text.ptr[i] != '-')
			return false;
	return text.len > 0;
}

static int parse_identity(struct deb_control *control, struct error *e)
{
	struct text package = deb_field_value(control->fields, control->field_count, "Package");
	struct text version = deb_field_value(control->fields, control->field_count, "Version");
	struct text architecture = deb_field_value(control->fields, control->field_count, "Architecture");
	struct text multi_arch = deb_field_value(control->fields, control->field_count, "Multi-Arch");

	if (!deb_name_is_valid(package))
		return error_set(e, ERROR_FORMAT, "field 'Package' is missing or no package name");
	if (!deb_version_is_valid(version))
		return error_set(e, ERROR_FORMAT, "field 'Version' is missing or no version number");
	if (!is_architecture(architecture))
		return error_set(e, ERROR_FORMAT, "field 'Architecture' is missing or no architecture");
	control->package = arena_strndup(&control->arena, package.ptr, package.len);
	control->version = arena_strndup(&control->arena, version.ptr, version.len);
	control->architecture = arena_strndup(&control->arena, architecture.ptr, architecture.len);
	control->multi_arch_same = text_is(multi_arch, "same");
	control->info_name = control->multi_arch_same ? arena_printf(&control->arena, "%s:%s",
								     control->package, control->architecture)
						      : control->package;
	return 0;
}

/* deb-conffiles(5): one path a line, "remove-on-upgrade" may stand in front. */
static int parse_conffile(struct deb_control *control, struct text line, struct error *e)
{
	struct deb_conffile conffile = { .path = NULL };
	struct text path = text_trim(line);

	if (path.len == 0)
		return 0;
	if (path.ptr[0] != '/') {
		struct text rest = path;

		if (!text_is(text_word(&rest), "remove-on-upgrade"))
			return error_set(e, ERROR_FORMAT, "conffiles: line '%.*s' is no absolute path",
					 TEXT_ARG(path));
		conffile.remove_on_upgrade = true;
		path = text_trim(rest);
	}
	if (path.len == 0 || path.ptr[0] != '/' || !path_is_safe(path))
		return error_set(e, ERROR_FORMAT, "conffiles: '%.*s' is no absolute path", TEXT_ARG(path));
	conffile.path = arena_strndup(&control->arena, path.ptr, path.len);
	ARENA_PUSH(&control->arena, control->conffiles, control->conffile_count, conffile);
	return 0;
}

static const struct {
	const char *directive;
	bool interest;
	bool await;
} directives[] = {
	{ "interest", true, true },  { "interest-await", true, true },  { "interest-noawait", true, false },
	{ "activate", false, true }, { "activate-await", false, true }, { "activate-noawait", false, false },
};

/* deb-triggers(5): printable ASCII; a file trigger is a path without empty parts or a slash at its end. */
static bool is_trigger_name(struct text name)
{
	if (name.len == 0)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7f)
			return false;
	if (name.ptr[0] != '/')
		return !memchr(name.ptr, '/', name.len) && name.ptr[0] != '.';
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] == '/' && (i + 1 == name.len || name.ptr[i + 1] == '/'))
			return false;
	return path_is_safe(name);
}

static int parse_trigger(struct deb_control *control, struct text line, struct error *e)
{
	struct text rest = line;
	struct text directive = text_word(&rest);
	struct text name = text_trim(rest);

	if (directive.len == 0 || directive.ptr[0] == '#')
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(directives); i++) {
		struct deb_trigger trigger = {
			.interest = directives[i].interest,
			.await = directives[i].await,
		};

		if (!text_is(directive, directives[i].directive))
			continue;
		if (!is_trigger_name(name))
			return error_set(e, ERROR_FORMAT, "triggers: '%.*s' is no name of a trigger",
					 TEXT_ARG(name));
		trigger.name = arena_strndup(&control->arena, name.ptr, name.len);
		ARENA_PUSH(&control->arena, control->triggers, control->trigger_count, trigger);
		return 0;
	}
	return error_set(e, ERROR_FORMAT, "triggers: directive '%.*s' is not known", TEXT_ARG(directive));
}

/* Call PARSE for every line of the member NAME, if it is there. */
static int each_line(struct deb_control *control, const char *name,
		     int (*parse)(struct deb_control *, struct text, struct error *), struct error *e)
{
	const struct deb_member *member = deb_control_member(control, name);
	struct text rest = { NULL, 0 };

	if (member)
		rest = (struct text) { member->data, member->len };
	while (rest.ptr && rest.len) {
		struct text line = text_cut(rest, '\n', &rest);

		if (memchr(line.ptr, '\0', line.len) || line.len > LIMIT_PATH_BYTES)
			return error_set(e, ERROR_FORMAT, "%s: malformed line", name);
		if (parse(control, line, e) < 0)
			return -1;
	}
	return 0;
}

int deb_control_parse(struct text text, struct deb_control *control, struct error *e)
{
	struct deb_stanzas stanzas = deb_stanzas_of(text);
	int r = deb_fields_take(&control->arena, &stanzas, &control->fields, &control->field_count, e);

	control->text = text;
	if (r < 0)
		return error_wrap(e, "control");
	if (r == 0)
		return error_set(e, ERROR_FORMAT, "control: empty");
	if (deb_stanza_next(&stanzas))
		return error_set(e, ERROR_FORMAT, "control: more than one stanza");
	if (parse_identity(control, e) < 0)
		return error_wrap(e, "control");
	control->has_preinst = deb_control_member(control, "preinst") != NULL;
	if (each_line(control, "conffiles", parse_conffile, e) < 0)
		return -1;
	return each_line(control, "triggers", parse_trigger, e);
}
