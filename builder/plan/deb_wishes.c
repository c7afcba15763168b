/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/deb_plan.h"

#include "index/index.h"
#include "recipe/recipe.h"

enum { PROVIDERS_NAMED_MAX = 8 };

bool deb_wishes_have(const struct deb_wishes *wishes, const struct deb_package *package)
{
	for (size_t i = 0; i < wishes->count; i++)
		if (wishes->requests[i].package == package && !wishes->requests[i].remove)
			return true;
	return false;
}

void deb_wishes_add(struct deb_wishes *wishes, struct deb_request request, enum plan_why why,
		    const struct recipe_name *name)
{
	for (size_t i = 0; i < wishes->count; i++) {
		struct deb_request *old = &wishes->requests[i];

		if (old->package != request.package || old->remove != request.remove)
			continue;
		if (request.version) {
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

/* "vim=1:2", "vim-" taken apart. */
struct spelling {
	struct text package;
	struct text version; /* ptr NULL: none */
	bool minus;
};

static bool has_versions(const struct deb_index *index, struct text name)
{
	const struct deb_package *package = deb_index_find(index, name);

	return package && package->versions;
}

/* The words that apt takes for the architecture of the root, besides its name. */
static bool is_own_architecture(const struct deb_index *index, struct text architecture)
{
	return text_is(architecture, index->architecture) || text_is(architecture, "native") ||
	       text_is(architecture, "any") || text_is(architecture, "all");
}

static int take_apart(const struct recipe_name *name, const struct deb_index *index, struct spelling *out,
		      struct error *e)
{
	struct spelling s = { .package = text_cut(text_of(name->text), '=', &s.version) };
	struct text architecture;

	if (!s.version.ptr && s.package.len > 1 && !has_versions(index, s.package)) {
		char last = s.package.ptr[s.package.len - 1];

		s.minus = last == '-';
		if (s.minus || last == '+')
			s.package.len--;
	}
	s.package = text_cut(s.package, ':', &architecture);
	if (architecture.ptr && !is_own_architecture(index, architecture))
		return error_at(
			e, ERROR_UNSUPPORTED, &name->place,
			"package '%s': packages of a foreign architecture are not installed by this version",
			name->text);
	for (size_t i = 0; i < s.package.len; i++)
		if (strchr("/*?^~[]()|$", s.package.ptr[i]))
			return error_at(
				e, ERROR_UNSUPPORTED, &name->place,
				"package '%s': suites, tasks and patterns are not read by this version",
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

/* The only package whose candidate provides VIRTUAL. */
static int only_provider(const struct recipe_name *name, const struct deb_index *index,
			 const struct deb_package *virtual, struct deb_package **out, struct error *e)
{
	struct buffer AUTO(buffer_release) list = BUFFER_INIT;
	struct deb_package *found = NULL;
	size_t count = 0;

	for (const struct deb_provide *p = virtual->provides; p; p = p->next) {
		struct deb_package *owner = p->owner->package;

		if (deb_candidate(owner) != p->owner || owner == found)
			continue;
		if (count < PROVIDERS_NAMED_MAX)
			buffer_addf(&list, "%s'%.*s'", count ? ", " : "", TEXT_ARG(owner->name));
		found = owner;
		count++;
	}
	if (count == 0)
		return unknown_package(index, name, virtual->name, e);
	if (count > 1)
		return error_at(e, ERROR_PLAN, &name->place,
				"package '%.*s' is virtual; name one of those that provide it: %s%s",
				TEXT_ARG(virtual->name), list.data, count > PROVIDERS_NAMED_MAX ? ", …" : "");
	*out = found;
	return 0;
}

static int find_version(const struct recipe_name *name, struct deb_package *package, struct text wanted,
			struct deb_version **out, struct error *e)
{
	for (struct deb_version *version = package->versions; version; version = version->next)
		if (text_equal(version->version, wanted)) {
			*out = version;
			return 0;
		}
	return error_at(e, ERROR_PLAN, &name->place,
			"no archive has version '%.*s' of '%.*s'; the newest is '%.*s'", TEXT_ARG(wanted),
			TEXT_ARG(package->name), TEXT_ARG(package->versions->version));
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

int deb_wishes_add_name(struct deb_wishes *wishes, const struct recipe_name *name, bool remove,
			const struct deb_index *index, struct error *e)
{
	struct deb_request request = { .remove = remove };
	struct spelling spelling = { .minus = false };

	if (take_apart(name, index, &spelling, e) < 0)
		return -1;
	request.package = deb_index_find(index, spelling.package);
	if (!request.package || (!request.package->versions && !request.package->provides))
		return unknown_package(index, name, spelling.package, e);
	if (!request.package->versions &&
	    only_provider(name, index, request.package, &request.package, e) < 0)
		return -1;
	if (spelling.version.ptr &&
	    find_version(name, request.package, spelling.version, &request.version, e) < 0)
		return -1;
	if (request.version && request.package->state && request.package->state->current &&
	    request.package->state->current != request.version)
		return error_at(e, ERROR_UNSUPPORTED, &name->place,
				"package '%s': another version is installed already by an earlier step",
				name->text);
	request.remove |= spelling.minus;
	if (check_contradiction(wishes, &request, name, e) < 0)
		return -1;
	deb_wishes_add(wishes, request, WHY_RECIPE, name);
	return 0;
}
