/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apt-get spends most of an `apt-get install` on reading its cache. Preloaded into it, this lets one process
 * that has read it serve many sets of packages: where apt-get has opened its cache and not yet looked at its
 * command line, it forks for each line of standard input, and the child goes on with the names in that line in
 * place of its arguments. Everything that chooses packages is apt-get's own code, from there to its end.
 *
 *	LD_PRELOAD=many_apt.so apt-get -qq -y --print-uris install @@@…@@@ @@@…@@@ …
 *
 * An argument of 128 "@" makes room for one name. What a line leaves empty gets its first name again, which
 * apt-get takes for what it is: the same package.
 */
#include "parity/serve.h"

#include <dlfcn.h>
#include <err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_BYTES = 128, ROOMS_MAX = 512 };

static char *rooms[ROOMS_MAX];
static size_t room_count;

static void __attribute__((constructor)) find_rooms(int argc, char **argv)
{
	for (int i = 0; i < argc && room_count < ROOMS_MAX; i++)
		if (strlen(argv[i]) == ROOM_BYTES && strspn(argv[i], "@") == ROOM_BYTES)
			rooms[room_count++] = argv[i];
	unsetenv("LD_PRELOAD"); /* not for the programs that apt-get starts */
}

static void fill_room(size_t room, const char *name, size_t len)
{
	if (room == room_count || len > ROOM_BYTES)
		errx(1, "many_apt: no room for '%.*s'", (int)len, name);
	memcpy(rooms[room], name, len);
	rooms[room][len] = '\0';
}

/* LINE is names, separated by one blank. */
static void fill_rooms(const char *line)
{
	size_t first = strcspn(line, " ");
	size_t used = 0;

	for (const char *name = line; *name;) {
		size_t len = strcspn(name, " ");

		fill_room(used++, name, len);
		name += len + (name[len] == ' ');
	}
	while (used < room_count)
		fill_room(used++, line, first);
}

/* bool CacheFile::CheckDeps(bool AllowBroken), of libapt-private: the last step before the command line. */
#define CHECK_DEPS "_ZN9CacheFile9CheckDepsEb"
bool check_deps(void *cache, bool allow_broken) __asm__(CHECK_DEPS);

bool check_deps(void *cache, bool allow_broken)
{
	void *symbol = dlsym(RTLD_NEXT, CHECK_DEPS);
	bool (*original)(void *, bool);
	char *line;

	if (!symbol)
		errx(1, "many_apt: this apt-get has no CacheFile::CheckDeps");
	memcpy(&original, &symbol, sizeof original);
	if (!original(cache, allow_broken))
		return false;
	line = serve();
	fill_rooms(line);
	free(line);
	return true;
}
