/* SPDX-License-Identifier: Apache-2.0 */
/* kiln unpack: an image as a folder. */
#include "cmd/cmd.h"

#include "image/folder.h"
#include "sandbox/privilege.h"

int cmd_unpack(const struct settings *settings, struct error *e)
{
	const char *const *arguments = settings->arguments.items;
	size_t count = settings->arguments.count;
	auto_image struct image *image = NULL;

	/* Files get their owners. */
	if (privilege_obtain_files(settings->log, e) < 0)
		return error_wrap(e, "cannot unpack");
	if (image_open(arguments[0], count > 2 ? arguments[1] : NULL, settings->log, &image, e) < 0)
		return -1;
	return image_unpack(image, arguments[count - 1], settings->log, e);
}
