/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/root.h"
#include "base/trial.h"
#include "doctor/rows.h"
#include "sandbox/calls.h"
#include "sandbox/sandbox.h"
#include "sandbox/workspace.h"

#include <fcntl.h>
#include <sys/stat.h>

struct place {
	const char *cache_dir;
	const char *work_dir;
	struct log *log;
	enum isolation isolation;
	bool on_disk;
	bool stacks;
};

static int open_workspace(struct place *place, struct workspace *workspace, struct error *e)
{
	struct workspace_options options = { .cache_dir = place->cache_dir,
					     .work_dir = place->work_dir,
					     .isolation = place->isolation,
					     .log = place->log };

	if (workspace_open(&options, workspace, e) < 0)
		return -1;
	place->on_disk = workspace->on_disk;
	return 0;
}

static int try_workspace(void *context, struct error *e)
{
	auto_workspace struct workspace workspace = WORKSPACE_INIT;

	return open_workspace(context, &workspace, e);
}

/* As a build with layers does: begin with a tree, write, keep what was written. */
static int try_stack(void *context, struct error *e)
{
	auto_workspace struct workspace workspace = WORKSPACE_INIT;
	struct place *place = context;
	auto_free char *lower = NULL;
	auto_close int lower_fd = -1;
	int upper_fd = -1;
	int r;

	if (open_workspace(place, &workspace, e) < 0)
		return -1;
	lower = xasprintf("%s/lower", workspace.place);
	if (mkdir(lower, 0755) < 0)
		return error_sys(e, "cannot make '%s'", lower);
	if (dir_open(AT_FDCWD, lower, &lower_fd, e) < 0)
		return -1;
	r = workspace_stack(&workspace, &lower_fd, 1, e);
	if (r <= 0)
		return r;
	if (root_write_text(workspace.root_fd, "file", "text", e) < 0)
		return -1;
	r = workspace_seal(&workspace, &upper_fd, e);
	if (r > 0)
		place->stacks = true;
	return r < 0 ? -1 : 0;
}

/* A program that is not there is missed last, when all that is done before it starts was done. */
static int try_sandbox(void *context, struct error *e)
{
	static const char *const argv[] = { "/no-such-program", NULL };
	static const char *const environment[] = { NULL };
	auto_workspace struct workspace workspace = WORKSPACE_INIT;
	struct place *place = context;
	struct sandbox sandbox = { .isolation = place->isolation,
				   .environment = environment,
				   .log = place->log };
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;

	if (open_workspace(place, &workspace, e) < 0)
		return -1;
	sandbox.root_fd = workspace.root_fd;
	if (sandbox_run(&sandbox, argv, NULL, &result, e) == 0)
		return 0;
	if (e->kind != ERROR_SCRIPT || e->sys != ENOENT)
		return -1;
	error_clear(e);
	return 0;
}

static void row_of_layers(struct doctor *doctor, struct place *place)
{
	static const struct subject subject = { "overlayfs", "layers: rebuilds in seconds" };
	struct error failure = ERROR_INIT;
	int result = trial_run(try_stack, place, sizeof *place, &failure);

	if (result == 0 && !place->stacks)
		result = error_set(&failure, ERROR_SYSTEM,
				   "this kernel has no overlayfs for such mounts, and builds keep no layers; "
				   "as root: modprobe overlay");
	row_tried(doctor, subject, DOCTOR_WARNING, result, &failure, "mounted, written and kept");
}

static void row_of_calls(struct doctor *doctor)
{
	static const struct subject subject = { "seccomp", "system calls of scripts are filtered" };
	struct error failure = ERROR_INIT;
	int result = calls_are_filtered()
			     ? 0
			     : error_set(&failure, ERROR_SYSTEM,
					 "this kernel, or who started kiln, allows no filters; run a kernel "
					 "with CONFIG_SECCOMP_FILTER");

	row_tried(doctor, subject, DOCTOR_WARNING, result, &failure, "there are filters");
}

void rows_of_roots(struct doctor *doctor)
{
	static const struct subject mounts = { "mounts", "a place for the root that is seen by nobody" };
	static const struct subject sandbox = { "sandbox", "programs of the image, shut in" };
	struct place place = { .cache_dir = doctor->scratch,
			       .work_dir = doctor->options->work_dir ? doctor->scratch : NULL,
			       .isolation = doctor->isolation,
			       .log = doctor->quiet };
	bool shut_in = doctor->isolation != ISOLATION_CHROOT;
	struct error failure = ERROR_INIT;
	int result;

	row_of_calls(doctor);
	/* Without rights all of these fail, and for that reason alone. */
	if (!doctor->has_rights)
		return;
	result = trial_run(try_workspace, &place, sizeof place, &failure);
	row_tried(doctor, mounts, DOCTOR_MISSING, result, &failure, "%s",
		  place.on_disk ? "a folder, in a namespace of its own" : "tmpfs, in a namespace of its own");
	/* Without namespaces nothing is mounted. */
	if (shut_in)
		row_of_layers(doctor, &place);
	error_clear(&failure);
	result = trial_run(try_sandbox, &place, sizeof place, &failure);
	row_tried(doctor, sandbox, DOCTOR_MISSING, result, &failure, "%s",
		  shut_in ? "namespaces, /proc, /dev and pivot_root" : "by chroot alone");
}
