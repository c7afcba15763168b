/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/syntax.h"

struct lexer {
	struct arena *arena;
	enum pongo_version version;
	struct text rest;
	struct pongo_position position; /* of REST */
	struct token *tokens;           /* malloc'ed */
	size_t count;
	struct pongo_position *where;
};

static const char verbatim[] = "{% verbatim %}";
static const char endverbatim[] = "{% endverbatim %}";

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

static int fail(struct lexer *lexer, struct pongo_position position, struct error *e, const char *text)
{
	*lexer->where = position;
	return error_set(e, ERROR_RECIPE, "%s", text);
}

/* The next LEN bytes as a token. */
static struct token *emit(struct lexer *lexer, enum token_kind kind, size_t len)
{
	struct token token = { .kind = kind, .position = lexer->position, .text = { lexer->rest.ptr, len } };

	PUSH(lexer->tokens, lexer->count, token);
	advance(lexer, len);
	return &lexer->tokens[lexer->count - 1];
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* {# … #} ends on its line, as in pongo2; a forgotten end would swallow the rest of a script otherwise. */
static int skip_comment(struct lexer *lexer, struct error *e)
{
	struct text rest = lexer->rest;
	size_t len = 2;

	while (len + 1 < rest.len && rest.ptr[len] != '\n') {
		if (rest.ptr[len] == '#' && rest.ptr[len + 1] == '}') {
			advance(lexer, len + 2);
			return 0;
		}
		len++;
	}
	return fail(lexer, lexer->position, e, "the comment '{#' has no '#}' on its line");
}

/* \" and \\ are all that pongo2 4 and 6 know. First the one, then the other, as they do. */
static struct text unescape(struct arena *arena, struct text raw)
{
	char *text = arena_alloc(arena, raw.len + 1);
	size_t len = 0;
	size_t kept = 0;

	for (size_t i = 0; i < raw.len; i++) {
		if (raw.ptr[i] == '\\' && i + 1 < raw.len && raw.ptr[i + 1] == '"')
			i++;
		text[len++] = raw.ptr[i];
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 1 < len && text[i + 1] == '\\')
			i++;
		text[kept++] = text[i];
	}
	return (struct text) { text, kept };
}

static int lex_string(struct lexer *lexer, struct error *e)
{
	struct text rest = lexer->rest;
	char quote = rest.ptr[0];
	size_t end = 1;
	struct token *token;

	while (end < rest.len && rest.ptr[end] != quote && rest.ptr[end] != '\n') {
		if (rest.ptr[end] != '\\') {
			end++;
			continue;
		}
		if (end + 1 >= rest.len || (rest.ptr[end + 1] != '"' && rest.ptr[end + 1] != '\\'))
			return fail(lexer, lexer->position, e,
				    "a string has an unknown escape (known: \\\" and \\\\)");
		end += 2;
	}
	if (end >= rest.len || rest.ptr[end] != quote)
		return fail(lexer, lexer->position, e, "a string has no closing quote on its line");
	token = emit(lexer, TOKEN_STRING, end + 1);
	token->text = unescape(lexer->arena, (struct text) { rest.ptr + 1, end - 1 });
	return 0;
}

static bool is_keyword(const struct lexer *lexer, struct text word)
{
	static const char *const keywords[] = { "in", "and", "or", "not", "true", "false", "as", "export" };

	for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
		if (text_is(word, keywords[i]))
			return true;
	return lexer->version == PONGO_6 && text_is(word, "nil");
}

static void lex_word(struct lexer *lexer)
{
	struct text rest = lexer->rest;
	size_t len = 0;
	enum token_kind kind = TOKEN_NUMBER;

	while (len < rest.len && (is_letter(rest.ptr[len]) || is_digit(rest.ptr[len])))
		if (!is_digit(rest.ptr[len++]))
			kind = TOKEN_NAME;
	if (kind == TOKEN_NAME && is_keyword(lexer, (struct text) { rest.ptr, len }))
		kind = TOKEN_KEYWORD;
	emit(lexer, kind, len);
}

/* Longest first, so that "<=" is not read as "<". */
static const char *const symbols[] = {
	"{{-", "-}}", "{%-", "-%}", "==", ">=", "<=", "&&", "||", "{{", "}}",
	"{%",  "%}",  "!=",  "<>",  "(",  ")",  "+",  "-",  "*",  "<",  ">",
	"/",   "^",   ",",   ".",   "!",  "|",  ":",  "=",  "%",  "[",  "]",
};

static bool is_closing(struct text text)
{
	return text_is(text, "}}") || text_is(text, "%}");
}

/* Whether the tag goes on behind it: what is no symbol, and the braces at its end, end it. */
static bool lex_symbol(struct lexer *lexer)
{
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		size_t len = strlen(symbols[i]);
		struct token *token;

		if (!text_starts(lexer->rest, symbols[i]))
			continue;
		if (lexer->version == PONGO_4 && (*symbols[i] == '[' || *symbols[i] == ']'))
			return false;
		token = emit(lexer, TOKEN_SYMBOL, len);
		token->trims = len == 3;
		if (len == 3)
			token->text = (struct text) { token->text.ptr + (token->text.ptr[0] == '-'), 2 };
		return !is_closing(token->text);
	}
	return false;
}

/* What stands between braces, up to their end or to a character that has no place there. */
static int lex_tag(struct lexer *lexer, struct error *e)
{
	struct pongo_position opened = lexer->position;
	char brace = lexer->rest.ptr[1];

	while (lexer->rest.len) {
		char c = lexer->rest.ptr[0];

		if (c == '\n') {
			*lexer->where = opened;
			return error_set(e, ERROR_RECIPE, "the '{%c' here is not closed on its line", brace);
		}
		if (c == ' ' || c == '\r' || c == '\t') {
			advance(lexer, 1);
		} else if (c == '"' || c == '\'') {
			if (lex_string(lexer, e) < 0)
				return -1;
		} else if (is_letter(c) || is_digit(c)) {
			lex_word(lexer);
		} else {
			if (!lex_symbol(lexer))
				return 0;
		}
	}
	return 0;
}

/* The length of the text in front of the next braces. */
static size_t text_length(struct text rest)
{
	size_t len = 0;

	while (len < rest.len) {
		const char *brace = memchr(rest.ptr + len, '{', rest.len - len);

		if (!brace)
			return rest.len;
		len = (size_t)(brace - rest.ptr);
		if (len + 1 < rest.len && strchr("{%#", brace[1]) && brace[1])
			return len;
		len++;
	}
	return len;
}

/*
 * {% verbatim %}, so spelt, up to {% endverbatim %}. pongo2 looks for the end from the second character on, so that
 * an empty one has none.
 */
static int lex_verbatim(struct lexer *lexer, struct error *e)
{
	struct pongo_position opened = lexer->position;
	const char *end = NULL;

	advance(lexer, sizeof verbatim - 1);
	if (lexer->rest.len > 1)
		end = memmem(lexer->rest.ptr + 1, lexer->rest.len - 1, endverbatim, sizeof endverbatim - 1);
	if (!end)
		return fail(
			lexer, opened, e,
			"the '{% verbatim %}' here has no '{% endverbatim %}' with something in front of it");
	emit(lexer, TOKEN_TEXT, (size_t)(end - lexer->rest.ptr));
	advance(lexer, sizeof endverbatim - 1);
	return 0;
}

static int lex_all(struct lexer *lexer, struct error *e)
{
	bool after_verbatim = false;

	while (lexer->rest.len) {
		size_t len = text_length(lexer->rest);
		int r = 0;

		if (len) {
			emit(lexer, TOKEN_TEXT, len);
		} else if (text_starts(lexer->rest, "{#")) {
			r = skip_comment(lexer, e);
		} else if (text_starts(lexer->rest, verbatim) && !after_verbatim) {
			r = lex_verbatim(lexer, e);
			after_verbatim = true;
			if (r < 0)
				return -1;
			continue;
		} else {
			r = lex_tag(lexer, e);
		}
		if (r < 0)
			return -1;
		after_verbatim = false;
	}
	emit(lexer, TOKEN_END, 0);
	return 0;
}

/* pongo2 takes the byte 1 for the end of the template, and the daemons then miss what they put behind it. */
static int check_bytes(struct lexer *lexer, struct error *e)
{
	const char *bad = lexer->rest.len ? memchr(lexer->rest.ptr, '\1', lexer->rest.len) : NULL;

	if (!bad)
		return 0;
	advance(lexer, (size_t)(bad - lexer->rest.ptr));
	return fail(lexer, lexer->position, e, "a template must not hold the byte 0x01");
}

static void lexer_release(struct lexer *lexer)
{
	free(lexer->tokens);
}

int lex(struct arena *arena, struct text text, enum pongo_version version, const struct token **tokens,
	size_t *count, struct pongo_position *where, struct error *e)
{
	AUTO(lexer_release)
	struct lexer lexer = {
		.arena = arena, .version = version, .rest = text, .position = { 1, 1 }, .where = where
	};
	struct lexer scan = lexer;
	struct token *kept;

	if (check_bytes(&scan, e) < 0 || lex_all(&lexer, e) < 0)
		return -1;
	kept = arena_alloc(arena, lexer.count * sizeof *kept);
	memcpy(kept, lexer.tokens, lexer.count * sizeof *kept);
	*tokens = kept;
	*count = lexer.count;
	return 0;
}
