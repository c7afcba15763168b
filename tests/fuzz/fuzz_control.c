/* SPDX-License-Identifier: Apache-2.0 */
/* A control file of any bytes; what follows a NUL is conffiles, and what follows another one triggers. */
#include "fuzz/fuzz.h"

#include "unpack/deb_control.h"

#include <assert.h>

static struct text cut(const char **next, const char *end)
{
	const char *nul = memchr(*next, '\0', (size_t)(end - *next));
	struct text part = { *next, (size_t)((nul ? nul : end) - *next) };

	*next = nul ? nul + 1 : end;
	return part;
}

static void add(struct deb_control *control, const char *name, struct text text)
{
	struct deb_member member = {
		.name = name,
		.data = arena_strndup(&control->arena, text.ptr, text.len),
		.len = text.len,
	};

	ARENA_PUSH(&control->arena, control->members, control->member_count, member);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *copy = xmalloc(size);
	auto_deb_control struct deb_control control = DEB_CONTROL_INIT;
	const char *next = copy;
	struct error e = ERROR_INIT;

	if (size)
		memcpy(copy, data, size);

	struct text text = cut(&next, copy + size);

	add(&control, "conffiles", cut(&next, copy + size));
	add(&control, "triggers", cut(&next, copy + size));
	if (deb_control_parse(text, &control, &e) < 0) {
		assert(e.kind == ERROR_FORMAT && e.text[0]);
		return 0;
	}
	assert(control.package && control.version && control.architecture && control.info_name);
	for (size_t i = 0; i < control.conffile_count; i++)
		assert(control.conffiles[i].path[0] == '/' && !strstr(control.conffiles[i].path, "/../"));
	for (size_t i = 0; i < control.trigger_count; i++)
		assert(control.triggers[i].name[0] == '/' || !strchr(control.triggers[i].name, '/'));
	return 0;
}
