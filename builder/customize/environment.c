/* SPDX-License-Identifier: Apache-2.0 */
#include "customize/customize.h"

/*
 * What every script finds. Nothing of kiln's own environment is passed on, so that a build does not depend on
 * who runs it: TZ and the host's LANG are unknown inside, and the root's own /etc/localtime counts.
 */
static const char *const defaults[][2] = {
	/* The format's own four; PATH in Debian's order (login.defs), because scripts record what they find. */
	{ "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
	{ "SHELL", "/bin/sh" },
	{ "TERM", "xterm" },
	{ "DEBIAN_FRONTEND", "noninteractive" },
	/* Questions that nobody was asked count as answered, as with debootstrap and mmdebstrap. */
	{ "DEBCONF_NONINTERACTIVE_SEEN", "true" },
	/* As a login of root has it; many programs look for their settings there. */
	{ "HOME", "/root" },
	/* The one UTF-8 locale that needs no locales package; not LC_ALL, which would beat a recipe's LANG. */
	{ "LANG", "C.UTF-8" },
	/* Until 3.11 Python writes set constants into bytecode in the order of their hashes. */
	{ "PYTHONHASHSEED", "0" },
};

struct variable {
	const char *key;
	const char *value;
};

static void set(struct variable **variables, size_t *count, const char *key, const char *value)
{
	struct variable new = { key, value };

	for (size_t i = 0; i < *count; i++) {
		if (strcmp((*variables)[i].key, key) == 0) {
			(*variables)[i].value = value;
			return;
		}
	}
	PUSH(*variables, *count, new);
}

/*
 * `clear_defaults` clears the defaults above and not SOURCE_DATE_EPOCH: that is the date of this build,
 * without which shadow's dates and Python's bytecode would tell the day it ran on.
 */
char **customize_environment(const struct recipe *recipe, int64_t epoch_s)
{
	const struct recipe_environment *wanted = &recipe->environment;
	auto_free char *epoch = xasprintf("%lld", (long long)epoch_s);
	struct variable *variables = NULL;
	size_t count = 0;
	char **environment;

	for (size_t i = 0; i < ARRAY_LEN(defaults) && !wanted->clear_defaults; i++)
		set(&variables, &count, defaults[i][0], defaults[i][1]);
	set(&variables, &count, "SOURCE_DATE_EPOCH", epoch);
	for (size_t i = 0; i < wanted->variable_count; i++)
		set(&variables, &count, wanted->variables[i].key,
		    wanted->variables[i].value ? wanted->variables[i].value : "");
	environment = xcalloc(count + 1, sizeof *environment);
	for (size_t i = 0; i < count; i++)
		environment[i] = xasprintf("%s=%s", variables[i].key, variables[i].value);
	free(variables);
	return environment;
}
