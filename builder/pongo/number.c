/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/number.h"

#include "base/alloc.h"

#include <math.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex_digit(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* inf, infinity and nan in any case; nan without a sign. */
static bool parse_word(struct text text, double *number)
{
	bool has_sign = text.len && (text.ptr[0] == '+' || text.ptr[0] == '-');
	bool is_negative = has_sign && text.ptr[0] == '-';
	struct text word = { text.ptr + has_sign, text.len - has_sign };

	if (text_is_anycase(text, "nan")) {
		*number = NAN;
		return true;
	}
	*number = is_negative ? -INFINITY : INFINITY;
	return text_is_anycase(word, "inf") || text_is_anycase(word, "infinity");
}

/* A '_' may stand between two digits, also behind the "0x". */
static bool underscores_fit(const char *text)
{
	bool after_digit = false;
	bool is_hex;

	text += *text == '+' || *text == '-';
	is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	if (is_hex || (text[0] == '0' && text[1] && strchr("bBoO", text[1]))) {
		text += 2;
		after_digit = true;
	}
	for (; *text; text++) {
		bool digit = is_hex ? is_hex_digit(*text) : is_digit(*text);

		if (*text == '_' && (!after_digit || !(is_hex ? is_hex_digit(text[1]) : is_digit(text[1]))))
			return false;
		after_digit = digit;
	}
	return true;
}

/* [sign]digits[.digits][e[sign]digits], with p instead of e, and mandatory, in hexadecimal. */
static bool is_number(const char *text)
{
	bool is_hex;
	size_t digit_count = 0;

	text += *text == '+' || *text == '-';
	is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') && text[2];
	text += is_hex ? 2 : 0;
	for (bool point = false; *text; text++) {
		if (*text == '.' && !point)
			point = true;
		else if (is_hex ? is_hex_digit(*text) : is_digit(*text))
			digit_count++;
		else
			break;
	}
	if (digit_count == 0)
		return false;
	if (!*text)
		return !is_hex;
	if ((*text | 0x20) != (is_hex ? 'p' : 'e'))
		return false;
	text++;
	text += *text == '+' || *text == '-';
	if (!is_digit(*text))
		return false;
	while (is_digit(*text))
		text++;
	return !*text;
}

bool number_parse(struct text text, double *number)
{
	auto_free char *copy = NULL;
	size_t len = 0;

	*number = 0;
	if (text.len == 0 || memchr(text.ptr, 0, text.len))
		return false;
	if (parse_word(text, number))
		return true;
	*number = 0;
	copy = xstrndup(text.ptr, text.len);
	if (strchr(copy, '_') && !underscores_fit(copy))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (copy[i] != '_')
			copy[len++] = copy[i];
	copy[len] = '\0';
	if (!is_number(copy))
		return false;
	*number = strtod(copy, NULL);
	if (!isinf(*number))
		return true;
	*number = 0;
	return false;
}

int64_t number_to_integer(double number)
{
	if (isnan(number) || number < -9223372036854775808.0 || number >= 9223372036854775808.0)
		return INT64_MIN;
	return (int64_t)number;
}

int64_t integer_add(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

int64_t integer_multiply(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a * (uint64_t)b);
}

int64_t integer_negate(int64_t a)
{
	return (int64_t)(0 - (uint64_t)a);
}

int64_t integer_divide(int64_t a, int64_t b)
{
	return b == -1 ? integer_negate(a) : a / b;
}

int64_t integer_modulo(int64_t a, int64_t b)
{
	return b == -1 ? 0 : a % b;
}

/* BASE to the power of a whole number below 2^63, times FACTOR, from the bits of the exponent. */
static double power_of_bits(double base, double whole, double factor, bool is_inverse)
{
	int scale;
	double fraction = frexp(base, &scale);
	int total = 0;

	for (uint64_t bits = (uint64_t)whole; bits; bits >>= 1) {
		/* Far beyond what a double holds; one more doubling could leave an int. */
		if (scale < -4096 || scale > 4096) {
			total += scale;
			break;
		}
		if (bits & 1) {
			factor *= fraction;
			total += scale;
		}
		fraction *= fraction;
		scale *= 2;
		if (fraction < 0.5) {
			fraction += fraction;
			scale--;
		}
	}
	return is_inverse ? ldexp(1 / factor, -total) : ldexp(factor, total);
}

double number_power(double base, double exponent)
{
	double whole;
	double rest = modf(fabs(exponent), &whole);
	double factor = 1;

	if (!isfinite(base) || !isfinite(exponent) || fpclassify(base) == FP_ZERO || whole >= 0x1p63 ||
	    (rest > 0 && base < 0)) /* exact in any library */
		return pow(base, exponent);
	if (fpclassify(fabs(exponent) - 0.5) == FP_ZERO)
		return exponent > 0 ? sqrt(base) : 1 / sqrt(base);
	if (rest > 0) {
		if (rest > 0.5) {
			rest--;
			whole++;
		}
		factor = exp(rest * log(base));
	}
	return power_of_bits(base, whole, factor, exponent < 0);
}

void number_format(struct buffer *out, double number, int decimals)
{
	if (isnan(number))
		buffer_adds(out, "NaN");
	else if (isinf(number))
		buffer_adds(out, number < 0 ? "-Inf" : "+Inf");
	else
		buffer_addf(out, "%.*f", decimals, number);
}
