/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Package containers as iterators: the members of an ar archive, and the entries of the tar archive inside
 * one. Streams: nothing is held but one buffer and the decoder's window. Neither names nor sizes in here
 * have been checked against anything.
 *
 *	auto_ar struct ar *ar = NULL;
 *
 *	if (ar_open(fd, &ar, e) < 0)
 *		return -1;
 *	while ((r = ar_next(ar, &name, e)) > 0)
 *		... member_open(ar, name, &member, e); tar_open(member_next, member, &tar, e); tar_next(); tar_read()
 */
#ifndef UNPACK_ARCHIVE_H
#define UNPACK_ARCHIVE_H

#include "base/budget.h"
#include "base/text.h"

struct ar;
struct member;

/* Read the ar archive FD, which stays open and belongs to the caller, from its beginning. */
int ar_open(int fd, struct ar **out, struct error *e) MUST_CHECK;
/* 1 and the next member's name, without the '/' at its end that old tools wrote; valid until the next call. */
int ar_next(struct ar *ar, const char **name, struct error *e) MUST_CHECK;
/* Append the current member, of at most MAX_BYTES, to TEXT. */
int ar_read(struct ar *ar, size_t max_bytes, struct buffer *text, struct error *e) MUST_CHECK;
void ar_close(struct ar *ar); /* NULL is fine */
static inline void auto_ar_(struct ar **ar)
{
	ar_close(*ar);
}
#define auto_ar AUTO(auto_ar_)

/*
 * The content of AR's current member, called NAME ("data.tar.xz"), decompressed: what follows ".tar" says the
 * codec: "", ".gz", ".xz", ".zst", ".bz2", ".lzma". AR must not be moved on while MEMBER is in use.
 * It waits until MEMORY has room for the decoder; NULL: nobody to share with. Errors: ERROR_FORMAT for any other name,
 * and when the content is of another kind than its name says, or needs more than LIMIT_WINDOW_BYTES.
 */
int member_open(struct ar *ar, const char *name, struct budget *memory, struct member **out, struct error *e)
	MUST_CHECK;
/* The next piece: 1 with *data and *len, valid until the next call; 0 at the end. */
int member_next(struct member *member, const void **data, size_t *len, struct error *e) MUST_CHECK;
/* Whether it is decompressed about as fast as it could be read had it never been compressed. */
bool member_is_quick(const struct member *member);
void member_close(struct member *member); /* NULL is fine */
static inline void auto_member_(struct member **member)
{
	member_close(*member);
}
#define auto_member AUTO(auto_member_)

#endif
