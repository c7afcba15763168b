/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an image should not be published with: keys that all its instances would share, traces of the build and its
 * host, passwords, modes, programs that cannot start. A table of rules, each with a reason and a remedy.
 *
 * The root is read once, as a stream of entries: of most files the name, the mode and the first bytes. It is not
 * trusted: nothing in it is run or followed, what is kept of it is bounded, and no path of it is opened.
 */
#ifndef CHECK_LINT_H
#define CHECK_LINT_H

#include "base/alloc.h"
#include "base/text.h"
#include "tree/tree.h"

struct log;

enum lint_severity { LINT_NOTE, LINT_WARNING, LINT_ERROR };

struct lint_rule {
	const char *id;
	enum lint_severity severity;
	const char *reason; /* what is wrong with it, one line */
	const char *fix;    /* what to do about it, one line */
};

/* The table, in the order in which the manual has it. */
const struct lint_rule *lint_rules(size_t *count);
const char *lint_severity_name(enum lint_severity severity);
/* "error", "warning" or "note"; ERROR_USAGE. */
int lint_severity_parse(const char *word, enum lint_severity *severity, struct error *e) MUST_CHECK;

/* What is to be found without a complaint. */
struct lint_allow {
	const struct lint_rule *rule;
	char *paths; /* owned; a pattern in which '*' stands for slashes too; NULL: wherever it is */
};

struct lint_allows {
	struct lint_allow *items; /* owned */
	size_t count;
};

#define LINT_ALLOWS_INIT ((struct lint_allows) { NULL, 0 })
#define auto_lint_allows AUTO(lint_allows_release)

/* Add WORD, "ID" or "ID=PATTERN". Errors: KIND, with the nearest name. */
int lint_allow_add(struct lint_allows *allows, const char *word, enum error_kind kind, struct error *e)
	MUST_CHECK;
void lint_allows_release(struct lint_allows *allows);

struct lint_finding {
	const struct lint_rule *rule;
	const char *path;    /* "/etc/shadow"; "" where it is about no one file; any bytes */
	const char *message; /* printable */
	bool allowed;
};

enum { LINT_SEVERITIES = LINT_ERROR + 1 };

struct lint_report {
	struct arena arena;
	struct lint_finding *items; /* errors first, then in the order of the table and by path */
	size_t count;
	size_t left_out;                /* of a rule with very many */
	size_t counts[LINT_SEVERITIES]; /* all that are not allowed */
	size_t allowed_count;
};

#define LINT_REPORT_INIT ((struct lint_report) { .items = NULL })
#define auto_lint_report AUTO(lint_report_release)

struct lint_options {
	const struct lint_allows *allows; /* borrowed; NULL: none */
	/* What the daemon writes into each instance itself: "/etc/hostname". Borrowed. */
	const char *const *replaced;
	size_t replaced_count;
	/* Where the root lies, so that this host's systemd-analyze may read its units; NULL: it is not asked. */
	const char *folder;
	struct log *log; /* may be NULL */
	int64_t date_s;  /* no file is to be newer; INT64_MAX: that is unknown, or sees to it whoever packs */
};

/*
 * Examine what ROOT gives. Errors: those of ROOT; ERROR_FORMAT where there is more of something than is ever kept.
 */
int lint_tree(const struct tree_source *root, const struct lint_options *options, struct lint_report *report,
	      struct error *e) MUST_CHECK;
void lint_report_release(struct lint_report *report);

/* How many findings of SEVERITY or above there are that are not allowed. */
size_t lint_count(const struct lint_report *report, enum lint_severity severity);
/* ERROR_LINT when there is a finding of SEVERITY or above: how many of what, and the first. */
int lint_judge(const struct lint_report *report, enum lint_severity severity, struct error *e) MUST_CHECK;

/*
 * A source that gives what ROOT gives, and examines it as it passes: for who reads all of it anyway. A visit that comes
 * to its end has filled REPORT, and fails as lint_judge() does. All borrowed.
 */
struct lint_tap {
	struct tree_source source;
	const struct tree_source *root;
	const struct lint_options *options;
	enum lint_severity fail_on;
	struct lint_report *report;
};

struct lint_tap lint_tap(const struct tree_source *root, const struct lint_options *options,
			 enum lint_severity fail_on, struct lint_report *report);

/* Printed forms: for people, for programs, and for code hosts (SARIF 2.1.0). NAME is that of the image. */
void lint_print(const struct lint_report *report, const char *name, bool verbose, struct buffer *out);
void lint_print_json(const struct lint_report *report, const char *name, struct buffer *out);
void lint_print_sarif(const struct lint_report *report, const char *name, struct buffer *out);
void lint_print_rules(bool json, struct buffer *out);
/* Errors and warnings to LOG, at most a screen of them. */
void lint_log(const struct lint_report *report, struct log *log);

#endif
