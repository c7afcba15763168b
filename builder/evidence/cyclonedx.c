/* SPDX-License-Identifier: Apache-2.0 */
/* CycloneDX 1.6, as JSON. */
#include "evidence/bom.h"

#include "base/epoch.h"
#include "base/version.h"
#include "evidence/json.h"
#include "plan/plan.h"
#include "recipe/recipe.h"

static json_t *property(const char *name, const char *value)
{
	json_t *object = json_object();

	json_set(object, "name", name);
	json_set(object, "value", value);
	return object;
}

/* Fingerprints as properties: a hash belongs to one file, and the image has several forms. */
static json_t *image_json(const struct bom *bom)
{
	json_t *object = json_object();
	json_t *properties = json_array();

	json_set(object, "type", "container");
	json_set(object, "bom-ref", "image");
	json_set(object, "name", bom->name);
	json_set(object, "version", bom->recipe->image.serial);
	if (bom->artefacts->count == 1 && bom->artefacts->items[0].file_count == 1)
		json_put(object, "hashes",
			 json_digests("alg", "SHA-256", "content",
				      digest_hex(&bom->artefacts->items[0].fingerprint).text));
	for (size_t i = 0; i < bom->artefacts->count; i++) {
		const struct artefact *artefact = &bom->artefacts->items[i];
		auto_free char *name = xasprintf("kiln:fingerprint:%s", artefact->format);

		json_array_append_new(properties, property(name, digest_hex(&artefact->fingerprint).text));
	}
	json_put(object, "properties", properties);
	return object;
}

static json_t *metadata_json(const struct bom *bom)
{
	json_t *object = json_object();

	json_set(object, "timestamp", epoch_date(bom->epoch_s).text);
	json_put(object, "tools",
		 json_pack("{s:[{s:s, s:s, s:s}]}", "components", "type", "application", "name", "kiln",
			   "version", KILN_VERSION));
	json_put(object, "component", image_json(bom));
	return object;
}

static void put_supplier(json_t *object, const struct inventory_package *package)
{
	AUTO(bom_party_release) struct bom_party party;
	json_t *supplier = json_object();
	json_t *contact = json_object();

	bom_party_parse(package->maintainer, &party);
	json_set(supplier, "name", party.name);
	json_set(contact, "name", party.name);
	json_set(contact, "email", party.address);
	if (party.address)
		json_put(supplier, "contact", json_pack("[O]", contact));
	if (party.name)
		json_put(object, "supplier", json_incref(supplier));
	json_decref(contact);
	json_decref(supplier);
}

static json_t *reference(const char *type, const char *url)
{
	json_t *object = json_object();

	json_set(object, "type", type);
	json_set(object, "url", url);
	return object;
}

static json_t *references_json(const struct inventory_package *package)
{
	auto_free char *url = bom_url(package);
	json_t *list = json_array();

	if (package->homepage && is_address(package->homepage))
		json_array_append_new(list, reference("website", package->homepage));
	if (url)
		json_array_append_new(list, reference("distribution", url));
	return list;
}

/* What it was built from. */
static json_t *pedigree_json(const struct bom *bom, const struct inventory_package *package)
{
	auto_free char *purl = bom_source_purl(bom, package);
	json_t *source = json_object();

	json_set(source, "type", "library");
	json_set(source, "name", package->source_name);
	json_set(source, "version", package->source_version);
	json_set(source, "purl", purl);
	return json_pack("{s:[o]}", "ancestors", source);
}

static void put_licence(json_t *object, const struct inventory_package *package)
{
	json_t *choice;

	if (package->licence) {
		choice = json_object();
		json_set(choice, "expression", package->licence);
		json_put(object, "licenses", json_pack("[o]", choice));
		return;
	}
	json_put(object, "properties",
		 json_pack("[o]", property("kiln:licence", copyright_form_words(package->copyright))));
}

static json_t *component_json(const struct bom *bom, const struct inventory_package *package)
{
	auto_free char *purl = bom_purl(bom, package);
	json_t *object = json_object();
	json_t *references = references_json(package);

	json_set(object, "type", "library");
	json_set(object, "bom-ref", purl);
	put_supplier(object, package);
	json_set(object, "name", package->name);
	json_set(object, "version", package->version);
	json_set(object, "description", package->summary);
	if (package->planned && digest_is_set(&package->planned->sha256))
		json_put(object, "hashes",
			 json_digests("alg", "SHA-256", "content",
				      digest_hex(&package->planned->sha256).text));
	json_set(object, "purl", purl);
	json_put(object, "pedigree", pedigree_json(bom, package));
	if (json_array_size(references))
		json_put(object, "externalReferences", json_incref(references));
	put_licence(object, package);
	json_decref(references);
	return object;
}

static json_t *dependencies_json(const struct bom *bom)
{
	const struct inventory *inventory = bom->inventory;
	json_t *list = json_array();
	json_t *all = json_array();

	for (size_t i = 0; i < inventory->count; i++) {
		auto_free char *purl = bom_purl(bom, &inventory->packages[i]);

		json_array_append_new(all, json_of_text(purl));
	}
	json_array_append_new(list, json_pack("{s:s, s:O}", "ref", "image", "dependsOn", all));
	for (size_t i = 0; i < inventory->count; i++) {
		const struct inventory_package *package = &inventory->packages[i];
		json_t *on = json_array();

		for (size_t k = 0; k < package->depend_count; k++)
			json_array_append(on, json_array_get(all, package->depends[k]));
		json_array_append_new(
			list, json_pack("{s:O, s:o}", "ref", json_array_get(all, i), "dependsOn", on));
	}
	json_decref(all);
	return list;
}

char *cyclonedx_make(const struct bom *bom)
{
	auto_json json_t *document = json_object();
	auto_free char *serial = NULL;
	json_t *components = json_array();

	for (size_t i = 0; i < bom->inventory->count; i++)
		json_array_append_new(components, component_json(bom, &bom->inventory->packages[i]));
	json_set(document, "$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json");
	json_set(document, "bomFormat", "CycloneDX");
	json_set(document, "specVersion", "1.6");
	json_set(document, "serialNumber", "");
	json_put(document, "version", json_integer(1));
	json_put(document, "metadata", metadata_json(bom));
	json_put(document, "components", components);
	json_put(document, "dependencies", dependencies_json(bom));
	serial = xasprintf("urn:uuid:%s", json_uuid(document).text);
	json_set(document, "serialNumber", serial);
	return json_print(document);
}
