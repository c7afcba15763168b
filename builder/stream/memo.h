/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed blocks of earlier files, to be copied instead of compressed again. Nothing is stored for that but a few
 * words about each block of a file that is kept anyway:
 *
 *	struct memo *memo = memo_new();
 *
 *	memo_learn(memo, words_kept_beside_it, folder_fd);   ... for each of them
 *	sink = codec_open(...);
 *	codec_remember(sink, memo, "image.tar.zst");         before anything is written to it
 *	...
 *	words = memo_print(memo);                            when all files are finished
 *
 * What comes out is the same with and without a memo, as a block is known by the SHA-256 of what went into it and of
 * everything that decides on its bytes. Packages choose what is in a block, so nothing weaker would do: two blocks of
 * one key would put the content of the one into the image of the other.
 * The compressed bytes have a SHA-256 too and are checked before they are used: files that were kept may be links to
 * those that the user got, and may have been written to since. Whatever is wrong there is no error: the block is
 * compressed.
 */
#ifndef STREAM_MEMO_H
#define STREAM_MEMO_H

#include "base/digest.h"
#include "base/text.h"

struct memo;
struct memo_file;

struct memo_block {
	struct digest key;
	struct digest sha256; /* of its compressed bytes */
	uint64_t offset;      /* in the file */
	uint64_t len;
	uint64_t note; /* of the codec */
	bool reused;
};

struct memo *memo_new(void);
/* NULL is fine. */
void memo_free(struct memo *memo);
static inline void auto_memo_(struct memo **memo)
{
	memo_free(*memo);
}
#define auto_memo AUTO(auto_memo_)

/*
 * PRINTED, by memo_print(), tells what is in files of the folder FOLDER_FD, which may be closed then. Text that is
 * damaged, or tells of more than fits into memory, is passed over: false.
 */
bool memo_learn(struct memo *memo, struct text printed, int folder_fd);
/* What was written, for memo_learn(); malloc'ed. */
char *memo_print(const struct memo *memo);
/* Of all that was written. */
void memo_count(const struct memo *memo, size_t *block_count, size_t *reused_count);

/* For blocks.c. In any thread: the bytes of the block known as KEY → OUT, which is empty; false: not known. */
bool memo_read(const struct memo *memo, const struct digest *key, struct memo_block *block,
	       struct buffer *out);
struct memo_file *memo_add_file(struct memo *memo, const char *name);
/* The block that follows, by the thread that writes. */
void memo_add(struct memo_file *file, const struct memo_block *block);

#endif
