/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/syntax.h"

struct lexer lexer_of(struct arena *arena, struct text text, struct pongo_position *where)
{
	return (struct lexer) {
		.arena = arena,
		.rest = text,
		.position = { 1, 1 },
		.where = where,
	};
}

/* Columns count characters: the continuation bytes of UTF-8 do not. */
static void advance(struct lexer *lexer, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)lexer->rest.ptr[i];

		if (c == '\n') {
			lexer->position.line++;
			lexer->position.column = 1;
		} else if ((c & 0xC0) != 0x80) {
			lexer->position.column++;
		}
	}
	lexer->rest.ptr += len;
	lexer->rest.len -= len;
}

static struct text take(struct lexer *lexer, size_t len)
{
	struct text taken = { lexer->rest.ptr, len };

	advance(lexer, len);
	return taken;
}

static int fail(struct lexer *lexer, struct pongo_position position, struct error *e, const char *text)
{
	*lexer->where = position;
	return error_set(e, ERROR_RECIPE, "%s", text);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static void skip_spaces(struct lexer *lexer)
{
	size_t len = 0;

	while (len < lexer->rest.len && is_space(lexer->rest.ptr[len]))
		len++;
	advance(lexer, len);
}

static bool is_opening(struct text text)
{
	return text_starts(text, "{{") || text_starts(text, "{%") || text_starts(text, "{#");
}

/* {# … #} ends on its line, as in pongo2; a forgotten end would swallow the rest of a script otherwise. */
static int skip_comment(struct lexer *lexer, struct error *e)
{
	struct pongo_position start = lexer->position;
	size_t len = 2;

	while (len + 1 < lexer->rest.len && lexer->rest.ptr[len] != '\n') {
		if (lexer->rest.ptr[len] == '#' && lexer->rest.ptr[len + 1] == '}') {
			advance(lexer, len + 2);
			return 0;
		}
		len++;
	}
	return fail(lexer, start, e, "the comment '{#' has no '#}' on its line");
}

/* The length of the text in front of the next braces; the blanks at its end go when those start with "-". */
static size_t text_length(struct text rest, size_t *kept)
{
	size_t len = 0;

	while (len < rest.len && !is_opening((struct text) { rest.ptr + len, rest.len - len }))
		len++;
	*kept = len;
	if (rest.len - len > 2 && rest.ptr[len + 2] == '-' && rest.ptr[len + 1] != '#')
		while (*kept && is_space(rest.ptr[*kept - 1]))
			--*kept;
	return len;
}

static void open_braces(struct lexer *lexer, struct token *token)
{
	bool value = lexer->rest.ptr[1] == '{';

	lexer->opened = lexer->position;
	lexer->close = value ? "}}" : "%}";
	token->kind = value ? TOKEN_OPEN_VALUE : TOKEN_OPEN_TAG;
	token->text = take(lexer, lexer->rest.len > 2 && lexer->rest.ptr[2] == '-' ? 3 : 2);
}

static int next_outside(struct lexer *lexer, struct token *token, struct error *e)
{
	size_t kept;
	size_t len;

	if (TAKE(lexer->trim, false))
		skip_spaces(lexer);
	while (text_starts(lexer->rest, "{#"))
		if (skip_comment(lexer, e) < 0)
			return -1;
	token->position = lexer->position;
	if (lexer->rest.len == 0) {
		token->kind = TOKEN_END;
		return 0;
	}
	if (is_opening(lexer->rest)) {
		open_braces(lexer, token);
		return 0;
	}
	len = text_length(lexer->rest, &kept);
	token->kind = TOKEN_TEXT;
	token->text = take(lexer, len);
	token->text.len = kept;
	return 0;
}

static char unescape(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	default:
		return c;
	}
}

static int read_string(struct lexer *lexer, struct token *token, struct error *e)
{
	char quote = lexer->rest.ptr[0];
	struct text rest = lexer->rest;
	size_t end = 1;
	size_t len = 0;
	char *text;

	while (end < rest.len && rest.ptr[end] != quote && rest.ptr[end] != '\n')
		end += rest.ptr[end] == '\\' && end + 1 < rest.len ? 2 : 1;
	if (end >= rest.len || rest.ptr[end] != quote)
		return fail(lexer, token->position, e, "a string has no closing quote on its line");
	text = arena_alloc(lexer->arena, end);
	for (size_t i = 1; i < end; i++) {
		char c = rest.ptr[i];

		if (c == '\\') {
			c = rest.ptr[++i];
			if (!strchr("\\\"'ntr", c) || c == '\0')
				return fail(
					lexer, token->position, e,
					"a string has an unknown escape (known: \\\\ \\\" \\' \\n \\t \\r)");
			c = unescape(c);
		}
		text[len++] = c;
	}
	token->kind = TOKEN_STRING;
	token->text = (struct text) { text, len };
	advance(lexer, end + 1);
	return 0;
}

static bool read_word(struct lexer *lexer, struct token *token)
{
	struct text rest = lexer->rest;
	size_t len = 0;

	if (is_letter(rest.ptr[0])) {
		token->kind = TOKEN_NAME;
		while (len < rest.len && (is_letter(rest.ptr[len]) || is_digit(rest.ptr[len])))
			len++;
	} else if (is_digit(rest.ptr[0])) {
		token->kind = TOKEN_NUMBER;
		while (len < rest.len && is_digit(rest.ptr[len]))
			len++;
	} else {
		return false;
	}
	token->text = take(lexer, len);
	return true;
}

/* Longest first, so that "<=" is not read as "<". */
static const char *const symbols[] = {
	"==", ">=", "<=", "&&", "||", "!=", "<>", "(", ")", "+", "-", "*", "<",
	">",  "/",  "^",  ",",  ".",  "!",  "|",  ":", "=", "%", "[", "]",
};

static int read_symbol(struct lexer *lexer, struct token *token, struct error *e)
{
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		if (text_starts(lexer->rest, symbols[i])) {
			token->kind = TOKEN_SYMBOL;
			token->text = take(lexer, strlen(symbols[i]));
			return 0;
		}
	}
	*lexer->where = token->position;
	if (lexer->rest.ptr[0] > ' ' && lexer->rest.ptr[0] < 0x7F)
		return error_set(e, ERROR_RECIPE, "unexpected '%c' in a template", lexer->rest.ptr[0]);
	return error_set(e, ERROR_RECIPE, "unexpected byte 0x%02x in a template",
			 (unsigned char)lexer->rest.ptr[0]);
}

static int next_inside(struct lexer *lexer, struct token *token, struct error *e)
{
	struct text after_dash;
	bool dash;

	skip_spaces(lexer);
	token->position = lexer->position;
	if (lexer->rest.len == 0) {
		*lexer->where = lexer->opened;
		return error_set(e, ERROR_RECIPE, "the '%s' here is never closed by '%s'",
				 lexer->close[0] == '}' ? "{{" : "{%", lexer->close);
	}
	dash = lexer->rest.ptr[0] == '-';
	after_dash = (struct text) { lexer->rest.ptr + dash, lexer->rest.len - dash };
	if (text_starts(after_dash, lexer->close)) {
		token->kind = TOKEN_CLOSE;
		token->text = take(lexer, dash + 2U);
		lexer->trim = dash;
		lexer->close = NULL;
		return 0;
	}
	if (lexer->rest.ptr[0] == '"' || lexer->rest.ptr[0] == '\'')
		return read_string(lexer, token, e);
	if (read_word(lexer, token))
		return 0;
	return read_symbol(lexer, token, e);
}

int lexer_next(struct lexer *lexer, struct token *token, struct error *e)
{
	return lexer->close ? next_inside(lexer, token, e) : next_outside(lexer, token, e);
}
