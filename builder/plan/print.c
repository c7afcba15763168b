/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include "base/alloc.h"
#include "fetch/url.h"
#include "index/index.h"

#include <inttypes.h>
#include <jansson.h>

static const char *const step_names[] = {
	[STEP_BASE] = "base",
	[STEP_INSTALL] = "install",
	[STEP_REMOVE] = "remove",
};

static const char *const why_names[] = {
	[WHY_ESSENTIAL] = "essential",   [WHY_PRIORITY] = "priority",       [WHY_VARIANT] = "variant",
	[WHY_RECIPE] = "recipe",         [WHY_PRE_DEPENDS] = "pre-depends", [WHY_DEPENDS] = "depends",
	[WHY_RECOMMENDS] = "recommends",
};

static const char *const phase_names[] = { [PHASE_BASE] = "base", [PHASE_SETS] = "sets" };

const char *plan_why_name(enum plan_why why)
{
	return why_names[why];
}

const char *plan_step_name(enum plan_step_kind kind)
{
	return step_names[kind];
}

const char *plan_phase_name(enum plan_phase phase)
{
	return phase_names[phase];
}

static bool find_word(const char *const *words, size_t count, const char *word, size_t *index)
{
	for (*index = 0; *index < count; (*index)++)
		if (strcmp(words[*index], word) == 0)
			return true;
	return false;
}

bool plan_why_parse(const char *word, enum plan_why *why)
{
	size_t index;

	if (!find_word(why_names, ARRAY_LEN(why_names), word, &index))
		return false;
	*why = (enum plan_why)index;
	return true;
}

bool plan_step_parse(const char *word, enum plan_step_kind *kind)
{
	size_t index;

	if (!find_word(step_names, ARRAY_LEN(step_names), word, &index))
		return false;
	*kind = (enum plan_step_kind)index;
	return true;
}

bool plan_phase_parse(const char *word, enum plan_phase *phase)
{
	size_t index;

	if (!find_word(phase_names, ARRAY_LEN(phase_names), word, &index))
		return false;
	*phase = (enum plan_phase)index;
	return true;
}

enum { COLUMN_SIZE = 3, COLUMN_COUNT = 7, COLUMN_WIDTH_MAX = 64 };

/* A table row by row, so that columns can be as wide as their widest cell. */
struct table {
	char **cells; /* owned, each and all */
	size_t count;
	size_t width[COLUMN_COUNT];
};

static void table_release(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
}

static void add_cell(struct table *table, char *text)
{
	size_t column = table->count % COLUMN_COUNT;
	size_t len = strlen(text);

	if (len > COLUMN_WIDTH_MAX)
		len = COLUMN_WIDTH_MAX;
	if (len > table->width[column])
		table->width[column] = len;
	PUSH(table->cells, table->count, text);
}

static void add_row(struct table *table, const struct plan_package *package)
{
	struct buffer why = BUFFER_INIT;
	auto_free char *uri = url_without_credentials(package->archive->uri);

	add_cell(table, xstrdup(package->name));
	add_cell(table, xstrdup(package->version));
	add_cell(table, xstrdup(package->architecture));
	add_cell(table, xasprintf("%" PRIu64, package->size_bytes));
	add_cell(table, xstrdup(digest_hex(&package->sha256).text));
	add_cell(table, xasprintf("%s %s/%s", uri, package->archive->suite, package->component));
	plan_why_text(package, &why);
	add_cell(table, buffer_take(&why));
}

static void print_table(const struct table *table, struct buffer *out)
{
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % COLUMN_COUNT;
		int width = (int)table->width[column];

		if (column + 1 == COLUMN_COUNT)
			buffer_addf(out, "%s\n", table->cells[i]);
		else
			buffer_addf(out, "%*s  ", column == COLUMN_SIZE ? width : -width, table->cells[i]);
	}
}

void plan_print(const struct plan *plan, struct buffer *out)
{
	uint64_t download = 0;
	uint64_t installed = 0;
	auto_free size_t *result = NULL;
	size_t count;

	for (size_t i = 0; i < plan->step_count; i++) {
		struct table AUTO(table_release) table = { NULL, 0, { 0 } };
		const struct plan_step *step = &plan->steps[i];

		buffer_addf(out, "%sstep %zu: %s, %zu package%s\n", i ? "\n" : "", i + 1,
			    step_names[step->kind], step->count, step->count == 1 ? "" : "s");
		for (size_t k = 0; k < step->count; k++)
			add_row(&table, &plan->packages[step->packages[k]]);
		print_table(&table, out);
	}
	for (size_t i = 0; i < plan->package_count; i++)
		download += plan->packages[i].size_bytes;
	result = plan_result(plan, &count);
	for (size_t i = 0; i < count; i++)
		installed += plan->packages[result[i]].installed_bytes;
	buffer_addf(out, "\n%zu packages, %s to download, %s installed\n", count, human_size(download).text,
		    human_size(installed).text);
}

static json_t *positions_json(const struct plan *plan, const size_t *positions, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(plan->packages[positions[i]].name));
	return array;
}

static json_t *package_json(const struct plan *plan, const struct plan_package *package)
{
	const struct index_archive *archive = package->archive;
	json_t *object = json_object();
	json_t *repository = json_object();
	auto_free char *uri = url_without_credentials(archive->uri);

	json_object_set_new(repository, "uri", json_string(uri));
	json_object_set_new(repository, "suite", json_string(archive->suite));
	json_object_set_new(repository, "component", json_string(package->component));
	json_object_set_new(object, "name", json_string(package->name));
	json_object_set_new(object, "version", json_string(package->version));
	json_object_set_new(object, "architecture", json_string(package->architecture));
	json_object_set_new(object, "size", json_integer((json_int_t)package->size_bytes));
	json_object_set_new(object, "installed_size", json_integer((json_int_t)package->installed_bytes));
	json_object_set_new(object, "sha256", json_string(digest_hex(&package->sha256).text));
	json_object_set_new(object, "filename", json_string(package->filename));
	json_object_set_new(object, "repository", repository);
	json_object_set_new(object, "why", json_string(plan_why_name(package->why)));
	json_object_set_new(object, "why_package",
			    package->why_package ? json_string(package->why_package) : json_null());
	json_object_set_new(object, "essential", json_boolean(package->essential));
	json_object_set_new(object, "automatic", json_boolean(package->automatic));
	json_object_set_new(object, "depends", positions_json(plan, package->depends, package->depend_count));
	json_object_set_new(object, "pre_depends",
			    positions_json(plan, package->pre_depends, package->pre_depend_count));
	return object;
}

static json_t *step_json(const struct plan *plan, const struct plan_step *step)
{
	json_t *object = json_object();

	json_object_set_new(object, "kind", json_string(step_names[step->kind]));
	json_object_set_new(object, "phase", json_string(phase_names[step->phase]));
	json_object_set_new(object, "packages", positions_json(plan, step->packages, step->count));
	return object;
}

static int add_to_buffer(const char *data, size_t len, void *buffer)
{
	buffer_add(buffer, data, len);
	return 0;
}

void plan_print_json(const struct plan *plan, struct buffer *out)
{
	json_t *root = json_object();
	json_t *packages = json_array();
	json_t *steps = json_array();

	for (size_t i = 0; i < plan->package_count; i++)
		json_array_append_new(packages, package_json(plan, &plan->packages[i]));
	for (size_t i = 0; i < plan->step_count; i++)
		json_array_append_new(steps, step_json(plan, &plan->steps[i]));
	json_object_set_new(root, "merged_usr", json_boolean(plan->merged_usr));
	json_object_set_new(root, "packages", packages);
	json_object_set_new(root, "steps", steps);
	json_dump_callback(root, add_to_buffer, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	json_decref(root);
	buffer_addc(out, '\n');
}
