/* SPDX-License-Identifier: Apache-2.0 */
/* kiln cache: what builds keep for each other, and getting rid of it. */
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "fetch/inventory.h"
#include "layer/layer.h"
#include "pipeline.h"
#include "sandbox/privilege.h"

#include <jansson.h>

enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S };

/* All files of one kind. */
struct summary {
	size_t count;
	uint64_t size_bytes;
	int64_t oldest_s; /* of the one that was not used for longest */
};

/* What the command line asks for. */
struct request {
	char *cache_dir; /* owned */
	int cache_fd;    /* owned; -1 while there is no such folder */
	bool trim;
	bool kinds[CACHE_KINDS];
	uint64_t keep_bytes;
	int64_t oldest_s;
};

static void request_release(struct request *request)
{
	free(request->cache_dir);
	auto_close_(&request->cache_fd);
}

static int choose_kind(struct request *request, const char *word, struct error *e)
{
	auto_buffer struct buffer names = BUFFER_INIT;

	for (size_t i = 0; i < CACHE_KINDS; i++) {
		const char *name = cache_kind_name((enum cache_kind)i);

		if (strcmp(word, name) == 0) {
			request->kinds[i] = true;
			return 0;
		}
		buffer_addf(&names, "%s%s", i ? ", " : "", name);
	}
	return error_set(e, ERROR_USAGE, "kiln cache trim: unknown kind '%s' (possible: %s)", word,
			 names.data);
}

static int parse_bounds(const struct settings *settings, struct request *request, struct error *e)
{
	uint64_t days;

	if (!settings->keep && !settings->older_than)
		return error_set(e, ERROR_USAGE,
				 "kiln cache trim: say what may go by --keep SIZE or --older-than DAYS");
	if (settings->keep && !text_to_size(text_of(settings->keep), &request->keep_bytes))
		return error_set(e, ERROR_USAGE, "--keep: '%s' is no size (such as 500M or 2G)",
				 settings->keep);
	if (!settings->older_than)
		return 0;
	if (!text_to_u64(text_of(settings->older_than), &days) || days > INT32_MAX)
		return error_set(e, ERROR_USAGE, "--older-than: '%s' is no number of days",
				 settings->older_than);
	request->oldest_s = epoch_now() - (int64_t)days * DAY_S;
	return 0;
}

static int parse_request(const struct settings *settings, struct request *request, struct error *e)
{
	const struct words *words = &settings->arguments;

	request->trim = words->count > 0;
	if (words->count && strcmp(words->items[0], "trim") != 0)
		return error_set(e, ERROR_USAGE, "kiln cache: unknown word '%s' (possible: trim)",
				 words->items[0]);
	if (!request->trim && (settings->keep || settings->older_than))
		return error_set(e, ERROR_USAGE, "--%s is for kiln cache trim",
				 settings->keep ? "keep" : "older-than");
	for (size_t i = 1; i < words->count; i++)
		if (choose_kind(request, words->items[i], e) < 0)
			return -1;
	/* Small, and what they are for is to be remembered: they go only when they are named. */
	for (size_t i = 0; words->count <= 1 && i < CACHE_KINDS; i++)
		request->kinds[i] = !request->trim || i != CACHE_DATES;
	return request->trim ? parse_bounds(settings, request, e) : 0;
}

/* "12 min ago", "5 h ago", "3 days ago". */
static void add_age(struct buffer *out, int64_t used_s)
{
	int64_t age_s = epoch_now() - used_s;

	if (used_s == 0)
		buffer_adds(out, "never");
	else if (age_s < 2 * HOUR_S)
		buffer_addf(out, "%lld min ago", (long long)(age_s > 0 ? age_s / 60 : 0));
	else if (age_s < 2 * DAY_S)
		buffer_addf(out, "%lld h ago", (long long)(age_s / HOUR_S));
	else
		buffer_addf(out, "%lld days ago", (long long)(age_s / DAY_S));
}

static void summarise(const struct cache_items *items, struct summary summaries[CACHE_KINDS])
{
	for (size_t i = 0; i < items->count; i++) {
		const struct cache_item *item = &items->items[i];
		struct summary *summary = &summaries[item->kind];

		if (summary->count == 0 || item->used_s < summary->oldest_s)
			summary->oldest_s = item->used_s;
		summary->count++;
		summary->size_bytes += item->size_bytes;
	}
}

static void print_summaries(const char *cache_dir, const struct summary summaries[CACHE_KINDS],
			    struct buffer *out)
{
	uint64_t total_bytes = 0;

	for (size_t i = 0; i < CACHE_KINDS; i++) {
		const struct summary *summary = &summaries[i];

		total_bytes += summary->size_bytes;
		buffer_addf(out, "%-10s %6zu %12s", cache_kind_name((enum cache_kind)i), summary->count,
			    human_size(summary->size_bytes).text);
		if (summary->count) {
			buffer_adds(out, "  oldest used ");
			add_age(out, summary->oldest_s);
		}
		buffer_addc(out, '\n');
	}
	buffer_addf(out, "%-17s %12s  %s\n", "all", human_size(total_bytes).text, cache_dir);
}

static json_t *json_of_summaries(const struct summary summaries[CACHE_KINDS])
{
	json_t *list = json_array();

	for (size_t i = 0; i < CACHE_KINDS; i++) {
		const struct summary *summary = &summaries[i];
		json_t *item =
			json_pack("{s:s, s:I, s:I}", "kind", cache_kind_name((enum cache_kind)i), "count",
				  (json_int_t)summary->count, "size", (json_int_t)summary->size_bytes);

		if (summary->count)
			json_object_set_new(item, "oldest_use", json_integer(summary->oldest_s));
		json_array_append_new(list, item);
	}
	return list;
}

/* To look at the rest nobody has to be the one whose layers they are. */
static int read_layers(const struct settings *settings, const struct request *request,
		       struct layer_list *layers, struct error *e)
{
	struct error failure = ERROR_INIT;

	if (layer_list_read(request->cache_dir, layers, &failure) == 0)
		return 0;
	if (request->trim) {
		*e = failure;
		return -1;
	}
	log_warn(settings->log, "layers are not shown: %s", failure.text);
	return 0;
}

/* Everything of the kinds that REQUEST names; LAYERS, too, when they are among them. */
static int read_items(const struct settings *settings, const struct request *request,
		      struct cache_items *items, struct layer_list *layers, struct error *e)
{
	if (request->cache_fd < 0)
		return 0;
	for (size_t i = 0; i < CACHE_KINDS; i++)
		if (request->kinds[i] && cache_items_add(items, request->cache_fd, (enum cache_kind)i, e) < 0)
			return -1;
	if (request->kinds[CACHE_LAYERS] && read_layers(settings, request, layers, e) < 0)
		return -1;
	for (size_t i = 0; i < layers->count; i++) {
		struct cache_item item = {
			.kind = CACHE_LAYERS,
			.path = xstrdup(digest_hex(&layers->items[i].key).text),
			.size_bytes = layers->items[i].size_bytes,
			.used_s = layers->items[i].used_s,
		};

		PUSH(items->items, items->count, item);
	}
	return 0;
}

static void print_layers(const struct layer_list *layers, struct buffer *out)
{
	if (layers->count)
		buffer_adds(out, "\nlayers, the one used last first\n");
	for (size_t i = 0; i < layers->count; i++) {
		const struct layer_info *layer = &layers->items[i];
		auto_free char *title = xstrdup(layer->title);

		text_make_printable(title);
		buffer_addf(out, "%.12s %16s  ", digest_hex(&layer->key).text,
			    human_size(layer->size_bytes).text);
		if (layer->in_use)
			buffer_adds(out, "in use");
		else
			add_age(out, layer->used_s);
		buffer_addf(out, "  %s\n", title);
	}
}

static json_t *json_of_layers(const struct layer_list *layers)
{
	json_t *list = json_array();

	for (size_t i = 0; i < layers->count; i++) {
		const struct layer_info *layer = &layers->items[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:b}", "key",
						      digest_hex(&layer->key).text, "title", layer->title,
						      "size", (json_int_t)layer->size_bytes, "used",
						      (json_int_t)layer->used_s, "in_use", layer->in_use));
	}
	return list;
}

static int show(const struct settings *settings, const struct request *request, struct error *e)
{
	auto_cache_items struct cache_items items = CACHE_ITEMS_INIT;
	AUTO(layer_list_release) struct layer_list layers = { NULL, 0 };
	auto_buffer struct buffer out = BUFFER_INIT;
	struct summary summaries[CACHE_KINDS] = { { 0 } };

	if (read_items(settings, request, &items, &layers, e) < 0)
		return -1;
	summarise(&items, summaries);
	if (settings->json)
		return print_data_json(json_pack("{s:s, s:o, s:o}", "folder", request->cache_dir, "kinds",
						 json_of_summaries(summaries), "layers",
						 json_of_layers(&layers)),
				       e);
	print_summaries(request->cache_dir, summaries, &out);
	print_layers(&layers, &out);
	return print_data(out.data, out.len, e);
}

static int print_removed(const struct settings *settings, const struct cache_removed removed[CACHE_KINDS],
			 struct error *e)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	json_t *list;

	if (settings->json) {
		list = json_array();
		for (size_t i = 0; i < CACHE_KINDS; i++)
			json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "kind",
							      cache_kind_name((enum cache_kind)i), "count",
							      (json_int_t)removed[i].count, "size",
							      (json_int_t)removed[i].size_bytes));
		return print_data_json(json_pack("{s:o}", "removed", list), e);
	}
	for (size_t i = 0; i < CACHE_KINDS; i++)
		if (removed[i].count)
			buffer_addf(&out, "removed %s: %zu, %s\n", cache_kind_name((enum cache_kind)i),
				    removed[i].count, human_size(removed[i].size_bytes).text);
	if (!out.len)
		buffer_adds(&out, "nothing to remove\n");
	return print_data(out.data, out.len, e);
}

/* Layers have a store of their own: what stays of them in all is the bound that it is given. */
static int trim_layers(const struct request *request, const struct cache_items *items,
		       struct cache_removed *removed, struct error *e)
{
	struct layer_list before = { NULL, 0 };
	struct layer_list after = { NULL, 0 };
	uint64_t keep_bytes = 0;
	int r;

	for (size_t i = 0; i < items->count; i++)
		if (items->items[i].kind == CACHE_LAYERS && !items->items[i].goes)
			keep_bytes += items->items[i].size_bytes;
	r = layer_list_read(request->cache_dir, &before, e);
	if (r == 0)
		r = layer_trim(request->cache_dir, keep_bytes, request->oldest_s, &removed->size_bytes, e);
	if (r == 0)
		r = layer_list_read(request->cache_dir, &after, e);
	if (r == 0 && before.count > after.count)
		removed->count = before.count - after.count;
	layer_list_release(&before);
	layer_list_release(&after);
	return r;
}

static int trim(const struct settings *settings, const struct request *request, struct error *e)
{
	auto_cache_items struct cache_items items = CACHE_ITEMS_INIT;
	AUTO(layer_list_release) struct layer_list layers = { NULL, 0 };
	struct cache_removed removed[CACHE_KINDS] = { { 0, 0 } };

	/* Files of a layer belong to the owners that they have in the image. */
	if (request->kinds[CACHE_LAYERS] && request->cache_fd >= 0 &&
	    faccessat(request->cache_fd, "layers", F_OK, 0) == 0 &&
	    privilege_obtain_files(settings->log, e) < 0)
		return error_wrap(e, "cannot remove layers");
	if (read_items(settings, request, &items, &layers, e) < 0)
		return -1;
	cache_items_choose(&items, request->keep_bytes, request->oldest_s);
	if (cache_items_remove(&items, request->cache_fd, removed, e) < 0)
		return -1;
	if (request->kinds[CACHE_LAYERS] && request->cache_fd >= 0 &&
	    trim_layers(request, &items, &removed[CACHE_LAYERS], e) < 0)
		return -1;
	return print_removed(settings, removed, e);
}

int cmd_cache(const struct settings *settings, struct error *e)
{
	AUTO(request_release)
	struct request request = { .cache_fd = -1, .keep_bytes = UINT64_MAX, .oldest_s = INT64_MIN };

	if (parse_request(settings, &request, e) < 0)
		return -1;
	request.cache_dir = build_cache_dir(settings->cache);
	if (cache_folder_open(request.cache_dir, &request.cache_fd, e) < 0)
		return -1;
	return request.trim ? trim(settings, &request, e) : show(settings, &request, e);
}
