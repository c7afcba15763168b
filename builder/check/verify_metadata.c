/* SPDX-License-Identifier: Apache-2.0 */
/* metadata.yaml and templates/, and whether they fit together. */
#include "check/verify_archive.h"

#include "image/metadata.h"
#include "pongo/instance.h"

struct teller {
	struct findings *findings;
	const char *path;
};

static void say(void *context, enum metadata_level level, unsigned line, unsigned column, const char *message)
{
	const struct teller *teller = context;
	auto_free char *place =
		line ? xasprintf("metadata.yaml:%u:%u", line, column) : xstrdup("metadata.yaml");

	if (level == METADATA_NOTE)
		findings_note(teller->findings, teller->path, place, "%s", message);
	else
		findings_mistake(teller->findings, ERROR_FORMAT, teller->path, place, "%s", message);
}

static struct verify_template *find(struct verify_head *head, const char *name)
{
	for (size_t i = 0; i < head->template_count; i++)
		if (strcmp(head->templates[i].name, name) == 0)
			return &head->templates[i];
	return NULL;
}

/* As an instance would meet it. */
static void check_text(const struct metadata_template *named, const struct verify_template *template,
		       const char *path, struct findings *findings)
{
	auto_free struct instance_pair *items = xcalloc(named->properties.count + 1, sizeof *items);
	const struct instance_pairs properties = { items, named->properties.count };
	struct pongo_position where = { 0, 0 };
	struct error e = ERROR_INIT;
	auto_free char *place = NULL;
	int r;

	for (size_t i = 0; i < named->properties.count; i++) {
		items[i].key = named->properties.items[i].key;
		items[i].value = named->properties.items[i].value;
	}
	r = instance_check_template(template->text, &properties, &where, &e);
	if (r == 0)
		return;
	place = where.line ? xasprintf("templates/%s:%u:%u", template->name, where.line, where.column)
			   : xasprintf("templates/%s", template->name);
	if (r > 0)
		findings_note(findings, path, place, "%s", e.text);
	else
		findings_mistake(findings, ERROR_FORMAT, path, place, "%s", e.text);
}

static void check_templates(struct verify_head *head, const struct metadata *metadata, const char *path,
			    struct findings *findings)
{
	for (size_t i = 0; i < metadata->template_count; i++) {
		const struct metadata_template *named = &metadata->templates[i];
		struct verify_template *template = named->name ? find(head, named->name) : NULL;

		if (template) {
			template->is_named = true;
			check_text(named, template, path, findings);
		} else if (named->name) {
			auto_free char *place = xasprintf("metadata.yaml:%u:%u", named->line, named->column);

			findings_mistake(findings, ERROR_FORMAT, path, place,
					 "the template '%.200s' of '%.200s' is not in templates/",
					 named->name, named->path);
		}
	}
	for (size_t i = 0; i < head->template_count; i++)
		if (!head->templates[i].is_named) {
			auto_free char *place = xasprintf("templates/%s", head->templates[i].name);

			findings_note(findings, path, place, "metadata.yaml does not name it");
		}
}

void verify_head_check(struct verify_head *head, const char *path, struct findings *findings)
{
	auto_metadata struct metadata metadata = METADATA_INIT;
	struct teller teller = { findings, path };

	/* Of a file that cannot be read to its end nothing is known to be missing. */
	if (!head->has_metadata && head->is_readable)
		findings_mistake(findings, ERROR_FORMAT, path, "", "there is no metadata.yaml in it");
	if (!head->metadata.ptr)
		return;
	metadata_examine(head->metadata, say, &teller, &metadata);
	check_templates(head, &metadata, path, findings);
}
