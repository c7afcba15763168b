/* SPDX-License-Identifier: Apache-2.0 */
#include "base/program.h"

#include "base/alloc.h"
#include "base/text.h"

static const struct program programs[] = {
	{ "gpgv", "gpgv", "signatures of archives", true },
	{ "apt-get", "apt", "this host's own mirror", false },
	{ "apt-config", "apt", "this host's own mirror", false },
	{ "newuidmap", "uidmap", "builds without root", false },
	{ "newgidmap", "uidmap", "builds without root", false },
	{ "gpg", "gpg", "build --sign", false },
	{ "ssh-keygen", "openssh-client", "build --sign-ssh, verify --allowed-signers", false },
	{ "busctl", "systemd", "bounds on memory and processes, with cgroup v2", false },
	{ "systemd-analyze", "systemd", "rule unit-verify of kiln lint", false },
};

const struct program *program_all(size_t *count)
{
	*count = ARRAY_LEN(programs);
	return programs;
}

char *program_find(const char *name)
{
	const char *path = getenv("PATH");
	struct text rest = text_of(path ? path : "/bin:/usr/bin");

	while (rest.ptr) {
		struct text folder = text_cut(rest, ':', &rest);
		/* An empty one is the current folder. */
		char *file = xasprintf("%.*s%s%s", TEXT_ARG(folder), folder.len ? "/" : "./", name);

		if (access(file, X_OK) == 0)
			return file;
		free(file);
	}
	return NULL;
}

int program_missing(const char *name, struct error *e)
{
	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		if (strcmp(programs[i].name, name) == 0)
			return error_set(e, ERROR_SYSTEM, "'%s' is missing (%s); as root: apt-get install %s",
					 name, programs[i].purpose, programs[i].package);
	return error_set(e, ERROR_INTERNAL, "program '%s' is in no table", name);
}
