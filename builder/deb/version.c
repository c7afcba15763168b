/* SPDX-License-Identifier: Apache-2.0 */
#include "deb/version.h"

#include <string.h>

enum { VERSION_BYTES_MAX = 1024 }; /* the longest in Debian's archives has 61 */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* '~' sorts before the end of a part, the end before letters, letters before everything else. */
static int weight(struct text text)
{
	if (text.len == 0 || is_digit(text.ptr[0]))
		return 0;
	if (text.ptr[0] == '~')
		return -1;
	return is_letter(text.ptr[0]) ? text.ptr[0] : text.ptr[0] + 256;
}

static void skip(struct text *text, size_t count)
{
	text->ptr += count;
	text->len -= count;
}

static bool at_digit(struct text text)
{
	return text.len && is_digit(text.ptr[0]);
}

/* The number at the front of both: the longer one is larger once zeros in front are gone. */
static int compare_number(struct text *a, struct text *b)
{
	int first_difference = 0;

	while (a->len && a->ptr[0] == '0')
		skip(a, 1);
	while (b->len && b->ptr[0] == '0')
		skip(b, 1);
	while (at_digit(*a) && at_digit(*b)) {
		if (!first_difference)
			first_difference = a->ptr[0] - b->ptr[0];
		skip(a, 1);
		skip(b, 1);
	}
	if (at_digit(*a))
		return 1;
	if (at_digit(*b))
		return -1;
	return first_difference;
}

/* Upstream version or revision: runs of other bytes and of digits in turn. */
static int compare_part(struct text a, struct text b)
{
	while (a.len || b.len) {
		int order;

		while ((a.len && !at_digit(a)) || (b.len && !at_digit(b))) {
			order = weight(a) - weight(b);
			if (order)
				return order;
			skip(&a, 1);
			skip(&b, 1);
		}
		order = compare_number(&a, &b);
		if (order)
			return order;
	}
	return 0;
}

struct version_parts {
	bool has_epoch;
	struct text epoch;
	struct text upstream;
	struct text revision;
};

static struct version_parts split(struct text version)
{
	struct version_parts parts = { .epoch = { version.ptr, 0 },
				       .upstream = version,
				       .revision = { version.ptr, 0 } };
	const char *colon = version.len ? memchr(version.ptr, ':', version.len) : NULL;
	const char *dash;

	if (colon) {
		parts.has_epoch = true;
		parts.epoch = (struct text) { version.ptr, (size_t)(colon - version.ptr) };
		parts.upstream = (struct text) { colon + 1, version.len - parts.epoch.len - 1 };
	}
	dash = parts.upstream.len ? memrchr(parts.upstream.ptr, '-', parts.upstream.len) : NULL;
	if (dash) {
		size_t len = (size_t)(dash - parts.upstream.ptr);

		parts.revision = (struct text) { dash + 1, parts.upstream.len - len - 1 };
		parts.upstream.len = len;
	}
	return parts;
}

int deb_version_compare(struct text a, struct text b)
{
	struct version_parts left;
	struct version_parts right;
	int order;

	if (text_equal(a, b))
		return 0;
	left = split(a);
	right = split(b);
	order = compare_number(&left.epoch, &right.epoch);
	if (order == 0)
		order = compare_part(left.upstream, right.upstream);
	if (order == 0)
		order = compare_part(left.revision, right.revision);
	return order;
}

/* A table, because an archive's indexes have a million versions. */
enum { IN_UPSTREAM = 1 << 0, IN_REVISION = 1 << 1, IN_BOTH = IN_UPSTREAM | IN_REVISION };
static const unsigned char classes[256] = {
	['a' ... 'z'] = IN_BOTH, ['A' ... 'Z'] = IN_BOTH, ['0' ... '9'] = IN_BOTH, ['.'] = IN_BOTH,
	['+'] = IN_BOTH,         ['~'] = IN_BOTH,         ['-'] = IN_UPSTREAM,     [':'] = IN_UPSTREAM,
};

static bool consists_of(struct text text, unsigned mask)
{
	for (size_t i = 0; i < text.len; i++)
		if (!(classes[(unsigned char)text.ptr[i]] & mask))
			return false;
	return true;
}

bool deb_version_is_valid(struct text text)
{
	struct version_parts parts = split(text);

	if (parts.upstream.len == 0 || text.len > VERSION_BYTES_MAX || text.ptr[text.len - 1] == '-')
		return false;
	if (parts.has_epoch && parts.epoch.len == 0)
		return false;
	for (size_t i = 0; i < parts.epoch.len; i++)
		if (!is_digit(parts.epoch.ptr[i]))
			return false;
	return consists_of(parts.upstream, IN_UPSTREAM) && consists_of(parts.revision, IN_REVISION);
}

bool deb_version_satisfies(struct text have, enum deb_relation relation, struct text wanted)
{
	int order;

	if (relation == RELATION_NONE)
		return true;
	if (have.len == 0)
		return false;
	order = deb_version_compare(have, wanted);
	switch (relation) {
	case RELATION_EARLIER:
		return order < 0;
	case RELATION_EARLIER_EQUAL:
		return order <= 0;
	case RELATION_EQUAL:
		return order == 0;
	case RELATION_LATER_EQUAL:
		return order >= 0;
	case RELATION_LATER:
		return order > 0;
	case RELATION_NONE:
		break;
	}
	return true;
}

const char *deb_relation_sign(enum deb_relation relation)
{
	static const char *const signs[] = {
		[RELATION_NONE] = "",   [RELATION_EARLIER] = "<<",     [RELATION_EARLIER_EQUAL] = "<=",
		[RELATION_EQUAL] = "=", [RELATION_LATER_EQUAL] = ">=", [RELATION_LATER] = ">>",
	};

	return signs[relation];
}
