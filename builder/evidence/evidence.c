/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/evidence.h"

#include "base/alloc.h"
#include "evidence/bom.h"
#include "evidence/provenance.h"
#include "family.h"
#include "image/delivery.h"

static const struct {
	enum evidence_kind kind;
	const char *word;
	const char *suffix;
} kinds_known[] = {
	{ EVIDENCE_MANIFEST, "manifest", ".manifest" },
	{ EVIDENCE_SPDX, "spdx", ".spdx.json" },
	{ EVIDENCE_CYCLONEDX, "cyclonedx", ".cdx.json" },
	{ EVIDENCE_PROVENANCE, "provenance", ".provenance.json" },
	{ EVIDENCE_LOG, "log", ".log" },
};

#define ALL_KINDS \
	((unsigned)(EVIDENCE_MANIFEST | EVIDENCE_SPDX | EVIDENCE_CYCLONEDX | EVIDENCE_PROVENANCE | \
		    EVIDENCE_LOG))

static unsigned parse_word(struct text word)
{
	if (text_is(word, "sbom"))
		return EVIDENCE_SPDX | EVIDENCE_CYCLONEDX;
	for (size_t i = 0; i < ARRAY_LEN(kinds_known); i++)
		if (text_is(word, kinds_known[i].word))
			return kinds_known[i].kind;
	return 0;
}

int evidence_parse(const char *words, unsigned *kinds, struct error *e)
{
	struct text rest = text_of(words);
	unsigned found = 0;

	if (strcmp(words, "none") == 0 || strcmp(words, "all") == 0) {
		*kinds = words[0] == 'n' ? 0 : ALL_KINDS;
		return 0;
	}
	do {
		struct text word = text_cut(rest, ',', &rest);
		unsigned kind = parse_word(word);

		if (!kind)
			return error_set(e, ERROR_USAGE,
					 "--evidence: unknown kind '%.*s' (possible: manifest, spdx, "
					 "cyclonedx, sbom, provenance, log; or all, or none)",
					 TEXT_ARG(word));
		found |= kind;
	} while (rest.ptr);
	*kinds = found;
	return 0;
}

char *evidence_file_name(const char *name, enum evidence_kind kind)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds_known); i++)
		if (kinds_known[i].kind == kind)
			return xasprintf("%s%s", name, kinds_known[i].suffix);
	return NULL;
}

void evidence_release(struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->count; i++)
		free(evidence->files[i].file.name);
	free(evidence->files);
	*evidence = EVIDENCE_INIT;
}

/* Files on their way. */
struct writing {
	const struct evidence_options *options;
	struct evidence evidence;
};

static void writing_release(struct writing *writing)
{
	evidence_release(&writing->evidence);
}

static int add_file(struct writing *writing, enum evidence_kind kind, const char *text, size_t len,
		    struct error *e)
{
	auto_free char *name = evidence_file_name(writing->options->name, kind);
	struct evidence_file file = { .file = { .size_bytes = len, .sha256 = sha256_of(text, len) } };

	if (delivery_add_text(writing->options->delivery, name, text, len, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(kinds_known); i++)
		if (kinds_known[i].kind == kind)
			file.kind = kinds_known[i].word;
	file.file.name = TAKE(name, NULL);
	PUSH(writing->evidence.files, writing->evidence.count, file);
	return 0;
}

static int add_text(struct writing *writing, enum evidence_kind kind, const char *text, struct error *e)
{
	return add_file(writing, kind, text, strlen(text), e);
}

static int write_manifest(struct writing *writing, const struct inventory *inventory, struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;

	inventory_print(inventory, &text);
	return add_file(writing, EVIDENCE_MANIFEST, text.data ? text.data : "", text.len, e);
}

static int write_spdx(struct writing *writing, const struct bom *bom, struct error *e)
{
	auto_free char *text = spdx_make(bom);

	return add_text(writing, EVIDENCE_SPDX, text, e);
}

static int write_cyclonedx(struct writing *writing, const struct bom *bom, struct error *e)
{
	auto_free char *text = cyclonedx_make(bom);

	return add_text(writing, EVIDENCE_CYCLONEDX, text, e);
}

static int write_provenance(struct writing *writing, const struct bom *bom, struct error *e)
{
	auto_free char *text = NULL;

	if (provenance_make(writing->options, bom, &writing->evidence, &text, e) < 0)
		return -1;
	return add_text(writing, EVIDENCE_PROVENANCE, text, e);
}

/* The last one names the others, so the order matters. */
static int write_all(struct writing *writing, const struct inventory *inventory, struct error *e)
{
	const struct evidence_options *options = writing->options;
	struct bom bom = {
		.name = options->name,
		.recipe = options->recipe,
		.indexes = options->indexes,
		.artefacts = options->artefacts,
		.inventory = inventory,
		.epoch_s = options->epoch_s,
	};

	if ((options->kinds & EVIDENCE_MANIFEST) && write_manifest(writing, inventory, e) < 0)
		return -1;
	if ((options->kinds & EVIDENCE_SPDX) && write_spdx(writing, &bom, e) < 0)
		return -1;
	if ((options->kinds & EVIDENCE_CYCLONEDX) && write_cyclonedx(writing, &bom, e) < 0)
		return -1;
	if ((options->kinds & EVIDENCE_PROVENANCE) && write_provenance(writing, &bom, e) < 0)
		return -1;
	return 0;
}

/* Under the name of this image lies nothing that tells of another one. */
static void remove_old(const struct evidence_options *options)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds_known); i++) {
		auto_free char *name = evidence_file_name(options->name, kinds_known[i].kind);

		if (!(options->kinds & kinds_known[i].kind))
			delivery_add_old(options->delivery, name);
	}
}

static void tell(const struct evidence_options *options, const struct inventory *inventory)
{
	size_t absent = inventory->copyright_counts[COPYRIGHT_ABSENT];

	log_detail(options->log,
		   "licences: of %zu packages from their copyright files, %zu files for people only, %zu "
		   "malformed, %zu missing",
		   inventory->copyright_counts[COPYRIGHT_READ],
		   inventory->copyright_counts[COPYRIGHT_FREE_TEXT],
		   inventory->copyright_counts[COPYRIGHT_MALFORMED], absent);
	if (absent)
		log_warn(options->log,
			 "%zu of %zu packages have no copyright file in the image, so the bill of materials "
			 "does not know their licences (what exclude_paths leaves out, "
			 "include: /usr/share/doc/*/copyright keeps)",
			 absent, inventory->count);
}

int evidence_write(const struct evidence_options *options, struct evidence *out, struct error *e)
{
	AUTO(writing_release) struct writing writing = { .options = options };
	auto_inventory struct inventory inventory = INVENTORY_INIT;
	bool with_bom = options->kinds & (EVIDENCE_SPDX | EVIDENCE_CYCLONEDX);
	unsigned of_packages = EVIDENCE_MANIFEST | EVIDENCE_SPDX | EVIDENCE_CYCLONEDX;
	struct meter_sum spent = { .item_count = 0 };

	if ((options->kinds & of_packages) &&
	    options->family->inventory(options->root_fd, options->plan, with_bom, &inventory, e) < 0)
		return -1;
	if (with_bom)
		tell(options, &inventory);
	if (write_all(&writing, &inventory, e) < 0 || delivery_sync(options->delivery, e) < 0)
		return -1;
	remove_old(options);
	for (size_t i = 0; i < writing.evidence.count; i++)
		spent.out_bytes += writing.evidence.files[i].file.size_bytes;
	spent.item_count = writing.evidence.count;
	meter_add(options->meter, METER_EVIDENCE, &spent);
	*out = TAKE(writing.evidence, EVIDENCE_INIT);
	return 0;
}
