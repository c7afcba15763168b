/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upper bounds on what is read from outside, checked before memory is taken for it. Each is far above
 * what real archives and recipes have, and far below what would hurt the machine.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#define KIB (1024ULL)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define LIMIT_RECIPE_BYTES    (4 * MIB) /* the largest published definition has 0.2 MiB */
#define LIMIT_RECIPE_DEPTH    32
#define LIMIT_RECIPE_NODES    200000
#define LIMIT_RECIPE_FILES    64   /* that one recipe is put together from; they share the bounds above */
#define LIMIT_RECIPE_INCLUDES 16   /* files that include each other in a row */
#define LIMIT_RECIPE_MATRIX   1000 /* images that it names in its matrix */
#define LIMIT_RECIPE_PROBLEMS 500
#define LIMIT_RECIPE_CELLS    10000       /* images that its filters name */
#define LIMIT_KEY_BYTES       (4 * MIB)   /* one OpenPGP key or keyring */
#define LIMIT_RECORD_BYTES    (8 * MIB)   /* image.json, SHA256SUMS: of 3000 packages 2.5 MiB */
#define LIMIT_LOCK_BYTES      (32 * MIB)  /* of 3000 packages: 2 MiB */
#define LIMIT_RELEASE_BYTES   (8 * MIB)   /* InRelease, Release: sid's has 0.2 MiB */
#define LIMIT_INDEX_BYTES     (1 * GIB)   /* one decompressed Packages file: sid's main has 60 MiB */
#define LIMIT_PACKAGE_BYTES   (8 * GIB)   /* one .deb */
#define LIMIT_CONTROL_BYTES   (64 * MIB)  /* decompressed control.tar */
#define LIMIT_WINDOW_BYTES    (130 * MIB) /* of a decoder: zstd takes 128 at most, xz -9 has 64 */
#define LIMIT_STANZA_FIELDS   1000        /* of one package; real ones have 40 */
#define LIMIT_PACKAGE_ENTRIES 4000000     /* entries in one data.tar */
#define LIMIT_PATH_BYTES      4096
#define LIMIT_FILE_TEXT_BYTES (16 * MIB) /* a file of the root that is read as text */
#define LIMIT_COPYRIGHT_BYTES (4 * MIB)  /* a copyright file: the largest has 1 MiB */
#define LIMIT_TEMPLATE_BYTES  (4 * MIB)  /* output of one rendered string */

/* What the parts of a package may become, and so many times their own size besides: files of real ones are 20 times. */
#define LIMIT_UNPACKED_BYTES (2 * GIB)
#define LIMIT_UNPACKED_RATIO 50

/* Of images that exist. What one is decompressed to may be so much, and so many times what was read of it. */
#define LIMIT_IMAGE_BYTES          (2 * GIB)
#define LIMIT_IMAGE_RATIO          200
#define LIMIT_IMAGE_ENTRIES        1000000            /* a desktop has 200 000 */
#define LIMIT_IMAGE_FILE_BYTES     (16 * 1024 * GIB)  /* one file, holes and all: what ext4 takes */
#define LIMIT_IMAGE_BLOCKS         (16 * 1024 * 1024) /* of one file of a squashfs */
#define LIMIT_IMAGE_NAME_BYTES     (128 * MIB)        /* of all paths together */
#define LIMIT_IMAGE_DEPTH          200 /* folders in folders: who removes a tree has one open for each */
#define LIMIT_IMAGE_METADATA_BYTES (1 * MIB) /* metadata.yaml: what the daemons read */
#define LIMIT_IMAGE_TEMPLATES      1000
#define LIMIT_IMAGE_TEMPLATE_BYTES (16 * MIB) /* all of them together */

#endif
