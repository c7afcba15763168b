/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX 2.3, as JSON. */
#include "evidence/bom.h"

#include "base/epoch.h"
#include "base/version.h"
#include "evidence/json.h"
#include "evidence/purl.h"
#include "plan/plan.h"
#include "recipe/recipe.h"

#include <ctype.h>

#define IMAGE_ID "SPDXRef-Image"

/* Names of packages have small letters only, so X may stand for what an id must not have. */
static char *package_id(const struct inventory_package *package)
{
	struct buffer id = BUFFER_INIT;
	const char *const words[] = { package->name, package->architecture };

	buffer_adds(&id, "SPDXRef-Package");
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		buffer_addc(&id, '-');
		for (const unsigned char *c = (const unsigned char *)words[i]; *c; c++) {
			if (islower(*c) || isdigit(*c) || *c == '-' || *c == '.')
				buffer_addc(&id, (char)*c);
			else
				buffer_addf(&id, "X%02X", *c);
		}
	}
	return buffer_take(&id);
}

static json_t *relation(const char *from, const char *kind, const char *to)
{
	return json_pack("{s:s, s:s, s:s}", "spdxElementId", from, "relationshipType", kind,
			 "relatedSpdxElement", to);
}

/* Every package must say these; what nobody has looked into is said so. */
static void put_unknown(json_t *object)
{
	json_set(object, "licenseConcluded", "NOASSERTION");
	json_set(object, "copyrightText", "NOASSERTION");
}

static json_t *image_json(const struct bom *bom)
{
	json_t *object = json_object();

	json_set(object, "SPDXID", IMAGE_ID);
	json_set(object, "name", bom->name);
	json_set(object, "versionInfo", bom->recipe->image.serial);
	json_set(object, "downloadLocation", "NOASSERTION");
	json_put(object, "filesAnalyzed", json_false());
	json_set(object, "primaryPackagePurpose", "CONTAINER");
	put_unknown(object);
	json_set(object, "licenseDeclared", "NOASSERTION");
	return object;
}

static char *artefact_id(const struct artefact *artefact)
{
	return xasprintf("SPDXRef-Artefact-%s", artefact->format);
}

/* One form in which the image is published; its checksum is its fingerprint. */
static json_t *artefact_json(const struct bom *bom, const struct artefact *artefact)
{
	auto_free char *id = artefact_id(artefact);
	auto_free char *name = xasprintf("%s (%s)", bom->name, artefact->format);
	auto_buffer struct buffer comment = BUFFER_INIT;
	json_t *object = json_object();

	json_set(object, "SPDXID", id);
	json_set(object, "name", name);
	json_set(object, "versionInfo", bom->recipe->image.serial);
	json_set(object, "downloadLocation", "NOASSERTION");
	json_put(object, "filesAnalyzed", json_false());
	json_set(object, "primaryPackagePurpose", "ARCHIVE");
	json_put(object, "checksums",
		 json_digests("algorithm", "SHA256", "checksumValue",
			      digest_hex(&artefact->fingerprint).text));
	put_unknown(object);
	json_set(object, "licenseDeclared", "NOASSERTION");
	if (artefact->file_count == 1) {
		json_set(object, "packageFileName", artefact->files[0].name);
		return object;
	}
	buffer_adds(&comment,
		    "The checksum, the image's fingerprint, is that of these files one behind the other:");
	for (size_t i = 0; i < artefact->file_count; i++)
		buffer_addf(&comment, " %s", artefact->files[i].name);
	json_set(object, "comment", comment.data);
	return object;
}

static void put_supplier(json_t *object, const struct inventory_package *package)
{
	AUTO(bom_party_release) struct bom_party party;
	auto_free char *text = NULL;

	bom_party_parse(package->maintainer, &party);
	if (!party.name)
		return;
	text = xasprintf("%s: %s%s%s%s", party.is_group ? "Organization" : "Person", party.name,
			 party.address ? " (" : "", party.address ? party.address : "",
			 party.address ? ")" : "");
	json_set(object, "supplier", text);
}

static void put_origin(json_t *object, const struct inventory_package *package)
{
	auto_free char *url = bom_url(package);
	auto_free char *source =
		xasprintf("built from source package %s %s", package->source_name, package->source_version);

	json_set(object, "downloadLocation", url ? url : "NOASSERTION");
	json_put(object, "filesAnalyzed", json_false());
	if (package->planned && digest_is_set(&package->planned->sha256))
		json_put(object, "checksums",
			 json_digests("algorithm", "SHA256", "checksumValue",
				      digest_hex(&package->planned->sha256).text));
	if (package->homepage && is_address(package->homepage))
		json_set(object, "homepage", package->homepage);
	json_set(object, "sourceInfo", source);
}

static json_t *package_json(const struct bom *bom, const struct inventory_package *package)
{
	auto_free char *id = package_id(package);
	auto_free char *purl = bom_purl(bom, package);
	json_t *object = json_object();

	json_set(object, "SPDXID", id);
	json_set(object, "name", package->name);
	json_set(object, "versionInfo", package->version);
	put_supplier(object, package);
	put_origin(object, package);
	put_unknown(object);
	json_set(object, "licenseDeclared", package->licence ? package->licence : "NOASSERTION");
	if (!package->licence)
		json_set(object, "licenseComments", copyright_form_words(package->copyright));
	json_set(object, "summary", package->summary);
	json_put(object, "externalRefs",
		 json_pack("[{s:s, s:s, s:s}]", "referenceCategory", "PACKAGE-MANAGER", "referenceType",
			   "purl", "referenceLocator", purl));
	return object;
}

static json_t *packages_json(const struct bom *bom)
{
	json_t *list = json_array();

	json_array_append_new(list, image_json(bom));
	for (size_t i = 0; i < bom->artefacts->count; i++)
		json_array_append_new(list, artefact_json(bom, &bom->artefacts->items[i]));
	for (size_t i = 0; i < bom->inventory->count; i++)
		json_array_append_new(list, package_json(bom, &bom->inventory->packages[i]));
	return list;
}

static json_t *relations_json(const struct bom *bom)
{
	const struct inventory *inventory = bom->inventory;
	struct arena arena = ARENA_INIT;
	const char **ids = arena_alloc(&arena, (inventory->count + 1) * sizeof *ids);
	json_t *list = json_array();

	json_array_append_new(list, relation("SPDXRef-DOCUMENT", "DESCRIBES", IMAGE_ID));
	for (size_t i = 0; i < bom->artefacts->count; i++) {
		auto_free char *id = artefact_id(&bom->artefacts->items[i]);

		json_array_append_new(list, relation(IMAGE_ID, "DISTRIBUTION_ARTIFACT", id));
	}
	for (size_t i = 0; i < inventory->count; i++) {
		auto_free char *id = package_id(&inventory->packages[i]);

		ids[i] = arena_strdup(&arena, id);
		json_array_append_new(list, relation(IMAGE_ID, "CONTAINS", id));
	}
	for (size_t i = 0; i < inventory->count; i++)
		for (size_t k = 0; k < inventory->packages[i].depend_count; k++)
			json_array_append_new(
				list, relation(ids[i], "DEPENDS_ON", ids[inventory->packages[i].depends[k]]));
	arena_release(&arena);
	return list;
}

/* SPDX wants the text of every licence that it does not know. */
static json_t *licences_json(const struct inventory *inventory)
{
	json_t *list = json_array();

	for (size_t i = 0; i < inventory->licence_count; i++) {
		const struct inventory_licence *licence = inventory->licences[i];
		json_t *object = json_object();

		json_set(object, "licenseId", licence->id);
		json_set(object, "name", licence->name);
		json_set(object, "extractedText",
			 *licence->text ? licence->text
					: "The copyright file names this licence without a text.");
		json_array_append_new(list, object);
	}
	return list;
}

char *spdx_make(const struct bom *bom)
{
	auto_json json_t *document = json_object();
	auto_buffer struct buffer namespace = BUFFER_INIT;

	json_set(document, "spdxVersion", "SPDX-2.3");
	json_set(document, "dataLicense", "CC0-1.0");
	json_set(document, "SPDXID", "SPDXRef-DOCUMENT");
	json_set(document, "name", bom->name);
	json_set(document, "documentNamespace", "");
	json_put(document, "creationInfo",
		 json_pack("{s:s, s:[s]}", "created", epoch_date(bom->epoch_s).text, "creators",
			   "Tool: kiln-" KILN_VERSION));
	json_put(document, "packages", packages_json(bom));
	json_put(document, "relationships", relations_json(bom));
	if (bom->inventory->licence_count)
		json_put(document, "hasExtractedLicensingInfos", licences_json(bom->inventory));
	/* Unique as the format asks, and the same for the same content: no clock and no chance. */
	buffer_adds(&namespace, "https://spdx.org/spdxdocs/");
	percent_encode(bom->name, "", &namespace);
	buffer_addf(&namespace, "-%s", json_uuid(document).text);
	json_set(document, "documentNamespace", namespace.data);
	return json_print(document);
}
