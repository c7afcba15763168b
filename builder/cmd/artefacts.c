/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/artefacts.h"

#include "base/alloc.h"
#include "base/file.h"
#include "image/delivery.h"
#include "record.h"
#include "stream/stream.h"

#include <fcntl.h>

static void print_line(const struct artefact *artefact, const char *folder, struct buffer *out)
{
	uint64_t size_bytes = 0;

	buffer_addf(out, "%-8s", artefact->format);
	for (size_t i = 0; i < artefact->file_count; i++) {
		buffer_addf(out, " %s/%s", folder, artefact->files[i].name);
		size_bytes += artefact->files[i].size_bytes;
	}
	buffer_addf(out, "  %s  %s\n", human_size(size_bytes).text, digest_hex(&artefact->fingerprint).text);
}

void artefacts_print_lines(const struct artefacts *artefacts, const char *folder, struct buffer *out)
{
	for (size_t i = 0; i < artefacts->count; i++)
		print_line(&artefacts->items[i], folder, out);
}

int artefacts_parse(const char *format, const char *compression, struct pack_options *options,
		    struct error *e)
{
	if (pack_formats_parse(format ? format : "unified,split", &options->formats, e) < 0)
		return -1;
	return pack_compression_parse(compression ? compression : "zstd", options->formats,
				      options->compression, e);
}

struct pack_metadata artefacts_metadata(struct arena *arena, const char *name, struct text yaml,
					const struct image_text *templates, size_t template_count)
{
	struct pack_metadata metadata = { .name = name, .yaml = yaml.ptr, .yaml_len = yaml.len };

	for (size_t i = 0; i < template_count; i++) {
		struct pack_template template = { templates[i].name, templates[i].data, templates[i].len };

		ARENA_PUSH(arena, metadata.templates, metadata.template_count, template);
	}
	return metadata;
}

int artefacts_write(const struct settings *settings, const struct pack_options *given, struct error *e)
{
	const char *folder = settings->output ? settings->output : ".";
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	auto_free char *json = NULL;
	auto_free const struct artefact_file **files = NULL;
	size_t file_count = 0;
	auto_close int folder_fd = -1;
	auto_buffer struct buffer sums = BUFFER_INIT;
	auto_delivery struct delivery delivery = DELIVERY_INIT;
	struct pack_options options = *given;

	if (dir_make(folder, e) < 0 || dir_open(AT_FDCWD, folder, &folder_fd, e) < 0)
		return -1;
	options.output_fd = folder_fd;
	options.log = settings->log;
	pack_warn(&options);
	delivery.folder_fd = folder_fd;
	options.delivery = &delivery;
	if (pack_image(&options, &artefacts, e) < 0 || delivery_lock(&delivery, e) < 0)
		return -1;
	artefacts_add_files(&artefacts, &files, &file_count);
	if (pack_make_sums(folder_fd, files, file_count, &sums, NULL, e) < 0 ||
	    delivery_add_text(&delivery, "SHA256SUMS", sums.data, sums.len, e) < 0 ||
	    delivery_commit(&delivery, e) < 0)
		return -1;
	if (settings->json) {
		json = record_artefacts(&artefacts);
		return print_data(json, strlen(json), e);
	}
	artefacts_print_lines(&artefacts, folder, &out);
	return print_data(out.data, out.len, e);
}
