/* SPDX-License-Identifier: Apache-2.0 */
/* Layers: what is saved is found again as it was, or not at all. */
#include "unit/unit.h"

#include "unit/scratch.h"
#include "unit/trees.h"

#include "base/device.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "layer/layer.h"
#include "sandbox/workspace.h"

#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>

struct fixture {
	struct scratch scratch;
	char *layers;
	size_t log_seen; /* what earlier builds wrote */
	struct layer_store *store;
	int upper_fd; /* a small tree to be saved */
};

static struct digest key_of(const char *name)
{
	return sha256_of(name, strlen(name));
}

static void fill(int root_fd)
{
	struct error e = ERROR_INIT;
	auto_free char *data = xcalloc(1, 300000);
	auto_close int fd = -1;
	static const unsigned char capability[20] = { 1, 0, 0, 2, 0, 0x20 };
	const struct timespec old[2] = { { 7, 7 }, { 1234567, 891011 } };

	memset(data, 'x', 300000);
	assert_int_equal(root_make_dirs(root_fd, "usr/bin", 0755, &e), 0);
	assert_int_equal(root_make_dirs(root_fd, "var/empty", 0700, &e), 0);
	assert_int_equal(root_write(root_fd, "usr/bin/big", data, 300000, 04755, 0, 0, &e), 0);
	assert_int_equal(root_write(root_fd, "usr/bin/perl", "p", 1, 0755, 5, 6, &e), 0);
	assert_int_equal(linkat(root_fd, "usr/bin/perl", root_fd, "usr/perl5", 0), 0);
	assert_int_equal(symlinkat("usr/bin", root_fd, "bin"), 0);
	assert_int_equal(mknodat(root_fd, "pipe", S_IFIFO | 0620, 0), 0);
	assert_int_equal(mknodat(root_fd, "socket", S_IFSOCK | 0620, 0), 0);
	assert_int_equal(device_make(root_fd, "device", S_IFCHR, makedev(1, 3), &e), 0);
	assert_int_equal(fchmodat(root_fd, "device", 0606, 0), 0);
	assert_int_equal(mknodat(root_fd, "gone", S_IFCHR, makedev(0, 0)), 0);
	assert_int_equal(root_open(root_fd, "sparse", O_WRONLY | O_CREAT, 0640, &fd, &e), 0);
	assert_int_equal(pwrite(fd, "y", 1, 8 << 20), 1);
	assert_int_equal(fsetxattr(fd, "user.k", "v", 1, 0), 0);
	assert_int_equal(fsetxattr(fd, "security.capability", capability, sizeof capability, 0), 0);
	assert_int_equal(utimensat(root_fd, "usr", old, 0), 0);
	assert_int_equal(utimensat(root_fd, "bin", old, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(utimensat(root_fd, ".", old, 0), 0);
}

static void open_store(struct fixture *f)
{
	struct error e = ERROR_INIT;

	fflush(f->scratch.log_file);
	f->log_seen = f->scratch.log_len;
	assert_int_equal(layer_store_open(f->scratch.cache, &f->scratch.log, &f->store, &e), 0);
}

static void close_store(struct fixture *f)
{
	layer_store_close(TAKE(f->store, NULL));
	fflush(f->scratch.log_file);
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	struct error e = ERROR_INIT;

	*state = f;
	if (scratch_open(&f->scratch) < 0)
		return -1;
	f->layers = xasprintf("%s/cache/layers", f->scratch.folder);
	umask(0);
	f->upper_fd = -1;
	if (!have_rights())
		return 0;
	if (mkdirat(f->scratch.folder_fd, "upper", 0755) < 0 ||
	    dir_open(f->scratch.folder_fd, "upper", &f->upper_fd, &e) < 0)
		return -1;
	fill(f->upper_fd);
	open_store(f);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int r;

	if (f->store)
		close_store(f);
	r = scratch_close(&f->scratch);
	if (f->upper_fd >= 0)
		close(f->upper_fd);
	free(f->layers);
	free(f);
	return r;
}

/* The log of this build so far. */
static const char *logged(struct fixture *f)
{
	fflush(f->scratch.log_file);
	return f->scratch.log_text ? f->scratch.log_text + f->log_seen : "";
}

static void save(struct fixture *f, const char *name)
{
	struct digest key = key_of(name);
	struct error e = ERROR_INIT;

	assert_int_equal(layer_save(f->store, &key, name, "made beside", f->upper_fd, &e), 0);
	assert_int_equal(layer_save_wait(f->store, &e), 0);
}

static int find(struct fixture *f, const char *name, int *root_fd)
{
	struct digest key = key_of(name);
	struct error e = ERROR_INIT;
	char *product = NULL;
	size_t len = 0;
	int r = layer_find(f->store, &key, root_fd, &product, &len, &e);

	if (product) {
		assert_string_equal(product, "made beside");
		assert_int_equal(len, strlen(product));
		free(product);
	}

	assert_true(r >= 0);
	return r;
}

/* A build of its own. */
static int find_anew(struct fixture *f, const char *name)
{
	int root_fd = -1;
	int r;

	close_store(f);
	open_store(f);
	r = find(f, name, &root_fd);
	if (r > 0)
		trees_compare(f->upper_fd, root_fd);
	return r;
}

static void saved_and_found(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	int fd = -1;

	need_rights();
	assert_int_equal(find(f, "one", &fd), 0);
	assert_int_not_equal(access(f->scratch.cache, F_OK), 0);
	save(f, "one");
	assert_string_equal(logged(f), "");
	assert_int_equal(stat(f->layers, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(count_entries(f->layers, ""), 1);
	assert_int_equal(find(f, "one", &fd), 1);
	trees_compare(f->upper_fd, fd);
	assert_int_equal(find(f, "two", &fd), 0);
	/* Holes stay holes. */
	assert_int_equal(fstatat(fd, "sparse", &st, 0), 0);
	assert_true(st.st_blocks * 512 < 1 << 20);
	assert_int_equal(find_anew(f, "one"), 1);
	assert_null(strstr(logged(f), "checking the contents"));
}

/* The layer of NAME, for a test to spoil. */
static char *path_in(struct fixture *f, const char *name, const char *below)
{
	struct digest key = key_of(name);

	return xasprintf("%s/%s/%s", f->layers, digest_hex(&key).text, below);
}

static void edit_manifest(struct fixture *f, const char *name, const char *from, const char *to)
{
	auto_free char *folder = path_in(f, name, ".");
	auto_close int fd = -1;
	auto_free char *text = NULL;
	auto_buffer struct buffer edited = BUFFER_INIT;
	struct error e = ERROR_INIT;
	char *at;

	assert_int_equal(dir_open(AT_FDCWD, folder, &fd, &e), 0);
	assert_int_equal(file_read(fd, "manifest", MIB, &text, NULL, &e), 0);
	at = strstr(text, from);
	assert_non_null(at);
	buffer_add(&edited, text, (size_t)(at - text));
	buffer_adds(&edited, to);
	buffer_adds(&edited, at + strlen(from));
	assert_int_equal(file_replace(fd, "manifest", edited.data, edited.len, 0600, &e), 0);
}

static void boot_again(struct fixture *f, const char *name)
{
	edit_manifest(f, name, "\nboot ", "\nboot x");
}

static void contents_after_boot(void **state)
{
	struct fixture *f = *state;

	need_rights();
	save(f, "one");
	boot_again(f, "one");
	assert_int_equal(find_anew(f, "one"), 1);
	assert_non_null(strstr(logged(f), "checking the contents of layer 'one'"));
	/* Once is enough. */
	assert_int_equal(find_anew(f, "one"), 1);
	assert_null(strstr(logged(f), "checking the contents"));
}

/* Change one byte of the file PATH, and no time that anybody can set. */
static void flip_byte(const char *path)
{
	auto_close int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	char byte;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pread(fd, &byte, 1, 1000), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, 1000), 1);
	assert_int_equal(futimens(fd, (struct timespec[]) { st.st_atim, st.st_mtim }), 0);
}

static void spoil_byte(struct fixture *f)
{
	auto_free char *path = path_in(f, "one", "root/usr/bin/big");

	flip_byte(path);
}

static void spoil_byte_and_boot(struct fixture *f)
{
	spoil_byte(f);
	boot_again(f, "one");
}

static void spoil_length(struct fixture *f)
{
	auto_free char *path = path_in(f, "one", "root/usr/bin/big");

	assert_int_equal(truncate(path, 4096), 0);
}

static void spoil_missing(struct fixture *f)
{
	auto_free char *path = path_in(f, "one", "root/usr/bin/big");

	assert_int_equal(unlink(path), 0);
}

static void spoil_extra(struct fixture *f)
{
	auto_free char *path = path_in(f, "one", "root/usr/bin/more");

	assert_int_equal(symlink("x", path), 0);
}

static void spoil_mode(struct fixture *f)
{
	auto_free char *path = path_in(f, "one", "root/usr/bin/perl");

	assert_int_equal(chmod(path, 04755), 0);
}

static void spoil_xattr(struct fixture *f)
{
	auto_free char *path = path_in(f, "one", "root/sparse");

	assert_int_equal(removexattr(path, "user.k"), 0);
}

static void spoil_opaque(struct fixture *f)
{
	auto_free char *path = path_in(f, "one", "root/usr");

	assert_int_equal(setxattr(path,
				  privilege_is_confined() ? "user.overlay.opaque" : "trusted.overlay.opaque",
				  "y", 1, 0),
			 0);
}

static void spoil_link(struct fixture *f)
{
	auto_free char *path = path_in(f, "one", "root/usr/perl5");
	auto_free char *copy = path_in(f, "one", "root/usr/perl6");
	auto_close int fd = -1;
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	fd = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	assert_int_equal(write(fd, "p", 1), 1);
	assert_int_equal(fchown(fd, 5, 6), 0);
	assert_int_equal(futimens(fd, (struct timespec[]) { st.st_atim, st.st_mtim }), 0);
	assert_int_equal(rename(copy, path), 0);
}

static void spoil_no_manifest(struct fixture *f)
{
	auto_free char *path = path_in(f, "one", "manifest");

	assert_int_equal(unlink(path), 0);
}

static void spoil_manifest(struct fixture *f)
{
	auto_free char *path = path_in(f, "one", "manifest");

	assert_int_equal(truncate(path, 60), 0);
}

static void spoil_format(struct fixture *f)
{
	edit_manifest(f, "one", "layer 1\n", "layer 2\n");
}

static void spoil_key(struct fixture *f)
{
	edit_manifest(f, "one", "\nkey ", "\nkey 0");
}

static void spoil_name(struct fixture *f)
{
	auto_free char *path = path_in(f, "one", "");
	auto_free char *other = path_in(f, "two", "");

	path[strlen(path) - 1] = '\0';
	other[strlen(other) - 1] = '\0';
	save(f, "two");
	assert_int_equal(renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE), 0);
}

static void spoil_product(struct fixture *f)
{
	auto_free char *path = path_in(f, "one", "product");

	assert_int_equal(truncate(path, 3), 0);
}

static void spoil_root(struct fixture *f)
{
	auto_free char *folder = path_in(f, "one", ".");
	auto_close int fd = -1;
	struct error e = ERROR_INIT;

	assert_int_equal(dir_open(AT_FDCWD, folder, &fd, &e), 0);
	assert_int_equal(root_remove(fd, "root", &e), 0);
}

static void damaged(void **state)
{
	static const struct {
		const char *name;
		void (*spoil)(struct fixture *);
	} rows[] = {
		{ "a byte", spoil_byte },         { "a byte, another boot", spoil_byte_and_boot },
		{ "cut short", spoil_length },    { "a file missing", spoil_missing },
		{ "one too many", spoil_extra },  { "a mode", spoil_mode },
		{ "an attribute", spoil_xattr },  { "overlayfs' attribute", spoil_opaque },
		{ "no hard link", spoil_link },   { "no manifest", spoil_no_manifest },
		{ "half of it", spoil_manifest }, { "another format", spoil_format },
		{ "no key", spoil_key },          { "another's place", spoil_name },
		{ "no tree", spoil_root },        { "its product", spoil_product },
	};
	struct fixture *f = *state;

	need_rights();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *folder = path_in(f, "one", "");

		save(f, "one");
		if (find_anew(f, "one") != 1)
			fail_msg("before '%s': %s", rows[i].name, logged(f));
		close_store(f);
		open_store(f);
		rows[i].spoil(f);
		if (find_anew(f, "one") != 0)
			fail_msg("'%s' was not seen", rows[i].name);
		if (!strstr(logged(f), "is damaged and not used: "))
			fail_msg("'%s': %s", rows[i].name, logged(f));
		if (access(folder, F_OK) == 0)
			fail_msg("'%s': the layer is still there", rows[i].name);
		assert_int_equal(count_entries(f->layers, "new."), 0);
	}
}

/* Damage that another build is looking at: not used by this one, but left to that one. */
static void damaged_in_use(void **state)
{
	struct fixture *f = *state;
	auto_free char *folder = path_in(f, "one", "");
	auto_close int fd = -1;
	int root_fd;

	need_rights();
	save(f, "one");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	spoil_extra(f);
	assert_int_equal(find(f, "one", &root_fd), 0);
	assert_int_equal(access(folder, F_OK), 0);
	/* It cannot be replaced either; that is no failure. */
	save(f, "one");
	assert_int_equal(count_entries(f->layers, ""), 1);
}

static void two_writers(void **state)
{
	struct fixture *f = *state;
	struct layer_store *other = NULL;
	struct digest key = key_of("one");
	struct error e = ERROR_INIT;

	need_rights();
	assert_int_equal(layer_store_open(f->scratch.cache, &f->scratch.log, &other, &e), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(layer_save(f->store, &key, "one", NULL, f->upper_fd, &e), 0);
		assert_int_equal(layer_save(other, &key, "one", NULL, f->upper_fd, &e), 0);
	}
	/* The first to open while they write does not take them for dead. */
	{
		struct layer_store *third = NULL;

		assert_int_equal(layer_store_open(f->scratch.cache, &f->scratch.log, &third, &e), 0);
		layer_store_close(third);
	}
	assert_int_equal(layer_save_wait(other, &e), 0);
	assert_int_equal(layer_save_wait(f->store, &e), 0);
	layer_store_close(other);
	assert_string_equal(logged(f), "");
	assert_int_equal(count_entries(f->layers, ""), 1);
	assert_int_equal(find_anew(f, "one"), 1);
}

/* Whole files, on the disk of the store and on another one. */
static void files_alone(void **state)
{
	struct fixture *f = *state;
	struct digest key = key_of("one");
	struct error e = ERROR_INIT;
	auto_free char *other = xstrdup("/dev/shm/kiln-unit-XXXXXX");
	const char *folders[] = { f->scratch.folder, mkdtemp(other) };

	need_rights();
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		auto_close int folder_fd = open(folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		auto_free char *text = NULL;
		struct layer_file files[] = { { "image", -1 }, { "more", -1 } };
		int root_fd;

		/* None of them has a name. */
		for (size_t k = 0; k < ARRAY_LEN(files); k++)
			files[k].fd = openat(folder_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0644);
		assert_int_equal(file_write_fd(files[0].fd, "all of it", 9, &e), 0);
		assert_int_equal(
			layer_save_files(f->store, &key, "one", "made beside", files, ARRAY_LEN(files), &e),
			0);
		assert_int_equal(layer_save_wait(f->store, &e), 0);
		assert_string_equal(logged(f), "");
		/* What becomes of one does not become of the other. */
		assert_int_equal(pwrite(files[0].fd, "none", 4, 0), 4);
		for (size_t k = 0; k < ARRAY_LEN(files); k++)
			close(files[k].fd);
		assert_int_equal(find(f, "one", &root_fd), 1);
		assert_int_equal(file_read(root_fd, "image", 100, &text, NULL, &e), 0);
		assert_string_equal(text, "all of it");
		assert_int_equal(faccessat(root_fd, "more", F_OK, 0), 0);
		/* Only who knows what is in them can tell that they are wrong. */
		layer_discard(f->store, &key, root_fd);
		assert_non_null(strstr(logged(f), "is damaged and not used"));
		assert_int_equal(find(f, "one", &root_fd), 0);
		assert_int_equal(count_entries(f->layers, ""), 0);
		f->log_seen = strlen(f->scratch.log_text);
	}
	rmdir(other);
}

/* Whoever cleans up below a cache does not ask. */
static void changed_in_use(void **state)
{
	struct fixture *f = *state;
	struct error e = ERROR_INIT;
	int root_fd;

	need_rights();
	save(f, "one");
	close_store(f);
	open_store(f);
	assert_int_equal(find(f, "one", &root_fd), 1);
	save(f, "two");
	assert_int_equal(layer_check_held(f->store, &e), 0);
	assert_int_equal(unlinkat(root_fd, "usr/bin/big", 0), 0);
	assert_int_equal(layer_check_held(f->store, &e), -1);
	assert_int_equal(e.kind, ERROR_DIGEST);
	assert_non_null(strstr(e.text, "was changed while the build used it"));
	/* What was made on it goes, and no more. */
	assert_int_equal(count_entries(f->layers, ""), 2);
	layer_forget_made(f->store);
	assert_int_equal(count_entries(f->layers, ""), 1);
	assert_int_equal(find_anew(f, "two"), 0);
	/* The next one that looks sees it, too. */
	assert_int_equal(find_anew(f, "one"), 0);
	assert_int_equal(count_entries(f->layers, ""), 0);
	error_clear(&e);
}

/* A tree that takes longer to copy than the test takes to go on. */
static void make_large(struct fixture *f)
{
	for (unsigned i = 0; i < 4000; i++) {
		char name[32];
		auto_close int fd = -1;

		snprintf(name, sizeof name, "file%u", i);
		fd = openat(f->upper_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		assert_int_equal(write(fd, name, sizeof name), sizeof name);
	}
}

static void closed_too_early(void **state)
{
	struct fixture *f = *state;
	struct digest key = key_of("one");
	struct error e = ERROR_INIT;

	need_rights();
	make_large(f);
	assert_int_equal(layer_save(f->store, &key, "one", NULL, f->upper_fd, &e), 0);
	close_store(f);
	assert_int_equal(count_entries(f->layers, "new."), 0);
	/* Whole, in case it was that quick, or not there at all. */
	assert_true(find_anew(f, "one") >= 0);
	assert_int_equal(count_entries(f->layers, "new."), 0);
}

static void killed(void **state)
{
	struct fixture *f = *state;
	struct digest key = key_of("one");
	struct error e = ERROR_INIT;
	int status;
	pid_t child;

	need_rights();
	make_large(f);
	child = fork();
	if (child == 0) {
		if (layer_save(f->store, &key, "one", NULL, f->upper_fd, &e) < 0)
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	/* Its writer dies with it, if not before these lines then soon; then the next one sweeps. */
	for (unsigned i = 0; i < 100 && (i == 0 || count_entries(f->layers, "new.")); i++) {
		usleep(20000);
		close_store(f);
		open_store(f);
	}
	assert_int_equal(count_entries(f->layers, "new."), 0);
	save(f, "one");
	assert_int_equal(find_anew(f, "one"), 1);
}

static void listed_and_trimmed(void **state)
{
	struct fixture *f = *state;
	struct layer_list list;
	struct error e = ERROR_INIT;
	uint64_t removed = 1;
	int fd;

	need_rights();
	assert_int_equal(layer_list_read(f->scratch.cache, &list, &e), 0);
	assert_int_equal(list.count, 0);
	assert_int_equal(layer_trim(f->scratch.cache, 0, INT64_MAX, &removed, &e), 0);
	assert_int_equal(removed, 0);
	for (unsigned i = 0; i < 4; i++) {
		char name[2] = { (char)('a' + i), '\0' };
		auto_free char *path = path_in(f, name, "manifest");

		save(f, name);
		assert_int_equal(
			utimensat(AT_FDCWD, path, (struct timespec[]) { { 0, 0 }, { 100 + i, 0 } }, 0), 0);
	}
	close_store(f);
	open_store(f);
	assert_int_equal(find(f, "a", &fd), 1);
	assert_int_equal(layer_list_read(f->scratch.cache, &list, &e), 0);
	assert_int_equal(list.count, 4);
	assert_string_equal(list.items[0].title, "a");
	assert_true(list.items[0].in_use);
	assert_true(list.items[0].used_s > 1000);
	assert_string_equal(list.items[1].title, "d");
	assert_false(list.items[1].in_use);
	assert_int_equal(list.items[1].used_s, 103);
	assert_true(list.items[1].size_bytes >= 300000 && list.items[1].size_bytes < 500000);
	assert_true(digest_equal(&list.items[1].key, &(struct digest[]) { key_of("d") }[0]));
	/* Room for two; then by age; then none, but for the one that is in use. */
	assert_int_equal(layer_trim(f->scratch.cache, 3 * list.items[1].size_bytes - 1, 0, &removed, &e), 0);
	assert_int_equal(removed, 2 * list.items[1].size_bytes);
	assert_int_equal(find(f, "c", &fd), 0);
	assert_int_equal(layer_trim(f->scratch.cache, UINT64_MAX, 103, &removed, &e), 0);
	assert_int_equal(removed, 0);
	assert_int_equal(layer_trim(f->scratch.cache, UINT64_MAX, 104, &removed, &e), 0);
	assert_int_equal(removed, list.items[1].size_bytes);
	assert_int_equal(layer_trim(f->scratch.cache, 0, INT64_MAX, &removed, &e), 0);
	assert_int_equal(removed, 0);
	assert_int_equal(count_entries(f->layers, ""), 1);
	close_store(f);
	assert_int_equal(layer_trim(f->scratch.cache, 0, 0, &removed, &e), 0);
	assert_int_equal(count_entries(f->layers, ""), 0);
	layer_list_release(&list);
	open_store(f);
}

static void trim_damaged(void **state)
{
	struct fixture *f = *state;
	struct error e = ERROR_INIT;
	struct layer_list list;
	uint64_t removed;

	need_rights();
	save(f, "one");
	spoil_no_manifest(f);
	assert_int_equal(mkdirat(f->scratch.folder_fd, "cache/layers/new.abcdef", 0700), 0);
	assert_int_equal(mkdirat(f->scratch.folder_fd, "cache/layers/mine", 0700), 0);
	assert_int_equal(layer_list_read(f->scratch.cache, &list, &e), 0);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].title, "damaged");
	layer_list_release(&list);
	assert_int_equal(layer_trim(f->scratch.cache, UINT64_MAX, 0, &removed, &e), 0);
	assert_int_equal(count_entries(f->layers, ""), 1);
	assert_int_equal(count_entries(f->layers, "mine"), 1);
}

/* Run BODY in a child with mounts of its own. */
static void in_child(struct fixture *f, void (*body)(struct fixture *))
{
	int status;
	pid_t child;

	need_rights();
	child = fork();
	if (child == 0) {
		/* A failure ends the child; the parent cleans up. */
		setenv("CMOCKA_TEST_ABORT", "1", 1);
		assert_int_equal(unshare(CLONE_NEWNS), 0);
		assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
		body(f);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void fill_disks(struct fixture *f)
{
	/* Less than the files hold; less than their inodes. */
	static const char *const options[] = { "size=200k", "size=10m,nr_inodes=12", "size=10m,nr_inodes=3" };

	assert_int_equal(mkdir(f->scratch.cache, 0755), 0);
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		assert_int_equal(mount("full", f->scratch.cache, "tmpfs", 0, options[i]), 0);
		close_store(f);
		open_store(f);
		save(f, "one");
		assert_non_null(strstr(logged(f), "warning: layer 'one' is not kept: "));
		assert_int_equal(count_entries(f->layers, ""), 0);
		assert_int_equal(find_anew(f, "one"), 0);
		close_store(f);
		assert_int_equal(umount2(f->scratch.cache, 0), 0);
		open_store(f);
	}
}

static void full_disk(void **state)
{
	in_child(*state, fill_disks);
}

static void use_read_only(struct fixture *f)
{
	int fd;

	save(f, "one");
	close_store(f);
	assert_int_equal(mount(f->scratch.cache, f->scratch.cache, NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, f->scratch.cache, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	open_store(f);
	assert_non_null(strstr(logged(f), "no layers are kept or used: "));
	assert_non_null(strstr(logged(f), "Read-only file system\n"));
	assert_int_equal(find(f, "one", &fd), 0);
	save(f, "two");
	close_store(f);
	/* One line, not more. */
	assert_ptr_equal(strchr(logged(f), '\n'), strrchr(logged(f), '\n'));
	open_store(f);
}

static void read_only(void **state)
{
	in_child(*state, use_read_only);
}

static void foreign(void **state)
{
	struct fixture *f = *state;
	int fd;

	need_rights();
	save(f, "one");
	close_store(f);
	assert_int_equal(chown(f->layers, 1000, 0), 0);
	open_store(f);
	assert_non_null(strstr(logged(f), "can be written to by others"));
	assert_int_equal(find(f, "one", &fd), 0);
	save(f, "two");
	assert_int_equal(chown(f->layers, 0, 0), 0);
	close_store(f);
	assert_int_equal(chmod(f->layers, 0775), 0);
	open_store(f);
	assert_non_null(strstr(logged(f), "can be written to by others"));
	close_store(f);
	/* Merely readable: that is put right. */
	assert_int_equal(chmod(f->layers, 0755), 0);
	assert_int_equal(find_anew(f, "one"), 1);
	assert_int_equal(count_entries(f->layers, ""), 1);
}

static void without_root(void **state)
{
	struct fixture *f = *state;
	struct error e = ERROR_INIT;
	struct layer_store *store = NULL;
	struct digest key = key_of("one");
	int status;
	int fd;
	char *product;
	size_t len;
	pid_t child = fork();

	if (child == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(1);
		if (layer_store_open(f->scratch.cache, &f->scratch.log, &store, &e) < 0)
			_exit(2);
		if (layer_find(store, &key, &fd, &product, &len, &e) != 0 ||
		    layer_save(store, &key, "one", NULL, -1, &e) != 0 || layer_save_wait(store, &e) != 0)
			_exit(3);
		layer_store_close(store);
		_exit(strstr(logged(f), "no layers are kept or used: only root") ? 0 : 4);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Random changes in a stack whose layers are saved; then a stack of what was saved, and more changes on it. */
static void keep_and_stack(struct fixture *f)
{
	unsigned rounds = getenv("KILN_TEST_LONG") ? 100 : 8;

	for (uint64_t seed = 1; seed <= rounds; seed++) {
		struct workspace_options options = { .cache_dir = f->scratch.cache, .log = &f->scratch.log };
		struct workspace workspace = WORKSPACE_INIT;
		struct error e = ERROR_INIT;
		uint64_t draws = seed;
		auto_close int plain_fd = -1;
		int lower_fds[6];
		size_t count = 0;

		close_store(f);
		open_store(f);
		assert_int_equal(root_remove(f->scratch.folder_fd, "plain", &e), 0);
		assert_int_equal(mkdirat(f->scratch.folder_fd, "plain", 0755), 0);
		assert_int_equal(dir_open(f->scratch.folder_fd, "plain", &plain_fd, &e), 0);
		for (unsigned again = 0; again < 2; again++) {
			/* The last one may have been opened in another mount namespace. */
			if (workspace_open(&options, &workspace, &e) < 0)
				fail_msg("%s", e.text);
			if (again && workspace_stack(&workspace, lower_fds, count, &e) != 1)
				fail_msg("%s", logged(f));
			trees_compare(plain_fd, workspace.root_fd);
			for (unsigned i = 1; i <= 300; i++) {
				struct change c = change_draw(&draws);
				int upper_fd = -1;
				char name[64];
				struct digest key;
				int on_stack = change_apply(workspace.root_fd, &c);

				if (!change_is_refused(on_stack))
					assert_int_equal(change_apply(plain_fd, &c), on_stack);
				if (i % 60)
					continue;
				assert_int_equal(workspace_seal(&workspace, &upper_fd, &e), 1);
				if (again)
					continue;
				snprintf(name, sizeof name, "seed %llu change %u", (unsigned long long)seed,
					 i);
				key = key_of(name);
				assert_int_equal(layer_save(f->store, &key, name, NULL, upper_fd, &e), 0);
				assert_int_equal(layer_save_wait(f->store, &e), 0);
				if (find(f, name, &lower_fds[count++]) != 1)
					fail_msg("seed %llu: %s", (unsigned long long)seed, logged(f));
			}
			trees_compare(plain_fd, workspace.root_fd);
			workspace_release(&workspace);
		}
	}
}

/* A root that is only shown is what the layers hold, and cannot be written to. */
static void keep_and_show(struct fixture *f)
{
	const struct workspace_options options = { .cache_dir = f->scratch.cache, .log = &f->scratch.log };
	auto_workspace struct workspace workspace = WORKSPACE_INIT;
	auto_close int plain_fd = -1;
	struct error e = ERROR_INIT;
	int lower_fds[2];
	int upper_fd = -1;

	open_store(f);
	assert_int_equal(mkdirat(f->scratch.folder_fd, "plain", 0755), 0);
	assert_int_equal(dir_open(f->scratch.folder_fd, "plain", &plain_fd, &e), 0);
	if (workspace_open(&options, &workspace, &e) < 0)
		fail_msg("%s", e.text);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "second" : "first";
		struct digest key = key_of(name);

		assert_int_equal(root_write_text(plain_fd, name, name, &e), 0);
		assert_int_equal(root_write_text(workspace.root_fd, name, name, &e), 0);
		assert_int_equal(workspace_seal(&workspace, &upper_fd, &e), 1);
		assert_int_equal(layer_save(f->store, &key, name, NULL, upper_fd, &e), 0);
		assert_int_equal(layer_save_wait(f->store, &e), 0);
	}
	workspace_release(&workspace);
	if (workspace_open(&options, &workspace, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(find(f, "first", &lower_fds[0]), 1);
	assert_int_equal(find(f, "second", &lower_fds[1]), 1);
	assert_int_equal(workspace_show(&workspace, lower_fds, 2, &e), 1);
	assert_int_equal(faccessat(workspace.root_fd, "first", F_OK, 0), 0);
	assert_int_equal(faccessat(workspace.root_fd, "second", F_OK, 0), 0);
	assert_int_equal(root_write_text(workspace.root_fd, "third", "", &e), -1);
	assert_int_equal(e.sys, EROFS);
	error_clear(&e);
	assert_int_equal(workspace_seal(&workspace, &upper_fd, &e), -1);
}

static void kept_and_stacked(void **state)
{
	in_child(*state, keep_and_stack);
}

static void kept_and_shown(void **state)
{
	in_child(*state, keep_and_show);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		CASE(files_alone),         CASE(changed_in_use),   CASE(saved_and_found),
		CASE(contents_after_boot), CASE(damaged),          CASE(damaged_in_use),
		CASE(two_writers),         CASE(closed_too_early), CASE(killed),
		CASE(listed_and_trimmed),  CASE(trim_damaged),     CASE(full_disk),
		CASE(read_only),           CASE(foreign),          CASE(without_root),
		CASE(kept_and_stacked),    CASE(kept_and_shown),
	};

	return cmocka_run_group_tests_name("layer", tests, NULL, NULL);
}
