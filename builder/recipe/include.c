/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/include.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/root.h"
#include "recipe/merge.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* A file while it is being read, and those that led to it. */
struct link {
	const struct link *up;
	struct recipe_part part;
	unsigned depth;
	struct text text;
};

struct includer {
	struct recipe *recipe;
	struct merger merger;
	struct node *tree; /* of all files so far; NULL: none yet */
	uint64_t bytes;    /* of all files so far */
	struct problems *problems;
	bool alone;
	bool incomplete; /* something of what the files name, or of what is in them, is missing */
};

static int read_link(struct includer *includer, const struct link *link, struct error *e);

static bool is_same(const struct recipe_part *a, const struct recipe_part *b)
{
	return a->inode_id && a->inode_id == b->inode_id && a->device_id == b->device_id;
}

static bool was_read(const struct includer *includer, const struct recipe_part *part)
{
	for (size_t i = 0; i < includer->recipe->part_count; i++)
		if (is_same(&includer->recipe->parts[i], part))
			return true;
	return false;
}

/* "a.yaml → b.yaml → a.yaml": LINK is the last that was read, PART what it names. */
static int check_circle(const struct link *link, const struct recipe_part *part, const struct place *place,
			struct error *e)
{
	const struct link *first = link;
	auto_buffer struct buffer circle = BUFFER_INIT;

	while (first && !is_same(&first->part, part))
		first = first->up;
	if (!first)
		return 0;
	for (const struct link *at = link;; at = at->up) {
		auto_buffer struct buffer rest = circle;

		circle = BUFFER_INIT;
		buffer_addf(&circle, "%s → %s", at->part.path, rest.data ? rest.data : part->path);
		if (at == first)
			break;
	}
	return error_at(e, ERROR_RECIPE, place, "files include each other in a circle: %s", circle.data);
}

/* Below FOLDER, whatever symbolic links there are; opening a FIFO must not wait. */
static int open_below(const char *folder, const char *name, int *fd, struct error *e)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	auto_close int folder_fd = -1;
	struct stat st;

	if (dir_open(AT_FDCWD, folder, &folder_fd, e) < 0)
		return -1;
	do
		*fd = (int)syscall(SYS_openat2, folder_fd, name, &how, sizeof how);
	while (*fd < 0 && (errno == EAGAIN || errno == EINTR));
	if (*fd < 0 && errno == EXDEV)
		return error_set(e, ERROR_RECIPE, "a symbolic link leads out of the folder '%s'", folder);
	if (*fd < 0)
		return error_sys(e, "cannot open it");
	if (fstat(*fd, &st) < 0)
		return error_sys(e, "cannot stat");
	return S_ISREG(st.st_mode) ? 0 : error_set(e, ERROR_RECIPE, "it is no regular file");
}

static int check_name(const char *name, const struct place *place, struct error *e)
{
	if (name[0] == '/')
		return error_at(e, ERROR_RECIPE, place,
				"'%.200s': name the file relative to the folder of this one", name);
	if (!path_is_safe(text_of(name)))
		return error_at(e, ERROR_RECIPE, place,
				"'%.200s': the file must be in the folder of this one, or below it", name);
	return 0;
}

const char *recipe_folder_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : arena_strndup(arena, path, (size_t)(slash - path));
}

static int check_counts(const struct includer *includer, const struct link *up, const struct place *place,
			struct error *e)
{
	if (up->depth >= LIMIT_RECIPE_INCLUDES)
		return error_at(e, ERROR_RECIPE, place, "more than %d files include each other in a row",
				LIMIT_RECIPE_INCLUDES);
	/* Those on the way are not in the list yet. */
	if (includer->recipe->part_count + up->depth >= LIMIT_RECIPE_FILES)
		return error_at(e, ERROR_RECIPE, place, "a recipe of more than %d files", LIMIT_RECIPE_FILES);
	return 0;
}

/* The file that NODE, a text in the file of UP, names. */
static int include_file(struct includer *includer, const struct link *up, const struct node *node,
			struct error *e)
{
	struct arena *arena = &includer->recipe->arena;
	const char *folder = up->part.folder;
	const struct place *place = &node->place;
	struct link link = { .up = up, .depth = up->depth + 1 };
	struct error cause = ERROR_INIT;
	auto_close int fd = -1;
	auto_free char *text = NULL;
	struct stat st;

	if (check_name(node->text, place, e) < 0 || check_counts(includer, up, place, e) < 0)
		return -1;
	if (open_below(folder, node->text, &fd, &cause) < 0 || fstat(fd, &st) < 0)
		return error_at(e, ERROR_RECIPE, place, "the file '%.200s' cannot be read: %s", node->text,
				cause.text);
	link.part = (struct recipe_part) {
		.path = strcmp(folder, ".") == 0
				? arena_strdup(arena, node->text)
				: arena_printf(arena, "%s%s%s", folder, is_suffix(folder, "/") ? "" : "/",
					       node->text),
		.device_id = st.st_dev,
		.inode_id = st.st_ino,
	};
	link.part.folder = recipe_folder_of(arena, link.part.path);
	if (check_circle(up, &link.part, place, e) < 0)
		return -1;
	if (was_read(includer, &link.part))
		return 0;
	if (file_read_fd(fd, LIMIT_RECIPE_BYTES - includer->bytes, &text, &link.text.len, &cause) < 0)
		return cause.kind == ERROR_FORMAT
			       ? error_at(e, ERROR_RECIPE, place,
					  "the file '%.200s' is too large: all of a recipe "
					  "together may have %llu bytes",
					  node->text, LIMIT_RECIPE_BYTES)
			       : error_at(e, ERROR_RECIPE, place, "the file '%.200s' cannot be read: %s",
					  node->text, cause.text);
	link.text.ptr = text;
	return read_link(includer, &link, e);
}

/* The next name may be wrong as well. */
static int try_file(struct includer *includer, const struct link *link, const struct node *node,
		    struct error *e)
{
	if (include_file(includer, link, node, e) == 0)
		return 0;
	includer->incomplete = true;
	return problems_take(includer->problems, e);
}

static int include_value(struct includer *includer, const struct link *link, const struct node_pair *pair,
			 struct error *e)
{
	const struct node *value = pair->value;
	bool list = value->kind == NODE_LIST && strcmp(pair->key, "include") == 0;

	if (value->null)
		return 0;
	if (value->order != ORDER_MERGE || (value->kind != NODE_SCALAR && !list))
		return error_at(e, ERROR_RECIPE, &value->place, "'%s' must be %s", pair->key,
				strcmp(pair->key, "include") == 0 ? "the name of a file, or a list of them"
								  : "the name of a file");
	if (includer->alone)
		return error_at(e, ERROR_RECIPE, &pair->place, "'%s' is for recipes that are files",
				pair->key);
	if (!list)
		return try_file(includer, link, value, e);
	for (size_t i = 0; i < value->count; i++) {
		const struct node *item = value->items[i];

		if (item->kind != NODE_SCALAR || item->null || item->order != ORDER_MERGE)
			return error_at(e, ERROR_RECIPE, &item->place,
					"an entry of 'include' must be the name of a file");
		if (try_file(includer, link, item, e) < 0)
			return -1;
	}
	return 0;
}

/* Read what ROOT names, and take the keys that name it out. */
static int include_all(struct includer *includer, const struct link *link, struct node *root, struct error *e)
{
	static const char *const keys[] = { "extends", "include" };
	size_t kept = 0;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct node_pair *pair = node_find(root, keys[i]);

		if (!pair || include_value(includer, link, pair, e) == 0)
			continue;
		includer->incomplete = true;
		if (problems_take(includer->problems, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < root->count; i++)
		if (strcmp(root->pairs[i].key, keys[0]) != 0 && strcmp(root->pairs[i].key, keys[1]) != 0)
			root->pairs[kept++] = root->pairs[i];
	root->count = kept;
	return 0;
}

static int read_link(struct includer *includer, const struct link *link, struct error *e)
{
	struct recipe *recipe = includer->recipe;
	struct place place = { .file = link->part.path };
	struct node *root = NULL;
	const struct recipe_read was = { .path = link->part.path,
					 .sha256 = sha256_of(link->text.ptr, link->text.len),
					 .size_bytes = link->text.len };

	includer->bytes += link->text.len;
	ARENA_PUSH(&recipe->arena, recipe->reads, recipe->read_count, was);
	if (yaml_read_all(&recipe->arena, link->part.path, link->text, includer->problems, &root, e) < 0)
		return -1;
	if (!root) {
		includer->incomplete = true;
		return 0;
	}
	if (root->kind != NODE_MAP)
		return error_at(e, ERROR_RECIPE, &root->place, "a recipe must be a mapping, not %s",
				node_kind_name(root));
	if (include_all(includer, link, root, e) < 0 ||
	    merge_over(&includer->merger, includer->tree, root, &includer->tree, e) < 0)
		return -1;
	if (includer->tree->size > LIMIT_RECIPE_NODES)
		return error_at(e, ERROR_RECIPE, &place, "more than %d values in all files together",
				LIMIT_RECIPE_NODES);
	ARENA_PUSH(&recipe->arena, recipe->parts, recipe->part_count, link->part);
	return 0;
}

int include_read(struct recipe *recipe, const struct include_start *start, struct problems *problems,
		 struct node **tree, struct error *e)
{
	struct includer includer = {
		.recipe = recipe,
		.merger = { .arena = &recipe->arena, .problems = problems },
		.problems = problems,
		.alone = start->alone,
	};
	const struct link link = {
		.part = { .path = recipe->path,
			  .folder = recipe->folder,
			  .device_id = start->device_id,
			  .inode_id = start->inode_id },
		.depth = 1,
		.text = start->text,
	};

	*tree = NULL;
	if (read_link(&includer, &link, e) < 0)
		return problems_take(problems, e);
	if (!includer.incomplete)
		*tree = includer.tree;
	return 0;
}
