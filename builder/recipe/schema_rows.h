/* SPDX-License-Identifier: Apache-2.0 */
/* The columns that rows of the format's tables share, for the files that hold such tables. */
#ifndef RECIPE_SCHEMA_ROWS_H
#define RECIPE_SCHEMA_ROWS_H

#include "recipe/schema.h"

#define STATIC_WORDS(name, ...) \
	static const char *const name##_words[] = { __VA_ARGS__ }; \
	static const struct schema_words name = { name##_words, ARRAY_LEN(name##_words) }

#define SECTION_FIELDS(name) name##_fields, ARRAY_LEN(name##_fields)
#define SECTION(name, type_place) \
	static const struct schema_section name = { SECTION_FIELDS(name), type_place, NULL }

/* One with rules between its keys, which CHECK knows. */
#define SECTION_WITH(name, type_place, check) \
	static const struct schema_section name = { SECTION_FIELDS(name), type_place, check }

#define AT(type, member)    .offset = offsetof(struct type, member)
#define PLACE(type, member) .place = offsetof(struct type, member)
#define COUNT(type, member) .count = offsetof(struct type, member)

/* Every list entry that may be limited to some images has these four keys. */
/* clang-format off */
#define FILTER(owner) \
	{ "releases", SCHEMA_TEXTS, .filter = FILTER_RELEASES, AT(owner, filter.releases), \
	  PLACE(owner, filter.releases_place), .about = "Only for these releases" }, \
	{ "architectures", SCHEMA_TEXTS, .filter = FILTER_ARCHITECTURES, AT(owner, filter.architectures), \
	  PLACE(owner, filter.architectures_place), \
	  .about = "Only for these architectures, as the distribution names them" }, \
	{ "variants", SCHEMA_TEXTS, .filter = FILTER_VARIANTS, AT(owner, filter.variants), \
	  .about = "Only for these variants" }, \
	{ "types", SCHEMA_TEXTS, .filter = FILTER_TYPES, AT(owner, filter.types), .words = &schema_types, \
	  .about = "Only for these types of image" }
/* clang-format on */

#endif
