/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/workspace.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/root.h"
#include "base/temporary.h"
#include "sandbox/memory.h"
#include "sandbox/privilege.h"
#include "sandbox/stack.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define MEMORY_SPARE_BYTES (256 * MIB) /* beside the root: what /tmp and /run of scripts may take */
#define BYTES_PER_INODE    2048        /* a root has a file for every 10 KiB or so */

enum { ROOT_MODE = 0755 };

static const char memory_name[] = "work";
static const char disk_prefix[] = "work.";

/* From here on no mount of this process is seen by others. */
static int leave_mount_namespace(struct log *log, struct error *e)
{
	if (privilege_obtain(log, e) < 0)
		return -1;
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return 0;
	error_sys(e, "cannot create a mount namespace");
	if (e->sys == EPERM)
		e->kind = ERROR_PRIVILEGE;
	return -1;
}

/* What is mounted so would have to be mounted otherwise. */
static int check_flags(const char *folder, struct error *e)
{
	struct statvfs fs;

	if (statvfs(folder, &fs) < 0)
		return error_sys(e, "cannot ask for the file system of '%s'", folder);
	if (!(fs.f_flag & (ST_NODEV | ST_NOEXEC)))
		return 0;
	return error_set(e, ERROR_SYSTEM,
			 "without namespaces the root cannot be in '%s', which is mounted %s: name another "
			 "folder with --work",
			 folder, fs.f_flag & ST_NODEV ? "nodev" : "noexec");
}

static int open_root(struct workspace *workspace, struct error *e)
{
	workspace->path = xasprintf("%s/root", workspace->place);
	if (mkdir(workspace->path, ROOT_MODE) < 0)
		return error_sys(e, "cannot make '%s'", workspace->path);
	if (dir_open(AT_FDCWD, workspace->path, &workspace->root_fd, e) < 0)
		return -1;
	/* Whatever the umask, and whoever owns the cache. */
	if (fchown(workspace->root_fd, 0, 0) < 0 || fchmod(workspace->root_fd, ROOT_MODE) < 0)
		return error_sys(e, "cannot set owner and mode of '%s'", workspace->path);
	return 0;
}

/* The bytes that a root in memory may take, or 0 when it has to be on disk. */
static uint64_t room_in_memory(uint64_t estimate_bytes, unsigned sharers)
{
	uint64_t half = memory_available("/proc", "/sys/fs/cgroup") / 2 / (sharers ? sharers : 1);

	if (estimate_bytes > UINT64_MAX / 2)
		return 0;
	return estimate_bytes + estimate_bytes / 2 + MEMORY_SPARE_BYTES < half ? half : 0;
}

/* The folder is there for good: one that had to be removed could be left behind by a killed kiln. */
static int open_in_memory(const char *cache_dir, uint64_t room_bytes, struct workspace *workspace,
			  struct error *e)
{
	auto_free char *path = xasprintf("%s/%s", cache_dir, memory_name);
	auto_free char *options =
		xasprintf("mode=0700,size=%llu,nr_inodes=%llu", (unsigned long long)room_bytes,
			  (unsigned long long)room_bytes / BYTES_PER_INODE);

	if (dir_make(path, e) < 0)
		return -1;
	/* nodev: kiln reads what scripts have made, also a device node where a file should be. */
	if (mount("kiln", path, "tmpfs", MS_NOATIME | MS_NODEV, options) < 0)
		return error_sys(e, "cannot mount a tmpfs on '%s'", path);
	workspace->place = TAKE(path, NULL);
	return open_root(workspace, e);
}

static int check_room(const char *folder, uint64_t estimate_bytes, struct error *e)
{
	struct statvfs fs;
	uint64_t free_bytes;

	if (statvfs(folder, &fs) < 0)
		return error_sys(e, "cannot ask for the room in '%s'", folder);
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (free_bytes < estimate_bytes)
		return error_set(e, ERROR_SPACE, "the root needs about %s, and '%s' has %s left",
				 human_size(estimate_bytes).text, folder, human_size(free_bytes).text);
	return 0;
}

int workspace_room(const struct workspace_options *options, bool *in_memory, struct error *e)
{
	*in_memory = !options->work_dir && room_in_memory(options->estimate_bytes, options->sharers);
	if (*in_memory)
		return 0;
	return check_room(options->work_dir ? options->work_dir : options->cache_dir, options->estimate_bytes,
			  e);
}

/* DIR/work.XXXXXX: the outer folder keeps other users of the host out, the root in it has a root's mode. */
static int open_on_disk(const char *folder, struct workspace *workspace, struct error *e)
{
	workspace->on_disk = true;
	if (temporary_make(folder, disk_prefix, &workspace->place, &workspace->lock_fd, e) < 0)
		return -1;
	return open_root(workspace, e);
}

int workspace_open(const struct workspace_options *options, struct workspace *workspace, struct error *e)
{
	auto_workspace struct workspace opened = WORKSPACE_INIT;
	const char *folder = options->work_dir ? options->work_dir : options->cache_dir;
	bool plain = options->isolation == ISOLATION_CHROOT;
	uint64_t room =
		options->work_dir || plain ? 0 : room_in_memory(options->estimate_bytes, options->sharers);

	if ((!plain && leave_mount_namespace(options->log, e) < 0) || dir_make(folder, e) < 0)
		return -1;
	if (plain && check_flags(folder, e) < 0)
		return -1;
	temporary_sweep(folder, disk_prefix, options->log);
	if (room == 0 && check_room(folder, options->estimate_bytes, e) < 0)
		return -1;
	if ((room ? open_in_memory(folder, room, &opened, e) : open_on_disk(folder, &opened, e)) < 0)
		return error_wrap(e, "cannot make a place for the root");
	opened.log = options->log;
	opened.plain = plain;
	log_detail(options->log, "the root is built %s '%s'", room ? "in memory, at" : "on disk, in",
		   opened.path);
	*workspace = TAKE(opened, WORKSPACE_INIT);
	return 0;
}

/* Best effort, as with every guard: the next kiln sweeps what is left. */
static void remove_from_disk(const char *place)
{
	const char *name = strrchr(place, '/') + 1;
	auto_free char *parent = xstrndup(place, (size_t)(name - place));
	auto_close int parent_fd = -1;
	struct error ignored = ERROR_INIT;

	if (dir_open(AT_FDCWD, parent, &parent_fd, &ignored) == 0 &&
	    root_remove(parent_fd, name, &ignored) < 0)
		error_clear(&ignored);
}

void workspace_release(struct workspace *workspace)
{
	if (workspace->root_fd >= 0)
		close(TAKE(workspace->root_fd, -1));
	stack_free(TAKE(workspace->stack, NULL), workspace->path);
	if (workspace->place && workspace->on_disk)
		remove_from_disk(workspace->place);
	else if (workspace->place)
		umount2(workspace->place, MNT_DETACH);
	if (workspace->lock_fd >= 0)
		close(TAKE(workspace->lock_fd, -1));
	free(TAKE(workspace->path, NULL));
	free(TAKE(workspace->place, NULL));
	workspace->on_disk = false;
}
