/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as Go reads, converts and computes them. */
#ifndef PONGO_NUMBER_H
#define PONGO_NUMBER_H

#include "base/text.h"

/* As strconv.ParseFloat: also 1e3, 0x1p4, 1_0, inf and nan; false for what is no number, and for one too large. */
bool number_parse(struct text text, double *number);
/* As int64(x) on amd64: towards zero, and what does not fit is the smallest number. */
int64_t number_to_integer(double number);
/* Sums and products that wrap around. */
int64_t integer_add(int64_t a, int64_t b);
int64_t integer_multiply(int64_t a, int64_t b);
int64_t integer_negate(int64_t a);
/* B is not 0. */
int64_t integer_divide(int64_t a, int64_t b);
int64_t integer_modulo(int64_t a, int64_t b);
/* As math.Pow: whole exponents by squaring, so that the last digits are the same. */
double number_power(double base, double exponent);
/* As strconv.FormatFloat(x, 'f', DECIMALS, 64), +Inf and NaN included. DECIMALS is not negative. */
void number_format(struct buffer *out, double number, int decimals);

#endif
