/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/base.h>
#include <criterion/criterion.h>

Test(arena, memory_is_zeroed_and_aligned_also_when_reused) {
    struct arena a = {0};
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 3000; size += 37) {
            uint8_t *p = arena_alloc(&a, size);
            cr_assert_eq((uintptr_t)p % 16, 0);
            for (size_t i = 0; i < size; i++)
                cr_assert_eq(p[i], 0);
            memset(p, 0xee, size);
        }
        arena_reset(&a);
        cr_assert_eq(a.total_bytes, 0);
    }
    arena_done(&a);
    cr_assert_null(a.chunk);
}

Test(arena, allocations_do_not_overlap) {
    struct arena a = {0};
    uint8_t *parts[300];
    for (size_t i = 0; i < 300; i++) {
        parts[i] = arena_alloc(&a, i * 7 + 1);
        memset(parts[i], (int)(i & 0xff), i * 7 + 1);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t j = 0; j < i * 7 + 1; j++)
            cr_assert_eq(parts[i][j], i & 0xff);
    arena_done(&a);
}

Test(arena, one_large_allocation_fits) {
    struct arena a = {0};
    uint8_t *p = arena_alloc(&a, 10 << 20);
    p[0] = p[(10 << 20) - 1] = 1;
    arena_done(&a);
}

Test(arena, try_alloc_refuses_past_the_limit_and_not_before) {
    struct arena a = {.limit_bytes = 1024};
    cr_assert_not_null(arena_try_alloc(&a, 512));
    cr_assert_not_null(arena_try_alloc(&a, 512));
    cr_assert_null(arena_try_alloc(&a, 1));
    cr_assert_null(arena_try_alloc(&a, SIZE_MAX), "no overflow in the comparison");
    cr_assert_not_null(arena_alloc(&a, 1), "what must be there is not limited");
    cr_assert_null(arena_try_alloc(&a, 1));
    arena_reset(&a);
    cr_assert_not_null(arena_try_alloc(&a, 1024), "a reset gives the room back");
    arena_done(&a);
}

Test(arena, copy_is_followed_by_nul) {
    struct arena a = {0};
    struct bytes copy = arena_copy(&a, bytes_str("0123456789abcdef"));
    cr_assert(bytes_is(copy, "0123456789abcdef"));
    cr_assert_str_eq((const char *)copy.data, "0123456789abcdef");
    cr_assert_eq(arena_copy(&a, (struct bytes){0}).size, 0);
    arena_done(&a);
}

Test(arena, printf_formats_into_it) {
    struct arena a = {0};
    cr_assert_str_eq(arena_printf(&a, "%s-%d", "x", 42), "x-42");
    cr_assert_str_eq(arena_printf(&a, "%s", ""), "");
    arena_done(&a);
}

Test(vec, push_insert_remove) {
    VEC(int) v = {0};
    for (int i = 0; i < 100; i++)
        VEC_PUSH(&v, i);
    cr_assert_eq(v.count, 100);
    VEC_INSERT(&v, 0, -1);
    VEC_INSERT(&v, v.count, 100);
    cr_assert_eq(v.data[0], -1);
    cr_assert_eq(v.data[101], 100);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(v.data[i + 1], i);
    VEC_REMOVE(&v, 0);
    VEC_REMOVE(&v, v.count - 1);
    VEC_REMOVE(&v, 50);
    cr_assert_eq(v.count, 99);
    cr_assert_eq(v.data[49], 49);
    cr_assert_eq(v.data[50], 51);
    VEC_DONE(&v);
    cr_assert_null(v.data);
}

Test(mem, alloc_is_zeroed_and_never_null) {
    uint8_t *p = mem_alloc(64);
    for (size_t i = 0; i < 64; i++)
        cr_assert_eq(p[i], 0);
    p = mem_realloc(p, 128);
    mem_free(p);
    mem_free(NULL);
    p = mem_alloc(0);
    cr_assert_not_null(p);
    mem_free(p);
}
