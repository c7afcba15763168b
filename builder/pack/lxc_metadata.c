/* SPDX-License-Identifier: Apache-2.0 */
/* What LXC has to know of an image: its configuration and the templates in the root, as its own words say it. */
#include "pack/pack.h"

#include "base/text.h"
#include "customize/customize.h"
#include "recipe/recipe.h"

/*
 * LXC's templates read config.N for their level N of compatibility, and config where there is none; distrobuilder
 * knows levels up to this one, whose files have no number.
 */
enum { LEVEL_MAX = 5 };

/* What a container is called, in the templates of a root. */
#define LXC_NAME "LXC_NAME"

/* The file NAME; it is made, or TEXT is added to it, with a line end. */
struct lxc_file {
	char name[24];
	struct buffer text;
};

enum { USERS = 2, FILE_COUNT = USERS * LEVEL_MAX };

struct lxc_making {
	const struct recipe *recipe;
	struct pack_metadata *metadata;
	struct lxc_file configs[FILE_COUNT]; /* config and config-user, by level */
	struct buffer templates;
};

static void lxc_making_release(struct lxc_making *making)
{
	for (size_t i = 0; i < FILE_COUNT; i++)
		buffer_release(&making->configs[i].text);
	buffer_release(&making->templates);
}

static void add_file(struct lxc_making *making, const char *name, const char *text, size_t len)
{
	struct arena *arena = &making->metadata->arena;
	struct pack_lxc *lxc = &making->metadata->lxc;
	struct pack_template file = { arena_strdup(arena, name), arena_strndup(arena, text ? text : "", len),
				      len };

	ARENA_PUSH(arena, lxc->files, lxc->file_count, file);
}

static void add_line(struct buffer *text, const char *line)
{
	buffer_adds(text, line);
	if (text->len && text->data[text->len - 1] != '\n')
		buffer_addc(text, '\n');
}

/* Whether an entry is for LEVEL: behind `after` and in front of `before`; if these exclude each other, either. */
static bool is_for(const struct lxc_config *config, unsigned level)
{
	unsigned before = config->before ? config->before : LEVEL_MAX + 1;
	bool behind = level > config->after;
	bool in_front = level < before;

	return config->after < before ? behind && in_front : behind || in_front;
}

static int add_config(struct lxc_making *making, const struct lxc_config *config, struct error *e)
{
	bool system = strcmp(config->type, "user") != 0;
	bool user = strcmp(config->type, "system") != 0;
	auto_free char *text = NULL;

	if (recipe_expand(making->recipe, config->content ? config->content : "", &config->content_place,
			  &text, e) < 0)
		return -1;
	for (unsigned level = 1; level <= LEVEL_MAX; level++) {
		if (!is_for(config, level))
			continue;
		if (system)
			add_line(&making->configs[level - 1].text, text);
		if (user)
			add_line(&making->configs[LEVEL_MAX + level - 1].text, text);
	}
	return 0;
}

/* Without a word in the recipe: the files that every LXC has. */
static void add_default_configs(struct lxc_making *making)
{
	for (size_t user = 0; user < USERS; user++) {
		struct buffer *text = &making->configs[user * LEVEL_MAX + LEVEL_MAX - 1].text;

		buffer_adds(text, "lxc.include = LXC_TEMPLATE_CONFIG/common.conf\n");
		if (user)
			buffer_adds(text, "lxc.include = LXC_TEMPLATE_CONFIG/userns.conf\n");
		buffer_addf(text, "lxc.arch = %s\n", making->recipe->architecture_personality);
	}
}

static int make_configs(struct lxc_making *making, struct error *e)
{
	const struct recipe_targets *targets = &making->recipe->targets;

	if (targets->lxc_config_count == 0)
		add_default_configs(making);
	for (size_t i = 0; i < targets->lxc_config_count; i++)
		if (add_config(making, &targets->lxc_configs[i], e) < 0)
			return error_wrap(e, "targets.lxc.config");
	/* LXC's templates stop without it. */
	if (making->configs[LEVEL_MAX - 1].text.len == 0)
		return error_at(
			e, ERROR_RECIPE, &targets->lxc_configs[0].place,
			"nothing in targets.lxc.config is for the present level %d of LXC's templates",
			LEVEL_MAX);
	for (size_t i = 0; i < FILE_COUNT; i++) {
		struct lxc_file *config = &making->configs[i];
		const char *word = i < LEVEL_MAX ? "config" : "config-user";
		int level = (int)(i % LEVEL_MAX) + 1;

		if (level == LEVEL_MAX)
			snprintf(config->name, sizeof config->name, "%s", word);
		else
			snprintf(config->name, sizeof config->name, "%s.%d", word, level);
		if (config->text.len)
			add_file(making, config->name, config->text.data, config->text.len);
	}
	return 0;
}

static int make_message(struct lxc_making *making, struct error *e)
{
	const struct recipe *recipe = making->recipe;
	const char *given = recipe->targets.lxc_create_message;
	const struct place *place = given ? &recipe->targets.lxc_create_message_place : &recipe->image.place;
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_free char *expanded = NULL;

	if (recipe_expand(recipe, given ? given : recipe->image.description, place, &expanded, e) < 0)
		return error_wrap(e, given ? "targets.lxc.create_message" : "image.description");
	if (given)
		add_line(&text, expanded);
	else
		buffer_addf(&text,
			    "You just created a container of %s.\nNobody can log in yet: lxc-attach gives a "
			    "shell in it when it is started.\n",
			    expanded);
	add_file(making, "create-message", text.data, text.len);
	return 0;
}

static void make_expiry(struct lxc_making *making, int64_t epoch_s)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%lld\n",
			   (long long)epoch_s + (long long)making->recipe->image.expiry_s);

	add_file(making, "expiry", digits, (size_t)len);
}

/* CONTENT with LXC's word for the name; false for a template that says more than LXC understands. */
static bool translate(const char *content, struct buffer *text)
{
	static const char *const names[] = { "{{ container.name }}", "{{container.name}}",
					     "{{ instance.name }}", "{{instance.name}}" };

	while (*content) {
		size_t len = 0;

		for (size_t i = 0; i < ARRAY_LEN(names) && !len; i++)
			if (is_prefix(content, names[i]))
				len = strlen(names[i]);
		if (len)
			buffer_adds(text, LXC_NAME);
		else if (content[0] == '{' && content[1] && strchr("{%#", content[1]))
			return false;
		else
			buffer_addc(text, *content);
		content += len ? len : 1;
	}
	return true;
}

/* The templates that the daemons get, as files of the root. What asks for their settings has no meaning in LXC. */
static void make_replaced(struct lxc_making *making, const struct image_template *template)
{
	struct arena *arena = &making->metadata->arena;
	struct pack_lxc *lxc = &making->metadata->lxc;
	auto_buffer struct buffer text = BUFFER_INIT;
	struct pack_template replaced;

	if (!translate(template->content, &text))
		return;
	replaced = (struct pack_template) { arena_strdup(arena, template->path + strspn(template->path, "/")),
					    arena_strndup(arena, text.data ? text.data : "", text.len),
					    text.len };
	ARENA_PUSH(arena, lxc->replaced, lxc->replaced_count, replaced);
	if (strstr(replaced.content, LXC_NAME))
		add_line(&making->templates, template->path);
}

static void make_templates(struct lxc_making *making, const struct image_templates *templates)
{
	const struct recipe *recipe = making->recipe;

	for (size_t i = 0; templates && i < templates->count; i++)
		make_replaced(making, &templates->items[i]);
	for (size_t i = 0; i < recipe->file_count; i++) {
		const struct recipe_file *file = &recipe->files[i];

		if (file->generator == GENERATOR_CLOUD_INIT)
			making->metadata->lxc.no_cloud_init = true;
		if (file->generator == GENERATOR_DUMP && file->templated)
			add_line(&making->templates, file->path);
	}
	if (making->templates.len)
		add_file(making, "templates", making->templates.data, making->templates.len);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct pack_template *)a)->name, ((const struct pack_template *)b)->name);
}

int pack_lxc_make(const struct recipe *recipe, const struct image_templates *templates, int64_t epoch_s,
		  struct pack_metadata *metadata, struct error *e)
{
	AUTO(lxc_making_release) struct lxc_making making = { .recipe = recipe, .metadata = metadata };
	struct pack_lxc *lxc = &metadata->lxc;

	if (make_configs(&making, e) < 0 || make_message(&making, e) < 0)
		return -1;
	make_expiry(&making, epoch_s);
	make_templates(&making, templates);
	qsort(lxc->files, lxc->file_count, sizeof *lxc->files, by_name);
	lxc->given = true;
	return 0;
}
