/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/deb_excludes.h"

#include "base/pattern.h"
#include "base/root.h"
#include "recipe/recipe.h"

#include <fnmatch.h>

#define CONFIG_FOLDER "/etc/dpkg/dpkg.cfg.d"

int deb_excludes_compile(const struct unpack_site *site, struct deb_excludes *excludes, struct error *e)
{
	const struct recipe_setup *setup = site->recipe ? &site->recipe->setup : NULL;
	size_t count = setup ? setup->exclude_count : 0;

	*excludes = (struct deb_excludes) { .rules = setup ? setup->excludes : NULL, .count = count };
	excludes->patterns = xcalloc(count + 1, sizeof(struct pattern *));
	for (size_t i = 0; i < count; i++)
		if (excludes->rules[i].pattern &&
		    pattern_compile(excludes->rules[i].pattern, &excludes->patterns[i], e) < 0)
			return error_wrap_at(e, &excludes->rules[i].pattern_place);
	return 0;
}

void deb_excludes_release(struct deb_excludes *excludes)
{
	for (size_t i = 0; i < excludes->count; i++)
		pattern_free(excludes->patterns[i]);
	free(excludes->patterns);
	*excludes = DEB_EXCLUDES_INIT;
}

/*
 * Folders, and links, which may lead to one, stay where an include rule may have something below them. dpkg does not
 * think of folders above the first pattern of a rule, and then fails; here they stay as well.
 */
static bool leads_to_included(const struct deb_excludes *excludes, const char *path)
{
	size_t path_len = strlen(path);

	for (size_t i = 0; i < excludes->count; i++) {
		const char *include = excludes->rules[i].include;
		size_t len = include ? strcspn(include, "*?[\\") : 0;

		while (len && include[len - 1] == '/')
			len--;
		if (include &&
		    (strncmp(path, include, len) == 0 ||
		     (path_len < len && include[path_len] == '/' && strncmp(path, include, path_len) == 0)))
			return true;
	}
	return false;
}

int deb_excludes_match(const struct deb_excludes *excludes, const char *path, const struct entry *entry,
		       struct error *e)
{
	bool skip = false;

	/* The last rule that matches has the say. */
	for (size_t i = 0; i < excludes->count; i++) {
		const struct recipe_exclude *rule = &excludes->rules[i];
		int r = 0;

		if (excludes->patterns[i])
			r = pattern_matches(excludes->patterns[i], text_of(path), e);
		else if (rule->exclude || rule->include)
			r = fnmatch(rule->exclude ? rule->exclude : rule->include, path, 0) == 0;
		if (r < 0)
			return error_wrap_at(e, &rule->pattern_place);
		if (r > 0)
			skip = !rule->include;
	}
	if (skip && (entry->type == ENTRY_DIRECTORY || entry->type == ENTRY_SYMLINK))
		return !leads_to_included(excludes, path);
	return skip;
}

static int write_rules(const struct unpack_site *site, const char *path, const char *comment, bool kept_only,
		       struct error *e)
{
	const struct recipe_setup *setup = &site->recipe->setup;
	auto_buffer struct buffer text = BUFFER_INIT;
	size_t count = 0;

	buffer_addf(&text, "# %s\n", comment);
	for (size_t i = 0; i < setup->exclude_count; i++) {
		const struct recipe_exclude *rule = &setup->excludes[i];

		if (rule->pattern || (kept_only && !rule->keep))
			continue;
		buffer_addf(&text, "path-%s=%s\n", rule->include ? "include" : "exclude",
			    rule->include ? rule->include : rule->exclude);
		count++;
	}
	return count ? root_write_text(site->root_fd, path, text.data, e) : 0;
}

int deb_excludes_configure(const struct unpack_site *site, struct error *e)
{
	if (!site->recipe || !site->recipe->setup.exclude_count)
		return 0;
	if (root_make_dirs(site->root_fd, CONFIG_FOLDER, 0755, e) < 0 ||
	    write_rules(site, CONFIG_FOLDER "/image-paths", "Files that this image goes without.", true, e) <
		    0)
		return -1;
	/* Read behind the former, so that its rules are those that count; the cleaning takes it away. */
	return write_rules(site, CONFIG_FOLDER "/image-paths-build", "While the image is built.", false, e);
}
