/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "covey/base.h"

/*
 * Addresses as text: dotted decimal for IPv4 (no leading zeros, which some read as octal), RFC 5952 for IPv6.
 * Parsed by hand because the C library's functions consult the host.
 */
#define V4_SIZE 4
#define V6_SIZE 16

bool addr_equal(const struct addr *x, const struct addr *y) {
    return x->size == y->size && memcmp(x->b, y->b, x->size) == 0;
}

uint16_t addr_port(const struct addr *a) {
    if (a->size < 2)
        return 0;
    return (uint16_t)(a->b[a->size - 2] << 8 | a->b[a->size - 1]);
}

void addr_set_port(struct addr *a, uint16_t port) {
    if (a->size < 2)
        return;
    a->b[a->size - 2] = (uint8_t)(port >> 8);
    a->b[a->size - 1] = (uint8_t)port;
}

/* ---- to text ------------------------------------------------------------------------------------------- */

/* The address part in `out`, which holds ADDR_TEXT_SIZE; returns its end. */
static char *put_number(char *at, unsigned number, unsigned base) {
    char digits[8];
    size_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number);
    while (count)
        *at++ = digits[--count];
    return at;
}

static char *put_v4(char *at, const uint8_t *b) {
    for (size_t i = 0; i < V4_SIZE; i++) {
        if (i)
            *at++ = '.';
        at = put_number(at, b[i], 10);
    }
    return at;
}

static unsigned v6_group(const uint8_t *b, size_t group) {
    return (unsigned)(b[2 * group] << 8 | b[2 * group + 1]);
}

/* The longest run of zero groups, the first of equals; shorter than two is none. */
static size_t longest_zeros(const uint8_t *b, size_t *ret_count) {
    size_t best = 8, best_count = 1;
    for (size_t start = 0; start < 8; start++) {
        size_t count = 0;
        while (start + count < 8 && v6_group(b, start + count) == 0)
            count++;
        if (count > best_count) {
            best = start;
            best_count = count;
        }
    }
    *ret_count = best < 8 ? best_count : 0;
    return best;
}

static char *put_v6(char *at, const uint8_t *b) {
    size_t zeros_count, zeros = longest_zeros(b, &zeros_count);
    for (size_t group = 0; group < 8; group++) {
        if (group == zeros) {
            *at++ = ':';
            *at++ = ':';
            group += zeros_count - 1;
            continue;
        }
        if (group && group != zeros + zeros_count)
            *at++ = ':';
        at = put_number(at, v6_group(b, group), 16);
    }
    return at;
}

static char *put_host(char *at, const struct addr *a, bool brackets) {
    if (a->size == V4_SIZE + 2)
        return put_v4(at, a->b);
    if (a->size != V6_SIZE + 2) {
        *at++ = '-';
        return at;
    }
    if (brackets)
        *at++ = '[';
    at = put_v6(at, a->b);
    if (brackets)
        *at++ = ']';
    return at;
}

void addr_text(const struct addr *a, char out[ADDR_TEXT_SIZE]) {
    char *at = put_host(out, a, true);
    if (a->size) {
        *at++ = ':';
        at = put_number(at, addr_port(a), 10);
    }
    *at = 0;
}

void addr_host_text(const struct addr *a, char out[ADDR_TEXT_SIZE]) { *put_host(out, a, false) = 0; }

/* ---- from text ----------------------------------------------------------------------------------------- */

static bool take_char(struct bytes *text, char c) {
    if (text->size == 0 || *text->data != (uint8_t)c)
        return false;
    text->data++;
    text->size--;
    return true;
}

static int digit_value(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

/* 1 to digits_max digits; a decimal number has no leading zero. -1 when there is none such. */
static int32_t take_number(struct bytes *text, int base, size_t digits_max, int32_t number_max) {
    int32_t number = 0;
    size_t digits = 0;
    const uint8_t *start = text->data;
    for (; text->size && digit_value(*text->data) < base; text->data++, text->size--) {
        if (++digits > digits_max)
            return -1;
        number = number * base + digit_value(*text->data);
    }
    if (digits == 0 || number > number_max || (base == 10 && digits > 1 && *start == '0'))
        return -1;
    return number;
}

static bool take_v4(struct bytes *text, uint8_t *out) {
    for (size_t i = 0; i < V4_SIZE; i++) {
        if (i && !take_char(text, '.'))
            return false;
        int32_t octet = take_number(text, 10, 3, 255);
        if (octet < 0)
            return false;
        out[i] = (uint8_t)octet;
    }
    return true;
}

/* Groups parted by colons up to "::" or what is no group. The last four bytes of all may be dotted. */
static bool take_groups(struct bytes *text, uint8_t *out, size_t size_max, bool is_end, size_t *ret_size) {
    size_t size = 0;
    while (text->size && digit_value(*text->data) < 16) {
        struct bytes again = *text;
        bool dotted_fits = is_end ? size + V4_SIZE <= size_max : size + V4_SIZE == size_max;
        if (dotted_fits && take_v4(&again, out + size)) {
            *text = again;
            size += V4_SIZE;
            break;
        }
        int32_t group = take_number(text, 16, 4, 0xffff);
        if (group < 0 || size + 2 > size_max)
            return false;
        out[size++] = (uint8_t)(group >> 8);
        out[size++] = (uint8_t)group;
        if (text->size < 2 || text->data[0] != ':' || text->data[1] == ':')
            break;
        text->data++;
        text->size--;
        if (digit_value(*text->data) >= 16)
            return false;
    }
    *ret_size = size;
    return true;
}

static bool take_v6(struct bytes *text, uint8_t out[V6_SIZE]) {
    uint8_t low[V6_SIZE];
    size_t high_size, low_size = 0;
    memset(out, 0, V6_SIZE);
    if (!take_groups(text, out, V6_SIZE, false, &high_size))
        return false;
    if (text->size < 2 || text->data[0] != ':' || text->data[1] != ':')
        return high_size == V6_SIZE;
    text->data += 2;
    text->size -= 2;
    /* "::" stands for at least one group. */
    if (high_size > V6_SIZE - 2 || !take_groups(text, low, V6_SIZE - 2 - high_size, true, &low_size))
        return false;
    memcpy(out + V6_SIZE - low_size, low, low_size);
    return true;
}

int addr_parse(struct bytes text, uint16_t port_default, struct addr *ret) {
    struct addr parsed = {0};
    struct bytes dotted = text;
    int32_t port = port_default;
    bool may_have_port = true;
    if (take_v4(&dotted, parsed.b)) {
        text = dotted;
        parsed.size = V4_SIZE + 2;
    } else {
        bool brackets = take_char(&text, '[');
        if (!take_v6(&text, parsed.b) || (brackets && !take_char(&text, ']')))
            return ERR_INVALID;
        parsed.size = V6_SIZE + 2;
        may_have_port = brackets;
    }
    if (may_have_port && take_char(&text, ':'))
        port = take_number(&text, 10, 5, UINT16_MAX);
    else if (port_default == 0)
        return ERR_INVALID;
    if (port < 0 || text.size)
        return ERR_INVALID;
    addr_set_port(&parsed, (uint16_t)port);
    *ret = parsed;
    return 0;
}
