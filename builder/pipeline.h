/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stages in their order: recipe → index → plan → fetch → unpack → configure → customize → pack →
 * evidence. Each takes the products of earlier ones and makes its own; only this module sees them all.
 */
#ifndef PIPELINE_H
#define PIPELINE_H

#include "base/log.h"
#include "base/meter.h"
#include "check/lint.h"
#include "evidence/sign.h"
#include "pack/pack.h"
#include "sandbox/isolation.h"

#include <stdbool.h>

struct recipe_cell;

enum stage {
	STAGE_RECIPE,
	STAGE_INDEX,
	STAGE_PLAN,
	STAGE_FETCH,
	STAGE_UNPACK,
	STAGE_CONFIGURE,
	STAGE_CUSTOMIZE,
	STAGE_PACK,
	STAGE_EVIDENCE,
	STAGE_COUNT,
};

struct build_options {
	const char *recipe_path;        /* a file, or "-" for standard input */
	const struct recipe_cell *cell; /* of its matrix; NULL: the image that it describes itself */
	const char *const *overrides;   /* -o key=value */
	size_t override_count;
	const char *const *mirrors; /* --mirror: URL, FROM=TO or "none" */
	size_t mirror_count;
	const char *lock_path; /* of a lock, or an image.json, whose packages are taken; NULL: none */
	const char *output_dir;
	const char *cache_dir;      /* NULL: the user's */
	uint64_t payload_max_bytes; /* of unpacked packages that the cache keeps; 0: none */
	const char *work_dir;       /* NULL: memory, or the cache where that is too small */
	unsigned formats;           /* enum pack_format */
	struct pack_compression compression[PACK_FORMAT_COUNT];
	unsigned evidence;      /* enum evidence_kind */
	const char *builder_id; /* NULL: nobody in particular */
	struct signing signing;
	bool offline;
	bool layers; /* begin with the layers of earlier builds, and keep new ones */
	enum isolation isolation;
	unsigned sharers; /* builds that run at once and share the memory of this host; 0: this one alone */
	const char *const *allowed; /* --allow: rules of kiln lint that the image may break */
	size_t allowed_count;
	enum lint_severity fail_on; /* what kiln lint must not find */
	bool no_lint;
	enum stage until; /* the last stage to run */
	struct log *log;
};

/* What a build made, for whoever prints it. Borrowed from the build. */
struct build_result {
	const struct artefacts *artefacts;
	const struct meter_report *spent;
};

struct build;

struct build *build_open(const struct build_options *options);
/* Run the stages up to options->until. */
int build_run(struct build *build, struct error *e) MUST_CHECK;
/* What a build learns of the archives that it reaches. */
struct build_reach {
	char *address;    /* owned; of the main one, where it is fetched from, without credentials */
	size_t count;     /* of them all */
	int64_t newest_s; /* when the newest was made */
};

/*
 * Of a build up to STAGE_RECIPE: ask its archives for their Release files, chosen and verified as the next stage does,
 * but with CACHE_DIR for a cache and no patience. *reach is filled as far as it is known, also on failure.
 */
int build_reach(struct build *build, const char *cache_dir, struct build_reach *reach, struct error *e)
	MUST_CHECK;
void build_reach_release(struct build_reach *reach);
/* Of such a build, too: ERROR_UNSUPPORTED when this host cannot run programs for the image's processor. */
int build_check_processor(const struct build *build, struct error *e) MUST_CHECK;

/* Of a build up to STAGE_PLAN without a lock: the text of the lock that would make it again, malloc'ed. */
int build_lock(struct build *build, char **text, struct error *e) MUST_CHECK;
const struct plan *build_plan(const struct build *build);
void build_result(const struct build *build, struct build_result *result);
/* The text of image.json, malloc'ed; of a build that stopped early the part of it that is known. */
int build_record(const struct build *build, char **text, struct error *e) MUST_CHECK;
void build_close(struct build *build); /* NULL is fine */
static inline void auto_build_(struct build **build)
{
	build_close(*build);
}
#define auto_build AUTO(auto_build_)

/* The cache folder: CHOSEN, or the user's when that is NULL; malloc'ed. */
char *build_cache_dir(const char *chosen);

/* "plan" and the like; NULL for STAGE_COUNT. */
const char *stage_name(enum stage stage);
int stage_parse(const char *word, enum stage *stage, struct error *e) MUST_CHECK;

#endif
