/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "crc32c.h"

/*
 * CRC-32C eight bytes a step: M. Kounavis and F. Berry, "Novel Table Lookup-Based Algorithms for
 * High-Performance CRC Generation". Table k holds what a byte leaves behind after k further zero bytes. A CRC
 * is linear over exclusive or, so each table is written as the values of its eight single bits, and the
 * compiler spreads them.
 */
#define BIT(i, n, v) ((((i) >> (n)) & 1u) ? (v) : 0u)
#define ENTRY(i, a, b, c, d, e, f, g, h)                                                                     \
    BIT(i, 0, a) ^ BIT(i, 1, b) ^ BIT(i, 2, c) ^ BIT(i, 3, d) ^ BIT(i, 4, e) ^ BIT(i, 5, f) ^ BIT(i, 6, g) ^ \
        BIT(i, 7, h)
#define ENTRIES_4(i, ...)                                                                                    \
    ENTRY(i, __VA_ARGS__), ENTRY(i + 1u, __VA_ARGS__), ENTRY(i + 2u, __VA_ARGS__), ENTRY(i + 3u, __VA_ARGS__)
#define ENTRIES_16(i, ...)                                                                                   \
    ENTRIES_4(i, __VA_ARGS__), ENTRIES_4(i + 4u, __VA_ARGS__), ENTRIES_4(i + 8u, __VA_ARGS__),               \
        ENTRIES_4(i + 12u, __VA_ARGS__)
#define ENTRIES_64(i, ...)                                                                                   \
    ENTRIES_16(i, __VA_ARGS__), ENTRIES_16(i + 16u, __VA_ARGS__), ENTRIES_16(i + 32u, __VA_ARGS__),          \
        ENTRIES_16(i + 48u, __VA_ARGS__)
#define TABLE(...)                                                                                           \
    {                                                                                                        \
        ENTRIES_64(0u, __VA_ARGS__), ENTRIES_64(64u, __VA_ARGS__), ENTRIES_64(128u, __VA_ARGS__),            \
            ENTRIES_64(192u, __VA_ARGS__)                                                                    \
    }

static const uint32_t crc_tables[8][256] = {
    TABLE(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78),
    TABLE(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604, 0xfbc3faf9),
    TABLE(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9, 0x8b277743),
    TABLE(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7, 0x52a0c93f),
    TABLE(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae, 0x6ea2d55c),
    TABLE(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb, 0x1c08b7d6),
    TABLE(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4),
    TABLE(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32, 0x34019664),
};

static uint32_t load_le32(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint32_t crc32c_tables(uint32_t crc, const void *data, size_t size_bytes) {
    const uint8_t *at = data;
    crc = ~crc;
    for (; size_bytes >= 8; size_bytes -= 8, at += 8) {
        uint32_t low = load_le32(at) ^ crc, high = load_le32(at + 4);
        crc = crc_tables[7][low & 255] ^ crc_tables[6][low >> 8 & 255] ^ crc_tables[5][low >> 16 & 255] ^
              crc_tables[4][low >> 24] ^ crc_tables[3][high & 255] ^ crc_tables[2][high >> 8 & 255] ^
              crc_tables[1][high >> 16 & 255] ^ crc_tables[0][high >> 24];
    }
    for (; size_bytes; size_bytes--, at++)
        crc = crc >> 8 ^ crc_tables[0][(crc ^ *at) & 255];
    return ~crc;
}

/* ---- the processor's own ------------------------------------------------------------------------------- */

#if defined __x86_64__ && defined __GNUC__

bool crc32c_has_instruction(void) { return __builtin_cpu_supports("sse4.2") != 0; }

/* SSE4.2 has this very polynomial: eight bytes a step. */
__attribute__((target("sse4.2"))) uint32_t crc32c_instruction(uint32_t crc, const void *data,
                                                              size_t size_bytes) {
    const uint8_t *at = data;
    uint64_t wide = ~crc, word;
    for (; size_bytes >= 8; size_bytes -= 8, at += 8) {
        memcpy(&word, at, sizeof word);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; size_bytes; size_bytes--, at++)
        crc = __builtin_ia32_crc32qi(crc, *at);
    return ~crc;
}

#else

bool crc32c_has_instruction(void) { return false; }

uint32_t crc32c_instruction(uint32_t crc, const void *data, size_t size_bytes) {
    return crc32c_tables(crc, data, size_bytes);
}

#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t size_bytes) {
    return crc32c_has_instruction() ? crc32c_instruction(crc, data, size_bytes)
                                    : crc32c_tables(crc, data, size_bytes);
}
