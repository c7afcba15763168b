/* SPDX-License-Identifier: Apache-2.0 */
/* dpkg's database as we write it: against the text that is known to be right, and against dpkg itself. */
#include "unit/unit.h"

#include "unit/deb_maker.h"

#include "base/process.h"

static const char status_of_two[] = "Package: bb\n"
				    "Essential: yes\n"
				    "Status: install ok unpacked\n"
				    "Priority: required\n"
				    "Section: admin\n"
				    "Maintainer: Nobody <nobody@example.org>\n"
				    "Architecture: amd64\n"
				    "Multi-Arch: same\n"
				    "Version: 1:2.0-1\n"
				    "Replaces: aa (<< 1)\n"
				    "Provides: virtual (= 3)\n"
				    "Depends: libc6 (>= 2.36) | libc6.1, zlib1g:any (<= 3)\n"
				    "Pre-Depends: dpkg\n"
				    "Conffiles:\n"
				    " /etc/bb.conf 7fc56270e7a70fa81a5935b72eacbe29\n"
				    " /etc/gone newconffile\n"
				    " /etc/old newconffile remove-on-upgrade\n"
				    "Description: made for a test\n"
				    "Homepage: https://example.org/\n"
				    "Tag: a::b,\n"
				    " c::d\n"
				    "\n";

static const struct made_deb bb = {
	.name = "bb",
	.version = "1:2.0-1",
	.architecture = "amd64",
	.fields = "Homepage: https://example.org/\nPre-Depends: dpkg\nEssential: yes\nSection: admin\n"
		  "Depends: libc6(>=0:2.36)|libc6.1,\n zlib1g:any (< 3)\nProtected: no\nMulti-Arch: same\n"
		  "Provides: virtual (=3)\nPriority: required\nReplaces: aa (<<1)\nTag: a::b,\n c::d\n",
	.members = { MADE('0', "./conffiles", 0644,
			  "/etc/bb.conf\n\n/etc/gone\nremove-on-upgrade /etc/old\n"),
		     MADE('0', "./postinst", 0644, "#!/bin/sh\n"), MADE('0', "./a.b", 0644, "skipped"),
		     MADE('0', "./templates", 0600, "Template: x\n") },
	.files = { MADE('5', "./", 0755, NULL), MADE('5', "./etc/", 0755, NULL),
		   MADE('0', "./etc/bb.conf", 0640, "A") },
};

static void direct_conffiles(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	scene_add(&scene, &bb);
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
	assert_text(&scene, "/var/lib/dpkg/status", status_of_two);
	assert_text(&scene, "/etc/bb.conf", "A");
	assert_text(&scene, "/var/lib/dpkg/info/bb:amd64.postinst", "#!/bin/sh\n");
	/* As in control.tar: dpkg makes a script executable when it runs it. */
	assert_int_equal(scene_stat(&scene, "/var/lib/dpkg/info/bb:amd64.postinst").st_mode, S_IFREG | 0644);
	assert_int_equal(scene_stat(&scene, "/var/lib/dpkg/info/bb:amd64.templates").st_mode, S_IFREG | 0600);
	assert_int_equal(scene_stat(&scene, "/var/lib/dpkg/info/bb:amd64.templates").st_mtime, 1000000000);
	assert_text(&scene, "/var/lib/dpkg/info/bb:amd64.list", "/.\n/etc\n/etc/bb.conf\n");
	assert_false(scene_has(&scene, "/var/lib/dpkg/info/bb:amd64.a.b"));
	assert_text(&scene, "/var/lib/dpkg/info/format", "1\n");
	assert_text(&scene, "/var/lib/dpkg/available", "");
	scene_close(&scene);
}

static void waiting_conffiles(void **state)
{
	struct scene scene;
	auto_free char *status = NULL;

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	scene_add(&scene, &bb);
	assert_int_equal(root_make_dirs(scene.root_fd, "/etc", 0755, &scene.e), 0);
	assert_int_equal(symlinkat("real/bb", scene.root_fd, "etc/bb.conf"), 0);
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_NEW), 0);
	/* As dpkg: not beside what the link leads to. */
	assert_text(&scene, "/etc/bb.conf.dpkg-new", "A");
	assert_true(S_ISLNK(scene_stat(&scene, "/etc/bb.conf").st_mode));
	status = scene_text(&scene, "/var/lib/dpkg/status");
	assert_non_null(strstr(status, "\nConffiles:\n /etc/bb.conf newconffile\n /etc/gone newconffile\n"));
	scene_close(&scene);
}

/* Removed, and back again: its postinst is told the version, its conffile may have been edited. */
static void back_again(void **state)
{
	static const char removed[] = "Package: bb\nStatus: deinstall ok config-files\nArchitecture: amd64\n"
				      "Multi-Arch: same\nVersion: 1:1.0\nConfig-Version: 1:1.0\nConffiles:\n"
				      " /etc/bb.conf 0123456789abcdef0123456789abcdef\n\n";
	struct scene scene;
	auto_deb_control struct deb_control control = DEB_CONTROL_INIT;
	auto_free char *status = NULL;

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	scene_add(&scene, &bb);
	assert_int_equal(root_write_text(scene.root_fd, "/var/lib/dpkg/status", removed, &scene.e), 0);
	/* Conffiles of a removed package are still in its list. */
	assert_int_equal(root_write_text(scene.root_fd, "/var/lib/dpkg/info/bb:amd64.list",
					 "/.\n/etc\n/etc/bb.conf\n", &scene.e),
			 0);
	assert_int_equal(root_make_dirs(scene.root_fd, "/etc", 0755, &scene.e), 0);
	assert_int_equal(root_write_text(scene.root_fd, "/etc/bb.conf", "edited", &scene.e), 0);
	assert_int_equal(deb_read_control(&scene.site, 0, &control, &scene.e), 0);
	assert_int_equal(deb_database_begin_install(scene.root_fd, &control, &scene.e), 0);
	status = scene_text(&scene, "/var/lib/dpkg/status");
	assert_non_null(strstr(status, "Status: install reinstreq half-installed\n"));
	assert_non_null(strstr(status, "\nVersion: 1:1.0\nConfig-Version: 1:1.0\n"));
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_NEW), 0);
	free(TAKE(status, scene_text(&scene, "/var/lib/dpkg/status")));
	assert_non_null(strstr(status, "Status: install ok unpacked\n"));
	assert_non_null(strstr(status, "\nVersion: 1:2.0-1\nConfig-Version: 1:1.0\n"));
	assert_non_null(strstr(status,
			       "Conffiles:\n /etc/bb.conf 0123456789abcdef0123456789abcdef\n /etc/gone "
			       "newconffile\n"));
	assert_text(&scene, "/etc/bb.conf", "edited");
	assert_text(&scene, "/etc/bb.conf.dpkg-new", "A");
	scene_close(&scene);
}

/* In whatever order the threads get to them, and whether the loser is there already or comes along. */
static void conffile_taken_over(void **state)
{
	struct made_deb loser = { .name = "aa",
				  .members = { MADE('0', "./conffiles", 0644, "/etc/c\n/etc/own\n") },
				  .files = { MADE('5', "./etc/", 0755, NULL), MADE('0', "./etc/c", 0644, "A"),
					     MADE('0', "./etc/own", 0644, "A"),
					     MADE('0', "./etc/f", 0644, "A") } };
	struct made_deb taker = { .name = "bb",
				  .fields = "Replaces: aa\n",
				  .members = { MADE('0', "./conffiles", 0644, "/etc/c\n") },
				  .files = { MADE('5', "./etc/", 0755, NULL), MADE('0', "./etc/c", 0644, "B"),
					     MADE('0', "./etc/f", 0644, "B") } };

	(void)state;
	for (unsigned turn = 0; turn < 3; turn++) {
		struct scene scene;
		auto_free char *status = NULL;

		scene_open(&scene);
		scene_prepare(&scene);
		/* Who is larger is unpacked first. */
		loser.claimed_bytes = turn == 0 ? 2000000 : 1000;
		taker.claimed_bytes = turn == 0 ? 1000 : 2000000;
		scene_add(&scene, &loser);
		if (turn == 2)
			assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
		scene_add(&scene, &taker);
		assert_int_equal(scene_unpack(&scene, turn == 2, DEB_CONFFILES_NEW), 0);
		status = scene_text(&scene, "/var/lib/dpkg/status");
		if (turn == 2) {
			assert_non_null(strstr(
				status, "Conffiles:\n /etc/c 7fc56270e7a70fa81a5935b72eacbe29 obsolete\n"
					" /etc/own 7fc56270e7a70fa81a5935b72eacbe29\n"));
			assert_non_null(
				strstr(status, "Conffiles:\n /etc/c 7fc56270e7a70fa81a5935b72eacbe29\nDesc"));
		} else {
			assert_non_null(strstr(status, "Conffiles:\n /etc/c newconffile obsolete\n /etc/own "
						       "newconffile\nDesc"));
			assert_non_null(strstr(status, "Conffiles:\n /etc/c newconffile\nDesc"));
		}
		assert_text(&scene, "/etc/c.dpkg-new", "B");
		/* dpkg has digested the loser's file before the taker came. */
		assert_text(
			&scene, "/var/lib/dpkg/info/aa.md5sums",
			"7fc56270e7a70fa81a5935b72eacbe29  etc/c\n7fc56270e7a70fa81a5935b72eacbe29  etc/own\n"
			"7fc56270e7a70fa81a5935b72eacbe29  etc/f\n");
		scene_close(&scene);
	}
}

static void status_file(void **state)
{
	auto_deb_status struct deb_status status = DEB_STATUS_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	struct deb_status_package *package;
	struct error e = ERROR_INIT;
	static const char in[] = "Package: zz\nStatus: hold ok installed\nArchitecture: all\nVersion: 1\n\n"
				 "Package: aa\nStatus: install ok half-configured\nArchitecture: all\n"
				 "Version: 2\nConfig-Version: 1\nConffiles:\n /etc/x 123\n\n";

	(void)state;
	assert_int_equal(deb_status_parse(TEXT(in), &status, &e), 0);
	assert_int_equal(status.count, 2);
	assert_true(deb_status_is_configured(&status, "zz"));
	assert_false(deb_status_is_configured(&status, "aa"));
	assert_false(deb_status_is_configured(&status, "bb"));
	assert_null(deb_status_find(&status, "aa", "amd64"));
	package = deb_status_find(&status, "aa", "all");
	assert_non_null(package);
	assert_int_equal(package->state, DEB_HALF_CONFIGURED);
	deb_status_set_state(&status, package, DEB_INSTALLED);
	deb_status_print(&status, &out);
	assert_string_equal(out.data,
			    "Package: aa\nStatus: install ok installed\nArchitecture: all\n"
			    "Version: 2\nConfig-Version: 1\nConffiles:\n /etc/x 123\n\n"
			    "Package: zz\nStatus: hold ok installed\nArchitecture: all\nVersion: 1\n\n");
}

static void wrong_status_files(void **state)
{
	static const char *const cases[] = {
		"Package: aa\nStatus: install ok wrong\n",
		"Package: aa\n",
		"Status: install ok installed\n",
		" Package: aa\n",
		"Package aa\n",
		"Pack age: aa\n",
		"#Package: aa\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_deb_status struct deb_status status = DEB_STATUS_INIT;
		struct error e = ERROR_INIT;

		assert_int_equal(deb_status_parse(text_of(cases[i]), &status, &e), -1);
		assert_int_equal(e.kind, ERROR_FORMAT);
	}
}

static void unfinished_journal(void **state)
{
	struct scene scene;
	auto_deb_status struct deb_status status = DEB_STATUS_INIT;

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	assert_int_equal(root_write_text(scene.root_fd, "/var/lib/dpkg/updates/0001", "x", &scene.e), 0);
	assert_int_equal(deb_status_read(scene.root_fd, &status, &scene.e), -1);
	assert_int_equal(scene.e.kind, ERROR_FORMAT);
	scene_close(&scene);
}

static void before_preinst(void **state)
{
	struct scene scene;
	auto_deb_control struct deb_control control = DEB_CONTROL_INIT;
	struct made_deb made = bb;

	(void)state;
	made.members[1] = (struct made_file)MADE('0', "./preinst", 0644, "#!/bin/sh\n");
	scene_open(&scene);
	scene_prepare(&scene);
	scene_add(&scene, &made);
	assert_int_equal(deb_read_control(&scene.site, 0, &control, &scene.e), 0);
	assert_true(control.has_preinst);
	assert_string_equal(control.info_name, "bb:amd64");
	assert_int_equal(control.conffile_count, 3);
	assert_int_equal(deb_database_begin_install(scene.root_fd, &control, &scene.e), 0);
	assert_text(&scene, "/var/lib/dpkg/status",
		    "Package: bb\nStatus: install reinstreq half-installed\nPriority: required\n"
		    "Section: admin\nArchitecture: amd64\nMulti-Arch: same\nVersion: 1:2.0-1\n\n");
	assert_int_equal(deb_database_write_ci(scene.root_fd, &control, &scene.e), 0);
	assert_int_equal(scene_stat(&scene, "/var/lib/dpkg/tmp.ci/preinst").st_mode, S_IFREG | 0755);
	assert_text(&scene, "/var/lib/dpkg/tmp.ci/templates", "Template: x\n");
	assert_true(scene_has(&scene, "/var/lib/dpkg/tmp.ci/control"));
	assert_int_equal(deb_database_remove_ci(scene.root_fd, &scene.e), 0);
	assert_false(scene_has(&scene, "/var/lib/dpkg/tmp.ci"));
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
	assert_text(&scene, "/var/lib/dpkg/status", status_of_two);
	/* A plan never has a package twice, but for one that it has removed. */
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), -1);
	assert_int_equal(scene.e.kind, ERROR_UNSUPPORTED);
	scene_close(&scene);
}

static void set_all_installed(struct scene *scene)
{
	auto_deb_status struct deb_status status = DEB_STATUS_INIT;

	assert_int_equal(deb_status_read(scene->root_fd, &status, &scene->e), 0);
	for (size_t i = 0; i < status.count; i++)
		deb_status_set_state(&status, status.packages[i], DEB_INSTALLED);
	assert_int_equal(deb_status_write(scene->root_fd, &status, &scene->e), 0);
}

static void triggers(void **state)
{
	struct scene scene;
	struct made_deb a = { .name = "aa",
			      .members = { MADE('0', "./triggers", 0644,
						"# comment\ninterest /usr/man\ninterest-noawait word\n") } };
	struct made_deb b = { .name = "lib",
			      .architecture = "amd64",
			      .fields = "Multi-Arch: same\n",
			      .members = { MADE(
				      '0', "./triggers", 0644,
				      "interest-noawait /usr/share\nactivate word\n"
				      "activate-noawait word\nactivate nobody\nactivate /usr/man/x/y\n") },
			      .files = { MADE('5', "./usr/", 0755, NULL), MADE('5', "./usr/man/", 0755, NULL),
					 MADE('5', "./usr/share/", 0755, NULL) } };

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	scene_add(&scene, &a);
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
	assert_text(&scene, "/var/lib/dpkg/triggers/File", "/usr/man aa\n");
	assert_text(&scene, "/var/lib/dpkg/triggers/word", "aa/noawait\n");
	/* Nobody is configured: nothing is activated. */
	assert_false(scene_has(&scene, "/var/lib/dpkg/triggers/Unincorp"));
	set_all_installed(&scene);
	scene_add(&scene, &b);
	assert_int_equal(scene_unpack(&scene, 1, DEB_CONFFILES_DIRECT), 0);
	assert_text(&scene, "/var/lib/dpkg/triggers/File", "/usr/man aa\n/usr/share lib:amd64/noawait\n");
	assert_text(&scene, "/var/lib/dpkg/triggers/Unincorp",
		    "word lib:amd64\nword -\n/usr/man lib:amd64\n/usr/man lib:amd64\n");
	scene_close(&scene);
}

static void extended_states(void **state)
{
	struct scene scene;
	size_t positions[] = { 0, 1 };

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	scene_add(&scene, &bb);
	scene_add(&scene, &(struct made_deb) { .name = "cc" });
	assert_int_equal(root_make_dirs(scene.root_fd, "/var/lib/apt", 0755, &scene.e), 0);
	assert_int_equal(root_write_text(scene.root_fd, "/var/lib/apt/extended_states",
					 "Package: old\nArchitecture: amd64\nAuto-Installed: 1\n\n"
					 "Package: bb\nArchitecture: amd64\nAuto-Installed: 1\n\n",
					 &scene.e),
			 0);
	scene.packages[1].automatic = true;
	assert_int_equal(
		deb_database_write_extended_states(scene.root_fd, &scene.plan, positions, 2, &scene.e), 0);
	assert_text(&scene, "/var/lib/apt/extended_states",
		    "Package: old\nArchitecture: amd64\nAuto-Installed: 1\n\n"
		    "Package: cc\nArchitecture: amd64\nAuto-Installed: 1\n\n");
	scene_close(&scene);
}

static void folders_of_apt(void **state)
{
	static const char lists[] = "/var/lib/apt/lists/partial";
	static const char archives[] = "/var/cache/apt/archives/partial";
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	assert_int_equal(root_make_dirs(scene.root_fd, lists, 0755, &scene.e), 0);
	assert_int_equal(root_make_dirs(scene.root_fd, "/etc", 0755, &scene.e), 0);
	assert_int_equal(
		root_write_text(scene.root_fd, "/etc/passwd", "root:x:0:0::/root:/bin/sh\n", &scene.e), 0);
	assert_int_equal(deb_database_give_to_apt(scene.root_fd, &scene.e), 0);
	assert_int_equal(scene_stat(&scene, lists).st_mode, S_IFDIR | 0755);
	assert_false(scene_has(&scene, archives));
	if (!have_rights()) {
		scene_close(&scene);
		skip();
	}
	assert_int_equal(root_make_dirs(scene.root_fd, archives, 0755, &scene.e), 0);
	assert_int_equal(
		root_write_text(scene.root_fd, "/etc/passwd", "_apt:x:42:65534::/:/bin/false\n", &scene.e),
		0);
	assert_int_equal(deb_database_give_to_apt(scene.root_fd, &scene.e), 0);
	assert_int_equal(scene_stat(&scene, lists).st_mode, S_IFDIR | 0700);
	assert_int_equal(scene_stat(&scene, lists).st_uid, 42);
	assert_int_equal(scene_stat(&scene, lists).st_gid, 0);
	assert_int_equal(scene_stat(&scene, archives).st_mode, S_IFDIR | 0700);
	scene_close(&scene);
}

/* Without that file the dpkg of those days stops. */
static void old_dpkg(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_add(&scene, &(struct made_deb) { .name = "dpkg", .version = "1.16.18" });
	scene_prepare(&scene);
	assert_text(&scene, "/var/lib/dpkg/available", "");
	scene_close(&scene);
}

static void prepared_root(void **state)
{
	struct scene scene;
	char text[32] = "";

	(void)state;
	scene_open(&scene);
	scene_add(&scene, &bb);
	scene_add(&scene,
		  &(struct made_deb) { .name = "dpkg", .version = "1.17.11", .architecture = "i386" });
	scene.plan.merged_usr = true;
	scene_prepare(&scene);
	assert_int_equal(readlinkat(scene.root_fd, "lib64", text, sizeof text), 9);
	assert_string_equal(text, "usr/lib64");
	assert_true(scene_has(&scene, "/usr/libx32"));
	assert_false(scene_has(&scene, "/lib32"));
	assert_true(scene_has(&scene, "/libx32"));
	assert_text(&scene, "/var/lib/dpkg/arch", "amd64\ni386\n");
	assert_false(scene_has(&scene, "/var/lib/dpkg/available"));
	scene_close(&scene);
}

static void links_of_base_files(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_add(&scene, &bb);
	scene_add(&scene, &(struct made_deb) { .name = "base-files", .version = "13.3" });
	scene.plan.merged_usr = true;
	scene_prepare(&scene);
	assert_true(scene_has(&scene, "/lib"));
	assert_false(scene_has(&scene, "/libx32"));
	assert_false(scene_has(&scene, "/usr/libx32"));
	scene_close(&scene);
}

/* The tree below FOLDER as text. */
static char *tree_of(const char *folder)
{
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	struct error e = ERROR_INIT;
	const char *argv[] = {
		"sh",
		"-c",
		"cd \"$1\" && find . -name 'lock*' -o -path './var/lib/dpkg/triggers/[UL]*' -o "
		"-name status-old -o -type d -printf '%P %y %m %U %G\\n' -o -type l -printf "
		"'%P %y %l %U %G\\n' -o -path './var/lib/dpkg/*' -printf '%P %y %m %U %G\\n' -o "
		"-printf '%P %y %m %U %G %n %s %TY-%Tm-%Td %TT\\n' | sort; "
		"find . -type f ! -name 'lock*' ! -name status-old ! -path "
		"'./var/lib/dpkg/triggers/[UL]*' -print0 | sort -z | xargs -0 md5sum",
		"sh",
		folder,
		NULL
	};
	struct process_options options = { .argv = argv, .output_max_bytes = 1 << 20, .timeout_ms = 60000 };

	if (process_run(&options, &result, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(result.status, 0);
	return buffer_take(&result.output);
}

static void run_dpkg(struct scene *ours, struct scene *theirs)
{
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	auto_free char *root = xasprintf("--root=%s", theirs->folder);
	char files[SCENE_MAX][96];
	const char *argv[SCENE_MAX + 8] = { "dpkg", root, "--force-all", "--no-triggers", "--unpack" };
	size_t count = 5;
	struct process_options options = { .argv = argv, .output_max_bytes = 1 << 20, .timeout_ms = 60000 };

	for (size_t i = 0; i < ours->plan.package_count; i++) {
		char name[32];

		snprintf(name, sizeof name, "%zu.deb", i);
		snprintf(files[i], sizeof files[i], "%s/%s", theirs->folder, name);
		assert_int_equal(root_write(theirs->root_fd, name, ours->fetcher.debs[i].data,
					    ours->fetcher.debs[i].len, 0644, 0, 0, &ours->e),
				 0);
		argv[count++] = files[i];
	}
	if (process_run(&options, &result, &ours->e) < 0)
		fail_msg("%s", ours->e.text);
	if (result.status)
		fail_msg("dpkg: %s", result.errors.data);
	for (size_t i = 0; i < ours->plan.package_count; i++)
		unlink(files[i]);
}

/* As assert_string_equal(), which shows no more than the beginning. */
static void assert_same_lines(const char *ours, const char *theirs)
{
	struct text a = text_of(ours);
	struct text b = text_of(theirs);

	while (a.ptr && b.ptr) {
		struct text x = text_cut(a, '\n', &a);
		struct text y = text_cut(b, '\n', &b);

		if (!text_equal(x, y))
			fail_msg("ours '%.*s', dpkg's '%.*s'", TEXT_ARG(x), TEXT_ARG(y));
	}
	assert_true(!a.ptr && !b.ptr);
}

static void as_dpkg_does(void **state)
{
	need_host_root(); /* device nodes */

	static const struct made_deb first = {
		.name = "first",
		.suffix = ".xz",
		.members = { MADE('0', "./conffiles", 0644, "/etc/first/a\n"),
			     MADE('0', "./md5sums", 0644, ""),
			     MADE('0', "./postinst", 0755, "#!/bin/sh\nexit 0\n"),
			     MADE('0', "./triggers", 0644, "interest-noawait /usr/lib\ninterest zz\n") },
		.files = { MADE('5', "./", 0755, NULL), MADE('5', "./etc/", 0755, NULL),
			   MADE('5', "./etc/first/", 0750, NULL, .gid = 8),
			   MADE('0', "./etc/first/a", 0640, "conf\n", .gid = 8),
			   MADE('5', "./bin/", 0755, NULL),
			   MADE('0', "./bin/tool", 04755, "tool\n", .uid = 7),
			   MADE('1', "./bin/tool2", 04755, "./bin/tool", .uid = 7),
			   MADE('2', "./bin/tool3", 0777, "tool2", .mtime_s = 1200000000),
			   MADE('5', "./usr/", 0755, NULL), MADE('5', "./usr/share/", 0755, NULL),
			   MADE('0', "./usr/share/taken", 0644, "first\n"),
			   MADE('5', "./usr/share/shared/", 01777, NULL), MADE('6', "./usr/pipe", 0600, NULL),
			   MADE('3', "./usr/null", 0666, NULL) },
	};
	static const struct made_deb second = {
		.name = "second",
		.version = "0:2",
		.suffix = ".gz",
		.fields = "Replaces: first (<<5)\nDepends: first|bash,\n libc6 (> 3)\nX-More: yes\n",
		.members = { MADE('0', "./md5sums", 0644, "00000000000000000000000000000000  bin/x\n") },
		.files = { MADE('5', "./", 0755, NULL), MADE('5', "./usr/", 0700, NULL),
			   MADE('5', "./usr/share/", 0755, NULL),
			   MADE('0', "./usr/share/taken", 0600, "second\n"),
			   MADE('5', "./usr/share/shared/", 0700, NULL), MADE('5', "./usr/bin/", 0755, NULL),
			   MADE('0', "./usr/bin/x", 0755, "") },
	};
	static const struct made_deb third = {
		.name = "third",
		.architecture = "amd64",
		.fields = "Multi-Arch: same\nEssential: no\nSource: src (1)\n",
		.files = { MADE('5', "./", 0755, NULL), MADE('5', "./usr/", 0755, NULL),
			   MADE('5', "./usr/lib/", 0755, NULL), MADE('0', "./usr/lib/lib.so.1", 0644, "lib"),
			   MADE('2', "./usr/lib/lib.so", 0777, "lib.so.1") },
	};
	struct scene ours;
	struct scene theirs;

	(void)state;
	if (access("/usr/bin/dpkg", X_OK) < 0)
		skip();
	scene_open(&ours);
	scene_open(&theirs);
	ours.plan.merged_usr = true;
	theirs.plan.merged_usr = true;
	scene_add(&ours, &first);
	scene_add(&ours, &second);
	scene_add(&ours, &third);
	scene_prepare(&ours);
	scene_add(&theirs, &third);
	scene_prepare(&theirs);
	if (scene_unpack(&ours, 0, DEB_CONFFILES_NEW) < 0)
		fail_msg("%s", ours.e.text);
	run_dpkg(&ours, &theirs);
	{
		auto_free char *a = tree_of(ours.folder);
		auto_free char *b = tree_of(theirs.folder);
		auto_free char *status_a = scene_text(&ours, "/var/lib/dpkg/status");
		auto_free char *status_b = scene_text(&theirs, "/var/lib/dpkg/status");

		assert_same_lines(status_a, status_b);
		assert_same_lines(a, b);
	}
	scene_close(&ours);
	scene_close(&theirs);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(direct_conffiles),
		cmocka_unit_test(waiting_conffiles),
		cmocka_unit_test(back_again),
		cmocka_unit_test(conffile_taken_over),
		cmocka_unit_test(status_file),
		cmocka_unit_test(wrong_status_files),
		cmocka_unit_test(unfinished_journal),
		cmocka_unit_test(before_preinst),
		cmocka_unit_test(triggers),
		cmocka_unit_test(extended_states),
		cmocka_unit_test(prepared_root),
		cmocka_unit_test(as_dpkg_does),
		cmocka_unit_test(folders_of_apt),
		cmocka_unit_test(old_dpkg),
		cmocka_unit_test(links_of_base_files),
	};

	return cmocka_run_group_tests_name("unpack dpkg", tests, NULL, NULL);
}
