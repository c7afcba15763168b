/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of an archive → files below a root. Folders on the way are resolved by root.h's rules, so links in
 * them (merged /usr) are followed inside the root and nothing leaves it; the last part of a path is never
 * followed. Owner, mode, time and attributes come out right whatever the umask and the user are.
 *
 * One placer serves one thread; it keeps the folders it used last open. Several may work on one root.
 * Who may write where is not decided here: see deb_paths.h.
 */
#ifndef UNPACK_PLACE_H
#define UNPACK_PLACE_H

#include "tree/untar.h"

#include "base/digest.h"

#include <sys/stat.h>

enum { PLACER_DIRS = 16 };

/* An open folder. Its device and inode name it, whatever links led to it. */
struct place_dir {
	int fd; /* O_PATH */
	dev_t device;
	ino_t inode;
	bool passes_group; /* set-group-id: what is created in it gets its group */
	char *path;        /* owned; as it was asked for */
	size_t path_len;
	uint64_t used; /* for finding the one not used for longest */
};

struct placer {
	int root_fd; /* borrowed */
	uid_t uid;   /* whom new files belong to */
	gid_t gid;
	uint64_t clock;
	unsigned number; /* tells the temporary names of placers at work apart */
	struct place_dir dirs[PLACER_DIRS];
};

#define auto_placer AUTO(placer_release)

void placer_init(struct placer *placer, int root_fd, unsigned number);
void placer_release(struct placer *placer);
/* Forget the open folders: some path may lead elsewhere now. */
void placer_forget(struct placer *placer);

/*
 * The folder that holds PATH's last part, and that part: 1, or 0 when there is no such folder. *dir is
 * valid for the next PLACER_DIRS - 1 calls.
 */
int placer_parent(struct placer *placer, const char *path, const struct place_dir **dir, const char **name,
		  struct error *e) MUST_CHECK;

/* Create folder NAME (0755, the builder's own): 1; 0 when it, or a link to one inside the root, is there. */
int placer_make_dir(struct placer *placer, const struct place_dir *dir, const char *name, const char *path,
		    struct error *e) MUST_CHECK;

/*
 * Create ENTRY, anything but a folder or a hard link, as NAME. What is there goes: at once, by a rename, when
 * REPLACE says that something is to be expected. CONTENT feeds a regular file; MD5 (or NULL) receives its digest.
 */
int placer_create(struct placer *placer, const struct place_dir *dir, const char *name,
		  const struct entry *entry, bool replace, struct tar *content, char md5[MD5_HEX_LEN + 1],
		  struct error *e) MUST_CHECK;

/* Give FROM_NAME in FROM the further name NAME: 1, or 0 when there is nothing of that name. */
int placer_link(struct placer *placer, const struct place_dir *from, const char *from_name,
		const struct place_dir *dir, const char *name, struct error *e) MUST_CHECK;

/* Read the content of ENTRY, a regular file that goes nowhere, for its MD5. */
int placer_digest(const struct entry *entry, struct tar *content, char md5[MD5_HEX_LEN + 1], struct error *e)
	MUST_CHECK;
/* Whether the regular file NAME holds exactly what CONTENT brings: 1 or 0. Reads CONTENT to its end. */
int placer_compare(const struct place_dir *dir, const char *name, const struct entry *entry,
		   struct tar *content, char md5[MD5_HEX_LEN + 1], struct error *e) MUST_CHECK;

/* Set what tar says about the folder PATH; a link in PATH's last part is left alone. */
int place_dir_attributes(int root_fd, const char *path, const struct entry *entry, struct error *e)
	MUST_CHECK;
/* The folder PATH, or the one that a link there leads to, was changed now. One that is gone is none. */
int place_dir_renew(int root_fd, const char *path, struct error *e) MUST_CHECK;

#endif
