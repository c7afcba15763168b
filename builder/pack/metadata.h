/* SPDX-License-Identifier: Apache-2.0 */
/* metadata.yaml of LXD's and Incus' image format, with the keys and properties that the field's builders write. */
#ifndef PACK_METADATA_H
#define PACK_METADATA_H

#include "pack/pack.h"

#include "base/text.h"

/* NAME: the image's. Errors: ERROR_RECIPE for a text that is no UTF-8. */
int metadata_make(const struct pack_options *options, const char *name, struct buffer *out, struct error *e)
	MUST_CHECK;

#endif
