/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <strings.h>

enum { NEAREST_WORD_MAX = 64 };

struct text text_of(const char *string)
{
	return (struct text) { string, string ? strlen(string) : 0 };
}

bool text_equal(struct text a, struct text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool text_is(struct text text, const char *string)
{
	return text_equal(text, text_of(string));
}

bool text_equal_anycase(struct text a, struct text b)
{
	return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

bool text_starts(struct text text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && (len == 0 || memcmp(text.ptr, prefix, len) == 0);
}

int text_compare(struct text a, struct text b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.ptr, b.ptr, len) : 0;

	if (order)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct text text_trim(struct text text)
{
	while (text.len && is_blank(text.ptr[0])) {
		text.ptr++;
		text.len--;
	}
	while (text.len && is_blank(text.ptr[text.len - 1]))
		text.len--;
	return text;
}

struct text text_cut(struct text text, char separator, struct text *rest)
{
	const char *at = text.len ? memchr(text.ptr, separator, text.len) : NULL;

	if (!at) {
		*rest = (struct text) { NULL, 0 };
		return text;
	}
	*rest = (struct text) { at + 1, text.len - (size_t)(at - text.ptr) - 1 };
	text.len = (size_t)(at - text.ptr);
	return text;
}

struct text text_word(struct text *rest)
{
	struct text word = *rest;

	while (word.len && is_blank(word.ptr[0])) {
		word.ptr++;
		word.len--;
	}
	*rest = word;
	while (rest->len && !is_blank(rest->ptr[0])) {
		rest->ptr++;
		rest->len--;
	}
	word.len -= rest->len;
	return word;
}

bool text_is_graphic(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
			return false;
	return true;
}

bool text_to_u64(struct text text, uint64_t *value)
{
	uint64_t sum = 0;

	if (text.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)(text.ptr[i] - '0'), &sum))
			return false;
	}
	*value = sum;
	return true;
}

bool text_to_size(struct text text, uint64_t *size_bytes)
{
	static const char units[] = "KMGT";
	const char *unit = text.len ? memchr(units, text.ptr[text.len - 1], sizeof units - 1) : NULL;
	uint64_t size;

	if (unit)
		text.len--;
	if (!text_to_u64(text, &size))
		return false;
	for (const char *step = units; unit && step <= unit; step++)
		if (__builtin_mul_overflow(size, 1024, &size))
			return false;
	*size_bytes = size;
	return true;
}

void text_make_printable(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		if (*c == '\t')
			*c = ' ';
		else if (*c < ' ' || *c == 0x7F)
			*c = '?';
		else if (c[0] == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0)
			c[0] = c[1] = '?';
	}
}

bool is_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool is_suffix(const char *text, const char *suffix)
{
	size_t text_len = strlen(text);
	size_t suffix_len = strlen(suffix);

	return text_len >= suffix_len && strcmp(text + text_len - suffix_len, suffix) == 0;
}

/* Levenshtein distance with one row; words beyond the limit count as far away. */
static size_t distance(const char *a, const char *b)
{
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);
	size_t row[NEAREST_WORD_MAX + 1];

	if (a_len > NEAREST_WORD_MAX || b_len > NEAREST_WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);
			size_t best = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;

			diagonal = row[j];
			row[j] = change < best ? change : best;
		}
	}
	return row[b_len];
}

const char *text_nearest(const char *word, const char *const *names, size_t count)
{
	size_t limit = strlen(word) / 3 + 1;
	const char *best = NULL;
	size_t best_distance = limit + 1;

	for (size_t i = 0; i < count; i++) {
		size_t d = distance(word, names[i]);

		if (d < best_distance && d < strlen(names[i])) {
			best = names[i];
			best_distance = d;
		}
	}
	return best;
}

static void reserve(struct buffer *buffer, size_t more)
{
	size_t need = buffer->len + more + 1;
	size_t room = buffer->room ? buffer->room : 128;

	if (need <= buffer->room)
		return;
	while (room < need)
		room *= 2;
	buffer->data = xrealloc(buffer->data, room);
	buffer->room = room;
}

void buffer_add(struct buffer *buffer, const void *data, size_t len)
{
	reserve(buffer, len);
	if (len)
		memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
	buffer->data[buffer->len] = '\0';
}

void buffer_adds(struct buffer *buffer, const char *string)
{
	buffer_add(buffer, string, strlen(string));
}

void buffer_addc(struct buffer *buffer, char c)
{
	buffer_add(buffer, &c, 1);
}

void buffer_addf(struct buffer *buffer, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len <= 0)
		return;
	reserve(buffer, (size_t)len);
	va_start(args, fmt);
	vsnprintf(buffer->data + buffer->len, (size_t)len + 1, fmt, args);
	va_end(args);
	buffer->len += (size_t)len;
}

void buffer_reset(struct buffer *buffer)
{
	buffer->len = 0;
	if (buffer->data)
		buffer->data[0] = '\0';
}

void buffer_cut(struct buffer *buffer, size_t len)
{
	if (len >= buffer->len)
		return;
	buffer->len = len;
	buffer->data[len] = '\0';
}

char *buffer_take(struct buffer *buffer)
{
	char *data = buffer->data ? buffer->data : xstrdup("");

	*buffer = BUFFER_INIT;
	return data;
}

void buffer_release(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = BUFFER_INIT;
}
