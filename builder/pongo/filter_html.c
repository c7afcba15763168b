/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/filter.h"
#include "pongo/letters.h"
#include "pongo/value.h"

void html_escape(struct buffer *out, struct text text)
{
	static const struct {
		char c;
		const char *text;
	} rows[] = {
		{ '&', "&amp;" }, { '>', "&gt;" }, { '<', "&lt;" }, { '"', "&quot;" }, { '\'', "&#39;" }
	};

	for (size_t i = 0; i < text.len; i++) {
		const char *escaped = NULL;

		for (size_t j = 0; j < ARRAY_LEN(rows); j++)
			if (text.ptr[i] == rows[j].c)
				escaped = rows[j].text;
		if (escaped)
			buffer_adds(out, escaped);
		else
			buffer_addc(out, text.ptr[i]);
	}
}

int filter_escape(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;

	html_escape(&out, filter_text(work));
	return filter_give_buffer(work, &out);
}

/* Letters, blanks and slashes stay; "\r" and "\n" written with a backslash are taken for what they mean. */
int filter_escapejs(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text rest = filter_text(work);

	while (rest.len) {
		size_t len;
		uint32_t letter = letter_decode(rest, &len);

		if (letter == '\\' && rest.len > 1 && (rest.ptr[1] == 'r' || rest.ptr[1] == 'n')) {
			buffer_adds(&out, rest.ptr[1] == 'r' ? "\\u000D" : "\\u000A");
			len = 2;
		} else if ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
			   letter == ' ' || letter == '/') {
			buffer_addc(&out, (char)letter);
		} else if (letter != LETTER_BAD) {
			buffer_addf(&out, "\\u%04X", letter);
		}
		rest.ptr += len;
		rest.len -= len;
	}
	return filter_give_buffer(work, &out);
}

void url_escape(struct buffer *out, struct text text, const char *kept)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c && (strchr(plain, c) || strchr(kept, c)))
			buffer_addc(out, c);
		else if (c == ' ')
			buffer_addc(out, '+');
		else
			buffer_addf(out, "%%%02X", (unsigned char)c);
	}
}

int filter_urlencode(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;

	url_escape(&out, filter_text(work), "");
	return filter_give_buffer(work, &out);
}

int filter_iriencode(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	auto_buffer struct buffer letters = BUFFER_INIT;
	struct text rest = filter_text(work);
	size_t len;

	while (rest.len)
		letter_encode(&letters, letter_decode(letter_take(&rest), &len));
	url_escape(&out, (struct text) { letters.data, letters.len }, "/#%[]=:;$&()+,!?*@'~");
	return filter_give_buffer(work, &out);
}

static bool is_blank(struct text text)
{
	return text_trim_spaces(text).len == 0;
}

/* Paragraphs between empty lines, <br /> between others; the last line never begins another one. */
int filter_linebreaks(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text rest = filter_text(work);
	bool is_open = false;

	if (value_length(work->value) == 0)
		return 0;
	while (rest.ptr) {
		struct text line = text_cut(rest, '\n', &rest);
		struct text after;

		buffer_adds(&out, is_open ? "" : "<p>");
		is_open = true;
		buffer_add(&out, line.ptr, line.len);
		if (!rest.ptr || is_blank(line))
			continue;
		is_open = !is_blank(text_cut(rest, '\n', &after));
		buffer_adds(&out, is_open ? "<br />" : "</p>");
	}
	buffer_adds(&out, is_open ? "</p>" : "");
	return filter_give_buffer(work, &out);
}

int filter_linebreaksbr(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text text = filter_text(work);

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\n')
			buffer_adds(&out, "<br />");
		else
			buffer_addc(&out, text.ptr[i]);
	}
	return filter_give_buffer(work, &out);
}

static int give_trimmed(struct filter_work *work, const struct buffer *out)
{
	if (filter_give_buffer(work, out) < 0)
		return -1;
	work->value->text = text_trim_spaces(work->value->text);
	return 0;
}

int filter_striptags(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text text = filter_text(work);
	const char *end;

	for (size_t i = 0; i < text.len; i++) {
		end = text.ptr[i] == '<' ? memchr(text.ptr + i, '>', text.len - i) : NULL;
		if (end)
			i = (size_t)(end - text.ptr);
		else if (text.ptr[i] != '<')
			buffer_addc(&out, text.ptr[i]);
		else {
			buffer_add(&out, text.ptr + i, text.len - i); /* nothing behind it ends a tag */
			break;
		}
	}
	return give_trimmed(work, &out);
}

/* How long the tag TAG is at the start of TEXT: <b>, </b>, <b/> or </b/>; 0 when there is another or none. */
static size_t tag_length(struct text text, struct text tag)
{
	size_t at = 1;

	if (text.ptr[0] != '<')
		return 0;
	if (at < text.len && text.ptr[at] == '/')
		at++;
	if (text.len - at < tag.len || memcmp(text.ptr + at, tag.ptr, tag.len) != 0)
		return 0;
	at += tag.len;
	if (at < text.len && text.ptr[at] == '/')
		at++;
	return at < text.len && text.ptr[at] == '>' ? at + 1 : 0;
}

static void remove_tag(struct buffer *out, struct text text, struct text tag)
{
	while (text.len) {
		size_t len = tag_length(text, tag);

		if (!len)
			buffer_addc(out, text.ptr[0]);
		len = len ? len : 1;
		text.ptr += len;
		text.len -= len;
	}
}

/* The daemons take the names for regular expressions. Here they are names. */
static bool is_tag_name(struct text tag)
{
	for (size_t i = 0; i < tag.len; i++)
		if (!tag.ptr[i] || strchr("\\.+*?()|[]{}^$", tag.ptr[i]))
			return false;
	return true;
}

int filter_removetags(struct filter_work *work)
{
	struct text tags = filter_argument(work);
	struct text text = filter_text(work);

	do {
		auto_buffer struct buffer out = BUFFER_INIT;
		struct text tag = text_cut(tags, ',', &tags);

		if (!is_tag_name(tag))
			return error_set(
				work->e, ERROR_UNSUPPORTED,
				"'removetags' takes names of tags, separated by commas, and no patterns");
		remove_tag(&out, text, tag);
		if (filter_give_buffer(work, &out) < 0)
			return -1;
		text = work->value->text;
	} while (tags.ptr);
	work->value->text = text_trim_spaces(text);
	return 0;
}
