/* SPDX-License-Identifier: Apache-2.0 */
#include "lock/lock.h"

#include "base/file.h"
#include "base/version.h"
#include "customize/customize.h"
#include "fetch/url.h"
#include "pongo/letters.h"
#include "recipe/recipe.h"
#include "stream/stream.h"

#include <fcntl.h>
#include <sys/stat.h>

struct collector {
	struct inputs *inputs;
	const struct recipe *recipe;
};

/*
 * TEXT as YAML and JSON can hold it, on one line: names of files may be any bytes. Those that are no UTF-8 or control
 * something become "\xff", and a backslash "\x5c".
 */
static const char *keep_shown(struct arena *arena, const char *text)
{
	auto_buffer struct buffer shown = BUFFER_INIT;
	struct text rest = text_of(text);

	while (rest.len) {
		size_t len;
		uint32_t letter = letter_decode(rest, &len);

		if (letter < ' ' || letter == 0x7F || letter == '\\' || (letter == LETTER_BAD && len == 1))
			buffer_addf(&shown, "\\x%02x", (unsigned char)rest.ptr[0]);
		else
			buffer_add(&shown, rest.ptr, len);
		rest.ptr += len;
		rest.len -= len;
	}
	return arena_strdup(arena, shown.data ? shown.data : "");
}

/* Whether the ".." behind PATH, as seen from FOLDER, undoes its last part: not when that is a link. */
static bool is_folder(const char *folder, const char *path)
{
	const char *slash = strrchr(path, '/');
	auto_free char *full = path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", folder, path);
	struct stat st;

	return strcmp(slash ? slash + 1 : path, "..") != 0 && lstat(full, &st) == 0 && S_ISDIR(st.st_mode);
}

/* PATH, from FOLDER, without "." parts, doubled slashes and folders that are left again. */
static const char *clean_path(struct arena *arena, const char *folder, const char *path)
{
	auto_buffer struct buffer clean = BUFFER_INIT;
	struct text rest = text_of(path);

	if (path[0] == '/')
		buffer_addc(&clean, '/');
	while (rest.ptr) {
		struct text part = text_cut(rest, '/', &rest);

		if (part.len == 0 || text_is(part, "."))
			continue;
		if (text_is(part, "..") && clean.len && strcmp(clean.data, "/") != 0 &&
		    is_folder(folder, clean.data)) {
			const char *slash = strrchr(clean.data, '/');

			buffer_cut(&clean, slash ? (size_t)(slash - clean.data) + (slash == clean.data) : 0);
			continue;
		}
		if (clean.len && clean.data[clean.len - 1] != '/')
			buffer_addc(&clean, '/');
		buffer_add(&clean, part.ptr, part.len);
	}
	return keep_shown(arena, clean.len ? clean.data : path);
}

/* PATH as seen from the folder of the recipe. */
static const char *from_recipe(const struct collector *collector, const char *path)
{
	const char *folder = collector->recipe->folder;
	size_t len = folder ? strlen(folder) : 0;

	if (len && strcmp(folder, ".") != 0 && strcmp(folder, "/") != 0 && is_prefix(path, folder) &&
	    path[len] == '/')
		path += len + strspn(path + len, "/");
	return clean_path(&collector->inputs->arena, folder ? folder : ".", path);
}

static void add_file(const struct collector *collector, const char *path, const struct digest *sha256,
		     uint64_t size_bytes)
{
	struct inputs *inputs = collector->inputs;
	struct input_file file = { .path = from_recipe(collector, path),
				   .size_bytes = size_bytes,
				   .sha256 = *sha256 };

	ARENA_PUSH(&inputs->arena, inputs->files, inputs->file_count, file);
}

static int add_source(void *context, int dir_fd, const char *name, const char *path, struct error *e)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct digest sha256;
	uint64_t size_bytes;

	if (fd < 0)
		return error_sys(e, "cannot open '%s'", name);
	if (sha256_of_fd(fd, &sha256, &size_bytes, e) < 0)
		return error_wrap(e, "'%s'", name);
	add_file(context, path, &sha256, size_bytes);
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct input_file *)a)->path, ((const struct input_file *)b)->path);
}

/* A file may be named more than once: one key for two repositories. */
static void sort_files(struct inputs *inputs)
{
	size_t kept = 0;

	if (inputs->file_count)
		qsort(inputs->files, inputs->file_count, sizeof *inputs->files, by_path);
	for (size_t i = 0; i < inputs->file_count; i++)
		if (i == 0 || strcmp(inputs->files[i].path, inputs->files[i - 1].path) != 0)
			inputs->files[kept++] = inputs->files[i];
	inputs->file_count = kept;
}

static int collect_files(const struct collector *collector, struct error *e)
{
	const struct recipe *recipe = collector->recipe;
	struct collector copy = *collector;

	for (size_t i = 0; i < recipe->read_count; i++)
		add_file(collector, recipe->reads[i].path, &recipe->reads[i].sha256,
			 recipe->reads[i].size_bytes);
	if (customize_sources(recipe, add_source, &copy, e) < 0)
		return -1;
	sort_files(collector->inputs);
	return 0;
}

/* "source.url=http://user:word@host/" without what nobody else should read. */
static const char *override_shown(struct arena *arena, const char *word)
{
	auto_free char *shown = url_hide_credentials(word);

	return keep_shown(arena, shown);
}

static void collect_kiln(struct inputs *inputs)
{
	struct arena *arena = &inputs->arena;
	struct input_library library;
	const void *id;
	size_t len = program_build_id(&id);
	auto_buffer struct buffer hex = BUFFER_INIT;

	for (size_t i = 0; i < len; i++)
		buffer_addf(&hex, "%02x", ((const unsigned char *)id)[i]);
	inputs->kiln = KILN_VERSION;
	inputs->build_id = hex.len ? arena_strdup(arena, hex.data) : "";
	for (size_t i = 0; (library.name = stream_library(i, &library.version)); i++)
		ARENA_PUSH(arena, inputs->libraries, inputs->library_count, library);
}

static const char *keep(struct arena *arena, const char *text)
{
	return text ? arena_strdup(arena, text) : "";
}

int inputs_collect(const struct input_options *options, struct inputs *out, struct error *e)
{
	const struct recipe *recipe = options->recipe;
	auto_inputs struct inputs inputs = { .epoch_s = options->epoch_s };
	struct collector collector = { .inputs = &inputs, .recipe = recipe };
	struct arena *arena = &inputs.arena;
	const char *slash = strrchr(recipe->path, '/');

	inputs.recipe = arena_strdup(arena, slash ? slash + 1 : recipe->path);
	inputs.cell = options->cell ? arena_strdup(arena, options->cell->name) : NULL;
	for (size_t i = 0; i < options->override_count; i++)
		ARENA_PUSH(arena, inputs.overrides, inputs.override_count,
			   override_shown(arena, options->overrides[i]));
	inputs.distribution = keep(arena, recipe->image.distribution);
	inputs.release = keep(arena, recipe->image.release);
	inputs.variant = keep(arena, recipe->image.variant);
	inputs.type = keep(arena, recipe->type);
	inputs.architecture = keep(arena, recipe->architecture_debian);
	collect_kiln(&inputs);
	if (collect_files(&collector, e) < 0)
		return -1;
	*out = TAKE(inputs, INPUTS_INIT);
	return 0;
}

void inputs_release(struct inputs *inputs)
{
	arena_release(&inputs->arena);
	*inputs = INPUTS_INIT;
}
