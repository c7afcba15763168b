/* SPDX-License-Identifier: Apache-2.0 */
/* Services of the inits before and beside systemd: links of OpenRC and of sysvinit, overrides of upstart. */
#include "base/file.h"
#include "base/root.h"
#include "customize/services.h"
#include "customize/setup.h"

#include <fcntl.h>

/* Behind what insserv numbers, which stays below 20, and stopped before it. */
enum { START_NUMBER = 20, STOP_NUMBER = 1, NUMBER_SUM = 100 };

static int list_folder(int root_fd, const char *folder, char ***names, size_t *count, struct error *e)
{
	auto_close int fd = -1;
	int r = root_try_open(root_fd, folder, O_RDONLY | O_DIRECTORY, &fd, e);

	*names = NULL;
	*count = 0;
	return r <= 0 ? r : dir_list(fd, names, count, e);
}

int openrc_switch(struct services *services, enum service_verb verb, const char *name, const char *runlevel,
		  struct error *e)
{
	static const char levels[] = "/etc/runlevels";
	auto_free char *script = xasprintf("/etc/init.d/%s", name);
	auto_free char *path = xasprintf("%s/%s/%s", levels, runlevel ? runlevel : "default", name);
	int has_levels = root_has(services->root_fd, levels, e);
	int r = has_levels > 0 ? root_has(services->root_fd, script, e) : has_levels;
	char **names = NULL;
	size_t count = 0;

	if (r <= 0)
		return r;
	if (verb == SERVICE_ENABLE)
		return root_put_link(services->root_fd, path, script, e) < 0 ? -1 : 1;
	if (list_folder(services->root_fd, levels, &names, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count && r > 0; i++) {
		auto_free char *link = xasprintf("%s/%s/%s", levels, names[i], name);

		if (!runlevel || strcmp(runlevel, names[i]) == 0)
			r = root_remove(services->root_fd, link, e) < 0 ? -1 : 1;
	}
	names_free(names, count);
	return r;
}

/* A job without "manual" in its override starts as its file says. */
int upstart_switch(struct services *services, enum service_verb verb, const char *name, struct error *e)
{
	auto_free char *job = xasprintf("/etc/init/%s.conf", name);
	auto_free char *path = xasprintf("/etc/init/%s.override", name);
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_free char *data = NULL;
	struct text rest;
	size_t len = 0;
	int has_upstart = root_has(services->root_fd, "/sbin/initctl", e);
	int r = has_upstart > 0 ? root_has(services->root_fd, job, e) : has_upstart;

	if (r <= 0)
		return r;
	if (root_read(services->root_fd, path, &data, &len, e) < 0)
		return -1;
	rest = (struct text) { data, len };
	while (rest.len) {
		struct text line = text_cut(rest, '\n', &rest);

		if (!text_is(text_trim(line), "manual"))
			buffer_addf(&text, "%.*s\n", TEXT_ARG(line));
	}
	if (verb != SERVICE_ENABLE)
		buffer_adds(&text, "manual\n");
	if (text.len == 0)
		return root_remove(services->root_fd, path, e) < 0 ? -1 : 1;
	return root_write_text(services->root_fd, path, text.data, e) < 0 ? -1 : 1;
}

/* The runlevels in a line of the script's header, as LSB has it, such as "# Default-Start: 2 3 4 5". */
static void read_levels(const char *script, const char *key, const char *otherwise, char levels[16])
{
	struct text rest = text_of(script);
	bool inside = false;

	snprintf(levels, 16, "%s", otherwise);
	while (rest.ptr) {
		struct text line = text_trim(text_cut(rest, '\n', &rest));
		struct text value;
		size_t count = 0;

		if (text_is(line, "### BEGIN INIT INFO"))
			inside = true;
		if (text_is(line, "### END INIT INFO"))
			return;
		if (!inside || !text_starts(line, "#"))
			continue;
		line = text_trim((struct text) { line.ptr + 1, line.len - 1 });
		if (!text_is(text_cut(line, ':', &value), key))
			continue;
		for (size_t i = 0; i < value.len && count < 15; i++)
			if (strchr("0123456S", value.ptr[i]) && value.ptr[i])
				levels[count++] = value.ptr[i];
		levels[count] = '\0';
	}
}

/* The link of SCRIPT in runlevel LEVEL, such as "S01ssh": 1 and *link, or 0. */
static int find_link(int root_fd, char level, const char *script, char **link, struct error *e)
{
	auto_free char *folder = xasprintf("/etc/rc%c.d", level);
	char **names = NULL;
	size_t count = 0;
	int r = list_folder(root_fd, folder, &names, &count, e) < 0 ? -1 : 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		const char *name = names[i];

		if ((name[0] != 'S' && name[0] != 'K') || strspn(name + 1, "0123456789") < 2 ||
		    strcmp(name + 3, script) != 0)
			continue;
		*link = xstrdup(name);
		r = 1;
	}
	names_free(names, count);
	return r;
}

static int put_rc_link(int root_fd, char level, char kind, int number, const char *script, struct error *e)
{
	auto_free char *path = xasprintf("/etc/rc%c.d/%c%02d%s", level, kind, number, script);
	auto_free char *target = xasprintf("../init.d/%s", script);

	return root_put_link(root_fd, path, target, e);
}

/* Turn the link LINK of LEVEL, if it is not of KIND already: its number is counted from the other end. */
static int turn(int root_fd, char level, const char *link, char kind, const char *script, struct error *e)
{
	auto_free char *path = xasprintf("/etc/rc%c.d/%s", level, link);
	int number = (link[1] - '0') * 10 + (link[2] - '0');

	if (link[0] == kind)
		return 0;
	number = number > 0 ? NUMBER_SUM - number : NUMBER_SUM - 1;
	return root_remove(root_fd, path, e) < 0 ? -1 : put_rc_link(root_fd, level, kind, number, script, e);
}

/* Turn the links in LEVELS; where there is none, put one with NUMBER there, unless that is 0. */
static int set_levels(int root_fd, const char *levels, char kind, int number, const char *script,
		      struct error *e)
{
	for (const char *level = levels; *level; level++) {
		auto_free char *link = NULL;
		int r = find_link(root_fd, *level, script, &link, e);

		if (r > 0)
			r = turn(root_fd, *level, link, kind, script, e);
		else if (r == 0 && number)
			r = put_rc_link(root_fd, *level, kind, number, script, e);
		if (r < 0)
			return -1;
	}
	return 0;
}

int sysv_switch(struct services *services, enum service_verb verb, const char *name, struct error *e)
{
	auto_free char *path = xasprintf("/etc/init.d/%s", name);
	auto_free char *script = NULL;
	char start[16];
	char stop[16];
	int has_levels = root_has(services->root_fd, "/etc/rc2.d", e);
	int r = has_levels > 0 ? root_read(services->root_fd, path, &script, NULL, e) : has_levels;

	if (r <= 0)
		return r;
	read_levels(script, "Default-Start", "2345", start);
	read_levels(script, "Default-Stop", "016", stop);
	if (verb != SERVICE_ENABLE)
		return set_levels(services->root_fd, "S2345", 'K', 0, name, e) < 0 ? -1 : 1;
	if (set_levels(services->root_fd, start, 'S', START_NUMBER, name, e) < 0 ||
	    set_levels(services->root_fd, stop, 'K', STOP_NUMBER, name, e) < 0)
		return -1;
	return 1;
}
