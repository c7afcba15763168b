/* SPDX-License-Identifier: Apache-2.0 */
/* What convert and pack share: image files from a tree and metadata that exist already. */
#ifndef CMD_ARTEFACTS_H
#define CMD_ARTEFACTS_H

#include "cmd/cmd.h"
#include "image/image.h"
#include "pack/pack.h"

/* The lines that say what was packed, below FOLDER. */
void artefacts_print_lines(const struct artefacts *artefacts, const char *folder, struct buffer *out);

/* "unified,split" and "zstd-19"; NULL: as kiln build has it. */
int artefacts_parse(const char *format, const char *compression, struct pack_options *options,
		    struct error *e) MUST_CHECK;

/* metadata.yaml and templates/ as they are, for an image whose files are called NAME. All is borrowed. */
struct pack_metadata artefacts_metadata(struct arena *arena, const char *name, struct text yaml,
					const struct image_text *templates, size_t template_count);

/* Write the image of GIVEN to the folder of --output, with SHA256SUMS, and print what was written. */
int artefacts_write(const struct settings *settings, const struct pack_options *given, struct error *e)
	MUST_CHECK;

#endif
