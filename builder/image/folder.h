/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image as a folder, as the daemons keep a container: metadata.yaml, templates/ and rootfs/.
 *
 *	image_unpack(image, "c1", log, e);
 *	…
 *	image_folder_read("c1", &folder, e);
 */
#ifndef IMAGE_FOLDER_H
#define IMAGE_FOLDER_H

#include "base/alloc.h"
#include "image/image.h"

/*
 * Write IMAGE to the folder PATH, which must not exist or be empty, as it is in the image: needs to be root. It appears
 * when it is whole; a failure leaves nothing.
 */
int image_unpack(const struct image *image, const char *path, struct log *log, struct error *e) MUST_CHECK;

struct image_folder {
	struct arena arena;
	int root_fd;          /* owned; rootfs/, or the folder itself when it is a bare root */
	bool is_bare;         /* there is no rootfs/ in it */
	struct text metadata; /* ptr NULL: there is no metadata.yaml */
	struct image_text *templates;
	size_t template_count;
};

#define IMAGE_FOLDER_INIT ((struct image_folder) { .root_fd = -1 })
#define auto_image_folder AUTO(image_folder_release)

int image_folder_read(const char *path, struct image_folder *folder, struct error *e) MUST_CHECK;
void image_folder_release(struct image_folder *folder);

#endif
