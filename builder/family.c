/* SPDX-License-Identifier: Apache-2.0 */
#include "family.h"

#include "configure/configure.h"
#include "customize/customize.h"
#include "evidence/inventory.h"
#include "index/index.h"
#include "plan/plan.h"
#include "recipe/recipe.h"
#include "unpack/unpack.h"

#include <assert.h>

static const struct family families[] = {
	{
		.name = "deb",
		.downloader = "debootstrap",
		.manager = "apt",
		.addresses = deb_index_addresses,
		.index = deb_index_refresh,
		.plan = deb_plan_make,
		.check_host = deb_check_host,
		.scripted = deb_scripted,
		.unpack_prepare = deb_unpack_prepare,
		.unpack_step = deb_unpack_step,
		.configure_step = deb_configure_step,
		.inventory = deb_inventory,
		.repositories = deb_customize_repositories,
		.describe_repositories = deb_describe_repositories,
	},
};

const struct family *family_of(const struct recipe *recipe)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (strcmp(families[i].downloader, recipe->source.downloader) == 0)
			return &families[i];
	assert(!"recipe_select() lets no other downloader pass");
	return NULL;
}
