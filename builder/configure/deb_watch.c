/* SPDX-License-Identifier: Apache-2.0 */
#include "configure/deb_watch.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/root.h"
#include "configure/deb_script.h"
#include "sandbox/emulation.h"
#include "sandbox/sandbox.h"

#include <signal.h>

bool deb_is_announcement(struct text line)
{
	return text_starts(line, "Setting up ") || text_starts(line, "Removing ") ||
	       text_starts(line, "Processing triggers for ") || text_starts(line, "(Reading database ");
}

/* The maintainer script that dpkg's REASON names in its own words, or NULL. */
static const char *script_of(struct text reason)
{
	static const struct {
		const char *words;
		const char *script;
	} scripts[] = { { "pre-installation", "preinst" },
			{ "post-installation", "postinst" },
			{ "pre-removal", "prerm" },
			{ "post-removal", "postrm" } };

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		if (reason.ptr && memmem(reason.ptr, reason.len, scripts[i].words, strlen(scripts[i].words)))
			return scripts[i].script;
	return NULL;
}

/* What follows WORDS in TEXT, or a NULL ptr. */
static struct text text_after(struct text text, const char *words)
{
	const char *found = text.len ? memmem(text.ptr, text.len, words, strlen(words)) : NULL;

	if (!found)
		return (struct text) { NULL, 0 };
	found += strlen(words);
	return (struct text) { found, (size_t)(text.ptr + text.len - found) };
}

/* The number of the signal that strsignal(3) describes with WORDS, or 0. */
static int signal_of(struct text words)
{
	for (int number = 1; number < NSIG; number++) {
		const char *description = sigdescr_np(number);

		if (description && text_is(words, description))
			return number;
	}
	return 0;
}

struct deb_reason deb_reason_parse(struct text reason)
{
	struct deb_reason found = { .script = script_of(reason) };
	struct text status = text_after(reason, "exit status ");
	struct text number = text_word(&status);
	struct text words = text_cut(text_after(reason, "killed by signal ("), ')', &status);
	uint64_t value = 0;

	if (text_to_u64(number, &value) && value <= UINT8_MAX)
		found.status = (int)value;
	else
		found.signal = signal_of(words);
	return found;
}

void deb_watch_end(struct deb_watch *watch)
{
	if (!watch->package)
		return;
	journal_add(watch->sandbox->log->journal,
		    &(struct journal_event) {
			    .kind = "script",
			    .name = watch->script,
			    .subject = watch->package,
			    .result = watch->failed ? JOURNAL_FAILED : JOURNAL_DONE,
			    .has_status = true,
			    .status = watch->status,
			    .begin_s = watch->begin_s,
			    .end_s = monotonic_seconds(),
			    .emulated = watch->sandbox->emulation && watch->sandbox->emulation->emulated,
		    });
	free(TAKE(watch->package, NULL));
}

void deb_watch_release(struct deb_watch *watch)
{
	free(TAKE(watch->package, NULL));
}

static bool has_script(const struct deb_watch *watch, const char *package, const char *script)
{
	auto_free char *path = xasprintf("/var/lib/dpkg/info/%s.%s", package, script);
	struct error ignored = ERROR_INIT;
	struct stat st;

	return root_lstat(watch->sandbox->root_fd, path, &st, &ignored) > 0;
}

/* The package that LINE announces, of whose SCRIPTS, by the first of them, one is there. */
static void begin(struct deb_watch *watch, struct text line, const char *words, const char *name,
		  const char *const scripts[2])
{
	struct text rest = text_after(line, words);
	struct text word = text_word(&rest);
	auto_free char *package = xstrndup(word.ptr ? word.ptr : "", word.len);

	if (!has_script(watch, package, scripts[0]) &&
	    (!scripts[1] || !has_script(watch, package, scripts[1])))
		return;
	watch->package = TAKE(package, NULL);
	watch->script = name;
	watch->begin_s = monotonic_seconds();
	watch->failed = false;
	watch->status = 0;
}

static void announce(struct deb_watch *watch, struct text line)
{
	static const struct {
		const char *words;
		const char *name;
		const char *scripts[2];
	} kinds[] = {
		{ "Setting up ", "postinst", { "postinst", NULL } },
		{ "Processing triggers for ", "postinst triggered", { "postinst", NULL } },
		{ "Removing ", "prerm, postrm", { "prerm", "postrm" } },
	};

	deb_watch_end(watch);
	watch->triggers = text_starts(line, "Processing triggers ");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (text_starts(line, kinds[i].words))
			begin(watch, line, kinds[i].words, kinds[i].name, kinds[i].scripts);
	if (text_starts(line, "Setting up "))
		log_progress(watch->sandbox->log, "configure", ++watch->progress->done,
			     watch->progress->total, LOG_ITEMS);
}

void deb_watch_line(void *context, const char *line)
{
	struct deb_watch *watch = context;

	if (watch->reason_next) {
		struct deb_reason reason = deb_reason_parse(text_of(line));

		watch->failed = reason.script != NULL;
		watch->status = reason.signal ? 128 + reason.signal : reason.status;
		watch->reason_next = false;
		deb_watch_end(watch);
		return;
	}
	if (deb_is_announcement(text_of(line)))
		announce(watch, text_of(line));
	watch->reason_next = is_prefix(line, "dpkg: error processing ");
}
