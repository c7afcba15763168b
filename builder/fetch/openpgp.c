/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/openpgp.h"

static const char key_begin[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
static const char key_end[] = "-----END PGP PUBLIC KEY BLOCK-----";
static const char private_begin[] = "-----BEGIN PGP PRIVATE KEY BLOCK-----";
static const char message_begin[] = "-----BEGIN PGP SIGNED MESSAGE-----";
static const char signature_begin[] = "-----BEGIN PGP SIGNATURE-----";
static const char signature_end[] = "-----END PGP SIGNATURE-----";

enum { CRC24_INIT = 0xb704ce, CRC24_POLY = 0x1864cfb, CRC24_MASK = 0xffffff, TAG_PUBLIC_KEY = 6 };

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

/* Decode one block, whose first line is behind *rest; *rest moves behind its last line. */
static int add_block(struct text *rest, struct buffer *keyring, struct error *e)
{
	auto_buffer struct buffer data = BUFFER_INIT;
	struct radix64 state = { 0, 0, 0 };
	bool ended = false; /* the checksum is the last */

	*rest = skip_headers(*rest);
	while (rest->ptr) {
		struct text line = next_line(rest);

		if (text_is(line, key_end)) {
			if ((!ended && !radix64_end(&state, &data)) || data.len == 0)
				return error_set(e, ERROR_TRUST, "an armoured key is cut short");
			buffer_add(keyring, data.data, data.len);
			return 0;
		}
		if (line.len == 0)
			continue;
		if (!ended && is_checksum(line)) {
			if (!radix64_end(&state, &data) || !checksum_matches(line, &data))
				return error_set(e, ERROR_TRUST,
						 "the checksum of an armoured key does not match");
			ended = true;
			continue;
		}
		if (ended || !radix64_add(&state, line, &data))
			return error_set(e, ERROR_TRUST, "line '%.*s' of an armoured key is no base64",
					 (int)(line.len < 70 ? line.len : 70), line.ptr);
	}
	return error_set(e, ERROR_TRUST, "an armoured key lacks its line '%s'", key_end);
}

/* Bit 7 marks a packet; its tag stands in bits 5-2 or, in the new form, 5-0 (RFC 4880 section 4.2). */
static bool is_binary_key(struct text data)
{
	unsigned char first = data.len ? (unsigned char)data.ptr[0] : 0;
	unsigned tag = first & 0x40 ? first & 0x3f : (first >> 2) & 0x0f;

	return (first & 0x80) && tag == TAG_PUBLIC_KEY;
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
		if (add_block(&rest, keyring, e) < 0)
			return -1;
		blocks++;
	}
	if (!blocks)
		return error_set(e, ERROR_TRUST, "is no OpenPGP public key, neither armoured nor binary");
	return 0;
}

/* gpgv ignores what stands around a message; whoever put it there wants it to be read. */
bool openpgp_is_clearsigned(struct text text)
{
	static const char *const lines[] = { message_begin, signature_begin, signature_end };
	struct text rest = text;
	size_t seen = 0;

	while (rest.ptr) {
		struct text line = next_line(&rest);
		bool is_next = seen < ARRAY_LEN(lines) && text_is(line, lines[seen]);

		if (!is_next &&
		    (seen == 0 || (seen == ARRAY_LEN(lines) && line.len) || text_is(line, message_begin)))
			return false;
		seen += is_next;
	}
	return seen == ARRAY_LEN(lines);
}
