/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/isolation.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/trial.h"
#include "sandbox/inside.h"
#include "sandbox/privilege.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

/* What mends it, in the words of those who start containers; Kubernetes has the same under securityContext. */
#define MEND_NAMESPACES \
	"start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined"

static const char *const names[] = {
	[ISOLATION_AUTO] = "auto",
	[ISOLATION_NAMESPACES] = "namespaces",
	[ISOLATION_CHROOT] = "chroot",
	[ISOLATION_NAMELESS] = "namespaces",
};

const char *isolation_name(enum isolation isolation)
{
	return names[isolation];
}

int isolation_parse(const char *word, enum isolation *isolation, struct error *e)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(word, names[i]) == 0) {
			*isolation = (enum isolation)i;
			return 0;
		}
	return error_set(e, ERROR_USAGE, "'%.40s' is neither auto, namespaces nor chroot", word);
}

/* Whether the file PATH has one of WORDS, which a NULL ends; zero bytes in it are spaces. */
static bool file_mentions(const char *path, const char *const *words)
{
	struct error ignored = ERROR_INIT;
	auto_free char *text = NULL;
	size_t len = 0;

	if (file_read(AT_FDCWD, path, LIMIT_FILE_TEXT_BYTES, &text, &len, &ignored) < 0)
		return false;
	for (; *words; words++)
		if (memmem(text, len, *words, strlen(*words)))
			return true;
	return false;
}

const char *isolation_container(void)
{
	static const char *const files[] = { "/.dockerenv", "/run/.containerenv" };
	static const char *const variables[] = { "container", "KUBERNETES_SERVICE_HOST" };
	static const char *const init_words[] = { "container=", NULL };
	static const char *const group_words[] = { "/docker",   "/kubepods", "/libpod", "/containerd",
						   "/buildkit", "/crio-",    NULL };

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (access(files[i], F_OK) == 0)
			return files[i];
	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		if (getenv(variables[i]))
			return variables[i];
	if (file_mentions("/proc/1/environ", init_words))
		return "/proc/1/environ";
	if (file_mentions("/proc/1/cgroup", group_words))
		return "/proc/1/cgroup";
	return NULL;
}

/* All that the sandbox and the workspace do with namespaces, as far as a runtime may have forbidden it. */
static int try_here(void *context, struct error *e)
{
	bool *named = context;

	if (privilege_obtain(NULL, e) < 0)
		return -1;
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET) < 0)
		return error_sys(e, "cannot create namespaces");
	*named = sethostname(inside_host_name, strlen(inside_host_name)) == 0;
	/* AppArmor lets the namespaces pass, and forbids the mounts. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_sys(e, "cannot make the mounts private");
	if (mount("kiln", "/", "tmpfs", 0, NULL) < 0)
		return error_sys(e, "cannot mount a tmpfs");
	return 0;
}

/* *named: they may have a host name. */
static int try_namespaces(bool *named, struct error *e)
{
	if (trial_run(try_here, named, sizeof *named, e) == 0)
		return 0;
	e->kind = ERROR_PRIVILEGE;
	return -1;
}

int isolation_try_namespaces(struct error *e)
{
	bool named = false;

	return try_namespaces(&named, e);
}

/* What chroot takes. */
static int obtain_chroot(struct error *e)
{
	const char *missing = privilege_missing(PRIVILEGE_CHROOT);

	if (geteuid() != 0)
		return error_set(e, ERROR_PRIVILEGE,
				 "without namespaces only root can build: run kiln as root of this container "
				 "(docker run --user 0)");
	if (missing)
		return error_set(e, ERROR_PRIVILEGE,
				 "without namespaces root needs %s to build: start the container with "
				 "--cap-add %s",
				 missing, missing + strlen("CAP_"));
	if (privilege_is_confined())
		return error_set(e, ERROR_PRIVILEGE,
				 "without namespaces root has to make device nodes, and in a user namespace "
				 "nobody can");
	return 0;
}

int isolation_obtain(enum isolation wanted, struct log *log, enum isolation *got, struct error *e)
{
	const char *container = wanted == ISOLATION_CHROOT ? NULL : isolation_container();
	struct error why = ERROR_INIT;
	struct error need = ERROR_INIT;
	bool named = false;

	*got = wanted == ISOLATION_CHROOT ? wanted : ISOLATION_NAMESPACES;
	if (!container && wanted != ISOLATION_CHROOT)
		return privilege_obtain(log, e);
	if (container && try_namespaces(&named, &why) == 0) {
		if (!named)
			*got = ISOLATION_NAMELESS;
		return privilege_obtain(log, e);
	}
	/* Users may lack what has nothing to do with it. */
	if (container && geteuid() != 0 && privilege_check(PRIVILEGE_NAMESPACE, &need) == 0) {
		*e = why;
		return -1;
	}
	error_clear(&need);
	if (wanted == ISOLATION_NAMESPACES)
		return error_set(e, ERROR_PRIVILEGE,
				 "this container forbids namespaces (%s): " MEND_NAMESPACES, why.text);
	*got = ISOLATION_CHROOT;
	if (obtain_chroot(&need) < 0) {
		*e = need;
		return container ? error_set(e, ERROR_PRIVILEGE,
					     "this container forbids namespaces (%.300s): " MEND_NAMESPACES
					     "; or: %s",
					     why.text, need.text)
				 : -1;
	}
	if (container) {
		log_detail(log, "this is a container, by %s, and it forbids namespaces: %s", container,
			   why.text);
		log_warn(log,
			 "this container forbids namespaces, so scripts run by chroot alone, and can reach "
			 "all that the container has (--isolation namespaces forbids that)");
	} else {
		log_warn(log, "without namespaces scripts can reach all that this host has");
	}
	return 0;
}
