/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/steps.h"

#include "fetch/url.h"

struct maker {
	const struct recipe *recipe;
	struct recipe_steps *steps;
};

static void add_step(struct maker *maker, const char *kind, const char *detail, const struct place *place)
{
	struct recipe_step step = { .kind = kind, .place = *place };
	char *printable = arena_strdup(&maker->steps->arena, detail);

	text_make_printable(printable);
	step.detail = printable;
	ARENA_PUSH(&maker->steps->arena, maker->steps->items, maker->steps->count, step);
}

static void add_words(struct buffer *out, const struct string_list *words)
{
	for (size_t i = 0; i < words->count; i++)
		buffer_addf(out, "%s%s", out->len ? " " : "", words->items[i]);
}

static void add_names(struct buffer *out, const struct package_set *set)
{
	for (size_t i = 0; i < set->name_count; i++)
		buffer_addf(out, "%s%s", out->len ? " " : "", set->names[i].text);
}

static int add_source(struct maker *maker, struct error *e)
{
	const struct recipe_source *source = &maker->recipe->source;
	auto_buffer struct buffer detail = BUFFER_INIT;
	auto_free char *url = NULL;

	if (recipe_expand(maker->recipe, source->url ? source->url : "", &source->url_place, &url, e) < 0)
		return -1;
	buffer_adds(&detail, source->downloader);
	if (url[0]) {
		auto_free char *shown = url_hide_credentials(url);

		buffer_addf(&detail, " %s", shown);
	}
	if (strcmp(source->downloader, "debootstrap") == 0) {
		buffer_addf(&detail, " %s", source->suite);
		add_words(&detail, &source->components);
	}
	if (source->variant && source->variant[0])
		buffer_addf(&detail, ", variant %s", source->variant);
	add_step(maker, "base", detail.data, &source->downloader_place);
	return 0;
}

/* Each line of a repository is one step, so that what its template makes can be seen. */
static int add_repositories(struct maker *maker, struct error *e)
{
	const struct recipe_packages *packages = &maker->recipe->packages;

	for (size_t i = 0; i < packages->repository_count; i++) {
		const struct repository *repository = &packages->repositories[i];
		auto_free char *expanded = NULL;
		struct text rest;

		if (recipe_expand(maker->recipe, repository->url ? repository->url : "",
				  &repository->url_place, &expanded, e) < 0)
			return -1;
		auto_free char *shown = url_hide_credentials(expanded);

		rest = text_of(shown);
		while (rest.ptr) {
			struct text line = text_trim(text_cut(rest, '\n', &rest));
			auto_free char *detail = xasprintf(
				"%s: %.*s", repository->name ? repository->name : "", TEXT_ARG(line));

			if (line.len)
				add_step(maker, "repository", detail, &repository->url_place);
		}
	}
	return 0;
}

static bool same_flags(const struct string_list *a, const struct string_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static void end_set(struct maker *maker, const struct package_set *first, struct buffer *names)
{
	static const char *const words[2][2] = {
		[SET_INSTALL] = { "install", "early" },
		[SET_REMOVE] = { "remove", "early-remove" },
	};
	auto_buffer struct buffer detail = BUFFER_INIT;

	if (first && (names->len || first->flags.count)) {
		add_words(&detail, &first->flags);
		buffer_addf(&detail, "%s%s", detail.len ? " " : "", names->data ? names->data : "");
		add_step(maker, words[first->action][first->early], detail.data, &first->place);
	}
	buffer_reset(names);
}

static void add_sets(struct maker *maker, bool early)
{
	const struct recipe_packages *packages = &maker->recipe->packages;
	const struct package_set *first = NULL;
	auto_buffer struct buffer names = BUFFER_INIT;

	for (size_t i = 0; i < packages->set_count; i++) {
		const struct package_set *set = &packages->sets[i];

		if (set->early != early)
			continue;
		if (!first || first->action != set->action || !same_flags(&first->flags, &set->flags)) {
			end_set(maker, first, &names);
			first = set;
		}
		add_names(&names, set);
	}
	end_set(maker, first, &names);
}

/* The line of a script that tells most about it: not its interpreter, nor the options of the shell. */
static struct text telling_line(const char *script)
{
	struct text rest = text_of(script);
	struct text first = { NULL, 0 };

	while (rest.ptr) {
		struct text line = text_trim(text_cut(rest, '\n', &rest));

		if (line.len == 0)
			continue;
		if (!text_starts(line, "#!") && !text_starts(line, "set "))
			return line;
		if (!first.ptr)
			first = line;
	}
	return first.ptr ? first : TEXT("");
}

static void add_actions(struct maker *maker, enum trigger trigger)
{
	for (size_t i = 0; i < maker->recipe->action_count; i++) {
		const struct recipe_action *action = &maker->recipe->actions[i];
		struct text line;
		auto_free char *detail = NULL;

		if (action->trigger != trigger)
			continue;
		line = telling_line(action->action);
		detail = xasprintf("%.*s", TEXT_ARG(line));
		add_step(maker, trigger_name(trigger), detail, &action->place);
	}
}

static int add_files(struct maker *maker, struct error *e)
{
	for (size_t i = 0; i < maker->recipe->file_count; i++) {
		const struct recipe_file *file = &maker->recipe->files[i];
		const char *path = file->path ? file->path : file->name ? file->name : "";
		auto_free char *expanded = NULL;

		if (file->pongo && recipe_expand(maker->recipe, path, &file->path_place, &expanded, e) < 0)
			return -1;
		add_step(maker, generator_name(file->generator), expanded ? expanded : path,
			 &file->generator_place);
	}
	return 0;
}

static void add_accounts(struct maker *maker)
{
	const struct recipe_setup *setup = &maker->recipe->setup;

	for (size_t i = 0; i < setup->group_count; i++)
		add_step(maker, "group", setup->groups[i].name, &setup->groups[i].place);
	for (size_t i = 0; i < setup->user_count; i++)
		add_step(maker, "user", setup->users[i].name, &setup->users[i].place);
	for (size_t i = 0; i < setup->locale_count; i++)
		add_step(maker, "locale", setup->locales[i].name, &setup->locales[i].place);
}

static void add_services(struct maker *maker, const char *verb, const struct recipe_name *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_step(maker, verb, names[i].text, &names[i].place);
}

/* In the order of the table in customize/setup.c. */
static void add_system(struct maker *maker)
{
	const struct recipe_setup *setup = &maker->recipe->setup;

	if (setup->timezone)
		add_step(maker, "timezone", setup->timezone, &setup->timezone_place);
	if (setup->keymap)
		add_step(maker, "keymap", setup->keymap, &setup->keymap_place);
	for (size_t i = 0; i < setup->directory_count; i++)
		add_step(maker, "directory", setup->directories[i].path, &setup->directories[i].place);
	for (size_t i = 0; i < setup->link_count; i++)
		add_step(maker, "link", setup->links[i].path, &setup->links[i].place);
	for (size_t i = 0; i < setup->line_count; i++)
		add_step(maker, "line", setup->lines[i].path, &setup->lines[i].place);
	for (size_t i = 0; i < setup->permission_count; i++)
		add_step(maker, "permissions", setup->permissions[i].path, &setup->permissions[i].place);
	for (size_t i = 0; i < setup->service_count; i++) {
		const struct recipe_service *service = &setup->services[i];

		add_services(maker, "enable", service->enable, service->enable_count);
		add_services(maker, "disable", service->disable, service->disable_count);
		add_services(maker, "mask", service->mask, service->mask_count);
	}
}

static void add_identity(struct maker *maker)
{
	const struct recipe_setup *setup = &maker->recipe->setup;

	if (setup->resolv_conf)
		add_step(maker, "resolv_conf", setup->resolv_conf, &setup->resolv_conf_place);
	if (setup->machine_id)
		add_step(maker, "machine_id", setup->machine_id, &setup->machine_id_place);
}

static void add_image(struct maker *maker)
{
	const struct recipe_image *image = &maker->recipe->image;
	auto_free char *detail =
		xasprintf("%s %s %s %s %s", image->distribution, image->release[0] ? image->release : "-",
			  maker->recipe->architecture_mapped, image->variant, maker->recipe->type);

	add_step(maker, "image", detail, &image->place);
}

/* The order is that of the definition format, and of chain.c. */
int recipe_steps(const struct recipe *recipe, struct recipe_steps *steps, struct error *e)
{
	auto_recipe_steps struct recipe_steps made = RECIPE_STEPS_INIT;
	struct maker maker = { recipe, &made };

	add_image(&maker);
	if (add_source(&maker, e) < 0)
		return -1;
	add_sets(&maker, true);
	if (add_repositories(&maker, e) < 0)
		return -1;
	add_actions(&maker, TRIGGER_POST_UNPACK);
	add_actions(&maker, TRIGGER_POST_UPDATE);
	add_sets(&maker, false);
	add_accounts(&maker);
	add_actions(&maker, TRIGGER_POST_PACKAGES);
	if (add_files(&maker, e) < 0)
		return -1;
	add_system(&maker);
	add_actions(&maker, TRIGGER_POST_FILES);
	add_identity(&maker);
	*steps = TAKE(made, RECIPE_STEPS_INIT);
	return 0;
}

void recipe_steps_release(struct recipe_steps *steps)
{
	arena_release(&steps->arena);
	*steps = RECIPE_STEPS_INIT;
}
