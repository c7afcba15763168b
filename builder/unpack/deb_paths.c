/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/deb_paths.h"

#include "base/limits.h"
#include "base/root.h"
#include "deb/dependency.h"

#include <fcntl.h>

enum { NAME_BYTES_MAX = 255, KEY_BYTES_MAX = sizeof(dev_t) + sizeof(ino_t) + NAME_BYTES_MAX };

/* The key of NAME in DIR, built in BYTES. */
static struct text key_of(const struct place_dir *dir, const char *name, char bytes[KEY_BYTES_MAX])
{
	size_t len = strnlen(name, NAME_BYTES_MAX);

	memcpy(bytes, &dir->device, sizeof dir->device);
	memcpy(bytes + sizeof dir->device, &dir->inode, sizeof dir->inode);
	memcpy(bytes + sizeof dir->device + sizeof dir->inode, name, len);
	return (struct text) { bytes, sizeof dir->device + sizeof dir->inode + len };
}

static struct deb_claim *add_claim(struct deb_paths *paths, struct text key, const char *path, size_t owner,
				   enum deb_claim_kind kind)
{
	struct deb_claim *claim = arena_alloc(&paths->arena, sizeof *claim);

	*claim = (struct deb_claim) { .path = path, .owner = owner, .kind = kind };
	key.ptr = arena_strndup(&paths->arena, key.ptr, key.len);
	map_put(&paths->claims, key, claim);
	return claim;
}

/* What ENTRY says about a folder, for when all packages are there. */
static struct entry *remember(struct deb_paths *paths, const struct entry *entry)
{
	struct entry *copy = arena_alloc(&paths->arena, sizeof *copy);
	struct entry_xattr *xattrs = NULL;

	if (entry->xattr_count)
		xattrs = arena_alloc(&paths->arena, entry->xattr_count * sizeof *xattrs);
	for (size_t i = 0; i < entry->xattr_count; i++)
		xattrs[i] = (struct entry_xattr) {
			.name = arena_strdup(&paths->arena, entry->xattrs[i].name),
			.value = arena_strndup(&paths->arena, entry->xattrs[i].value, entry->xattrs[i].len),
			.len = entry->xattrs[i].len,
		};
	*copy = *entry;
	copy->path = NULL;
	copy->target = NULL;
	copy->xattrs = xattrs;
	return copy;
}

/* Enter the lines of an installed package's list. */
static int add_listed(struct deb_paths *paths, struct placer *placer, size_t owner, struct text list,
		      struct error *e)
{
	while (list.ptr && list.len) {
		struct text line = text_cut(list, '\n', &list);
		const struct place_dir *dir;
		const char *path;
		const char *name;
		char bytes[KEY_BYTES_MAX];
		struct text key;
		int r;

		if (line.len == 0 || text_is(line, "/."))
			continue;
		if (line.ptr[0] != '/' || !path_is_safe(line))
			return error_set(e, ERROR_FORMAT, "malformed list of files of package '%s'",
					 paths->owners[owner].name);
		path = arena_strndup(&paths->arena, line.ptr, line.len);
		r = placer_parent(placer, path, &dir, &name, e);
		if (r < 0)
			return -1;
		/* Its folder is gone: nothing to collide with. */
		if (r == 0)
			continue;
		key = key_of(dir, name, bytes);
		if (!map_get(&paths->claims, key))
			add_claim(paths, key, path, owner, CLAIM_LISTED);
	}
	return 0;
}

static int load_list(struct deb_paths *paths, struct placer *placer, size_t owner, struct error *e)
{
	auto_free char *file = xasprintf("/var/lib/dpkg/info/%s.list", paths->owners[owner].info_name);
	auto_free char *data = NULL;
	size_t len = 0;
	int r = root_read(paths->root_fd, file, &data, &len, e);

	if (r <= 0)
		return r;
	return add_listed(paths, placer, owner, (struct text) { data, len }, e);
}

static int load_installed(struct deb_paths *paths, const struct deb_status *status, struct error *e)
{
	auto_placer struct placer placer;

	placer_init(&placer, paths->root_fd, 0);
	for (size_t i = 0; i < status->count; i++) {
		const struct deb_status_package *package = status->packages[i];
		struct deb_owner *owner = &paths->owners[i];

		*owner = (struct deb_owner) {
			.name = package->name,
			.version = package->version,
			.info_name = package->name,
			.replaces = deb_field_value(package->fields, package->field_count, "Replaces"),
			.multi_arch_same = package->multi_arch_same,
		};
		if (package->multi_arch_same)
			owner->info_name =
				arena_printf(&paths->arena, "%s:%s", package->name, package->architecture);
		/* What is left of a removed package are conffiles, which anybody may take over. */
		if (package->state > DEB_HALF_INSTALLED && load_list(paths, &placer, i, e) < 0)
			return -1;
	}
	return 0;
}

int deb_paths_init(struct deb_paths *paths, int root_fd, const struct deb_status *status, size_t new_count,
		   struct error *e)
{
	*paths = (struct deb_paths) {
		.root_fd = root_fd,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.settled = PTHREAD_COND_INITIALIZER,
		.installed_count = status->count,
		.owner_count = status->count + new_count,
	};
	/* The one behind all others stands for folders that nobody ships. */
	paths->owners = xcalloc(paths->owner_count + 1, sizeof *paths->owners);
	paths->owners[paths->owner_count] = (struct deb_owner) { .name = "(none)", .version = "" };
	return load_installed(paths, status, e);
}

void deb_paths_release(struct deb_paths *paths)
{
	map_release(&paths->claims);
	map_release(&paths->entered);
	free(paths->folders);
	arena_release(&paths->arena);
	free(paths->directories);
	free(paths->owners);
	free(paths->losses);
	pthread_mutex_destroy(&paths->lock);
	pthread_cond_destroy(&paths->settled);
}

void deb_paths_announce(struct deb_paths *paths, size_t owner, const struct deb_control *control)
{
	pthread_mutex_lock(&paths->lock);
	paths->owners[owner] = (struct deb_owner) {
		.name = control->package,
		.version = control->version,
		.info_name = control->info_name,
		.replaces = deb_field_value(control->fields, control->field_count, "Replaces"),
		.multi_arch_same = control->multi_arch_same,
	};
	pthread_mutex_unlock(&paths->lock);
}

/* Whether A's Replaces names B in B's version. Names that B only provides do not count (Policy §7.6.1). */
static bool replaces(const struct deb_owner *a, const struct deb_owner *b)
{
	struct text rest = a->replaces;
	struct deb_part part;

	while (rest.ptr && deb_dependency_next(&rest, &part) > 0)
		if (text_is(part.name, b->name) &&
		    deb_version_satisfies(text_of(b->version), part.relation, part.version))
			return true;
	return false;
}

static int fail_collision(const struct deb_paths *paths, const char *path, size_t a, size_t b,
			  struct error *e)
{
	const struct deb_owner *later = &paths->owners[a > b ? a : b];
	const struct deb_owner *earlier = &paths->owners[a > b ? b : a];

	return error_set(e, ERROR_FORMAT,
			 "package '%s' tries to overwrite '%s', which is also in package '%s'", later->name,
			 path, earlier->name);
}

static void lose(struct deb_paths *paths, const struct deb_claim *claim, size_t taker)
{
	PUSH(paths->losses, paths->loss_count,
	     ((struct deb_loss) { .owner = claim->owner, .taker = taker, .path = claim->path }));
}

/* OWNER ships a file at a path that is CLAIM's already. */
static int contest(struct deb_paths *paths, struct deb_claim *claim, const char *path, size_t owner,
		   enum deb_verdict *verdict, struct error *e)
{
	const struct deb_owner *mine = &paths->owners[owner];
	const struct deb_owner *theirs = &paths->owners[claim->owner];
	bool i_replace;
	bool they_replace;

	/* A package that lists a path twice. */
	if (claim->owner == owner) {
		*verdict = VERDICT_REPLACE;
		return 0;
	}
	if (mine->multi_arch_same && theirs->multi_arch_same && strcmp(mine->name, theirs->name) == 0) {
		*verdict = VERDICT_COMPARE;
		return 0;
	}
	i_replace = replaces(mine, theirs);
	they_replace = replaces(theirs, mine);
	if (!i_replace && !they_replace)
		return fail_collision(paths, path, owner, claim->owner, e);
	/* When both do, the later one has it. */
	if (i_replace && (!they_replace || owner > claim->owner)) {
		lose(paths, claim, owner);
		*verdict = VERDICT_REPLACE;
		claim->owner = owner;
		claim->path = path;
		claim->kind = CLAIM_FILE;
		return 0;
	}
	*verdict = VERDICT_LEAVE;
	return 0;
}

enum on_disk { DISK_NOTHING, DISK_FOLDER, DISK_LINK_TO_FOLDER, DISK_OTHER };

/* What a list does not say. */
static int kind_on_disk(struct deb_paths *paths, const struct place_dir *dir, const char *name,
			const char *path, enum on_disk *kind, struct error *e)
{
	auto_close int fd = -1;
	struct stat st;
	int r = 0;

	*kind = DISK_NOTHING;
	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(e, "cannot stat '%s' in the root", path);
	if (S_ISLNK(st.st_mode))
		r = root_try_open(paths->root_fd, path, O_PATH | O_DIRECTORY, &fd, e);
	*kind = S_ISDIR(st.st_mode) ? DISK_FOLDER : r > 0 ? DISK_LINK_TO_FOLDER : DISK_OTHER;
	return r < 0 ? -1 : 0;
}

/* OWNER ships a folder at a path that another package has as something that may not be one. */
static int claim_over(struct deb_paths *paths, const struct place_dir *dir, const char *name,
		      struct deb_claim *claim, const char *path, size_t owner, const struct entry *entry,
		      enum deb_verdict *verdict, struct error *e)
{
	enum on_disk kind;

	if (kind_on_disk(paths, dir, name, path, &kind, e) < 0)
		return -1;
	if (kind == DISK_OTHER || (kind == DISK_NOTHING && claim->kind == CLAIM_FILE))
		return fail_collision(paths, path, owner, claim->owner, e);
	if (kind == DISK_FOLDER) {
		claim->kind = CLAIM_KEPT;
	} else if (kind == DISK_NOTHING) {
		claim->kind = CLAIM_DIRECTORY;
		claim->busy = true;
		claim->owner = owner;
		claim->path = path;
		claim->attributes = remember(paths, entry);
		*verdict = VERDICT_CREATE;
	}
	return 0;
}

static int claim_directory(struct deb_paths *paths, const struct place_dir *dir, const char *name,
			   struct deb_claim *claim, const char *path, size_t owner, const struct entry *entry,
			   enum deb_verdict *verdict, struct error *e)
{
	if (claim->kind == CLAIM_LISTED || claim->kind == CLAIM_FILE)
		return claim_over(paths, dir, name, claim, path, owner, entry, verdict, e);
	if (claim->kind == CLAIM_DIRECTORY && owner < claim->owner) {
		claim->owner = owner;
		claim->path = path;
		claim->attributes = remember(paths, entry);
	}
	return 0;
}

static int claim_file(struct deb_paths *paths, const struct place_dir *dir, const char *name,
		      struct deb_claim *claim, const char *path, size_t owner, const struct entry *entry,
		      enum deb_verdict *verdict, struct error *e)
{
	bool folder = claim->kind == CLAIM_DIRECTORY || claim->kind == CLAIM_KEPT;

	if (claim->kind == CLAIM_LISTED) {
		enum on_disk kind;

		if (kind_on_disk(paths, dir, name, path, &kind, e) < 0)
			return -1;
		/* A link to a folder may be replaced like any link. */
		folder = kind == DISK_FOLDER;
	}
	/* Folders are never turned into links (dpkg(1)); what happens then is for the caller to see. */
	if (folder && entry->type == ENTRY_SYMLINK)
		return 0;
	if (folder)
		return fail_collision(paths, path, owner, claim->owner, e);
	if (contest(paths, claim, path, owner, verdict, e) < 0)
		return -1;
	claim->busy = *verdict != VERDICT_LEAVE;
	return 0;
}

/* Something will be created in the folder DIR, as PATH. */
static void enter(struct deb_paths *paths, const struct place_dir *dir, const char *path)
{
	char bytes[KEY_BYTES_MAX];
	struct text key = key_of(dir, "", bytes);
	size_t len = (size_t)(strrchr(path, '/') - path);

	if (map_get(&paths->entered, key))
		return;
	key.ptr = arena_strndup(&paths->arena, key.ptr, key.len);
	map_put(&paths->entered, key, paths);
	PUSH(paths->folders, paths->folder_count, arena_strndup(&paths->arena, path, len > 0 ? len : 1));
}

/* The claim on KEY once nobody is at work on it, or NULL. */
static struct deb_claim *wait_for(struct deb_paths *paths, struct text key)
{
	struct deb_claim *claim;

	while ((claim = map_get(&paths->claims, key)) && claim->busy)
		pthread_cond_wait(&paths->settled, &paths->lock);
	return claim;
}

static int claim_locked(struct deb_paths *paths, const struct place_dir *dir, const char *name,
			const char *path, size_t owner, const struct entry *entry, struct deb_claim **claim,
			enum deb_verdict *verdict, struct error *e)
{
	char bytes[KEY_BYTES_MAX];
	struct text key = key_of(dir, name, bytes);
	bool directory = entry->type == ENTRY_DIRECTORY;

	*verdict = VERDICT_LEAVE;
	*claim = wait_for(paths, key);
	if (*claim && directory)
		return claim_directory(paths, dir, name, *claim, path, owner, entry, verdict, e);
	if (*claim)
		return claim_file(paths, dir, name, *claim, path, owner, entry, verdict, e);
	*claim = add_claim(paths, key, path, owner, directory ? CLAIM_DIRECTORY : CLAIM_FILE);
	(*claim)->busy = true;
	if (directory)
		(*claim)->attributes = remember(paths, entry);
	*verdict = VERDICT_CREATE;
	return 0;
}

int deb_paths_claim(struct deb_paths *paths, const struct place_dir *dir, const char *name, const char *path,
		    size_t owner, const struct entry *entry, struct deb_claim **claim,
		    enum deb_verdict *verdict, struct error *e)
{
	int r;

	pthread_mutex_lock(&paths->lock);
	r = claim_locked(paths, dir, name, path, owner, entry, claim, verdict, e);
	if (r == 0 && (*verdict == VERDICT_CREATE || *verdict == VERDICT_REPLACE))
		enter(paths, dir, path);
	pthread_mutex_unlock(&paths->lock);
	return r;
}

void deb_paths_settle_directory(struct deb_paths *paths, struct deb_claim *claim, bool found)
{
	pthread_mutex_lock(&paths->lock);
	if (found)
		claim->kind = CLAIM_KEPT;
	else
		PUSH(paths->directories, paths->directory_count, claim);
	pthread_mutex_unlock(&paths->lock);
	deb_paths_settle(paths, claim);
}

void deb_paths_settle(struct deb_paths *paths, struct deb_claim *claim)
{
	pthread_mutex_lock(&paths->lock);
	claim->busy = false;
	pthread_cond_broadcast(&paths->settled);
	pthread_mutex_unlock(&paths->lock);
}

bool deb_paths_is_listed(const struct deb_paths *paths, const struct deb_claim *claim, size_t owner)
{
	const struct deb_owner *mine = &paths->owners[owner];
	const struct deb_owner *theirs = &paths->owners[claim->owner];

	if (claim->kind == CLAIM_DIRECTORY || claim->kind == CLAIM_KEPT || claim->owner == owner)
		return true;
	return mine->multi_arch_same && theirs->multi_arch_same && strcmp(mine->name, theirs->name) == 0;
}
