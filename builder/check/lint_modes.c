/* SPDX-License-Identifier: Apache-2.0 */
/* Modes, owners, capabilities, device nodes, time stamps. */
#include "check/lint_site.h"

enum { STICKY = 01000 };

/* Programs that packages of several distributions ship with set-uid or set-gid: what an image without dpkg may have. */
static const char *const known_set_uid[] = {
	"at",
	"bbsuid",
	"chage",
	"chfn",
	"chsh",
	"crontab",
	"doas",
	"dumpcap",
	"exim4",
	"expiry",
	"fusermount",
	"fusermount3",
	"gpasswd",
	"grub2-set-bootflag",
	"locate",
	"mount",
	"mount.cifs",
	"mount.nfs",
	"newgidmap",
	"newgrp",
	"newuidmap",
	"pam_timestamp_check",
	"passwd",
	"ping",
	"ping6",
	"pkexec",
	"plocate",
	"postdrop",
	"postqueue",
	"screen",
	"sg",
	"ssh-agent",
	"ssh-keysign",
	"su",
	"sudo",
	"sudoedit",
	"umount",
	"unix_chkpwd",
	"userhelper",
	"usernetctl",
	"utempter",
	"wall",
	"write",
	"dbus-daemon-launch-helper",
	"polkit-agent-helper-1",
	"unix2_chkpwd",
	"traceroute6.iputils",
};

/* Useless, or dangerous, with another mode. */
static const char *const wants_set_uid[] = {
	"usr/bin/su",        "usr/bin/sudo",   "usr/bin/passwd",      "usr/bin/mount",  "usr/bin/umount",
	"usr/bin/gpasswd",   "usr/bin/chsh",   "usr/bin/chfn",        "usr/bin/newgrp", "usr/bin/newuidmap",
	"usr/bin/newgidmap", "usr/bin/pkexec", "usr/bin/fusermount3", "bin/su",         "bin/mount",
	"bin/umount",
};

static bool is_shell(const char *path)
{
	static const char *const names[] = {
		"ash",  "bash", "busybox", "cat",  "cp",   "csh",  "dash", "emacs", "env",  "find",
		"gawk", "gdb",  "ksh",     "less", "lua",  "mawk", "more", "nano",  "node", "perl",
		"php",  "ruby", "sh",      "tar",  "tcsh", "vi",   "vim",  "xxd",   "zsh",
	};
	const char *name = lint_name(path);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return is_prefix(name, "python") || is_prefix(name, "perl5") || is_prefix(name, "vim.") ||
	       is_prefix(name, "ld-linux") || is_prefix(name, "ld.so") || is_prefix(name, "lua5");
}

static bool is_known(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(known_set_uid); i++)
		if (strcmp(lint_name(path), known_set_uid[i]) == 0)
			return true;
	return false;
}

/* Whether dpkg-statoverride has a line about PATH: "USER GROUP MODE PATH". */
static bool is_overridden(const struct lint_site *site, const char *path)
{
	struct text rest = lint_text(site, "var/lib/dpkg/statoverride");
	struct text line;

	while (lint_line(&rest, &line)) {
		for (unsigned i = 0; i < 3; i++)
			text_word(&line);
		line = text_trim(line);
		if (line.len && text_is((struct text) { line.ptr + 1, line.len - 1 }, path))
			return true;
	}
	return false;
}

static void check_privilege(struct lint_site *site, const struct lint_file *file)
{
	bool is_set_id = (file->mode & (S_ISUID | S_ISGID)) && (file->mode & 0111);

	if (!S_ISREG(file->mode) || (!is_set_id && !file->has_capability))
		return;
	if ((file->mode & (S_ISUID | S_ISGID) || file->has_capability) && is_shell(file->path)) {
		lint_say(site, RULE_SET_UID_SHELL, file->path, "mode %04o, owner %u:%u%s",
			 (unsigned)file->mode & 07777, (unsigned)file->uid, (unsigned)file->gid,
			 file->has_capability ? ", with capabilities" : "");
		return;
	}
	if (site->has_dpkg ? file->is_owned || is_overridden(site, file->path)
			   : file->has_capability || is_known(file->path))
		return;
	if (is_set_id)
		lint_say(site, RULE_SET_UID_UNOWNED, file->path, "mode %04o, owner %u:%u, and of no package",
			 (unsigned)file->mode & 07777, (unsigned)file->uid, (unsigned)file->gid);
	else
		lint_say(site, RULE_SET_UID_UNOWNED, file->path, "it has capabilities, and is of no package");
}

static void check_writable(struct lint_site *site, const struct lint_file *file)
{
	if (!(file->mode & S_IWOTH) || !(S_ISREG(file->mode) || S_ISDIR(file->mode)) ||
	    (S_ISDIR(file->mode) && (file->mode & STICKY)))
		return;
	/* These two have a rule of their own. */
	if (strcmp(file->path, "tmp") == 0 || strcmp(file->path, "var/tmp") == 0 || file->path[0] == '\0')
		return;
	lint_say(site, RULE_WORLD_WRITABLE, file->path, "%s of mode %04o",
		 S_ISDIR(file->mode) ? "a folder" : "a file", (unsigned)file->mode & 07777);
}

void lint_modes_file(struct lint_site *site, const struct lint_file *file)
{
	check_privilege(site, file);
	check_writable(site, file);
	if ((S_ISCHR(file->mode) || S_ISBLK(file->mode)) && !is_prefix(file->path, "dev/"))
		lint_say(site, RULE_DEVICE_NODE, file->path,
			 file->is_whiteout ? "a whiteout of overlayfs" : "a device node");
}

static void check_folders(struct lint_site *site)
{
	static const char *const paths[] = {
		"",        "etc",     "home",     "opt",       "srv", "usr",
		"usr/bin", "usr/lib", "usr/sbin", "usr/share", "var", "var/lib"
	};
	static const char *const temporary[] = { "tmp", "var/tmp" };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		const struct lint_file *file = lint_find(site, text_of(paths[i]));

		if (file && S_ISDIR(file->mode) &&
		    ((file->mode & 0005) != 0005 || (file->mode & S_IWOTH) || file->uid != 0))
			lint_say(site, RULE_ROOT_FOLDER, paths[i], "mode %04o, owner %u",
				 (unsigned)file->mode & 07777, (unsigned)file->uid);
	}
	for (size_t i = 0; i < ARRAY_LEN(temporary); i++) {
		const struct lint_file *file = lint_find(site, text_of(temporary[i]));

		if (file && S_ISDIR(file->mode) && ((file->mode & 07777) != 01777 || file->uid != 0))
			lint_say(site, RULE_TMP_FOLDER, temporary[i], "mode %04o, owner %u",
				 (unsigned)file->mode & 07777, (unsigned)file->uid);
	}
}

static void check_dev(struct lint_site *site)
{
	const char *first = NULL;
	size_t count = 0;

	for (size_t i = 0; i < site->count; i++)
		if (is_prefix(site->files[i]->path, "dev/") && count++ == 0)
			first = site->files[i]->path;
	if (first)
		lint_say(site, RULE_DEV_CONTENT, first, "%zu entr%s in /dev", count,
			 count == 1 ? "y" : "ies");
}

static void check_times(struct lint_site *site)
{
	const struct lint_file *latest = NULL;
	size_t count = 0;

	for (size_t i = 0; i < site->count; i++)
		if (site->files[i]->mtime_s > site->options->date_s) {
			count++;
			if (!latest || site->files[i]->mtime_s > latest->mtime_s)
				latest = site->files[i];
		}
	if (latest)
		lint_say(site, RULE_FUTURE_TIME, latest->path,
			 "%zu file%s newer than the image; this one by %lld s", count,
			 count == 1 ? " is" : "s are", (long long)(latest->mtime_s - site->options->date_s));
}

static void check_overrides(struct lint_site *site)
{
	struct text rest = lint_text(site, "var/lib/dpkg/statoverride");
	struct text line;

	while (lint_line(&rest, &line)) {
		struct text user = text_word(&line);
		struct text group = text_word(&line);
		struct text mode = text_word(&line);
		auto_free char *path = NULL;
		auto_free char *digits = xstrndup(mode.ptr ? mode.ptr : "", mode.len);
		const struct lint_file *file;
		uint32_t uid;
		uint32_t gid;

		line = text_trim(line);
		path = xstrndup(line.ptr ? line.ptr : "", line.len);
		if (lint_resolve(site, "", path, &file) != LINT_FOUND)
			continue;
		if ((file->mode & 07777) != (strtoul(digits, NULL, 8) & 07777) ||
		    (lint_id_of(site, LINT_USERS, user, &uid) && uid != file->uid) ||
		    (lint_id_of(site, LINT_GROUPS, group, &gid) && gid != file->gid))
			lint_say(site, RULE_STATOVERRIDE, file->path,
				 "mode %04o, owner %u:%u; should be %s %.*s:%.*s",
				 (unsigned)file->mode & 07777, (unsigned)file->uid, (unsigned)file->gid,
				 digits, TEXT_ARG(user), TEXT_ARG(group));
	}
}

static void check_lost_set_uid(struct lint_site *site)
{
	for (size_t i = 0; i < ARRAY_LEN(wants_set_uid); i++) {
		const struct lint_file *file = lint_find(site, text_of(wants_set_uid[i]));

		if (file && S_ISREG(file->mode) && (file->mode & 0111) && !(file->mode & S_ISUID) &&
		    !file->has_capability && !is_overridden(site, file->path))
			lint_say(site, RULE_SET_UID_LOST, file->path, "mode %04o",
				 (unsigned)file->mode & 07777);
	}
}

void lint_modes_end(struct lint_site *site)
{
	check_folders(site);
	check_dev(site);
	check_times(site);
	check_overrides(site);
	check_lost_set_uid(site);
}
