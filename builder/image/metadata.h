/* SPDX-License-Identifier: Apache-2.0 */
/* The little of metadata.yaml that somebody needs who packs an image again. */
#ifndef IMAGE_METADATA_H
#define IMAGE_METADATA_H

#include "base/text.h"

struct image_identity {
	int64_t creation_s;
	char *name; /* owned; properties.name, or NULL */
};

#define IMAGE_IDENTITY_INIT ((struct image_identity) { 0, NULL })
#define auto_image_identity AUTO(image_identity_release)

/* Errors: ERROR_FORMAT, "metadata.yaml: …": no YAML, or no creation_date, which the daemons refuse. */
int image_identity_read(struct text metadata, struct image_identity *out, struct error *e) MUST_CHECK;
void image_identity_release(struct image_identity *identity);

#endif
