/* SPDX-License-Identifier: Apache-2.0 */
#include "customize/database.h"

#include "base/root.h"

int database_read(int root_fd, const char *path, struct database *database, struct error *e)
{
	auto_database struct database read = { .path = path };
	auto_free char *data = NULL;
	struct text rest;
	size_t len = 0;
	int r = root_lstat(root_fd, path, &read.st, e);

	if (r < 0)
		return -1;
	/* Writing it would put a file where the link was, and leave what it leads to as it is. */
	if (r > 0 && !S_ISREG(read.st.st_mode))
		return error_set(e, ERROR_FORMAT, "'%s' in the root is no regular file", path);
	if (r > 0 && root_read(root_fd, path, &data, &len, e) < 0)
		return -1;
	read.exists = r > 0;
	rest = (struct text) { data ? arena_strndup(&read.arena, data, len) : NULL, len };
	while (rest.len) {
		struct text line = text_cut(rest, '\n', &rest);

		ARENA_PUSH(&read.arena, read.lines, read.count, line);
	}
	*database = TAKE(read, DATABASE_INIT);
	return 0;
}

int database_write(int root_fd, struct database *database, struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;

	if (!database->changed)
		return 0;
	for (size_t i = 0; i < database->count; i++) {
		buffer_add(&text, database->lines[i].ptr, database->lines[i].len);
		buffer_addc(&text, '\n');
	}
	database->changed = false;
	return root_write(root_fd, database->path, text.data, text.len, database->st.st_mode & 07777,
			  database->st.st_uid, database->st.st_gid, e);
}

void database_release(struct database *database)
{
	arena_release(&database->arena);
	*database = DATABASE_INIT;
}

long database_find(const struct database *database, const char *name)
{
	for (size_t i = 0; i < database->count; i++)
		if (text_is(database_field(database, (long)i, 0), name))
			return (long)i;
	return DATABASE_NONE;
}

long database_find_id(const struct database *database, unsigned field, uint64_t id)
{
	for (size_t i = 0; i < database->count; i++) {
		uint64_t number;

		if (text_to_u64(database_field(database, (long)i, field), &number) && number == id)
			return (long)i;
	}
	return DATABASE_NONE;
}

struct text database_field(const struct database *database, long line, unsigned field)
{
	struct text rest = database->lines[line];
	struct text value = text_cut(rest, ':', &rest);

	for (; field > 0; field--)
		value = rest.ptr ? text_cut(rest, ':', &rest) : (struct text) { NULL, 0 };
	return value;
}

void database_set_field(struct database *database, long line, unsigned field, const char *value)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	struct text rest = database->lines[line];

	if (text_is(database_field(database, line, field), value) &&
	    database_field(database, line, field).ptr)
		return;
	for (unsigned i = 0; i <= field || rest.ptr; i++) {
		struct text old = rest.ptr ? text_cut(rest, ':', &rest) : (struct text) { "", 0 };

		if (i > 0)
			buffer_addc(&text, ':');
		if (i == field)
			buffer_adds(&text, value);
		else
			buffer_add(&text, old.ptr, old.len);
	}
	database->lines[line] =
		(struct text) { arena_strndup(&database->arena, text.data, text.len), text.len };
	database->changed = true;
}

void database_add(struct database *database, const char *line)
{
	size_t at = 0;

	while (at < database->count && !text_starts(database->lines[at], "+"))
		at++;
	ARENA_PUSH(&database->arena, database->lines, database->count, ((struct text) { NULL, 0 }));
	memmove(&database->lines[at + 1], &database->lines[at],
		(database->count - 1 - at) * sizeof *database->lines);
	database->lines[at] = text_of(arena_strdup(&database->arena, line));
	database->changed = true;
}

void database_add_name(struct database *database, long line, unsigned field, const char *name)
{
	struct text names = database_field(database, line, field);
	struct text rest = names;
	auto_free char *longer = NULL;

	while (rest.ptr)
		if (text_is(text_cut(rest, ',', &rest), name))
			return;
	longer = xasprintf("%.*s%s%s", TEXT_ARG(names), names.len ? "," : "", name);
	database_set_field(database, line, field, longer);
}
