/* SPDX-License-Identifier: Apache-2.0 */
#include "configure/deb_host.h"

#include "base/file.h"
#include "base/limits.h"
#include "configure/configure.h"
#include "deb/version.h"

#include <fcntl.h>

static const char maps_path[] = "/proc/self/maps";

/*
 * Until 2.13 every call of time(2), gettimeofday(2) and getcpu(2) went through the page; in 2.14 and 2.15 that of
 * programs that are linked statically. Programs for i386 never knew it.
 */
static const char first_without[] = "2.16";

static const struct plan_package *find_caller(const struct plan *plan)
{
	for (size_t i = 0; i < plan->package_count; i++) {
		const struct plan_package *package = &plan->packages[i];

		if (strcmp(package->name, "libc6") == 0 && strcmp(package->architecture, "amd64") == 0 &&
		    deb_version_compare(text_of(package->version), text_of(first_without)) < 0)
			return package;
	}
	return NULL;
}

/* With vsyscall=emulate or xonly; readable or not, it can be called. */
static bool has_page(struct text maps)
{
	while (maps.len) {
		struct text line = text_cut(maps, '\n', &maps);
		struct text word = text_word(&line);

		for (struct text next = word; next.len; next = text_word(&line))
			word = next;
		if (text_is(word, "[vsyscall]"))
			return true;
	}
	return false;
}

static int check_page(struct text maps, const char *version, struct error *e)
{
	if (has_page(maps))
		return 0;
	return error_set(
		e, ERROR_UNSUPPORTED,
		"programs of libc6 %s call the kernel's vsyscall page, which this host's kernel does not "
		"have: they would die with SIGSEGV; boot it with vsyscall=emulate, or build for i386",
		version);
}

int deb_check_mappings(const struct plan *plan, struct text maps, struct error *e)
{
	const struct plan_package *caller = find_caller(plan);

	return caller ? check_page(maps, caller->version, e) : 0;
}

int deb_check_vsyscall(const char *version, struct error *e)
{
	auto_free char *maps = NULL;
	size_t len = 0;

	if (file_read(AT_FDCWD, maps_path, LIMIT_FILE_TEXT_BYTES, &maps, &len, e) < 0)
		return -1;
	return check_page((struct text) { maps, len }, version, e);
}

int deb_check_host(const struct plan *plan, struct error *e)
{
	const struct plan_package *caller = find_caller(plan);

	return caller ? deb_check_vsyscall(caller->version, e) : 0;
}
