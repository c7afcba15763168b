/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stringformat: Go's fmt.Sprintf() with one value. Texts, numbers, yes and no, with flags, width and precision, and
 * the complaints that Go writes into the text where verb and value do not fit. What no template has a use for (a
 * width from the value, indexes, lists and maps, %q of other letters than ASCII's) is refused.
 */
#include "base/limits.h"
#include "pongo/filter.h"
#include "pongo/letters.h"
#include "pongo/number.h"
#include "pongo/value.h"

#include <math.h>

struct directive {
	bool plus;
	bool minus;
	bool sharp;
	bool space;
	bool zero;
	bool has_width;
	bool has_precision;
	int width;
	int precision;
	uint32_t verb;
};

struct printer {
	struct filter_work *work;
	struct buffer out;
	struct directive directive;
};

static void printer_release(struct printer *printer)
{
	buffer_release(&printer->out);
}

static int refuse(struct printer *printer, const char *what)
{
	return error_set(printer->work->e, ERROR_UNSUPPORTED, "'stringformat' with %s is not supported",
			 what);
}

static void repeat(struct buffer *out, char c, int64_t count)
{
	while (count-- > 0)
		buffer_addc(out, c);
}

/* TEXT in the width of the directive. */
static void pad(struct printer *printer, struct text text, bool with_zeros)
{
	const struct directive *d = &printer->directive;
	int64_t room = d->has_width ? d->width - (int64_t)letter_count(text) : 0;

	if (!d->minus)
		repeat(&printer->out, with_zeros && d->zero ? '0' : ' ', room);
	buffer_add(&printer->out, text.ptr, text.len);
	if (d->minus)
		repeat(&printer->out, ' ', room);
}

static struct text truncated(const struct printer *printer, struct text text)
{
	if (printer->directive.has_precision)
		text.len = letter_offset(text, (size_t)printer->directive.precision);
	return text;
}

static void print_hex(struct printer *printer, struct text text, bool is_upper)
{
	const struct directive *d = &printer->directive;
	auto_buffer struct buffer hex = BUFFER_INIT;

	if (d->has_precision && (size_t)d->precision < text.len)
		text.len = (size_t)d->precision;
	for (size_t i = 0; i < text.len; i++) {
		if (i && d->space)
			buffer_addc(&hex, ' ');
		if (d->sharp && (i == 0 || d->space))
			buffer_adds(&hex, is_upper ? "0X" : "0x");
		buffer_addf(&hex, is_upper ? "%02X" : "%02x", (unsigned char)text.ptr[i]);
	}
	pad(printer, (struct text) { hex.data, hex.len }, true);
}

/* As a Go string. */
static int print_quoted(struct printer *printer, struct text text)
{
	static const char named[] = "\a\b\f\n\r\t\v";
	static const char names[] = "abfnrtv";
	auto_buffer struct buffer quoted = BUFFER_INIT;

	if (printer->directive.sharp)
		return refuse(printer, "%#q");
	buffer_addc(&quoted, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		const char *name = c ? strchr(named, c) : NULL;

		if (c >= 0x80)
			return refuse(printer, "%q of letters beyond ASCII");
		if (name)
			buffer_addf(&quoted, "\\%c", names[name - named]);
		else if (c == '"' || c == '\\')
			buffer_addf(&quoted, "\\%c", c);
		else if (c < ' ' || c == 0x7F)
			buffer_addf(&quoted, "\\x%02x", c);
		else
			buffer_addc(&quoted, (char)c);
	}
	buffer_addc(&quoted, '"');
	pad(printer, (struct text) { quoted.data, quoted.len }, true);
	return 0;
}

/* The digits of MAGNITUDE, at least MINIMUM of them. */
static void add_digits(struct buffer *out, uint64_t magnitude, unsigned base, bool is_upper, int minimum)
{
	char digits[64];
	int at = (int)sizeof digits;

	do {
		digits[--at] = (is_upper ? "0123456789ABCDEF" : "0123456789abcdef")[magnitude % base];
		magnitude /= base;
	} while (magnitude);
	repeat(out, '0', minimum - ((int)sizeof digits - at));
	buffer_add(out, digits + at, sizeof digits - (size_t)at);
}

static const char *base_prefix(const struct directive *d, unsigned base, bool starts_with_zero)
{
	if (d->verb == 'O')
		return d->sharp && !starts_with_zero ? "0o0" : "0o";
	if (!d->sharp)
		return "";
	if (base == 2)
		return "0b";
	if (base == 8)
		return starts_with_zero ? "" : "0";
	if (base == 16)
		return d->verb == 'X' ? "0X" : "0x";
	return "";
}

static void print_integer(struct printer *printer, int64_t value, unsigned base)
{
	const struct directive *d = &printer->directive;
	auto_buffer struct buffer number = BUFFER_INIT;
	auto_buffer struct buffer digits = BUFFER_INIT;
	const char *sign = value < 0 ? "-" : d->plus ? "+" : d->space ? " " : "";
	int minimum = 0;

	if (d->has_precision) {
		minimum = d->precision;
		if (minimum == 0 && value == 0) {
			repeat(&printer->out, ' ', d->has_width ? d->width : 0);
			return;
		}
	} else if (d->zero && d->has_width) {
		minimum = d->width - (*sign ? 1 : 0);
	}
	add_digits(&digits, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, base, d->verb == 'X', minimum);
	buffer_addf(&number, "%s%s%s", sign, base_prefix(d, base, digits.data[0] == '0'), digits.data);
	pad(printer, (struct text) { number.data, number.len }, false);
}

/* The fewest digits that read back as the same number, as "d.ddde±xx". */
static void shortest(char *text, size_t size, double number)
{
	for (int digits = 0; digits < 18; digits++) {
		snprintf(text, size, "%.*e", digits, number);
		if (strtod(text, NULL) <= number && strtod(text, NULL) >= number)
			return;
	}
}

/* %g without a precision, and %v: as short as it can be, with an exponent below -4 and from 6 on. */
static void format_shortest(struct buffer *out, double number, bool is_upper)
{
	char text[64];
	const char *mark;
	int exponent;
	int digits;

	shortest(text, sizeof text, number);
	mark = strchr(text, 'e');
	exponent = (int)strtol(mark + 1, NULL, 10);
	digits = (int)(mark - text) - (text[0] == '-') - (strchr(text, '.') != NULL);
	if (exponent < -4 || exponent >= 6) {
		buffer_adds(out, text);
		if (is_upper)
			out->data[out->len - strlen(mark)] = 'E';
		return;
	}
	buffer_addf(out, "%.*f", digits - 1 - exponent > 0 ? digits - 1 - exponent : 0, number);
}

static int format_number(struct printer *printer, double number, struct buffer *out)
{
	const struct directive *d = &printer->directive;
	int precision = d->has_precision ? d->precision : 6;

	switch (d->verb) {
	case 'f':
	case 'F':
		buffer_addf(out, "%.*f", precision, number);
		return 0;
	case 'e':
		buffer_addf(out, "%.*e", precision, number);
		return 0;
	case 'E':
		buffer_addf(out, "%.*E", precision, number);
		return 0;
	default:
		if (!d->has_precision)
			format_shortest(out, number, d->verb == 'G');
		else
			buffer_addf(out, d->verb == 'G' ? "%.*G" : "%.*g", precision, number);
		return 0;
	}
}

static int print_number(struct printer *printer, double number)
{
	const struct directive *d = &printer->directive;
	auto_buffer struct buffer digits = BUFFER_INIT;
	auto_buffer struct buffer whole = BUFFER_INIT;
	const char *sign = signbit(number) ? "-" : d->plus ? "+" : d->space ? " " : "";
	int64_t room;

	if (d->sharp)
		return refuse(printer, "'#' and a fraction");
	if (!isfinite(number)) {
		if (isnan(number))
			sign = d->plus ? "+" : d->space ? " " : "";
		else if (!signbit(number) && !d->space)
			sign = "+";
		buffer_addf(&whole, "%s%s", sign, isnan(number) ? "NaN" : "Inf");
		pad(printer, (struct text) { whole.data, whole.len }, false);
		return 0;
	}
	if (format_number(printer, fabs(number), &digits) < 0)
		return -1;
	room = d->has_width && d->zero ? d->width - (int64_t)digits.len - (int64_t)strlen(sign) : 0;
	buffer_adds(&whole, sign);
	repeat(&whole, '0', room);
	buffer_add(&whole, digits.data, digits.len);
	pad(printer, (struct text) { whole.data, whole.len }, false);
	return 0;
}

static const char *type_name(const struct pongo_value *value)
{
	switch (value->kind) {
	case PONGO_FLAG:
		return "bool";
	case PONGO_INTEGER:
		return value->is_byte ? "uint8" : "int";
	case PONGO_NUMBER:
		return "float64";
	default:
		return value->type ? value->type : "string";
	}
}

/* Whether VERB fits the value, and is one that print_value() knows. */
static bool verb_fits(const struct pongo_value *value, uint32_t verb)
{
	static const char *const verbs[] = {
		[PONGO_FLAG] = "tv",
		[PONGO_INTEGER] = "vdboOxXc",
		[PONGO_NUMBER] = "veEfFgG",
		[PONGO_TEXT] = "vsxXq",
	};

	return verb < 0x80 && strchr(verbs[value->kind], (int)verb);
}

static int print_value(struct printer *printer, const struct pongo_value *value)
{
	const struct directive *d = &printer->directive;
	auto_buffer struct buffer letter = BUFFER_INIT;

	switch (value->kind) {
	case PONGO_FLAG:
		pad(printer, value->flag ? TEXT("true") : TEXT("false"), true);
		return 0;
	case PONGO_NUMBER:
		return print_number(printer, value->number);
	case PONGO_INTEGER:
		if (d->verb != 'c') {
			print_integer(printer, value->integer,
				      d->verb == 'b'                     ? 2
				      : d->verb == 'o' || d->verb == 'O' ? 8
				      : d->verb == 'x' || d->verb == 'X' ? 16
									 : 10);
			return 0;
		}
		letter_encode(&letter,
			      (uint64_t)value->integer > 0x10FFFF ? LETTER_BAD : (uint32_t)value->integer);
		pad(printer, (struct text) { letter.data, letter.len }, true);
		return 0;
	default:
		if (d->verb == 'q')
			return print_quoted(printer, truncated(printer, value->text));
		if (d->verb == 'x' || d->verb == 'X')
			print_hex(printer, value->text, d->verb == 'X');
		else
			pad(printer, truncated(printer, value->text), true);
		return 0;
	}
}

/* What Go writes where verb and value do not fit: %!d(string=abc). */
static int print_bad_verb(struct printer *printer, const struct pongo_value *value)
{
	uint32_t verb = printer->directive.verb;

	buffer_adds(&printer->out, "%!");
	letter_encode(&printer->out, verb);
	if (value->kind == PONGO_NONE) {
		buffer_adds(&printer->out, "(<nil>)");
		return 0;
	}
	buffer_addf(&printer->out, "(%s=", type_name(value));
	printer->directive.verb = 'v';
	if (print_value(printer, value) < 0)
		return -1;
	buffer_adds(&printer->out, ")");
	return 0;
}

static int print(struct printer *printer)
{
	const struct pongo_value *value = printer->work->value;
	struct directive *d = &printer->directive;

	if (value->kind == PONGO_NONE && d->verb == 'v') {
		pad(printer, TEXT("<nil>"), true);
		return 0;
	}
	if (d->verb == 'T' && value->kind != PONGO_NONE) {
		pad(printer, truncated(printer, text_of(type_name(value))), true);
		return 0;
	}
	if (d->verb == 'T') {
		pad(printer, TEXT("<nil>"), true);
		return 0;
	}
	if (d->verb == 'v' && (d->sharp || d->plus))
		return refuse(printer, "%#v or %+v");
	if (d->verb == 'p' || d->verb == 'U' || (d->verb == 'q' && value->kind == PONGO_INTEGER) ||
	    ((d->verb == 'b' || d->verb == 'x' || d->verb == 'X') && value->kind == PONGO_NUMBER))
		return refuse(printer, "that verb");
	if (value->kind == PONGO_NONE || !verb_fits(value, d->verb))
		return print_bad_verb(printer, value);
	return print_value(printer, value);
}

/* Digits of a width or a precision; Go takes none beyond a million. */
static int take_number(struct printer *printer, struct text *rest, bool *is_given, int *number)
{
	*number = 0;
	while (rest->len && rest->ptr[0] >= '0' && rest->ptr[0] <= '9') {
		*is_given = true;
		*number = *number * 10 + (rest->ptr[0] - '0');
		if (*number > 1000000)
			return refuse(printer, "a width or precision beyond a million");
		rest->ptr++;
		rest->len--;
	}
	return 0;
}

static bool take_flag(struct directive *d, char c)
{
	switch (c) {
	case '#':
		d->sharp = true;
		return true;
	case '0':
		d->zero = !d->minus;
		return true;
	case '+':
		d->plus = true;
		return true;
	case '-':
		d->minus = true;
		d->zero = false;
		return true;
	case ' ':
		d->space = true;
		return true;
	default:
		return false;
	}
}

/* What stands behind a '%', up to its verb: 1 with a verb, 0 at the end of the text. */
static int take_directive(struct printer *printer, struct text *rest)
{
	struct directive *d = &printer->directive;
	size_t len;

	*d = (struct directive) { .verb = 0 };
	while (rest->len && take_flag(d, rest->ptr[0])) {
		rest->ptr++;
		rest->len--;
	}
	if (take_number(printer, rest, &d->has_width, &d->width) < 0)
		return -1;
	if (rest->len > 1 && rest->ptr[0] == '.') {
		rest->ptr++;
		rest->len--;
		d->has_precision = true;
		if (take_number(printer, rest, &d->has_precision, &d->precision) < 0)
			return -1;
	}
	if (!rest->len)
		return 0;
	if (rest->ptr[0] == '*' || rest->ptr[0] == '[')
		return refuse(printer, "'*' or an index");
	d->verb = letter_decode(letter_take(rest), &len);
	return 1;
}

static int print_all(struct printer *printer, struct text rest)
{
	bool used = false;

	while (rest.len) {
		const char *percent = memchr(rest.ptr, '%', rest.len);
		size_t before = percent ? (size_t)(percent - rest.ptr) : rest.len;
		int r;

		buffer_add(&printer->out, rest.ptr, before);
		rest.ptr += before + (percent != NULL);
		rest.len -= before + (percent != NULL);
		if (!percent)
			break;
		r = take_directive(printer, &rest);
		if (r < 0)
			return -1;
		if (r == 0) {
			buffer_adds(&printer->out, "%!(NOVERB)");
		} else if (printer->directive.verb == '%') {
			buffer_addc(&printer->out, '%');
		} else if (used) {
			buffer_adds(&printer->out, "%!");
			letter_encode(&printer->out, printer->directive.verb);
			buffer_adds(&printer->out, "(MISSING)");
		} else if (print(printer) < 0) {
			return -1;
		} else {
			used = true;
		}
		if (!filter_fits(printer->work, 0, printer->out.len))
			return -1;
	}
	if (used)
		return 0;
	printer->directive = (struct directive) { .verb = 'v' };
	buffer_adds(&printer->out, "%!(EXTRA ");
	if (printer->work->value->kind == PONGO_NONE)
		buffer_adds(&printer->out, "<nil>");
	else
		buffer_addf(&printer->out, "%s=", type_name(printer->work->value));
	if (printer->work->value->kind != PONGO_NONE && print_value(printer, printer->work->value) < 0)
		return -1;
	buffer_adds(&printer->out, ")");
	return 0;
}

int filter_stringformat(struct filter_work *work)
{
	AUTO(printer_release) struct printer printer = { .work = work, .out = BUFFER_INIT };

	if (work->value->kind > PONGO_TEXT)
		return refuse(&printer, "a list or a map");
	if (print_all(&printer, filter_argument(work)) < 0)
		return -1;
	return filter_give_buffer(work, &printer.out);
}
