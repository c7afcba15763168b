/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Package families: the functions that each stage calls for one. A family is a file of its name in every
 * stage's folder (plan/deb.c, unpack/deb.c …) and one row here. What a function promises stands in its
 * stage's header.
 */
#ifndef FAMILY_H
#define FAMILY_H

#include <stdbool.h>
#include <stddef.h>

struct customize_site;
struct error;
struct fetcher;
struct index_options;
struct index_set;
struct inventory;
struct layer_key;
struct log;
struct plan;
struct plan_step;
struct recipe;
struct sandbox;
struct unpack_site;

struct family {
	const char *name;
	const char *downloader; /* source.downloader that selects it */
	const char *manager;    /* packages.manager that belongs to it */
	int (*addresses)(const struct recipe *, char ***addresses, size_t *count, struct error *);
	int (*index)(const struct recipe *, const struct index_options *, struct fetcher *, struct log *,
		     struct index_set *, struct error *);
	int (*plan)(const struct recipe *, const struct index_set *, struct plan *, struct error *);
	int (*check_host)(const struct plan *, struct error *);
	const char *(*scripted)(const struct plan *, const struct plan_step *);
	int (*unpack_prepare)(const struct unpack_site *, struct error *);
	int (*unpack_step)(const struct unpack_site *, const struct plan_step *, struct error *);
	int (*configure_step)(const struct unpack_site *, const struct sandbox *, const struct plan_step *,
			      struct error *);
	int (*repositories)(const struct customize_site *, struct error *);
	int (*inventory)(int root_fd, const struct plan *, bool whole, struct inventory *, struct error *);
	int (*describe_repositories)(const struct customize_site *, struct layer_key *, struct error *);
};

/* The family of a selected recipe; never NULL, as recipe_select() refuses what has none. */
const struct family *family_of(const struct recipe *recipe);

#endif
