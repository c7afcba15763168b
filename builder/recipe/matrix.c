/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/matrix.h"

#include "base/limits.h"
#include "base/map.h"
#include "recipe/architecture.h"
#include "recipe/check.h"
#include "recipe/filter.h"
#include "recipe/merge.h"
#include "recipe/override.h"

/* The values that one kind of thing takes: those of an axis, or what the image has. */
struct axis {
	const struct recipe_name *names;
	size_t count;
	struct recipe_name own;
};

static void axis_set(struct axis *axis, const struct recipe_name *names, size_t count, const char *own,
		     const struct place *place)
{
	axis->own = (struct recipe_name) { own, *place };
	axis->names = count ? names : &axis->own;
	axis->count = count ? count : 1;
}

static int check_double(const struct recipe_name *names, size_t count, const char *axis, struct error *e)
{
	auto_map struct map seen = MAP_INIT;

	for (size_t i = 0; i < count; i++)
		if (map_put(&seen, text_of(names[i].text), (void *)1))
			return error_at(e, ERROR_RECIPE, &names[i].place, "'%s' stands twice in 'matrix.%s'",
					names[i].text, axis);
	return 0;
}

/* The image of CELL, as far as filters look at it. */
static int describe(const struct recipe *recipe, const struct recipe_cell *cell, struct recipe *image,
		    struct error *e)
{
	*image = *recipe;
	image->image.release = cell->release;
	image->image.variant = cell->variant;
	image->type = cell->type;
	return recipe_name_architecture(image, cell->architecture, &cell->architecture_place, e);
}

/* 1 or 0; -1 when a release cannot be compared. */
static int is_excluded(const struct recipe *recipe, const struct recipe *image, struct error *e)
{
	int result = 0;

	for (size_t i = 0; i < recipe->matrix.exclude_count && result == 0; i++)
		result = filter_admits(&recipe->matrix.excludes[i].filter, image, e);
	return result;
}

/* What `image` says itself may hold anything; in names of files it may not. */
static const char *name_of(struct arena *arena, const struct recipe_cell *cell)
{
	const char *parts[] = { cell->release, cell->architecture_mapped, cell->variant,
				strcmp(cell->type, "container") == 0 ? "" : cell->type };
	auto_buffer struct buffer name = BUFFER_INIT;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (parts[i][0])
			buffer_addf(&name, "%s%s", name.len ? "-" : "", parts[i]);
	for (size_t i = 0; i < name.len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+~-",
			    name.data[i]))
			name.data[i] = '_';
	if (name.len && name.data[0] == '.')
		name.data[0] = '_';
	return arena_strndup(arena, name.data, name.len);
}

/* Add the cell of these positions on the axes, unless it is excluded. */
static int add_cell(struct recipe *recipe, const struct recipe_name *const names[4],
		    struct recipe_cell **cells, size_t *count, struct error *e)
{
	struct recipe_cell cell = {
		.release = names[0]->text,
		.architecture = names[1]->text,
		.variant = names[2]->text,
		.type = names[3]->text,
		.release_place = names[0]->place,
		.architecture_place = names[1]->place,
		.variant_place = names[2]->place,
		.type_place = names[3]->place,
	};
	struct recipe image;
	int excluded;

	if (describe(recipe, &cell, &image, e) < 0)
		return -1;
	excluded = is_excluded(recipe, &image, e);
	if (excluded)
		return excluded < 0 ? -1 : 0;
	if (*count == LIMIT_RECIPE_MATRIX)
		return error_at(e, ERROR_RECIPE, &recipe->matrix.place, "a matrix of more than %d images",
				LIMIT_RECIPE_MATRIX);
	cell.architecture_mapped = image.architecture_mapped;
	cell.name = name_of(&recipe->arena, &cell);
	ARENA_PUSH(&recipe->arena, *cells, *count, cell);
	return 0;
}

static int check_names(const struct recipe_cell *cells, size_t count, struct error *e)
{
	auto_map struct map seen = MAP_INIT;

	for (size_t i = 0; i < count; i++)
		if (map_put(&seen, text_of(cells[i].name), (void *)1))
			return error_at(e, ERROR_RECIPE, &cells[i].architecture_place,
					"two images of the matrix are called '%s'", cells[i].name);
	return 0;
}

static int check_axes(const struct recipe_matrix *matrix, struct error *e)
{
	double product = 1;
	const size_t counts[] = { matrix->release_count, matrix->architecture_count, matrix->variant_count,
				  matrix->type_count };

	if (check_double(matrix->releases, matrix->release_count, "release", e) < 0 ||
	    check_double(matrix->architectures, matrix->architecture_count, "architecture", e) < 0 ||
	    check_double(matrix->variants, matrix->variant_count, "variant", e) < 0 ||
	    check_double(matrix->types, matrix->type_count, "type", e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		product *= counts[i] ? (double)counts[i] : 1;
	/* Before what is excluded: each is looked at. */
	if (product > 10 * LIMIT_RECIPE_MATRIX)
		return error_at(e, ERROR_RECIPE, &matrix->place, "a matrix of %.0f combinations", product);
	return 0;
}

int recipe_cells(struct recipe *recipe, struct recipe_cell **cells, size_t *count, struct error *e)
{
	const struct recipe_matrix *matrix = &recipe->matrix;
	const struct recipe_image *image = &recipe->image;
	struct axis axes[4];
	struct recipe_cell *found = NULL;
	size_t used = 0;
	size_t product = 1;

	if (check_axes(matrix, e) < 0)
		return -1;
	axis_set(&axes[0], matrix->releases, matrix->release_count, image->release, &image->place);
	axis_set(&axes[1], matrix->architectures, matrix->architecture_count, image->architecture,
		 &image->architecture_place);
	axis_set(&axes[2], matrix->variants, matrix->variant_count, image->variant, &image->place);
	axis_set(&axes[3], matrix->types, matrix->type_count, recipe->type, &image->place);
	for (size_t i = 0; i < ARRAY_LEN(axes); i++)
		product *= axes[i].count;
	for (size_t i = 0; i < product; i++) {
		const struct recipe_name *names[4];
		size_t rest = i;

		for (size_t k = ARRAY_LEN(axes); k-- > 0; rest /= axes[k].count)
			names[k] = &axes[k].names[rest % axes[k].count];
		if (add_cell(recipe, names, &found, &used, e) < 0)
			return -1;
	}
	if (used == 0)
		return error_at(e, ERROR_RECIPE, &matrix->place, "the matrix leaves no image");
	*cells = found;
	*count = used;
	return check_names(found, used, e);
}

/* The place of a cell that may belong to another reading of the recipe. */
static struct place own_place(struct arena *arena, const struct place *place)
{
	struct place own = *place;

	own.file = arena_strdup(arena, place->file ? place->file : "matrix");
	return own;
}

static bool is_said(const struct node *tree, const char *key)
{
	const struct node_pair *image = node_find(tree, "image");
	const struct node_pair *pair =
		image && image->value->kind == NODE_MAP ? node_find(image->value, key) : NULL;

	return pair && pair->value->kind == NODE_SCALAR && pair->value->text[0] && !pair->value->null;
}

static struct recipe_name host_architecture(const struct recipe_matrix *matrix)
{
	const struct architecture *host = architecture_of_host();

	for (size_t i = 0; i < matrix->architecture_count; i++)
		if (host && architecture_find(matrix->architectures[i].text) == host)
			return matrix->architectures[i];
	return matrix->architectures[0];
}

/* The image that RECIPE is about, when nobody has named a cell. */
static struct recipe_cell default_cell(const struct recipe *recipe)
{
	const struct recipe_matrix *matrix = &recipe->matrix;
	const struct recipe_image *image = &recipe->image;
	/* Options have been applied to this tree. */
	const struct node *tree = recipe->tree;
	struct recipe_name release = { image->release, image->place };
	struct recipe_name architecture = { image->architecture, image->architecture_place };
	struct recipe_name variant = { image->variant, image->place };
	struct recipe_name type = { recipe->type, image->place };

	if (matrix->release_count && !is_said(tree, "release"))
		release = matrix->releases[0];
	if (matrix->architecture_count && !is_said(tree, "architecture"))
		architecture = host_architecture(matrix);
	if (matrix->variant_count && !is_said(tree, "variant"))
		variant = matrix->variants[0];
	if (matrix->type_count)
		type = matrix->types[0];
	return (struct recipe_cell) {
		.release = release.text,
		.release_place = release.place,
		.architecture = architecture.text,
		.architecture_place = architecture.place,
		.variant = variant.text,
		.variant_place = variant.place,
		.type = type.text,
		.type_place = type.place,
	};
}

static int set_image(struct recipe *recipe, const struct recipe_cell *cell, struct node **tree,
		     struct error *e)
{
	const struct recipe_matrix *matrix = &recipe->matrix;
	const struct {
		const char *key;
		const char *value;
		const struct place *place;
		bool set;
	} values[] = {
		/* What `image` says itself, or a default, stays as it is. */
		{ "image.release", cell->release, &cell->release_place,
		  matrix->release_count && cell->release != recipe->image.release },
		{ "image.architecture", cell->architecture, &cell->architecture_place,
		  matrix->architecture_count && cell->architecture != recipe->image.architecture },
		{ "image.variant", cell->variant, &cell->variant_place,
		  matrix->variant_count && cell->variant != recipe->image.variant },
	};

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct place place = own_place(&recipe->arena, values[i].place);

		if (values[i].set &&
		    override_set(&recipe->arena, values[i].key, arena_strdup(&recipe->arena, values[i].value),
				 &place, tree, e) < 0)
			return -1;
	}
	return 0;
}

static void take_out(struct arena *arena, struct node **tree, const char *key)
{
	struct node *copy = arena_alloc(arena, sizeof *copy);

	*copy = **tree;
	copy->pairs = NULL;
	copy->count = 0;
	for (size_t i = 0; i < (*tree)->count; i++)
		if (strcmp((*tree)->pairs[i].key, key) != 0)
			ARENA_PUSH(arena, copy->pairs, copy->count, (*tree)->pairs[i]);
	*tree = copy;
}

/* Lay what the matrix sets for IMAGE over *tree. */
static int set_overrides(struct recipe *recipe, const struct recipe *image, struct node **tree,
			 struct error *e)
{
	struct merger merger = { .arena = &recipe->arena };

	for (size_t i = 0; i < recipe->matrix.override_count; i++) {
		const struct matrix_override *override = &recipe->matrix.overrides[i];
		int admitted = filter_admits(&override->filter, image, e);

		if (admitted < 0 ||
		    (admitted &&
		     merge_over(&merger, *tree, (struct node *)(uintptr_t) override->set, tree, e) < 0))
			return -1;
	}
	return 0;
}

int matrix_choose(struct recipe *recipe, const struct recipe_options *options, struct node **tree,
		  struct error *e)
{
	struct recipe_cell chosen = options->cell ? *options->cell : default_cell(recipe);
	struct recipe image;

	if (options->type)
		chosen.type = options->type;
	if (describe(recipe, &chosen, &image, e) < 0 || set_image(recipe, &chosen, tree, e) < 0 ||
	    set_overrides(recipe, &image, tree, e) < 0)
		return -1;
	recipe->type = arena_strdup(&recipe->arena, chosen.type);
	if (options->cell)
		take_out(&recipe->arena, tree, "matrix");
	return 0;
}
