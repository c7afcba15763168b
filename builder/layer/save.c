/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/store.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/process.h"
#include "base/root.h"
#include "base/temporary.h"
#include "layer/copy.h"
#include "layer/manifest.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

enum { POLL_MS = 200, SAVER_NICE = 10 };
/* What kept files leave free: the build still has to write what lies beside them. */
#define LEFT_FREE_BYTES (16 * MIB)

/* What the saving process works with. */
struct order {
	const struct digest *key;
	const char *title;
	const char *product; /* may be NULL */
	int from_fd;         /* of a tree; -1: it is these files */
	const struct layer_file *files;
	size_t file_count;
	int layers_fd;
	int folder_fd;    /* of the new layer; holds its lock */
	const char *name; /* that it has until it is whole */
	pid_t parent;
};

/* A full disk is better seen before it is full. */
static int check_room(int fd, uint64_t need_bytes, struct error *e)
{
	struct statvfs fs;

	if (fstatvfs(fd, &fs) < 0)
		return error_sys(e, "cannot ask for the room on the disk");
	if ((uint64_t)fs.f_bavail * fs.f_frsize < need_bytes)
		return error_set(e, ERROR_SPACE, "it takes %s, and the disk has %s left",
				 human_size(need_bytes).text,
				 human_size((uint64_t)fs.f_bavail * fs.f_frsize).text);
	return 0;
}

static int open_new_root(int folder_fd, int *fd, struct error *e)
{
	if (mkdirat(folder_fd, "root", 0700) < 0)
		return error_sys(e, "cannot make a folder");
	if (dir_open(folder_fd, "root", fd, e) < 0)
		return -1;
	/* What a cache folder may hand down to all that is made in it. */
	(void)fremovexattr(*fd, "system.posix_acl_default");
	(void)fremovexattr(*fd, "system.posix_acl_access");
	return 0;
}

static int write_product(const struct order *order, struct manifest *manifest, struct error *e)
{
	auto_close int fd = -1;
	size_t len = order->product ? strlen(order->product) : 0;

	if (!order->product)
		return 0;
	manifest->product = sha256_of(order->product, len);
	fd = openat(order->folder_fd, "product", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_sys(e, "cannot create its product");
	return file_write_fd(fd, order->product, len, e);
}

/* What is kept of a tree is all of it; TREE lists it. */
static int fill_tree(const struct order *order, int root_fd, struct layer_tree *tree, struct error *e)
{
	if (layer_tree_read(order->from_fd, tree, e) < 0 ||
	    check_room(order->folder_fd, tree->content_bytes, e) < 0)
		return -1;
	return copy_tree(order->from_fd, root_fd, tree, e);
}

static int fill_files(const struct order *order, int root_fd, struct error *e)
{
	for (size_t i = 0; i < order->file_count; i++) {
		const struct layer_file *file = &order->files[i];
		struct stat st;

		if (fstat(file->fd, &st) < 0)
			return error_sys(e, "cannot stat '%s'", file->name);
		if (check_room(order->folder_fd, (uint64_t)st.st_size + LEFT_FREE_BYTES, e) < 0 ||
		    copy_whole(file->fd, root_fd, file->name, e) < 0)
			return -1;
	}
	return 0;
}

static int save(const struct order *order, struct error *e)
{
	struct digest_hex key = digest_hex(order->key);
	auto_tree struct layer_tree tree = LAYER_TREE_INIT;
	auto_manifest struct manifest manifest = MANIFEST_INIT;
	auto_close int root_fd = -1;
	struct tree_inodes inodes;

	if (open_new_root(order->folder_fd, &root_fd, e) < 0 ||
	    (order->files ? fill_files(order, root_fd, e) : fill_tree(order, root_fd, &tree, e)) < 0 ||
	    tree_inodes_read(root_fd, order->files ? NULL : &tree, &inodes, e) < 0)
		return -1;
	manifest = (struct manifest) {
		.key = *order->key,
		.title = xstrdup(order->title),
		.disk_bytes = inodes.disk_bytes,
		.count = inodes.count,
		.inodes = inodes.digest,
		.boot = manifest_this_boot(),
	};
	if (!order->files)
		manifest.tree = tree_digest(&tree);
	if (write_product(order, &manifest, e) < 0 || manifest_write(order->folder_fd, &manifest, e) < 0)
		return -1;
	if (renameat(order->layers_fd, order->name, order->layers_fd, key.text) == 0)
		return 0;
	/* Another builder was faster: its layer is as good. */
	if (errno == EEXIST || errno == ENOTEMPTY)
		return root_remove(order->layers_fd, order->name, e);
	return error_sys(e, "cannot name it");
}

/* Every descriptor but these and the standard ones: a lock must not outlive the process that took it. */
static void close_others(const int *keep, size_t count)
{
	int next = STDERR_FILENO + 1;

	for (bool found = true; found;) {
		int lowest = -1;

		for (size_t i = 0; i < count; i++)
			if (keep[i] >= next && (lowest < 0 || keep[i] < lowest))
				lowest = keep[i];
		found = lowest >= 0;
		if (found && lowest > next)
			syscall(SYS_close_range, (unsigned)next, (unsigned)lowest - 1, 0);
		if (found)
			next = lowest + 1;
	}
	syscall(SYS_close_range, (unsigned)next, ~0U, 0);
}

static _Noreturn void saver_main(const struct order *order, int report_fd)
{
	auto_free int *keep = NULL;
	size_t kept = 0;
	struct error e = ERROR_INIT;
	struct error ignored = ERROR_INIT;
	ssize_t reported;

	/* It dies with kiln, also when that happened just now. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != order->parent)
		_exit(1);
	interrupt_reset_in_child();
	PUSH(keep, kept, order->layers_fd);
	PUSH(keep, kept, order->folder_fd);
	PUSH(keep, kept, report_fd);
	if (order->from_fd >= 0)
		PUSH(keep, kept, order->from_fd);
	for (size_t i = 0; i < order->file_count; i++)
		PUSH(keep, kept, order->files[i].fd);
	close_others(keep, kept);
	/* The build itself goes first. */
	(void)!nice(SAVER_NICE);
	umask(0);
	if (save(order, &e) == 0)
		_exit(0);
	if (root_remove(order->layers_fd, order->name, &ignored) < 0)
		error_clear(&ignored);
	reported = write(report_fd, &e, sizeof e); /* less than PIPE_BUF: whole */
	_exit(reported == (ssize_t)sizeof e ? 1 : 2);
}

static void saver_release(struct saver *saver)
{
	close(saver->report_fd);
	free(saver->title);
}

/* The process has ended or is about to. */
static void conclude(struct layer_store *store, struct saver *saver)
{
	struct error e = ERROR_INIT;
	int status = 0;
	ssize_t got = read(saver->report_fd, &e, sizeof e);

	while (waitpid(saver->pid, &status, 0) < 0 && errno == EINTR)
		;
	e.text[sizeof e.text - 1] = '\0';
	if (got == (ssize_t)sizeof e)
		log_warn(store->log, "layer '%s' is not kept: %s", saver->title, e.text);
	else if (status != 0)
		log_warn(store->log, "layer '%s' is not kept: the process that wrote it has died",
			 saver->title);
	saver_release(saver);
}

/* Wait at most TIMEOUT_MS for the saver; whether it is done. */
static bool is_done(const struct saver *saver, int timeout_ms)
{
	struct pollfd ready = { saver->report_fd, POLLIN, 0 };

	return poll(&ready, 1, timeout_ms) > 0;
}

int layer_save_wait(struct layer_store *store, struct error *e)
{
	while (store->saver_count) {
		if (interrupt_check(e) < 0)
			return -1;
		if (is_done(&store->savers[store->saver_count - 1], POLL_MS))
			conclude(store, &store->savers[--store->saver_count]);
	}
	return 0;
}

/* What goes wrong here is no failure of the build. */
static int start(struct order *order, struct saver *saver, struct error *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	order->parent = getpid();
	saver->report_fd = ends[0];
	saver->pid = fork();
	if (saver->pid == 0)
		saver_main(order, ends[1]);
	close(ends[1]);
	if (saver->pid > 0)
		return 0;
	error_sys(e, "cannot start a process");
	close(ends[0]);
	return -1;
}

/*
 * Tell ext4 that the folders in FD have nothing to do with each other. Else it puts each one beside those that were
 * there before, and where many files have just been deleted it looks long for an inode: ten times as long as all
 * the rest takes. Other file systems know no such hint.
 */
static void spread_folders(int fd)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
		flags |= FS_TOPDIR_FL;
		(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
}

static int make_layers_folder(const struct layer_store *store, int *fd, struct error *e)
{
	bool made;
	int r;

	if (dir_make(store->cache_dir, e) < 0)
		return -1;
	made = mkdir(store->path, 0700) == 0;
	if (!made && errno != EEXIST)
		return error_sys(e, "cannot make '%s'", store->path);
	r = layers_open(store->path, fd, e);
	if (r == 0)
		return error_set(e, ERROR_SYSTEM, "'%s' has been removed", store->path);
	if (r > 0 && made)
		spread_folders(*fd);
	return r < 0 ? -1 : 0;
}

/*
 * Whether there is a layer of that key already: another builder's, or one that lay on a broken one and was never
 * looked at. What is there and is not whole goes, so that it is not in the way.
 */
static int is_there(struct layer_store *store, int layers_fd, const struct digest *key, struct error *e)
{
	auto_free char *product = NULL;
	size_t len;
	int root_fd;
	int r = layer_find(store, key, &root_fd, &product, &len, e);

	if (r == 0)
		(void)unlinkat(layers_fd, digest_hex(key).text, 0); /* no folder at all */
	return r;
}

static int begin(struct layer_store *store, struct order *order, struct error *e)
{
	auto_close int layers_fd = -1;
	auto_close int folder_fd = -1;
	auto_free char *path = NULL;
	struct saver saver = { .report_fd = -1 };
	int r;

	if (make_layers_folder(store, &layers_fd, e) < 0)
		return -1;
	r = is_there(store, layers_fd, order->key, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (temporary_make(store->path, LAYER_UNFINISHED, &path, &folder_fd, e) < 0)
		return -1;
	order->layers_fd = layers_fd;
	order->folder_fd = folder_fd;
	order->name = strrchr(path, '/') + 1;
	if (start(order, &saver, e) < 0) {
		rmdir(path);
		return -1;
	}
	saver.title = xstrdup(order->title);
	PUSH(store->savers, store->saver_count, saver);
	PUSH(store->made, store->made_count, *order->key);
	return 0;
}

static int start_order(struct layer_store *store, struct order *order, struct error *e)
{
	struct error why = ERROR_INIT;

	if (!store->usable)
		return 0;
	if (interrupt_check(e) < 0)
		return -1;
	if (begin(store, order, &why) == 0)
		return 0;
	if (why.kind == ERROR_INTERRUPTED) {
		*e = why;
		return -1;
	}
	log_warn(store->log, "layer '%s' is not kept: %s", order->title, why.text);
	return 0;
}

int layer_save(struct layer_store *store, const struct digest *key, const char *title, const char *product,
	       int upper_fd, struct error *e)
{
	struct order order = { .key = key, .title = title, .product = product, .from_fd = upper_fd };

	return start_order(store, &order, e);
}

int layer_save_files(struct layer_store *store, const struct digest *key, const char *title,
		     const char *product, const struct layer_file *files, size_t count, struct error *e)
{
	struct order order = { .key = key,
			       .title = title,
			       .product = product,
			       .from_fd = -1,
			       .files = files,
			       .file_count = count };

	return start_order(store, &order, e);
}

void layer_store_stop(struct layer_store *store)
{
	if (store->saver_count == 0)
		return;
	while (store->saver_count) {
		struct saver *saver = &store->savers[--store->saver_count];

		process_kill(saver->pid);
		saver_release(saver);
	}
	temporary_sweep(store->path, LAYER_UNFINISHED, NULL);
}

void layer_store_close(struct layer_store *store)
{
	if (!store)
		return;
	layer_store_stop(store);
	for (size_t i = 0; i < store->held_count; i++) {
		auto_close_(&store->held[i].lock_fd);
		auto_close_(&store->held[i].root_fd);
	}
	free(store->held);
	free(store->made);
	free(store->savers);
	free(store->path);
	free(store->cache_dir);
	free(store);
}
