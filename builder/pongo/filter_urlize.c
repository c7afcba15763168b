/* SPDX-License-Identifier: Apache-2.0 */
/* urlize and urlizetrunc: addresses become links, first those of pages and then those of mailboxes. */
#include "pongo/filter.h"
#include "pongo/letters.h"
#include "pongo/number.h"
#include "pongo/value.h"

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static struct text from(struct text text, size_t at)
{
	return (struct text) { text.ptr + at, text.len - at };
}

/* How long what makes a page's address is at TEXT: "https://", "www.", or a name and one of some endings. */
static size_t begins_address(struct text text, bool may_be_name)
{
	static const char *const begins[] = { "http://", "https://", "www." };
	static const char *const ends[] = { ".com", ".net", ".org", ".info", ".biz", ".de" };
	size_t len = text.len && text.ptr[0] == ' ';
	size_t start = len;

	for (size_t i = 0; i < ARRAY_LEN(begins); i++)
		if (text_starts(text, begins[i]))
			return strlen(begins[i]);
	if (len == 0 && !may_be_name)
		return 0;
	while (len < text.len && (is_word(text.ptr[len]) || text.ptr[len] == '-'))
		len++;
	for (size_t i = 0; i < ARRAY_LEN(ends) && len > start; i++)
		if (text_starts(from(text, len), ends[i]))
			return len + strlen(ends[i]);
	return 0;
}

/* An address goes on to the next blank, and takes all blanks there; a line end in front of one is none. */
static size_t address_length(struct text text, size_t len)
{
	while (len < text.len && text.ptr[len] != ' ' && text.ptr[len] != '\n')
		len++;
	if (len < text.len && text.ptr[len] == '\n')
		return 0;
	while (len < text.len && text.ptr[len] == ' ')
		len++;
	return len;
}

struct linker {
	struct buffer out;
	bool escapes;
	int64_t room; /* of what is shown; 3 and less: all */
};

static void linker_release(struct linker *linker)
{
	buffer_release(&linker->out);
}

static void add_title(struct linker *linker, struct text title, bool escapes)
{
	auto_buffer struct buffer shown = BUFFER_INIT;
	bool is_cut = linker->room > 3 && title.len > (uint64_t)linker->room;

	buffer_add(&shown, title.ptr, is_cut ? (size_t)linker->room - 3 : title.len);
	buffer_adds(&shown, is_cut ? "..." : "");
	if (escapes)
		html_escape(&linker->out, (struct text) { shown.data, shown.len });
	else
		buffer_add(&linker->out, shown.data, shown.len);
}

static void add_link(struct linker *linker, struct text found)
{
	struct text address = text_trim_spaces(found);
	auto_buffer struct buffer letters = BUFFER_INIT;
	struct text rest = address;
	size_t len;

	while (rest.len)
		letter_encode(&letters, letter_decode(letter_take(&rest), &len));
	buffer_adds(&linker->out, found.ptr[0] == ' ' ? " " : "");
	buffer_adds(&linker->out, "<a href=\"");
	buffer_adds(&linker->out, text_starts(address, "http") ? "" : "http://");
	url_escape(&linker->out, (struct text) { letters.data, letters.len }, "/#%[]=:;$&()+,!?*@'~");
	buffer_adds(&linker->out, "\" rel=\"nofollow\">");
	add_title(linker, address, linker->escapes);
	buffer_adds(&linker->out, "</a>");
	buffer_adds(&linker->out, found.ptr[found.len - 1] == ' ' ? " " : "");
}

static void link_pages(struct linker *linker, struct text text)
{
	bool at_start = true;
	const char *broken = NULL; /* what begins before this line end finds no end */

	while (text.len) {
		size_t begin = broken && text.ptr < broken ? 0 : begins_address(text, at_start);
		size_t len = begin ? address_length(text, begin) : 0;

		at_start = false;
		if (begin && !len)
			broken = memchr(text.ptr, '\n', text.len);
		if (len)
			add_link(linker, (struct text) { text.ptr, len });
		else
			buffer_addc(&linker->out, text.ptr[0]);
		text = from(text, len ? len : 1);
	}
}

/* NAME@NAME.ENDING, the ending of two to four letters, at the start of TEXT. */
static size_t mailbox_length(struct text text, size_t name_len)
{
	size_t len = name_len;
	size_t start;

	if (len == 0 || len >= text.len || text.ptr[len] != '@')
		return 0;
	start = ++len;
	while (len < text.len && is_word(text.ptr[len]))
		len++;
	if (len == start || len >= text.len || text.ptr[len] != '.')
		return 0;
	start = ++len;
	while (len < text.len && len - start < 4 && is_word(text.ptr[len]))
		len++;
	return len - start >= 2 ? len : 0;
}

static void link_mailboxes(struct linker *linker, struct text text)
{
	while (text.len) {
		size_t run = 0;
		size_t len;

		while (run < text.len && is_word(text.ptr[run]))
			run++;
		len = mailbox_length(text, run);
		if (len) {
			buffer_adds(&linker->out, "<a href=\"mailto:");
			buffer_add(&linker->out, text.ptr, len);
			buffer_adds(&linker->out, "\">");
			add_title(linker, (struct text) { text.ptr, len }, false);
			buffer_adds(&linker->out, "</a>");
		} else {
			len = run ? run : 1;
			buffer_add(&linker->out, text.ptr, len);
		}
		text = from(text, len);
	}
}

static int link_all(struct filter_work *work, bool escapes, int64_t room)
{
	AUTO(linker_release) struct linker pages = { .out = BUFFER_INIT, .escapes = escapes, .room = room };
	AUTO(linker_release) struct linker boxes = pages;

	link_pages(&pages, filter_text(work));
	if (!filter_fits(work, 0, pages.out.len))
		return -1;
	link_mailboxes(&boxes, (struct text) { pages.out.data, pages.out.len });
	return filter_give_buffer(work, &boxes.out);
}

int filter_urlize(struct filter_work *work)
{
	return link_all(work, work->argument->kind != PONGO_FLAG || work->argument->flag, -1);
}

int filter_urlizetrunc(struct filter_work *work)
{
	return link_all(work, true, value_integer(work->argument));
}
