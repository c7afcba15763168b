/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/licence.h"

#include <ctype.h>

struct pair {
	const char *name; /* as copyright files have it, in lower case */
	const char *spdx;
};

/*
 * Names of the copyright format 1.0 (§7.1.1), those that its files use beside them, and the ids of SPDX themselves.
 * Not in here, on purpose: names that stand for several texts ("BSD", "MIT-like", "public-domain", "permissive").
 * Sorted, for a binary search.
 */
static const struct pair names[] = {
	{ "0bsd", "0BSD" },
	{ "afl-2.0", "AFL-2.0" },
	{ "afl-2.1", "AFL-2.1" },
	{ "afl-3.0", "AFL-3.0" },
	{ "apache-1.0", "Apache-1.0" },
	{ "apache-1.1", "Apache-1.1" },
	{ "apache-2", "Apache-2.0" },
	{ "apache-2.0", "Apache-2.0" },
	{ "artistic", "Artistic-1.0-Perl" },
	{ "artistic-1", "Artistic-1.0" },
	{ "artistic-1.0", "Artistic-1.0" },
	{ "artistic-2", "Artistic-2.0" },
	{ "artistic-2.0", "Artistic-2.0" },
	{ "beerware", "Beerware" },
	{ "bitstream-vera", "Bitstream-Vera" },
	{ "blessing", "blessing" },
	{ "bsd-1-clause", "BSD-1-Clause" },
	{ "bsd-2-clause", "BSD-2-Clause" },
	{ "bsd-2-clause-netbsd", "BSD-2-Clause" },
	{ "bsd-3-clause", "BSD-3-Clause" },
	{ "bsd-4-clause", "BSD-4-Clause" },
	{ "bsd-4-clause-uc", "BSD-4-Clause-UC" },
	{ "bsl-1", "BSL-1.0" },
	{ "bsl-1.0", "BSL-1.0" },
	{ "bzip2-1.0.6", "bzip2-1.0.6" },
	{ "cc-by-2.0", "CC-BY-2.0" },
	{ "cc-by-2.5", "CC-BY-2.5" },
	{ "cc-by-3.0", "CC-BY-3.0" },
	{ "cc-by-3.0-us", "CC-BY-3.0-US" },
	{ "cc-by-4.0", "CC-BY-4.0" },
	{ "cc-by-sa-2.0", "CC-BY-SA-2.0" },
	{ "cc-by-sa-2.5", "CC-BY-SA-2.5" },
	{ "cc-by-sa-3.0", "CC-BY-SA-3.0" },
	{ "cc-by-sa-4.0", "CC-BY-SA-4.0" },
	{ "cc0", "CC0-1.0" },
	{ "cc0-1.0", "CC0-1.0" },
	{ "cddl-1.0", "CDDL-1.0" },
	{ "cddl-1.1", "CDDL-1.1" },
	{ "cecill-2.0", "CECILL-2.0" },
	{ "cecill-2.1", "CECILL-2.1" },
	{ "cecill-b", "CECILL-B" },
	{ "cecill-c", "CECILL-C" },
	{ "cpl-1.0", "CPL-1.0" },
	{ "curl", "curl" },
	{ "efl-1", "EFL-1.0" },
	{ "efl-2", "EFL-2.0" },
	{ "epl-1.0", "EPL-1.0" },
	{ "epl-2.0", "EPL-2.0" },
	{ "eupl-1.1", "EUPL-1.1" },
	{ "eupl-1.2", "EUPL-1.2" },
	{ "expat", "MIT" },
	{ "fsfap", "FSFAP" },
	{ "fsful", "FSFUL" },
	{ "fsfullr", "FSFULLR" },
	{ "ftl", "FTL" },
	{ "hpnd", "HPND" },
	{ "hpnd-sell-variant", "HPND-sell-variant" },
	{ "icu", "ICU" },
	{ "ijg", "IJG" },
	{ "ipl-1.0", "IPL-1.0" },
	{ "isc", "ISC" },
	{ "latex2e", "Latex2e" },
	{ "libpng", "Libpng" },
	{ "libpng-2.0", "libpng-2.0" },
	{ "lppl-1.0", "LPPL-1.0" },
	{ "lppl-1.1", "LPPL-1.1" },
	{ "lppl-1.2", "LPPL-1.2" },
	{ "lppl-1.3a", "LPPL-1.3a" },
	{ "lppl-1.3c", "LPPL-1.3c" },
	{ "mit", "MIT" },
	{ "mit-0", "MIT-0" },
	{ "mpl-1.0", "MPL-1.0" },
	{ "mpl-1.1", "MPL-1.1" },
	{ "mpl-2", "MPL-2.0" },
	{ "mpl-2.0", "MPL-2.0" },
	{ "ms-pl", "MS-PL" },
	{ "ncsa", "NCSA" },
	{ "ntp", "NTP" },
	{ "ofl-1.0", "OFL-1.0" },
	{ "ofl-1.1", "OFL-1.1" },
	{ "oldap-2.8", "OLDAP-2.8" },
	{ "openssl", "OpenSSL" },
	{ "perl", "Artistic-1.0-Perl OR GPL-1.0-or-later" },
	{ "php-3.0", "PHP-3.0" },
	{ "php-3.01", "PHP-3.01" },
	{ "postgresql", "PostgreSQL" },
	{ "psf-2", "PSF-2.0" },
	{ "psf-2.0", "PSF-2.0" },
	{ "python-2.0", "Python-2.0" },
	{ "python-2.0.1", "Python-2.0.1" },
	{ "qpl-1.0", "QPL-1.0" },
	{ "ruby", "Ruby" },
	{ "sil-1.1", "OFL-1.1" },
	{ "sleepycat", "Sleepycat" },
	{ "tcl", "TCL" },
	{ "tcp_wrappers", "TCP-wrappers" },
	{ "unicode-dfs-2015", "Unicode-DFS-2015" },
	{ "unicode-dfs-2016", "Unicode-DFS-2016" },
	{ "unlicense", "Unlicense" },
	{ "vim", "Vim" },
	{ "w3c", "W3C" },
	{ "wtfpl", "WTFPL" },
	{ "wtfpl-2", "WTFPL" },
	{ "x11", "X11" },
	{ "zlib", "Zlib" },
	{ "zpl-1.1", "ZPL-1.1" },
	{ "zpl-2.0", "ZPL-2.0" },
	{ "zpl-2.1", "ZPL-2.1" },
};

/* GNU's, in every version that there is: "gpl" + "-2" + "+". VERSION NULL: any, as the format says of "GPL" alone. */
static const struct {
	const char *family;
	const char *version;
	const char *spdx;
} gnu[] = {
	{ "gpl", "1", "GPL-1.0" },
	{ "gpl", "2", "GPL-2.0" },
	{ "gpl", "3", "GPL-3.0" },
	{ "gpl", NULL, "GPL-1.0" },
	{ "lgpl", "2", "LGPL-2.0" },
	{ "lgpl", "2.1", "LGPL-2.1" },
	{ "lgpl", "3", "LGPL-3.0" },
	{ "lgpl", NULL, "LGPL-2.0" },
	{ "agpl", "1", "AGPL-1.0" },
	{ "agpl", "3", "AGPL-3.0" },
	{ "gfdl", "1.1", "GFDL-1.1" },
	{ "gfdl", "1.2", "GFDL-1.2" },
	{ "gfdl", "1.3", "GFDL-1.3" },
	{ "gfdl", NULL, "GFDL-1.1" },
	{ "gfdl-niv", "1.1", "GFDL-1.1-no-invariants" },
	{ "gfdl-niv", "1.2", "GFDL-1.2-no-invariants" },
	{ "gfdl-niv", "1.3", "GFDL-1.3-no-invariants" },
	{ "gfdl-niv", NULL, "GFDL-1.1-no-invariants" },
};

/* What stands between "with" and "exception"; names of SPDX, too. */
static const struct pair exceptions[] = {
	{ "autoconf", "Autoconf-exception-generic" },
	{ "autoconf-2.0", "Autoconf-exception-2.0" },
	{ "autoconf-3.0", "Autoconf-exception-3.0" },
	{ "autoconf-data", "Autoconf-exception-generic" },
	{ "bison", "Bison-exception-2.2" },
	{ "bison-2.2", "Bison-exception-2.2" },
	{ "bootloader", "Bootloader-exception" },
	{ "classpath", "Classpath-exception-2.0" },
	{ "classpath-2.0", "Classpath-exception-2.0" },
	{ "font", "Font-exception-2.0" },
	{ "font-2.0", "Font-exception-2.0" },
	{ "gcc", "GCC-exception-3.1" },
	{ "gcc-2.0", "GCC-exception-2.0" },
	{ "gcc-3.1", "GCC-exception-3.1" },
	{ "gcc-runtime-library", "GCC-exception-3.1" },
	{ "libtool", "Libtool-exception" },
	{ "linux-syscall-note", "Linux-syscall-note" },
	{ "llvm", "LLVM-exception" },
	{ "swift", "Swift-exception" },
	{ "texinfo", "Texinfo-exception" },
};

/* Lower case and in ROOM bytes; false for what does not fit or is no plain ASCII, which no row is. */
static bool fold(struct text name, char *out, size_t room)
{
	if (name.len == 0 || name.len >= room || !text_is_graphic(name))
		return false;
	for (size_t i = 0; i < name.len; i++)
		out[i] = (char)tolower((unsigned char)name.ptr[i]);
	out[name.len] = '\0';
	return true;
}

static int compare_pair(const void *key, const void *pair)
{
	return strcmp(key, ((const struct pair *)pair)->name);
}

static const char *find_pair(const char *name, const struct pair *pairs, size_t count)
{
	const struct pair *pair = bsearch(name, pairs, count, sizeof *pairs, compare_pair);

	return pair ? pair->spdx : NULL;
}

/* Cut WORD off the end of NAME; false when it does not end so. */
static bool cut_end(char *name, const char *word)
{
	size_t len = strlen(name);
	size_t word_len = strlen(word);

	if (len <= word_len || !is_suffix(name, word))
		return false;
	name[len - word_len] = '\0';
	return true;
}

/* NAME is folded, and changed. */
static const char *of_gnu(char *name, struct arena *arena)
{
	bool without_invariants = cut_end(name, "-no-invariants") || cut_end(name, "-no-invariant");
	bool later = cut_end(name, "-or-later") || cut_end(name, "+");
	const char *version;
	char *family = name;

	if (!later)
		cut_end(name, "-only");
	without_invariants |= cut_end(name, "-no-invariants") || cut_end(name, "-no-invariant");
	version = strpbrk(name, "0123456789");
	if (version) {
		char *end = name + (version - name);

		/* "gpl-2", "gplv2", "gpl-v2", but "gfdl-niv-1.3" */
		if (end > name && end[-1] == 'v')
			end--;
		if (end > name && end[-1] == '-')
			end--;
		/* "2.0" is 2, but "2.1" is another one. */
		version = arena_strdup(arena, version);
		if (is_prefix(family, "gfdl"))
			;
		else if (is_suffix(version, ".0"))
			version = arena_strndup(arena, version, strlen(version) - 2);
		*end = '\0';
	} else {
		later = true;
	}
	if (without_invariants)
		family = arena_printf(arena, "%s-niv", family);
	for (size_t i = 0; i < ARRAY_LEN(gnu); i++)
		if (strcmp(gnu[i].family, family) == 0 &&
		    (version ? gnu[i].version && strcmp(gnu[i].version, version) == 0 : !gnu[i].version))
			return arena_printf(arena, "%s-%s", gnu[i].spdx, later ? "or-later" : "only");
	return NULL;
}

enum { NAME_BYTES_MAX = 64 };

const char *licence_of_exception(struct text words)
{
	char name[NAME_BYTES_MAX];
	size_t len = 0;

	/* "GCC Runtime Library exception", "autoconf-exception-2.0" */
	for (size_t i = 0; i < words.len && len + 1 < sizeof name; i++)
		name[len++] = isblank((unsigned char)words.ptr[i])
				      ? '-'
				      : (char)tolower((unsigned char)words.ptr[i]);
	name[len] = '\0';
	for (char *at; (at = strstr(name, "-exception"));)
		memmove(at, at + strlen("-exception"), strlen(at + strlen("-exception")) + 1);
	return len + 1 < sizeof name ? find_pair(name, exceptions, ARRAY_LEN(exceptions)) : NULL;
}

/* "GPL-3+-with-bison-exception" in one word. */
static const char *of_name_with(const char *folded, struct arena *arena)
{
	const char *with = strstr(folded, "-with-");
	const char *exception = with ? licence_of_exception(text_of(with + strlen("-with-"))) : NULL;
	const char *base =
		exception ? licence_of_name((struct text) { folded, (size_t)(with - folded) }, arena) : NULL;

	return base && !strchr(base, ' ') ? arena_printf(arena, "%s WITH %s", base, exception) : NULL;
}

const char *licence_of_name(struct text name, struct arena *arena)
{
	char folded[NAME_BYTES_MAX];
	const char *found;

	if (!fold(name, folded, sizeof folded))
		return NULL;
	found = find_pair(folded, names, ARRAY_LEN(names));
	if (!found)
		found = of_name_with(folded, arena);
	return found ? found : of_gnu(folded, arena);
}

/* ---- what a License field says */

enum joint { JOINT_NONE, JOINT_AND, JOINT_OR };

/* Words joined by one level of "and" and "or", of which "and" binds closer; a comma before a joint binds least. */
struct reader {
	struct text rest;
	licence_ref_fn ref;
	void *context;
	struct arena *arena;
	bool comma;  /* stood behind the last word */
	bool failed; /* it is no expression */
};

static struct text take_word(struct reader *reader)
{
	struct text word = text_word(&reader->rest);

	reader->comma = word.len && word.ptr[word.len - 1] == ',';
	if (reader->comma)
		word.len--;
	return word;
}

static struct text peek_word(const struct reader *reader)
{
	struct text rest = reader->rest;

	return text_word(&rest);
}

static enum joint joint_of(struct text word)
{
	if (text_is_anycase(word, "and"))
		return JOINT_AND;
	return text_is_anycase(word, "or") ? JOINT_OR : JOINT_NONE;
}

/* "with … exception": up to that word, or one word alone. */
static struct text take_exception(struct reader *reader)
{
	struct text words = text_trim(reader->rest);
	struct text word = take_word(reader);
	struct text first = word;

	while (!reader->comma && reader->rest.len && !text_is_anycase(word, "exception") &&
	       !text_is_anycase(word, "exceptions") && joint_of(peek_word(reader)) == JOINT_NONE)
		word = take_word(reader);
	if (!first.len)
		reader->failed = true;
	words.len = word.ptr ? (size_t)(word.ptr + word.len - words.ptr) : 0;
	return words;
}

static const char *take_name(struct reader *reader)
{
	struct text word = take_word(reader);
	const char *found;

	/* Brackets and lists are not the format's: what they mean here, nobody has said. */
	if (!word.len || joint_of(word) != JOINT_NONE || memchr(word.ptr, ',', word.len) ||
	    memchr(word.ptr, '(', word.len) || memchr(word.ptr, ')', word.len)) {
		reader->failed = true;
		return "";
	}
	found = licence_of_name(word, reader->arena);
	if (!reader->comma && text_is_anycase(peek_word(reader), "with")) {
		struct text exception;
		struct text whole = word;
		const char *id;

		take_word(reader);
		exception = take_exception(reader);
		id = licence_of_exception(exception);
		if (found && id && !strchr(found, ' '))
			return arena_printf(reader->arena, "%s WITH %s", found, id);
		if (exception.len)
			whole.len = (size_t)(exception.ptr + exception.len - word.ptr);
		return reader->ref(reader->context, whole);
	}
	if (!found)
		return reader->ref(reader->context, word);
	return strchr(found, ' ') ? arena_printf(reader->arena, "(%s)", found) : found;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* PARTS become one, that is TEXT; or any of them, in one order whoever wrote them in which. */
static void put_choice(struct licence_parts *parts, const char *text, struct arena *arena)
{
	struct buffer any = BUFFER_INIT;

	qsort(parts->items, parts->count, sizeof *parts->items, compare_strings);
	for (size_t i = 0; i < parts->count; i++)
		buffer_addf(&any, "%s%s", i ? " OR " : "", parts->items[i]);
	parts->items[0] = arena_printf(arena, "(%s)", text ? text : any.data);
	parts->count = 1;
	buffer_release(&any);
}

/* "A and B or C", up to a comma or the end: a list of what holds at once; one alone if there is an "or" in it. */
static void take_group(struct reader *reader, struct licence_parts *parts)
{
	struct buffer any = BUFFER_INIT;
	bool has_or = false;
	bool has_and = false;

	for (;;) {
		const char *name = take_name(reader);
		enum joint joint = reader->comma ? JOINT_NONE : joint_of(peek_word(reader));

		if (reader->failed)
			break;
		ARENA_PUSH(reader->arena, parts->items, parts->count, name);
		buffer_adds(&any, name);
		if (joint == JOINT_NONE)
			break;
		take_word(reader);
		has_or |= joint == JOINT_OR;
		has_and |= joint == JOINT_AND;
		buffer_adds(&any, joint == JOINT_OR ? " OR " : " AND ");
	}
	if (has_or && !reader->failed)
		put_choice(parts, has_and ? any.data : NULL, reader->arena);
	buffer_release(&any);
}

/* One of several groups that an "or" joins. */
static const char *join_group(const struct licence_parts *group, struct arena *arena)
{
	struct buffer all = BUFFER_INIT;
	const char *text;

	for (size_t i = 0; i < group->count; i++)
		buffer_addf(&all, "%s%s", i ? " AND " : "", group->items[i]);
	text = arena_printf(arena, group->count > 1 ? "(%s)" : "%s", all.data ? all.data : "");
	buffer_release(&all);
	return text;
}

static bool take_all(struct reader *reader, struct licence_parts *out)
{
	struct licence_parts parts = { NULL, 0 };

	for (;;) {
		struct licence_parts group = { NULL, 0 };
		enum joint joint = JOINT_AND;

		if (parts.items) {
			joint = joint_of(take_word(reader));
			/* "A, B": what a list without a word means, nobody knows. */
			if (joint == JOINT_NONE || reader->comma)
				return false;
		}
		take_group(reader, &group);
		if (reader->failed)
			return false;
		if (joint == JOINT_OR) {
			const char *both =
				arena_printf(reader->arena, "(%s OR %s)", join_group(&parts, reader->arena),
					     join_group(&group, reader->arena));

			parts.items[0] = both;
			parts.count = 1;
		} else {
			for (size_t i = 0; i < group.count; i++)
				ARENA_PUSH(reader->arena, parts.items, parts.count, group.items[i]);
		}
		if (!text_trim(reader->rest).len)
			break;
		if (!reader->comma)
			return false;
	}
	for (size_t i = 0; i < parts.count; i++)
		ARENA_PUSH(reader->arena, out->items, out->count, parts.items[i]);
	return true;
}

/* Synopses are a line; some files write an essay there. */
enum { SYNOPSIS_BYTES_MAX = 1000 };

static const char *no_ref(void *context, struct text name)
{
	(void)context;
	(void)name;
	return "";
}

/* Twice, so that no LicenseRef is made for half of what is no expression after all. */
static bool read_synopsis(struct text synopsis, struct licence_parts *parts, licence_ref_fn ref,
			  void *context, struct arena *scratch)
{
	struct licence_parts probe = { NULL, 0 };
	struct reader dry = { .rest = synopsis, .ref = no_ref, .arena = scratch };
	struct reader reader = { .rest = synopsis, .ref = ref, .context = context, .arena = scratch };

	return synopsis.len <= SYNOPSIS_BYTES_MAX && take_all(&dry, &probe) && take_all(&reader, parts);
}

void licence_parts_add(struct licence_parts *parts, struct text synopsis, licence_ref_fn ref, void *context,
		       struct arena *arena)
{
	struct arena scratch = ARENA_INIT;
	struct licence_parts found = { NULL, 0 };

	synopsis = text_trim(synopsis);
	if (!synopsis.len || text_is_anycase(synopsis, "none"))
		return;
	if (!read_synopsis(synopsis, &found, ref, context, &scratch))
		ARENA_PUSH(&scratch, found.items, found.count, ref(context, synopsis));
	for (size_t i = 0; i < found.count; i++)
		ARENA_PUSH(arena, parts->items, parts->count, arena_strdup(arena, found.items[i]));
	arena_release(&scratch);
}

const char *licence_parts_end(struct licence_parts *parts, struct arena *arena)
{
	struct buffer all = BUFFER_INIT;
	const char *text;
	size_t kept = 0;

	if (!parts->count)
		return NULL;
	qsort(parts->items, parts->count, sizeof *parts->items, compare_strings);
	for (size_t i = 0; i < parts->count; i++)
		if (i == 0 || strcmp(parts->items[i], parts->items[i - 1]) != 0)
			parts->items[kept++] = parts->items[i];
	parts->count = kept;
	for (size_t i = 0; i < parts->count; i++)
		buffer_addf(&all, "%s%s", i ? " AND " : "", parts->items[i]);
	/* A single choice needs no brackets. They enclose all of it, as that is how one part is written. */
	if (kept == 1 && all.data[0] == '(')
		text = arena_strndup(arena, all.data + 1, all.len - 2);
	else
		text = arena_strdup(arena, all.data);
	buffer_release(&all);
	return text;
}
