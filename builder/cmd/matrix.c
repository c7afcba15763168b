/* SPDX-License-Identifier: Apache-2.0 */
/* kiln matrix: the images that a recipe is for, in the forms that CI systems read. */
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "cmd/cells.h"

#include <jansson.h>

/* What the two services take at most. */
enum { GITHUB_JOBS_MAX = 256, GITLAB_JOBS_MAX = 200 };

static int add_dump(json_t *json, size_t flags, struct buffer *out, struct error *e)
{
	auto_free char *text = json ? json_dumps(json, flags) : NULL;

	json_decref(json);
	if (!text)
		return error_set(e, ERROR_RECIPE, "a name in the matrix is not UTF-8");
	buffer_addf(out, "%s\n", text);
	return 0;
}

static json_t *list_of(const struct chosen *chosen)
{
	json_t *list = json_array();

	for (size_t i = 0; i < chosen->count; i++)
		json_array_append_new(list, cell_json(&chosen->cells[i]));
	return list;
}

static int print_table(const struct chosen *chosen, struct buffer *out, struct error *e)
{
	(void)e;
	for (size_t i = 0; i < chosen->count; i++) {
		const struct recipe_cell *cell = &chosen->cells[i];

		buffer_addf(out, "%-32s %-12s %-12s %-12s %s\n", cell->name,
			    cell->release[0] ? cell->release : "-", cell->architecture_mapped, cell->variant,
			    cell->type);
	}
	return 0;
}

static int print_json(const struct chosen *chosen, struct buffer *out, struct error *e)
{
	return add_dump(list_of(chosen), JSON_INDENT(2), out, e);
}

static int check_count(const struct chosen *chosen, size_t most, const char *service, struct error *e)
{
	if (chosen->count <= most)
		return 0;
	return error_set(e, ERROR_USAGE,
			 "%s takes at most %zu jobs of a matrix, and %s has %zu images "
			 "(--cell chooses among them)",
			 service, most, chosen->path, chosen->count);
}

/* One line: it becomes the value of a workflow's output. */
static int print_github(const struct chosen *chosen, struct buffer *out, struct error *e)
{
	if (check_count(chosen, GITHUB_JOBS_MAX, "GitHub", e) < 0)
		return -1;
	return add_dump(json_pack("{s:o}", "include", list_of(chosen)), JSON_COMPACT, out, e);
}

static void add_quoted(struct buffer *out, const char *key, const char *value)
{
	buffer_addf(out, "%s: '", key);
	for (; *value; value++) {
		if (*value == '\'')
			buffer_addc(out, '\'');
		buffer_addc(out, *value);
	}
	buffer_adds(out, "'\n");
}

/* A pipeline of its own, to be triggered as a child of the one that printed it. */
static int print_gitlab(const struct chosen *chosen, struct buffer *out, struct error *e)
{
	if (check_count(chosen, GITLAB_JOBS_MAX, "GitLab", e) < 0)
		return -1;
	buffer_adds(out, "variables:\n  ");
	add_quoted(out, "KILN_RECIPE", chosen->path);
	buffer_adds(out,
		    "\nbuild-image:\n"
		    "  script:\n"
		    "    - kiln build \"$KILN_RECIPE\" --cell \"$KILN_CELL\" --output \"images/$KILN_CELL\"\n"
		    "  artifacts:\n"
		    "    paths:\n"
		    "      - images/\n"
		    "  parallel:\n"
		    "    matrix:\n");
	for (size_t i = 0; i < chosen->count; i++) {
		const struct recipe_cell *cell = &chosen->cells[i];

		buffer_adds(out, "      - ");
		add_quoted(out, "KILN_CELL", cell->name);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*print)(const struct chosen *chosen, struct buffer *out, struct error *e);
} forms[] = {
	{ "json", print_json },
	{ "github", print_github },
	{ "gitlab", print_gitlab },
};

int cmd_matrix(const struct settings *settings, struct error *e)
{
	AUTO(chosen_release) struct chosen chosen = CHOSEN_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	int (*print)(const struct chosen *, struct buffer *, struct error *) =
		settings->json ? print_json : print_table;
	bool known = !settings->format;

	for (size_t i = 0; i < ARRAY_LEN(forms) && !known; i++) {
		known = strcmp(settings->format, forms[i].name) == 0;
		if (known)
			print = forms[i].print;
	}
	if (!known)
		return error_set(e, ERROR_USAGE, "unknown format '%s' (possible: json, github, gitlab)",
				 settings->format);
	if (cells_choose(settings, &chosen, e) < 0 || print(&chosen, &out, e) < 0)
		return -1;
	return print_data(out.data, out.len, e);
}
