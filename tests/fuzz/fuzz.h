/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every fuzz target includes. A target takes any bytes, touches no disk and no network, and returns 0;
 * it fails by dying. libFuzzer drives it in `make fuzz`; replay.c gives it its corpus in `make check`.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
