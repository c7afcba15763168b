/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/openpgp.h"

static const char key_begin[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
static const char key_end[] = "-----END PGP PUBLIC KEY BLOCK-----";
static const char private_begin[] = "-----BEGIN PGP PRIVATE KEY BLOCK-----";
static const char message_begin[] = "-----BEGIN PGP SIGNED MESSAGE-----";
static const char signature_begin[] = "-----BEGIN PGP SIGNATURE-----";
static const char signature_end[] = "-----END PGP SIGNATURE-----";

enum { CRC24_INIT = 0xb704ce, CRC24_POLY = 0x1864cfb, CRC24_MASK = 0xffffff };

enum { TAG_SIGNATURE = 2, TAG_PUBLIC_KEY = 6 };

/* RFC 4880 section 6.1 */
static uint32_t crc24(const char *data, size_t len)
{
	uint32_t crc = CRC24_INIT;

	for (size_t i = 0; i < len; i++) {
		crc ^= (uint32_t)(unsigned char)data[i] << 16;
		for (int bit = 0; bit < 8; bit++) {
			crc <<= 1;
			if (crc & 0x1000000)
				crc ^= CRC24_POLY;
		}
	}
	return crc & CRC24_MASK;
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Radix-64 over several lines. */
struct radix64 {
	uint32_t bits;
	unsigned held;    /* characters in BITS, 0…3 */
	unsigned padding; /* '=' that came */
};

static bool radix64_add(struct radix64 *state, struct text line, struct buffer *out)
{
	for (size_t i = 0; i < line.len; i++) {
		int value = value_of(line.ptr[i]);

		if (line.ptr[i] == '=') {
			state->padding++;
			continue;
		}
		if (value < 0 || state->padding)
			return false;
		state->bits = state->bits << 6 | (uint32_t)value;
		if (++state->held < 4)
			continue;
		buffer_addc(out, (char)(state->bits >> 16));
		buffer_addc(out, (char)(state->bits >> 8));
		buffer_addc(out, (char)state->bits);
		*state = (struct radix64) { 0, 0, 0 };
	}
	return true;
}

static bool radix64_end(const struct radix64 *state, struct buffer *out)
{
	if (state->held == 0)
		return state->padding == 0;
	if (state->held == 1 || state->held + state->padding != 4)
		return false;
	buffer_addc(out, (char)(state->bits >> (state->held == 2 ? 4 : 10)));
	if (state->held == 3)
		buffer_addc(out, (char)(state->bits >> 2));
	return true;
}

/* The next line without its end, and without the blanks that editors and YAML put around it. */
static struct text next_line(struct text *rest)
{
	return text_trim(text_cut(*rest, '\n', rest));
}

static bool checksum_matches(struct text line, const struct buffer *data)
{
	struct text digits = { line.ptr + 1, line.len - 1 };
	struct buffer bytes = BUFFER_INIT;
	struct radix64 state = { 0, 0, 0 };
	bool matches = false;

	if (radix64_add(&state, digits, &bytes) && state.held == 0 && bytes.len == 3) {
		uint32_t promised = (uint32_t)(unsigned char)bytes.data[0] << 16 |
				    (uint32_t)(unsigned char)bytes.data[1] << 8 |
				    (unsigned char)bytes.data[2];

		matches = promised == crc24(data->data, data->len);
	}
	buffer_release(&bytes);
	return matches;
}

static bool is_checksum(struct text line)
{
	return line.len == 5 && line.ptr[0] == '=';
}

/* Armour headers ("Version: …", "Comment: …") end with an empty line; some tools write neither. */
static struct text skip_headers(struct text rest)
{
	for (;;) {
		struct text at = rest;
		struct text line = next_line(&at);

		if (line.len == 0 && at.ptr)
			return at;
		if (!at.ptr || !memchr(line.ptr, ':', line.len))
			return rest;
		rest = at;
	}
}

/* Decode one block, whose first line is behind *rest, of WHAT, up to its line END; *rest moves behind that. */
static int add_block(struct text *rest, const char *what, const char *end, struct buffer *out,
		     struct error *e)
{
	auto_buffer struct buffer data = BUFFER_INIT;
	struct radix64 state = { 0, 0, 0 };
	bool ended = false; /* the checksum is the last */

	*rest = skip_headers(*rest);
	while (rest->ptr) {
		struct text line = next_line(rest);

		if (text_is(line, end)) {
			if ((!ended && !radix64_end(&state, &data)) || data.len == 0)
				return error_set(e, ERROR_TRUST, "an armoured %s is cut short", what);
			buffer_add(out, data.data, data.len);
			return 0;
		}
		if (line.len == 0)
			continue;
		if (!ended && is_checksum(line)) {
			if (!radix64_end(&state, &data) || !checksum_matches(line, &data))
				return error_set(e, ERROR_TRUST,
						 "the checksum of an armoured %s does not match", what);
			ended = true;
			continue;
		}
		if (ended || !radix64_add(&state, line, &data))
			return error_set(e, ERROR_TRUST, "line '%.*s' of an armoured %s is no base64",
					 (int)(line.len < 70 ? line.len : 70), line.ptr, what);
	}
	return error_set(e, ERROR_TRUST, "an armoured %s lacks its line '%s'", what, end);
}

static unsigned byte_at(struct text data, size_t at)
{
	return (unsigned char)data.ptr[at];
}

/* Bit 7 marks a packet; its tag stands in bits 5-2 or, in the new form, 5-0 (RFC 4880 section 4.2). */
static bool is_packet(struct text data, unsigned tag)
{
	unsigned first = data.len ? byte_at(data, 0) : 0;

	return (first & 0x80) && (first & 0x40 ? first & 0x3f : (first >> 2) & 0x0f) == tag;
}

static bool is_binary_key(struct text data)
{
	return is_packet(data, TAG_PUBLIC_KEY);
}

/* The number in COUNT bytes at AT, the highest first; false where there are not so many. */
static bool take_number(struct text data, size_t at, size_t count, size_t *value)
{
	*value = 0;
	if (data.len < at + count)
		return false;
	for (size_t i = 0; i < count; i++)
		*value = *value << 8 | byte_at(data, at + i);
	return true;
}

/* The head of a packet in the new form, and how long the rest is; false for one of several parts. */
static bool take_new_head(struct text data, size_t *head, size_t *len)
{
	size_t low = 0;

	if (!take_number(data, 1, 1, len) || (*len >= 224 && *len < 255))
		return false;
	*head = *len < 192 ? 2 : *len == 255 ? 6 : 3;
	if (*len == 255)
		return take_number(data, 2, 4, len);
	if (*len >= 192 && !take_number(data, 2, 1, &low))
		return false;
	*len = *len < 192 ? *len : ((*len - 192) << 8) + low + 192;
	return true;
}

/* In the old form; false for one that goes on to the end. */
static bool take_old_head(struct text data, size_t *head, size_t *len)
{
	size_t bytes = (size_t)1 << (byte_at(data, 0) & 3);

	*head = 1 + bytes;
	return bytes < 8 && take_number(data, 1, bytes, len);
}

/* How long the first packet of DATA is, with its head; 0 for one that does not say, or has not all of it here. */
static size_t packet_len(struct text data)
{
	size_t head;
	size_t len;

	if (byte_at(data, 0) & 0x40 ? !take_new_head(data, &head, &len) : !take_old_head(data, &head, &len))
		return 0;
	return len <= data.len && head + len <= data.len ? head + len : 0;
}

static bool are_signatures(struct text data)
{
	if (data.len == 0)
		return false;
	while (data.len) {
		size_t len = is_packet(data, TAG_SIGNATURE) ? packet_len(data) : 0;

		if (!len)
			return false;
		data.ptr += len;
		data.len -= len;
	}
	return true;
}

/* The armoured block of signatures behind *rest, whose first line was read already. */
static bool take_signatures(struct text *rest)
{
	auto_buffer struct buffer packets = BUFFER_INIT;
	struct error ignored = ERROR_INIT;

	return add_block(rest, "signature", signature_end, &packets, &ignored) == 0 &&
	       are_signatures((struct text) { packets.data, packets.len });
}

int openpgp_add_keys(struct text data, struct buffer *keyring, struct error *e)
{
	struct text rest = data;
	size_t blocks = 0;

	if (is_binary_key(data)) {
		buffer_add(keyring, data.ptr, data.len);
		return 0;
	}
	if (data.len > 12 && memcmp(data.ptr + 8, "KBXf", 4) == 0)
		return error_set(e, ERROR_TRUST, "is a GnuPG keybox; write its keys out with 'gpg --export'");
	while (rest.ptr) {
		struct text line = next_line(&rest);

		if (text_is(line, private_begin))
			return error_set(e, ERROR_TRUST,
					 "is a private key; only the public key belongs here");
		if (!text_is(line, key_begin))
			continue;
		if (add_block(&rest, "key", key_end, keyring, e) < 0)
			return -1;
		blocks++;
	}
	if (!blocks)
		return error_set(e, ERROR_TRUST, "is no OpenPGP public key, neither armoured nor binary");
	return 0;
}

bool openpgp_is_signature(struct text data)
{
	struct text rest = data;
	size_t blocks = 0;

	if (are_signatures(data))
		return true;
	while (rest.ptr) {
		struct text line = next_line(&rest);

		if (line.len == 0)
			continue;
		if (!text_is(line, signature_begin) || !take_signatures(&rest))
			return false;
		blocks++;
	}
	return blocks > 0;
}

/* Blanks at its end do not count, those before it do, as for gpgv. */
static bool is_frame(struct text line, const char *word)
{
	return line.len && line.ptr[0] == '-' && text_is(text_trim(line), word);
}

static bool skip_message_head(struct text *rest)
{
	if (!is_frame(text_cut(*rest, '\n', rest), message_begin))
		return false;
	while (rest->ptr) {
		struct text line = text_trim(text_cut(*rest, '\n', rest));

		if (line.len == 0)
			return true;
		if (!text_starts(line, "Hash: "))
			return false;
	}
	return false;
}

/* The lines of the message, up to that which begins the signature. Any other dash must be escaped (section 7.1). */
static bool take_message(struct text *rest, struct buffer *out)
{
	while (rest->ptr) {
		struct text line = text_cut(*rest, '\n', rest);

		if (is_frame(line, signature_begin))
			return true;
		if (line.len && line.ptr[0] == '-') {
			if (!text_starts(line, "- "))
				return false;
			line.ptr += 2;
			line.len -= 2;
		}
		buffer_add(out, line.ptr, line.len);
		buffer_addc(out, '\n');
	}
	return false;
}

bool openpgp_clear_text(struct text text, struct buffer *out)
{
	auto_buffer struct buffer message = BUFFER_INIT;
	struct text rest = text;

	if (!skip_message_head(&rest) || !take_message(&rest, &message) || !take_signatures(&rest) ||
	    (rest.ptr && text_trim(rest).len))
		return false;
	buffer_add(out, message.data, message.len);
	return true;
}

bool openpgp_is_clearsigned(struct text text)
{
	auto_buffer struct buffer ignored = BUFFER_INIT;

	return openpgp_clear_text(text, &ignored);
}
