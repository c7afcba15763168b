/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/process.h"
#include "customize/customize.h"
#include "pack/pack.h"
#include "recipe/recipe.h"
#include "tree/walk.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

enum { EPOCH_S = 1700000000 };

/* No digest of anything here. */
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct site {
	char folder[64];
	int top_fd;
	int tree_fd; /* "tree": what is packed */
	int out_fd;  /* "out" */
	char *words; /* what the log said */
	size_t words_len;
	FILE *words_file;
	struct log log;
	struct recipe recipe;
	struct image_template template[2];
	struct image_templates templates;
	struct pack_metadata metadata;
	struct tree_folder root;
	struct pack_options options;
};

static int open_folder(int dir_fd, const char *name)
{
	if (mkdirat(dir_fd, name, 0755) < 0)
		return -1;
	return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* How the formats of the site are compressed. */
static void choose(struct site *site, const char *words)
{
	struct error e = ERROR_INIT;

	if (pack_compression_parse(words, site->options.formats, site->options.compression, &e) < 0)
		fail_msg("%s", e.text);
}

static int setup(void **state)
{
	struct site *site = xcalloc(1, sizeof *site);
	const char *base = getenv("TMPDIR");
	static const char *create[] = { "create", "copy" };

	snprintf(site->folder, sizeof site->folder, "%s/kiln-unit-XXXXXX",
		 base && strlen(base) < 40 ? base : "/tmp");
	if (!mkdtemp(site->folder))
		return -1;
	site->top_fd = open(site->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	site->tree_fd = open_folder(site->top_fd, "tree");
	site->out_fd = open_folder(site->top_fd, "out");
	site->words_file = open_memstream(&site->words, &site->words_len);
	log_init(&site->log, LOG_NORMAL, site->words_file);
	site->recipe = (struct recipe) {
		.path = "x.yaml",
		.folder = site->folder,
		.image = { .distribution = "debian",
			   .release = "12",
			   .variant = "default",
			   .serial = "20231114_2213",
			   .name = "img-{{ image.release }}",
			   .description = "Debian \"{{ image.release }}\"\n\tgr\xc3\xbc\xc3\x9f dich: ~ #\n",
			   .expiry_s = 86400,
			   .name_place = { "x.yaml", 3, 5 } },
		.architecture = "x86_64",
		.architecture_mapped = "amd64",
		.architecture_personality = "linux64",
	};
	site->template[0] = (struct image_template) { .path = "/etc/hostname",
						      .name = "hostname.tpl",
						      .content = "{{ container.name }}\n",
						      .when = { create, 2 } };
	site->template[1] = (struct image_template) { .path = "/etc/hosts",
						      .name = "b.tpl",
						      .content = "127.0.0.1\n",
						      .when = { create, 1 },
						      .create_only = true };
	site->templates = (struct image_templates) { .items = site->template, .count = 2 };
	site->root = tree_folder(site->tree_fd, &site->log);
	site->options = (struct pack_options) { .root = &site->root.source,
						.metadata = &site->metadata,
						.epoch_s = EPOCH_S,
						.formats = PACK_UNIFIED | PACK_SPLIT,
						.output_fd = site->out_fd,
						.log = &site->log };
	choose(site, "zstd");
	*state = site;
	return site->tree_fd < 0 || site->out_fd < 0 ? -1 : 0;
}

static int run(const char *const *argv)
{
	struct process_options options = { .argv = argv, .output_max_bytes = 16 * MIB, .timeout_ms = 60000 };
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	struct error e = ERROR_INIT;

	if (process_run(&options, &result, &e) < 0) {
		print_message("%s\n", e.text);
		return -1;
	}
	if (result.status)
		print_message("%s: %s\n", argv[0], result.errors.data ? result.errors.data : "");
	return result.status;
}

static int teardown(void **state)
{
	struct site *site = *state;
	const char *argv[] = { "rm", "-rf", site->folder, NULL };
	int result = run(argv);

	close(site->tree_fd);
	close(site->out_fd);
	close(site->top_fd);
	pack_metadata_release(&site->metadata);
	log_release(&site->log);
	fclose(site->words_file);
	free(site->words);
	free(site);
	return result;
}

static void put_file(int dir_fd, const char *name, const void *data, size_t len, mode_t mode)
{
	struct error e = ERROR_INIT;
	auto_close int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, data, len, &e), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void put_time(int dir_fd, const char *name, int64_t mtime_s, long ns)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = mtime_s, .tv_nsec = ns } };

	assert_int_equal(utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* 20 folders in each other: paths of more than 4000 bytes, which no single system call takes. */
static void put_deep(int dir_fd)
{
	char name[201];
	int at = dup(dir_fd);

	memset(name, 'd', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	for (int i = 0; i < 19; i++) {
		int next = open_folder(at, name);

		assert_true(next >= 0);
		close(at);
		at = next;
	}
	memset(name, 'f', 180);
	name[180] = '\0';
	put_file(at, name, "deep", 4, 0644);
	close(at);
}

static void put_tree(const struct site *site)
{
	char longest[256];
	char zeros[1000] = { 0 };
	auto_close int bin_fd = open_folder(site->tree_fd, "bin");
	auto_close int sparse_fd = -1;

	put_file(bin_fd, "hello", "hello\n", 6, 04755);
	put_time(bin_fd, "hello", 1600000000, 5);
	put_file(bin_fd, "block", zeros, 512, 0600);
	put_file(bin_fd, "empty", "", 0, 0444);
	assert_int_equal(linkat(bin_fd, "hello", site->tree_fd, "zz-hello", 0), 0);
	assert_int_equal(linkat(bin_fd, "hello", bin_fd, "aa-hello", 0), 0);
	assert_int_equal(symlinkat("../bin/hello", site->tree_fd, "link"), 0);
	put_time(site->tree_fd, "link", 1600000001, 0);
	assert_int_equal(mkfifoat(site->tree_fd, "fifo", 0640), 0);
	memset(longest, 'n', 255);
	longest[255] = '\0';
	put_file(site->tree_fd, longest, "x", 1, 0644);
	put_file(site->tree_fd, "caf\xe9 \n\x01", "y", 1, 0644);
	put_file(site->tree_fd, "caf\xc3\xa9", "z", 1, 0644);
	put_deep(site->tree_fd);
	sparse_fd = openat(site->tree_fd, "sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(pwrite(sparse_fd, "end", 3, 3 * MIB), 3);
	assert_int_equal(mkdirat(site->tree_fd, "tmp", 0), 0);
	assert_int_equal(fchmodat(site->tree_fd, "tmp", 01777, 0), 0);
	assert_int_equal(mkdirat(site->tree_fd, "proc", 0555), 0);
	put_file(site->tree_fd, "future", "", 0, 0644);
	put_time(site->tree_fd, "future", EPOCH_S + 1000, 0);
	put_file(site->tree_fd, "past", "", 0, 0644);
	put_time(site->tree_fd, "past", -5, 0);
	put_file(site->tree_fd, "sock.a", "before its folder's namesake", 28, 0644);
	assert_int_equal(mkdirat(site->tree_fd, "sock", 0755), 0);
}

/* What only root may make. */
static void put_owned(const struct site *site)
{
	static const char capability[] =
		"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
	auto_close int fd = -1;

	assert_int_equal(mknodat(site->tree_fd, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
	put_file(site->tree_fd, "owned", "", 0, 0644);
	assert_int_equal(fchownat(site->tree_fd, "owned", 3000000, 4000000000U, 0), 0);
	put_file(site->tree_fd, "ping", "", 0, 0755);
	fd = openat(site->tree_fd, "ping", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fsetxattr(fd, "security.capability", capability, 20, 0), 0);
}

/* False where this file system has no such attributes. */
static bool put_attributes(const struct site *site)
{
	static const char acl[] =
		"\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x04\0\x39\x30\0\0"
		"\x04\0\x04\0\xff\xff\xff\xff\x10\0\x04\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff";
	auto_close int fd = openat(site->tree_fd, "future", O_RDONLY | O_CLOEXEC);
	auto_close int tmp_fd = openat(site->tree_fd, "sock", O_RDONLY | O_CLOEXEC);

	if (fsetxattr(fd, "user.demo", "a\0b\n", 4, 0) < 0)
		return false;
	assert_int_equal(fsetxattr(fd, "user.a=b%c", "v", 1, 0), 0);
	assert_int_equal(fsetxattr(fd, "user.none", "", 0, 0), 0);
	assert_int_equal(fsetxattr(fd, "user.overlay.opaque", "y", 1, 0), 0);
	if (fsetxattr(fd, "system.posix_acl_access", acl, sizeof acl - 1, 0) < 0)
		return errno != ENOTSUP;
	assert_int_equal(fsetxattr(tmp_fd, "system.posix_acl_default", acl, sizeof acl - 1, 0), 0);
	return true;
}

/* As a build does: metadata of the recipe, and the root. */
static int make_and_pack(struct site *site, struct artefacts *artefacts, struct error *e)
{
	pack_metadata_release(&site->metadata);
	if (pack_metadata_make(&site->recipe, &site->templates, EPOCH_S, &site->metadata, e) < 0 ||
	    pack_lxc_make(&site->recipe, &site->templates, EPOCH_S, &site->metadata, e) < 0)
		return -1;
	return pack_image(&site->options, artefacts, e);
}

/* Files of several blocks, one of them with a hole and one twice, and what does not get smaller. */
static void put_large(const struct site *site)
{
	auto_free char *data = xmalloc(3 * MIB + 5);

	for (size_t i = 0, x = 1; i < 3 * MIB + 5; i++)
		data[i] = (char)(i % (2 * MIB) < MIB ? i / 100 : (x = x * 6364136223846793005ULL + 1) >> 56);
	put_file(site->tree_fd, "large", data, 3 * MIB + 5, 0644);
	put_file(site->tree_fd, "large.twice", data, 3 * MIB + 5, 0600);
	memset(data + 500, 0, 2 * MIB);
	put_file(site->tree_fd, "large.hole", data, 3 * MIB, 0644);
}

static void pack(struct site *site, struct artefacts *artefacts)
{
	struct error e = ERROR_INIT;

	if (make_and_pack(site, artefacts, &e) < 0)
		fail_msg("%s", e.text);
}

static int digest_of_content(struct tree_content *content, struct digest *digest, struct error *e)
{
	auto_buffer struct buffer all = BUFFER_INIT;
	char piece[4096];
	size_t len;

	do {
		if (content->read(content, piece, sizeof piece, &len, e) < 0)
			return -1;
		buffer_add(&all, piece, len);
	} while (len);
	*digest = sha256_of(all.data, all.len);
	return 0;
}

/* One line per entry with all that is to be kept. */
static int describe(void *context, const struct tree_entry *entry, struct error *e)
{
	struct buffer *out = context;
	struct digest digest = { 0 };
	int64_t mtime_s = entry->st.st_mtim.tv_sec;

	if (entry->content && digest_of_content(entry->content, &digest, e) < 0)
		return -1;
	mtime_s = mtime_s < 0 ? 0 : mtime_s > EPOCH_S ? EPOCH_S : mtime_s;
	buffer_addf(out, "%s %o %u:%u %lld %lld %llx %s %s %s", entry->path, entry->st.st_mode,
		    entry->st.st_uid, entry->st.st_gid, (long long)mtime_s,
		    S_ISREG(entry->st.st_mode) ? (long long)entry->st.st_size : 0,
		    (unsigned long long)entry->st.st_rdev, entry->link ? entry->link : "-",
		    entry->hard_link ? entry->hard_link : "-", digest_hex(&digest).text);
	for (size_t i = 0; entry->xattrs && i < entry->xattrs->count; i++) {
		const struct xattr *xattr = &entry->xattrs->items[i];
		struct digest value = sha256_of(xattr->value, xattr->len);

		buffer_addf(out, " %s=%zu/%.8s", xattr->name, xattr->len, digest_hex(&value).text);
	}
	buffer_addc(out, '\n');
	return 0;
}

static struct buffer described(int root_fd)
{
	struct buffer out = BUFFER_INIT;
	struct error e = ERROR_INIT;
	struct tree_folder folder = tree_folder(root_fd, NULL);

	if (tree_visit(&folder.source, describe, &out, &e) < 0)
		fail_msg("%s", e.text);
	return out;
}

static void unpack_with_tar(const struct site *site, const char *name, const char *folder)
{
	auto_free char *archive = xasprintf("%s/out/%s", site->folder, name);
	auto_free char *target = xasprintf("%s/%s", site->folder, folder);
	const char *argv[] = {
		"tar",  "-C",    target, "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner",
		"-xpf", archive, NULL
	};

	assert_int_equal(mkdirat(site->top_fd, folder, 0755), 0);
	assert_int_equal(run(argv), 0);
}

/* Both archives, unpacked by GNU tar, are the tree. */
static void tar_unpacks_an_equal_tree(void **state)
{
	struct site *site = *state;
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	auto_buffer struct buffer before = BUFFER_INIT;
	auto_buffer struct buffer unified = BUFFER_INIT;
	auto_buffer struct buffer split = BUFFER_INIT;
	auto_close int unified_fd = -1;
	auto_close int split_fd = -1;

	put_tree(site);
	if (is_host_root())
		put_owned(site);
	if (!put_attributes(site))
		print_message("this file system has no attributes: not tested\n");
	choose(site, "gzip");
	pack(site, &artefacts);
	before = described(site->tree_fd);
	unpack_with_tar(site, "img-12.tar.gz", "unified");
	unpack_with_tar(site, "img-12.rootfs.tar.gz", "split");
	unified_fd = openat(site->top_fd, "unified/rootfs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	split_fd = openat(site->top_fd, "split", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unified = described(unified_fd);
	split = described(split_fd);
	assert_string_equal(unified.data, before.data);
	assert_string_equal(split.data, before.data);
	assert_null(strstr(before.data, "overlay"));
	/* The first name in order of the walk holds the data. */
	assert_non_null(strstr(before.data, "\nbin/hello 104755"));
	assert_non_null(strstr(before.data, " bin/aa-hello "));
	assert_int_equal(faccessat(site->top_fd, "unified/templates/hostname.tpl", R_OK, 0), 0);
}

static struct buffer slurp(int dir_fd, const char *name)
{
	struct buffer out = BUFFER_INIT;
	struct error e = ERROR_INIT;

	if (file_read(dir_fd, name, 64 * MIB, &out.data, &out.len, &e) < 0)
		fail_msg("%s", e.text);
	return out;
}

static void same_tree_same_bytes(void **state)
{
	struct site *site = *state;
	auto_artefacts struct artefacts first = ARTEFACTS_INIT;
	auto_artefacts struct artefacts second = ARTEFACTS_INIT;
	auto_artefacts struct artefacts alone = ARTEFACTS_INIT;
	mode_t old = umask(0);

	put_tree(site);
	umask(0077);
	pack(site, &first);
	umask(old);
	setenv("TZ", "Pacific/Kiritimati", 1);
	pack(site, &second);
	unsetenv("TZ");
	assert_int_equal(first.count, 2);
	for (size_t i = 0; i < first.count; i++)
		assert_true(digest_equal(&first.items[i].fingerprint, &second.items[i].fingerprint));
	/* One format alone is the same as both at once. */
	site->options.formats = PACK_SPLIT;
	pack(site, &alone);
	assert_int_equal(alone.count, 1);
	assert_true(digest_equal(&alone.items[0].fingerprint, &first.items[1].fingerprint));
}

static void fingerprints_and_sums(void **state)
{
	struct site *site = *state;
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	auto_buffer struct buffer unified = BUFFER_INIT;
	auto_buffer struct buffer both = BUFFER_INIT;
	auto_buffer struct buffer rootfs = BUFFER_INIT;
	auto_buffer struct buffer sums = BUFFER_INIT;
	struct error e = ERROR_INIT;
	struct digest digest;
	const struct artefact_file *files[3];
	bool same;
	static const char old[] =
		"zz\n"
		"0000000000000000000000000000000000000000000000000000000000000000  a-kept\n"
		"1111111111111111111111111111111111111111111111111111111111111111  gone\n"
		"2222222222222222222222222222222222222222222222222222222222222222 *img-12.tar.zst\n"
		"333333333333333333333333333333333333333333333333333333333333333x  a-kept\n"
		"3333333333333333333333333333333333333333333333333333333333333333 *z kept";

	put_file(site->tree_fd, "f", "x", 1, 0644);
	put_file(site->out_fd, "a-kept", "", 0, 0644);
	put_file(site->out_fd, "z kept", "", 0, 0644);
	put_file(site->out_fd, "SHA256SUMS", old, sizeof old - 1, 0644);
	pack(site, &artefacts);
	files[0] = &artefacts.items[0].files[0];
	files[1] = &artefacts.items[1].files[0];
	files[2] = &artefacts.items[1].files[1];
	assert_int_equal(pack_write_sums(site->out_fd, files, 3, &same, &e), 0);
	assert_false(same);
	assert_int_equal(pack_write_sums(site->out_fd, files, 3, &same, &e), 0);
	assert_true(same);
	assert_string_equal(artefacts.items[0].format, "unified");
	assert_int_equal(artefacts.items[0].file_count, 1);
	assert_string_equal(artefacts.items[0].files[0].name, "img-12.tar.zst");
	assert_string_equal(artefacts.items[1].files[0].name, "img-12.meta.tar.xz");
	assert_string_equal(artefacts.items[1].files[1].name, "img-12.rootfs.tar.zst");
	unified = slurp(site->out_fd, "img-12.tar.zst");
	both = slurp(site->out_fd, "img-12.meta.tar.xz");
	rootfs = slurp(site->out_fd, "img-12.rootfs.tar.zst");
	assert_int_equal(artefacts.items[1].files[0].size_bytes, both.len);
	assert_int_equal(artefacts.items[1].files[1].size_bytes, rootfs.len);
	buffer_add(&both, rootfs.data, rootfs.len);
	digest = sha256_of(unified.data, unified.len);
	assert_true(digest_equal(&digest, &artefacts.items[0].fingerprint));
	digest = sha256_of(both.data, both.len);
	assert_true(digest_equal(&digest, &artefacts.items[1].fingerprint));
	sums = slurp(site->out_fd, "SHA256SUMS");
	auto_free char *expected =
		xasprintf("%064d  a-kept\n%s  img-12.meta.tar.xz\n%s  img-12.rootfs.tar.zst\n"
			  "%s  img-12.tar.zst\n%.64s  z kept\n",
			  0, digest_hex(&artefacts.items[1].files[0].sha256).text,
			  digest_hex(&artefacts.items[1].files[1].sha256).text,
			  digest_hex(&artefacts.items[0].files[0].sha256).text, strrchr(old, '\n') + 1);
	assert_string_equal(sums.data, expected);
}

static void metadata_comes_first(void **state)
{
	struct site *site = *state;
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	auto_buffer struct buffer tar = BUFFER_INIT;
	static const char metadata[] =
		"architecture: \"x86_64\"\n"
		"creation_date: 1700000000\n"
		"expiry_date: 1700086400\n"
		"properties:\n"
		"  \"architecture\": \"amd64\"\n"
		"  \"description\": \"Debian \\\"12\\\"\\n\\tgr\xc3\xbc\xc3\x9f dich: ~ #\\n\"\n"
		"  \"name\": \"img-12\"\n"
		"  \"os\": \"debian\"\n"
		"  \"release\": \"12\"\n"
		"  \"serial\": \"20231114_2213\"\n"
		"  \"variant\": \"default\"\n"
		"templates:\n"
		"  \"/etc/hostname\":\n"
		"    when:\n"
		"    - \"create\"\n"
		"    - \"copy\"\n"
		"    create_only: false\n"
		"    template: \"hostname.tpl\"\n"
		"    properties: {}\n"
		"  \"/etc/hosts\":\n"
		"    when:\n"
		"    - \"create\"\n"
		"    create_only: true\n"
		"    template: \"b.tpl\"\n"
		"    properties:\n"
		"      \"k\": \"1\\n2\"\n";
	struct template_property property = { "k", "1\n2" };
	/* In blocks of 512 bytes: header and two of metadata, the folder, two files, the root, a file, the end. */
	static const struct {
		size_t block;
		const char *name;
	} entries[] = { { 0, "metadata.yaml" },   { 3, "templates/" },
			{ 4, "templates/b.tpl" }, { 6, "templates/hostname.tpl" },
			{ 8, "rootfs/" },         { 9, "rootfs/a" },
			{ 11, "rootfs/a.d/" } };

	site->template[1].properties = &property;
	site->template[1].property_count = 1;
	choose(site, "none");
	site->options.formats = PACK_UNIFIED;
	put_file(site->tree_fd, "a", "x", 1, 0644);
	assert_int_equal(mkdirat(site->tree_fd, "a.d", 0755), 0);
	pack(site, &artefacts);
	tar = slurp(site->out_fd, "img-12.tar");
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		assert_string_equal(tar.data + entries[i].block * 512, entries[i].name);
	assert_int_equal(tar.len, 14 * 512);
	assert_int_equal(strncmp(tar.data + 512, metadata, sizeof metadata - 1), 0);
}

static void assert_refused(struct site *site, enum error_kind kind, const char *text)
{
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	struct error e = ERROR_INIT;
	char **names = NULL;
	size_t count = 0;

	assert_int_equal(make_and_pack(site, &artefacts, &e), -1);
	assert_int_equal(e.kind, kind);
	if (!strstr(e.text, text))
		fail_msg("'%s' is not in '%s'", text, e.text);
	assert_int_equal(dir_list(site->out_fd, &names, &count, &e), 0);
	names_free(names, count);
	assert_int_equal(count, 0);
	assert_int_equal(artefacts.count, 0);
}

static void names_that_are_no_file(void **state)
{
	struct site *site = *state;
	char longest[202];

	site->recipe.image.name = "a/b";
	assert_refused(site, ERROR_RECIPE,
		       "x.yaml:3:5: the image's name 'a/b' cannot name a file: it has a '/'");
	site->recipe.image.name = "a\nb";
	assert_refused(site, ERROR_RECIPE, "it has a control character");
	site->recipe.image.name = "..";
	assert_refused(site, ERROR_RECIPE, "starts with a dot");
	memset(longest, 'x', 201);
	longest[201] = '\0';
	site->recipe.image.name = longest;
	assert_refused(site, ERROR_RECIPE, "has 201 bytes");
	site->recipe.image.name = "ok";
	site->recipe.image.description = "\xff";
	assert_refused(site, ERROR_RECIPE, "is not UTF-8");
	site->recipe.image.description = "ok";
	site->template[1].name = "hostname.tpl";
	assert_refused(site, ERROR_RECIPE,
		       "the templates of '/etc/hostname' and '/etc/hosts' are both named 'hostname.tpl', but "
		       "differ");
}

/* A failure in the middle leaves the older image and nothing else. */
static void older_image_stays(void **state)
{
	struct site *site = *state;
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	auto_buffer struct buffer before = BUFFER_INIT;
	auto_buffer struct buffer after = BUFFER_INIT;
	struct error e = ERROR_INIT;
	char **names = NULL;
	size_t count = 0;

	put_deep(site->tree_fd);
	pack(site, &artefacts);
	before = slurp(site->out_fd, "img-12.tar.zst");
	artefacts_release(&artefacts);
	/* One level more, and the path is too long. */
	assert_int_equal(mkdirat(site->tree_fd, "wrap", 0755), 0);
	{
		char name[201];
		auto_free char *to = NULL;

		memset(name, 'd', 200);
		name[200] = '\0';
		to = xasprintf("wrap/%0120d", 0);
		assert_int_equal(mkdirat(site->tree_fd, to, 0755), 0);
		free(TAKE(to, xasprintf("wrap/%0120d/%s", 0, name)));
		assert_int_equal(renameat(site->tree_fd, name, site->tree_fd, to), 0);
	}
	put_file(site->tree_fd, "a-new", "file", 4, 0644);
	assert_int_equal(make_and_pack(site, &artefacts, &e), -1);
	assert_int_equal(e.kind, ERROR_FORMAT);
	assert_non_null(strstr(e.text, "is longer than 4095 bytes"));
	after = slurp(site->out_fd, "img-12.tar.zst");
	assert_int_equal(after.len, before.len);
	assert_memory_equal(after.data, before.data, after.len);
	assert_int_equal(dir_list(site->out_fd, &names, &count, &e), 0);
	names_free(names, count);
	assert_int_equal(count, 3);
}

static void sockets_are_left_out(void **state)
{
	struct site *site = *state;
	auto_buffer struct buffer lines = BUFFER_INIT;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct error e = ERROR_INIT;

	snprintf(address.sun_path, sizeof address.sun_path, "%s/tree/s", site->folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(tree_visit(&site->root.source, describe, &lines, &e), 0);
	assert_null(strstr(lines.data, "\ns "));
	fflush(site->words_file);
	assert_string_equal(site->words, "kiln: warning: '/s' is a socket and is left out\n");
}

static int disturb(void *context, const struct tree_entry *entry, struct error *e)
{
	(void)e;
	if (entry->content)
		put_file(*(int *)context, "f", "longer than before", 18, 0644);
	return 0;
}

static void changing_file_is_an_error(void **state)
{
	struct site *site = *state;
	struct error e = ERROR_INIT;

	put_file(site->tree_fd, "f", "short", 5, 0644);
	assert_int_equal(tree_visit(&site->root.source, disturb, &site->tree_fd, &e), -1);
	assert_string_equal(e.text, "'/f': it changed while it was being packed");
}

static void mount_points_are_not_crossed(void **state)
{
	struct site *site = *state;
	auto_buffer struct buffer lines = BUFFER_INIT;
	auto_free char *path = xasprintf("%s/tree/m", site->folder);
	struct error e = ERROR_INIT;
	int result;

	assert_int_equal(mkdirat(site->tree_fd, "m", 0755), 0);
	put_file(site->tree_fd, "n", "", 0, 0644);
	if (mount("tmpfs", path, "tmpfs", 0, "size=1m") < 0)
		skip(); /* only root may mount */
	auto_free char *inside = xasprintf("%s/secret", path);
	put_file(AT_FDCWD, inside, "x", 1, 0644);
	result = tree_visit(&site->root.source, describe, &lines, &e);
	umount2(path, MNT_DETACH);
	assert_int_equal(result, 0);
	assert_non_null(strstr(lines.data, "\nm 4"));
	assert_null(strstr(lines.data, "secret"));
	assert_non_null(strstr(lines.data, "\nn 10"));
}

/* A full disk: a clear error, and not even a temporary file. */
static void full_disk(void **state)
{
	struct site *site = *state;
	auto_free char *path = xasprintf("%s/small", site->folder);
	auto_free char *noise = xmalloc(2 * MIB);
	int keep = site->out_fd;

	for (size_t i = 0, x = 1; i < 2 * MIB; i++)
		noise[i] = (char)((x = x * 6364136223846793005ULL + 1442695040888963407ULL) >> 56);
	put_file(site->tree_fd, "noise", noise, 2 * MIB, 0644);
	assert_int_equal(mkdirat(site->top_fd, "small", 0755), 0);
	if (mount("tmpfs", path, "tmpfs", 0, "size=1m") < 0)
		skip(); /* only root may mount */
	site->out_fd = site->options.output_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_refused(site, ERROR_SPACE, "cannot pack 'img-12.");
	close(site->out_fd);
	site->out_fd = keep;
	umount2(path, MNT_DETACH);
}

/* A second build into the folder has to wait for the sums of the first. */
static uint64_t size_of(int dir_fd, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return (uint64_t)st.st_size;
}

/* What was packed once, from the folder that it was packed into. */
static void kept_files(void **state)
{
	struct site *site = *state;
	struct pack_options again = site->options;
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	auto_artefacts struct artefacts kept = ARTEFACTS_INIT;
	auto_close int again_fd = open_folder(site->top_fd, "again");
	auto_free char *printed = NULL;
	auto_free char *reprinted = NULL;
	struct error e = ERROR_INIT;

	put_file(site->tree_fd, "file", "content", 7, 0644);
	again.output_fd = again_fd;
	pack(site, &artefacts);
	printed = artefacts_print(&artefacts, NULL);
	assert_int_equal(pack_kept(&again, site->out_fd, printed, &kept, &e), 1);
	reprinted = artefacts_print(&kept, NULL);
	assert_string_equal(printed, reprinted);
	for (size_t i = 0; i < kept.count; i++)
		for (size_t k = 0; k < kept.items[i].file_count; k++)
			assert_int_equal(size_of(again_fd, kept.items[i].files[k].name),
					 kept.items[i].files[k].size_bytes);
}

/* A text or files that are not what was kept: nothing appears. */
static void kept_files_that_are_others(void **state)
{
	static const char *const malformed[] = {
		"",
		"\n",
		"unified\n",
		"unified 00\n",
		"squashed " HEX "\n",
		"1 " HEX " image\n",
		"unified " HEX "\n1 " HEX " ../tree/file\n",
		"unified " HEX "\n1 " HEX " tree\n",
		"unified " HEX "\n1 " HEX " \n",
		"unified " HEX "\n7 " HEX " image\n",
		"unified " HEX "\n7 " HEX " missing\n",
		"unified " HEX "\n7 " HEX " a\n7 " HEX " b\n7 " HEX " c\n",
	};
	struct site *site = *state;
	struct pack_options again = site->options;
	auto_close int again_fd = open_folder(site->top_fd, "again");
	struct error e = ERROR_INIT;

	put_file(site->tree_fd, "file", "content", 7, 0644);
	put_file(site->out_fd, "image", "content", 7, 0644);
	again.output_fd = again_fd;
	for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
		auto_artefacts struct artefacts kept = ARTEFACTS_INIT;
		char **names = NULL;
		size_t count = 0;

		assert_int_equal(pack_kept(&again, site->out_fd, malformed[i], &kept, &e), 0);
		assert_int_equal(dir_list(again_fd, &names, &count, &e), 0);
		assert_int_equal(count, 0);
		names_free(names, count);
	}
}

static void output_is_locked(void **state)
{
	struct site *site = *state;
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	auto_close int own = openat(site->out_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int other = openat(site->out_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	site->options.output_fd = own;
	pack(site, &artefacts);
	site->options.output_fd = site->out_fd;
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close(TAKE(own, -1));
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
}

static void assert_fails(struct site *site, enum error_kind kind, const char *text)
{
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	struct error e = ERROR_INIT;

	assert_int_equal(make_and_pack(site, &artefacts, &e), -1);
	assert_int_equal(e.kind, kind);
	if (!strstr(e.text, text))
		fail_msg("'%s' is not in '%s'", text, e.text);
}

static void assert_alone(int dir_fd, const char *name)
{
	struct error e = ERROR_INIT;
	char **names = NULL;
	size_t count = 0;

	assert_int_equal(dir_list(dir_fd, &names, &count, &e), 0);
	assert_int_equal(count, 1);
	assert_string_equal(names[0], name);
	names_free(names, count);
}

/* The lines of a tree without what squashfs has no room for. */
static char *without_acls(const char *lines)
{
	struct buffer out = BUFFER_INIT;

	for (struct text rest = text_of(lines); rest.len;) {
		struct text line = text_cut(rest, '\n', &rest);

		for (struct text words = line; words.ptr;) {
			struct text word = text_cut(words, ' ', &words);

			if (!text_starts(word, "system.posix_acl"))
				buffer_addf(&out, "%.*s ", TEXT_ARG(word));
		}
		buffer_addc(&out, '\n');
	}
	return out.data;
}

static int open_root(const struct site *site, const char *path)
{
	int fd = openat(site->top_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void unsquash(const struct site *site, const char *name, const char *folder)
{
	auto_free char *file = xasprintf("%s/out/%s", site->folder, name);
	auto_free char *target = xasprintf("%s/%s", site->folder, folder);
	const char *argv[] = { "unsquashfs", "-no-progress", "-quiet", "-dest", target, file, NULL };

	assert_int_equal(run(argv), 0);
}

/* unsquashfs, an implementation that is not ours, gets the tree. */
static void squashfs_is_the_tree(void **state)
{
	static const char *const codecs[] = { "squashfs=zstd-1", "squashfs=xz-0", "squashfs=gzip-1",
					      "squashfs=lz4" };
	struct site *site = *state;
	auto_buffer struct buffer before = BUFFER_INIT;
	auto_free char *expected = NULL;

	put_tree(site);
	need_host_root(); /* nobody else may make what is in there */
	put_owned(site);
	(void)put_attributes(site);
	put_large(site);
	site->options.formats = PACK_SQUASHFS;
	before = described(site->tree_fd);
	expected = without_acls(before.data);
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
		auto_free char *folder = xasprintf("squash%zu", i);
		auto_buffer struct buffer after = BUFFER_INIT;
		auto_close int fd = -1;
		auto_free char *got = NULL;

		choose(site, codecs[i]);
		pack(site, &artefacts);
		unsquash(site, "img-12.rootfs.squashfs", folder);
		fd = open_root(site, folder);
		after = described(fd);
		got = without_acls(after.data);
		assert_string_equal(got, expected);
	}
	fflush(site->words_file);
	assert_non_null(strstr(site->words, "without file capabilities, which 1 file here has (/ping)"));
}

static void squashfs_has_a_fingerprint(void **state)
{
	struct site *site = *state;
	auto_artefacts struct artefacts first = ARTEFACTS_INIT;
	auto_artefacts struct artefacts second = ARTEFACTS_INIT;
	auto_buffer struct buffer both = BUFFER_INIT;
	auto_buffer struct buffer root = BUFFER_INIT;
	struct digest digest;

	put_tree(site);
	put_large(site);
	site->options.formats = PACK_SQUASHFS;
	choose(site, "squashfs=zstd-1");
	pack(site, &first);
	both = slurp(site->out_fd, "img-12.meta.tar.xz");
	root = slurp(site->out_fd, "img-12.rootfs.squashfs");
	buffer_add(&both, root.data, root.len);
	digest = sha256_of(both.data, both.len);
	assert_int_equal(first.items[0].file_count, 2);
	assert_true(digest_equal(&first.items[0].fingerprint, &digest));
	digest = sha256_of(root.data, root.len);
	assert_true(digest_equal(&first.items[0].files[1].sha256, &digest));
	assert_int_equal(root.len % 4096, 0);
	/* Beside others, which share the memory, and again. */
	site->options.formats = PACK_SQUASHFS | PACK_UNIFIED | PACK_SPLIT;
	choose(site, "gzip,squashfs=zstd-1");
	pack(site, &second);
	assert_true(digest_equal(&first.items[0].fingerprint, &second.items[2].fingerprint));
}

/* The folder is what the unified archive unpacks to, and its digest that of the archive. */
static void folder_is_the_tree(void **state)
{
	struct site *site = *state;
	auto_artefacts struct artefacts folder = ARTEFACTS_INIT;
	auto_artefacts struct artefacts again = ARTEFACTS_INIT;
	auto_artefacts struct artefacts unified = ARTEFACTS_INIT;
	auto_buffer struct buffer before = BUFFER_INIT;
	auto_buffer struct buffer after = BUFFER_INIT;
	auto_close int fd = -1;
	struct stat st;

	need_host_root(); /* nobody else may give files away */
	put_tree(site);
	put_owned(site);
	(void)put_attributes(site);
	site->options.formats = PACK_DIR;
	pack(site, &folder);
	/* A second one takes its place. */
	pack(site, &again);
	assert_true(digest_equal(&folder.items[0].fingerprint, &again.items[0].fingerprint));
	assert_true(folder.items[0].files[0].is_folder);
	before = described(site->tree_fd);
	fd = open_root(site, "out/img-12.dir/rootfs");
	after = described(fd);
	assert_string_equal(after.data, before.data);
	assert_int_equal(fstatat(fd, "sparse", &st, 0), 0);
	assert_true(st.st_blocks < 100);
	assert_int_equal(faccessat(site->out_fd, "img-12.dir/templates/b.tpl", R_OK, 0), 0);
	assert_int_equal(faccessat(site->out_fd, "img-12.dir/metadata.yaml", R_OK, 0), 0);
	assert_alone(site->out_fd, "img-12.dir");
	site->options.formats = PACK_UNIFIED;
	choose(site, "none");
	pack(site, &unified);
	assert_true(digest_equal(&folder.items[0].fingerprint, &unified.items[0].fingerprint));
}

/* What is none of ours stays. */
static void other_folder_stays(void **state)
{
	struct site *site = *state;
	auto_close int fd = open_folder(site->out_fd, "img-12.dir");

	put_file(fd, "mine", "", 0, 0644);
	site->options.formats = PACK_DIR;
	assert_fails(site, ERROR_USAGE, "is there already and is no folder with metadata.yaml and rootfs");
	assert_int_equal(faccessat(fd, "mine", R_OK, 0), 0);
	assert_alone(site->out_fd, "img-12.dir");
}

/* Formats that hold the same file share it. */
static void shared_files(void **state)
{
	struct site *site = *state;
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	auto_artefacts struct artefacts kept = ARTEFACTS_INIT;
	auto_buffer struct buffer sums = BUFFER_INIT;
	auto_close int again_fd = open_folder(site->top_fd, "again");
	auto_free char *printed = NULL;
	auto_free const struct artefact_file **files = NULL;
	size_t file_count = 0;
	struct pack_options again;
	struct error e = ERROR_INIT;
	size_t lines = 0;

	put_file(site->tree_fd, "file", "content", 7, 0644);
	site->options.formats = PACK_SPLIT | PACK_SQUASHFS | PACK_TAR | PACK_LXC;
	choose(site, "zstd");
	pack(site, &artefacts);
	assert_int_equal(artefacts.count, 4);
	assert_string_equal(artefacts.items[3].format, "tar");
	assert_string_equal(artefacts.items[3].files[0].name, artefacts.items[0].files[1].name);
	assert_string_equal(artefacts.items[1].files[0].name, artefacts.items[0].files[0].name);
	artefacts_add_files(&artefacts, &files, &file_count);
	assert_int_equal(pack_write_sums(site->out_fd, files, file_count, NULL, &e), 0);
	sums = slurp(site->out_fd, "SHA256SUMS");
	for (size_t i = 0; i < sums.len; i++)
		lines += sums.data[i] == '\n';
	assert_int_equal(lines, 5);
	printed = artefacts_print(&artefacts, NULL);
	again = site->options;
	again.output_fd = again_fd;
	/* A folder is not kept: it is made of the root. */
	if (geteuid() == 0)
		again.formats |= PACK_DIR;
	assert_int_equal(pack_kept(&again, site->out_fd, printed, &kept, &e), 1);
	assert_int_equal(kept.count, geteuid() == 0 ? 5 : 4);
	if (geteuid() == 0)
		assert_int_equal(faccessat(again_fd, "img-12.dir/rootfs/file", R_OK, 0), 0);
	assert_true(digest_equal(&kept.items[1].fingerprint, &artefacts.items[1].fingerprint));
}

static char *member(const struct site *site, const char *archive, const char *name)
{
	auto_free char *path = xasprintf("%s/out/%s", site->folder, archive);
	const char *argv[] = { "tar", "-xOf", path, name, NULL };
	struct process_options options = { .argv = argv, .output_max_bytes = 1 * MIB, .timeout_ms = 60000 };
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	struct error e = ERROR_INIT;

	assert_int_equal(process_run(&options, &result, &e), 0);
	assert_int_equal(result.status, 0);
	return xstrdup(result.output.data ? result.output.data : "");
}

#define assert_member(site, archive, name, text) \
	do { \
		auto_free char *member_ = member((site), (archive), (name)); \
		assert_string_equal(member_, (text)); \
	} while (0)

/* By distrobuilder's rules: levels, users, words of LXC in the root. */
static void lxc_pair(void **state)
{
	struct lxc_config configs[] = {
		{ .type = "all", .before = 5, .content = "old" },
		{ .type = "all", .after = 4, .content = "new = {{ image.release }}" },
		{ .type = "user", .content = "own" },
	};
	struct recipe_file files[] = {
		{ .generator = GENERATOR_DUMP, .path = "/etc/x", .templated = true },
		{ .generator = GENERATOR_CLOUD_INIT, .path = "/var/lib/cloud" },
	};
	struct site *site = *state;
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	auto_buffer struct buffer both = BUFFER_INIT;
	auto_buffer struct buffer root = BUFFER_INIT;
	auto_close int etc_fd = open_folder(site->tree_fd, "etc");
	struct digest digest;
	static const char meta[] = "img-12.lxc.meta.tar.xz";
	static const char rootfs[] = "img-12.lxc.rootfs.tar.xz";

	put_file(etc_fd, "hostname", "left over from the build\n", 25, 0600);
	assert_int_equal(mkdirat(etc_fd, "cloud", 0755), 0);
	if (is_host_root())
		assert_int_equal(mknodat(site->tree_fd, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
	site->recipe.files = files;
	site->recipe.file_count = ARRAY_LEN(files);
	site->recipe.targets.lxc_configs = configs;
	site->recipe.targets.lxc_config_count = ARRAY_LEN(configs);
	site->recipe.targets.lxc_create_message = "You have {{ image.release }}";
	site->options.formats = PACK_LXC;
	choose(site, "zstd,lxc=xz-1");
	pack(site, &artefacts);
	assert_member(site, meta, "config", "new = 12\n");
	assert_member(site, meta, "config-user", "new = 12\nown\n");
	assert_member(site, meta, "config.4", "old\n");
	assert_member(site, meta, "config-user.1", "old\nown\n");
	assert_member(site, meta, "create-message", "You have 12\n");
	assert_member(site, meta, "expiry", "1700086400\n");
	assert_member(site, meta, "templates", "/etc/hostname\n/etc/x\n");
	assert_member(site, meta, "excludes-user", is_host_root() ? "null\n" : "");
	assert_member(site, rootfs, "etc/hostname", "LXC_NAME\n");
	/* Not in the root, and a template without a word of the daemons' in it. */
	assert_member(site, rootfs, "etc/hosts", "127.0.0.1\n");
	assert_member(site, rootfs, "etc/cloud/cloud-init.disabled", "");
	both = slurp(site->out_fd, meta);
	root = slurp(site->out_fd, rootfs);
	buffer_add(&both, root.data, root.len);
	digest = sha256_of(both.data, both.len);
	assert_true(digest_equal(&artefacts.items[0].fingerprint, &digest));
}

/* A recipe that is silent about LXC gives what every LXC has. */
static void lxc_by_default(void **state)
{
	struct site *site = *state;
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	struct lxc_config old = { .type = "all", .before = 3, .content = "old", .place = { "x.yaml", 7, 1 } };

	site->options.formats = PACK_LXC;
	choose(site, "zstd,lxc=xz-1");
	pack(site, &artefacts);
	assert_member(site, "img-12.lxc.meta.tar.xz", "config",
		      "lxc.include = LXC_TEMPLATE_CONFIG/common.conf\nlxc.arch = linux64\n");
	assert_member(site, "img-12.lxc.meta.tar.xz", "config-user",
		      "lxc.include = LXC_TEMPLATE_CONFIG/common.conf\n"
		      "lxc.include = LXC_TEMPLATE_CONFIG/userns.conf\nlxc.arch = linux64\n");
	site->recipe.targets.lxc_configs = &old;
	site->recipe.targets.lxc_config_count = 1;
	assert_fails(site, ERROR_RECIPE,
		     "x.yaml:7:1: nothing in targets.lxc.config is for the present level 5");
}

static void format_words(void **state)
{
	struct error e = ERROR_INIT;
	unsigned formats = 0;

	(void)state;
	assert_int_equal(pack_formats_parse("unified", &formats, &e), 0);
	assert_int_equal(formats, PACK_UNIFIED);
	assert_int_equal(pack_formats_parse("split,unified", &formats, &e), 0);
	assert_int_equal(formats, PACK_UNIFIED | PACK_SPLIT);
	assert_int_equal(pack_formats_parse("unified,split,squashfs,lxc,dir,tar", &formats, &e), 0);
	assert_int_equal(formats, (1 << PACK_FORMAT_COUNT) - 1);
	assert_int_equal(pack_formats_parse("split,", &formats, &e), -1);
	assert_string_equal(e.text, "unknown format '' (possible: unified, split, squashfs, lxc, tar, dir)");
	assert_int_equal(pack_formats_parse("ext4", &formats, &e), -1);
	assert_int_equal(e.kind, ERROR_USAGE);
}

static void compression_words(void **state)
{
	static const struct {
		const char *words;
		const char *chosen; /* unified, squashfs, lxc; or what is wrong */
	} cases[] = {
		{ "zstd", "zstd-3 zstd-15 xz-6" },
		{ "zstd-19", "zstd-19 zstd-19 xz-6" },
		{ "xz", "xz-6 xz-6 xz-6" },
		{ "xz-9", "xz-9 xz-9 xz-9" },
		{ "bzip2-1", "bzip2-1 zstd-15 xz-6" },
		{ "lz4-12", "lz4-12 lz4-0 xz-6" },
		{ "squashfs=xz", "zstd-3 xz-6 xz-6" },
		{ "squashfs=xz-1,gzip,lxc=xz-0", "gzip-6 xz-1 xz-0" },
		{ "lzma,unified=none", "none-0 zstd-15 xz-6" },
		{ "zstd,xz", "two compressions for all formats: the second is 'xz'" },
		{ "lxc=zstd", "LXC reads nothing but xz, not 'zstd'" },
		{ "squashfs=bzip2",
		  "unknown compression 'bzip2' of squashfs (possible: xz, zstd, gzip, lz4)" },
		{ "squashfs=zstd-20", "no level '20' in squashfs (possible: zstd-1 to zstd-19)" },
		{ "squashfs=lz4-1", "compression 'lz4' of squashfs has no levels" },
		{ "squashfs=xz,squashfs=xz", "two compressions for the format squashfs" },
		{ "tar=xz", "compression 'tar=xz': the format tar is not written" },
		{ "dir=xz", "a folder is not compressed" },
		{ "ext4=xz", "unknown format 'ext4' (possible: unified, split, squashfs, lxc, tar, dir)" },
		{ "", "unknown compression '' (possible: none, gzip, bzip2, xz, zstd, lzma, lz4)" },
	};
	static const unsigned formats = PACK_UNIFIED | PACK_SQUASHFS | PACK_LXC | PACK_DIR;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pack_compression chosen[PACK_FORMAT_COUNT];
		struct error e = ERROR_INIT;
		auto_free char *text = NULL;

		if (pack_compression_parse(cases[i].words, formats, chosen, &e) < 0) {
			assert_int_equal(e.kind, ERROR_USAGE);
			assert_string_equal(e.text, cases[i].chosen);
			continue;
		}
		text = xasprintf("%s-%d %s-%d %s-%d", chosen[0].codec, chosen[0].level, chosen[2].codec,
				 chosen[2].level, chosen[3].codec, chosen[3].level);
		assert_string_equal(text, cases[i].chosen);
		assert_null(chosen[5].codec);
	}
}

/* The one archive for two formats cannot be compressed in two ways. */
static void one_file_one_level(void **state)
{
	struct site *site = *state;

	site->options.formats = PACK_SPLIT | PACK_TAR;
	choose(site, "zstd,tar=zstd-5");
	assert_refused(site, ERROR_USAGE, "the formats split and tar share 'img-12.rootfs.tar.zst'");
}

static void doubtful_codec(void **state)
{
	struct site *site = *state;

	choose(site, "lz4");
	pack_warn(&site->options);
	fflush(site->words_file);
	assert_non_null(strstr(site->words, "Incus alone reads archives compressed by lz4"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tar_unpacks_an_equal_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(same_tree_same_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(fingerprints_and_sums, setup, teardown),
		cmocka_unit_test_setup_teardown(metadata_comes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(names_that_are_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(older_image_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(sockets_are_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(changing_file_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(mount_points_are_not_crossed, setup, teardown),
		cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(kept_files, setup, teardown),
		cmocka_unit_test_setup_teardown(kept_files_that_are_others, setup, teardown),
		cmocka_unit_test_setup_teardown(output_is_locked, setup, teardown),
		cmocka_unit_test_setup_teardown(squashfs_is_the_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(squashfs_has_a_fingerprint, setup, teardown),
		cmocka_unit_test_setup_teardown(folder_is_the_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(other_folder_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(shared_files, setup, teardown),
		cmocka_unit_test_setup_teardown(lxc_pair, setup, teardown),
		cmocka_unit_test_setup_teardown(lxc_by_default, setup, teardown),
		cmocka_unit_test_setup_teardown(one_file_one_level, setup, teardown),
		cmocka_unit_test_setup_teardown(doubtful_codec, setup, teardown),
		cmocka_unit_test(format_words),
		cmocka_unit_test(compression_words),
	};

	return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
