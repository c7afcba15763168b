/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/check.h"

#include "base/epoch.h"
#include "base/text.h"
#include "recipe/architecture.h"

#define DEFAULT_EXPIRY "30d"
#define DEFAULT_NAME \
	"{{ image.distribution }}-{{ image.release }}-{{ image.architecture_mapped }}-{{ image.variant }}-" \
	"{{ image.serial }}"
#define DEFAULT_DESCRIPTION \
	"{{ image.distribution|capfirst }} {{ image.release }} {{ image.architecture_mapped }}" \
	"{% if image.variant != \"default\" %} ({{ image.variant }}){% endif %} ({{ image.serial }})"

static bool is_given(const char *text)
{
	return text && text[0];
}

int recipe_check_packages(const void *base, const char *path, struct problems *problems, struct error *e)
{
	const struct recipe_packages *packages = base;

	if (packages->custom_manager && is_given(packages->manager))
		error_at(e, ERROR_RECIPE, &packages->custom_manager_place,
			 "'%s' has both 'manager' and 'custom_manager'", path);
	else if (!packages->custom_manager && !is_given(packages->manager))
		error_at(e, ERROR_RECIPE, &packages->place,
			 "missing key 'manager' in '%s' (or 'custom_manager')", path);
	else
		return 0;
	return problems_take(problems, e);
}

const struct generator_need generator_needs[] = {
	{ GENERATOR_CLOUD_INIT, "name", offsetof(struct recipe_file, name) },
	{ GENERATOR_COPY, "source", offsetof(struct recipe_file, source) },
	{ GENERATOR_DUMP, "path", offsetof(struct recipe_file, path) },
	{ GENERATOR_HOSTNAME, "path", offsetof(struct recipe_file, path) },
	{ GENERATOR_HOSTS, "path", offsetof(struct recipe_file, path) },
	{ GENERATOR_REMOVE, "path", offsetof(struct recipe_file, path) },
	{ GENERATOR_TEMPLATE, "name", offsetof(struct recipe_file, name) },
	{ GENERATOR_TEMPLATE, "path", offsetof(struct recipe_file, path) },
};
const size_t generator_need_count = ARRAY_LEN(generator_needs);

const char *const cloud_init_names[4] = { "user-data", "meta-data", "vendor-data", "network-config" };

static int check_needs(const struct recipe_file *file, const char *path, struct problems *problems,
		       struct error *e)
{
	for (size_t i = 0; i < generator_need_count; i++) {
		const struct generator_need *need = &generator_needs[i];
		const char *text;

		if (need->generator != file->generator)
			continue;
		memcpy(&text, (const char *)file + need->offset, sizeof text);
		if (is_given(text))
			continue;
		error_at(e, ERROR_RECIPE, &file->place,
			 "missing key '%s' in '%s' (the generator '%s' needs it)", need->key, path,
			 generator_name(file->generator));
		if (problems_take(problems, e) < 0)
			return -1;
	}
	return 0;
}

static int check_cloud_init(const struct recipe_file *file, const char *path, struct error *e)
{
	const char *nearest;

	for (size_t i = 0; i < ARRAY_LEN(cloud_init_names); i++)
		if (strcmp(cloud_init_names[i], file->name) == 0)
			return 0;
	nearest = text_nearest(file->name, cloud_init_names, ARRAY_LEN(cloud_init_names));
	return error_at(e, ERROR_RECIPE, &file->place, "unknown word '%.100s' in '%s.name' (%s%s%s)",
			file->name, path, nearest ? "did you mean '" : "one of: ",
			nearest ? nearest : "user-data, meta-data, vendor-data, network-config",
			nearest ? "'?" : "");
}

static int check_name(const struct recipe_file *file, const char *path, struct error *e)
{
	if (!is_given(file->name))
		return 0;
	if (file->generator == GENERATOR_CLOUD_INIT)
		return check_cloud_init(file, path, e);
	/* The name becomes a file in the image's folder of templates, and LXD wants it bare. */
	if (file->generator == GENERATOR_TEMPLATE && strchr(file->name, '/'))
		return error_at(e, ERROR_RECIPE, &file->place,
				"'%s.name' must be a file name without '/', not '%.100s'", path, file->name);
	return 0;
}

/* Ids end below the one that chown() takes for "leave it". */
static int check_owner(const struct recipe_file *file, const char *owner, const char *key, const char *path,
		       struct error *e)
{
	uint64_t id;

	if (owner && text_to_u64(text_of(owner), &id) && id >= UINT32_MAX)
		return error_at(e, ERROR_RECIPE, &file->place, "'%s.%s' is too large: '%s'", path, key,
				owner);
	return 0;
}

int recipe_check_file(const void *base, const char *path, struct problems *problems, struct error *e)
{
	const struct recipe_file *file = base;

	if (check_needs(file, path, problems, e) < 0)
		return -1;
	if (check_name(file, path, e) < 0 && problems_take(problems, e) < 0)
		return -1;
	if (check_owner(file, file->uid, "uid", path, e) < 0 && problems_take(problems, e) < 0)
		return -1;
	if (check_owner(file, file->gid, "gid", path, e) < 0 && problems_take(problems, e) < 0)
		return -1;
	return 0;
}

static int64_t unit_seconds(char unit)
{
	switch (unit) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	default:
		return 604800;
	}
}

/* Numbers with units are added up: "1w2d" is nine days. The schema has checked the form. */
static bool expiry_seconds(const char *text, int64_t *seconds)
{
	int64_t sum = 0;
	int64_t number = 0;

	for (; *text; text++) {
		if (*text >= '0' && *text <= '9') {
			if (__builtin_mul_overflow(number, 10, &number) ||
			    __builtin_add_overflow(number, *text - '0', &number))
				return false;
			continue;
		}
		if (__builtin_mul_overflow(number, unit_seconds(*text), &number) ||
		    __builtin_add_overflow(sum, number, &sum))
			return false;
		number = 0;
	}
	*seconds = sum;
	return sum <= INT64_MAX / 2; /* leaves room for the date it is added to */
}

static void complete_image(struct recipe *recipe)
{
	struct recipe_image *image = &recipe->image;
	const struct place nowhere = { .file = recipe->path };

	if (!image->release)
		image->release = "";
	if (!is_given(image->variant))
		image->variant = "default";
	if (!is_given(image->serial))
		image->serial = NULL;
	if (!is_given(image->expiry))
		image->expiry = DEFAULT_EXPIRY;
	if (!is_given(image->name)) {
		image->name = DEFAULT_NAME;
		image->name_place = nowhere;
	}
	if (!is_given(image->description)) {
		image->description = DEFAULT_DESCRIPTION;
		image->description_place = nowhere;
	}
}

static void complete_source(struct recipe *recipe)
{
	static const char *components[] = { "main" };
	struct recipe_source *source = &recipe->source;

	if (!is_given(source->suite)) {
		source->suite = recipe->image.release;
		source->suite_place = recipe->image.place;
	}
	if (source->components.count == 0) {
		source->components.items = arena_alloc(&recipe->arena, sizeof components);
		source->components.items[0] = components[0];
		source->components.count = 1;
	}
}

/*
 * In the order of the format: a map, else the recipe's own names, else as it is written. A downloader that
 * serves one distribution needs no map.
 */
static const char *map_architecture(const struct recipe *recipe, const struct architecture *architecture,
				    const char *written)
{
	if (is_given(recipe->architecture_map))
		return architecture_map(recipe->architecture_map, architecture);
	for (size_t i = 0; i < recipe->architecture_mapping_count; i++) {
		const struct template_property *mapping = &recipe->architecture_mappings[i];

		if (strcmp(mapping->key, written) == 0 || strcmp(mapping->key, architecture->name) == 0)
			return mapping->value;
	}
	return recipe->source.downloader && strcmp(recipe->source.downloader, "debootstrap") == 0
		       ? architecture_map("debian", architecture)
		       : written;
}

/*
 * A recipe may call an architecture as LXD does, for people who read the image's name and properties; no archive of
 * packages would, where Debian has another name.
 */
static const char *debian_architecture(const char *mapped, const struct architecture *architecture)
{
	return strcmp(mapped, architecture->name) == 0 ? architecture_map("debian", architecture) : mapped;
}

int recipe_name_architecture(struct recipe *recipe, const char *written, const struct place *place,
			     struct error *e)
{
	const struct architecture *architecture;

	if (!is_given(written)) {
		architecture = architecture_of_host();
		if (!architecture)
			return error_at(e, ERROR_RECIPE, &recipe->image.place,
					"the architecture of this host has no known name; set "
					"'image.architecture'");
		written = architecture->name;
	} else {
		architecture = architecture_find(written);
	}
	if (!architecture) {
		const char *nearest = architecture_nearest(written);

		return error_at(e, ERROR_RECIPE, place, "unknown architecture '%.100s'%s%s%s", written,
				nearest ? " (did you mean '" : "", nearest ? nearest : "",
				nearest ? "'?)" : "");
	}
	recipe->image.architecture = written;
	recipe->architecture = architecture->name;
	recipe->architecture_kernel = architecture->kernel;
	recipe->architecture_personality = architecture->personality;
	recipe->architecture_mapped = map_architecture(recipe, architecture, written);
	recipe->architecture_debian = debian_architecture(recipe->architecture_mapped, architecture);
	return 0;
}

/* A place names a file by the pointer that its part has; the command line is no file. */
static const char *folder_at(const struct recipe *recipe, const struct place *place)
{
	for (size_t i = 0; i < recipe->part_count; i++)
		if (recipe->parts[i].path == place->file)
			return recipe->parts[i].folder;
	return recipe->folder;
}

const char *recipe_beside(struct recipe *recipe, const char *name, const struct place *place)
{
	const char *folder = folder_at(recipe, place);

	if (name[0] == '/' || strcmp(folder, ".") == 0)
		return name;
	return arena_printf(&recipe->arena, "%s%s%s", folder, is_suffix(folder, "/") ? "" : "/", name);
}

static void complete_files(struct recipe *recipe)
{
	for (size_t i = 0; i < recipe->file_count; i++) {
		struct recipe_file *file = &recipe->files[i];

		if (is_given(file->source))
			file->source_folder = folder_at(recipe, &file->source_place);
	}
}

/* The schema has seen to the digits; that there is such a day, and that it is not to come, is seen here. */
static int complete_snapshot(struct recipe_source *source, struct error *e)
{
	if (!is_given(source->snapshot))
		return 0;
	if (!epoch_parse_stamp(source->snapshot, &source->snapshot_s))
		return error_at(e, ERROR_RECIPE, &source->snapshot_place,
				"'source.snapshot': there is no such time as '%s'", source->snapshot);
	return 0;
}

/* What a limit says is not as large as its name: 0 of anything is nothing a program could live with. */
static int complete_limit(const char *name, const char *text, const struct place *place, bool is_known,
			  uint64_t *value, struct error *e)
{
	if (!is_given(text))
		return 0;
	if (strcmp(text, "none") == 0) {
		*value = RECIPE_NO_LIMIT;
		return 0;
	}
	if (!is_known || *value >= INT64_MAX)
		return error_at(e, ERROR_RECIPE, place, "'sandbox.limits.%s' is too large: '%.100s'", name,
				text);
	if (*value == 0)
		return error_at(e, ERROR_RECIPE, place,
				"'sandbox.limits.%s' lets nothing run (without a limit: none)", name);
	return 0;
}

/* The schema has seen to the form: behind the letter there is nothing, or "iB", which means the same. */
static bool limit_size(const char *text, uint64_t *size_bytes)
{
	struct text size = text_of(text ? text : "");

	if (is_suffix(text ? text : "", "iB"))
		size.len -= strlen("iB");
	return text_to_size(size, size_bytes);
}

static int complete_limits(struct recipe_limits *limits, struct problems *problems, struct error *e)
{
	int64_t time_s = 0;
	bool is_memory = limit_size(limits->memory, &limits->memory_bytes);
	bool is_disk = limit_size(limits->disk, &limits->disk_bytes);
	bool is_count =
		text_to_u64(text_of(limits->processes ? limits->processes : ""), &limits->process_count);
	bool is_time = is_given(limits->time) && strcmp(limits->time, "none") != 0 &&
		       expiry_seconds(limits->time, &time_s);

	limits->time_s = (uint64_t)time_s;
	if (complete_limit("memory", limits->memory, &limits->memory_place, is_memory, &limits->memory_bytes,
			   e) < 0 &&
	    problems_take(problems, e) < 0)
		return -1;
	if (complete_limit("processes", limits->processes, &limits->processes_place, is_count,
			   &limits->process_count, e) < 0 &&
	    problems_take(problems, e) < 0)
		return -1;
	if (complete_limit("time", limits->time, &limits->time_place, is_time, &limits->time_s, e) < 0 &&
	    problems_take(problems, e) < 0)
		return -1;
	if (complete_limit("disk", limits->disk, &limits->disk_place, is_disk, &limits->disk_bytes, e) < 0 &&
	    problems_take(problems, e) < 0)
		return -1;
	return 0;
}

int recipe_complete(struct recipe *recipe, struct problems *problems, struct error *e)
{
	if (!recipe->type)
		recipe->type = "container";
	complete_image(recipe);
	complete_source(recipe);
	complete_files(recipe);
	if (!expiry_seconds(recipe->image.expiry, &recipe->image.expiry_s)) {
		error_at(e, ERROR_RECIPE, &recipe->image.expiry_place, "'image.expiry' is too long: '%.100s'",
			 recipe->image.expiry);
		if (problems_take(problems, e) < 0)
			return -1;
	}
	if (complete_snapshot(&recipe->source, e) < 0 && problems_take(problems, e) < 0)
		return -1;
	if (complete_limits(&recipe->sandbox.limits, problems, e) < 0)
		return -1;
	if (recipe_name_architecture(recipe, recipe->image.architecture, &recipe->image.architecture_place,
				     e) < 0)
		return problems_take(problems, e);
	return 0;
}
