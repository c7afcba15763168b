/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/file.h"
#include "recipe/recipe.h"

#include <jansson.h>

/* One recipe as the list shows it; a recipe with a mistake is shown with it, and does not hide the others. */
static void describe(const char *path, char **description)
{
	auto_recipe struct recipe recipe = RECIPE_INIT;
	struct recipe_options options = { .path = path };
	struct error e = ERROR_INIT;

	if (recipe_load(&options, &recipe, &e) == 0 && recipe_select(&recipe, &e) == 0) {
		recipe_set_date(&recipe, epoch_now());
		if (recipe_expand(&recipe, recipe.image.description, &recipe.image.description_place,
				  description, &e) == 0)
			return;
	}
	*description = xasprintf("(%s)", e.text);
}

int cmd_list(const struct settings *settings, struct error *e)
{
	auto_free char *folder = NULL;
	auto_buffer struct buffer out = BUFFER_INIT;
	auto_free char *dumped = NULL;
	json_t *list = json_array();
	char **names = NULL;
	size_t count = 0;

	if (recipe_names(&folder, &names, &count, e) < 0) {
		json_decref(list);
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		auto_free char *path = xasprintf("%s/%s.yaml", folder, names[i]);
		auto_free char *description = NULL;

		describe(path, &description);
		buffer_addf(&out, "%-24s %s\n", names[i], description);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", names[i], "path", path,
						      "description", description));
	}
	names_free(names, count);
	dumped = json_dumps(list, JSON_INDENT(2));
	json_decref(list);
	if (settings->json) {
		buffer_reset(&out);
		buffer_addf(&out, "%s\n", dumped ? dumped : "[]");
	}
	return print_data(out.data, out.len, e);
}
