/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/base.h>
#include <criterion/criterion.h>

Test(err, every_code_has_a_text_and_an_exit_status) {
    const int codes[] = {
#define CODE(name, code, text, status) name,
        ERR_LIST(CODE)
#undef CODE
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        cr_assert_str_neq(err_str(codes[i]), "unknown error");
        cr_assert_gt(err_exit(codes[i]), 0);
        cr_assert_lt(err_exit(codes[i]), 64);
        for (size_t j = 0; j < i; j++)
            cr_assert_neq(codes[i], codes[j], "one code is used twice");
    }
}

Test(err, success_and_unknown_codes) {
    cr_assert_str_eq(err_str(0), "ok");
    cr_assert_eq(err_exit(0), 0);
    cr_assert_str_eq(err_str(-999), "unknown error");
    cr_assert_eq(err_exit(-999), 1);
    cr_assert_str_eq(err_str(ERR_NO_FIT), "does not fit");
    cr_assert_eq(err_exit(ERR_NO_FIT), 9);
}

Test(bytes, empty_views_are_equal_even_without_memory) {
    uint8_t byte = 1;
    cr_assert(bytes_equal((struct bytes){0}, bytes_of(&byte, 0)));
    cr_assert_eq(bytes_compare((struct bytes){0}, bytes_of(&byte, 0)), 0);
    cr_assert_not(bytes_equal((struct bytes){0}, bytes_of(&byte, 1)));
}

Test(bytes, order_is_bytewise_then_by_length) {
    cr_assert_lt(bytes_compare(bytes_str("ab"), bytes_str("b")), 0);
    cr_assert_lt(bytes_compare(bytes_str("ab"), bytes_str("abc")), 0);
    cr_assert_gt(bytes_compare(bytes_str("\xff"), bytes_str("a")), 0, "bytes are unsigned");
    cr_assert(bytes_is(bytes_str("abc"), "abc"));
    cr_assert_not(bytes_is(bytes_str("abc"), "ab"));
}

Test(buf, printf_grows_and_appends) {
    struct buf b = {0};
    for (int i = 0; i < 200; i++)
        buf_printf(&b, "%d,", i);
    cr_assert_eq(b.size, 10 * 2 + 90 * 3 + 100 * 4);
    cr_assert_eq(memcmp(b.data, "0,1,2,", 6), 0);
    cr_assert_eq(memcmp(b.data + b.size - 4, "199,", 4), 0);
    buf_done(&b);
    cr_assert_eq(b.capacity, 0);
}

Test(buf, printf_that_fits_to_the_byte_is_whole) {
    for (size_t already = 0; already < 140; already++) {
        struct buf b = {0};
        for (size_t i = 0; i < already; i++)
            buf_append_byte(&b, 'x');
        buf_printf(&b, "%s", "0123456789");
        cr_assert_eq(b.size, already + 10);
        cr_assert_eq(memcmp(b.data + already, "0123456789", 10), 0);
        buf_done(&b);
    }
}

Test(buf, str_terminates_without_changing_the_size) {
    struct buf b = {0};
    cr_assert_str_eq(buf_str(&b), "");
    cr_assert_eq(b.size, 0);
    buf_append(&b, "abc", 3);
    cr_assert_str_eq(buf_str(&b), "abc");
    cr_assert_eq(b.size, 3);
    buf_append(&b, "d", 1);
    cr_assert_str_eq(buf_str(&b), "abcd");
    buf_done(&b);
}

Test(buf, consume_drops_from_the_front) {
    struct buf b = {0};
    buf_append(&b, "abcdef", 6);
    buf_consume(&b, 2);
    cr_assert_str_eq(buf_str(&b), "cdef");
    buf_consume(&b, 4);
    cr_assert_eq(b.size, 0);
    buf_consume(&b, 0);
    buf_done(&b);
}

Test(buf, take_moves_the_bytes_out) {
    struct buf b = {0};
    size_t size;
    buf_append(&b, "abc", 3);
    uint8_t *data = buf_take(&b, &size);
    cr_assert_eq(size, 3);
    cr_assert_eq(memcmp(data, "abc", 3), 0);
    cr_assert_null(b.data);
    cr_assert_eq(b.capacity, 0);
    mem_free(data);
}

Test(buf, clear_keeps_the_memory) {
    struct buf b = {0};
    buf_append(&b, "abc", 3);
    size_t capacity = b.capacity;
    buf_clear(&b);
    cr_assert_eq(b.size, 0);
    cr_assert_eq(b.capacity, capacity);
    buf_done(&b);
}

Test(hex, round_trip_in_lower_case) {
    const uint8_t in[] = {0x00, 0x0f, 0xa5, 0xff};
    uint8_t out[4] = {0};
    struct buf b = {0};
    buf_append_hex(&b, bytes_of(in, sizeof in));
    cr_assert_str_eq(buf_str(&b), "000fa5ff");
    cr_assert_eq(hex_decode(buf_bytes(&b), out, sizeof out), 0);
    cr_assert_arr_eq(in, out, sizeof in);
    cr_assert_eq(hex_decode(bytes_str("A5Ff"), out, 2), 0);
    cr_assert_eq(out[0], 0xa5);
    buf_done(&b);
}

Test(hex, refused_text_leaves_the_output_alone) {
    uint8_t out[2] = {7, 7};
    const char *const bad[] = {"", "00", "000", "00000", "000000", "00g0", "0x00", " 000", "00:0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(hex_decode(bytes_str(bad[i]), out, 2), ERR_INVALID, "%s", bad[i]);
    cr_assert_eq(out[0], 7);
    cr_assert_eq(out[1], 7);
}

Test(id, texts_and_zero) {
    struct node_id id = {{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}};
    char text[ID_TEXT_SIZE], brief[ID_SHORT_SIZE];
    id_text(id.b, text);
    id_short(id.b, brief);
    cr_assert_str_eq(text, "0123456789abcdef0000000000000000");
    cr_assert_str_eq(brief, "01234567");
    cr_assert_not(ID_IS_ZERO(id));
    id = (struct node_id){{0}};
    cr_assert(ID_IS_ZERO(id));
    id.b[15] = 1;
    cr_assert_not(ID_IS_ZERO(id), "the last byte counts");
}
