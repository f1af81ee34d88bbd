/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Numbers as written to one plain form, so that 1e3, 1000 and 1000.0 are the same value: an int64 where it is
 * one, else decimal text without exponent and needless zeros. Exact: nothing passes through floating point.
 */
#include "hcl_parser.h"

#define DIGITS_MAX   100 /* of the plain form: more is no number that anybody meant */
#define EXPONENT_MAX 10000

struct decimal {
    uint8_t digits[DIGITS_MAX];
    int32_t count; /* of digits, without leading zeros */
    int32_t point; /* the value is 0.DIGITS x 10^point */
};

/* False past DIGITS_MAX. */
static bool push_digit(struct decimal *d, uint8_t digit, bool is_fraction) {
    if (d->count == 0 && digit == '0') {
        d->point -= is_fraction ? 1 : 0;
        return d->point > -EXPONENT_MAX;
    }
    if (d->count == DIGITS_MAX)
        return false;
    d->digits[d->count++] = digit;
    d->point += is_fraction ? 0 : 1;
    return true;
}

static bool read_exponent(struct decimal *d, struct bytes text) {
    size_t i = 0;
    bool is_negative = text.size > 0 && text.data[0] == '-';
    if (text.size > 0 && (text.data[0] == '-' || text.data[0] == '+'))
        i++;
    int32_t value = 0;
    for (; i < text.size; i++) {
        value = value * 10 + (text.data[i] - '0');
        if (value > EXPONENT_MAX)
            return false;
    }
    d->point += is_negative ? -value : value;
    return true;
}

static bool read_decimal(struct decimal *d, struct bytes text) {
    bool is_fraction = false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t b = text.data[i];
        if ((b | 0x20) == 'e') {
            if (!read_exponent(d, bytes_of(text.data + i + 1, text.size - i - 1)))
                return false;
            break;
        }
        if (b == '.')
            is_fraction = true;
        else if (!push_digit(d, b, is_fraction))
            return false;
    }
    while (d->count > 0 && d->digits[d->count - 1] == '0')
        d->count--;
    if (d->count == 0)
        d->point = 0;
    return d->point <= DIGITS_MAX && d->point >= -DIGITS_MAX;
}

static void write_plain(const struct decimal *d, struct buf *out) {
    if (d->point <= 0)
        buf_append_byte(out, '0');
    for (int32_t i = 0; i < d->point; i++)
        buf_append_byte(out, i < d->count ? d->digits[i] : '0');
    if (d->count <= d->point || d->count == 0)
        return;
    buf_append_byte(out, '.');
    for (int32_t i = d->point; i < 0; i++)
        buf_append_byte(out, '0');
    for (int32_t i = d->point > 0 ? d->point : 0; i < d->count; i++)
        buf_append_byte(out, d->digits[i]);
}

/* "-12" to -12; false if it is not an int64. */
static bool read_int64(struct bytes text, int64_t *ret) {
    bool is_negative = text.size > 0 && text.data[0] == '-';
    int64_t value = 0; /* negative all along: INT64_MIN has no positive twin */
    for (size_t i = is_negative ? 1 : 0; i < text.size; i++) {
        if (text.data[i] == '.' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, text.data[i] - '0', &value))
            return false;
    }
    if (!is_negative && __builtin_mul_overflow(value, -1, &value))
        return false;
    *ret = value;
    return true;
}

static void set_plain(struct hcl_expr *e, struct bytes plain) {
    e->text = plain;
    e->integer = 0;
    e->kind = read_int64(plain, &e->integer) ? HCL_INTEGER : HCL_DECIMAL;
}

bool hcl_number_set(struct hcl_parser *p, struct hcl_expr *e, struct bytes written) {
    struct decimal d = {.count = 0};
    if (!read_decimal(&d, written)) {
        hcl_fail_limit(p, e->at, "a number of more than %d digits", DIGITS_MAX);
        return false;
    }
    struct buf plain = {0};
    write_plain(&d, &plain);
    set_plain(e, arena_copy(p->arena, buf_bytes(&plain)));
    buf_done(&plain);
    return true;
}

void hcl_number_negate(struct hcl_parser *p, struct hcl_expr *e) {
    if (bytes_is(e->text, "0"))
        return;
    if (e->text.data[0] == '-')
        set_plain(e, bytes_of(e->text.data + 1, e->text.size - 1));
    else
        set_plain(e, bytes_str(arena_printf(p->arena, "-%.*s", BYTES_FMT(e->text))));
}
