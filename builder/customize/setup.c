/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which kinds belong to which step of the chain. Accounts come before files, whose owners they are; what is about
 * files of packages and of the recipe alike comes behind both.
 */
#include "customize/setup.h"

#include "layer/key.h"

struct kind {
	const char *section; /* of the recipe */
	enum customize_setup step;
	int (*apply)(const struct customize_site *site, struct error *e);
};

/* In the order in which they are carried out. */
static const struct kind kinds[] = {
	{ "groups", CUSTOMIZE_ACCOUNTS, apply_groups },
	{ "users", CUSTOMIZE_ACCOUNTS, apply_users },
	{ "locales", CUSTOMIZE_LOCALES, apply_locales },
	{ "timezone", CUSTOMIZE_SYSTEM, apply_timezone },
	{ "keymap", CUSTOMIZE_SYSTEM, apply_keymap },
	{ "directories", CUSTOMIZE_SYSTEM, apply_directories },
	{ "links", CUSTOMIZE_SYSTEM, apply_links },
	{ "lines", CUSTOMIZE_SYSTEM, apply_lines },
	{ "permissions", CUSTOMIZE_SYSTEM, apply_permissions },
	{ "services", CUSTOMIZE_SYSTEM, apply_services },
	{ "resolv_conf", CUSTOMIZE_IDENTITY, apply_resolv_conf },
	{ "machine_id", CUSTOMIZE_IDENTITY, apply_machine_id },
};

bool customize_has_setup(const struct recipe *recipe, enum customize_setup step)
{
	const struct recipe_setup *setup = &recipe->setup;

	switch (step) {
	case CUSTOMIZE_ACCOUNTS:
		return setup->group_count || setup->user_count;
	case CUSTOMIZE_LOCALES:
		return setup->locale_count;
	case CUSTOMIZE_SYSTEM:
		return setup->timezone || setup->keymap || setup->directory_count || setup->link_count ||
		       setup->line_count || setup->permission_count || setup->service_count;
	case CUSTOMIZE_IDENTITY:
		break;
	}
	return setup->resolv_conf || setup->machine_id;
}

int customize_setup(const struct customize_site *site, enum customize_setup step, struct error *e)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (kinds[i].step != step)
			continue;
		if (kinds[i].apply(site, e) < 0)
			return -1;
		meter_add(site->meter, METER_CUSTOMIZE, &(struct meter_sum) { .item_count = 1 });
	}
	return 0;
}

/* They read nothing but the root, the recipe and, for a day in shadow(5), the date of the image. */
void customize_describe_setup(const struct customize_site *site, enum customize_setup step,
			      struct layer_key *key)
{
	key_number(key, "epoch", site->epoch_s);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].step == step)
			recipe_describe_section(site->recipe, kinds[i].section, key);
}
