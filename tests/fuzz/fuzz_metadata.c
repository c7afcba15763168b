/* SPDX-License-Identifier: Apache-2.0 */
/* metadata.yaml of anybody, and every template in it as a template. */
#include "fuzz/fuzz.h"

#include "image/metadata.h"
#include "pongo/instance.h"

#include <assert.h>

static void count(void *context, enum metadata_level level, unsigned line, unsigned column,
		  const char *message)
{
	size_t *mistakes = context;

	assert(*message && (line > 0) == (column > 0));
	*mistakes += level == METADATA_MISTAKE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct text text = { (const char *)data, size };
	auto_metadata struct metadata metadata = METADATA_INIT;
	auto_metadata struct metadata again = METADATA_INIT;
	auto_image_identity struct image_identity identity = IMAGE_IDENTITY_INIT;
	const struct instance_pairs none = { NULL, 0 };
	struct pongo_position where = { 0, 0 };
	struct error e = ERROR_INIT;
	size_t mistakes = 0;

	metadata_examine(text, count, &mistakes, &metadata);
	assert((metadata_read(text, &again, &e) == 0) == (mistakes == 0));
	error_clear(&e);
	assert((image_identity_read(text, &identity, &e) == 0) == (metadata.creation_date != 0));
	if (mistakes == 0)
		assert(metadata.architecture && metadata.creation_date);
	for (size_t i = 0; i < metadata.template_count; i++)
		assert(metadata.templates[i].path && (mistakes || metadata.templates[i].name));
	error_clear(&e);
	(void)!instance_check_template(text, &none, &where, &e);
	return 0;
}
