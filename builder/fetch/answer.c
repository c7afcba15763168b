/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volatile/ of the cache: answers of servers. One file each, so that header and body change together:
 *
 *	kiln-answer 1 SHA256-OF-BODY SHA256-OF-ADDRESS
 *	ETag, or an empty line
 *	Last-Modified, or an empty line
 *	body
 */
#include "fetch/cache.h"

#include "base/limits.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { HEADER_MAX_BYTES = 2048 };

static const char magic[] = "kiln-answer 1 ";

static struct digest_hex name_of(const char *address)
{
	struct digest digest = sha256_of(address, strlen(address));

	return digest_hex(&digest);
}

static char *line_or_null(struct text line)
{
	return line.len ? xstrndup(line.ptr, line.len) : NULL;
}

static bool parse(struct text file, struct cache_answer *answer)
{
	struct text rest;
	struct text line = text_cut(file, '\n', &rest);
	struct digest promised;
	struct digest from;
	struct digest actual;
	struct text etag;
	struct text modified;

	if (!text_starts(line, magic))
		return false;
	line = (struct text) { line.ptr + sizeof magic - 1, line.len - sizeof magic + 1 };
	if (!digest_parse(text_word(&line), &promised) || !digest_parse(text_word(&line), &from))
		return false;
	etag = text_cut(rest, '\n', &rest);
	modified = text_cut(rest, '\n', &rest);
	if (!rest.ptr)
		return false;
	actual = sha256_of(rest.ptr, rest.len);
	if (!digest_equal(&actual, &promised))
		return false;
	*answer = (struct cache_answer) { .data = xstrndup(rest.ptr, 0),
					  .len = rest.len,
					  .from = from,
					  .etag = line_or_null(etag),
					  .modified = line_or_null(modified) };
	answer->data = xrealloc(answer->data, rest.len + 1);
	memcpy(answer->data, rest.ptr, rest.len);
	answer->data[rest.len] = '\0';
	return true;
}

int cache_answer_read(struct cache *cache, const char *address, uint64_t max_bytes,
		      struct cache_answer *answer, struct error *e)
{
	struct digest_hex name = name_of(address);
	auto_close int fd =
		openat(cache->volatile_fd, name.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	auto_free char *file = NULL;
	struct error damaged = ERROR_INIT;
	size_t len = 0;

	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENXIO))
		return 0;
	if (fd < 0)
		return error_sys(e, "cannot open 'volatile/%s' in the cache", name.text);
	/* What cannot be read is no better than what has wrong bytes: the server has it once more. */
	if (file_read_fd(fd, max_bytes + HEADER_MAX_BYTES, &file, &len, &damaged) == 0 &&
	    parse((struct text) { file, len }, answer)) {
		/* When it was used last, where that can be written down. */
		(void)futimens(fd, NULL);
		return 1;
	}
	cache_remove(cache->volatile_fd, name.text);
	return 0;
}

int cache_answer_write(struct cache *cache, const char *address, const struct cache_answer *answer,
		       struct error *e)
{
	auto_pending struct file_pending pending = FILE_PENDING_INIT;
	auto_buffer struct buffer header = BUFFER_INIT;
	struct digest body = sha256_of(answer->data, answer->len);
	struct digest_hex name = name_of(address);

	buffer_addf(&header, "%s%s %s\n%s\n%s\n", magic, digest_hex(&body).text,
		    digest_hex(&answer->from).text, answer->etag ? answer->etag : "",
		    answer->modified ? answer->modified : "");
	if (cache_store_begin(cache, &pending, e) < 0)
		return -1;
	if (file_write_fd(pending.fd, header.data, header.len, e) < 0 ||
	    file_write_fd(pending.fd, answer->data, answer->len, e) < 0)
		return error_wrap(e, "cache '%s'", cache->path);
	if (renameat(cache->partial_fd, pending.temporary, cache->volatile_fd, name.text) < 0) {
		cache_remove(cache->volatile_fd, name.text);
		if (renameat(cache->partial_fd, pending.temporary, cache->volatile_fd, name.text) < 0)
			return error_sys(e, "cannot create 'volatile/%s' in the cache", name.text);
	}
	free(TAKE(pending.temporary, NULL));
	return 0;
}

void cache_answer_remove(struct cache *cache, const char *address)
{
	cache_remove(cache->volatile_fd, name_of(address).text);
}

void cache_answer_release(struct cache_answer *answer)
{
	free(answer->data);
	free(answer->etag);
	free(answer->modified);
	*answer = CACHE_ANSWER_INIT;
}
