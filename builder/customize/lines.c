/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text files of the root: there, not there, or changed. */
#include "base/limits.h"
#include "base/pattern.h"
#include "base/root.h"
#include "customize/entry.h"
#include "customize/setup.h"
#include "customize/walk.h"

/* One entry of `lines` at work. */
struct editing {
	int root_fd;
	const struct recipe_line *entry;
	const struct pattern *pattern; /* NULL: none */
};

/* What has become of a file's lines so far. */
struct edited {
	struct buffer text;
	bool found; /* the line, or a match */
};

static void add_line(struct edited *edited, struct text line)
{
	buffer_add(&edited->text, line.ptr, line.len);
	buffer_addc(&edited->text, '\n');
}

/* The first match becomes the line, and others of it, and of the line, go. */
static int edit_present(const struct editing *editing, struct text line, struct edited *edited,
			struct error *e)
{
	const char *wanted = editing->entry->line;
	int r = text_is(line, wanted) ? 1 : 0;

	if (r == 0 && editing->pattern)
		r = pattern_matches(editing->pattern, line, e);
	if (r < 0)
		return -1;
	/* Without a pattern, equal lines are left alone: they may belong to parts of the file. */
	if (r > 0 && !edited->found)
		add_line(edited, text_of(wanted));
	else if (r == 0 || !editing->pattern)
		add_line(edited, line);
	edited->found = edited->found || r > 0;
	return 0;
}

static int edit_absent(const struct editing *editing, struct text line, struct edited *edited,
		       struct error *e)
{
	int r = editing->pattern ? pattern_matches(editing->pattern, line, e)
				 : text_is(line, editing->entry->line);

	if (r == 0)
		add_line(edited, line);
	return r < 0 ? -1 : 0;
}

static int edit_replace(const struct editing *editing, struct text line, struct edited *edited,
			struct error *e)
{
	bool matched = false;

	if (pattern_replace(editing->pattern, line, editing->entry->line, &edited->text, &matched, e) < 0)
		return -1;
	buffer_addc(&edited->text, '\n');
	return edited->text.len <= LIMIT_FILE_TEXT_BYTES
		       ? 0
		       : error_set(e, ERROR_RECIPE, "it would grow beyond %llu MiB",
				   (unsigned long long)(LIMIT_FILE_TEXT_BYTES / MIB));
}

static int edit_lines(const struct editing *editing, struct text rest, struct edited *edited, struct error *e)
{
	while (rest.len) {
		struct text line = text_cut(rest, '\n', &rest);
		int r;

		switch (editing->entry->action) {
		case LINE_PRESENT:
			r = edit_present(editing, line, edited, e);
			break;
		case LINE_ABSENT:
			r = edit_absent(editing, line, edited, e);
			break;
		default:
			r = edit_replace(editing, line, edited, e);
			break;
		}
		if (r < 0)
			return -1;
	}
	if (editing->entry->action == LINE_PRESENT && !edited->found)
		add_line(edited, text_of(editing->entry->line));
	return 0;
}

static int edit_file(const struct editing *editing, const char *path, const struct stat *st, struct error *e)
{
	auto_free char *data = NULL;
	auto_buffer struct buffer text = BUFFER_INIT;
	struct edited edited = { .text = BUFFER_INIT };
	size_t len = 0;
	int r;

	if (st && S_ISLNK(st->st_mode))
		return error_set(e, ERROR_RECIPE, "'%s' is a link in the image; name what it leads to", path);
	if (st && root_read(editing->root_fd, path, &data, &len, e) < 0)
		return -1;
	r = edit_lines(editing, (struct text) { data, len }, &edited, e);
	text = edited.text;
	if (r < 0)
		return error_wrap(e, "'%s'", path);
	/* A line end that the last line did not have is no change worth a new file. */
	if (st && text_equal((struct text) { text.data, text.len - (len && data[len - 1] != '\n') },
			     (struct text) { data, len }))
		return 0;
	return root_write(editing->root_fd, path, text.data ? text.data : "", text.len,
			  st ? st->st_mode & 0777 : 0644, st ? st->st_uid : 0, st ? st->st_gid : 0, e);
}

static int visit(void *context, const char *path, const struct stat *st, struct error *e)
{
	const struct editing *editing = context;

	/* A pattern may stand for folders as well. */
	if (S_ISDIR(st->st_mode) && strpbrk(editing->entry->path, "*?["))
		return 0;
	return edit_file(editing, path, st, e);
}

static int apply_line(const struct customize_site *site, const struct recipe_line *entry, const char *path,
		      struct error *e)
{
	auto_pattern struct pattern *pattern = NULL;
	struct editing editing = { .root_fd = site->root_fd, .entry = entry };
	bool creates = entry->action == LINE_PRESENT && !strpbrk(path, "*?[");
	int r;

	if (entry->pattern && entry->pattern[0] && pattern_compile(entry->pattern, &pattern, e) < 0)
		return -1;
	editing.pattern = pattern;
	r = creates ? root_has(site->root_fd, path, e) : 1;
	if (r < 0)
		return -1;
	if (r > 0)
		return walk_given(site->root_fd, path, entry->action == LINE_ABSENT, visit, &editing, e);
	return make_parents(site->root_fd, path, e) < 0 ? -1 : edit_file(&editing, path, NULL, e);
}

int apply_lines(const struct customize_site *site, struct error *e)
{
	for (size_t i = 0; i < site->recipe->setup.line_count; i++) {
		const struct recipe_line *entry = &site->recipe->setup.lines[i];
		auto_free char *path = NULL;

		if (path_normalise(entry->path, &path, e) < 0 || apply_line(site, entry, path, e) < 0)
			return error_wrap_at(e, &entry->place);
		log_detail(site->log, "lines of %s", path);
	}
	return 0;
}

/* Whether LINE is NAME=…, with an "export" in front or not. */
static bool sets(struct text line, const char *name)
{
	struct text rest = text_trim(line);
	size_t len = strlen(name);

	if (text_starts(rest, "export "))
		rest = text_trim((struct text) { rest.ptr + 7, rest.len - 7 });
	return text_starts(rest, name) && rest.len > len && rest.ptr[len] == '=';
}

int set_variable(int root_fd, const char *path, const char *name, const char *value, bool quoted,
		 struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_free char *data = NULL;
	const char *quote = quoted ? "\"" : "";
	struct stat st = { .st_mode = 0644 };
	struct text rest;
	bool found = false;
	size_t len = 0;
	int r = root_lstat(root_fd, path, &st, e);

	if (r < 0)
		return -1;
	if (r > 0 && !S_ISREG(st.st_mode))
		return error_set(e, ERROR_FORMAT, "'%s' in the root is no regular file", path);
	if (root_read(root_fd, path, &data, &len, e) < 0 || make_parents(root_fd, path, e) < 0)
		return -1;
	rest = (struct text) { data, len };
	while (rest.len) {
		struct text line = text_cut(rest, '\n', &rest);

		if (!sets(line, name))
			buffer_addf(&text, "%.*s\n", TEXT_ARG(line));
		else if (!found)
			buffer_addf(&text, "%s=%s%s%s\n", name, quote, value, quote);
		found = found || sets(line, name);
	}
	if (!found)
		buffer_addf(&text, "%s=%s%s%s\n", name, quote, value, quote);
	return root_write(root_fd, path, text.data, text.len, st.st_mode & 0777, st.st_uid, st.st_gid, e);
}
