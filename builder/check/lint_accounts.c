/* SPDX-License-Identifier: Apache-2.0 */
/* Who may enter, and whose the files are. */
#include "check/lint_site.h"

#include <crypt.h>

enum {
	FIELDS_MAX = 9,
	HASH_LEN_MIN = 13,  /* of the oldest kind; an 'x' in passwd stands for shadow's */
	HASHES_MAX = 16,    /* that are compared with passwords: each takes milliseconds */
	ROUNDS_MAX = 20000, /* of SHA-crypt; usual are 5,000 */
	STRANGERS_MAX = 32, /* ids without a name that are told of one by one */
	USER_ID_MIN = 1000, /* of people */
	NOBODY_ID = 65534,
};

/* A line of passwd, shadow or group. */
struct fields {
	struct text items[FIELDS_MAX];
	size_t count;
};

static bool next_fields(struct text *rest, struct fields *fields)
{
	struct text line = TEXT("");

	while (line.len == 0)
		if (!lint_line(rest, &line))
			return false;
	*fields = (struct fields) { .count = 0 };
	while (line.ptr && fields->count < FIELDS_MAX)
		fields->items[fields->count++] = text_cut(line, ':', &line);
	return true;
}

static bool is_of_nis(struct text name)
{
	return name.len && (name.ptr[0] == '+' || name.ptr[0] == '-');
}

static void add_id(struct lint_site *site, enum lint_id_kind kind, uint32_t id)
{
	uint32_t *key = arena_alloc(&site->arena, sizeof *key);

	*key = id;
	map_put(&site->ids[kind], (struct text) { (const char *)key, sizeof *key }, key);
}

static bool has_name(const struct lint_site *site, enum lint_id_kind kind, uint32_t id)
{
	return map_get(&site->ids[kind], (struct text) { (const char *)&id, sizeof id }) != NULL;
}

/* "passwd" and "group" share what matters: name, password, id. */
static void read_ids(struct lint_site *site, const char *path, enum lint_id_kind kind, size_t field_count)
{
	struct text rest = lint_text(site, path);
	struct fields fields;

	site->has_ids[kind] = rest.len && !lint_find(site, text_of(path))->is_cut;
	while (next_fields(&rest, &fields)) {
		uint64_t id;

		if (is_of_nis(fields.items[0]))
			continue;
		if (fields.count != field_count || !text_to_u64(fields.items[2], &id) || id > UINT32_MAX ||
		    fields.items[0].len == 0) {
			lint_say(site, RULE_ACCOUNT_BROKEN, path, "no line of an account: '%.*s'",
				 fields.items[0].len < 40 ? (int)fields.items[0].len : 40,
				 fields.items[0].ptr);
			continue;
		}
		add_id(site, kind, (uint32_t)id);
		if (kind == LINT_USERS && id == 0 && !text_is(fields.items[0], "root"))
			lint_say(site, RULE_SECOND_ROOT, path, "'%.*s' has the user id 0",
				 TEXT_ARG(fields.items[0]));
	}
}

void lint_accounts_begin(struct lint_site *site)
{
	read_ids(site, "etc/passwd", LINT_USERS, 7);
	read_ids(site, "etc/group", LINT_GROUPS, 4);
}

bool lint_id_of(const struct lint_site *site, enum lint_id_kind kind, struct text name, uint32_t *id)
{
	struct text rest = lint_text(site, kind == LINT_USERS ? "etc/passwd" : "etc/group");
	struct fields fields;
	uint64_t number;

	if (name.len > 1 && name.ptr[0] == '#') {
		if (!text_to_u64((struct text) { name.ptr + 1, name.len - 1 }, &number) ||
		    number > UINT32_MAX)
			return false;
		*id = (uint32_t)number;
		return true;
	}
	while (next_fields(&rest, &fields))
		if (text_equal(fields.items[0], name) && fields.count > 2 &&
		    text_to_u64(fields.items[2], &number) && number <= UINT32_MAX) {
			*id = (uint32_t)number;
			return true;
		}
	return false;
}

/* sysusers.d(5): "u NAME …". */
static bool is_made_at_start(const struct lint_file *file, struct text name)
{
	struct text rest = file->text;
	struct text line;

	if (!file->text.ptr || !strstr(file->path, "/sysusers.d/"))
		return false;
	while (lint_line(&rest, &line)) {
		struct text word = text_word(&line);

		if (word.len && word.ptr[0] == 'u' && text_equal(text_word(&line), name))
			return true;
	}
	return false;
}

bool lint_knows_user(const struct lint_site *site, struct text name)
{
	uint64_t number;
	uint32_t id;

	if (!site->has_ids[LINT_USERS] || text_to_u64(name, &number) ||
	    lint_id_of(site, LINT_USERS, name, &id))
		return true;
	for (size_t i = 0; i < site->count; i++)
		if (is_made_at_start(site->files[i], name))
			return true;
	return false;
}

/* Whether HASH is of a kind that is quick to try. What would take long is for whoever made it so. */
static bool is_quick(const char *hash)
{
	uint64_t rounds;

	if (is_prefix(hash, "$5$") || is_prefix(hash, "$6$")) {
		struct text rest = text_of(hash + 3);

		if (!text_starts(rest, "rounds="))
			return true;
		rest = text_cut(rest, '$', &(struct text) { NULL, 0 });
		return text_to_u64((struct text) { rest.ptr + 7, rest.len - 7 }, &rounds) &&
		       rounds <= ROUNDS_MAX;
	}
	return is_prefix(hash, "$1$") || is_prefix(hash, "$y$j9T$") || is_prefix(hash, "$2b$05$") ||
	       (hash[0] != '$' && hash[0] != '_' && strlen(hash) == 13);
}

static bool is_hash_of(const char *hash, const char *password, struct crypt_data *data)
{
	const char *made = crypt_rn(password, hash, data, (int)sizeof *data);

	return made && strcmp(made, hash) == 0;
}

/* The password behind HASH, when it is one of the first that are tried; else NULL. */
static const char *guess(const char *hash, const char *name, struct crypt_data *data)
{
	static const char *const passwords[] = {
		"root",   "toor",   "password", "admin", "changeme", "123456", "12345678",
		"debian", "ubuntu", "vagrant",  "linux", "lxc",      "lxd",    "test",
	};

	if (is_hash_of(hash, name, data))
		return "the name itself";
	if (is_hash_of(hash, "", data))
		return "empty";
	for (size_t i = 0; i < ARRAY_LEN(passwords); i++)
		if (is_hash_of(hash, passwords[i], data))
			return passwords[i];
	return NULL;
}

static void check_hash(struct lint_site *site, const char *path, struct text name_text, struct text hash_text,
		       unsigned *tried)
{
	auto_free char *name = xstrndup(name_text.ptr, name_text.len);
	auto_free char *hash = xstrndup(hash_text.ptr, hash_text.len);
	auto_free struct crypt_data *data = xcalloc(1, sizeof *data);
	const char *password = NULL;

	if (is_quick(hash) && ++*tried <= HASHES_MAX)
		password = guess(hash, name, data);
	if (password)
		lint_say(site, RULE_DEFAULT_PASSWORD, path, "the password of '%s' is %s", name, password);
	else if (strcmp(name, "root") == 0)
		lint_say(site, RULE_ROOT_PASSWORD, path, "root has a password");
}

/* '*' and what begins with '!' match no password; 'x' belongs to passwd. */
static void check_passwords(struct lint_site *site, const char *path)
{
	struct text rest = lint_text(site, path);
	struct fields fields;
	unsigned tried = 0;

	while (next_fields(&rest, &fields)) {
		struct text hash = fields.count > 1 ? fields.items[1] : TEXT("");

		if (is_of_nis(fields.items[0]))
			continue;
		if (fields.count < 2)
			lint_say(site, RULE_ACCOUNT_BROKEN, path, "a line without a password field");
		else if (hash.len == 0)
			lint_say(site, RULE_EMPTY_PASSWORD, path, "'%.*s' has an empty password",
				 TEXT_ARG(fields.items[0]));
		else if (!strchr("*!", hash.ptr[0]) && hash.len >= HASH_LEN_MIN)
			check_hash(site, path, fields.items[0], hash, &tried);
	}
}

static void check_shadow_modes(struct lint_site *site)
{
	static const char *const paths[] = { "etc/shadow", "etc/gshadow" };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		const struct lint_file *file = lint_find(site, text_of(paths[i]));

		if (file && S_ISREG(file->mode) && ((file->mode & 0027) || file->uid != 0))
			lint_say(site, RULE_SHADOW_READABLE, paths[i], "mode %04o, owner %u",
				 (unsigned)file->mode & 07777, (unsigned)file->uid);
	}
}

/* An id that no account has, and how many files have it. */
struct stranger {
	uint32_t id;
	size_t count;
	const char *path;
};

struct strangers {
	struct stranger items[STRANGERS_MAX];
	size_t count;
};

static void meet(struct strangers *strangers, uint32_t id, const char *path)
{
	for (size_t i = 0; i < strangers->count; i++)
		if (strangers->items[i].id == id) {
			strangers->items[i].count++;
			return;
		}
	if (strangers->count < STRANGERS_MAX)
		strangers->items[strangers->count++] = (struct stranger) { id, 1, path };
}

static void check_owners(struct lint_site *site, enum lint_id_kind kind)
{
	struct strangers strangers = { .count = 0 };
	uint32_t known = 0;

	if (!site->has_ids[kind])
		return;
	for (size_t i = 0; i < site->count; i++) {
		const struct lint_file *file = site->files[i];
		uint32_t id = kind == LINT_USERS ? file->uid : file->gid;

		if (id == 0 || id == known)
			continue;
		if (has_name(site, kind, id))
			known = id;
		else
			meet(&strangers, id, file->path);
	}
	for (size_t i = 0; i < strangers.count; i++)
		lint_say(site, RULE_UNKNOWN_OWNER, strangers.items[i].path,
			 "%s %u has no name; %zu file%s with it%s", kind == LINT_USERS ? "user" : "group",
			 strangers.items[i].id, strangers.items[i].count,
			 strangers.items[i].count == 1 ? "" : "s",
			 strangers.items[i].id >= 65536 ? " (ids of a user namespace?)" : "");
}

/* Files of the system that a person owns. A package may ship files that a system user owns. */
static void check_user_owned(struct lint_site *site)
{
	static const char *const folders[] = { "usr/", "bin/", "sbin/", "lib/", "boot/", "etc/" };

	for (size_t i = 0; i < site->count; i++) {
		const struct lint_file *file = site->files[i];

		if (file->uid < USER_ID_MIN || file->uid == NOBODY_ID || is_prefix(file->path, "usr/local/"))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(folders); k++)
			if (is_prefix(file->path, folders[k]))
				lint_say(site, RULE_USER_OWNED, file->path, "owned by user %u",
					 (unsigned)file->uid);
	}
}

void lint_accounts_end(struct lint_site *site)
{
	check_passwords(site, "etc/passwd");
	check_passwords(site, "etc/shadow");
	check_shadow_modes(site);
	check_owners(site, LINT_USERS);
	check_owners(site, LINT_GROUPS);
	check_user_owned(site);
}
