/* SPDX-License-Identifier: Apache-2.0 */
/* Whose word a Release file is. */
#include "index/archive.h"

#include "fetch/fetch.h"
#include "fetch/openpgp.h"
#include "fetch/verify.h"

static int make_keyring(const struct archive *archive, struct text more, struct buffer *keyring,
			struct error *e)
{
	for (size_t i = 0; i < archive->key_count; i++) {
		const struct key_text *key = archive->keys[i];

		if (openpgp_add_keys((struct text) { key->data, key->len }, keyring, e) < 0)
			return error_wrap(e, "key at %s", key->name);
	}
	if (!keyring->len)
		return error_set(e, ERROR_TRUST,
				 "there is no key to verify it with: the recipe gives signing keys in "
				 "'source.keys', or in 'key' of a repository");
	if (more.len)
		buffer_add(keyring, more.ptr, more.len);
	return 0;
}

static void note_file(struct archive *archive, const char *name, const struct fetch_answer *answer)
{
	archive->product->file = name;
	archive->product->file_sha256 = sha256_of(answer->data, answer->len);
	archive->product->file_bytes = answer->len;
}

static void take_text(struct archive *archive, struct buffer *text)
{
	archive->text_len = text->len;
	archive->text = buffer_take(text);
}

static int verify_inline(struct archive *archive, struct text keyring, const struct fetch_answer *answer,
			 struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;

	if (verify_clearsigned(keyring, (struct text) { answer->data, answer->len }, archive->accept_sha1,
			       &text, e) < 0)
		return error_wrap(e, "file 'InRelease'");
	take_text(archive, &text);
	note_file(archive, "InRelease", answer);
	return 0;
}

static void take_release(struct archive *archive, const struct fetch_answer *release)
{
	note_file(archive, "Release", release);
	archive->text_len = release->len;
	archive->text = xcalloc(1, release->len + 1); /* the answer stays whole: the cache is to have it */
	memcpy(archive->text, release->data, release->len);
}

static int verify_pair(struct archive *archive, struct text keyring, const struct fetch_answer *release,
		       const struct fetch_answer *signature, struct error *e)
{
	if (!signature->found)
		return error_set(e, ERROR_TRUST,
				 "is not signed: it has neither 'InRelease' nor 'Release.gpg'");
	if (verify_detached(keyring, (struct text) { release->data, release->len },
			    (struct text) { signature->data, signature->len }, archive->accept_sha1, e) < 0)
		return error_wrap(e, "file 'Release'");
	take_release(archive, release);
	return 0;
}

static int verify(struct archive *archive, const struct archive_answers *answers, struct text more,
		  struct error *e)
{
	auto_buffer struct buffer keyring = BUFFER_INIT;
	struct text keys;

	if (make_keyring(archive, more, &keyring, e) < 0)
		return -1;
	keys = (struct text) { keyring.data, keyring.len };
	return answers->inrelease->found
		       ? verify_inline(archive, keys, answers->inrelease, e)
		       : verify_pair(archive, keys, answers->release, answers->signature, e);
}

/* What a signature would be of. An InRelease file whose signature is gone altogether is a Release file. */
static void take_unverified(struct archive *archive, const struct archive_answers *answers)
{
	const struct fetch_answer *inrelease = answers->inrelease;
	struct text file = { inrelease->data, inrelease->len };
	auto_buffer struct buffer text = BUFFER_INIT;

	if (!inrelease->found) {
		take_release(archive, answers->release);
		return;
	}
	if (!openpgp_clear_text(file, &text))
		buffer_add(&text, file.ptr, file.len);
	take_text(archive, &text);
	note_file(archive, "InRelease", inrelease);
}

int archive_verify(struct archive *archive, const struct archive_answers *answers, struct text more,
		   bool skip_verification, struct error *e)
{
	if (verify(archive, answers, more, e) == 0)
		return 0;
	/* A host without gpgv can check none. */
	if (!skip_verification || (e->kind != ERROR_TRUST && e->kind != ERROR_SYSTEM))
		return -1;
	archive->why_not = xstrdup(e->text);
	error_clear(e);
	take_unverified(archive, answers);
	return 0;
}
