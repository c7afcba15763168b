/* SPDX-License-Identifier: Apache-2.0 */
/* CACHE/layers/KEY/manifest: lines "word value", the first of which names the format. */
#ifndef LAYER_MANIFEST_H
#define LAYER_MANIFEST_H

#include "base/digest.h"

struct manifest {
	struct digest key;
	char *title;           /* owned */
	struct digest tree;    /* not set: of a few files, and who takes them knows what they are */
	struct digest product; /* of the text kept with it; not set: there is none */
	uint64_t disk_bytes;
	uint64_t count; /* of files, folders and all else */
	/* What was last seen to be right, and may be seen again without reading every file. */
	struct digest inodes;
	char *boot; /* owned; of this host; empty: not known */
};

#define MANIFEST_INIT ((struct manifest) { .title = NULL })
#define auto_manifest AUTO(manifest_release)

/* From the folder DIR_FD. Errors: ERROR_FORMAT for what is not a whole manifest. */
int manifest_read(int dir_fd, struct manifest *manifest, struct error *e) MUST_CHECK;
/* Nothing is synced: what a crash leaves of it will not be right, and that is seen. */
int manifest_write(int dir_fd, const struct manifest *manifest, struct error *e) MUST_CHECK;
void manifest_release(struct manifest *manifest);

/* A text that is another one after each start of this host; malloc'ed, empty when there is none. */
char *manifest_this_boot(void);

#endif
