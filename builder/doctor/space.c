/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/limits.h"
#include "base/root.h"
#include "base/temporary.h"
#include "doctor/rows.h"
#include "fetch/inventory.h"
#include "sandbox/memory.h"
#include "sandbox/workspace.h"

#include <fcntl.h>
#include <sys/statvfs.h>

/* What builds of the default image were seen to take, and a third more. */
#define ROOT_BYTES (600 * MIB)
#define CACHE_BYTES \
	(1200 * MIB) /* of a first one: packages, payloads, layers, and the image files among them */

static const char probe_prefix[] = "partial.";

/* FOLDER, or the nearest one above it that exists: where it would be made. */
static char *nearest_folder(const char *folder)
{
	auto_free char *path = xstrdup(folder);

	while (access(path, F_OK) < 0) {
		char *slash = strrchr(path, '/');

		if (!slash)
			return xstrdup(".");
		if (slash == path)
			return xstrdup("/");
		*slash = '\0';
	}
	return TAKE(path, NULL);
}

/* Make a folder in FOLDER, and remove it. */
static int try_writing(const char *folder, struct error *e)
{
	auto_free char *path = NULL;
	auto_close int fd = -1;

	if (temporary_make(folder, probe_prefix, &path, &fd, e) < 0)
		return -1;
	return rmdir(path) < 0 ? error_sys(e, "cannot remove '%s'", path) : 0;
}

/* Without layers, which nobody but their owner may look into. */
static uint64_t cache_size(const char *folder)
{
	auto_cache_items struct cache_items items = CACHE_ITEMS_INIT;
	struct error ignored = ERROR_INIT;
	auto_close int fd = -1;
	uint64_t sum = 0;

	if (cache_folder_open(folder, &fd, &ignored) < 0 || fd < 0)
		return 0;
	for (int kind = 0; kind < CACHE_LAYERS; kind++)
		(void)!cache_items_add(&items, fd, (enum cache_kind)kind, &ignored);
	for (size_t i = 0; i < items.count; i++)
		sum += items.items[i].size_bytes;
	return sum;
}

static void row_of_cache(struct doctor *doctor, const char *nearest)
{
	static const struct subject subject = { "cache", "downloads and layers" };
	const char *folder = doctor->options->cache_dir;
	struct error failure = ERROR_INIT;
	int result = try_writing(nearest, &failure);

	if (result < 0)
		row_remedy(&failure, "choose another folder by --cache DIR");
	row_tried(doctor, subject, DOCTOR_MISSING, result, &failure, "%s: %s", folder,
		  strcmp(folder, nearest) == 0 ? human_size(cache_size(folder)).text : "not there yet");
}

static void row_of_disk(struct doctor *doctor, const char *nearest)
{
	static const struct subject subject = { "disk", "downloads, layers and image files" };
	struct error failure = ERROR_INIT;
	struct statvfs fs = { .f_bavail = 0 };
	uint64_t used = cache_size(doctor->options->cache_dir);
	uint64_t needed = used < CACHE_BYTES / 2 ? CACHE_BYTES - used : CACHE_BYTES / 2;
	uint64_t left;
	int result = 0;

	if (statvfs(nearest, &fs) < 0)
		result = error_sys(&failure, "cannot ask for the room in '%s'", nearest);
	left = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (result == 0 && left < needed)
		result = error_set(
			&failure, ERROR_SPACE,
			"the default image needs about %s, and '%s' has %s left; kiln cache trim --keep "
			"SIZE, or --cache DIR on another disk",
			human_size(needed).text, nearest, human_size(left).text);
	row_tried(doctor, subject, DOCTOR_MISSING, result, &failure, "%s left in %s", human_size(left).text,
		  nearest);
}

static void row_of_root(struct doctor *doctor, const char *nearest)
{
	static const struct subject subject = { "memory", "the root of the default image" };
	auto_free char *work = doctor->options->work_dir ? nearest_folder(doctor->options->work_dir) : NULL;
	struct workspace_options options = {
		.cache_dir = nearest, .work_dir = work, .estimate_bytes = ROOT_BYTES, .log = doctor->quiet
	};
	struct error failure = ERROR_INIT;
	bool in_memory = false;
	int result = workspace_room(&options, &in_memory, &failure);

	if (result < 0)
		row_remedy(&failure, "build elsewhere by --work DIR");
	else if (!in_memory && !work) {
		row_failed(doctor, subject, DOCTOR_WARNING,
			   &(struct error) {
				   .kind = ERROR_SPACE,
				   .text = "too little is free for a root in memory: it will be on disk, "
					   "more slowly" });
		return;
	}
	row_tried(doctor, subject, DOCTOR_MISSING, result, &failure, "%s available: the root is built %s",
		  human_size(memory_available("/proc", "/sys/fs/cgroup")).text,
		  in_memory ? "there" : "on disk");
}

void rows_of_space(struct doctor *doctor)
{
	auto_free char *nearest = nearest_folder(doctor->options->cache_dir);

	row_of_root(doctor, nearest);
	row_of_cache(doctor, nearest);
	row_of_disk(doctor, nearest);
}
