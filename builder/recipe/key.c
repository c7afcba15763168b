/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/key.h"

#include "base/file.h"
#include "base/limits.h"
#include "recipe/check.h"

#include <ctype.h>
#include <fcntl.h>

#define ARMOUR_PUBLIC  "-----BEGIN PGP PUBLIC KEY BLOCK-----"
#define ARMOUR_PRIVATE "-----BEGIN PGP PRIVATE KEY BLOCK-----"
#define ARMOUR_ANY     "-----BEGIN PGP "

/* 8, 16, 40 or 64 hexadecimal digits, with or without 0x in front and blanks between. */
static bool is_fingerprint(const char *text)
{
	size_t digits = 0;

	if (is_prefix(text, "0x") || is_prefix(text, "0X"))
		text += 2;
	for (; *text; text++) {
		if (*text == ' ')
			continue;
		if (!isxdigit((unsigned char)*text))
			return false;
		digits++;
	}
	return digits == 8 || digits == 16 || digits == 40 || digits == 64;
}

/* Armoured, or binary: a packet's first byte has its highest bit set (RFC 9580, 4.2). */
static int check_key(const char *data, size_t len, bool armoured_only, const char *what,
		     const struct place *place, struct error *e)
{
	bool armoured = memmem(data, len, ARMOUR_PUBLIC, strlen(ARMOUR_PUBLIC)) != NULL;
	bool binary = len > 0 && ((unsigned char)data[0] & 0x80);

	if (memmem(data, len, ARMOUR_PRIVATE, strlen(ARMOUR_PRIVATE)))
		return error_at(e, ERROR_RECIPE, place,
				"%s holds a private key; only public ones belong here", what);
	if (armoured || (binary && !armoured_only))
		return 0;
	if (binary)
		return error_at(e, ERROR_RECIPE, place,
				"%s is binary; a repository needs it armoured: gpg --enarmor", what);
	return error_at(e, ERROR_RECIPE, place, "%s holds no OpenPGP public key", what);
}

static int read_key(struct recipe *recipe, const char *name, bool armoured_only, const struct place *place,
		    const char **data, size_t *len, struct error *e)
{
	struct recipe_read was = { .path = recipe_beside(recipe, name, place) };
	auto_free char *what = NULL;
	auto_free char *content = NULL;
	struct error cause = ERROR_INIT;
	size_t length = 0;

	what = xasprintf("the key file '%s'", name);
	if (file_read(AT_FDCWD, was.path, LIMIT_KEY_BYTES, &content, &length, &cause) < 0)
		return error_at(e, ERROR_RECIPE, place, "%s cannot be read: %s", what, cause.text);
	was.sha256 = sha256_of(content, length);
	was.size_bytes = length;
	ARENA_PUSH(&recipe->arena, recipe->reads, recipe->read_count, was);
	if (check_key(content, length, armoured_only, what, place, e) < 0)
		return -1;
	*data = arena_strndup(&recipe->arena, content, length);
	*len = length;
	return 0;
}

/*
 * TEXT is a key itself, the fingerprint of one (then *data stays NULL), or the name of a file with one; or a template
 * that expands to one of these, or to nothing.
 */
static int resolve_key(struct recipe *recipe, const char **text, bool armoured_only,
		       const struct place *place, const char **data, size_t *len, struct error *e)
{
	auto_free char *expanded = NULL;

	if (recipe_expand(recipe, *text, place, &expanded, e) < 0)
		return -1;
	if (strcmp(expanded, *text) != 0)
		*text = arena_strdup(&recipe->arena, expanded);
	if (strstr(*text, ARMOUR_ANY)) {
		if (check_key(*text, strlen(*text), armoured_only, "the text", place, e) < 0)
			return -1;
		*data = *text;
		*len = strlen(*text);
		return 0;
	}
	if (is_fingerprint(*text) || !(*text)[0])
		return 0;
	if (strchr(*text, '\n'))
		return error_at(e, ERROR_RECIPE, place, "the text holds no OpenPGP public key");
	return read_key(recipe, *text, armoured_only, place, data, len, e);
}

static int read_keyring(struct recipe *recipe, struct recipe_key *keyring, struct error *e)
{
	auto_free char *name = NULL;

	if (strchr(keyring->text, '\n') || strstr(keyring->text, ARMOUR_ANY))
		return error_at(e, ERROR_RECIPE, &keyring->place,
				"'source.keyring' names files; the text of a key belongs into 'source.keys'");
	if (recipe_expand(recipe, keyring->text, &keyring->place, &name, e) < 0)
		return -1;
	return read_key(recipe, name, false, &keyring->place, &keyring->data, &keyring->len, e);
}

/* What the files of source.keyring hold is trusted like the entries of source.keys, behind which it is put. */
static int read_keyrings(struct recipe *recipe, struct problems *problems, struct error *e)
{
	struct recipe_source *source = &recipe->source;
	struct recipe_key *keys = NULL;
	size_t count = 0;

	for (size_t i = 0; i < source->key_count; i++)
		ARENA_PUSH(&recipe->arena, keys, count, source->keys[i]);
	for (size_t i = 0; i < source->keyring_count; i++) {
		if (read_keyring(recipe, &source->keyrings[i], e) == 0)
			ARENA_PUSH(&recipe->arena, keys, count, source->keyrings[i]);
		else if (problems_take(problems, e) < 0)
			return -1;
	}
	source->keys = keys;
	source->key_count = count;
	return 0;
}

bool key_is_file(const char *text)
{
	return !strstr(text, ARMOUR_ANY) && !is_fingerprint(text) && !strchr(text, '\n');
}

int recipe_read_keys(struct recipe *recipe, struct problems *problems, struct error *e)
{
	struct recipe_source *source = &recipe->source;
	size_t kept = 0;

	for (size_t i = 0; i < source->key_count; i++) {
		struct recipe_key *key = &source->keys[i];

		if (resolve_key(recipe, &key->text, false, &key->place, &key->data, &key->len, e) < 0 &&
		    problems_take(problems, e) < 0)
			return -1;
		if (key->text[0])
			source->keys[kept++] = *key;
	}
	source->key_count = kept;
	if (read_keyrings(recipe, problems, e) < 0)
		return -1;
	for (size_t i = 0; i < recipe->packages.repository_count; i++) {
		struct repository *repository = &recipe->packages.repositories[i];
		const char *data = NULL;
		size_t len = 0;

		if (!repository->key || !repository->key[0])
			continue;
		if (resolve_key(recipe, &repository->key, true, &repository->key_place, &data, &len, e) < 0 &&
		    problems_take(problems, e) < 0)
			return -1;
		/* A fingerprint stays as it is until recipe_select() refuses it. */
		if (data)
			repository->key = data;
	}
	return 0;
}
