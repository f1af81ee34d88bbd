/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Two ways to the same checksum; crc32c() takes the one that this processor has. */
#ifndef COVEY_BASE_CRC32C_H
#define COVEY_BASE_CRC32C_H

#include "covey/base.h"

uint32_t crc32c_tables(uint32_t crc, const void *data, size_t size_bytes);
/* Only if the processor has the instruction. */
bool crc32c_has_instruction(void);
uint32_t crc32c_instruction(uint32_t crc, const void *data, size_t size_bytes);

#endif
