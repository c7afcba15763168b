/* SPDX-License-Identifier: Apache-2.0 */
/* Names like one that no archive has: what was perhaps meant. */
#include "plan/deb_plan.h"

enum { NEAR_MAX = 3, WORD_MAX = 64 };

/* Edits that turn A into B; no more than LIMIT are counted. */
static size_t distance(struct text a, struct text b, size_t limit)
{
	size_t row[WORD_MAX + 1];

	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t diagonal = row[0];
		size_t least = i;

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t change = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
			size_t best = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;

			diagonal = row[j];
			row[j] = change < best ? change : best;
			least = row[j] < least ? row[j] : least;
		}
		if (least > limit)
			return limit + 1;
	}
	return row[b.len];
}

struct near {
	struct text name;
	size_t distance;
	size_t prefix; /* bytes at the beginning that are the same: there one mistypes least */
};

static bool is_nearer(struct near a, struct near b)
{
	if (a.distance != b.distance)
		return a.distance < b.distance;
	return a.prefix != b.prefix ? a.prefix > b.prefix : text_compare(a.name, b.name) < 0;
}

static size_t common_prefix(struct text a, struct text b)
{
	size_t len = 0;

	while (len < a.len && len < b.len && a.ptr[len] == b.ptr[len])
		len++;
	return len;
}

static void insert(struct near *list, size_t *count, struct near near)
{
	size_t i = *count;

	if (i == NEAR_MAX) {
		if (!is_nearer(near, list[i - 1]))
			return;
		i--;
	} else {
		(*count)++;
	}
	for (; i > 0 && is_nearer(near, list[i - 1]); i--)
		list[i] = list[i - 1];
	list[i] = near;
}

void deb_near_names(const struct deb_index *index, struct text name, struct buffer *out)
{
	size_t limit = name.len / 3 + 1;
	struct near list[NEAR_MAX];
	size_t count = 0;

	if (name.len > WORD_MAX)
		return;
	for (size_t i = 0; i < index->package_count; i++) {
		struct text other = index->packages[i]->name;
		size_t d;

		if (!index->packages[i]->versions || other.len > WORD_MAX || other.len > name.len + limit ||
		    name.len > other.len + limit)
			continue;
		d = distance(name, other, limit);
		if (d <= limit && d < other.len)
			insert(list, &count, (struct near) { other, d, common_prefix(name, other) });
	}
	for (size_t i = 0; i < count; i++)
		buffer_addf(out, "%s'%.*s'%s", i ? ", " : " (near: ", TEXT_ARG(list[i].name),
			    i + 1 == count ? ")" : "");
}
