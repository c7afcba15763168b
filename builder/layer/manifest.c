/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/manifest.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"

#include <fcntl.h>

static const char name[] = "manifest";
static const char first_line[] = "kiln layer 1";

enum { MANIFEST_BYTES_MAX = 64 * 1024 };

enum field {
	FIELD_KEY,
	FIELD_TITLE,
	FIELD_TREE,
	FIELD_PRODUCT,
	FIELD_BYTES,
	FIELD_COUNT,
	FIELD_INODES,
	FIELD_BOOT,
	FIELDS
};

static const char *const words[FIELDS] = { "key",   "title", "tree",   "product",
					   "bytes", "count", "inodes", "boot" };

static bool set_field(struct manifest *manifest, enum field field, struct text value)
{
	switch (field) {
	case FIELD_KEY:
		return digest_parse(value, &manifest->key);
	case FIELD_TITLE:
		manifest->title = xstrndup(value.ptr, value.len);
		return true;
	case FIELD_TREE:
		return digest_parse(value, &manifest->tree);
	case FIELD_PRODUCT:
		return digest_parse(value, &manifest->product);
	case FIELD_BYTES:
		return text_to_u64(value, &manifest->disk_bytes);
	case FIELD_COUNT:
		return text_to_u64(value, &manifest->count);
	case FIELD_INODES:
		return digest_parse(value, &manifest->inodes);
	case FIELD_BOOT:
		manifest->boot = xstrndup(value.ptr, value.len);
		return true;
	case FIELDS:
		break;
	}
	return false;
}

/* Every line is there, once, in its order. */
static bool parse(struct text rest, struct manifest *manifest)
{
	if (!text_is(text_cut(rest, '\n', &rest), first_line))
		return false;
	for (size_t i = 0; i < FIELDS; i++) {
		struct text line = text_cut(rest, '\n', &rest);
		struct text value;

		if (!text_is(text_cut(line, ' ', &value), words[i]) || !value.ptr ||
		    !set_field(manifest, (enum field)i, value))
			return false;
	}
	return rest.ptr && rest.len == 0;
}

int manifest_read(int dir_fd, struct manifest *manifest, struct error *e)
{
	auto_manifest struct manifest read = MANIFEST_INIT;
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	auto_free char *data = NULL;
	size_t len;

	if (fd < 0)
		return error_sys(e, "cannot open its manifest");
	if (file_read_fd(fd, MANIFEST_BYTES_MAX, &data, &len, e) < 0)
		return error_wrap(e, "its manifest");
	if (!parse((struct text) { data, len }, &read))
		return error_set(e, ERROR_FORMAT, "its manifest is malformed");
	*manifest = TAKE(read, MANIFEST_INIT);
	return 0;
}

int manifest_write(int dir_fd, const struct manifest *manifest, struct error *e)
{
	auto_pending struct file_pending pending = FILE_PENDING_INIT;
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_free char *title = xstrdup(manifest->title);

	text_make_printable(title);
	buffer_addf(&text, "%s\nkey %s\ntitle %s\ntree %s\n", first_line, digest_hex(&manifest->key).text,
		    title, digest_hex(&manifest->tree).text);
	buffer_addf(&text, "product %s\n", digest_hex(&manifest->product).text);
	buffer_addf(&text, "bytes %llu\ncount %llu\ninodes %s\nboot %s\n",
		    (unsigned long long)manifest->disk_bytes, (unsigned long long)manifest->count,
		    digest_hex(&manifest->inodes).text, manifest->boot);
	if (file_pending_open_named(dir_fd, name, 0600, &pending, e) < 0 ||
	    file_write_fd(pending.fd, text.data, text.len, e) < 0)
		return error_wrap(e, "cannot write its manifest");
	if (renameat(dir_fd, pending.temporary, dir_fd, name) < 0)
		return error_sys(e, "cannot write its manifest");
	free(TAKE(pending.temporary, NULL));
	return 0;
}

void manifest_release(struct manifest *manifest)
{
	free(manifest->title);
	free(manifest->boot);
	*manifest = MANIFEST_INIT;
}

char *manifest_this_boot(void)
{
	struct error ignored = ERROR_INIT;
	auto_free char *text = NULL;
	struct text id;

	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 4 * KIB, &text, NULL, &ignored) < 0)
		return xstrdup("");
	id = text_trim(text_of(text));
	return xstrndup(id.ptr, id.len);
}
