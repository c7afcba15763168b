/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/limits.h"
#include "base/root.h"
#include "customize/entry.h"
#include "layer/key.h"

#include <fcntl.h>

/* Each generator that writes a text ends it with a line end, as the format's users expect. */
static void end_line(struct buffer *buffer)
{
	if (buffer->len == 0 || buffer->data[buffer->len - 1] != '\n')
		buffer_addc(buffer, '\n');
}

/*
 * What was at the path gives its permissions and owner where the recipe does not; set-id bits were meant for what
 * it held before and go. A link is replaced, not written
 * through: its target is some package's file, or below /run, where it would be lost.
 */
static int generate_dump(const struct customize_site *site, const struct entry *entry, struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	struct stat old = { .st_mode = 0644 };
	struct access access;
	int found;

	if (entry_access(site->root_fd, entry->file, &access, e) < 0 ||
	    make_parents(site->root_fd, entry->path, e) < 0)
		return -1;
	found = root_lstat(site->root_fd, entry->path, &old, e);
	if (found < 0)
		return -1;
	if (found > 0 && S_ISDIR(old.st_mode))
		return error_set(e, ERROR_RECIPE, "'%s' is a folder in the root", entry->path);
	if (found > 0 && !S_ISREG(old.st_mode))
		old = (struct stat) { .st_mode = 0644 };
	buffer_adds(&text, entry->content ? entry->content : "");
	end_line(&text);
	return root_write(site->root_fd, entry->path, text.data, text.len,
			  access_mode(&access, old.st_mode & 0777), access_uid(&access, old.st_uid),
			  access_gid(&access, old.st_gid), e);
}

/* One entry, expanded: errors get their place from the caller. */
static int generate(const struct customize_site *site, const struct entry *entry,
		    struct image_templates *templates, struct error *e)
{
	enum generator generator = entry->file->generator;

	if (!entry->path && generator != GENERATOR_COPY && generator != GENERATOR_CLOUD_INIT)
		return error_set(e, ERROR_RECIPE, "'path' is missing");
	switch (generator) {
	case GENERATOR_DUMP:
		return generate_dump(site, entry, e);
	case GENERATOR_COPY:
		return generate_copy(site, entry, e);
	case GENERATOR_REMOVE:
		return root_remove(site->root_fd, entry->path, e);
	case GENERATOR_HOSTNAME:
		return generate_hostname(entry, templates, e);
	case GENERATOR_HOSTS:
		return generate_hosts(site, entry, templates, e);
	case GENERATOR_TEMPLATE:
		return generate_template(entry, templates, e);
	case GENERATOR_CLOUD_INIT:
		return generate_cloud_init(entry, templates, e);
	case GENERATOR_FSTAB:
	case GENERATOR_INCUS_AGENT:
		break;
	}
	return error_set(e, ERROR_UNSUPPORTED, "not run by this version");
}

int customize_files(const struct customize_site *site, struct image_templates *templates, struct error *e)
{
	for (size_t i = 0; i < site->recipe->file_count; i++) {
		const struct recipe_file *file = &site->recipe->files[i];
		auto_entry struct entry entry = ENTRY_INIT;

		if (entry_expand(site->recipe, file, &entry, e) < 0)
			return -1;
		if (generate(site, &entry, templates, e) < 0) {
			error_wrap(e, "generator '%s'", generator_name(file->generator));
			return error_wrap_at(e, &file->place);
		}
		meter_add(site->meter, METER_CUSTOMIZE, &(struct meter_sum) { .item_count = 1 });
		log_detail(site->log, "%s %s", generator_name(file->generator),
			   entry.path && *entry.path ? entry.path
			   : file->name              ? file->name
						     : "");
	}
	templates_sort(templates);
	return 0;
}

/* The text of a `template` entry may be in a file beside the recipe. */
static int describe_source(const struct entry *entry, struct layer_key *key, struct error *e)
{
	auto_free char *text = NULL;
	size_t len = 0;

	if (entry->file->generator == GENERATOR_COPY)
		return describe_copy(entry, key, e);
	if (entry->file->generator != GENERATOR_TEMPLATE || !entry->source)
		return 0;
	if (file_read(AT_FDCWD, entry->source, LIMIT_TEMPLATE_BYTES, &text, &len, e) < 0)
		return -1;
	key_bytes(key, "text", text, len);
	return 0;
}

static int list_source(const struct entry *entry, customize_source_fn visit, void *context, struct error *e)
{
	if (entry->file->generator == GENERATOR_COPY)
		return list_copy(entry, visit, context, e);
	if (entry->file->generator != GENERATOR_TEMPLATE || !entry->source)
		return 0;
	return visit(context, AT_FDCWD, entry->source, entry->source, e);
}

int customize_sources(const struct recipe *recipe, customize_source_fn visit, void *context, struct error *e)
{
	for (size_t i = 0; i < recipe->file_count; i++) {
		const struct recipe_file *file = &recipe->files[i];
		auto_entry struct entry entry = ENTRY_INIT;

		if (entry_expand(recipe, file, &entry, e) < 0)
			return -1;
		if (list_source(&entry, visit, context, e) < 0) {
			error_wrap(e, "generator '%s'", generator_name(file->generator));
			return error_wrap_at(e, &file->place);
		}
	}
	return 0;
}

int customize_describe_files(const struct customize_site *site, struct layer_key *key, struct error *e)
{
	key_number(key, "files", (int64_t)site->recipe->file_count);
	for (size_t i = 0; i < site->recipe->file_count; i++) {
		const struct recipe_file *file = &site->recipe->files[i];
		auto_entry struct entry entry = ENTRY_INIT;

		if (entry_expand(site->recipe, file, &entry, e) < 0)
			return -1;
		recipe_describe_file(file, key);
		key_text(key, "expanded path", entry.path);
		key_text(key, "expanded content", entry.content);
		key_text(key, "expanded source", entry.source_name);
		if (describe_source(&entry, key, e) < 0) {
			error_wrap(e, "generator '%s'", generator_name(file->generator));
			return error_wrap_at(e, &file->place);
		}
	}
	return 0;
}
