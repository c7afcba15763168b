/* SPDX-License-Identifier: Apache-2.0 */
/* Language, time zone and keyboard. */
#include "base/root.h"
#include "customize/setup.h"
#include "sandbox/sandbox.h"

enum { LAST_LINES_MAX_BYTES = 800 };

static const char locale_gen_path[] = "/etc/locale.gen";

/* "en_US.UTF-8" → "UTF-8" where the recipe gives no character set; malloc'ed. */
static char *charset_of(const struct recipe_locale *locale)
{
	const char *dot = strchr(locale->name, '.');

	if (locale->charset && locale->charset[0])
		return xstrdup(locale->charset);
	return dot ? xstrndup(dot + 1, strcspn(dot + 1, "@")) : xstrdup("UTF-8");
}

/* C, POSIX and C.UTF-8 are there without being built. */
static bool is_built_in(const char *name)
{
	return strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0 || is_prefix(name, "C.");
}

/* A line of locale.gen(5) that is WANTED, perhaps behind a '#'. */
static bool is_entry(struct text line, const char *wanted)
{
	struct text rest = text_trim(line);

	while (text_starts(rest, "#"))
		rest = text_trim((struct text) { rest.ptr + 1, rest.len - 1 });
	return text_is(rest, wanted);
}

/* Uncomment the line of LOCALE, as its package's users do, or add one. */
static int enter_locale(int root_fd, const struct recipe_locale *locale, struct error *e)
{
	auto_free char *charset = charset_of(locale);
	auto_free char *wanted = xasprintf("%s %s", locale->name, charset);
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_free char *data = NULL;
	struct text rest;
	bool found = false;
	size_t len = 0;

	if (root_read(root_fd, locale_gen_path, &data, &len, e) < 0)
		return -1;
	rest = (struct text) { data, len };
	while (rest.len) {
		struct text line = text_cut(rest, '\n', &rest);

		if (is_entry(line, wanted)) {
			found = true;
			line = text_of(wanted);
		}
		buffer_addf(&text, "%.*s\n", TEXT_ARG(line));
	}
	if (!found)
		buffer_addf(&text, "%s\n", wanted);
	if (text_equal((struct text) { data, len }, (struct text) { text.data, text.len }))
		return 0;
	return root_write(root_fd, locale_gen_path, text.data, text.len, 0644, 0, 0, e);
}

/*
 * Run a program of the root: 1 when it did its work, 0 when this machine cannot run it, being of another
 * architecture.
 */
static int run(const struct customize_site *site, const char *const *argv, struct error *e)
{
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	auto_free char *lines = NULL;
	auto_free char *ending = NULL;
	struct sandbox sandbox = *site->sandbox;

	sandbox.no_new_privileges = true;
	if (sandbox_run(&sandbox, argv, NULL, &result, e) < 0) {
		if (e->kind != ERROR_SCRIPT || e->sys != ENOEXEC)
			return -1;
		error_clear(e);
		return 0;
	}
	if (result.status == 0)
		return 1;
	lines = sandbox_last_lines((struct text) { result.tail.data, result.tail.len }, LAST_LINES_MAX_BYTES);
	ending = sandbox_ending(result.status, result.signal);
	return error_set(e, result.no_space ? ERROR_SPACE : ERROR_SCRIPT, "%s %s%s%s", argv[0], ending,
			 lines[0] ? ": " : "", lines);
}

static int run_localedef(const struct customize_site *site, const struct recipe_locale *locale,
			 struct error *e)
{
	auto_free char *charset = charset_of(locale);
	auto_buffer struct buffer input = BUFFER_INIT;
	const char *at = strchr(locale->name, '@');
	const char *argv[] = { "localedef", "-i", NULL, "-f", charset, locale->name, NULL };

	/* The name without its character set: sr_RS@latin of sr_RS.UTF-8@latin. */
	buffer_addf(&input, "%.*s%s", (int)strcspn(locale->name, ".@"), locale->name, at ? at : "");
	argv[2] = input.data;
	return run(site, argv, e);
}

/* What of a root makes locales; the first that it has. */
enum maker { MAKER_LOCALE_GEN, MAKER_LOCALEDEF, MAKER_NOT_NEEDED, MAKER_NONE };

static int find_maker(int root_fd, enum maker *maker, struct error *e)
{
	static const struct {
		const char *path;
		enum maker maker;
		const char *needs; /* beside it */
	} makers[] = {
		{ "/usr/sbin/locale-gen", MAKER_LOCALE_GEN, "/usr" },
		{ "/usr/bin/locale-gen", MAKER_LOCALE_GEN, "/usr" },
		{ "/usr/bin/localedef", MAKER_LOCALEDEF, "/usr/share/i18n/charmaps" },
		{ "/etc/alpine-release", MAKER_NOT_NEEDED, "/etc" },
	};

	*maker = MAKER_NONE;
	for (size_t i = 0; i < ARRAY_LEN(makers) && *maker == MAKER_NONE; i++) {
		int r = root_has(root_fd, makers[i].path, e);

		if (r > 0)
			r = root_has(root_fd, makers[i].needs, e);
		if (r < 0)
			return -1;
		if (r > 0)
			*maker = makers[i].maker;
	}
	return 0;
}

/* Distributions that bring their locales ready: 1 when NAME is one of those. */
static int is_ready(int root_fd, const char *name, struct error *e)
{
	auto_buffer struct buffer path = BUFFER_INIT;

	/* /usr/lib/locale/en_US.utf8 */
	buffer_addf(&path, "/usr/lib/locale/");
	for (const char *c = name; *c; c++) {
		if (strncmp(c, "UTF-8", 5) == 0) {
			buffer_adds(&path, "utf8");
			c += 4;
		} else {
			buffer_addc(&path, *c);
		}
	}
	return root_has(root_fd, path.data, e);
}

static int no_maker(const struct recipe_locale *locale, struct error *e)
{
	error_set(e, ERROR_RECIPE,
		  "nothing in the image can build locale '%s' (in Debian the package locales does)",
		  locale->name);
	return error_wrap_at(e, &locale->place);
}

static int build(const struct customize_site *site, enum maker maker, bool *foreign, struct error *e)
{
	static const char *const locale_gen[] = { "locale-gen", NULL };
	const struct recipe_setup *setup = &site->recipe->setup;
	bool any = false;
	int r = 1;

	for (size_t i = 0; i < setup->locale_count && r > 0; i++) {
		const struct recipe_locale *locale = &setup->locales[i];

		if (is_built_in(locale->name) || maker == MAKER_NOT_NEEDED)
			continue;
		r = maker == MAKER_LOCALE_GEN ? 0 : is_ready(site->root_fd, locale->name, e);
		if (r > 0)
			continue;
		if (r == 0 && maker == MAKER_NONE)
			return no_maker(locale, e);
		any = true;
		if (r == 0 && maker == MAKER_LOCALEDEF)
			r = run_localedef(site, locale, e);
		else if (r == 0)
			r = enter_locale(site->root_fd, locale, e) < 0 ? -1 : 1;
		if (r < 0)
			return error_wrap_at(e, &locale->place);
	}
	if (r > 0 && any && maker == MAKER_LOCALE_GEN)
		r = run(site, locale_gen, e);
	if (r < 0)
		return error_wrap_at(e, &setup->locales[0].place);
	*foreign = r == 0;
	return 0;
}

/* Debian's file, the one that others have, or both where one leads to the other. */
static int set_language(const struct customize_site *site, const char *name, struct error *e)
{
	static const char debian[] = "/etc/default/locale";
	static const char common[] = "/etc/locale.conf";
	struct stat st;
	int r = root_lstat(site->root_fd, debian, &st, e);

	if (r == 0) {
		r = root_has(site->root_fd, "/etc/debian_version", e);
		st.st_mode = S_IFREG;
	}
	if (r < 0)
		return -1;
	return set_variable(site->root_fd, r > 0 && S_ISREG(st.st_mode) ? debian : common, "LANG", name,
			    false, e);
}

int apply_locales(const struct customize_site *site, struct error *e)
{
	const struct recipe_setup *setup = &site->recipe->setup;
	const struct recipe_locale *language = NULL;
	bool foreign = false;
	enum maker maker;

	if (setup->locale_count == 0)
		return 0;
	if (find_maker(site->root_fd, &maker, e) < 0 || build(site, maker, &foreign, e) < 0)
		return -1;
	if (foreign)
		log_warn(site->log,
			 "this machine cannot run programs of %s: the locales are entered, and not built; "
			 "'locale-gen' in an instance builds them",
			 site->recipe->architecture_mapped);
	for (size_t i = 0; i < setup->locale_count; i++) {
		if (!setup->locales[i].is_default)
			continue;
		if (language && strcmp(language->name, setup->locales[i].name) != 0) {
			error_set(e, ERROR_RECIPE, "'%s' is the default already, by line %u", language->name,
				  language->place.line);
			return error_wrap_at(e, &setup->locales[i].place);
		}
		language = &setup->locales[i];
	}
	if (language && set_language(site, language->name, e) < 0)
		return error_wrap_at(e, &language->place);
	return 0;
}

int apply_timezone(const struct customize_site *site, struct error *e)
{
	const char *name = site->recipe->setup.timezone;
	const struct place *place = &site->recipe->setup.timezone_place;
	auto_free char *zone = NULL;
	auto_free char *line = NULL;
	int r;

	if (!name || !name[0])
		return 0;
	zone = xasprintf("/usr/share/zoneinfo/%s", name);
	r = root_has(site->root_fd, zone, e);
	if (r == 0)
		error_set(e, ERROR_RECIPE,
			  "there is no '%s' in the image (in Debian the packages tzdata and "
			  "tzdata-legacy bring time zones)",
			  zone);
	if (r <= 0 || root_put_link(site->root_fd, "/etc/localtime", zone, e) < 0)
		return error_wrap_at(e, place);
	log_detail(site->log, "time zone %s", name);
	/* Debian's tzdata goes by this file when it is there. */
	r = root_has(site->root_fd, "/etc/timezone", e);
	if (r == 0)
		return 0;
	line = xasprintf("%s\n", name);
	if (r < 0 || root_write_text(site->root_fd, "/etc/timezone", line, e) < 0)
		return error_wrap_at(e, place);
	return 0;
}

/* What X calls a keyboard. */
struct keyboard {
	char *layout;
	char *variant;
	char *model;
	char *options;
};

static void keyboard_release(struct keyboard *keyboard)
{
	free(keyboard->layout);
	free(keyboard->variant);
	free(keyboard->model);
	free(keyboard->options);
}
#define auto_keyboard AUTO(keyboard_release)

static char *word_or_none(struct text word)
{
	return xstrndup(word.len && !text_is(word, "-") ? word.ptr : "", text_is(word, "-") ? 0 : word.len);
}

/*
 * The line of systemd's table for NAME: console name, layout, model, variant, options. Without one the layout is what
 * stands in front of the first '-', and the variant what follows.
 */
static int find_keyboard(int root_fd, const char *name, struct keyboard *keyboard, struct error *e)
{
	auto_free char *table = NULL;
	const char *dash = strchr(name, '-');
	struct text rest;
	size_t len = 0;

	if (root_read(root_fd, "/usr/share/systemd/kbd-model-map", &table, &len, e) < 0)
		return -1;
	rest = (struct text) { table, len };
	while (rest.len) {
		struct text line = text_cut(rest, '\n', &rest);

		if (!text_is(text_word(&line), name))
			continue;
		keyboard->layout = word_or_none(text_word(&line));
		keyboard->model = word_or_none(text_word(&line));
		keyboard->variant = word_or_none(text_word(&line));
		keyboard->options = word_or_none(text_word(&line));
		return 0;
	}
	keyboard->layout = xstrndup(name, dash ? (size_t)(dash - name) : strlen(name));
	keyboard->variant = xstrdup(dash ? dash + 1 : "");
	keyboard->model = xstrdup("pc105");
	keyboard->options = xstrdup("");
	return 0;
}

static int write_keyboard(int root_fd, const struct keyboard *keyboard, struct error *e)
{
	static const char path[] = "/etc/default/keyboard";
	const char *const variables[][2] = {
		{ "XKBMODEL", keyboard->model },
		{ "XKBLAYOUT", keyboard->layout },
		{ "XKBVARIANT", keyboard->variant },
		{ "XKBOPTIONS", keyboard->options },
		{ "BACKSPACE", "guess" },
	};

	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		if (set_variable(root_fd, path, variables[i][0], variables[i][1], true, e) < 0)
			return -1;
	return 0;
}

static int set_keymap(const struct customize_site *site, const char *name, struct error *e)
{
	auto_keyboard struct keyboard keyboard = { NULL, NULL, NULL, NULL };
	struct stat st = { .st_mode = 0 };
	int debian = root_has(site->root_fd, "/etc/debian_version", e);
	int openrc = root_has(site->root_fd, "/etc/conf.d/keymaps", e);
	int r = root_lstat(site->root_fd, "/etc/vconsole.conf", &st, e);

	if (debian < 0 || openrc < 0 || r < 0 || find_keyboard(site->root_fd, name, &keyboard, e) < 0)
		return -1;
	if (openrc > 0)
		return set_variable(site->root_fd, "/etc/conf.d/keymaps", "keymap", name, true, e);
	if (debian > 0 && write_keyboard(site->root_fd, &keyboard, e) < 0)
		return -1;
	/* In Debian 13 a link to the file above, which systemd reads as well. */
	if (r > 0 && S_ISLNK(st.st_mode))
		return 0;
	return set_variable(site->root_fd, "/etc/vconsole.conf", "KEYMAP", name, false, e);
}

int apply_keymap(const struct customize_site *site, struct error *e)
{
	const char *name = site->recipe->setup.keymap;

	if (!name || !name[0])
		return 0;
	log_detail(site->log, "keymap %s", name);
	return set_keymap(site, name, e) < 0 ? error_wrap_at(e, &site->recipe->setup.keymap_place) : 0;
}
