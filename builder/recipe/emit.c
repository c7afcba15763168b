/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/emit.h"

#include "base/alloc.h"

#include <ctype.h>

enum { INDENT = 2, REPLACEMENT = 0xFFFD };

struct emitter {
	struct buffer *out;
};

static void emit_node(const struct emitter *emitter, const struct node *node, size_t indent, bool in_list);

/*
 * The character at TEXT, and in *len how many bytes it has; what is no UTF-8, as only the command line can bring it
 * in, becomes the character that stands for such.
 */
static uint32_t character_at(const char *text, size_t *len)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t more = at[0] < 0x80 ? 0 : at[0] < 0xC2 ? 4 : at[0] < 0xE0 ? 1 : at[0] < 0xF0 ? 2 : 3;
	uint32_t value = more == 0 ? at[0] : at[0] & (0x3FU >> more);

	*len = 1;
	if (more == 4)
		return REPLACEMENT;
	for (size_t i = 1; i <= more; i++) {
		if ((at[i] & 0xC0) != 0x80)
			return REPLACEMENT;
		value = value << 6 | (at[i] & 0x3F);
	}
	*len = 1 + more;
	return value;
}

/* What YAML 1.1 takes without an escape and does not take for a line end, beside '\n' itself. */
static bool is_printable(uint32_t c)
{
	return c == '\t' || (c >= 0x20 && c <= 0x7E) ||
	       (c >= 0xA0 && c <= 0xFFFD && c != 0x2028 && c != 0x2029 && c != 0xFEFF && c != REPLACEMENT) ||
	       (c >= 0x10000 && c <= 0x10FFFF);
}

static bool is_printable_text(const char *text, bool lines)
{
	size_t len;

	for (; *text; text += len) {
		uint32_t c = character_at(text, &len);

		if (!is_printable(c) && !(lines && c == '\n'))
			return false;
	}
	return true;
}

/* Whether TEXT can stand without quotes behind a key or a dash, whatever it would be taken for. */
static bool fits_plain(const char *text)
{
	size_t len = strlen(text);
	bool begins = isalnum((unsigned char)text[0]) || strchr("/_.+", text[0]) ||
		      (text[0] == '-' && isalnum((unsigned char)text[1]));

	return len && begins && is_printable_text(text, false) && !strchr(text, '\t') &&
	       text[len - 1] != ' ' && text[len - 1] != ':' && !strstr(text, ": ") && !strstr(text, " #") &&
	       !is_prefix(text, "...");
}

/* Whether TEXT, without quotes, could be taken for something else than text. */
static bool is_ambiguous(const char *text)
{
	static const char *const words[] = { "y", "n", "yes", "no", "true", "false", "on", "off", "null" };

	if (!isalpha((unsigned char)text[0]) && text[0] != '/')
		return true;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

static void emit_single_quoted(const char *text, struct buffer *out)
{
	buffer_addc(out, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			buffer_addc(out, '\'');
		buffer_addc(out, *text);
	}
	buffer_addc(out, '\'');
}

static void emit_double_quoted(const char *text, struct buffer *out)
{
	size_t len;

	buffer_addc(out, '"');
	for (; *text; text += len) {
		uint32_t c = character_at(text, &len);

		if (c == '"' || c == '\\')
			buffer_addf(out, "\\%c", (char)c);
		else if (c == '\n')
			buffer_adds(out, "\\n");
		else if (c == '\t')
			buffer_adds(out, "\\t");
		else if (is_printable(c))
			buffer_add(out, text, len);
		else
			buffer_addf(out, "\\U%08X", c);
	}
	buffer_addc(out, '"');
}

static void emit_line(const char *text, bool plain, struct buffer *out)
{
	bool quoted = !fits_plain(text) || (!plain && is_ambiguous(text));

	if (!quoted)
		buffer_adds(out, text);
	else if (strpbrk(text, "\"\\") && is_printable_text(text, false))
		emit_single_quoted(text, out);
	else
		emit_double_quoted(text, out);
}

void yaml_emit_text(const char *text, bool quoted, struct buffer *out)
{
	if (quoted)
		emit_double_quoted(text, out);
	else
		emit_line(text, false, out);
}

/* "  # recipes/x.yaml:12" and the end of the line. */
static void emit_origin(const struct place *place, struct buffer *out)
{
	auto_free char *file = xstrdup(place->file ? place->file : "");

	text_make_printable(file);
	buffer_addf(out, "  # %s", file);
	if (place->line)
		buffer_addf(out, ":%u", place->line);
	buffer_addc(out, '\n');
}

/* Several lines as they are: what has none before the first, and nothing that needs an escape. */
static bool fits_block(const struct node *node)
{
	const char *text = node->text;

	/* The empty lines between sections would count among several at its end. */
	return strchr(text, '\n') && !strchr(" \t\n", text[0]) && !is_suffix(text, "\n\n") &&
	       is_printable_text(text, true);
}

static void emit_block(const struct node *node, size_t indent, struct buffer *out)
{
	size_t len = strlen(node->text);
	struct text rest = { node->text, len };
	bool ends = node->text[len - 1] == '\n';

	buffer_adds(out, ends ? "|" : "|-");
	emit_origin(&node->place, out);
	if (ends)
		rest.len--;
	while (rest.ptr) {
		struct text line = text_cut(rest, '\n', &rest);

		if (line.len)
			buffer_addf(out, "%*s%.*s", (int)indent, "", TEXT_ARG(line));
		buffer_addc(out, '\n');
	}
}

static void emit_scalar(const struct emitter *emitter, const struct node *node, size_t indent)
{
	if (fits_block(node)) {
		emit_block(node, indent, emitter->out);
		return;
	}
	if (!node->null)
		emit_line(node->text, node->plain, emitter->out);
	else if (node->order == ORDER_MERGE)
		buffer_addc(emitter->out, '~');
	emit_origin(&node->place, emitter->out);
}

static void emit_pair(const struct emitter *emitter, const struct node_pair *pair, size_t indent)
{
	emit_line(pair->key, false, emitter->out);
	buffer_addc(emitter->out, ':');
	emit_node(emitter, pair->value, indent, false);
}

/* A mapping or list with something in it, from a new line on; BEGUN: its first entry stands behind a dash. */
static void emit_collection(const struct emitter *emitter, const struct node *node, size_t indent, bool begun)
{
	for (size_t i = 0; i < node->count; i++) {
		if (!begun || i > 0)
			buffer_addf(emitter->out, "%*s", (int)indent, "");
		if (node->kind == NODE_MAP) {
			emit_pair(emitter, &node->pairs[i], indent);
		} else {
			buffer_addc(emitter->out, '-');
			emit_node(emitter, node->items[i], indent, true);
		}
	}
}

/* NODE behind its key or dash, which stands at INDENT. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as the recipe */
static void emit_node(const struct emitter *emitter, const struct node *node, size_t indent, bool in_list)
{
	size_t inner = in_list || node->kind != NODE_LIST ? indent + INDENT : indent;

	if (node->order != ORDER_MERGE)
		buffer_addf(emitter->out, " %s", node->order == ORDER_REMOVE ? "!remove" : "!replace");
	if (node->kind == NODE_SCALAR) {
		if (!node->null || node->order == ORDER_MERGE)
			buffer_addc(emitter->out, ' ');
		emit_scalar(emitter, node, inner);
		return;
	}
	if (node->count == 0) {
		buffer_adds(emitter->out, node->kind == NODE_MAP ? " {}" : " []");
		emit_origin(&node->place, emitter->out);
		return;
	}
	if (in_list && node->order == ORDER_MERGE) {
		buffer_addc(emitter->out, ' ');
		emit_collection(emitter, node, inner, true);
		return;
	}
	buffer_addc(emitter->out, '\n');
	emit_collection(emitter, node, inner, false);
}

void yaml_emit(const struct node *root, struct buffer *out)
{
	const struct emitter emitter = { .out = out };

	if (root->count == 0)
		buffer_adds(out, "{}\n");
	for (size_t i = 0; i < root->count; i++) {
		if (i > 0)
			buffer_addc(out, '\n');
		emit_pair(&emitter, &root->pairs[i], 0);
	}
}
