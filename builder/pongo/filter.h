/* SPDX-License-Identifier: Apache-2.0 */
/* The filters, as a table over the files filter_*.c. */
#ifndef PONGO_FILTER_H
#define PONGO_FILTER_H

#include "pongo/pongo.h"

/* What a filter works with. The error that it may set gets its place from the caller. */
struct filter_work {
	struct arena *arena;
	enum pongo_version version;
	bool is_live;
	struct pongo_value *value;          /* in and out */
	const struct pongo_value *argument; /* PONGO_NONE without one */
	struct error *e;
};

struct pongo_filter {
	const char *name;
	int (*apply)(struct filter_work *work);
	enum pongo_version since;
	const char *never; /* why a template with it fails whatever its values are; NULL otherwise */
};

/* The row for NAME; else NULL, and *nearest (may be NULL) is the name that may have been meant. */
const struct pongo_filter *filter_find(struct text name, const char **nearest);
/* All rows. */
const struct pongo_filter *filter_all(size_t *count);

/* What stands for an apply(): its text, and the result. */
struct text filter_text(const struct filter_work *work);
struct text filter_argument(const struct filter_work *work);
int filter_give_text(struct filter_work *work, struct text text);
/* As text, what BUFFER holds; ERROR_RECIPE when that is beyond LIMIT_TEMPLATE_BYTES. */
int filter_give_buffer(struct filter_work *work, const struct buffer *buffer);
/* Whether COUNT more bytes fit into a result of which LEN are there. Sets the error when they do not. */
bool filter_fits(struct filter_work *work, size_t len, uint64_t count);
int filter_fail(struct filter_work *work, const char *text);

/* As strings.TrimSpace, and the words of strings.Fields: *rest is what follows, an empty word is the end. */
struct text text_trim_spaces(struct text text);
struct text text_take_field(struct text *rest);

/* filter_text.c */
int filter_add(struct filter_work *work);
int filter_addslashes(struct filter_work *work);
int filter_capfirst(struct filter_work *work);
int filter_center(struct filter_work *work);
int filter_cut(struct filter_work *work);
int filter_linenumbers(struct filter_work *work);
int filter_ljust(struct filter_work *work);
int filter_lower(struct filter_work *work);
int filter_phone2numeric(struct filter_work *work);
int filter_rjust(struct filter_work *work);
int filter_title(struct filter_work *work);
int filter_truncatechars(struct filter_work *work);
int filter_truncatewords(struct filter_work *work);
int filter_upper(struct filter_work *work);
int filter_wordcount(struct filter_work *work);
int filter_wordwrap(struct filter_work *work);
/* filter_html.c */
int filter_escape(struct filter_work *work);
int filter_escapejs(struct filter_work *work);
int filter_iriencode(struct filter_work *work);
int filter_linebreaks(struct filter_work *work);
int filter_linebreaksbr(struct filter_work *work);
int filter_removetags(struct filter_work *work);
int filter_striptags(struct filter_work *work);
int filter_urlencode(struct filter_work *work);
/* filter_truncate.c: HTML that stays whole where it is cut */
int filter_truncatechars_html(struct filter_work *work);
int filter_truncatewords_html(struct filter_work *work);
/* filter_urlize.c */
int filter_urlize(struct filter_work *work);
int filter_urlizetrunc(struct filter_work *work);
/* filter_value.c: what is not about text */
int filter_default(struct filter_work *work);
int filter_default_if_none(struct filter_work *work);
int filter_divisibleby(struct filter_work *work);
int filter_first(struct filter_work *work);
int filter_float(struct filter_work *work);
int filter_floatformat(struct filter_work *work);
int filter_get_digit(struct filter_work *work);
int filter_integer(struct filter_work *work);
int filter_join(struct filter_work *work);
int filter_last(struct filter_work *work);
int filter_length(struct filter_work *work);
int filter_length_is(struct filter_work *work);
int filter_make_list(struct filter_work *work);
int filter_pluralize(struct filter_work *work);
int filter_random(struct filter_work *work);
int filter_safe(struct filter_work *work);
int filter_slice(struct filter_work *work);
int filter_split(struct filter_work *work);
int filter_yesno(struct filter_work *work);
/* format.c */
int filter_stringformat(struct filter_work *work);

/* Append TEXT with the five characters of HTML escaped. */
void html_escape(struct buffer *out, struct text text);
/* Append TEXT as Go's url.QueryEscape() writes it, but with the characters of KEPT as they are. */
void url_escape(struct buffer *out, struct text text, const char *kept);

#endif
