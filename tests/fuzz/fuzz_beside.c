/* SPDX-License-Identifier: Apache-2.0 */
/* What lies beside an image: image.json, then SHA256SUMS; and the texts that a layer keeps of templates, as JSON. */
#include "fuzz/fuzz.h"

#include "check/diff.h"
#include "check/verify_beside.h"
#include "customize/customize.h"
#include "fuzz/ground.h"

static void verify(const struct ground *ground)
{
	const struct verify_options options = { .keyring = NULL };
	auto_verify_report struct verify_report report = VERIFY_REPORT_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	auto_free char *folder = xasprintf("%s/in", ground->path);
	auto_free char *path = xasprintf("%s/x.tar", folder);
	const char *handled[] = { "x.tar" };
	struct error e = ERROR_INIT;

	report.files[0].path = path;
	report.file_count = 1;
	if (verify_beside(&options, &report, &e) < 0 || verify_sums(folder, handled, 1, &report, &e) < 0)
		check_ground_error(&e);
	verify_print_json(&report, &out);
}

static void compare(const struct ground *ground)
{
	auto_free char *path = xasprintf("%s/in/image.json", ground->path);
	auto_diff_side struct diff_side side = DIFF_SIDE_INIT;
	struct error e = ERROR_INIT;

	if (diff_side_read(path, NULL, &side, &e) < 0)
		check_ground_error(&e);
}

static void read_templates(struct text text)
{
	auto_image_templates struct image_templates templates = IMAGE_TEMPLATES_INIT;
	struct error e = ERROR_INIT;

	if (image_templates_read(text.ptr, text.len, &templates, &e) < 0) {
		check_ground_error(&e);
		return;
	}

	auto_free char *once = NULL;
	auto_image_templates struct image_templates again = IMAGE_TEMPLATES_INIT;
	auto_free char *twice = NULL;

	assert(image_templates_write(&templates, &once, &e) == 0);
	assert(image_templates_read(once, strlen(once), &again, &e) == 0);
	assert(image_templates_write(&again, &twice, &e) == 0 && strcmp(once, twice) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *copy = xmalloc(size);
	struct text rest = { copy, size };
	struct text record;
	struct ground ground;

	if (size)
		memcpy(copy, data, size);
	record = next_part(&rest);
	ground_open(&ground);
	ground_write(&ground, "/x.tar", (struct text) { "", 0 });
	ground_write(&ground, "/image.json", record);
	if (rest.ptr)
		ground_write(&ground, "/SHA256SUMS", rest);
	verify(&ground);
	compare(&ground);
	read_templates(record);
	ground_close(&ground);
	return 0;
}
