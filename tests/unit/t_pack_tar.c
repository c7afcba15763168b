/* SPDX-License-Identifier: Apache-2.0 */
/* Headers at their limits, read back by libarchive. */
#include "unit/unit.h"

#include "tree/tar.h"

#include "base/alloc.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/sysmacros.h>

static void write_one(struct buffer *out, const struct tar_entry *entry, bool end)
{
	struct error e = ERROR_INIT;
	auto_sink struct sink *sink = sink_memory(out);

	assert_int_equal(tar_entry(sink, entry, &e), 0);
	if (end)
		assert_int_equal(tar_end(sink, &e), 0);
}

static struct archive *opened(const struct buffer *tar, struct archive_entry **entry)
{
	struct archive *archive = archive_read_new();

	archive_read_support_format_tar(archive);
	archive_read_set_option(archive, "tar", "hdrcharset", "BINARY");
	assert_int_equal(archive_read_open_memory(archive, tar->data, tar->len), ARCHIVE_OK);
	assert_int_equal(archive_read_next_header(archive, entry), ARCHIVE_OK);
	return archive;
}

/* A path of LEN bytes in parts of PART bytes. */
static char *path_of(size_t len, size_t part, bool folder)
{
	char *path = xmalloc(len + 1);

	for (size_t i = 0; i < len; i++)
		path[i] = i % (part + 1) == part ? '/' : (char)('a' + i % 26);
	path[len] = '\0';
	if (path[len - 1] == '/')
		path[len - 1] = 'z';
	if (folder)
		path[len - 1] = '/';
	return path;
}

static void paths_of_all_lengths(void **state)
{
	static const size_t parts[] = { 1, 7, 99, 100, 101, 154, 155, 156, 255, 5000 };
	static const size_t lengths[] = { 1,   2,   99,  100, 101, 102, 155, 156, 157,  199,
					  200, 201, 254, 255, 256, 257, 258, 300, 1000, 4095 };

	(void)state;
	for (size_t p = 0; p < ARRAY_LEN(parts); p++) {
		for (size_t l = 0; l < 2 * ARRAY_LEN(lengths); l++) {
			bool folder = l % 2;
			size_t len = lengths[l / 2];
			auto_free char *path = path_of(len + (folder && len == 1), parts[p], folder);
			auto_buffer struct buffer tar = BUFFER_INIT;
			struct archive_entry *entry;
			struct archive *archive;
			struct tar_entry one = { .path = path, .mode = folder ? S_IFDIR : S_IFREG };

			write_one(&tar, &one, true);
			archive = opened(&tar, &entry);
			assert_string_equal(archive_entry_pathname(entry), path);
			assert_int_equal(archive_entry_filetype(entry), folder ? S_IFDIR : S_IFREG);
			archive_read_free(archive);
		}
	}
}

static void short_paths_need_no_extension(void **state)
{
	auto_buffer struct buffer tar = BUFFER_INIT;
	auto_free char *path = path_of(255, 100, false);
	struct tar_entry one = { .path = path, .mode = S_IFREG | 0644 };

	(void)state;
	/* 155 + '/' + 99: fits ustar's two fields. */
	path[100] = 'x';
	path[155] = '/';
	path[201] = 'x';
	write_one(&tar, &one, true);
	assert_int_equal(tar.len, 3 * TAR_BLOCK_BYTES);
	assert_memory_equal(tar.data, path + 156, 99);
	assert_memory_equal(tar.data + 345, path, 155);
}

static void links_of_all_lengths(void **state)
{
	static const size_t lengths[] = { 1, 99, 100, 101, 255, 4095 };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(lengths); i++) {
		bool hard = i % 2;
		auto_free char *target = path_of(lengths[i / 2], 50, false);
		auto_buffer struct buffer tar = BUFFER_INIT;
		struct archive_entry *entry;
		struct archive *archive;
		struct tar_entry one = {
			.path = "l", .link = target, .is_hard_link = hard, .mode = hard ? S_IFREG : S_IFLNK
		};

		write_one(&tar, &one, true);
		archive = opened(&tar, &entry);
		assert_string_equal(hard ? archive_entry_hardlink(entry) : archive_entry_symlink(entry),
				    target);
		archive_read_free(archive);
	}
}

static void large_numbers(void **state)
{
	static const uint64_t ids[] = { 0, 65534, 2097151, 2097152, 4294967294 };
	static const uint64_t sizes[] = { 0, 8589934591, 8589934592, 1ULL << 50 };
	static const int64_t times[] = { 0, 1, 8589934591, 8589934592 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
			auto_buffer struct buffer tar = BUFFER_INIT;
			struct archive_entry *entry;
			struct archive *archive;
			struct tar_entry one = { .path = "f",
						 .mode = S_IFREG | 06755,
						 .uid = ids[i],
						 .gid = ids[ARRAY_LEN(ids) - 1 - i],
						 .size_bytes = sizes[k],
						 .mtime_s = times[k] };

			write_one(&tar, &one, false);
			archive = opened(&tar, &entry);
			assert_true(archive_entry_uid(entry) == (la_int64_t)one.uid);
			assert_true(archive_entry_gid(entry) == (la_int64_t)one.gid);
			assert_true(archive_entry_size(entry) == (la_int64_t)one.size_bytes);
			assert_true(archive_entry_mtime(entry) == one.mtime_s);
			assert_int_equal(archive_entry_perm(entry), 06755);
			archive_read_free(archive);
		}
	}
}

static void devices(void **state)
{
	auto_buffer struct buffer tar = BUFFER_INIT;
	struct archive_entry *entry;
	struct archive *archive;
	struct tar_entry one = { .path = "d", .mode = S_IFBLK | 0660, .device = makedev(4095, 1048575) };

	(void)state;
	write_one(&tar, &one, true);
	archive = opened(&tar, &entry);
	assert_int_equal(archive_entry_filetype(entry), S_IFBLK);
	assert_int_equal(archive_entry_rdevmajor(entry), 4095);
	assert_int_equal(archive_entry_rdevminor(entry), 1048575);
	archive_read_free(archive);
}

/* The length of a record counts its own digits: 9 → 10, 99 → 100 and so on are where that goes wrong. */
static void record_lengths(void **state)
{
	(void)state;
	for (size_t len = 0; len < 1100; len++) {
		auto_free char *value = xcalloc(1, len + 1);
		auto_buffer struct buffer tar = BUFFER_INIT;
		struct xattr xattr = { .name = (char[]) { "user.k" }, .value = value, .len = len };
		struct xattrs xattrs = { &xattr, 1 };
		struct tar_entry one = { .path = "f", .mode = S_IFREG, .xattrs = &xattrs };
		struct archive_entry *entry;
		struct archive *archive;
		const char *name = NULL;
		const void *got = NULL;
		size_t got_len = SIZE_MAX;

		memset(value, 7, len);
		write_one(&tar, &one, true);
		archive = opened(&tar, &entry);
		assert_int_equal(archive_entry_xattr_reset(entry), 1);
		assert_int_equal(archive_entry_xattr_next(entry, &name, &got, &got_len), ARCHIVE_OK);
		assert_string_equal(name, "user.k");
		assert_int_equal(got_len, len);
		if (len)
			assert_memory_equal(got, value, len);
		archive_read_free(archive);
	}
}

static void malformed_acl_is_kept_as_it_is(void **state)
{
	static const size_t lengths[] = { 0, 3, 4, 5, 11, 12 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		auto_buffer struct buffer tar = BUFFER_INIT;
		struct xattr xattr = { .name = (char[]) { "system.posix_acl_access" },
				       .value = (char[]) { "\x02\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff" },
				       .len = lengths[i] };
		struct xattrs xattrs = { &xattr, 1 };
		struct tar_entry one = { .path = "f", .mode = S_IFREG, .xattrs = &xattrs };

		write_one(&tar, &one, true);
		assert_null(memmem(tar.data, tar.len, "SCHILY.acl", 10));
		assert_non_null(memmem(tar.data, tar.len, "SCHILY.xattr.system.posix_acl_access=", 37));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_of_all_lengths),
		cmocka_unit_test(short_paths_need_no_extension),
		cmocka_unit_test(links_of_all_lengths),
		cmocka_unit_test(large_numbers),
		cmocka_unit_test(devices),
		cmocka_unit_test(record_lengths),
		cmocka_unit_test(malformed_acl_is_kept_as_it_is),
	};

	return cmocka_run_group_tests_name("pack_tar", tests, NULL, NULL);
}
