/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kiln plan RECIPE --json for many recipes that use the same archives: the indexes are read once, then there is
 * a process for each line of standard input, which names a recipe. What it prints and its exit status are those
 * of kiln plan.
 *
 *	many_plans RECIPE CACHE
 */
#include "fetch/fetch.h"
#include "index/index.h"
#include "parity/serve.h"
#include "plan/deb_plan.h"
#include "recipe/recipe.h"

#include <stdio.h>

static int load(const char *path, const char *cache, struct index_set *set, struct error *e)
{
	struct recipe_options options = { .path = path };
	struct fetch_options fetch = { .cache_dir = cache };
	FILE *nowhere = fopen("/dev/null", "w"); /* for warnings: an archive may be old */
	auto_recipe struct recipe recipe = RECIPE_INIT;
	auto_fetcher struct fetcher *fetcher = NULL;
	struct log log;
	int r;

	if (!nowhere)
		return error_sys(e, "cannot open '/dev/null'");
	log_init(&log, LOG_QUIET, nowhere);
	fetch.log = &log;
	r = recipe_load(&options, &recipe, e);
	if (r == 0)
		r = recipe_select(&recipe, e);
	if (r == 0)
		r = fetcher_open(&fetch, &fetcher, e);
	if (r == 0)
		r = deb_index_refresh(&recipe, &(struct index_options) { .older = NULL }, fetcher, &log, set,
				      e);
	log_release(&log);
	fclose(nowhere);
	return r;
}

static int print_plan(const char *path, struct deb_index *index, struct error *e)
{
	struct recipe_options options = { .path = path };
	auto_recipe struct recipe recipe = RECIPE_INIT;
	auto_plan struct plan plan = PLAN_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;

	if (recipe_load(&options, &recipe, e) < 0 || recipe_select(&recipe, e) < 0 ||
	    deb_plan_choose(&recipe, index, &plan, e) < 0)
		return -1;
	plan_print_json(&plan, &out);
	fwrite(out.data, 1, out.len, stdout);
	return fflush(stdout) == 0 ? 0 : error_sys(e, "cannot write");
}

static int serve_plans(const char *path, const char *cache, struct error *e)
{
	auto_index_set struct index_set set = INDEX_SET_INIT;
	auto_deb_index struct deb_index index = DEB_INDEX_INIT;
	auto_free char *line = NULL;

	if (load(path, cache, &set, e) < 0 ||
	    deb_index_scan(&index, &set, set.file_count ? set.files[0].architecture : "", e) < 0)
		return -1;
	line = serve();
	return print_plan(line, &index, e);
}

int main(int argc, char **argv)
{
	struct error e = ERROR_INIT;

	if (argc != 3) {
		fputs("usage: many_plans RECIPE CACHE\n", stderr);
		return ERROR_USAGE;
	}
	if (serve_plans(argv[1], argv[2], &e) < 0)
		fprintf(stderr, "kiln: %s\n", e.text);
	return (int)e.kind;
}
