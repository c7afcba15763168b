/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words about a file: its name, then a line for each of its blocks.
 *
 *	file NAME
 *	OFFSET LENGTH NOTE KEY SHA256
 */
#include "stream/memo.h"

#include "base/alloc.h"
#include "base/limits.h"

#include <fcntl.h>

#define FILE_WORD "file "

/* Enough for images of 100 GiB in blocks of 8 MiB, or of 1 GiB in the smallest there are. */
enum { LEARNED_MAX = 16384 };

/* No codec makes larger ones. */
#define BLOCK_MAX_BYTES (64 * MIB)

struct learned {
	struct memo_block block;
	int fd; /* borrowed from memo.fds */
};

struct memo_file {
	char *name; /* owned */
	struct memo_block *blocks;
	size_t count;
};

struct memo {
	struct learned *learned; /* sorted by key */
	size_t learned_count;
	int *fds; /* owned */
	size_t fd_count;
	struct memo_file **files; /* owned, each and all */
	size_t file_count;
};

struct memo *memo_new(void)
{
	return xcalloc(1, sizeof(struct memo));
}

void memo_free(struct memo *memo)
{
	if (!memo)
		return;
	for (size_t i = 0; i < memo->fd_count; i++)
		close(memo->fds[i]);
	for (size_t i = 0; i < memo->file_count; i++) {
		free(memo->files[i]->name);
		free(memo->files[i]->blocks);
		free(memo->files[i]);
	}
	free(memo->learned);
	free(memo->fds);
	free(memo->files);
	free(memo);
}

static int compare_keys(const void *a, const void *b)
{
	const struct learned *x = a;
	const struct learned *y = b;

	return memcmp(x->block.key.bytes, y->block.key.bytes, DIGEST_BYTES);
}

static bool parse_block(struct text line, struct memo_block *block)
{
	*block = (struct memo_block) { .offset = 0 };
	return text_to_u64(text_cut(line, ' ', &line), &block->offset) &&
	       text_to_u64(text_cut(line, ' ', &line), &block->len) &&
	       text_to_u64(text_cut(line, ' ', &line), &block->note) &&
	       digest_parse(text_cut(line, ' ', &line), &block->key) && digest_parse(line, &block->sha256) &&
	       block->len > 0 && block->len <= BLOCK_MAX_BYTES &&
	       block->offset <= INT64_MAX - BLOCK_MAX_BYTES;
}

/* The file of a line "file NAME": its descriptor, now MEMO's; -1 when it is none of that folder's. */
static int open_file(struct memo *memo, struct text name, int folder_fd)
{
	auto_free char *copy = xstrndup(name.ptr, name.len);
	int fd;

	if (name.len == 0 || strlen(copy) != name.len || strchr(copy, '/'))
		return -1;
	fd = openat(folder_fd, copy, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		PUSH(memo->fds, memo->fd_count, fd);
	return fd;
}

static bool learn(struct memo *memo, struct text printed, int folder_fd)
{
	int fd = -1;

	while (printed.len) {
		struct text line = text_cut(printed, '\n', &printed);
		struct learned learned;

		if (text_starts(line, FILE_WORD)) {
			fd = open_file(
				memo,
				(struct text) { line.ptr + strlen(FILE_WORD), line.len - strlen(FILE_WORD) },
				folder_fd);
			if (fd < 0)
				return false;
			continue;
		}
		learned.fd = fd;
		if (fd < 0 || memo->learned_count == LEARNED_MAX || !parse_block(line, &learned.block))
			return false;
		PUSH(memo->learned, memo->learned_count, learned);
	}
	return true;
}

bool memo_learn(struct memo *memo, struct text printed, int folder_fd)
{
	size_t before = memo->learned_count;
	bool whole = learn(memo, printed, folder_fd);

	if (!whole)
		memo->learned_count = before;
	if (memo->learned_count > before)
		qsort(memo->learned, memo->learned_count, sizeof *memo->learned, compare_keys);
	return whole;
}

static bool read_all(int fd, uint64_t offset, char *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = pread(fd, data + done, len - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

bool memo_read(const struct memo *memo, const struct digest *key, struct memo_block *block,
	       struct buffer *out)
{
	struct learned wanted = { .block.key = *key };
	const struct learned *found = memo->learned_count
					      ? bsearch(&wanted, memo->learned, memo->learned_count,
							sizeof *memo->learned, compare_keys)
					      : NULL;
	auto_free char *data = NULL;
	struct digest digest;

	if (!found)
		return false;
	data = xmalloc(found->block.len + 1);
	if (!read_all(found->fd, found->block.offset, data, found->block.len))
		return false;
	digest = sha256_of(data, found->block.len);
	if (!digest_equal(&digest, &found->block.sha256))
		return false;
	data[found->block.len] = '\0';
	*out = (struct buffer) { TAKE(data, NULL), found->block.len, found->block.len + 1 };
	*block = found->block;
	block->reused = true;
	return true;
}

struct memo_file *memo_add_file(struct memo *memo, const char *name)
{
	struct memo_file *file = xcalloc(1, sizeof *file);

	file->name = xstrdup(name);
	PUSH(memo->files, memo->file_count, file);
	return file;
}

void memo_add(struct memo_file *file, const struct memo_block *block)
{
	PUSH(file->blocks, file->count, *block);
}

char *memo_print(const struct memo *memo)
{
	struct buffer out = BUFFER_INIT;

	for (size_t i = 0; i < memo->file_count; i++) {
		const struct memo_file *file = memo->files[i];

		buffer_addf(&out, FILE_WORD "%s\n", file->name);
		for (size_t k = 0; k < file->count; k++)
			buffer_addf(&out, "%llu %llu %llu %s %s\n",
				    (unsigned long long)file->blocks[k].offset,
				    (unsigned long long)file->blocks[k].len,
				    (unsigned long long)file->blocks[k].note,
				    digest_hex(&file->blocks[k].key).text,
				    digest_hex(&file->blocks[k].sha256).text);
	}
	return buffer_take(&out);
}

void memo_count(const struct memo *memo, size_t *block_count, size_t *reused_count)
{
	*block_count = 0;
	*reused_count = 0;
	for (size_t i = 0; i < memo->file_count; i++)
		for (size_t k = 0; k < memo->files[i]->count; k++) {
			++*block_count;
			*reused_count += memo->files[i]->blocks[k].reused;
		}
}
