/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/bom.h"

#include "evidence/purl.h"
#include "fetch/fetch.h"
#include "fetch/url.h"
#include "index/index.h"
#include "plan/plan.h"
#include "recipe/recipe.h"

#include <strings.h>

/* The archive that the image is named after comes first. */
static const char *distro_of(const struct bom *bom)
{
	const char *codename =
		bom->indexes && bom->indexes->archive_count ? bom->indexes->archives[0]->codename : "";

	return *codename ? codename : bom->recipe->image.release;
}

/* An archive of somebody else has its address in the purl, so that nobody takes its packages for the vendor's. */
static const char *foreign_archive(const struct bom *bom, const struct inventory_package *package)
{
	const struct index_archive *archive = package->planned ? package->planned->archive : NULL;
	const char *vendor = bom->recipe->image.distribution;

	if (!archive || !*archive->origin || strncasecmp(archive->origin, vendor, strlen(vendor)) == 0)
		return NULL;
	return archive->uri;
}

static char *print_purl(const struct bom *bom, const struct inventory_package *package, const char *name,
			const char *version, const char *architecture)
{
	const char *foreign = foreign_archive(bom, package);
	auto_free char *repository = foreign ? url_without_credentials(foreign) : NULL;
	struct purl purl = {
		.vendor = bom->recipe->image.distribution,
		.name = name,
		.version = version,
		.architecture = architecture,
		.distro = distro_of(bom),
		.repository = repository,
	};

	return purl_print(&purl);
}

char *bom_purl(const struct bom *bom, const struct inventory_package *package)
{
	return print_purl(bom, package, package->name, package->version, package->architecture);
}

char *bom_source_purl(const struct bom *bom, const struct inventory_package *package)
{
	return print_purl(bom, package, package->source_name, package->source_version, "source");
}

char *bom_url(const struct inventory_package *package)
{
	auto_free char *url = NULL;

	if (!package->planned || !package->planned->archive)
		return NULL;
	url = fetch_join(package->planned->archive->uri, package->planned->filename);
	return url_without_credentials(url);
}

/* "Debian Perl Group", and those whose mail goes to a list. */
static bool is_group(const char *name, const char *address)
{
	static const char *const names[] = { "maintainer", "team",    "group",     "developers",
					     "packagers",  "project", "task force" };
	static const char *const addresses[] = { "@lists.", "@alioth-lists.", "@tracker.debian.org",
						 "@packages.debian.org" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasestr(name, names[i]))
			return true;
	for (size_t i = 0; address && i < ARRAY_LEN(addresses); i++)
		if (strstr(address, addresses[i]))
			return true;
	return false;
}

void bom_party_parse(const char *maintainer, struct bom_party *party)
{
	struct text behind;
	struct text name = text_cut(text_of(maintainer ? maintainer : ""), '<', &behind);
	struct text address = { NULL, 0 };

	*party = (struct bom_party) { NULL, NULL, false };
	name = text_trim(name);
	if (behind.ptr)
		address = text_trim(text_cut(behind, '>', &(struct text) { NULL, 0 }));
	if (!name.len)
		return;
	party->name = xstrndup(name.ptr, name.len);
	if (address.len && text_is_graphic(address) && memchr(address.ptr, '@', address.len))
		party->address = xstrndup(address.ptr, address.len);
	party->is_group = is_group(party->name, party->address);
}

void bom_party_release(struct bom_party *party)
{
	free(party->name);
	free(party->address);
}
