/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rights by a user namespace. They are had for good, so each case that gets them runs in a child; its exit status is
 * the number of what failed.
 */
#include "unit/scratch.h"

#include "base/device.h"
#include "sandbox/privilege.h"
#include "tree/walk.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

enum { SOMEBODY = 54321 };

static int set_up(void **state)
{
	struct scratch *f = xcalloc(1, sizeof *f);

	*state = f;
	return scratch_open(f);
}

static int tear_down(void **state)
{
	struct scratch *f = *state;
	int r = scratch_close(f);

	free(f);
	return r;
}

static int in_child(struct scratch *f, int (*body)(struct scratch *))
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(body(f));
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void ranges(void **state)
{
	static const struct {
		const char *text;
		size_t count;
		uint32_t total;
		struct id_range first;
		struct id_range last;
	} rows[] = {
		{ "", 0, 0, { 0, 0 }, { 0, 0 } },
		{ "other:100000:65536\n", 0, 0, { 0, 0 }, { 0, 0 } },
		{ "me:100000:65536\n", 1, 65535, { 100000, 65535 }, { 100000, 65535 } },
		{ "1000:100000:65536", 1, 65535, { 100000, 65535 }, { 100000, 65535 } },
		{ "me:100000:65535\n", 1, 65535, { 100000, 65535 }, { 100000, 65535 } },
		{ "me:1:10\nother:5:5\nme:200000:1000000\nme:9:9\n", 2, 65535, { 1, 10 }, { 200000, 65525 } },
		{ "me:100000:100\n", 1, 100, { 100000, 100 }, { 100000, 100 } },
		/* Lines that are none. */
		{ "me\nme:\nme:1\nme::\nme:x:5\nme:5:x\nme:0:9\nme:7:0\nme:-1:9\nme:4294967296:1\n",
		  0,
		  0,
		  { 0, 0 },
		  { 0, 0 } },
		{ "mee:1:9\nm:1:9\n10000:1:9\n", 0, 0, { 0, 0 }, { 0, 0 } },
		/* Ids end before the highest, which means "none". */
		{ "me:4294967290:100\n", 1, 4, { 4294967290, 4 }, { 4294967290, 4 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct id_range found[ID_RANGE_MAX];
		uint32_t total;
		size_t count = id_ranges_parse(text_of(rows[i].text), "me", 1000, found, &total);

		assert_int_equal(count, rows[i].count);
		assert_int_equal(total, rows[i].total);
		if (count == 0)
			continue;
		assert_int_equal(found[0].first, rows[i].first.first);
		assert_int_equal(found[0].count, rows[i].first.count);
		assert_int_equal(found[count - 1].first, rows[i].last.first);
		assert_int_equal(found[count - 1].count, rows[i].last.count);
	}
}

static void too_many_ranges(void **state)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	struct id_range found[ID_RANGE_MAX];
	uint32_t total;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		buffer_addf(&text, "me:%u:2\n", 1000 + i * 10);
	assert_int_equal(id_ranges_parse((struct text) { text.data, text.len }, "me", 1, found, &total),
			 ID_RANGE_MAX);
	assert_int_equal(total, 2 * ID_RANGE_MAX);
}

static int be_somebody(struct scratch *f)
{
	struct error e = ERROR_INIT;

	(void)f;
	if (geteuid() == 0 && setresuid(SOMEBODY, SOMEBODY, SOMEBODY) < 0)
		return 1;
	if (privilege_obtain(NULL, &e) == 0)
		return 2;
	if (e.kind != ERROR_PRIVILEGE)
		return 3;
	return strcmp(e.text,
		      "user '54321' has 0 subordinate ids in /etc/subuid, and an image needs 65535; as root: "
		      "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 54321; or run kiln as "
		      "root") == 0
		       ? 0
		       : 4;
}

static void no_subordinate_ids(void **state)
{
	need_host_root();
	assert_int_equal(in_child(*state, be_somebody), 0);
}

static int lose_capability(unsigned number)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, sets) < 0)
		return -1;
	sets[0].effective &= ~(1U << number);
	sets[0].permitted &= ~(1U << number);
	return (int)syscall(SYS_capset, &header, sets);
}

static int be_root_in_a_container(struct scratch *f)
{
	auto_free char *path = xasprintf("%s/mine", f->folder);
	struct error e = ERROR_INIT;
	struct stat st;

	if (privilege_obtain(&f->log, &e) < 0 || privilege_is_confined())
		return 1;
	if (lose_capability(CAP_SYS_ADMIN) < 0)
		return 2;
	if (privilege_obtain(&f->log, &e) < 0)
		return 3;
	if (!privilege_is_confined() || geteuid() != 0)
		return 4;
	if (unshare(CLONE_NEWNS) < 0 || mount("x", f->folder, "tmpfs", 0, NULL) < 0)
		return 5;
	if (mkdir(path, 0755) < 0 || chown(path, 65534, 12) < 0 || stat(path, &st) < 0 ||
	    st.st_uid != 65534 || st.st_gid != 12)
		return 6;
	/* Once is enough. */
	return privilege_obtain(&f->log, &e) < 0 ? 7 : 0;
}

static void root_without_rights(void **state)
{
	need_host_root();
	assert_int_equal(in_child(*state, be_root_in_a_container), 0);
}

static int without_ways_to_map(struct scratch *f)
{
	struct error e = ERROR_INIT;

	if (lose_capability(CAP_SYS_ADMIN) < 0 || lose_capability(CAP_SETUID) < 0)
		return 1;
	if (privilege_obtain(&f->log, &e) == 0)
		return 2;
	return e.kind == ERROR_PRIVILEGE && strstr(e.text, "root lacks CAP_SYS_ADMIN here: ") ? 0 : 3;
}

static void root_without_any(void **state)
{
	need_host_root();
	assert_int_equal(in_child(*state, without_ways_to_map), 0);
}

static int find_device(void *context, const struct tree_entry *entry, struct error *e)
{
	struct stat *found = context;

	(void)e;
	if (strcmp(entry->path, "null") == 0 && !entry->content && entry->xattrs->count == 0)
		*found = entry->st;
	return 0;
}

static int make_devices(struct scratch *f)
{
	struct error e = ERROR_INIT;
	auto_close int fd = -1;
	auto_free char *name = NULL;
	struct tree_folder folder;
	struct stat found = { .st_mode = 0 };
	struct stat st;

	if (fchown(f->folder_fd, SOMEBODY, SOMEBODY) < 0 || setresuid(SOMEBODY, SOMEBODY, SOMEBODY) < 0)
		return 1;
	name = xasprintf("%s/probe", f->folder);
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fsetxattr(fd, "user.x", "", 0, 0) < 0)
		return 77;
	if (device_make(f->folder_fd, "null", S_IFCHR, makedev(1, 3), &e) < 0)
		return 2;
	if (fstatat(f->folder_fd, "null", &st, 0) < 0 || !S_ISREG(st.st_mode))
		return 3;
	if (fchmodat(f->folder_fd, "null", 0640, 0) < 0)
		return 4;
	folder = tree_folder(f->folder_fd, NULL);
	if (tree_visit(&folder.source, find_device, &found, &e) < 0)
		return 5;
	if (found.st_mode != (S_IFCHR | 0640) || found.st_rdev != makedev(1, 3))
		return 6;
	/* An empty file is one, and so is one that holds something. */
	return device_find(fd, &st) ? 7 : 0;
}

static void devices(void **state)
{
	int r;

	need_host_root();
	r = in_child(*state, make_devices);
	if (r == 77)
		skip();
	assert_int_equal(r, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(too_many_ranges),
		cmocka_unit_test_setup_teardown(no_subordinate_ids, set_up, tear_down),
		cmocka_unit_test_setup_teardown(root_without_rights, set_up, tear_down),
		cmocka_unit_test_setup_teardown(root_without_any, set_up, tear_down),
		cmocka_unit_test_setup_teardown(devices, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("privilege", tests, NULL, NULL);
}
