/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/memory.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"

#include <fcntl.h>

/* Where a control group says what it allows and has, in both versions. */
struct group_files {
	const char *controller; /* folder below the cgroup mounts; "" for version 2 */
	const char *limit;
	const char *usage;
	const char *reclaimable; /* line of memory.stat: cache that goes when memory is needed */
};

static const struct group_files version_1 = { "/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
					      "total_inactive_file" };
static const struct group_files version_2 = { "", "memory.max", "memory.current", "inactive_file" };

/* The content of a file of the kernel, malloc'ed; NULL when it cannot be read: there is nothing to report. */
static char *read_quietly(const char *path)
{
	struct error ignored = ERROR_INIT;
	char *data = NULL;

	return file_read(AT_FDCWD, path, MIB, &data, NULL, &ignored) < 0 ? NULL : data;
}

/* The number behind the word NAME at the start of a line of TEXT ("MemAvailable:   123 kB"). */
static bool find_number(const char *text, const char *name, uint64_t *value)
{
	struct text rest = text_of(text);

	while (rest.ptr) {
		struct text line = text_cut(rest, '\n', &rest);

		if (text_is(text_word(&line), name))
			return text_to_u64(text_word(&line), value);
	}
	return false;
}

/* A file that holds one number; "max" and what else is none is false. */
static bool read_number(const char *folder, const char *name, uint64_t *value)
{
	auto_free char *path = xasprintf("%s/%s", folder, name);
	auto_free char *text = read_quietly(path);

	return text && text_to_u64(text_trim(text_of(text)), value);
}

/* What FOLDER's control group still allows; UINT64_MAX without a limit. */
static uint64_t left_in_group(const struct group_files *files, const char *folder)
{
	auto_free char *stat_path = xasprintf("%s/memory.stat", folder);
	auto_free char *stat = NULL;
	uint64_t limit;
	uint64_t usage;
	uint64_t reclaimable = 0;

	if (!read_number(folder, files->limit, &limit) || !read_number(folder, files->usage, &usage))
		return UINT64_MAX;
	stat = read_quietly(stat_path);
	if (stat && find_number(stat, files->reclaimable, &reclaimable))
		usage -= reclaimable < usage ? reclaimable : usage;
	return limit > usage ? limit - usage : 0;
}

/* The least that the group PATH and those above it allow. */
static uint64_t left_in_groups(const struct group_files *files, const char *cgroup_dir, struct text path)
{
	auto_free char *folder = xasprintf("%s%s%.*s", cgroup_dir, files->controller, TEXT_ARG(path));
	size_t base = strlen(cgroup_dir) + strlen(files->controller);
	uint64_t least = UINT64_MAX;

	for (;;) {
		uint64_t left = left_in_group(files, folder);
		char *slash = strrchr(folder, '/');

		if (left < least)
			least = left;
		if (!slash || (size_t)(slash - folder) < base)
			return least;
		*slash = '\0';
	}
}

/* A line of /proc/self/cgroup: "4:cpu,memory:/path", or "0::/path" for version 2. */
static uint64_t left_by_line(const char *cgroup_dir, struct text line)
{
	struct text rest;
	struct text controllers;

	text_cut(line, ':', &rest);
	controllers = text_cut(rest, ':', &rest);
	if (!rest.ptr)
		return UINT64_MAX;
	if (controllers.len == 0)
		return left_in_groups(&version_2, cgroup_dir, rest);
	while (controllers.ptr)
		if (text_is(text_cut(controllers, ',', &controllers), "memory"))
			return left_in_groups(&version_1, cgroup_dir, rest);
	return UINT64_MAX;
}

uint64_t memory_available(const char *proc_dir, const char *cgroup_dir)
{
	auto_free char *meminfo_path = xasprintf("%s/meminfo", proc_dir);
	auto_free char *groups_path = xasprintf("%s/self/cgroup", proc_dir);
	auto_free char *meminfo = read_quietly(meminfo_path);
	auto_free char *groups = read_quietly(groups_path);
	struct text rest = groups ? text_of(groups) : (struct text) { NULL, 0 };
	uint64_t available;

	if (!meminfo || !find_number(meminfo, "MemAvailable:", &available) || available > UINT64_MAX / KIB)
		return 0;
	available *= KIB;
	while (rest.ptr) {
		uint64_t left = left_by_line(cgroup_dir, text_cut(rest, '\n', &rest));

		if (left < available)
			available = left;
	}
	return available;
}
