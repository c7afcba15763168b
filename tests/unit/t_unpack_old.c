/* SPDX-License-Identifier: Apache-2.0 */
/* Packages as they were around 2012: older dialects of ar and tar, other codecs, and both mixed; whole and hostile. */
#include "unit/unit.h"

#include "unit/deb_maker.h"

#include "base/limits.h"
#include "unpack/deb_file.h"

enum { MAGIC_AT = 257, SUM_AT = 148, SIZE_AT = 124, MODE_AT = 100, TYPE_AT = 156 };

static void set_sum(uint8_t *block, bool with_sign)
{
	int sum = 0;

	memset(block + SUM_AT, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += with_sign ? (int)(int8_t)block[i] : (int)block[i];
	snprintf((char *)block + SUM_AT, 8, "%06o", (unsigned)sum);
}

/* Call CHANGE for every header of TAR, with its number. */
static void each_header(struct buffer *tar, void (*change)(uint8_t *block, size_t number))
{
	size_t number = 0;

	for (size_t at = 0; at + TAR_BLOCK <= tar->len && tar->data[at];) {
		uint8_t *block = (uint8_t *)tar->data + at;
		size_t size = strtoul((char *)block + SIZE_AT, NULL, 8);

		change(block, number++);
		at += TAR_BLOCK + (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	}
}

/* Before there was a magic: a folder is a name with a slash at its end, and nobody has a name. */
static void make_v7(uint8_t *block, size_t number)
{
	(void)number;
	if (block[TYPE_AT] == 'L' || block[TYPE_AT] == 'K')
		return;
	if (block[TYPE_AT] == '5' || block[TYPE_AT] == '0')
		block[TYPE_AT] = '\0';
	memset(block + MAGIC_AT, 0, TAR_BLOCK - MAGIC_AT);
	set_sum(block, false);
}

static void make_v7_of_others(uint8_t *block, size_t number)
{
	if (number % 2)
		make_v7(block, number);
}

/* As ustar has it: "ustar", NUL, "00". */
static void make_posix(uint8_t *block, size_t number)
{
	(void)number;
	memcpy(block + MAGIC_AT,
	       "ustar\0"
	       "00",
	       8);
	set_sum(block, false);
}

/* Old programs put blanks in front of numbers, and behind them. */
static void pad_numbers(uint8_t *block, size_t number)
{
	char digits[8];

	(void)number;
	snprintf(digits, sizeof digits, "%6lo ", strtoul((char *)block + MODE_AT, NULL, 8));
	memcpy(block + MODE_AT, digits, sizeof digits);
	set_sum(block, false);
}

/* Some added bytes up as signed numbers. */
static void sum_with_sign(uint8_t *block, size_t number)
{
	(void)number;
	set_sum(block, true);
}

static void v7(struct buffer *tar)
{
	each_header(tar, make_v7);
}

static void v7_mixed(struct buffer *tar)
{
	each_header(tar, make_v7_of_others);
}

static void posix(struct buffer *tar)
{
	each_header(tar, make_posix);
}

static void padded(struct buffer *tar)
{
	each_header(tar, pad_numbers);
}

static void signed_sums(struct buffer *tar)
{
	each_header(tar, sum_with_sign);
}

static char long_path[180];

static const struct made_file tree[] = {
	MADE('5', "./", 0755, NULL),
	MADE('5', "./usr/", 0755, NULL),
	MADE('5',
	     "./usr/gr\xfc\xdf"
	     "e/",
	     0750, NULL),
	MADE('0',
	     "./usr/gr\xfc\xdf"
	     "e/hello",
	     0600, "hello, world\n"),
	MADE('0', "./usr/empty", 04755, ""),
	MADE('2', "./usr/link", 0777,
	     "gr\xfc\xdf"
	     "e"),
	MADE('1', "./usr/again", 0600,
	     "./usr/gr\xfc\xdf"
	     "e/hello"),
	MADE('0', long_path, 0644, "long\n"),
};

static void look_at_tree(struct scene *scene)
{
	char target[16] = "";

	assert_int_equal(scene_stat(scene, "/usr/gr\xfc\xdf"
					   "e")
				 .st_mode,
			 S_IFDIR | 0750);
	assert_int_equal(scene_stat(scene, "/usr/gr\xfc\xdf"
					   "e/hello")
				 .st_mode,
			 S_IFREG | 0600);
	assert_int_equal(scene_stat(scene, "/usr/gr\xfc\xdf"
					   "e/hello")
				 .st_nlink,
			 2);
	assert_int_equal(scene_stat(scene, "/usr/empty").st_mode, S_IFREG | 04755);
	assert_text(scene, "/usr/again", "hello, world\n");
	assert_text(scene, long_path + 1, "long\n");
	assert_int_equal(readlinkat(scene->root_fd, "usr/link", target, sizeof target), 5);
	assert_text(scene, "/var/lib/dpkg/info/old.md5sums", "what the package says\n");
}

/* Every second member of the ar archive loses the slash at the end of its name. */
static void mix_names(struct buffer *deb)
{
	char *name = memmem(deb->data, deb->len, "control.tar.gz/", 15);

	assert_non_null(name);
	name[14] = ' ';
}

static void every_dialect(void **state)
{
	static const char *const suffixes[] = { ".gz", ".bz2", ".xz", ".lzma" };
	static void (*const tars[])(struct buffer *) = { NULL, v7, v7_mixed, posix, padded, signed_sums };
	enum { PLAIN, SLASHES, MIXED, AR_COUNT };

	(void)state;
	memcpy(long_path, "./", 2);
	memset(long_path + 2, 'x', sizeof long_path - 3);
	memcpy(long_path + 90, "/", 1);
	memcpy(long_path,
	       "./usr/gr\xfc\xdf"
	       "e/",
	       12);
	for (size_t i = 0; i < ARRAY_LEN(suffixes) * ARRAY_LEN(tars) * AR_COUNT; i++) {
		struct scene scene;
		size_t ar = i % AR_COUNT;
		struct made_deb made = {
			.name = "old",
			.control_suffix = ".gz",
			.suffix = suffixes[i / AR_COUNT % ARRAY_LEN(suffixes)],
			.retouch = tars[i / AR_COUNT / ARRAY_LEN(suffixes)],
			.old_dialect = ar != PLAIN,
			.members = { MADE('0', "./md5sums", 0644, "what the package says\n") },
		};

		memcpy(made.files, tree, sizeof tree);
		scene_open(&scene);
		scene_prepare(&scene);
		scene_add(&scene, &made);
		if (ar == MIXED)
			mix_names(&scene.fetcher.debs[0]);
		if (scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT) < 0)
			fail_msg("case %zu: %s", i, scene.e.text);
		look_at_tree(&scene);
		scene_close(&scene);
	}
}

static const struct made_deb small = {
	.name = "old",
	.control_suffix = ".gz",
	.files = { MADE('5', "./usr/", 0755, NULL), MADE('0', "./usr/hello", 0644, "hello, world\n") },
};

/* The bytes of member NAME in DEB, from its header's end on. */
static uint8_t *member_in(struct buffer *deb, const char *name)
{
	char *found = memmem(deb->data, deb->len, name, strlen(name));

	assert_non_null(found);
	return (uint8_t *)found + 60;
}

static void assert_refused(struct scene *scene, const char *words)
{
	assert_int_equal(scene_unpack(scene, 0, DEB_CONFFILES_DIRECT), -1);
	assert_int_equal(scene->e.kind, ERROR_FORMAT);
	if (!strstr(scene->e.text, words))
		fail_msg("'%s' is not in: %s", words, scene->e.text);
}

/* What lzma wants to remember stands in its first bytes, and it has no magic to be known by. */
static void lzma_windows(void **state)
{
	static const struct {
		uint8_t properties;
		uint32_t dictionary;
		const char *words; /* NULL: fine */
	} cases[] = {
		{ 0x5d, 64 << 20, NULL },
		{ 0x5d, 128 << 20, NULL },
		{ 0x5d, 512 << 20, "would need 512 MiB of memory" },
		{ 0x5d, (512 << 20) + 1, "would need 512 MiB of memory" },
		{ 0x5e, 1 << 30, "would need 1024 MiB of memory" },
		{ 0x00, UINT32_MAX, "would need 4096 MiB of memory" },
		{ 0xe0, 200 << 20, "damaged lzma data" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct scene scene;
		struct made_deb made = small;
		uint8_t *head;

		made.suffix = ".lzma";
		scene_open(&scene);
		scene_prepare(&scene);
		scene_add(&scene, &made);
		head = member_in(&scene.fetcher.debs[0], "data.tar.lzma");
		assert_int_equal(head[0], 0x5d);
		head[0] = cases[i].properties;
		for (size_t k = 0; k < 4; k++)
			head[1 + k] = (uint8_t)(cases[i].dictionary >> (8 * k));
		if (cases[i].words)
			assert_refused(&scene, cases[i].words);
		else if (scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT) < 0)
			fail_msg("case %zu: %s", i, scene.e.text);
		scene_close(&scene);
	}
}

/* Bytes that end early, in every codec of the age. */
static void cut_short(void **state)
{
	static const char *const suffixes[] = { ".gz", ".bz2", ".xz", ".lzma" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		for (unsigned keep = 0; keep < 100; keep += 9) {
			struct scene scene;
			struct made_deb made = small;
			auto_free char *name = xasprintf("data.tar%s", suffixes[i]);
			struct buffer *deb = &scene.fetcher.debs[0];
			uint8_t *data;
			char size[11];

			made.suffix = suffixes[i];
			scene_open(&scene);
			scene_prepare(&scene);
			scene_add(&scene, &made);
			data = member_in(deb, name);
			snprintf(size, sizeof size, "%-10u", keep);
			memcpy(data - 12, size, 10);
			deb->len = (size_t)((char *)data - deb->data) + keep;
			if (scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT) == 0 ||
			    scene.e.kind != ERROR_FORMAT)
				fail_msg("%s of %u bytes: kind %d, %s", name, keep, scene.e.kind,
					 scene.e.text);
			scene_close(&scene);
		}
	}
}

/* A name that says one codec, before content of another: lzma has no magic that would tell. */
static void codec_of_another(void **state)
{
	static const char *const suffixes[] = { ".gz", ".bz2", ".xz", ".lzma", "" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(suffixes) * ARRAY_LEN(suffixes); i++) {
		const char *real = suffixes[i / ARRAY_LEN(suffixes)];
		const char *said = suffixes[i % ARRAY_LEN(suffixes)];
		auto_free char *name = xasprintf("data.tar%s", real);
		auto_free char *wrong = xasprintf("data.tar%-8s", said);
		struct made_deb made = small;
		struct scene scene;

		if (strcmp(real, said) == 0)
			continue;
		made.suffix = real;
		scene_open(&scene);
		scene_prepare(&scene);
		scene_add(&scene, &made);
		memcpy(member_in(&scene.fetcher.debs[0], name) - 60, wrong, 16);
		if (scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT) == 0 || scene.e.kind != ERROR_FORMAT)
			fail_msg("%s as %s: kind %d, %s", real, said, scene.e.kind, scene.e.text);
		scene_close(&scene);
	}
}

/* What a slash means to GNU's ar: tables, and names that stand in them. None of it leads anywhere but to an error. */
static void names_of_ar(void **state)
{
	static const struct {
		const char *name; /* in place of data.tar's */
		const char *words;
	} cases[] = {
		{ "/", "malformed ar archive" },
		{ "//", "malformed ar archive" },
		{ "///", "malformed ar archive" },
		{ "/0", "stands where 'data.tar' belongs" },
		{ "/99999999999", "stands where 'data.tar' belongs" },
		{ "../data.tar.gz/", "stands where 'data.tar' belongs" },
		{ "/data.tar.gz", "stands where 'data.tar' belongs" },
		{ "data.tar.gz//", NULL },
		{ "data.tar.gz/x", "compressed in a way that is not known" },
		{ "data.tar/.gz", "compressed in a way that is not known" },
		{ "#1/9999999999", "stands where 'data.tar' belongs" },
		{ "", "malformed ar archive" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct made_deb made = small;
		char field[17];
		struct scene scene;

		made.suffix = ".gz";
		scene_open(&scene);
		scene_prepare(&scene);
		scene_add(&scene, &made);
		snprintf(field, sizeof field, "%-16.16s", cases[i].name);
		memcpy(member_in(&scene.fetcher.debs[0], "data.tar.gz") - 60, field, 16);
		if (scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT) == 0)
			assert_null(cases[i].words);
		else if (!cases[i].words || !strstr(scene.e.text, cases[i].words))
			fail_msg("'%s': %s", cases[i].name, scene.e.text);
		scene_close(&scene);
	}
}

static void claim_too_much(uint8_t *block, size_t number)
{
	if (number == 1) {
		memset(block + SIZE_AT, '7', 11);
		set_sum(block, false);
	}
}

static void negative_size(uint8_t *block, size_t number)
{
	if (number == 1) {
		memset(block + SIZE_AT, 0xff, 12);
		set_sum(block, false);
	}
}

static void wrong_sum(uint8_t *block, size_t number)
{
	if (number == 1)
		block[SUM_AT + 5] ^= 1;
}

static void claims(struct buffer *tar)
{
	each_header(tar, claim_too_much);
}

static void negative(struct buffer *tar)
{
	each_header(tar, negative_size);
}

static void bad_sum(struct buffer *tar)
{
	each_header(tar, wrong_sum);
}

/* control.tar has one entry: it is the file in data.tar that they change. */
static void hostile_headers(void **state)
{
	static void (*const retouches[])(struct buffer *) = { claims, negative, bad_sum };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(retouches); i++) {
		struct made_deb made = small;
		struct scene scene;

		made.retouch = retouches[i];
		made.suffix = ".bz2";
		scene_open(&scene);
		scene_prepare(&scene);
		scene_add(&scene, &made);
		assert_refused(&scene, "package 'old' 1.0");
		scene_close(&scene);
	}
}

/* A folder's name with its slash, but a link to the outside: nothing may be written through it. */
static void link_as_folder(void **state)
{
	char folder[] = "/tmp/kiln-unit-out-XXXXXX";
	struct made_deb made = {
		.name = "old",
		.control_suffix = ".gz",
		.retouch = v7,
		.suffix = ".lzma",
		.files = { MADE('2', "./usr/", 0777, folder), MADE('0', "./usr/hello", 0644, "mine now\n") },
	};
	struct scene scene;

	(void)state;
	need_rights();
	assert_non_null(mkdtemp(folder));
	scene_open(&scene);
	scene_prepare(&scene);
	scene_add(&scene, &made);
	/* Whether it is refused or kept inside: the folder stays as empty as it was. */
	(void)!scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT);
	scene_close(&scene);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_dialect),  cmocka_unit_test(lzma_windows),
		cmocka_unit_test(cut_short),      cmocka_unit_test(codec_of_another),
		cmocka_unit_test(names_of_ar),    cmocka_unit_test(hostile_headers),
		cmocka_unit_test(link_as_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
