/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A shim, an agent that says every word it has at any time, and processes that end, stay and cannot be begun.
 * No process is begun beside another, none after a stop was asked for, and what is asked to end is ended.
 */
#include "alone.h"

#define STEPS 120

struct rig {
    struct prng *p;
    struct shim *shim;
    int64_t now_us;
    bool spawning, lives, kill_asked, stopped, over;
};

static bool chance(struct rig *r, uint32_t millionths) { return prng_chance(r->p, millionths); }

static void effect(struct rig *r, const struct shim_effect *e) {
    struct buf out = {0};
    switch (e->kind) {
    case SHIM_SPAWN:
        assert(!r->spawning && !r->lives && !r->stopped);
        r->spawning = true;
        break;
    case SHIM_KILL: assert(e->signal > 0 && e->signal <= 64); break;
    case SHIM_KILL_ALL: r->kill_asked = true; break;
    case SHIM_SAVE:
    case SHIM_TELL:
        assert(e->status.fact.reason.size <= WIRE_TEXT_MAX);
        codec_encode(&wire_shim_status_type, &e->status, &out);
        break;
    case SHIM_EXIT:
        assert(!r->lives && shim_state(r->shim) == TASK_STATE_DEAD);
        r->over = true;
        break;
    }
    buf_done(&out);
}

static int feed(struct rig *r, struct shim_input in) {
    struct shim_effect e;
    in.wall_ms = r->now_us / US_PER_MS;
    int error = shim_feed(r->shim, r->now_us, &in);
    while (shim_drain(r->shim, &e))
        effect(r, &e);
    return error;
}

static void command(struct rig *r) {
    static const uint32_t signals[] = {0, 0, 0, 1, 10, 15, 64, 65};
    struct wire_shim_command c = {.stop = chance(r, 100000),
                                  .restart = chance(r, 400000),
                                  .signal = signals[prng_below(r->p, 8)],
                                  .release = chance(r, 200000)};
    bool dead = shim_state(r->shim) == TASK_STATE_DEAD;
    int error = feed(r, (struct shim_input){.kind = SHIM_COMMAND, .command = &c});
    assert((error == ERR_INVALID) == (c.signal > 64));
    r->stopped |= c.stop && error == 0;
    assert(!dead || shim_state(r->shim) == TASK_STATE_DEAD);
}

static struct bytes text(struct rig *r) {
    static uint8_t letters[2 * WIRE_TEXT_MAX];
    if (chance(r, 500000))
        return bytes_str("no such file");
    for (size_t i = 0; i + 1 < sizeof letters; i += 2) {
        letters[i] = 0xc3;
        letters[i + 1] = 0xa9;
    }
    return bytes_of(letters, WIRE_TEXT_MAX - 4 + 2 * (size_t)prng_below(r->p, 4) + 1);
}

static void spawned(struct rig *r) {
    r->spawning = false;
    if (chance(r, 800000)) {
        r->lives = true;
        (void)feed(r, (struct shim_input){.kind = SHIM_SPAWNED, .pid = 7});
    } else
        (void)feed(r, (struct shim_input){.kind = SHIM_SPAWN_FAILED, .text = text(r)});
}

static void exited(struct rig *r) {
    uint32_t signal = chance(r, 300000) ? 11 : 0;
    r->lives = false;
    (void)feed(r, (struct shim_input){.kind = SHIM_EXITED,
                                      .exit_code = signal != 0 ? 139 : (int32_t)prng_below(r->p, 2),
                                      .exit_signal = signal});
}

static void emptied(struct rig *r) {
    r->kill_asked = false;
    if (r->lives)
        exited(r);
    else
        (void)feed(r, (struct shim_input){.kind = SHIM_EMPTY});
}

static void pass(struct rig *r, bool to_deadline) {
    int64_t deadline_us = shim_deadline(r->shim);
    if (to_deadline && deadline_us != TIME_NEVER_US && deadline_us > r->now_us)
        r->now_us = deadline_us;
    else
        r->now_us += prng_between(r->p, 0, 2 * US_PER_S);
    (void)feed(r, (struct shim_input){.kind = SHIM_TICK});
}

/* What cannot be, as nothing of the kind was asked for: it is refused, and all is as it was. */
static void out_of_place(struct rig *r) {
    enum task_state state = shim_state(r->shim);
    int64_t deadline_us = shim_deadline(r->shim);
    int error = feed(r, (struct shim_input){.kind = SHIM_COMMAND});
    assert(error == ERR_INVALID);
    if (!r->spawning)
        error = feed(r, (struct shim_input){.kind = SHIM_SPAWNED, .pid = 8});
    assert(error == ERR_INVALID);
    if (!r->lives && !r->spawning)
        error = feed(r, (struct shim_input){.kind = SHIM_EXITED});
    assert(error == ERR_INVALID);
    if (!r->kill_asked)
        error = feed(r, (struct shim_input){.kind = SHIM_EMPTY});
    assert(error == ERR_INVALID && state == shim_state(r->shim) && deadline_us == shim_deadline(r->shim));
}

static void step(struct rig *r) {
    switch (prng_below(r->p, 8)) {
    case 0: command(r); break;
    case 1: (void)feed(r, (struct shim_input){.kind = SHIM_ATTACHED}); break;
    case 2: pass(r, true); break;
    case 3: pass(r, false); break;
    case 7: out_of_place(r); break;
    case 4:
        if (r->spawning)
            spawned(r);
        break;
    case 5:
        if (r->lives && chance(r, 500000))
            exited(r);
        break;
    default:
        if (r->kill_asked && chance(r, 700000))
            emptied(r);
        break;
    }
}

/* Everything that it asks for comes true: a task that is to stop is dead soon. */
static void finish(struct rig *r) {
    struct wire_shim_command stop = {.stop = true}, release = {.release = true};
    if (shim_state(r->shim) != TASK_STATE_DEAD)
        r->stopped = true;
    (void)feed(r, (struct shim_input){.kind = SHIM_COMMAND, .command = &stop});
    for (unsigned i = 0; i < 40 && shim_state(r->shim) != TASK_STATE_DEAD; i++) {
        if (r->spawning)
            spawned(r);
        else if (r->kill_asked)
            emptied(r);
        else
            pass(r, true);
    }
    assert(shim_state(r->shim) == TASK_STATE_DEAD);
    (void)feed(r, (struct shim_input){.kind = SHIM_COMMAND, .command = &release});
    assert(r->over);
}

void alone_shim(struct prng *p, uint32_t scripts) {
    for (uint32_t k = 0; k < scripts; k++) {
        struct rig r = {.p = p, .now_us = US_PER_S};
        struct wire_shim_spec spec = {.job = bytes_str("j"),
                                      .task = bytes_str("t"),
                                      .type = (enum job_type)prng_below(p, 2),
                                      .kill_timeout_ms = 1000 * (uint32_t)prng_below(p, 3),
                                      .kill_signal = prng_chance(p, 500000) ? 10 : 0};
        spec.restart = (struct wire_restart_policy){.attempts = (uint32_t)prng_below(p, 4),
                                                    .interval_ms = prng_chance(p, 300000) ? UINT64_MAX : 5000,
                                                    .delay_ms = prng_below(p, 2000),
                                                    .mode = (enum restart_mode)prng_below(p, 2)};
        r.shim = shim_new(&spec);
        if (prng_chance(p, 900000))
            (void)feed(&r, (struct shim_input){.kind = SHIM_BEGIN});
        for (unsigned i = 0; i < STEPS && !r.over; i++)
            step(&r);
        if (!r.over)
            finish(&r);
        shim_free(r.shim);
    }
}
