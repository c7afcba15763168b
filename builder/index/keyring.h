/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that the image will have by itself. In an image apt trusts what a package brings, such as
 * debian-archive-keyring, on which apt depends; so a recipe that was written for a tool that runs apt inside the
 * image gives the keys of its main archive alone. That package stands in the signed index of the main archive like
 * any other, and so its keys are as good as those of the recipe: but for repositories only.
 */
#ifndef INDEX_KEYRING_H
#define INDEX_KEYRING_H

#include "index/index.h"

#include "base/text.h"

struct fetcher;

/*
 * Append the keys to KEYRING, as gpgv reads them, and say in *DOWNLOAD (its texts in ARENA) from which package: 1; or
 * 0 when the indexes in SET have no such package. Errors: those of fetching and reading it.
 */
int keyring_of_image(const struct index_set *set, struct fetcher *fetcher, struct buffer *keyring,
		     struct arena *arena, struct index_download *download, struct error *e) MUST_CHECK;

#endif
