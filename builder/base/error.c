/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <assert.h>
#include <stdarg.h>

/* clang-format off */
static const struct {
	enum error_kind kind;
	const char *name;
} kinds[] = {
	{ ERROR_NONE, "none" },
	{ ERROR_INTERNAL, "internal" },
	{ ERROR_USAGE, "usage" },
	{ ERROR_RECIPE, "recipe" },
	{ ERROR_UNSUPPORTED, "unsupported" },
	{ ERROR_FETCH, "fetch" },
	{ ERROR_TRUST, "trust" },
	{ ERROR_EXPIRED, "expired" },
	{ ERROR_DIGEST, "digest" },
	{ ERROR_PLAN, "plan" },
	{ ERROR_FORMAT, "format" },
	{ ERROR_SCRIPT, "script" },
	{ ERROR_ACTION, "action" },
	{ ERROR_SYSTEM, "system" },
	{ ERROR_SPACE, "space" },
	{ ERROR_PRIVILEGE, "privilege" },
	{ ERROR_DIFFERENT, "different" },
	{ ERROR_LINT, "lint" },
	{ ERROR_LIMIT, "limit" },
	{ ERROR_INTERRUPTED, "interrupted" },
};
/* clang-format on */

const char *error_kind_name(enum error_kind kind)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return NULL;
}

int(error_set)(struct error *e, enum error_kind kind, const char *fmt, ...)
{
	va_list args;

	e->kind = kind;
	e->sys = 0;
	error_place(e, 0, 0, 0);
	va_start(args, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, args);
	va_end(args);
	return -1;
}

int(error_sys)(struct error *e, const char *fmt, ...)
{
	int number = errno;
	va_list args;
	int len;

	e->kind = ERROR_SYSTEM;
	if (number == ENOSPC || number == EDQUOT)
		e->kind = ERROR_SPACE;
	/* Signals that kiln handles end it: a system call that could not be gone on with says so first. */
	if (number == EINTR)
		e->kind = ERROR_INTERRUPTED;
	e->sys = number;
	error_place(e, 0, 0, 0);
	va_start(args, fmt);
	len = vsnprintf(e->text, sizeof e->text, fmt, args);
	va_end(args);
	if (len < 0)
		len = 0;
	if ((size_t)len < sizeof e->text)
		snprintf(e->text + len, sizeof e->text - (size_t)len, ": %s", strerror(number));
	return -1;
}

int(error_wrap)(struct error *e, const char *fmt, ...)
{
	char context[sizeof e->text];
	size_t inner = strlen(e->text);
	size_t room;
	size_t outer;
	va_list args;

	assert(e->kind != ERROR_NONE);
	error_place(e, 0, 0, 0);
	va_start(args, fmt);
	vsnprintf(context, sizeof context, fmt, args);
	va_end(args);
	outer = strlen(context);
	/* The cause matters most: cut the context, never the innermost part. */
	room = sizeof e->text - 1 - inner;
	if (room < 3)
		return -1;
	if (outer > room - 2)
		outer = room - 2;
	memmove(e->text + outer + 2, e->text, inner + 1);
	memcpy(e->text, context, outer);
	memcpy(e->text + outer, ": ", 2);
	return -1;
}

int error_place(struct error *e, size_t file_len, unsigned line, unsigned column)
{
	e->file_len = file_len;
	e->line = line;
	e->column = column;
	return -1;
}

const char *error_message(const struct error *e)
{
	const char *end = e->file_len ? strstr(e->text + e->file_len, ": ") : NULL;

	return end ? end + 2 : e->text;
}

void error_clear(struct error *e)
{
	error_place(e, 0, 0, 0);
	e->kind = ERROR_NONE;
	e->sys = 0;
	e->text[0] = '\0';
}
