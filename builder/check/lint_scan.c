/* SPDX-License-Identifier: Apache-2.0 */
#include "check/lint_scan.h"

#include "base/limits.h"

#include <ctype.h>
#include <elf.h>

enum {
	FEW_BYTES = 256,          /* the first lines of a key, and the kind of an ELF file */
	SMALL_BYTES = 8 * 1024,   /* settings of a user */
	SOME_BYTES = 32 * 1024,   /* a key behind certificates */
	TEXT_BYTES = 256 * 1024,  /* settings */
	SCRIPT_BYTES = 16 * 1024, /* maintainer scripts */
	KEY_LINE_MIN = 40,        /* of base64, so that placeholders are none */
};

struct reading {
	const char *folder; /* or a file */
	const char *suffix; /* only such names; "" all */
	size_t bytes;
	bool kept; /* for the rules; else looked at once */
};

/* The first row that fits counts. */
static const struct reading readings[] = {
	{ "etc/", "", TEXT_BYTES, true },
	{ "var/lib/dpkg/status", "", LIMIT_FILE_TEXT_BYTES, true },
	{ "var/lib/dpkg/diversions", "", TEXT_BYTES, true },
	{ "var/lib/dpkg/statoverride", "", TEXT_BYTES, true },
	{ "var/lib/dpkg/info/", ".list", LIMIT_FILE_TEXT_BYTES, true },
	{ "var/lib/dpkg/info/", ".postinst", SCRIPT_BYTES, true },
	{ "var/lib/dpkg/", "", 0, false },
	{ "var/lib/dbus/machine-id", "", TEXT_BYTES, true },
	{ "var/lib/apt/", "", 0, false },
	{ "var/cache/", "", 0, false },
	{ "usr/lib/systemd/system/", "", TEXT_BYTES, true },
	{ "usr/local/lib/systemd/system/", "", TEXT_BYTES, true },
	{ "lib/systemd/system/", "", TEXT_BYTES, true },
	{ "usr/lib/sysusers.d/", ".conf", TEXT_BYTES, true },
	{ "usr/lib/os-release", "", TEXT_BYTES, true },
	{ "usr/local/", "", SOME_BYTES, false },
	{ "usr/", "", FEW_BYTES, false },
	{ "lib/", "", FEW_BYTES, false },
	{ "bin/", "", FEW_BYTES, false },
	{ "sbin/", "", FEW_BYTES, false },
	{ "boot/", "", FEW_BYTES, false },
	{ "root/", "", SOME_BYTES, true },
	{ "home/", "", SOME_BYTES, true },
	{ "", "", SOME_BYTES, false },
};

static const struct reading *reading_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(readings); i++)
		if (is_prefix(path, readings[i].folder) && is_suffix(path, readings[i].suffix))
			return &readings[i];
	return NULL;
}

size_t lint_scan_bytes(const char *path)
{
	const struct reading *reading = reading_of(path);

	return reading ? reading->bytes : 0;
}

/* Of scripts those alone that give capabilities; of homes those alone that are settings. */
bool lint_scan_keeps(const char *path, struct text head)
{
	const struct reading *reading = reading_of(path);

	if (!reading || !reading->kept)
		return false;
	if (strcmp(reading->suffix, ".postinst") == 0)
		return memmem(head.ptr, head.len, "setcap", 6) != NULL;
	if (is_prefix(path, "root/") || is_prefix(path, "home/"))
		return head.len < SMALL_BYTES && strstr(path, "/.") != NULL;
	return !memchr(head.ptr, '\0', head.len < FEW_BYTES ? head.len : FEW_BYTES);
}

static bool is_base64(struct text line)
{
	if (line.len < KEY_LINE_MIN)
		return false;
	for (size_t i = 0; i < line.len; i++)
		if (!isalnum((unsigned char)line.ptr[i]) && !strchr("+/=", line.ptr[i]))
			return false;
	return true;
}

/* What follows the line that opens a key: headers and an empty line may stand before its first line. */
static bool has_key_body(struct text rest)
{
	struct text line;

	for (unsigned i = 0; i < 8 && lint_line(&rest, &line); i++)
		if (is_base64(text_trim(line)))
			return true;
	return false;
}

static bool ends_with(struct text line, struct text end)
{
	return line.len >= end.len && memcmp(line.ptr + line.len - end.len, end.ptr, end.len) == 0;
}

static bool opens_key(struct text line)
{
	return ends_with(line, TEXT("PRIVATE KEY-----")) || ends_with(line, TEXT("PRIVATE KEY BLOCK-----"));
}

/* A line that begins a key in PEM or OpenPGP's armour, with a key behind it. */
static bool has_private_key(struct text head)
{
	static const char opening[] = "-----BEGIN ";
	const char *end = head.ptr + head.len;
	const char *at = head.ptr;

	while ((at = memmem(at, (size_t)(end - at), opening, strlen(opening)))) {
		struct text rest = { at, (size_t)(end - at) };
		struct text line = text_trim(text_cut(rest, '\n', &rest));

		if ((at == head.ptr || at[-1] == '\n') && opens_key(line) && has_key_body(rest))
			return true;
		at += strlen(opening);
	}
	return false;
}

static bool is_elf(struct text head)
{
	return head.len > EI_NIDENT && memcmp(head.ptr, ELFMAG, SELFMAG) == 0;
}

void lint_scan(struct lint_file *file, struct text head)
{
	static const char putty[] = "PuTTY-User-Key-File-";

	if (head.len == 0)
		return;
	if (is_elf(head)) {
		unsigned type = head.ptr[EI_DATA] == ELFDATA2MSB ? (unsigned char)head.ptr[EI_NIDENT + 1]
								 : (unsigned char)head.ptr[EI_NIDENT];

		file->is_core_dump = type == ET_CORE;
		return;
	}
	file->has_private_key = (head.len > strlen(putty) && memcmp(head.ptr, putty, strlen(putty)) == 0) ||
				has_private_key(head);
}
