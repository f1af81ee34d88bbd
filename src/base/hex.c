/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "covey/base.h"

static const char HEX_DIGITS[] = "0123456789abcdef";

void buf_append_hex(struct buf *b, struct bytes in) {
    buf_reserve(b, in.size * 2);
    for (size_t i = 0; i < in.size; i++) {
        b->data[b->size++] = (uint8_t)HEX_DIGITS[in.data[i] >> 4];
        b->data[b->size++] = (uint8_t)HEX_DIGITS[in.data[i] & 15];
    }
}

static int hex_value(uint8_t digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

int hex_decode(struct bytes text, uint8_t *out, size_t size_bytes) {
    if (text.size % 2 || text.size / 2 != size_bytes)
        return ERR_INVALID;
    for (size_t i = 0; i < text.size; i++)
        if (hex_value(text.data[i]) < 0)
            return ERR_INVALID;
    for (size_t i = 0; i < size_bytes; i++)
        out[i] = (uint8_t)(hex_value(text.data[2 * i]) * 16 + hex_value(text.data[2 * i + 1]));
    return 0;
}

bool id_is_zero(const uint8_t *b, size_t size_bytes) {
    uint8_t any = 0;
    for (size_t i = 0; i < size_bytes; i++)
        any |= b[i];
    return any == 0;
}

static void hex_text(const uint8_t *b, size_t digits, char *out) {
    for (size_t i = 0; i < digits; i++)
        out[i] = HEX_DIGITS[i % 2 ? b[i / 2] & 15 : b[i / 2] >> 4];
    out[digits] = 0;
}

void id_text(const uint8_t b[ID_SIZE], char out[ID_TEXT_SIZE]) { hex_text(b, ID_TEXT_SIZE - 1, out); }
void id_short(const uint8_t b[ID_SIZE], char out[ID_SHORT_SIZE]) { hex_text(b, ID_SHORT_SIZE - 1, out); }
