/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/deb_database.h"

#include "base/root.h"
#include "plan/plan.h"
#include "unpack/deb.h"
#include "unpack/deb_overrides.h"

#include <fcntl.h>
#include <sys/stat.h>

#define CI_PATH              "/var/lib/dpkg/tmp.ci"
#define EXTENDED_STATES_PATH "/var/lib/apt/extended_states"

int deb_database_begin_install(int root_fd, const struct deb_control *control, struct error *e)
{
	auto_deb_status struct deb_status status = DEB_STATUS_INIT;

	if (deb_status_read(root_fd, &status, e) < 0)
		return -1;
	deb_status_put_begun(&status, control);
	return deb_status_write(root_fd, &status, e);
}

int deb_database_write_ci(int root_fd, const struct deb_control *control, struct error *e)
{
	if (deb_database_remove_ci(root_fd, e) < 0 || root_make_dirs(root_fd, CI_PATH, 0755, e) < 0 ||
	    root_write(root_fd, CI_PATH "/control", control->text.ptr, control->text.len, 0644, 0, 0, e) < 0)
		return -1;
	for (size_t i = 0; i < control->member_count; i++) {
		const struct deb_member *member = &control->members[i];
		auto_free char *path = xasprintf(CI_PATH "/%s", member->name);

		if (root_write(root_fd, path, member->data, member->len, member->mode, 0, 0, e) < 0)
			return -1;
	}
	return 0;
}

int deb_database_remove_ci(int root_fd, struct error *e)
{
	return root_remove(root_fd, CI_PATH, e);
}

const char *deb_native_architecture(const struct plan *plan)
{
	const char *found = NULL;

	for (size_t i = 0; i < plan->package_count; i++) {
		const struct plan_package *package = &plan->packages[i];

		if (strcmp(package->architecture, "all") == 0)
			continue;
		if (strcmp(package->name, "dpkg") == 0)
			return package->architecture;
		if (!found)
			found = package->architecture;
	}
	return found;
}

/* apt files packages for all architectures under the image's own. */
static const char *apt_architecture(const struct plan *plan, const struct plan_package *package)
{
	const char *native = deb_native_architecture(plan);

	return strcmp(package->architecture, "all") == 0 && native ? native : package->architecture;
}

/* The stanzas that stand there already and are not of packages in NEW ("name:architecture"). */
static int keep_states(int root_fd, const struct map *new, struct buffer *out, struct error *e)
{
	auto_free char *data = NULL;
	struct arena arena = ARENA_INIT;
	size_t len = 0;
	int r = root_read(root_fd, EXTENDED_STATES_PATH, &data, &len, e);
	struct deb_stanzas stanzas = deb_stanzas_of((struct text) { data, r > 0 ? len : 0 });
	struct deb_field *fields;
	size_t count;

	while (r > 0 && (r = deb_fields_take(&arena, &stanzas, &fields, &count, e)) > 0) {
		struct text name = deb_field_value(fields, count, "Package");
		struct text architecture = deb_field_value(fields, count, "Architecture");
		const char *key = arena_printf(&arena, "%.*s:%.*s", TEXT_ARG(name), TEXT_ARG(architecture));

		if (map_get(new, text_of(key)))
			continue;
		for (size_t i = 0; i < count; i++)
			buffer_addf(out, "%.*s: %.*s\n", TEXT_ARG(fields[i].name), TEXT_ARG(fields[i].value));
		buffer_addc(out, '\n');
	}
	arena_release(&arena);
	return r < 0 ? error_wrap(e, "'" EXTENDED_STATES_PATH "' in the root") : 0;
}

int deb_database_write_extended_states(int root_fd, const struct plan *plan, const size_t *positions,
				       size_t count, struct error *e)
{
	auto_map struct map new = MAP_INIT;
	auto_buffer struct buffer text = BUFFER_INIT;
	struct arena arena = ARENA_INIT;
	int r;

	for (size_t i = 0; i < count; i++) {
		const struct plan_package *package = &plan->packages[positions[i]];
		const char *key =
			arena_printf(&arena, "%s:%s", package->name, apt_architecture(plan, package));

		map_put(&new, text_of(key), &arena);
	}
	r = keep_states(root_fd, &new, &text, e);
	for (size_t i = 0; i < count; i++) {
		const struct plan_package *package = &plan->packages[positions[i]];

		if (package->automatic)
			buffer_addf(&text, "Package: %s\nArchitecture: %s\nAuto-Installed: 1\n\n",
				    package->name, apt_architecture(plan, package));
	}
	if (r == 0 && text.len)
		r = root_make_dirs(root_fd, "/var/lib/apt", 0755, e);
	if (r == 0)
		r = text.len ? root_write(root_fd, EXTENDED_STATES_PATH, text.data, text.len, 0644, 0, 0, e)
			     : root_remove(root_fd, EXTENDED_STATES_PATH, e);
	arena_release(&arena);
	return r;
}

static int give_folder(int root_fd, const char *path, uid_t uid, struct error *e)
{
	auto_close int fd = -1;
	int r = root_try_open(root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, &fd, e);

	if (r <= 0)
		return r;
	if (fchown(fd, uid, 0) < 0 || fchmod(fd, 0700) < 0)
		return error_sys(e, "cannot give '%s' in the root to apt", path);
	return 0;
}

int deb_database_give_to_apt(int root_fd, struct error *e)
{
	static const char *const folders[] = { "/var/lib/apt/lists/partial",
					       "/var/cache/apt/archives/partial" };
	auto_deb_overrides struct deb_overrides overrides = DEB_OVERRIDES_INIT;
	uid_t uid = 0;
	gid_t gid = 0;

	if (deb_overrides_read(root_fd, NULL, &overrides, e) < 0)
		return -1;
	deb_overrides_owner(&overrides, "_apt", NULL, &uid, &gid);
	for (size_t i = 0; uid != 0 && i < ARRAY_LEN(folders); i++)
		if (give_folder(root_fd, folders[i], uid, e) < 0)
			return -1;
	return 0;
}
