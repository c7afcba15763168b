/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/tar.h"

#include <sys/sysmacros.h>

/* ustar(5): numbers are octal digits and a NUL; texts need no NUL when they fill their field. */
struct header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[6];
	char version[2];
	char user[32];
	char group[32];
	char device_major[8];
	char device_minor[8];
	char prefix[155];
	char padding[12];
};

_Static_assert(sizeof(struct header) == TAR_BLOCK_BYTES, "a header is one block");

/* The largest number in a field of 8 or 12 bytes. */
#define SMALL_MAX 07777777ULL
#define LARGE_MAX 077777777777ULL

static const char zeros[2 * TAR_BLOCK_BYTES];

static void octal(char *field, size_t room, uint64_t value)
{
	field[room - 1] = '\0';
	for (size_t i = room - 1; i-- > 0; value >>= 3)
		field[i] = (char)('0' + (value & 7));
}

/* "LEN KEY=VALUE\n", where LEN counts itself. */
static void pax_add(struct buffer *pax, const char *key, const void *value, size_t len)
{
	size_t body = strlen(key) + len + 3; /* blank, '=', line end */
	size_t total = body;
	size_t digits = 0;

	for (size_t counted = SIZE_MAX; counted != total;) {
		counted = total;
		digits = 1;
		for (size_t rest = counted; rest >= 10; rest /= 10)
			digits++;
		total = body + digits;
	}
	buffer_addf(pax, "%zu %s=", total, key);
	buffer_add(pax, value, len);
	buffer_addc(pax, '\n');
}

static void pax_add_number(struct buffer *pax, const char *key, uint64_t value)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);

	pax_add(pax, key, digits, (size_t)len);
}

/* A number into its field or, when that is too small, into a pax record; as GNU tar, 0 stays in the field. */
static void number(struct buffer *pax, const char *key, char *field, size_t room, uint64_t value)
{
	bool fits = value <= (room == 8 ? SMALL_MAX : LARGE_MAX);

	octal(field, room, fits ? value : 0);
	if (!fits)
		pax_add_number(pax, key, value);
}

static void put(char *field, size_t room, const char *value, size_t len)
{
	memcpy(field, value, len < room ? len : room);
}

/* Where a path can be cut into prefix and name: the position of that slash, or 0. */
static size_t split_at(const char *path, size_t len)
{
	const struct header *header = NULL;
	/* The name must not be empty: the slash that ends a folder's path does not count. */
	size_t last = len - 2 < sizeof header->prefix ? len - 2 : sizeof header->prefix;

	for (size_t i = last; i > 0; i--)
		if (path[i] == '/')
			return len - i - 1 <= sizeof header->name ? i : 0;
	return 0;
}

static void path(struct buffer *pax, struct header *header, const char *path, size_t len)
{
	size_t cut = 0;

	if (len <= sizeof header->name) {
		put(header->name, sizeof header->name, path, len);
		return;
	}
	if (len <= sizeof header->prefix + 1 + sizeof header->name)
		cut = split_at(path, len);
	if (cut) {
		put(header->prefix, sizeof header->prefix, path, cut);
		put(header->name, sizeof header->name, path + cut + 1, len - cut - 1);
		return;
	}
	put(header->name, sizeof header->name, path, len);
	pax_add(pax, "path", path, len);
}

/*
 * "SCHILY.xattr.NAME", which GNU tar, star and libarchive read. A key of a pax record cannot hold '=';
 * GNU tar writes "%3D" for it and "%25" for '%'.
 */
static void add_xattr(struct buffer *pax, const struct xattr *xattr)
{
	auto_buffer struct buffer key = BUFFER_INIT;

	buffer_adds(&key, "SCHILY.xattr.");
	for (const char *c = xattr->name; *c; c++) {
		if (*c == '%' || *c == '=')
			buffer_adds(&key, *c == '%' ? "%25" : "%3D");
		else
			buffer_addc(&key, *c);
	}
	pax_add(pax, key.data, xattr->value, xattr->len);
}

static uint32_t little_endian(const char *bytes, size_t count)
{
	uint32_t value = 0;

	for (size_t i = count; i-- > 0;)
		value = value << 8 | (uint8_t)bytes[i];
	return value;
}

/*
 * The kernel's form of an ACL (linux/posix_acl_xattr.h: version 2; per entry tag, permissions and id) as text
 * with numbers, for "SCHILY.acl.access". Clients that read xattrs only find the binary form, too.
 */
static void add_acl(struct buffer *pax, const char *key, const struct xattr *xattr)
{
	static const struct {
		const char *word;
		uint32_t tag;
		bool has_id;
	} tags[] = { { "user", 0x01, false }, { "user", 0x02, true },  { "group", 0x04, false },
		     { "group", 0x08, true }, { "mask", 0x10, false }, { "other", 0x20, false } };
	auto_buffer struct buffer text = BUFFER_INIT;

	if (xattr->len < 4 || xattr->len % 8 != 4 || little_endian(xattr->value, 4) != 2)
		return; /* of a kernel to come: the binary form will do */
	for (const char *entry = xattr->value + 4; entry < xattr->value + xattr->len; entry += 8) {
		uint32_t permissions = little_endian(entry + 2, 2);

		for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
			if (tags[i].tag != little_endian(entry, 2))
				continue;
			buffer_addf(&text, "%s%s:", text.len ? "," : "", tags[i].word);
			if (tags[i].has_id)
				buffer_addf(&text, "%u", (unsigned)little_endian(entry + 4, 4));
			buffer_addf(&text, ":%c%c%c", permissions & 4 ? 'r' : '-',
				    permissions & 2 ? 'w' : '-', permissions & 1 ? 'x' : '-');
		}
	}
	if (text.len)
		pax_add(pax, key, text.data, text.len);
}

static void add_xattrs(struct buffer *pax, const struct xattrs *xattrs)
{
	for (size_t i = 0; i < xattrs->count; i++) {
		const struct xattr *xattr = &xattrs->items[i];

		if (strcmp(xattr->name, "system.posix_acl_access") == 0)
			add_acl(pax, "SCHILY.acl.access", xattr);
		else if (strcmp(xattr->name, "system.posix_acl_default") == 0)
			add_acl(pax, "SCHILY.acl.default", xattr);
		add_xattr(pax, xattr);
	}
}

static char type_of(const struct tar_entry *entry)
{
	if (entry->is_hard_link)
		return '1';
	switch (entry->mode & S_IFMT) {
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFDIR:
		return '5';
	case S_IFIFO:
		return '6';
	default:
		return '0';
	}
}

static int write_header(struct sink *out, struct header *header, struct error *e)
{
	const uint8_t *bytes = (const uint8_t *)header;
	unsigned sum = 0;

	memcpy(header->magic, "ustar", 6);
	memcpy(header->version, "00", 2);
	memset(header->checksum, ' ', sizeof header->checksum);
	for (size_t i = 0; i < sizeof *header; i++)
		sum += bytes[i];
	octal(header->checksum, 7, sum);
	return sink_write(out, header, sizeof *header, e);
}

/* The records as an entry of their own. Its name means nothing: one for all, so that it tells nothing. */
static int write_pax(struct sink *out, const struct buffer *pax, struct error *e)
{
	struct header header = { .name = "./PaxHeaders/x", .type = 'x' };

	octal(header.mode, sizeof header.mode, 0644);
	octal(header.uid, sizeof header.uid, 0);
	octal(header.gid, sizeof header.gid, 0);
	octal(header.size, sizeof header.size, pax->len);
	octal(header.mtime, sizeof header.mtime, 0);
	if (write_header(out, &header, e) < 0 || sink_write(out, pax->data, pax->len, e) < 0)
		return -1;
	return tar_pad(out, pax->len, e);
}

/* The bytes of the extents of a sparse file. */
static uint64_t data_bytes(const struct tar_entry *entry)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < entry->extent_count; i++)
		bytes += entry->extents[i].len;
	return bytes;
}

/*
 * What stands in front of the data of a sparse file: how many pieces, and offset and length of each, as lines, padded
 * to a block. A file that ends with a hole has an empty piece there, by which GNU tar learns how long it is.
 */
static void make_map(const struct tar_entry *entry, struct buffer *map)
{
	const struct tree_extent *last =
		entry->extent_count ? &entry->extents[entry->extent_count - 1] : NULL;
	bool hole_last = !last || last->offset + last->len < entry->size_bytes;

	buffer_addf(map, "%zu\n", entry->extent_count + hole_last);
	for (size_t i = 0; i < entry->extent_count; i++)
		buffer_addf(map, "%llu\n%llu\n", (unsigned long long)entry->extents[i].offset,
			    (unsigned long long)entry->extents[i].len);
	if (hole_last)
		buffer_addf(map, "%llu\n0\n", (unsigned long long)entry->size_bytes);
	buffer_add(map, zeros, (TAR_BLOCK_BYTES - map->len % TAR_BLOCK_BYTES) % TAR_BLOCK_BYTES);
}

/* As GNU tar, the header has a name under which who does not know this form finds the pieces. */
static void add_sparse(struct buffer *pax, const struct tar_entry *entry)
{
	pax_add_number(pax, "GNU.sparse.major", 1);
	pax_add_number(pax, "GNU.sparse.minor", 0);
	pax_add(pax, "GNU.sparse.name", entry->path, strlen(entry->path));
	pax_add_number(pax, "GNU.sparse.realsize", entry->size_bytes);
}

int tar_entry(struct sink *out, const struct tar_entry *entry, struct error *e)
{
	struct header header = { .type = type_of(entry) };
	auto_buffer struct buffer pax = BUFFER_INIT;
	auto_buffer struct buffer map = BUFFER_INIT;
	bool device = header.type == '3' || header.type == '4';
	bool sparse = header.type == '0' && entry->extents;
	uint64_t size_bytes = header.type == '0' ? entry->size_bytes : 0;

	if (sparse) {
		static const char name[] = "./GNUSparseFile.0/x";

		add_sparse(&pax, entry);
		make_map(entry, &map);
		size_bytes = map.len + data_bytes(entry);
		path(&pax, &header, name, strlen(name));
	} else {
		path(&pax, &header, entry->path, strlen(entry->path));
	}
	if (header.type == '1' || header.type == '2') {
		put(header.link, sizeof header.link, entry->link, strlen(entry->link));
		if (strlen(entry->link) > sizeof header.link)
			pax_add(&pax, "linkpath", entry->link, strlen(entry->link));
	}
	octal(header.mode, sizeof header.mode, entry->mode & 07777);
	number(&pax, "uid", header.uid, sizeof header.uid, entry->uid);
	number(&pax, "gid", header.gid, sizeof header.gid, entry->gid);
	number(&pax, "size", header.size, sizeof header.size, size_bytes);
	number(&pax, "mtime", header.mtime, sizeof header.mtime, (uint64_t)entry->mtime_s);
	/* Linux has 12 bits of major and 20 of minor numbers: they always fit. */
	octal(header.device_major, sizeof header.device_major, device ? major(entry->device) : 0);
	octal(header.device_minor, sizeof header.device_minor, device ? minor(entry->device) : 0);
	if (entry->xattrs && !entry->is_hard_link)
		add_xattrs(&pax, entry->xattrs);
	if (pax.len && write_pax(out, &pax, e) < 0)
		return -1;
	if (write_header(out, &header, e) < 0)
		return -1;
	return sink_write(out, map.data, map.len, e);
}

int tar_pad(struct sink *out, uint64_t size_bytes, struct error *e)
{
	size_t over = size_bytes % TAR_BLOCK_BYTES;

	return over ? sink_write(out, zeros, TAR_BLOCK_BYTES - over, e) : 0;
}

int tar_end(struct sink *out, struct error *e)
{
	return sink_write(out, zeros, sizeof zeros, e);
}
