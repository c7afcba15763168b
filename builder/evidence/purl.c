/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/purl.h"

#include <ctype.h>

void percent_encode(const char *text, const char *also_plain, struct buffer *out)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x80 && (isalnum(c) || strchr(".-_~", c) || strchr(also_plain, c)))
			buffer_addc(out, *text);
		else
			buffer_addf(out, "%%%02X", c);
	}
}

/* The namespace and the name of the type "deb" are in lower case. */
static void add_lower(const char *text, struct buffer *out)
{
	for (; *text; text++) {
		char letter[2] = { (char)tolower((unsigned char)*text), '\0' };

		percent_encode(letter, "", out);
	}
}

static void add_qualifier(const char *key, const char *value, char *separator, struct buffer *out)
{
	if (!value || !*value)
		return;
	buffer_addf(out, "%c%s=", *separator, key);
	percent_encode(value, ":", out);
	*separator = '&';
}

char *purl_print(const struct purl *purl)
{
	struct buffer out = BUFFER_INIT;
	char separator = '?';

	buffer_adds(&out, "pkg:deb/");
	if (purl->vendor && *purl->vendor) {
		add_lower(purl->vendor, &out);
		buffer_addc(&out, '/');
	}
	add_lower(purl->name, &out);
	if (purl->version && *purl->version) {
		buffer_addc(&out, '@');
		/* A colon stands for itself, also that of an epoch (purl specification, "Character encoding"). */
		percent_encode(purl->version, ":", &out);
	}
	/* In ascending order of the key. */
	add_qualifier("arch", purl->architecture, &separator, &out);
	add_qualifier("distro", purl->distro, &separator, &out);
	add_qualifier("repository_url", purl->repository, &separator, &out);
	return buffer_take(&out);
}
