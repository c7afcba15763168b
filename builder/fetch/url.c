/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/url.h"

#include "base/alloc.h"

static bool is_clean(const char *address)
{
	for (; *address; address++)
		if ((unsigned char)*address <= ' ' || *address == 0x7f)
			return false;
	return true;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_word(struct text text, const char *word)
{
	if (text.len != strlen(word))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (lower(text.ptr[i]) != word[i])
			return false;
	return true;
}

/* The '@' that ends the credentials is the last one before the path. */
static struct text take_credentials(struct text *authority)
{
	struct text credentials = { NULL, 0 };

	for (size_t i = authority->len; i > 0; i--) {
		if (authority->ptr[i - 1] != '@')
			continue;
		credentials = (struct text) { authority->ptr, i - 1 };
		authority->ptr += i;
		authority->len -= i;
		break;
	}
	return credentials;
}

/* The host may be an IPv6 address in brackets, with colons of its own. */
static void cut_port(struct text authority, struct url *url)
{
	size_t end = authority.len;

	while (end > 0 && authority.ptr[end - 1] >= '0' && authority.ptr[end - 1] <= '9')
		end--;
	url->host = authority;
	url->port = (struct text) { NULL, 0 };
	if (end == 0 || authority.ptr[end - 1] != ':')
		return;
	url->port = (struct text) { authority.ptr + end, authority.len - end };
	url->host.len = end - 1;
}

/* Colons belong to an address in brackets alone: what else has one would be read in another way by another program. */
static bool is_host(struct text host)
{
	return host.len &&
	       (!memchr(host.ptr, ':', host.len) || (host.ptr[0] == '[' && host.ptr[host.len - 1] == ']'));
}

bool url_split(const char *address, struct url *url)
{
	const char *colon = strstr(address, "://");
	struct text authority;

	if (!colon || !is_clean(address))
		return false;
	url->scheme = (struct text) { address, (size_t)(colon - address) };
	authority = (struct text) { colon + 3, strcspn(colon + 3, "/?#") };
	url->path = text_of(authority.ptr + authority.len);
	url->credentials = take_credentials(&authority);
	cut_port(authority, url);
	if (is_word(url->scheme, "file"))
		return url->credentials.len == 0 && url->port.len == 0 && url->path.len > 0 &&
		       (url->host.len == 0 || is_word(url->host, "localhost"));
	return (is_word(url->scheme, "http") || is_word(url->scheme, "https")) && is_host(url->host);
}

static void add_lower(struct buffer *buffer, struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		buffer_addc(buffer, lower(text.ptr[i]));
}

static bool is_default_port(const struct url *url)
{
	return url->port.len == 0 || (is_word(url->scheme, "http") && text_is(url->port, "80")) ||
	       (is_word(url->scheme, "https") && text_is(url->port, "443"));
}

static void add_authority(struct buffer *buffer, const struct url *url)
{
	add_lower(buffer, url->host);
	if (!is_default_port(url))
		buffer_addf(buffer, ":%.*s", TEXT_ARG(url->port));
}

char *url_canonical(const char *address)
{
	auto_buffer struct buffer buffer = BUFFER_INIT;
	struct url url;

	if (!url_split(address, &url))
		return NULL;
	add_lower(&buffer, url.scheme);
	buffer_adds(&buffer, "://");
	if (url.credentials.ptr)
		buffer_addf(&buffer, "%.*s@", TEXT_ARG(url.credentials));
	add_authority(&buffer, &url);
	buffer_add(&buffer, url.path.ptr, url.path.len);
	return buffer_take(&buffer);
}

char *url_canonical_folder(const char *address)
{
	char *folder = url_canonical(address);
	size_t len;

	if (!folder)
		return NULL;
	len = strlen(folder);
	while (len > 0 && folder[len - 1] == '/' && !is_suffix(folder, "://"))
		folder[--len] = '\0';
	folder = xrealloc(folder, len + 2);
	memcpy(folder + len, "/", 2);
	return folder;
}

/* Of what is no address that we know, it is shown in an error, anything before the last '@' may be a password. */
static char *hide_before_at(const char *text)
{
	const char *at = strrchr(text, '@');
	const char *colon = strstr(text, "://");

	if (!at)
		return xstrdup(text);
	return xasprintf("%.*s%s", colon && colon < at ? (int)(colon + 3 - text) : 0, text, at + 1);
}

char *url_without_credentials(const char *address)
{
	auto_buffer struct buffer buffer = BUFFER_INIT;
	struct url url;

	if (!url_split(address, &url))
		return hide_before_at(address);
	if (!url.credentials.ptr)
		return xstrdup(address);
	buffer_addf(&buffer, "%.*s://%.*s", TEXT_ARG(url.scheme), TEXT_ARG(url.host));
	if (url.port.ptr)
		buffer_addf(&buffer, ":%.*s", TEXT_ARG(url.port));
	buffer_add(&buffer, url.path.ptr, url.path.len);
	return buffer_take(&buffer);
}

char *url_hide_credentials(const char *text)
{
	auto_buffer struct buffer shown = BUFFER_INIT;
	const char *colon;

	while ((colon = strstr(text, "://"))) {
		struct text authority = { colon + 3, strcspn(colon + 3, "/?#'\" \t\r\n") };

		buffer_add(&shown, text, (size_t)(colon + 3 - text));
		if (is_suffix(shown.data, "http://") || is_suffix(shown.data, "https://") ||
		    is_suffix(shown.data, "ftp://"))
			take_credentials(&authority);
		text = authority.ptr;
	}
	buffer_adds(&shown, text);
	return buffer_take(&shown);
}
