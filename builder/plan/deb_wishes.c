/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/deb_plan.h"

#include "index/index.h"
#include "plan/deb_release.h"
#include "recipe/recipe.h"

enum { NAMED_MAX = 8 };

bool deb_wishes_have(const struct deb_wishes *wishes, const struct deb_package *package)
{
	for (size_t i = 0; i < wishes->count; i++)
		if (wishes->requests[i].package == package && !wishes->requests[i].remove)
			return true;
	return false;
}

/* Of several versions of one package apt takes the one that it heard of last, but hears each only once. */
static bool is_news(struct deb_wishes *wishes, const struct deb_request *request)
{
	struct deb_version *version = request->version ? request->version : deb_candidate(request->package);

	for (size_t i = 0; i < wishes->mention_count; i++)
		if (wishes->mentions[i] == version)
			return false;
	PUSH(wishes->mentions, wishes->mention_count, version);
	return true;
}

void deb_wishes_add(struct deb_wishes *wishes, struct deb_request request, enum plan_why why,
		    const struct recipe_name *name)
{
	bool news = request.remove || is_news(wishes, &request);

	for (size_t i = 0; i < wishes->count; i++) {
		struct deb_request *old = &wishes->requests[i];

		if (old->package != request.package || old->remove != request.remove)
			continue;
		if (news && old->version != request.version) {
			old->version = request.version;
			wishes->names[i] = name;
		}
		return;
	}
	wishes->requests = grow(wishes->requests, wishes->count, sizeof *wishes->requests);
	wishes->whys = grow(wishes->whys, wishes->count, sizeof *wishes->whys);
	wishes->names = grow(wishes->names, wishes->count, sizeof(const struct recipe_name *));
	wishes->requests[wishes->count] = request;
	wishes->whys[wishes->count] = why;
	wishes->names[wishes->count++] = name;
}

void deb_wishes_release(struct deb_wishes *wishes)
{
	free(wishes->requests);
	free(wishes->whys);
	free(wishes->names);
	free(wishes->mentions);
	free(wishes->switches);
	*wishes = DEB_WISHES_INIT;
}

static void add_by_name(struct deb_wishes *wishes, const struct deb_index *index, const char *name)
{
	struct deb_package *package = deb_index_find(index, text_of(name));

	if (package && package->versions)
		deb_wishes_add(wishes, (struct deb_request) { .package = package }, WHY_VARIANT, NULL);
}

/* PACKAGE as the recipe's own archive has it; NULL when it is not there. */
static const struct deb_version *in_main_archive(const struct deb_index *index,
						 const struct deb_package *package)
{
	for (const struct deb_version *version = package->versions; version; version = version->next)
		if (version->file->archive == index->set->archives[0])
			return version;
	return NULL;
}

enum base_class { BASE_NONE, BASE_ESSENTIAL, BASE_PRIORITY };

static enum base_class base_class_of(const struct deb_index *index, const struct deb_package *package,
				     enum deb_priority lowest)
{
	const struct deb_version *version = in_main_archive(index, package);

	if (!version)
		return BASE_NONE;
	if (package->essential)
		return BASE_ESSENTIAL;
	return version->priority != PRIORITY_UNKNOWN && version->priority <= lowest ? BASE_PRIORITY
										    : BASE_NONE;
}

static void add_class(struct deb_wishes *wishes, const struct deb_index *index, enum deb_priority lowest,
		      enum base_class wanted)
{
	for (size_t i = 0; i < index->package_count; i++) {
		struct deb_package *package = index->packages[i];

		if (base_class_of(index, package, lowest) == wanted)
			deb_wishes_add(wishes, (struct deb_request) { .package = package },
				       wanted == BASE_ESSENTIAL ? WHY_ESSENTIAL : WHY_PRIORITY, NULL);
	}
}

int deb_wishes_add_variant(struct deb_wishes *wishes, const struct recipe *recipe,
			   const struct deb_index *index, struct error *e)
{
	const char *variant = recipe->source.variant ? recipe->source.variant : "-";
	bool buildd = strcmp(variant, "buildd") == 0;
	bool minbase = strcmp(variant, "minbase") == 0;

	if (!buildd && !minbase && strcmp(variant, "-") != 0 && strcmp(variant, "") != 0)
		return error_at(e, ERROR_UNSUPPORTED, &recipe->source.variant_place,
				"variant '%s' is not one of 'minbase', '-', 'buildd'", variant);
	add_class(wishes, index, PRIORITY_REQUIRED, BASE_ESSENTIAL);
	add_class(wishes, index, buildd || minbase ? PRIORITY_REQUIRED : PRIORITY_IMPORTANT, BASE_PRIORITY);
	add_by_name(wishes, index, "apt");
	if (buildd)
		add_by_name(wishes, index, "build-essential");
	if (wishes->count == 0)
		return error_at(e, ERROR_PLAN, &recipe->source.place,
				"the archive has no essential packages for '%s'", index->architecture);
	return 0;
}

/* "vim=1:2", "vim/trixie", "vim-" taken apart. */
struct spelling {
	struct text package;
	struct text version; /* ptr NULL: none */
	const char *release; /* behind the slash; NULL: none */
	bool minus;
};

/* The words that apt takes for the architecture of the root, besides its name. */
static bool is_own_architecture(const struct deb_index *index, struct text architecture)
{
	return text_is(architecture, index->architecture) || text_is(architecture, "native") ||
	       text_is(architecture, "any") || text_is(architecture, "all");
}

/* WORD without the sign at its end, if it has one that counts. */
static struct spelling split(struct text word, struct deb_index *index, struct text *architecture)
{
	struct spelling s = { .package = word };

	for (size_t i = word.len; i-- > 0;) {
		struct text rest = { word.ptr + i + 1, word.len - i - 1 };

		if (word.ptr[i] != '=' && word.ptr[i] != '/')
			continue;
		s.package.len = i;
		if (word.ptr[i] == '=')
			s.version = rest;
		else
			s.release = arena_strndup(&index->arena, rest.ptr, rest.len);
		break;
	}
	s.package = text_cut(s.package, ':', architecture);
	return s;
}

static struct deb_version *find_version(const struct deb_package *package, const struct spelling *spelling)
{
	if (spelling->release)
		return deb_release_find(package, spelling->release);
	if (!spelling->version.ptr)
		return deb_candidate(package);
	for (struct deb_version *version = package->versions; version; version = version->next)
		if (text_equal(version->version, spelling->version))
			return version;
	return NULL;
}

static bool is_there(const struct deb_index *index, const struct spelling *spelling)
{
	const struct deb_package *package = deb_index_find(index, spelling->package);

	return package && find_version(package, spelling);
}

static int take_apart(const struct recipe_name *name, struct deb_index *index, struct spelling *out,
		      struct error *e)
{
	struct text word = text_of(name->text);
	char last = word.len > 1 ? word.ptr[word.len - 1] : '\0';
	struct text architecture;
	struct spelling s = split(word, index, &architecture);

	if ((last == '-' || last == '+') && !is_there(index, &s)) {
		word.len--;
		s = split(word, index, &architecture);
		s.minus = last == '-';
	}
	if (architecture.ptr && !is_own_architecture(index, architecture))
		return error_at(
			e, ERROR_UNSUPPORTED, &name->place,
			"package '%s': packages of a foreign architecture are not installed by this version",
			name->text);
	for (size_t i = 0; i < s.package.len; i++)
		if (strchr("/*?^~[]()|$", s.package.ptr[i]))
			return error_at(e, ERROR_UNSUPPORTED, &name->place,
					"package '%s': tasks and patterns are not read by this version",
					name->text);
	*out = s;
	return 0;
}

static int unknown_package(const struct deb_index *index, const struct recipe_name *name, struct text package,
			   struct error *e)
{
	struct buffer AUTO(buffer_release) near = BUFFER_INIT;

	deb_near_names(index, package, &near);
	return error_at(e, ERROR_PLAN, &name->place, "no archive has a package '%.*s'%s", TEXT_ARG(package),
			near.data ? near.data : "");
}

/* Whether PROVIDE is by a version that SPELLING could mean; here apt reads the release as a word, not a pattern. */
static bool is_meant(const struct deb_provide *provide, const struct spelling *spelling)
{
	if (spelling->release && strcmp(spelling->release, "newest") != 0 &&
	    strcmp(spelling->release, "candidate") != 0)
		return deb_release_is(provide->owner, spelling->release);
	if (spelling->version.ptr)
		return provide->version.len && text_equal(provide->version, spelling->version);
	return deb_candidate(provide->owner->package) == provide->owner;
}

/* The versions that provide VIRTUAL, if they are of one package; else 0, with their names in LIST. */
static struct deb_version *only_provider(const struct deb_package *virtual, const struct spelling *spelling,
					 struct buffer *list)
{
	struct deb_version *found = NULL;
	size_t count = 0;

	for (const struct deb_provide *p = virtual->provides; p; p = p->next) {
		struct text owner = p->owner->package->name;

		if (!is_meant(p, spelling) || (found && found->package == p->owner->package))
			continue;
		if (count < NAMED_MAX)
			buffer_addf(list, "%s'%.*s'", count ? ", " : "", TEXT_ARG(owner));
		found = p->owner;
		count++;
	}
	if (count > NAMED_MAX)
		buffer_adds(list, ", …");
	return count == 1 ? found : NULL;
}

static void add_suite(struct buffer *list, const char *suite)
{
	auto_free char *quoted = xasprintf("'%s'", suite);

	if (list->len == 0)
		buffer_adds(list, quoted);
	else if (!strstr(list->data, quoted))
		buffer_addf(list, ", %s", quoted);
}

static void not_in_release(const struct recipe_name *name, const struct deb_package *package,
			   const char *release, struct error *e)
{
	struct buffer AUTO(buffer_release) suites = BUFFER_INIT;

	for (const struct deb_version *v = package->versions; v; v = v->next) {
		add_suite(&suites, v->file->archive->suite);
		for (const struct deb_copy *copy = v->copies; copy; copy = copy->next)
			add_suite(&suites, copy->file->archive->suite);
	}
	error_at(e, ERROR_PLAN, &name->place, "no archive '%s' has a package '%.*s'; it is in: %s", release,
		 TEXT_ARG(package->name), suites.data);
}

/* The version that NAME means: of its own package, or of the only one that provides it; NULL with an error. */
static struct deb_version *choose_version(const struct recipe_name *name, const struct deb_index *index,
					  const struct deb_package *package, const struct spelling *spelling,
					  struct error *e)
{
	struct buffer AUTO(buffer_release) list = BUFFER_INIT;
	struct deb_version *found = find_version(package, spelling);

	if (!found)
		found = only_provider(package, spelling, &list);
	if (found)
		return found;
	if (list.len)
		error_at(e, ERROR_PLAN, &name->place,
			 "package '%.*s' is virtual; name one of those that provide it: %s",
			 TEXT_ARG(package->name), list.data);
	else if (!package->versions)
		unknown_package(index, name, package->name, e);
	else if (spelling->release)
		not_in_release(name, package, spelling->release, e);
	else
		error_at(e, ERROR_PLAN, &name->place,
			 "no archive has version '%.*s' of '%.*s'; the newest is '%.*s'",
			 TEXT_ARG(spelling->version), TEXT_ARG(package->name),
			 TEXT_ARG(package->versions->version));
	return NULL;
}

/* "vim" and "vim-" in one run: apt stops there too. */
static int check_contradiction(const struct deb_wishes *wishes, const struct deb_request *request,
			       const struct recipe_name *name, struct error *e)
{
	for (size_t i = 0; i < wishes->count; i++) {
		const struct recipe_name *other = wishes->names[i];

		if (wishes->requests[i].package != request->package ||
		    wishes->requests[i].remove == request->remove)
			continue;
		if (other)
			return error_at(e, ERROR_PLAN, &name->place, "'%s' contradicts '%s' (%s:%u:%u)",
					name->text, other->text, other->place.file, other->place.line,
					other->place.column);
		return error_at(e, ERROR_PLAN, &name->place,
				"'%s' contradicts the base system, which has '%.*s'; a set with 'action: "
				"remove' takes it away afterwards",
				name->text, TEXT_ARG(request->package->name));
	}
	return 0;
}

static int check_installed(const struct recipe_name *name, const struct deb_version *version, struct error *e)
{
	const struct deb_state *state = version->package->state;

	if (!state || !state->current || state->current == version)
		return 0;
	return error_at(e, ERROR_UNSUPPORTED, &name->place,
			"package '%s': another version is installed already by an earlier step", name->text);
}

int deb_wishes_add_name(struct deb_wishes *wishes, const struct recipe_name *name, bool remove,
			struct deb_index *index, struct error *e)
{
	struct deb_request request = { .remove = remove };
	struct spelling spelling = { .minus = false };
	struct deb_version *version;

	if (take_apart(name, index, &spelling, e) < 0)
		return -1;
	request.package = deb_index_find(index, spelling.package);
	if (!request.package || (!request.package->versions && !request.package->provides))
		return unknown_package(index, name, spelling.package, e);
	version = choose_version(name, index, request.package, &spelling, e);
	if (!version)
		return -1;
	request.package = version->package;
	if (spelling.version.ptr || spelling.release) {
		struct deb_switch wanted = { version, spelling.release };

		if (check_installed(name, version, e) < 0)
			return -1;
		request.version = version;
		if (spelling.release)
			PUSH(wishes->switches, wishes->switch_count, wanted);
	}
	request.remove |= spelling.minus;
	if (check_contradiction(wishes, &request, name, e) < 0)
		return -1;
	deb_wishes_add(wishes, request, WHY_RECIPE, name);
	return 0;
}
