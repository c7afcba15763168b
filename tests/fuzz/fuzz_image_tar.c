/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an image of one file: the reader of all commands, and the one of verify, which goes on. */
#include "fuzz/fuzz.h"

#include "check/inspect.h"
#include "check/verify.h"
#include "fuzz/image.h"
#include "fuzz/tar.h"
#include "image/image.h"

static void read_image(const char *path)
{
	auto_image struct image *image = NULL;
	struct error e = ERROR_INIT;
	uint64_t left = 1 << 20;

	if (image_open(path, NULL, NULL, &image, &e) < 0 ||
	    tree_visit(image_root(image), read_entry, &left, &e) < 0)
		check_error(&e);
}

static void verify(const char *path)
{
	const struct verify_options options = { .keyring = NULL };
	auto_verify_report struct verify_report report = VERIFY_REPORT_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	struct error e = ERROR_INIT;

	if (verify_image(&options, path, NULL, &report, &e) < 0)
		check_error(&e);
	verify_print(&report, &out);
	verify_print_json(&report, &out);
	assert(!strstr(out.data, "{}"));
}

static void inspect(const char *path)
{
	auto_inspect_report struct inspect_report report = INSPECT_REPORT_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	auto_image struct image *image = NULL;
	struct error e = ERROR_INIT;

	if (image_open(path, NULL, NULL, &image, &e) < 0 || inspect_image(image, &report, &e) < 0) {
		check_error(&e);
		return;
	}
	inspect_print(image, &report, &out);
	inspect_print_json(image, &report, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free uint8_t *mended = xmalloc(size + 1);
	struct memory_file file;

	if (size)
		memcpy(mended, data, size);
	tar_mend(mended, size);
	file = memory_file(mended, size);
	read_image(file.path);
	verify(file.path);
	inspect(file.path);
	close(file.fd);
	return 0;
}
