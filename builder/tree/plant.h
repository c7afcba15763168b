/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries → files below a folder of the host, with owners, modes, times, attributes and hard links: what walk.h
 * reads. For root, as only root may give files away.
 *
 *	plant_open(folder_fd, &plant);
 *	plant_entry(plant, &entry, mtime_s, e);     for each entry: a folder before what it holds
 *	plant_write(plant, data, len, e); …         its content, if it has any
 *	plant_end_file(plant, e);
 *	…
 *	plant_finish(plant, e);
 *
 * The folder is empty and nobody else writes to it. Nothing is followed, not even a link that was planted itself: an
 * entry whose folder is none is refused, and so is one that is there already.
 */
#ifndef TREE_PLANT_H
#define TREE_PLANT_H

#include "tree/tree.h"

struct plant;

/* FOLDER_FD is borrowed; it becomes the root. */
void plant_open(int folder_fd, struct plant **out);
/* Errors: ERROR_FORMAT for a path that cannot be; ERROR_SYSTEM, ERROR_SPACE. None of them names the path. */
int plant_entry(struct plant *plant, const struct tree_entry *entry, int64_t mtime_s, struct error *e)
	MUST_CHECK;
/* Long runs of zeros become holes. */
int plant_write(struct plant *plant, const void *data, size_t len, struct error *e) MUST_CHECK;
int plant_hole(struct plant *plant, uint64_t len, struct error *e) MUST_CHECK;
int plant_end_file(struct plant *plant, struct error *e) MUST_CHECK;
/* The folders get what they have, from the last to the first. */
int plant_finish(struct plant *plant, struct error *e) MUST_CHECK;
void plant_close(struct plant *plant); /* NULL is fine */
static inline void auto_plant_(struct plant **plant)
{
	plant_close(*plant);
}
#define auto_plant AUTO(auto_plant_)

#endif
