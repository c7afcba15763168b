/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/pack.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"

#include <fcntl.h>
#include <sys/stat.h>

/* A line of SHA256SUMS, as sha256sum(1) writes and checks it. */
struct sum {
	struct digest digest;
	struct text name;
};

static int compare_sums(const void *a, const void *b)
{
	return text_compare(((const struct sum *)a)->name, ((const struct sum *)b)->name);
}

static bool is_ours(const struct artefact_file *const *files, size_t count, struct text name)
{
	for (size_t i = 0; i < count; i++)
		if (text_is(name, files[i]->name))
			return true;
	return false;
}

static bool is_there(int dir_fd, struct text name)
{
	auto_free char *path = xstrndup(name.ptr, name.len);
	struct stat st;

	return fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* "HEX  NAME", or " *NAME" for what sha256sum read as binary; false for anything else. */
static bool parse_line(struct text line, struct sum *sum)
{
	if (line.len < DIGEST_HEX_LEN + 3 || line.ptr[DIGEST_HEX_LEN] != ' ' ||
	    (line.ptr[DIGEST_HEX_LEN + 1] != ' ' && line.ptr[DIGEST_HEX_LEN + 1] != '*'))
		return false;
	sum->name = (struct text) { line.ptr + DIGEST_HEX_LEN + 2, line.len - DIGEST_HEX_LEN - 2 };
	return digest_parse((struct text) { line.ptr, DIGEST_HEX_LEN }, &sum->digest);
}

static int read_old(int output_fd, char **data, size_t *len, struct error *e)
{
	struct error local = ERROR_INIT;

	if (file_read(output_fd, "SHA256SUMS", LIMIT_RECORD_BYTES, data, len, &local) == 0)
		return 0;
	if (local.sys == ENOENT)
		return 0;
	*e = local;
	return -1;
}

/* Formats may share a file. */
static bool is_listed(const struct sum *sums, size_t count, struct text name)
{
	for (size_t i = 0; i < count; i++)
		if (text_equal(sums[i].name, name))
			return true;
	return false;
}

void artefacts_add_files(const struct artefacts *artefacts, const struct artefact_file ***files,
			 size_t *count)
{
	for (size_t i = 0; i < artefacts->count; i++)
		for (size_t k = 0; k < artefacts->items[i].file_count; k++)
			PUSH(*files, *count, &artefacts->items[i].files[k]);
}

int pack_make_sums(int output_fd, const struct artefact_file *const *files, size_t file_count,
		   struct buffer *text, bool *same, struct error *e)
{
	auto_free char *old = NULL;
	auto_free struct sum *sums = NULL;
	size_t old_len = 0;
	size_t count = 0;
	struct sum sum;

	if (read_old(output_fd, &old, &old_len, e) < 0)
		return -1;
	for (struct text rest = { old, old_len }; rest.len;) {
		struct text line = text_cut(rest, '\n', &rest);

		if (parse_line(line, &sum) && !is_ours(files, file_count, sum.name) &&
		    is_there(output_fd, sum.name))
			PUSH(sums, count, sum);
	}
	for (size_t i = 0; i < file_count; i++) {
		sum = (struct sum) { files[i]->sha256, text_of(files[i]->name) };
		if (!files[i]->is_folder && !is_listed(sums, count, sum.name))
			PUSH(sums, count, sum);
	}
	if (count)
		qsort(sums, count, sizeof *sums, compare_sums);
	for (size_t i = 0; i < count; i++)
		buffer_addf(text, "%s  %.*s\n", digest_hex(&sums[i].digest).text, TEXT_ARG(sums[i].name));
	if (same)
		*same = old &&
			text_equal((struct text) { old, old_len }, (struct text) { text->data, text->len });
	return 0;
}

int pack_write_sums(int output_fd, const struct artefact_file *const *files, size_t file_count, bool *same,
		    struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;

	if (pack_make_sums(output_fd, files, file_count, &text, same, e) < 0)
		return -1;
	return file_replace(output_fd, "SHA256SUMS", text.data, text.len, 0644, e);
}
