/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apt-get itself would tell origins and labels too, but reads every package of the host for that, which
 * takes longer than a plan. So it is asked for the addresses alone, as if it had no lists yet, and the two fields come
 * from the Release files among the lists that it really has.
 */
#include "fetch/apt.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/process.h"

#include <fcntl.h>

enum { APT_TIMEOUT_MS = 20 * 1000 };

static int ask(const char *const *argv, struct process_result *result, struct error *e)
{
	struct process_options options = { .argv = argv,
					   .output_max_bytes = MIB,
					   .timeout_ms = APT_TIMEOUT_MS };

	if (process_run(&options, result, e) < 0)
		return -1;
	if (result->status != 0)
		return error_set(e, ERROR_SYSTEM, "%s has exit status %d", argv[0], result->status);
	return 0;
}

/* The folder of apt's lists, malloc'ed, from LISTS='/var/lib/apt/lists/'. */
static int lists_folder(char **folder, struct error *e)
{
	static const char *const argv[] = { "apt-config", "shell", "LISTS", "Dir::State::lists/d", NULL };
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	struct text rest;
	struct text value;

	if (ask(argv, &result, e) < 0)
		return -1;
	text_cut((struct text) { result.output.data, result.output.len }, '\'', &rest);
	value = text_cut(rest, '\'', &rest);
	/* A quote in the name would go on with \'. */
	if (value.len == 0 || text_trim(rest).len)
		return error_set(e, ERROR_SYSTEM, "apt-config does not tell the folder of apt's lists");
	*folder = xstrndup(value.ptr, value.len);
	return 0;
}

/*
 * What the names of all lists of one suite begin with: "HOST_debian_dists_bookworm_", of the index
 * ".../HOST_debian_dists_bookworm_main_binary-amd64_Packages" with the key "main/binary-amd64/Packages". Each '_'
 * was a '/', as apt quotes those that were there before.
 */
static struct text suite_prefix(struct text filename, struct text key)
{
	const char *slash = filename.len ? memrchr(filename.ptr, '/', filename.len) : NULL;
	const char *start = slash ? slash + 1 : filename.ptr;
	struct text prefix = { start, filename.len - (size_t)(start - filename.ptr) };
	size_t parts = 1;

	for (size_t i = 0; i < key.len; i++)
		parts += key.ptr[i] == '/';
	for (; parts && prefix.len; parts--) {
		const char *cut = memrchr(prefix.ptr, '_', prefix.len);

		prefix.len = cut ? (size_t)(cut - prefix.ptr) : 0;
	}
	return prefix;
}

/* Origin and Label of a Release file stand before its digests, whether it is signed inline or not. */
static void add_names(struct text address, struct text release, struct buffer *targets)
{
	struct text origin = { "", 0 };
	struct text label = { "", 0 };

	while (release.ptr) {
		struct text line = text_cut(release, '\n', &release);
		struct text value;
		struct text name = text_cut(line, ':', &value);

		if (!value.ptr)
			continue;
		if (text_is_anycase(name, "Origin"))
			origin = text_trim(value);
		else if (text_is_anycase(name, "Label"))
			label = text_trim(value);
		else if (text_is_anycase(name, "MD5Sum") || text_is_anycase(name, "SHA256"))
			break;
	}
	buffer_addf(targets, "%.*s\t%.*s\t%.*s\n", TEXT_ARG(address), TEXT_ARG(origin), TEXT_ARG(label));
}

/* LINE is "ADDRESS<tab>FILE<tab>KEY". */
static void add_target(int lists_fd, struct text line, struct buffer *targets)
{
	static const char *const names[] = { "InRelease", "Release" };
	struct text file;
	struct text address = text_cut(line, '\t', &file);
	struct text key;
	struct text prefix;

	file = text_cut(file, '\t', &key);
	prefix = suite_prefix(file, text_trim(key));
	for (size_t i = 0; prefix.len && i < ARRAY_LEN(names); i++) {
		auto_free char *name = xasprintf("%.*s_%s", TEXT_ARG(prefix), names[i]);
		auto_free char *data = NULL;
		struct error ignored = ERROR_INIT; /* apt has no such list: the next, or none */
		size_t len = 0;

		if (file_read(lists_fd, name, LIMIT_RELEASE_BYTES, &data, &len, &ignored) == 0) {
			add_names(address, (struct text) { data, len }, targets);
			return;
		}
	}
}

int apt_targets(struct buffer *targets, struct error *e)
{
	static const char *const argv[] = { "apt-get",
					    "indextargets",
					    "-o",
					    "Dir::State::lists=/nonexistent/",
					    "-o",
					    "APT::Get::IndexTargets::ReleaseInfo=false",
					    "--format",
					    "$(REPO_URI)\t$(FILENAME)\t$(METAKEY)",
					    "Created-By: Packages",
					    NULL };
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	auto_close int lists_fd = -1;
	auto_free char *folder = NULL;
	struct text rest;

	if (ask(argv, &result, e) < 0)
		return -1;
	if (result.output.len == 0)
		return 0;
	if (lists_folder(&folder, e) < 0 || dir_open(AT_FDCWD, folder, &lists_fd, e) < 0)
		return -1;
	rest = (struct text) { result.output.data, result.output.len };
	while (rest.ptr)
		add_target(lists_fd, text_cut(rest, '\n', &rest), targets);
	return 0;
}

/* VALUE of NAME='VALUE', malloc'ed; NULL where there is none, or it is DIRECT. A quote in it would go on with \'. */
static char *setting(struct text output, const char *name)
{
	auto_free char *begin = xasprintf("%s='", name);

	while (output.ptr) {
		struct text line = text_trim(text_cut(output, '\n', &output));
		struct text value = { line.ptr + strlen(begin), line.len - strlen(begin) - 1 };

		if (!text_starts(line, begin) || line.len < strlen(begin) + 2 ||
		    line.ptr[line.len - 1] != '\'' || memchr(value.ptr, '\'', value.len))
			continue;
		return text_is_anycase(value, "DIRECT") ? NULL : xstrndup(value.ptr, value.len);
	}
	return NULL;
}

int apt_route_read(struct apt_route *route, struct error *e)
{
	static const char *const argv[] = { "apt-config", "shell",
					    "HTTP",       "Acquire::http::Proxy",
					    "HTTPS",      "Acquire::https::Proxy",
					    "CA",         "Acquire::https::CaInfo",
					    NULL };
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	struct text output;

	if (ask(argv, &result, e) < 0)
		return -1;
	output = (struct text) { result.output.data, result.output.len };
	route->http_proxy = setting(output, "HTTP");
	route->https_proxy = setting(output, "HTTPS");
	route->ca_file = setting(output, "CA");
	if (!route->https_proxy && route->http_proxy && !memmem(output.ptr, output.len, "HTTPS=", 6))
		route->https_proxy = xstrdup(route->http_proxy);
	return 0;
}

void apt_route_release(struct apt_route *route)
{
	free(TAKE(route->http_proxy, NULL));
	free(TAKE(route->https_proxy, NULL));
	free(TAKE(route->ca_file, NULL));
}
