/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The state as bytes: one form only, back to the same state and the same behaviour, nothing unsound taken. */
#include "random.h"

/* ---- from any history ---- */

static void same_hash(const struct state *a, const struct state *b, uint64_t seed) {
    uint8_t x[16], y[16];
    state_hash(a, x);
    state_hash(b, y);
    cr_assert_arr_eq(x, y, 16, "seed %llu", (unsigned long long)seed);
}

static void invariants(void *arg, const struct wire_instance_record *r) {
    const struct state *s = arg;
    cr_assert(!ID_IS_ZERO(r->id));
    cr_assert_not_null(state_job_version(s, r->job, r->version), "an instance outlived its version");
    cr_assert(r->state != INSTANCE_STATE_STOPPED || r->sequence > 0 || r->desired == DESIRED_STATE_STOP);
}

static void one_history(uint64_t seed) {
    struct prng p;
    struct world w = world_new();
    struct state *copy = NULL;
    prng_init(&p, seed);
    size_t steps = 30 + prng_below(&p, 300), cut = prng_below(&p, steps);
    for (size_t i = 0; i < steps; i++) {
        const struct wire_command *c = random_command(&p, &w);
        struct state_result a = apply_next(&w, c), b = a;
        if (copy != NULL)
            state_apply(copy, w.index, c, &b);
        cr_assert(a.error == b.error && a.version == b.version && a.changed == b.changed &&
                      a.refused_count == b.refused_count,
                  "seed %llu step %zu", (unsigned long long)seed, i);
        if (i != cut)
            continue;
        struct bytes bytes = snapshot_of(&w);
        struct buf again = {0};
        copy = state_new();
        cr_assert_eq(state_restore(copy, bytes), 0, "seed %llu", (unsigned long long)seed);
        state_snapshot(copy, &again);
        cr_assert(bytes_equal(bytes, buf_bytes(&again)), "seed %llu", (unsigned long long)seed);
        buf_done(&again);
    }
    same_hash(w.state, copy, seed);
    static const char *const jobs[] = {"a", "b", "c"};
    for (size_t j = 0; j < 3; j++)
        cr_assert_eq(state_job_index(w.state, text_of(jobs[j])), state_job_index(copy, text_of(jobs[j])),
                     "seed %llu", (unsigned long long)seed);
    state_instances_each(w.state, invariants, w.state);
    state_free(copy);
    world_done(&w);
}

Test(state_snapshot, restored_midway_a_state_ends_where_the_original_ends) {
    for (uint64_t seed = 1; seed <= 400; seed++)
        one_history(seed);
}

/* ---- by hand ---- */

static struct world everything(void) {
    struct world w = world_new();
    struct wire_secret_key key = {.key_id = 1, .key = text_of("0123456789abcdef0123456789abcdef")};
    struct wire_cluster_record cluster = {
        .id = {{1}}, .generation = 3, .gossip_keys = &key, .gossip_keys_count = 1};
    APPLY(&w, .init = &cluster);
    add_nodes(&w, 3);
    run_service(&w, "web", 2, "/bin/a");
    run_service(&w, "api", 1, "/bin/a");
    place_instance(&w, "web", 1, 0, 9, 1);
    place_instance(&w, "api", 1, 0, 1, 2);
    run_service(&w, "web", 2, "/bin/b");
    tell(&w, instance_of(9), INSTANCE_STATE_RUNNING);
    apply_stop(&w, 1, "test");
    struct wire_cmd_var var = {.key = text_of("k"), .value = text_of("v")};
    APPLY(&w, .request = request_of(1), .var = &var);
    return w;
}

/* ---- in turns ---- */

/* Whatever happens to the state meanwhile, a copy says what it was, with the hash of that. */
static void one_copy(uint64_t seed) {
    struct prng p;
    struct world w = world_new();
    struct state_copy *copy = NULL;
    struct buf then = {0};
    uint8_t hash[16], copied[16];
    bool whole = false;
    prng_init(&p, seed);
    size_t cut = prng_below(&p, 200), size = 1 + prng_below(&p, 400), front = prng_below(&p, 3) * 100;
    for (size_t i = 0; i < cut || !whole; i++) {
        if (i == cut) {
            state_snapshot(w.state, &then);
            copy = state_copy_new(w.state, front);
        }
        if (i >= cut && prng_below(&p, 4) == 0)
            whole = state_copy_step(copy, size);
        (void)apply_next(&w, random_command(&p, &w));
    }
    struct bytes made = buf_bytes(state_copy_bytes(copy));
    cr_assert(bytes_equal(buf_bytes(&then), bytes_of(made.data + front, made.size - front)), "seed %llu",
              (unsigned long long)seed);
    state_bytes_hash(buf_bytes(&then), hash);
    state_copy_hash(copy, copied);
    cr_assert_arr_eq(hash, copied, 16, "seed %llu", (unsigned long long)seed);
    cr_assert_eq(state_copy_checksum(copy), crc32c(0, then.data, then.size));
    state_copy_free(copy);
    buf_done(&then);
    world_done(&w);
}

Test(state_snapshot, made_in_turns_it_is_of_the_moment_it_was_begun) {
    for (uint64_t seed = 1; seed <= 400; seed++)
        one_copy(seed);
}

Test(state_snapshot, a_copy_that_is_given_up_leaves_nothing) {
    struct world w = world_new();
    struct prng p;
    prng_init(&p, 7);
    for (unsigned i = 0; i < 20; i++) {
        struct state_copy *copy = state_copy_new(w.state, 0);
        for (unsigned k = 0; k < 20; k++)
            (void)apply_next(&w, random_command(&p, &w));
        (void)state_copy_step(copy, 16);
        state_copy_free(copy);
    }
    world_done(&w);
}

static struct state *load(struct bytes bytes, size_t size, uint8_t ret_hash[16], uint32_t *ret_checksum) {
    struct state_load *l = state_load_new(bytes);
    for (size_t steps = 0; !state_load_step(l, size); steps++)
        cr_assert_lt(steps, bytes.size + 2, "it comes to no end");
    struct state *s = state_load_take(l);
    state_load_hash(l, ret_hash);
    *ret_checksum = state_load_checksum(l);
    state_load_free(l);
    return s;
}

Test(state_snapshot, read_in_turns_it_is_the_same) {
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct prng p;
        struct world w = world_new();
        uint8_t hash[16], loaded[16];
        uint32_t checksum;
        prng_init(&p, seed);
        for (size_t i = prng_below(&p, 200); i > 0; i--)
            (void)apply_next(&w, random_command(&p, &w));
        struct bytes bytes = snapshot_of(&w);
        struct state *s = load(bytes, 1 + prng_below(&p, 300), loaded, &checksum);
        cr_assert_not_null(s);
        same_hash(w.state, s, seed);
        state_bytes_hash(bytes, hash);
        cr_assert_arr_eq(hash, loaded, 16);
        cr_assert_eq(checksum, crc32c(0, bytes.data, bytes.size));
        struct state_change c;
        cr_assert(state_change_next(s, &c) && c.kind == STATE_ALL && !state_change_next(s, &c));
        state_free(s);
        world_done(&w);
    }
}

Test(state_snapshot, read_in_turns_cut_ones_are_none_and_one_may_be_given_up) {
    struct world w = everything();
    struct bytes good = snapshot_of(&w);
    uint8_t hash[16], loaded[16];
    uint32_t checksum;
    for (size_t size = 1; size < good.size; size++) {
        struct bytes cut = bytes_of(good.data, size);
        cr_assert_null(load(cut, 7, loaded, &checksum));
        state_bytes_hash(cut, hash);
        cr_assert_arr_eq(hash, loaded, 16, "what came is told apart from what it is worth");
        struct state_load *l = state_load_new(good);
        (void)state_load_step(l, size);
        state_load_free(l);
    }
    world_done(&w);
}

static void refuse(struct world *w, struct bytes bytes, const char *what) {
    uint8_t before[16], after[16];
    state_hash(w->state, before);
    cr_assert_eq(state_restore(w->state, bytes), ERR_CORRUPT, "%s was taken", what);
    state_hash(w->state, after);
    cr_assert_arr_eq(before, after, 16, "%s left its mark", what);
}

/* One that knows less of a record skips that, and does so here, too. */
Test(state_snapshot, a_field_of_a_later_version_is_passed_over) {
    struct world w = everything();
    struct bytes good = snapshot_of(&w);
    struct buf more = {0};
    cr_assert_eq(good.data[0] & 0xf0, 0x80);
    buf_append(&more, good.data, good.size);
    more.data[0]++;
    codec_put_uint(&more, 99);
    codec_put_array(&more, 2);
    codec_put_str(&more, text_of("x"));
    codec_put_map(&more, 0);
    struct state *s = state_new();
    cr_assert_eq(state_restore(s, buf_bytes(&more)), 0);
    same_hash(w.state, s, 0);
    more.data[more.size - 1] = 0x81;
    refuse(&w, buf_bytes(&more), "one that ends in the middle of that");
    more.data[0] -= 2;
    refuse(&w, buf_bytes(&more), "one that goes on behind its end");
    state_free(s);
    buf_done(&more);
    world_done(&w);
}

Test(state_snapshot, holds_everything) {
    struct world w = everything();
    struct state *copy = state_new();
    cr_assert_eq(state_restore(copy, snapshot_of(&w)), 0);
    cr_assert_eq(state_index(copy), w.index);
    cr_assert_eq(state_cluster(copy)->generation, 3);
    cr_assert_eq(state_nodes_count(copy), 3);
    cr_assert_eq(state_jobs_count(copy), 2);
    cr_assert(state_job_version(copy, text_of("web"), 1) != NULL &&
              state_job_version(copy, text_of("web"), 2) != NULL);
    cr_assert_eq(state_instances_count(copy), 2);
    cr_assert_eq(state_instance_find(copy, instance_of(1))->desired, DESIRED_STATE_STOP);
    cr_assert_eq(state_vars_count(copy), 1);
    struct state_change c;
    cr_assert(state_change_next(copy, &c) && c.kind == STATE_ALL);
    cr_assert_not(state_change_next(copy, &c));
    state_free(copy);
    world_done(&w);
}

Test(state_snapshot, of_nothing_is_a_state_too) {
    struct world w = world_new();
    struct state *copy = state_new();
    cr_assert_eq(state_restore(copy, snapshot_of(&w)), 0);
    same_hash(w.state, copy, 0);
    cr_assert_null(state_cluster(copy));
    state_free(copy);
    world_done(&w);
}

Test(state_snapshot, the_order_of_the_commands_leaves_no_trace_where_it_has_no_meaning) {
    struct wire_cmd_var k = {.key = text_of("k"), .value = text_of("v")},
                        l = {.key = text_of("l"), .value = text_of("v")};
    struct wire_state_snapshot all[2];
    struct world w[2] = {world_new(), world_new()};
    struct buf out[2] = {{0}, {0}};
    for (unsigned i = 0; i < 2; i++) {
        add_node(&w[i], 1 + i);
        add_node(&w[i], 2 - i);
        APPLY(&w[i], .var = i == 0 ? &k : &l);
        APPLY(&w[i], .var = i == 0 ? &l : &k);
        run_service(&w[i], i == 0 ? "a" : "b", 1, "/x");
        run_service(&w[i], i == 0 ? "b" : "a", 1, "/x");
        cr_assert_eq(codec_decode(&wire_state_snapshot_type, snapshot_of(&w[i]), &w[i].arena, &all[i], NULL),
                     0);
        for (size_t n = 0; n < 2; n++) {
            all[i].nodes[n].modify_index = 0;
            all[i].jobs[n].modify_index = 0;
            all[i].vars[n].version = 0;
        }
        codec_encode(&wire_state_snapshot_type, &all[i], &out[i]);
    }
    cr_assert(bytes_equal(buf_bytes(&out[0]), buf_bytes(&out[1])));
    for (unsigned i = 0; i < 2; i++) {
        buf_done(&out[i]);
        world_done(&w[i]);
    }
}

/* ---- refused ones ---- */

static void refuse_encoded(struct world *w, const struct wire_state_snapshot *all, const char *what) {
    struct buf out = {0};
    codec_encode(&wire_state_snapshot_type, all, &out);
    refuse(w, buf_bytes(&out), what);
    buf_done(&out);
}

Test(state_snapshot, unsound_ones_are_refused_and_leave_the_state_as_it_was) {
    struct world w = everything();
    struct bytes good = snapshot_of(&w);
    struct wire_state_snapshot all;
    cr_assert_eq(codec_decode(&wire_state_snapshot_type, good, &w.arena, &all, NULL), 0);
    struct wire_state_snapshot bad = all;
    struct wire_node_record nodes[] = {all.nodes[1], all.nodes[0]}, twice[] = {all.nodes[0], all.nodes[0]};
    bad.nodes = nodes;
    bad.nodes_count = 2;
    refuse_encoded(&w, &bad, "nodes out of order");
    bad.nodes = twice;
    refuse_encoded(&w, &bad, "a node twice");
    bad = all;
    struct wire_job_record jobs[] = {all.jobs[0], all.jobs[2], all.jobs[1]};
    bad.jobs = jobs;
    refuse_encoded(&w, &bad, "versions out of order");
    bad.jobs_count = 1;
    refuse_encoded(&w, &bad, "instances without their job");
    bad = all;
    struct wire_instance_record instances[] = {all.instances[0], all.instances[0]};
    bad.instances = instances;
    refuse_encoded(&w, &bad, "an instance twice");
    instances[1] = all.instances[1];
    instances[1].version = 7;
    refuse_encoded(&w, &bad, "an instance of an unknown version");
    bad = all;
    struct wire_var_record vars[] = {all.vars[0], all.vars[0]};
    bad.vars = vars;
    bad.vars_count = 2;
    refuse_encoded(&w, &bad, "a variable twice");
    bad = all;
    memset(&bad.cluster.id, 0, sizeof bad.cluster.id);
    refuse_encoded(&w, &bad, "a cluster without an id");
    bad = all;
    bad.jobs[0].spec.groups[0].count = WIRE_COUNT_MAX + 1;
    refuse_encoded(&w, &bad, "a count that no plan could hold");
    struct wire_state_snapshot nameless = {.jobs = &bad.jobs[0], .jobs_count = 1};
    bad.jobs[0].spec.groups_count = 0;
    bad.jobs[0].spec.name = (struct bytes){0};
    refuse_encoded(&w, &nameless, "a job without a name");
    world_done(&w);
}

Test(state_snapshot, cut_and_damaged_ones_never_crash) {
    struct world w = everything();
    struct bytes good = snapshot_of(&w);
    for (size_t size = 0; size < good.size; size++)
        refuse(&w, bytes_of(good.data, size), "a cut snapshot");
    uint8_t *bytes = arena_alloc(&w.arena, good.size);
    for (size_t i = 0; i < good.size; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(bytes, good.data, good.size);
            bytes[i] ^= (uint8_t)(1u << bit);
            struct state *s = state_new();
            if (state_restore(s, bytes_of(bytes, good.size)) == 0) {
                struct buf out = {0};
                struct state *again = state_new();
                state_snapshot(s, &out);
                cr_assert_eq(state_restore(again, buf_bytes(&out)), 0);
                same_hash(s, again, i * 8 + bit);
                buf_done(&out);
                state_free(again);
            }
            state_free(s);
        }
    world_done(&w);
}
