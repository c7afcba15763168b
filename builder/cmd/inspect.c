/* SPDX-License-Identifier: Apache-2.0 */
/* kiln inspect: what an image is, and where its space goes. */
#include "cmd/cmd.h"

#include "check/inspect.h"
#include "check/verify_beside.h"

int cmd_inspect(const struct settings *settings, struct error *e)
{
	const char *rootfs = settings->arguments.count > 1 ? settings->arguments.items[1] : NULL;
	auto_image struct image *image = NULL;
	auto_inspect_report struct inspect_report report = INSPECT_REPORT_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;

	if (image_open(settings->arguments.items[0], rootfs, settings->log, &image, e) < 0 ||
	    inspect_image(image, &report, e) < 0)
		return -1;
	report.unverified = is_unverified_beside(settings->arguments.items[0]);
	if (settings->json)
		inspect_print_json(image, &report, &out);
	else
		inspect_print(image, &report, &out);
	return print_data(out.data, out.len, e);
}
