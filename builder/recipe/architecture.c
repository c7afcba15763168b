/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/architecture.h"

#include "base/text.h"

#include <sys/utsname.h>

/*
 * LXD has one name, armv7l, for every 32-bit ARM of Debian, so armel has it too; armv6l and armv8l are
 * names of Incus alone. A spelling stands in one row only.
 */
static const struct architecture architectures[] = {
	{ "i686", "i686", "linux32", "i386", { "i386", "i586", "386", "x86", "generic_32" } },
	{ "x86_64", "x86_64", "linux64", "amd64", { "amd64", "x86-64", "generic_64", "x86_64_v2" } },
	{ "armv7l",
	  "armv7l",
	  "linux32",
	  "armhf",
	  { "armhf", "arm", "armhfp", "armv7", "armv7a_hardfp", "armv7a_vfpv3_hardfp", "armsr-armv7" } },
	{ "armv7l", "armv7l", "linux32", "armel", { "armel" } },
	{ "armv6l", "armv6l", "linux32", "armel", { NULL } },
	{ "armv8l", "armv8l", "linux32", "armhf", { NULL } },
	{ "aarch64", "aarch64", "linux64", "arm64", { "arm64", "arm64_generic", "armsr-armv8" } },
	{ "ppc", "ppc", "linux32", "powerpc", { "powerpc" } },
	{ "ppc64", "ppc64", "linux64", "ppc64", { "powerpc64" } },
	{ "ppc64le", "ppc64le", "linux64", "ppc64el", { "ppc64el" } },
	{ "s390x", "s390x", "linux64", "s390x", { NULL } },
	{ "mips", "mips", "linux32", "mips", { NULL } },
	{ "mipsle", "mips", "linux32", "mipsel", { "mipsel" } },
	{ "mips64", "mips64", "linux64", "mips64", { NULL } },
	{ "mips64le", "mips64", "linux64", "mips64el", { "mips64el" } },
	{ "riscv32", "riscv32", "linux32", NULL, { NULL } },
	{ "riscv64", "riscv64", "linux64", "riscv64", { NULL } },
	{ "loongarch64", "loongarch64", "linux64", "loong64", { "loong64" } },
};

/* By the maps of the recipe format: names that a distribution does not share with LXD. */
static const struct {
	const char *map;
	const char *architecture;
	const char *name;
} maps[] = {
	{ "alpinelinux", "i686", "x86" },
	{ "alpinelinux", "armv7l", "armv7" },
	{ "altlinux", "i686", "i586" },
	{ "archlinux", "armv7l", "armv7" },
	{ "centos", "i686", "i386" },
	{ "funtoo", "i686", "generic_32" },
	{ "funtoo", "x86_64", "generic_64" },
	{ "funtoo", "armv7l", "armv7a_vfpv3_hardfp" },
	{ "funtoo", "aarch64", "arm64_generic" },
	{ "gentoo", "x86_64", "amd64" },
	{ "gentoo", "armv7l", "armv7a_hardfp" },
	{ "gentoo", "aarch64", "arm64" },
	{ "openwrt", "x86_64", "x86-64" },
	{ "openwrt", "armv7l", "armsr-armv7" },
	{ "openwrt", "aarch64", "armsr-armv8" },
	{ "plamolinux", "i686", "x86" },
	{ "slackware", "i686", "i586" },
};

static bool is_spelling(const struct architecture *architecture, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(architecture->aliases) && architecture->aliases[i]; i++)
		if (strcmp(architecture->aliases[i], name) == 0)
			return true;
	return false;
}

const struct architecture *architecture_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(architectures); i++)
		if (strcmp(architectures[i].name, name) == 0 || is_spelling(&architectures[i], name))
			return &architectures[i];
	return NULL;
}

const struct architecture *architecture_of_host(void)
{
	struct utsname host;

	if (uname(&host) < 0)
		return NULL;
#if defined(__x86_64__)
	/* A 32-bit personality changes what uname says, not what the host is. */
	return architecture_find("x86_64");
#elif defined(__mips__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	/* The kernel does not tell the byte orders apart. */
	return architecture_find(strcmp(host.machine, "mips64") == 0 ? "mips64le" : "mipsle");
#else
	return architecture_find(host.machine);
#endif
}

const char *architecture_nearest(const char *name)
{
	const char *names[ARRAY_LEN(architectures) * 9];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(architectures); i++) {
		const struct architecture *row = &architectures[i];

		names[count++] = row->name;
		for (size_t j = 0; j < ARRAY_LEN(row->aliases) && row->aliases[j]; j++)
			names[count++] = row->aliases[j];
	}
	return text_nearest(name, names, count);
}

const char *architecture_map(const char *map, const struct architecture *architecture)
{
	if (strcmp(map, "debian") == 0)
		return architecture->debian ? architecture->debian : architecture->name;
	/* LXD has one name for both ARMs of Debian; the one without hardware floats keeps its own everywhere. */
	if (architecture->debian && strcmp(architecture->debian, "armel") == 0)
		return "armel";
	for (size_t i = 0; i < ARRAY_LEN(maps); i++)
		if (strcmp(maps[i].map, map) == 0 && strcmp(maps[i].architecture, architecture->name) == 0)
			return maps[i].name;
	return architecture->name;
}

bool architecture_is_mapped(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(maps); i++)
		if (strcmp(maps[i].name, name) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(architectures); i++)
		if (architectures[i].debian && strcmp(architectures[i].debian, name) == 0)
			return true;
	return false;
}
