/* SPDX-License-Identifier: Apache-2.0 */
#include "check/inspect.h"

#include "check/findings.h"
#include "check/verify_beside.h"

#include <jansson.h>
#include <time.h>

enum { LINES_MAX = 10, PLACES_MAX = 100 };

static const char *format_name(const struct image_facts *facts)
{
	if (facts->kind == IMAGE_UNIFIED)
		return "unified";
	return facts->is_squashfs ? "squashfs" : "split";
}

struct date {
	char text[32];
};

static struct date date_of(int64_t epoch_s)
{
	struct date date = { "" };
	time_t time = (time_t)epoch_s;
	struct tm tm;

	if (!gmtime_r(&time, &tm) || strftime(date.text, sizeof date.text, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		snprintf(date.text, sizeof date.text, "%lld", (long long)epoch_s);
	return date;
}

/* ---- for people */

static void line(struct buffer *out, const char *what, const char *text)
{
	auto_free char *clean = printable(text);

	buffer_addf(out, "  %-13s%s\n", what, clean);
}

static void print_metadata(const struct metadata *metadata, struct buffer *out)
{
	line(out, "architecture", metadata->architecture);
	line(out, "created", date_of(metadata->creation_date).text);
	line(out, "expires", metadata->expiry_date ? date_of(metadata->expiry_date).text : "never");
	for (size_t i = 0; i < metadata->properties.count; i++) {
		const struct metadata_pair *pair = &metadata->properties.items[i];
		auto_free char *text = xasprintf("%s: %s", pair->key, pair->value);

		line(out, i == 0 ? "properties" : "", text);
	}
	for (size_t i = 0; i < metadata->template_count; i++) {
		const struct metadata_template *template = &metadata->templates[i];
		auto_buffer struct buffer text = BUFFER_INIT;

		buffer_addf(&text, "%s: %s", template->path, template->name);
		for (size_t k = 0; k < template->when_count; k++)
			buffer_addf(&text, "%s %s", k ? "," : ";", template->when[k]);
		line(out, i == 0 ? "templates" : "", text.data);
	}
}

static void print_places(const char *title, const struct inspect_places *places, struct buffer *out)
{
	if (places->count)
		buffer_addf(out, "\n%s\n", title);
	for (size_t i = 0; i < places->count && i < LINES_MAX; i++) {
		auto_free char *path = printable(places->items[i].path);

		buffer_addf(out, "  %10s  /%s\n", human_size(places->items[i].bytes).text, path);
	}
}

static void print_packages(const struct inspect_report *report, struct buffer *out)
{
	if (!report->package_count)
		return;
	buffer_adds(out, "\nbiggest packages (their files, and what dpkg says)\n");
	for (size_t i = 0; i < report->package_count && i < LINES_MAX; i++) {
		const struct inspect_package *package = &report->packages[i];
		auto_free char *name = printable(package->name);
		auto_free char *version = printable(package->version);

		buffer_addf(out, "  %10s  %10s  %s %s\n", human_size(package->real_bytes).text,
			    human_size(package->declared_bytes).text, name, version);
	}
}

void inspect_print(const struct image *image, const struct inspect_report *report, struct buffer *out)
{
	const struct image_facts *facts = image_facts(image);

	for (size_t i = 0; i < facts->file_count; i++) {
		auto_free char *path = printable(facts->files[i].path);

		buffer_addf(out, "%s: %s%s%s, %s\n", path, i == 0 ? format_name(facts) : "",
			    i == 0 ? ", " : "", facts->files[i].codec,
			    human_size(facts->files[i].size_bytes).text);
	}
	line(out, "fingerprint", digest_hex(&report->fingerprint).text);
	if (report->system)
		line(out, "system", report->system);
	if (report->unverified)
		line(out, "NOT VERIFIED", UNVERIFIED_WORDS);
	if (report->metadata_problem)
		line(out, "metadata", report->metadata_problem);
	else
		print_metadata(&report->metadata, out);
	buffer_addf(out, "  %-13s%s in %zu files; %zu folders, %zu links, %zu devices and pipes\n", "root",
		    human_size(report->root_bytes).text, report->file_count, report->folder_count,
		    report->link_count, report->special_count);
	if (report->package_count)
		buffer_addf(out, "  %-13s%zu, with %s; %s belong to none\n", "packages",
			    report->package_count, human_size(report->owned_bytes).text,
			    human_size(report->root_bytes - report->owned_bytes).text);
	print_packages(report, out);
	print_places("biggest folders", &report->folders, out);
	print_places("biggest files", &report->files, out);
}

/* ---- for programs */

static json_t *text_json(const char *text)
{
	auto_free char *clean = printable(text);

	return json_string(clean);
}

static json_t *number_json(uint64_t number)
{
	return json_integer((json_int_t)number);
}

static json_t *pairs_json(const struct metadata_pairs *pairs)
{
	json_t *object = json_object();

	for (size_t i = 0; i < pairs->count; i++) {
		auto_free char *key = printable(pairs->items[i].key);

		json_object_set_new(object, key, text_json(pairs->items[i].value));
	}
	return object;
}

static json_t *template_json(const struct metadata_template *template)
{
	json_t *when = json_array();

	for (size_t i = 0; i < template->when_count; i++)
		json_array_append_new(when, text_json(template->when[i]));
	return json_pack("{s:o, s:o, s:o, s:b, s:o}", "path", text_json(template->path), "template",
			 text_json(template->name), "when", when, "create_only", template->create_only,
			 "properties", pairs_json(&template->properties));
}

static void add_metadata(json_t *object, const struct inspect_report *report)
{
	const struct metadata *metadata = &report->metadata;
	json_t *templates = json_array();

	if (report->metadata_problem) {
		json_object_set_new(object, "metadata_problem", text_json(report->metadata_problem));
		json_decref(templates);
		return;
	}
	for (size_t i = 0; i < metadata->template_count; i++)
		json_array_append_new(templates, template_json(&metadata->templates[i]));
	json_object_set_new(object, "architecture", text_json(metadata->architecture));
	json_object_set_new(object, "creation_date", json_integer(metadata->creation_date));
	json_object_set_new(object, "expiry_date", json_integer(metadata->expiry_date));
	json_object_set_new(object, "properties", pairs_json(&metadata->properties));
	json_object_set_new(object, "templates", templates);
}

static json_t *places_json(const struct inspect_places *places)
{
	json_t *list = json_array();

	for (size_t i = 0; i < places->count && i < PLACES_MAX; i++) {
		auto_free char *path = xasprintf("/%s", places->items[i].path);

		json_array_append_new(list, json_pack("{s:o, s:o}", "path", text_json(path), "bytes",
						      number_json(places->items[i].bytes)));
	}
	return list;
}

static json_t *packages_json(const struct inspect_report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->package_count; i++) {
		const struct inspect_package *package = &report->packages[i];

		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "name",
						      text_json(package->name), "version",
						      text_json(package->version), "architecture",
						      text_json(package->architecture), "bytes",
						      number_json(package->real_bytes), "installed_size",
						      number_json(package->declared_bytes), "files",
						      number_json(package->file_count)));
	}
	return list;
}

static json_t *files_json(const struct image_facts *facts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < facts->file_count; i++)
		json_array_append_new(list,
				      json_pack("{s:o, s:s, s:o}", "path", text_json(facts->files[i].path),
						"compression", facts->files[i].codec, "size",
						number_json(facts->files[i].size_bytes)));
	return list;
}

void inspect_print_json(const struct image *image, const struct inspect_report *report, struct buffer *out)
{
	const struct image_facts *facts = image_facts(image);
	json_t *object = json_pack("{s:s, s:o, s:s}", "format", format_name(facts), "files",
				   files_json(facts), "fingerprint", digest_hex(&report->fingerprint).text);
	auto_free char *text = NULL;

	if (report->system)
		json_object_set_new(object, "system", text_json(report->system));
	if (report->unverified)
		json_object_set_new(object, "verification", json_string("skipped"));
	add_metadata(object, report);
	json_object_set_new(object, "root",
			    json_pack("{s:o, s:o, s:o, s:o, s:o}", "bytes", number_json(report->root_bytes),
				      "files", number_json(report->file_count), "folders",
				      number_json(report->folder_count), "links",
				      number_json(report->link_count), "devices_and_pipes",
				      number_json(report->special_count)));
	json_object_set_new(object, "owned_bytes", number_json(report->owned_bytes));
	json_object_set_new(object, "packages", packages_json(report));
	json_object_set_new(object, "biggest_folders", places_json(&report->folders));
	json_object_set_new(object, "biggest_files", places_json(&report->files));
	text = json_dumps(object, JSON_INDENT(2));
	json_decref(object);
	buffer_addf(out, "%s\n", text ? text : "{}");
}
