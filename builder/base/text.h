/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text as a borrowed view (struct text), and text that grows (struct buffer).
 * A view is a pointer and a length, is not NUL-terminated and owns nothing: parsers cut views out of
 * one loaded file and copy only what they keep.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	const char *ptr;
	size_t len;
};

/* For printf: "%.*s", TEXT_ARG(view). */
#define TEXT_ARG(text) (int)(text).len, (text).ptr
#define TEXT(literal)  ((struct text) { (literal), sizeof(literal) - 1 })

struct text text_of(const char *string);
bool text_is(struct text text, const char *string);
bool text_equal(struct text a, struct text b);
/* The same whatever the case of ASCII letters. */
bool text_equal_anycase(struct text a, struct text b);

/* Here so that the length of a literal is known: most texts differ in it. */
static inline bool text_is_anycase(struct text text, const char *string)
{
	return text.len == strlen(string) && text_equal_anycase(text, (struct text) { string, text.len });
}

bool text_starts(struct text text, const char *prefix);
/* Compare bytewise, as strcmp() would. */
int text_compare(struct text a, struct text b);
/* Without blanks, tabs and line ends at both sides. */
struct text text_trim(struct text text);
/*
 * Cut TEXT at the first SEPARATOR: the part before it is returned, *rest is what follows. Without a
 * separator everything is returned and *rest is empty with a NULL ptr.
 */
struct text text_cut(struct text text, char separator, struct text *rest);
/* Take the next word (run of non-blank bytes) from the front of *rest; empty at the end. */
struct text text_word(struct text *rest);
/* Whether all bytes are ASCII characters that leave a mark: no blanks, no control bytes. */
bool text_is_graphic(struct text text);
/* Decimal digits only, no sign, no overflow; false otherwise. */
bool text_to_u64(struct text text, uint64_t *value);
/* A size: digits, and behind them nothing or one of K, M, G and T, for 1024 and its powers. */
bool text_to_size(struct text text, uint64_t *size_bytes);
bool is_prefix(const char *text, const char *prefix);
bool is_suffix(const char *text, const char *suffix);

/*
 * Replace what does not belong on a line of a terminal: line ends, tabs, and the sequences that control it (ESC, and
 * the C1 characters, which are C2 80 to C2 9F in UTF-8). Names and texts from outside may hold them.
 */
void text_make_printable(char *text);

/*
 * The one of COUNT NAMES that is nearest to WORD by edit distance, or NULL when none is near enough
 * to be what was meant. For "did you mean '%s'?".
 */
const char *text_nearest(const char *word, const char *const *names, size_t count);

struct buffer {
	char *data; /* NUL-terminated once anything was added; owned */
	size_t len;
	size_t room;
};

#define BUFFER_INIT ((struct buffer) { NULL, 0, 0 })
#define auto_buffer AUTO(buffer_release)

void buffer_add(struct buffer *buffer, const void *data, size_t len);
void buffer_adds(struct buffer *buffer, const char *string);
void buffer_addc(struct buffer *buffer, char c);
void buffer_addf(struct buffer *buffer, const char *fmt, ...) PRINTF(2, 3);
/* Forget the content, keep the memory. */
void buffer_reset(struct buffer *buffer);
/* Forget what stands behind the first LEN bytes. */
void buffer_cut(struct buffer *buffer, size_t len);
/* The content as a malloc'ed NUL-terminated string (never NULL), owned by the caller; BUFFER is empty then. */
char *buffer_take(struct buffer *buffer);
void buffer_release(struct buffer *buffer);

#endif
