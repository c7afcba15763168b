/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What LXD and Incus give the templates of an image when they render them in an instance:
 *
 *	trigger              create, copy, start or rename; of a type of its own, so that trigger == "create" is false
 *	path                 of the file that is written
 *	instance, container  the same map twice: name, type, architecture, ephemeral, privileged; all are texts
 *	config               the instance's configuration, profiles included
 *	devices              its devices by name, each a map
 *	properties           those of the template, in metadata.yaml
 *	config_get(k, d)     config's value of k without the line ends behind it, or d where there is none
 *
 * Keys with a dot in them are reached by config_get() alone (and by config["user.x"] in Incus).
 */
#ifndef PONGO_INSTANCE_H
#define PONGO_INSTANCE_H

#include "pongo/pongo.h"

struct instance_pair {
	const char *device; /* of what it is a key; NULL but for devices */
	const char *key;
	const char *value;
};

struct instance_pairs {
	const struct instance_pair *items;
	size_t count;
};

struct instance {
	const char *name;
	const char *type; /* "container" or "virtual-machine" */
	const char *architecture;
	bool is_ephemeral;
	bool is_privileged;
	const char *trigger;
	const char *path;
	struct instance_pairs config;
	struct instance_pairs devices;
	struct instance_pairs properties;
};

/* The scope in which INSTANCE, which is borrowed, renders its templates; it lives as long as ARENA. */
struct pongo_scope instance_scope(struct arena *arena, const struct instance *instance);

/*
 * Look through a template of an image before any instance meets it: 0 when both daemons take it, 1 when an instance
 * may get something else than was meant, with the reason in *e; -1 when no instance could start. *where is set
 * with *e. What is reason enough for 1: only one of the daemons takes it; a name that neither gives; a rendering
 * for an instance without configuration fails.
 */
int instance_check_template(struct text text, const struct instance_pairs *properties,
			    struct pongo_position *where, struct error *e) MUST_CHECK;

#endif
