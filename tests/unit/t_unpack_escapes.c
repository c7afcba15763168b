/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packages made to get out of the root, or to exhaust the machine: a table of tricks, each of which is refused with an
 * error that says where it is, or placed inside; in bounded memory, and with a folder outside as it was.
 */
#include "unit/unit.h"

#include "unit/deb_maker.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

/* Stands in names and targets for the folder outside, of which nobody knows the name before. */
#define OUT      "@OUT@"
#define UP       "../../../../../../../.."
#define MANY     100000
#define TIB      (1ULL << 40)
#define TOP_MODE 07777

enum {
	TRICK_DEBS = 2,
	TRICK_SECONDS = 30,
	RESIDENT_MAX_MIB = 300,
	BOMB_BYTES = 160 << 20,
};

struct trick {
	const char *name;
	struct made_deb debs[TRICK_DEBS];
	void (*make)(struct buffer *deb); /* the first package, instead */
	const char *refusal;              /* what the error says; NULL: it is placed */
	void (*check)(struct scene *scene);
};

/* What a child tells of itself. */
struct outcome {
	int result;
	struct error e;
	long resident_mib;
};

/* ---- packages that the maker of packages cannot make */

static void add_header(struct buffer *tar, const char *path, uint64_t size_bytes)
{
	const struct made_file file = { .mode = 0644 };

	put_header(tar, '0', path, NULL, size_bytes, &file);
}

static void begin_deb(struct buffer *deb)
{
	const struct made_deb made = { .name = "first" };
	auto_buffer struct buffer whole = BUFFER_INIT;
	const char *data;

	/* All but data.tar. */
	make_deb(&whole, &made);
	data = memmem(whole.data, whole.len, "data.tar", 8);
	buffer_add(deb, whole.data, (size_t)(data - whole.data));
}

static void add_packed(struct buffer *deb, const char *suffix, const struct buffer *tar)
{
	auto_buffer struct buffer packed = BUFFER_INIT;
	auto_free char *name = xasprintf("data.tar%s", suffix);

	if (*suffix)
		compress_into(&packed, suffix, tar);
	put_member(deb, name, false, *suffix ? packed.data : tar->data, *suffix ? packed.len : tar->len);
}

/* COUNT zero bytes that take next to nothing. */
static void zeros(struct buffer *out, const char *suffix, size_t count)
{
	struct buffer plain = { .data = xcalloc(1, count), .len = count };

	compress_into(out, suffix, &plain);
	free(plain.data);
}

static void many_files(struct buffer *deb)
{
	auto_buffer struct buffer tar = BUFFER_INIT;

	begin_deb(deb);
	for (unsigned i = 0; i < MANY; i++) {
		auto_free char *path = xasprintf("./many/%u", i);

		add_header(&tar, path, 0);
	}
	put_content(&tar, (const char[2 * TAR_BLOCK]) { 0 }, 2 * TAR_BLOCK);
	add_packed(deb, ".zst", &tar);
}

static void many_members(struct buffer *deb)
{
	buffer_adds(deb, "!<arch>\n");
	put_member(deb, "debian-binary", false, "2.0\n", 4);
	for (unsigned i = 0; i < MANY; i++)
		put_member(deb, "_", false, "", 0);
}

static void table_of_names(struct buffer *deb)
{
	buffer_adds(deb, "!<arch>\n");
	put_member(deb, "debian-binary", false, "2.0\n", 4);
	buffer_addf(deb, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", "//", 0, 0, 0, "0", 1 << 30);
}

static void two_data(struct buffer *deb)
{
	auto_buffer struct buffer tar = BUFFER_INIT;

	begin_deb(deb);
	for (unsigned i = 0; i < 2; i++) {
		buffer_reset(&tar);
		add_header(&tar, i ? "./second" : "./first", 0);
		put_content(&tar, (const char[2 * TAR_BLOCK]) { 0 }, 2 * TAR_BLOCK);
		add_packed(deb, "", &tar);
	}
}

static void two_controls(struct buffer *deb)
{
	begin_deb(deb);
	put_member(deb, "control.tar", false, "", 0);
}

/* A tar archive, then zeros without end: nothing of them is placed, but they are read, lest something is missing. */
static void bomb_behind(struct buffer *deb)
{
	auto_buffer struct buffer tar = BUFFER_INIT;
	auto_buffer struct buffer all = BUFFER_INIT;
	auto_buffer struct buffer block = BUFFER_INIT;

	begin_deb(deb);
	add_header(&tar, "./x", 0);
	put_content(&tar, (const char[2 * TAR_BLOCK]) { 0 }, 2 * TAR_BLOCK);
	compress_into(&all, ".zst", &tar);
	zeros(&block, ".zst", BOMB_BYTES);
	/* 2.2 GiB in all: more than a package may become */
	for (unsigned i = 0; i < 14; i++)
		buffer_add(&all, block.data, block.len);
	put_member(deb, "data.tar.zst", false, all.data, all.len);
}

static void control_bomb(struct buffer *deb, const char *suffix)
{
	auto_buffer struct buffer packed = BUFFER_INIT;
	auto_free char *name = xasprintf("control.tar%s", suffix);

	buffer_adds(deb, "!<arch>\n");
	put_member(deb, "debian-binary", false, "2.0\n", 4);
	zeros(&packed, suffix, BOMB_BYTES / 8);
	put_member(deb, name, false, packed.data, packed.len);
}

static void control_bomb_gz(struct buffer *deb)
{
	control_bomb(deb, ".gz");
}

static void control_bomb_xz(struct buffer *deb)
{
	control_bomb(deb, ".xz");
}

static void control_bomb_zst(struct buffer *deb)
{
	control_bomb(deb, ".zst");
}

/* A member of the control data that is as large as it says. */
static void control_file_bomb(struct buffer *deb)
{
	auto_buffer struct buffer tar = BUFFER_INIT;
	auto_buffer struct buffer all = BUFFER_INIT;
	auto_buffer struct buffer block = BUFFER_INIT;

	buffer_adds(deb, "!<arch>\n");
	put_member(deb, "debian-binary", false, "2.0\n", 4);
	add_header(&tar, "./postinst", BOMB_BYTES);
	compress_into(&all, ".zst", &tar);
	zeros(&block, ".zst", BOMB_BYTES);
	buffer_add(&all, block.data, block.len);
	put_member(deb, "control.tar.zst", false, all.data, all.len);
}

/* One header of KIND that claims SIZE_BYTES, in front of zeros. */
static void header_bomb(struct buffer *deb, char kind, uint64_t size_bytes)
{
	auto_buffer struct buffer tar = BUFFER_INIT;
	auto_buffer struct buffer all = BUFFER_INIT;
	auto_buffer struct buffer block = BUFFER_INIT;
	const struct made_file file = { .mode = 0644 };

	begin_deb(deb);
	put_header(&tar, kind, "header", NULL, size_bytes, &file);
	compress_into(&all, ".zst", &tar);
	zeros(&block, ".zst", BOMB_BYTES);
	buffer_add(&all, block.data, block.len);
	put_member(deb, "data.tar.zst", false, all.data, all.len);
}

static void pax_bomb(struct buffer *deb)
{
	header_bomb(deb, 'x', BOMB_BYTES);
}

static void global_pax_bomb(struct buffer *deb)
{
	header_bomb(deb, 'g', BOMB_BYTES);
}

static void long_name_bomb(struct buffer *deb)
{
	header_bomb(deb, 'L', BOMB_BYTES);
}

static void long_link_bomb(struct buffer *deb)
{
	header_bomb(deb, 'K', 8ULL << 30);
}

/* One entry with so many attributes, of so many bytes each. */
static void attributes(struct buffer *deb, unsigned count, size_t len)
{
	auto_buffer struct buffer tar = BUFFER_INIT;
	auto_buffer struct buffer records = BUFFER_INIT;
	auto_free char *value = xmalloc(len + 1);
	const struct made_file file = { .mode = 0644 };

	memset(value, 'v', len);
	value[len] = '\0';
	for (unsigned i = 0; i < count; i++) {
		auto_free char *record = xasprintf(" SCHILY.xattr.user.a%06u=%s\n", i, value);
		size_t digits = 1;

		for (size_t power = 10; strlen(record) + digits >= power; power *= 10)
			digits++;
		buffer_addf(&records, "%zu%s", strlen(record) + digits, record);
	}
	begin_deb(deb);
	put_header(&tar, 'x', "pax", NULL, records.len, &file);
	put_content(&tar, records.data, records.len);
	add_header(&tar, "./x", 0);
	put_content(&tar, (const char[2 * TAR_BLOCK]) { 0 }, 2 * TAR_BLOCK);
	add_packed(deb, ".zst", &tar);
}

static void many_attributes(struct buffer *deb)
{
	attributes(deb, 10000, 10);
}

static void wide_attributes(struct buffer *deb)
{
	attributes(deb, 200, 5000);
}

/* ---- what has to be so inside */

static bool same_file(struct scene *scene, const char *a, const char *b)
{
	return scene_stat(scene, a).st_ino == scene_stat(scene, b).st_ino;
}

static void check_device(struct scene *scene)
{
	struct stat st = scene_stat(scene, "/dev/disk");

	assert_true(S_ISBLK(st.st_mode));
	assert_int_equal(major(st.st_rdev), 1);
}

static void check_pipe(struct scene *scene)
{
	assert_true(S_ISFIFO(scene_stat(scene, "/pipe").st_mode));
	assert_true(same_file(scene, "/pipe", "/again"));
}

static void check_many(struct scene *scene)
{
	assert_true(scene_has(scene, "/many/0") && scene_has(scene, "/many/99999"));
}

static void check_first(struct scene *scene)
{
	assert_true(scene_has(scene, "/first") && !scene_has(scene, "/second"));
}

static void check_merged(struct scene *scene)
{
	assert_true(S_ISLNK(scene_stat(scene, "/bin").st_mode));
	assert_true(S_ISREG(scene_stat(scene, "/usr/bin/x").st_mode));
}

static void check_own_modes(struct scene *scene)
{
	assert_int_equal(scene_stat(scene, "/trap").st_mode & TOP_MODE, 06755);
	assert_int_equal(scene_stat(scene, "/trap").st_nlink, 2);
}

static void check_bytes(struct scene *scene)
{
	assert_true(scene_has(scene, "/\xff\xfe\x80"));
	assert_true(scene_has(scene, "/\x1b[2J"));
}

static const struct trick tricks[] = {
	/* ---- names */
	{ .name = "absolute name", .debs = { { .files = { MADE('0', OUT "/evil", 0644, "x") } } } },
	{ .name = "name that goes up",
	  .debs = { { .files = { MADE('0', "./../evil", 0644, "x") } } },
	  .refusal = "is not allowed" },
	{ .name = "name that goes up later",
	  .debs = { { .files = { MADE('0', "./a/b/../../../evil", 0644, "x") } } },
	  .refusal = "is not allowed" },
	{ .name = "folder that is '..'",
	  .debs = { { .files = { MADE('5', "./a/..", 0777, NULL) } } },
	  .refusal = "is not allowed" },
	{ .name = "name of a name",
	  .debs = { { .files = { MADE('0', "./a\nb", 0644, "x") } } },
	  .refusal = "line end" },
	{ .name = "names that are no UTF-8, or steer a terminal",
	  .debs = { { .files = { MADE('0', "./\xff\xfe\x80", 0644, "x"),
				 MADE('0', "./\x1b[2J", 0644, "x") } } },
	  .check = check_bytes },
	{ .name = "file in place of the root",
	  .debs = { { .files = { MADE('2', "./", 0777, OUT) } } },
	  .refusal = "is no folder" },
	/* ---- links out of the tree */
	{ .name = "file through an own link",
	  .debs = { { .files = { MADE('2', "./out", 0777, OUT), MADE('0', "./out/evil", 0644, "x") } } },
	  .refusal = "'/out'" },
	{ .name = "file through an own link that goes up",
	  .debs = { { .files = { MADE('2', "./out", 0777, UP OUT), MADE('0', "./out/evil", 0644, "x") } } },
	  .refusal = "'/out'" },
	{ .name = "link of one package, file below it in another",
	  .debs = { { .files = { MADE('2', "./out", 0777, OUT) } },
		    { .files = { MADE('0', "./out/evil", 0644, "x"),
				 MADE('0', "./out/file", 0644, "x") } } } },
	{ .name = "folder of one package, link of another",
	  .debs = { { .files = { MADE('5', "./out", 0755, NULL), MADE('0', "./out/file", 0644, "x") } },
		    { .files = { MADE('2', "./out", 0777, OUT), MADE('0', "./out/evil", 0644, "x") } } } },
	{ .name = "file in place of a link that leads out",
	  .debs = { { .files = { MADE('2', "./f", 0777, OUT "/file") } },
		    { .fields = "Replaces: first\n", .files = { MADE('0', "./f", 0644, "evil") } } } },
	{ .name = "chain of links that goes up",
	  .debs = { { .files = { MADE('2', "./a", 0777, "b/.."), MADE('2', "./b", 0777, "../.."),
				 MADE('0', "./a/tmp/evil", 0644, "x") } } } },
	{ .name = "links in a ring",
	  .debs = { { .files = { MADE('2', "./a", 0777, "b"), MADE('2', "./b", 0777, "a"),
				 MADE('0', "./a/f", 0644, "x") } } },
	  .refusal = "Too many levels of symbolic links" },
	{ .name = "link with a target of 5000 bytes",
	  .debs = { { .files = { MADE('2', "./l", 0777, NULL) } } },
	  .refusal = "/l" },
	{ .name = "through the links of a merged /usr",
	  .debs = { { .files = { MADE('0', "./bin/x", 0755, "x"), MADE('2', "./usr/lib", 0777, OUT) } },
		    { .files = { MADE('0', "./lib/evil", 0644, "x"),
				 MADE('0', "./usr/lib/evil2", 0644, "x") } } },
	  .check = check_merged },
	{ .name = "link in place of a merged /usr's",
	  .debs = { { .files = { MADE('2', "./bin", 0777, OUT) } },
		    { .files = { MADE('0', "./bin/evil", 0755, "x") } } } },
	/* ---- hard links */
	{ .name = "hard link to the outside",
	  .debs = { { .files = { MADE('1', "./h", 0644, UP OUT "/file") } } },
	  .refusal = "hard link '/h': path" },
	{ .name = "hard link to an absolute name",
	  .debs = { { .files = { MADE('1', "./h", 0644, OUT "/file") } } },
	  .refusal = "hard link" },
	{ .name = "hard link through a link",
	  .debs = { { .files = { MADE('2', "./out", 0777, OUT), MADE('1', "./h", 0644, "./out/file") } } },
	  .refusal = "which is not there" },
	{ .name = "hard link to a link, then written to",
	  .debs = { { .files = { MADE('2', "./l", 0777, OUT "/file"), MADE('1', "./h", 0644, "./l") } },
		    { .fields = "Replaces: first\n", .files = { MADE('0', "./h", 0644, "evil") } } } },
	{ .name = "hard link to a folder",
	  .debs = { { .files = { MADE('5', "./d", 0755, NULL), MADE('1', "./h", 0644, "./d") } } },
	  .refusal = "h" },
	{ .name = "hard link to itself",
	  .debs = { { .files = { MADE('1', "./h", 0644, "./h") } } },
	  .refusal = "hard link to itself" },
	{ .name = "hard link to a set-uid file of its own",
	  .debs = { { .files = { MADE('0', "./trap", 06755, "x"), MADE('1', "./again", 0644, "./trap") } } },
	  .check = check_own_modes },
	{ .name = "hard link to a device",
	  .debs = { { .files = { MADE('4', "./dev/disk", 0666, NULL),
				 MADE('1', "./h", 0644, "./dev/disk") } } },
	  .check = check_device },
	/* ---- kinds */
	{ .name = "device",
	  .debs = { { .files = { MADE('4', "./dev/disk", 0666, NULL) } } },
	  .check = check_device },
	{ .name = "file written to another's device",
	  .debs = { { .files = { MADE('4', "./dev/null", 0666, NULL) } },
		    { .fields = "Replaces: first\n", .files = { MADE('0', "./dev/null", 0644, "evil") } } } },
	{ .name = "pipe, and a file in its place",
	  .debs = { { .files = { MADE('6', "./pipe", 0666, NULL), MADE('1', "./again", 0644, "./pipe") } } },
	  .check = check_pipe },
	{ .name = "kind that is not known", .debs = { { .files = { MADE('V', "./v", 0644, "x") } } } },
	/* ---- sizes and times */
	{ .name = "file that claims 1 TiB",
	  .debs = { { .files = { MADE('0', "./big", 0644, "x",
				      .claimed_bytes = 0777777777777ULL & (TIB - 1)) } } },
	  .refusal = "/big" },
	{ .name = "sparse file of 1 TiB",
	  .debs = { { .files = { MADE('0', "./s", 0644, "x", .pax_key = "GNU.sparse.size",
				      .pax_value = "1099511627776") } } },
	  .refusal = "have more than" },
	{ .name = "sparse file with a negative size",
	  .debs = { { .files = { MADE('0', "./s", 0644, "x", .pax_key = "GNU.sparse.realsize",
				      .pax_value = "-1") } } } },
	{ .name = "time beyond 2^60",
	  .debs = { { .files = { MADE('0', "./t", 0644, "x", .pax_key = "mtime",
				      .pax_value = "1152921504606846977") } } } },
	{ .name = "time before the epoch",
	  .debs = { { .files = { MADE('0', "./t", 0644, "x", .pax_key = "mtime",
				      .pax_value = "-9223372036854775808.9") } } } },
	{ .name = "owner of 2^32 - 1",
	  .debs = { { .files = { MADE('0', "./o", 0644, "x", .pax_key = "uid",
				      .pax_value = "4294967295") } } },
	  .refusal = "owner out of range" },
	{ .name = "owner of 2^63",
	  .debs = { { .files = { MADE('0', "./o", 0644, "x", .pax_key = "gid",
				      .pax_value = "9223372036854775808") } } } },
	{ .name = "100,000 files in a folder", .make = many_files, .check = check_many },
	/* ---- attributes and headers */
	{ .name = "10,000 attributes of a file", .make = many_attributes, .refusal = "10000 attributes" },
	{ .name = "attributes of 1 MB", .make = wide_attributes, .refusal = "attributes of more than" },
	{ .name = "attribute of the system",
	  .debs = { { .files = { MADE('0', "./a", 0644, "x", .pax_key = "SCHILY.xattr.trusted.overlay.opaque",
				      .pax_value = "y") } } } },
	{ .name = "extended header of 160 MB", .make = pax_bomb, .refusal = "malformed tar archive" },
	{ .name = "global header of 160 MB", .make = global_pax_bomb, .refusal = "malformed tar archive" },
	{ .name = "name of 160 MB", .make = long_name_bomb, .refusal = "malformed tar archive" },
	{ .name = "target of 8 GB", .make = long_link_bomb, .refusal = "malformed tar archive" },
	/* ---- containers */
	{ .name = "100,000 members", .make = many_members, .refusal = "more than 1000 members" },
	{ .name = "table of names of 1 GiB", .make = table_of_names, .refusal = "a member without a name" },
	{ .name = "data.tar twice", .make = two_data, .check = check_first },
	{ .name = "control.tar twice", .make = two_controls, .refusal = "stands where 'data.tar' belongs" },
	{ .name = "bomb in control.tar.gz", .make = control_bomb_gz, .refusal = "file 'control' is missing" },
	{ .name = "bomb in control.tar.xz", .make = control_bomb_xz, .refusal = "file 'control' is missing" },
	{ .name = "bomb in control.tar.zst",
	  .make = control_bomb_zst,
	  .refusal = "file 'control' is missing" },
	{ .name = "control file of 160 MB", .make = control_file_bomb, .refusal = "more than 64 MiB" },
	{ .name = "bomb behind data.tar", .make = bomb_behind, .refusal = "more than the limit of" },
	/* ---- control data */
	{ .name = "conffile outside",
	  .debs = { { .members = { MADE('0', "./conffiles", 0644, "/etc/../../evil\n") } } },
	  .refusal = "is no absolute path" },
	{ .name = "conffile through a link",
	  .debs = { { .members = { MADE('0', "./conffiles", 0644, "/out/file\n") },
		      .files = { MADE('2', "./out", 0777, OUT), MADE('0', "./out/file", 0644, "evil") } } } },
	{ .name = "digests of files outside",
	  .debs = { { .members = { MADE('0', "./md5sums", 0644, "0  ../../../" OUT "/file\n\xff\n") },
		      .files = { MADE('0', "./x", 0644, "x") } } } },
	{ .name = "trigger of a name outside",
	  .debs = { { .members = { MADE('0', "./triggers", 0644, "interest ../../../../evil\n") } } },
	  .refusal = "is no name of a trigger" },
	{ .name = "trigger of a path that goes up",
	  .debs = { { .members = { MADE('0', "./triggers", 0644, "interest /../../evil\n") } } } },
	{ .name = "script that is a link",
	  .debs = { { .members = { MADE('2', "./postinst", 0777, OUT "/file") } } },
	  .refusal = "is no plain file" },
	{ .name = "script in a folder",
	  .debs = { { .members = { MADE('0', "./a/postinst", 0755, "x") } } },
	  .refusal = "no plain file" },
	{ .name = "script with a dot in its name",
	  .debs = { { .members = { MADE('0', "./../postinst", 0755, "x") } } },
	  .refusal = "is not allowed" },
	{ .name = "package of a name outside",
	  .debs = { { .raw_control = "Package: ../../evil\nVersion: 1.0\nArchitecture: all\n" } },
	  .refusal = "no package name" },
	{ .name = "architecture of a name outside",
	  .debs = { { .raw_control = "Package: first\nVersion: 1.0\nArchitecture: ../../evil\n" } },
	  .refusal = "no architecture" },
	{ .name = "field with a NUL", .debs = { { .fields = "X: a\vb\x01\n" } } },
};

/* ---- running them */

/* A folder of the host: it has one file, and must have no other afterwards. */
struct outside {
	char folder[64];
	int fd;
};

static void outside_open(struct outside *outside)
{
	struct error e = ERROR_INIT;

	*outside = (struct outside) { .folder = "/tmp/kiln-unit-out-XXXXXX" };
	assert_non_null(mkdtemp(outside->folder));
	outside->fd = open(outside->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(outside->fd >= 0);
	assert_int_equal(root_write_text(outside->fd, "/file", "mine", &e), 0);
}

static bool outside_is_whole(const struct outside *outside)
{
	struct error e = ERROR_INIT;
	auto_free char *text = NULL;
	char **names = NULL;
	size_t count = 0;
	size_t len = 0;
	struct stat st;
	bool whole = dir_list(outside->fd, &names, &count, &e) == 0 && count == 1;

	names_free(names, count);
	return whole && root_read(outside->fd, "/file", &text, &len, &e) == 1 && strcmp(text, "mine") == 0 &&
	       root_lstat(outside->fd, "/file", &st, &e) == 1 && st.st_nlink == 1 &&
	       st.st_mode == (S_IFREG | 0644);
}

static void outside_close(struct outside *outside)
{
	struct error e = ERROR_INIT;

	assert_int_equal(root_empty_dir(outside->fd, "/", &e), 0);
	close(outside->fd);
	assert_int_equal(rmdir(outside->folder), 0);
}

/* TEXT with the folder's name in it; in ARENA. */
static const char *with_outside(struct arena *arena, const struct outside *outside, const char *text)
{
	const char *mark = text ? strstr(text, OUT) : NULL;

	if (!mark)
		return text;
	return arena_printf(arena, "%.*s%s%s", (int)(mark - text), text, outside->folder, mark + strlen(OUT));
}

static void adjust(struct arena *arena, const struct outside *outside, struct made_file *files)
{
	static char long_target[5001];

	memset(long_target, 't', sizeof long_target - 1);
	for (; files->type; files++) {
		files->path = with_outside(arena, outside, files->path);
		files->text = with_outside(arena, outside, files->text);
		if (files->type == '2' && !files->text)
			files->text = long_target;
	}
}

static void add_packages(struct scene *scene, struct arena *arena, const struct outside *outside,
			 const struct trick *trick)
{
	static const char *const names[TRICK_DEBS] = { "first", "second" };

	for (size_t i = 0; i < TRICK_DEBS; i++) {
		struct made_deb made = trick->debs[i];

		if (i && !made.files[0].type)
			break;
		made.name = names[i];
		adjust(arena, outside, made.files);
		adjust(arena, outside, made.members);
		scene_add(scene, &made);
		if (trick->make) {
			buffer_reset(&scene->fetcher.debs[0]);
			trick->make(&scene->fetcher.debs[0]);
			scene->packages[0].size_bytes = scene->fetcher.debs[0].len;
		}
	}
}

/* In a process of its own, whose memory can be told from that of the others, and which may not take for ever. */
static int unpack_apart(struct scene *scene, struct outcome *outcome)
{
	const struct rlimit seconds = { TRICK_SECONDS, TRICK_SECONDS };
	pid_t child = fork();
	struct rusage usage;
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		setrlimit(RLIMIT_CPU, &seconds);
		outcome->result = scene_unpack(scene, 0, DEB_CONFFILES_DIRECT);
		outcome->e = scene->e;
		_exit(0);
	}
	assert_int_equal(wait4(child, &status, 0, &usage), child);
	outcome->resident_mib = usage.ru_maxrss / 1024;
	return status;
}

static const char *judge(const struct trick *trick, int status, const struct outcome *outcome)
{
	if (status != 0)
		return "it ended otherwise than by itself";
#ifndef __SANITIZE_ADDRESS__
	if (outcome->resident_mib > RESIDENT_MAX_MIB)
		return "it took too much memory";
#endif
	if (!outcome->result)
		return trick->refusal ? "it should be refused" : NULL;
	if (!is_prefix(outcome->e.text, "package '"))
		return "the error does not say where";
	if (outcome->e.kind != ERROR_FORMAT && outcome->e.kind != ERROR_SYSTEM)
		return "this is no error of a package";
	if (trick->refusal && !strstr(outcome->e.text, trick->refusal))
		return "it is refused for another reason";
	if (trick->check)
		return "it should be placed";
	return NULL;
}

static void all_tricks(void **state)
{
	struct outcome *outcome =
		mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t refused = 0;
	size_t wrong = 0;
	long most_mib = 0;

	(void)state;
	need_host_root();
	assert_true(outcome != MAP_FAILED);
	for (size_t i = 0; i < ARRAY_LEN(tricks); i++) {
		struct outside outside;
		struct arena arena = ARENA_INIT;
		struct scene scene;
		const char *problem;
		int status;

		outside_open(&outside);
		scene_open(&scene);
		scene.plan.merged_usr = true;
		scene_prepare(&scene);
		add_packages(&scene, &arena, &outside, &tricks[i]);
		status = unpack_apart(&scene, outcome);
		problem = judge(&tricks[i], status, outcome);
		if (!problem && !outcome->result && tricks[i].check)
			tricks[i].check(&scene);
		if (!problem && !outside_is_whole(&outside))
			problem = "it got out";
		refused += outcome->result < 0;
		wrong += problem != NULL;
		if (outcome->resident_mib > most_mib)
			most_mib = outcome->resident_mib;
		print_message("# %-48s %-8s %4ld MiB  %s\n", tricks[i].name,
			      outcome->result < 0 ? "refused" : "placed", outcome->resident_mib,
			      problem               ? problem
			      : outcome->result < 0 ? outcome->e.text
						    : "");
		if (problem && outcome->result < 0)
			print_message("#     %s\n", outcome->e.text);
		arena_release(&arena);
		scene_close(&scene);
		outside_close(&outside);
	}
	print_message("# count: %zu tricks of packages: %zu refused, %zu placed inside, %zu wrong, at most "
		      "%ld MiB\n",
		      ARRAY_LEN(tricks), refused, ARRAY_LEN(tricks) - refused, wrong, most_mib);
	munmap(outcome, sizeof *outcome);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_tricks),
	};

	return cmocka_run_group_tests_name("unpack escapes", tests, NULL, NULL);
}
