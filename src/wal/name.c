/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "name.h"

#define DIGITS_COUNT 16

void numbered_name(const char *head, uint64_t number, char ret_name[WAL_NAME_SIZE]) {
    size_t size = strlen(head);
    assert(size + DIGITS_COUNT < WAL_NAME_SIZE);
    memset(ret_name, 0, WAL_NAME_SIZE);
    memcpy(ret_name, head, size);
    for (size_t i = 0; i < DIGITS_COUNT; i++)
        ret_name[size + i] = "0123456789abcdef"[number >> (60 - 4 * i) & 15];
}

bool numbered_name_parse(const char *head, const char name[WAL_NAME_SIZE], uint64_t *ret_number) {
    size_t size = strlen(head);
    uint8_t digits[DIGITS_COUNT / 2];
    uint64_t number = 0;
    char again[WAL_NAME_SIZE];
    if (strncmp(name, head, size) != 0 ||
        hex_decode(bytes_of(name + size, DIGITS_COUNT), digits, sizeof digits) != 0)
        return false;
    for (size_t i = 0; i < sizeof digits; i++)
        number = number << 8 | digits[i];
    numbered_name(head, number, again);
    if (strncmp(name, again, WAL_NAME_SIZE) != 0)
        return false;
    *ret_number = number;
    return true;
}

void text_take(struct buf *from, char *ret_text, size_t text_size) {
    if (text_size > 0) {
        size_t length = from->size < text_size ? from->size : text_size - 1;
        if (length > 0)
            memcpy(ret_text, from->data, length);
        ret_text[length] = 0;
    }
    buf_done(from);
}

int text_fail(int error, const char *text, char *ret_text, size_t text_size) {
    struct buf b = {0};
    buf_printf(&b, "%s", text);
    text_take(&b, ret_text, text_size);
    return error;
}
