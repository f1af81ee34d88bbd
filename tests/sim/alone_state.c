/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The script of tests/fuzz for alone.c. */
#define LLVMFuzzerTestOneInput alone_state
#include "../fuzz/fuzz_state.c"
