/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

#include "base/file.h"
#include "fetch/inventory.h"

#include <jansson.h>

static const struct command commands[] = {
	{ "build", "RECIPE", 1, 1, "build the image that a recipe describes", cmd_build },
	{ "cache", "[trim [KIND]...]", 0, 1 + CACHE_KINDS, "show what the cache holds, or trim it",
	  cmd_cache },
	{ "check", "[RECIPE]...", 0, SIZE_MAX, "say all that is wrong with recipes", cmd_check },
	{ "convert", "IMAGE [ROOTFS]", 1, 2, "write an image in another format or compression", cmd_convert },
	{ "diff", "A B", 2, 2, "show what is different between two images or folders", cmd_diff },
	{ "doctor", "", 0, 0, "say what this host lacks, and what mends it", cmd_doctor },
	{ "inspect", "IMAGE [ROOTFS]", 1, 2, "show what an image is, and where its space goes", cmd_inspect },
	{ "lint", "[IMAGE [ROOTFS]]", 0, 2, "say what an image should not be published with", cmd_lint },
	{ "list", "", 0, 0, "show the recipes with their descriptions", cmd_list },
	{ "lock", "RECIPE", 1, 1, "write down what goes in, for build --locked", cmd_lock },
	{ "matrix", "RECIPE", 1, 1, "show the images that a recipe is for", cmd_matrix },
	{ "pack", "DIR", 1, 1, "make an image of a root that exists", cmd_pack },
	{ "plan", "RECIPE", 1, 1, "show the packages that a build would install", cmd_plan },
	{ "rebuild", "IMAGE.json [RECIPE]", 1, 2, "build an image again, and compare", cmd_rebuild },
	{ "show", "RECIPE", 1, 1, "show a recipe merged from its files", cmd_show },
	{ "template", "FILE", 1, 1, "show what an instance would get of a template", cmd_template },
	{ "unpack", "IMAGE [ROOTFS] DIR", 2, 3, "write an image to a folder", cmd_unpack },
	{ "verify", "IMAGE [ROOTFS]", 1, 2, "say all that is wrong with an image", cmd_verify },
};

const struct command *command_all(size_t *count)
{
	*count = ARRAY_LEN(commands);
	return commands;
}

const struct command *command_find(const char *name, struct error *e)
{
	const char *names[ARRAY_LEN(commands)];
	const char *near;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
		names[i] = commands[i].name;
	}
	near = text_nearest(name, names, ARRAY_LEN(names));
	if (near)
		error_set(e, ERROR_USAGE, "unknown command '%s' (did you mean '%s'?)", name, near);
	else
		error_set(e, ERROR_USAGE, "unknown command '%s' (see kiln --help)", name);
	return NULL;
}

int print_data(const char *data, size_t len, struct error *e)
{
	if (len && file_write_fd(STDOUT_FILENO, data, len, e) < 0)
		return error_wrap(e, "standard output");
	return 0;
}

int print_data_json(json_t *value, struct error *e)
{
	auto_free char *text = json_dumps(value, JSON_INDENT(2));
	auto_buffer struct buffer out = BUFFER_INIT;

	json_decref(value);
	buffer_addf(&out, "%s\n", text ? text : "{}");
	return print_data(out.data, out.len, e);
}
