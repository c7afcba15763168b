/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/release.h"

#include "base/text.h"
#include "deb/version.h"

#include <ctype.h>

/* Of distributions that name their releases; all others number them. */
static const struct release {
	const char *distribution;
	const char *name;
	const char *version;
} releases[] = {
	{ "debian", "wheezy", "7" },       { "debian", "jessie", "8" },       { "debian", "stretch", "9" },
	{ "debian", "buster", "10" },      { "debian", "bullseye", "11" },    { "debian", "bookworm", "12" },
	{ "debian", "trixie", "13" },      { "debian", "forky", "14" },       { "debian", "duke", "15" },
	{ "ubuntu", "precise", "12.04" },  { "ubuntu", "trusty", "14.04" },   { "ubuntu", "xenial", "16.04" },
	{ "ubuntu", "bionic", "18.04" },   { "ubuntu", "focal", "20.04" },    { "ubuntu", "jammy", "22.04" },
	{ "ubuntu", "kinetic", "22.10" },  { "ubuntu", "lunar", "23.04" },    { "ubuntu", "mantic", "23.10" },
	{ "ubuntu", "noble", "24.04" },    { "ubuntu", "oracular", "24.10" }, { "ubuntu", "plucky", "25.04" },
	{ "ubuntu", "questing", "25.10" }, { "ubuntu", "resolute", "26.04" }, { "devuan", "jessie", "1" },
	{ "devuan", "ascii", "2" },        { "devuan", "beowulf", "3" },      { "devuan", "chimaera", "4" },
	{ "devuan", "daedalus", "5" },     { "devuan", "excalibur", "6" },    { "devuan", "freia", "7" },
	{ "mint", "ulyana", "20" },        { "mint", "ulyssa", "20.1" },      { "mint", "uma", "20.2" },
	{ "mint", "una", "20.3" },         { "mint", "vanessa", "21" },       { "mint", "vera", "21.1" },
	{ "mint", "victoria", "21.2" },    { "mint", "virginia", "21.3" },    { "mint", "wilma", "22" },
	{ "mint", "xia", "22.1" },         { "mint", "zara", "22.2" },        { "mint", "zena", "22.3" },
};

/* Names, of whatever distribution, for what is always the newest. */
static const char *const rolling[] = {
	"cauldron", "ceres", "current",  "devel",    "edge",    "experimental", "kali-rolling", "rawhide",
	"rolling",  "sid",   "sisyphus", "snapshot", "testing", "tumbleweed",   "unstable",
};

static bool is_rolling(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(rolling); i++)
		if (text_is_anycase(text_of(name), rolling[i]))
			return true;
	return false;
}

/* A derivative that keeps the names of another distribution is in no row of its own: the first will do. */
static const char *version_of(const char *distribution, const char *name)
{
	const char *other = NULL;

	if (isdigit((unsigned char)name[0]))
		return name;
	for (size_t i = 0; i < ARRAY_LEN(releases); i++) {
		if (!text_is_anycase(text_of(name), releases[i].name))
			continue;
		if (distribution && text_is_anycase(text_of(distribution), releases[i].distribution))
			return releases[i].version;
		if (!other)
			other = releases[i].version;
	}
	return other;
}

bool release_is_known(const char *distribution, const char *release)
{
	return is_rolling(release) || version_of(distribution, release);
}

bool release_compare(const char *distribution, const char *a, const char *b, int *order)
{
	bool a_rolls = is_rolling(a);
	bool b_rolls = is_rolling(b);
	const char *a_version = a_rolls ? "" : version_of(distribution, a);
	const char *b_version = b_rolls ? "" : version_of(distribution, b);

	if (!a_version || !b_version)
		return false;
	if (a_rolls || b_rolls)
		*order = a_rolls - b_rolls;
	else
		*order = deb_version_compare(text_of(a_version), text_of(b_version));
	return true;
}

const char *release_nearest(const char *distribution, const char *name)
{
	const char *names[ARRAY_LEN(releases)];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(releases); i++)
		if (distribution && text_is_anycase(text_of(distribution), releases[i].distribution))
			names[count++] = releases[i].name;
	return text_nearest(name, names, count);
}
