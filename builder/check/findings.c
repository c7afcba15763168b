/* SPDX-License-Identifier: Apache-2.0 */
#include "check/findings.h"

#include <stdarg.h>

enum { MESSAGE_BYTES = 2048 };

/* How many bytes at TEXT make one character of UTF-8 (RFC 3629); 0: they make none. */
static size_t character_len(const unsigned char *text)
{
	size_t len = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;

	if (text[0] > 0xf4 || (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

char *printable(const char *text)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	auto_free char *clean = xstrdup(text);
	const unsigned char *at;

	text_make_printable(clean);
	for (at = (const unsigned char *)clean; *at;) {
		size_t len = character_len(at);

		if (len)
			buffer_add(&out, at, len);
		else
			buffer_addf(&out, "\\x%02x", *at);
		at += len ? len : 1;
	}
	return buffer_take(&out);
}

static const char *keep(struct findings *findings, const char *text)
{
	auto_free char *clean = printable(text);

	return arena_strdup(&findings->arena, clean);
}

static void add(struct findings *findings, enum finding_level level, enum error_kind kind, const char *file,
		const char *place, const char *message)
{
	struct finding finding = { .level = level, .kind = kind };

	findings->mistake_count += level == FINDING_MISTAKE;
	/* One slot stays free for a mistake, so that many notes cannot hide what is wrong. */
	if (findings->count >= FINDINGS_MAX - (level == FINDING_NOTE)) {
		findings->left_out++;
		return;
	}
	finding.file = keep(findings, file);
	finding.place = keep(findings, place);
	finding.message = keep(findings, message);
	ARENA_PUSH(&findings->arena, findings->items, findings->count, finding);
}

void findings_mistake(struct findings *findings, enum error_kind kind, const char *file, const char *place,
		      const char *fmt, ...)
{
	char message[MESSAGE_BYTES];
	va_list arguments;

	va_start(arguments, fmt);
	vsnprintf(message, sizeof message, fmt, arguments);
	va_end(arguments);
	add(findings, FINDING_MISTAKE, kind, file, place, message);
}

void findings_note(struct findings *findings, const char *file, const char *place, const char *fmt, ...)
{
	char message[MESSAGE_BYTES];
	va_list arguments;

	va_start(arguments, fmt);
	vsnprintf(message, sizeof message, fmt, arguments);
	va_end(arguments);
	add(findings, FINDING_NOTE, ERROR_NONE, file, place, message);
}

int findings_take(struct findings *findings, const char *file, const char *place, struct error *e)
{
	const char *text = e->text;
	size_t len = strlen(file);

	if (e->kind != ERROR_FORMAT && e->kind != ERROR_DIGEST && e->kind != ERROR_TRUST &&
	    e->kind != ERROR_RECIPE)
		return -1;
	if (strncmp(text, file, len) == 0 && text[len] == ':' && text[len + 1] == ' ')
		text += len + 2;
	add(findings, FINDING_MISTAKE, e->kind == ERROR_RECIPE ? ERROR_FORMAT : e->kind, file, place, text);
	error_clear(e);
	return 0;
}

enum error_kind findings_kind(const struct findings *findings)
{
	static const enum error_kind order[] = { ERROR_TRUST, ERROR_DIGEST, ERROR_FORMAT };

	for (size_t k = 0; k < ARRAY_LEN(order); k++)
		for (size_t i = 0; i < findings->count; i++)
			if (findings->items[i].level == FINDING_MISTAKE &&
			    findings->items[i].kind == order[k])
				return order[k];
	return findings->mistake_count ? ERROR_FORMAT : ERROR_NONE;
}

void findings_release(struct findings *findings)
{
	arena_release(&findings->arena);
	*findings = FINDINGS_INIT;
}
