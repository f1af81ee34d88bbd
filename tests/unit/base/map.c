/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/base.h>
#include <criterion/criterion.h>

#define KEYS_COUNT 2000

struct item {
    uint8_t key[8];
    size_t key_size;
    bool there;
};

static struct bytes key_of(const struct item *item) { return bytes_of(item->key, item->key_size); }

static void items_init(struct item *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        /* Keys of several sizes that are prefixes of one another. */
        items[i] = (struct item){.key_size = 2 + i % 5};
        items[i].key[0] = (uint8_t)(i / 5);
        items[i].key[1] = (uint8_t)(i / 5 >> 8);
    }
}

Test(map, empty_map_has_nothing) {
    struct map m = {0};
    cr_assert_null(map_get(&m, bytes_str("a")));
    cr_assert_null(map_remove(&m, bytes_str("a")));
    map_done(&m);
}

Test(map, put_returns_what_it_replaces_and_takes_the_new_key) {
    struct map m = {0};
    int one = 1, two = 2;
    char *first_key = mem_alloc(4);
    memcpy(first_key, "key", 4);
    cr_assert_null(map_put(&m, bytes_str(first_key), &one));
    cr_assert_eq(map_put(&m, bytes_str("key"), &two), &one);
    mem_free(first_key);
    cr_assert_eq(map_get(&m, bytes_str("key")), &two);
    cr_assert_eq(m.count, 1);
    map_done(&m);
}

Test(map, empty_key_is_a_key) {
    struct map m = {0};
    int one = 1;
    map_put(&m, (struct bytes){0}, &one);
    cr_assert_eq(map_get(&m, bytes_str("")), &one);
    cr_assert_null(map_get(&m, bytes_str("a")));
    map_done(&m);
}

/* A crowded table: with thousands of random removals, chains that wrap and collide are all met. */
Test(map, agrees_with_a_plain_array_under_random_puts_and_removals) {
    static struct item items[KEYS_COUNT];
    struct map m = {0};
    struct prng p;
    size_t there = 0;
    prng_init(&p, 1);
    items_init(items, KEYS_COUNT);
    for (int step = 0; step < 100000; step++) {
        struct item *item = &items[prng_below(&p, KEYS_COUNT)];
        bool put = prng_chance(&p, step / 20000 % 2 ? 300000 : 700000);
        void *before = put ? map_put(&m, key_of(item), item) : map_remove(&m, key_of(item));
        cr_assert_eq(before, item->there ? item : NULL);
        there += (size_t)put - (size_t)item->there;
        item->there = put;
        cr_assert_eq(m.count, there);
        if (step % 5000)
            continue;
        for (size_t i = 0; i < KEYS_COUNT; i++)
            cr_assert_eq(map_get(&m, key_of(&items[i])), items[i].there ? &items[i] : NULL);
    }
    map_done(&m);
}

Test(map, removing_everything_leaves_it_usable) {
    static struct item items[KEYS_COUNT];
    struct map m = {0};
    items_init(items, KEYS_COUNT);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < KEYS_COUNT; i++)
            map_put(&m, key_of(&items[i]), &items[i]);
        for (size_t i = KEYS_COUNT; i-- > 0;)
            cr_assert_eq(map_remove(&m, key_of(&items[i])), &items[i]);
        cr_assert_eq(m.count, 0);
    }
    map_done(&m);
}

Test(map, iteration_follows_insertion_and_the_last_fills_a_gap) {
    struct map m = {0};
    const char *const names[] = {"e", "d", "c", "b", "a"};
    int values[5];
    for (size_t i = 0; i < 5; i++)
        map_put(&m, bytes_str(names[i]), &values[i]);
    for (size_t i = 0; i < 5; i++)
        cr_assert(bytes_is(m.entries[i].key, names[i]));
    map_remove(&m, bytes_str("d"));
    cr_assert(bytes_is(m.entries[1].key, "a"));
    map_remove(&m, bytes_str("b"));
    cr_assert_eq(m.count, 3);
    cr_assert(bytes_is(m.entries[2].key, "c"));
    map_done(&m);
}

Test(map, order_does_not_depend_on_addresses) {
    static struct item one[KEYS_COUNT], other[KEYS_COUNT + 100];
    struct map m = {0}, n = {0};
    struct prng p;
    prng_init(&p, 7);
    items_init(one, KEYS_COUNT);
    items_init(other + 100, KEYS_COUNT);
    for (int step = 0; step < 20000; step++) {
        size_t i = (size_t)prng_below(&p, KEYS_COUNT);
        if (prng_chance(&p, 600000)) {
            map_put(&m, key_of(&one[i]), &one[i]);
            map_put(&n, key_of(&other[100 + i]), &other[100 + i]);
        } else {
            map_remove(&m, key_of(&one[i]));
            map_remove(&n, key_of(&other[100 + i]));
        }
    }
    cr_assert_eq(m.count, n.count);
    for (size_t i = 0; i < m.count; i++)
        cr_assert(bytes_equal(m.entries[i].key, n.entries[i].key));
    map_done(&m);
    map_done(&n);
}

Test(map, ids_by_macro) {
    struct map m = {0};
    struct node_id id = {{1, 2, 3}};
    int value;
    map_put(&m, bytes_of(id.b, sizeof id.b), &value);
    struct node_id same = id;
    cr_assert_eq(MAP_GET_ID(&m, same), &value);
    cr_assert_eq(MAP_REMOVE_ID(&m, same), &value);
    map_done(&m);
}
