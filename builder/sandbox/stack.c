/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/stack.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/xattr.h"
#include "sandbox/links.h"
#include "sandbox/privilege.h"
#include "sandbox/workspace.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/*
 * What is given with every mount, so that neither the kernel's configuration nor its module's parameters decide.
 * redirect_dir: folders of lower trees can be renamed. metacopy: an upper tree never refers to content in a lower one.
 * index: it would tie an upper tree to the inodes below it, and a layer is copied. xino: inode numbers beyond 32
 * bits break stat() in old 32-bit programs.
 */
static const char common_options[] = "metacopy=off,index=off,xino=off";
/* In a user namespace marks are user.overlay.*, and folders of lower trees are copied by whoever would rename them. */
static const char host_options[] = ",redirect_dir=on";
static const char confined_options[] = ",userxattr";
/* Nothing of a root under construction has to reach the disk: neither its fsync() calls nor the unmounting sync. */
static const char writable_options[] = "volatile";

struct stack {
	int *lower_fds; /* owned; bottom first */
	size_t lower_count;
	int upper_fd;    /* owned; what is written now lies here */
	unsigned serial; /* of the upper tree */
	bool mounted;
	struct links links; /* of the lower trees; they have been copied up */
};

#define auto_stack AUTO(stack_release)

/* Does not unmount: that is for those who know where. */
static void stack_release(struct stack *const *slot)
{
	struct stack *stack = *slot;

	if (!stack)
		return;
	for (size_t i = 0; i < stack->lower_count; i++)
		close(stack->lower_fds[i]);
	free(stack->lower_fds);
	auto_close_(&stack->upper_fd);
	links_release(&stack->links);
	free(stack);
}

void stack_free(struct stack *stack, const char *mount_point)
{
	if (stack && stack->mounted)
		umount2(mount_point, MNT_DETACH);
	stack_release(&stack);
}

static struct stack *stack_new(void)
{
	struct stack *stack = xcalloc(1, sizeof *stack);

	stack->upper_fd = -1;
	stack->links = LINKS_INIT;
	return stack;
}

/*
 * The options of an overlay over the first LOWER_COUNT lower trees, writable if WORK_FD >= 0. Trees are named by
 * descriptor, so no path has to be quoted, or can be too long. NULL: still more than mount(2) takes.
 */
static char *overlay_options(const struct stack *stack, size_t lower_count, int work_fd)
{
	auto_buffer struct buffer options = BUFFER_INIT;

	buffer_adds(&options, common_options);
	buffer_adds(&options, privilege_is_confined() ? confined_options : host_options);
	buffer_adds(&options, ",lowerdir=");
	for (size_t i = lower_count; i > 0; i--)
		buffer_addf(&options, "%s/proc/self/fd/%d", i < lower_count ? ":" : "",
			    stack->lower_fds[i - 1]);
	if (work_fd >= 0)
		buffer_addf(&options, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d,%s",
			    stack->upper_fd, work_fd, writable_options);
	return options.len < (size_t)sysconf(_SC_PAGESIZE) ? buffer_take(&options) : NULL;
}

static int mount_overlay(const char *path, const char *options, int *fd, struct error *e)
{
	if (!options)
		return error_set(e, ERROR_UNSUPPORTED, "too many layers for one overlayfs");
	if (mount("kiln", path, "overlay", MS_NOATIME | MS_NODEV, options) < 0)
		return error_sys(e, "cannot mount an overlayfs");
	if (dir_open(AT_FDCWD, path, fd, e) == 0)
		return 0;
	umount2(path, MNT_DETACH);
	return -1;
}

/* The root folder's own attributes are those of the uppermost tree. */
static int copy_attributes(int from_fd, int to_fd, struct error *e)
{
	auto_xattrs struct xattrs xattrs = XATTRS_INIT;
	struct stat st;

	if (xattrs_get(from_fd, -1, NULL, xattr_is_of_tree, &xattrs, e) < 0)
		return -1;
	if (fstat(from_fd, &st) < 0 || fchown(to_fd, st.st_uid, st.st_gid) < 0 ||
	    fchmod(to_fd, st.st_mode & 07777) < 0)
		return error_sys(e, "cannot set owner and mode of a folder");
	if (xattrs_set(to_fd, -1, NULL, &xattrs, e) < 0)
		return -1;
	if (futimens(to_fd, (struct timespec[]) { st.st_atim, st.st_mtim }) < 0)
		return error_sys(e, "cannot set the times of a folder");
	return 0;
}

static int make_folder(int dir_fd, const char *name, int *fd, struct error *e)
{
	if (mkdirat(dir_fd, name, 0700) < 0)
		return error_sys(e, "cannot make folder '%s'", name);
	return dir_open(dir_fd, name, fd, e);
}

/* overlayfs would do without marks, and fail where it needs one; tmpfs has them since Linux 6.6. */
static int check_marks(int upper_fd, struct error *e)
{
	static const char mark[] = "user.overlay.test";

	if (fsetxattr(upper_fd, mark, "y", 1, 0) < 0 || fremovexattr(upper_fd, mark) < 0)
		return error_sys(e, "no attributes of users here");
	return 0;
}

/* PLACE/NUMBER/upper and work: an empty tree on top of the lower ones. */
static int make_upper(const char *place, struct stack *stack, int *work_fd, struct error *e)
{
	auto_close int place_fd = -1;
	auto_close int fd = -1;
	auto_close int upper_fd = -1;
	char name[16];

	snprintf(name, sizeof name, "%u", ++stack->serial);
	if (dir_open(AT_FDCWD, place, &place_fd, e) < 0 || make_folder(place_fd, name, &fd, e) < 0 ||
	    make_folder(fd, "work", work_fd, e) < 0 || make_folder(fd, "upper", &upper_fd, e) < 0 ||
	    copy_attributes(stack->lower_fds[stack->lower_count - 1], upper_fd, e) < 0)
		return -1;
	if (privilege_is_confined() && check_marks(upper_fd, e) < 0)
		return -1;
	stack->upper_fd = TAKE(upper_fd, -1);
	return 0;
}

/*
 * Mount a new upper tree over the lower ones, and copy up the links that stack->links has; with FIND_LINKS look for
 * them first. *root_fd is the result.
 */
static int raise_stack(const struct workspace *workspace, struct stack *stack, bool find_links, int *root_fd,
		       struct error *e)
{
	auto_close int work_fd = -1;
	auto_close int fd = -1;
	auto_free char *options = NULL;

	if (make_upper(workspace->place, stack, &work_fd, e) < 0)
		return -1;
	options = overlay_options(stack, stack->lower_count, work_fd);
	if (mount_overlay(workspace->path, options, &fd, e) < 0)
		return -1;
	stack->mounted = true;
	if (find_links && links_find(fd, stack->lower_fds, stack->lower_count, &stack->links, e) < 0)
		return -1;
	if (links_copy_up(fd, &stack->links, e) < 0)
		return -1;
	*root_fd = TAKE(fd, -1);
	return 0;
}

/* The root becomes FD; it keeps its number. */
static int replace_root(struct workspace *workspace, int fd, struct error *e)
{
	if (dup3(fd, workspace->root_fd, O_CLOEXEC) < 0)
		return error_sys(e, "cannot replace the root");
	return 0;
}

/* Make a plain root the stack STACK, which has lower trees: 1, or 0 with all as it was. STACK is taken over. */
static int begin(struct workspace *workspace, struct stack *stack, bool find_links, struct error *e)
{
	auto_close int fd = -1;
	struct error why = ERROR_INIT;

	if (raise_stack(workspace, stack, find_links, &fd, &why) < 0 ||
	    replace_root(workspace, fd, &why) < 0) {
		stack_free(stack, workspace->path);
		if (why.kind == ERROR_INTERRUPTED) {
			*e = why;
			return -1;
		}
		log_detail(workspace->log, "the root cannot be a stack of layers here: %s", why.text);
		return 0;
	}
	workspace->stack = stack;
	return 1;
}

/*
 * overlayfs takes folders of kiln's own mount namespace only, and FD may have been opened before kiln entered that:
 * open it again by its path. Where that does not lead to it, mount(2) decides.
 */
static int open_lower(int fd, struct error *e)
{
	char link[64];
	char path[LIMIT_PATH_BYTES + 1] = "";
	auto_close int opened = -1;
	struct stat given;
	struct stat found;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof path - 1) > 0)
		opened = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (opened >= 0 && fstat(fd, &given) == 0 && fstat(opened, &found) == 0 &&
	    given.st_dev == found.st_dev && given.st_ino == found.st_ino)
		return TAKE(opened, -1);
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? error_sys(e, "cannot duplicate a descriptor") : fd;
}

static int stack_over(const int *lower_fds, size_t count, struct stack **out, struct error *e)
{
	auto_stack struct stack *stack = stack_new();

	for (size_t i = 0; i < count; i++) {
		int fd = open_lower(lower_fds[i], e);

		if (fd < 0)
			return -1;
		PUSH(stack->lower_fds, stack->lower_count, fd);
	}
	*out = TAKE(stack, NULL);
	return 0;
}

int workspace_stack(struct workspace *workspace, const int *lower_fds, size_t count, struct error *e)
{
	struct stack *stack;

	if (workspace->plain)
		return 0;
	if (stack_over(lower_fds, count, &stack, e) < 0)
		return -1;
	return begin(workspace, stack, true, e);
}

int workspace_show(struct workspace *workspace, const int *lower_fds, size_t count, struct error *e)
{
	struct stack *stack;
	struct error why = ERROR_INIT;
	auto_free char *options = NULL;
	auto_close int fd = -1;

	if (workspace->plain)
		return 0;
	if (stack_over(lower_fds, count, &stack, e) < 0)
		return -1;
	options = overlay_options(stack, stack->lower_count, -1);
	if (mount_overlay(workspace->path, options, &fd, &why) == 0) {
		stack->mounted = true;
		if (replace_root(workspace, fd, &why) == 0) {
			workspace->stack = stack;
			return 1;
		}
	}
	stack_free(stack, workspace->path);
	log_detail(workspace->log, "the root cannot be a stack of layers here: %s", why.text);
	return 0;
}

/* The first layer is the plain folder itself. */
static int seal_plain(struct workspace *workspace, struct error *e)
{
	auto_stack struct stack *stack = stack_new();
	struct error why = ERROR_INIT;
	int fd = fcntl(workspace->root_fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return error_sys(e, "cannot duplicate a descriptor");
	PUSH(stack->lower_fds, stack->lower_count, fd);
	if (links_add(fd, false, &stack->links, &why) < 0) {
		if (why.kind == ERROR_INTERRUPTED) {
			*e = why;
			return -1;
		}
		log_detail(workspace->log, "the root cannot be a stack of layers: %s", why.text);
		return 0;
	}
	return begin(workspace, TAKE(stack, NULL), false, e);
}

/* What the first LOWER_COUNT lower trees show together; *fd is not to be written to. */
static int open_below(const struct workspace *workspace, size_t lower_count, int *fd, struct error *e)
{
	auto_free char *options = NULL;

	if (lower_count == 1) {
		*fd = fcntl(workspace->stack->lower_fds[0], F_DUPFD_CLOEXEC, 0);
		return *fd < 0 ? error_sys(e, "cannot duplicate a descriptor") : 0;
	}
	options = overlay_options(workspace->stack, lower_count, -1);
	return mount_overlay(workspace->path, options, fd, e);
}

/* The upper tree has just become the last lower one: leave in it what it adds, and learn its links. */
static int tidy_sealed(struct workspace *workspace, struct error *e)
{
	struct stack *stack = workspace->stack;
	int sealed_fd = stack->lower_fds[stack->lower_count - 1];
	size_t below_count = stack->lower_count - 1;
	auto_close int below_fd = -1;
	int result;

	if (stack->links.count == 0)
		return links_add(sealed_fd, true, &stack->links, e);
	if (open_below(workspace, below_count, &below_fd, e) < 0)
		return -1;
	result = links_drop_untouched(sealed_fd, below_fd, &stack->links, e);
	if (below_count > 1)
		umount2(workspace->path, MNT_DETACH);
	return result < 0 ? -1 : links_add(sealed_fd, true, &stack->links, e);
}

static int seal_upper(struct workspace *workspace, struct error *e)
{
	struct stack *stack = workspace->stack;
	auto_free char *options = NULL;
	auto_close int fd = -1;

	if (stack->upper_fd < 0)
		return error_set(e, ERROR_INTERNAL, "a root that is only shown has nothing to seal");
	PUSH(stack->lower_fds, stack->lower_count, stack->upper_fd);
	/* With a descriptor of about the length that the new work folder will have. */
	options = overlay_options(stack, stack->lower_count, 999999);
	if (!options) {
		stack->lower_count--;
		return 0;
	}
	/* Nothing may refer to the old overlay any more when the tree below it is changed, or mounted again. */
	if (replace_root(workspace, stack->upper_fd, e) < 0)
		return -1;
	stack->upper_fd = -1;
	if (umount2(workspace->path, MNT_DETACH) < 0)
		return error_sys(e, "cannot unmount '%s'", workspace->path);
	stack->mounted = false;
	if (tidy_sealed(workspace, e) < 0 || raise_stack(workspace, stack, false, &fd, e) < 0)
		return error_wrap(e, "cannot put a layer on the root");
	return replace_root(workspace, fd, e) < 0 ? -1 : 1;
}

int workspace_seal(struct workspace *workspace, int *upper_fd, struct error *e)
{
	int r = workspace->plain ? 0 : workspace->stack ? seal_upper(workspace, e) : seal_plain(workspace, e);

	if (r > 0)
		*upper_fd = workspace->stack->lower_fds[workspace->stack->lower_count - 1];
	return r;
}
