/* SPDX-License-Identifier: Apache-2.0 */
/* What a source may say of itself, which files on a disk cannot: kiln diff as a whole is tested in e2e/diff. */
#include "unit/unit.h"

#include "check/diff.h"

/* A source that is a table. */
struct listed {
	struct tree_source source;
	const struct tree_entry *entries;
	size_t count;
};

static int visit_listed(const struct tree_source *source, tree_fn *visit, void *context, struct error *e)
{
	const struct listed *listed = (const struct listed *)source;

	for (size_t i = 0; i < listed->count; i++)
		if (visit(context, &listed->entries[i], e) < 0)
			return -1;
	return 0;
}

static int read_list(const struct tree_entry *entries, size_t count, struct listing *listing, struct error *e)
{
	struct listed listed = { { visit_listed }, entries, count };

	return listing_read(&listed.source, listing, e);
}

/* The bytes of a text. */
struct text_content {
	struct tree_content content;
	const char *left;
};

static int read_text(struct tree_content *content, void *data, size_t room, size_t *len, struct error *e)
{
	struct text_content *text = (struct text_content *)content;

	(void)e;
	*len = strlen(text->left) < room ? strlen(text->left) : room;
	memcpy(data, text->left, *len);
	text->left += *len;
	return 0;
}

static struct tree_entry file(const char *path, const char *hard_link)
{
	return (struct tree_entry) { .path = path,
				     .st = { .st_mode = S_IFREG | 0644 },
				     .hard_link = hard_link };
}

static void refuses(const struct tree_entry *entries, size_t count, const char *words)
{
	auto_listing struct listing listing = LISTING_INIT;
	struct error e = ERROR_INIT;

	assert_int_equal(read_list(entries, count, &listing, &e), -1);
	assert_int_equal(e.kind, ERROR_FORMAT);
	assert_non_null(strstr(e.text, words));
	assert_int_equal(listing.count, 0);
}

static void bad_sources(void **state)
{
	struct text_content text = { { .read = read_text }, "no field\n" };
	struct tree_entry twice[] = { file("a", NULL), file("b", NULL), file("a", NULL) };
	struct tree_entry lost[] = { file("a", NULL), file("b", "c") };
	struct tree_entry self[] = { file("a", "a") };
	struct tree_entry circle[] = { file("a", "b"), file("b", "a") };
	struct tree_entry status[] = { file("var/lib/dpkg/status", NULL) };

	(void)state;
	refuses(twice, 3, "'a' is there twice");
	refuses(lost, 2, "'b' is another name of 'c', which is not there");
	refuses(self, 1, "'a' is another name of 'a'");
	refuses(circle, 2, "'a' is another name of 'b'");
	status[0].content = &text.content;
	refuses(status, 1, "'/var/lib/dpkg/status', line 1");
}

/* Which name comes first, and where, means nothing. */
static void names_of_one_file(void **state)
{
	struct text_content one = { { .read = read_text }, "text" };
	struct text_content other = { { .read = read_text }, "text" };
	struct tree_entry first[] = { file("b", NULL), file("a", "b"), file("c", "b") };
	struct tree_entry second[] = { file("c", NULL), file("b", "c"), file("a", "b") };
	AUTO(diff_side_release) struct diff_side a = DIFF_SIDE_INIT;
	AUTO(diff_side_release) struct diff_side b = DIFF_SIDE_INIT;
	auto_diff struct diff diff = DIFF_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	first[0].content = &one.content;
	second[0].content = &other.content;
	first[0].st.st_size = second[0].st.st_size = 4;
	assert_int_equal(read_list(first, 3, &a.root, &e), 0);
	assert_int_equal(read_list(second, 3, &b.root, &e), 0);
	diff_make(&a, &b, &diff);
	assert_true(diff_is_empty(&diff));
	assert_int_equal(a.root.size_bytes, 4);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(a.root.entries[i].same_file, "a");
		assert_int_equal(a.root.entries[i].size_bytes, 4);
	}
}

static void metadata(void **state)
{
	static const char text[] = "b: {c: [x, {d: y}], e: {}}\na: 1\nn:\n";
	static const char *const wanted[][2] = {
		{ "a", "1" }, { "b.c[0]", "x" }, { "b.c[1].d", "y" }, { "b.e", "{}" }, { "n", "" }
	};
	AUTO(diff_side_release) struct diff_side a = DIFF_SIDE_INIT;
	AUTO(diff_side_release) struct diff_side b = DIFF_SIDE_INIT;
	auto_diff struct diff diff = DIFF_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(diff_side_add_metadata(&a, text_of("a: ["), &e), -1);
	assert_int_equal(e.kind, ERROR_FORMAT);
	assert_int_equal(diff_side_add_metadata(&a, text_of(text), &e), 0);
	assert_int_equal(diff_side_add_metadata(&b, text_of(text), &e), 0);
	diff_make(&a, &b, &diff);
	assert_true(diff_is_empty(&diff));
	assert_int_equal(a.metadata.count, ARRAY_LEN(wanted));
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		assert_string_equal(a.metadata.items[i].key, wanted[i][0]);
		assert_string_equal(a.metadata.items[i].value, wanted[i][1]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_sources),
		cmocka_unit_test(names_of_one_file),
		cmocka_unit_test(metadata),
	};

	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
