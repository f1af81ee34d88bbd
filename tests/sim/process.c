/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Processes. What one does follows from its command:
 *   forever    runs until it is signalled          true     ends well after a while
 *   stubborn   ignores every signal but SIGKILL    false    ends badly after a while
 *   fork       runs, and leaves children behind    crash    ends badly at once, each time
 *   slow       takes seconds to begin              missing  cannot be executed
 * SIGKILL itself takes long now and then (an uninterruptible wait). Whatever runs may be killed by the kernel
 * (process_crash()).
 */
#include "checker.h"

static bool is(const struct sim_task *t, const char *command) { return bytes_is(t->spec.command, command); }

static void end_push(struct world *w, struct sim_host *h, struct sim_task *t, int64_t delay_us, int32_t code,
                     uint32_t signal, enum end_cause cause) {
    struct event *e = task_push(w, h, t, EVENT_TASK_EXIT, delay_us);
    e->addr.b[0] = (uint8_t)(signal != 0 ? 128 + signal : (uint32_t)code);
    e->addr.b[1] = (uint8_t)signal;
    e->addr.b[2] = (uint8_t)cause;
}

static void ended(struct world *w, struct sim_host *h, struct sim_task *t, enum end_cause cause) {
    if (t->pid == 0)
        return;
    t->pid = 0;
    checkers_see(w, &(struct sight){.kind = SIGHT_PROCESS_END, .host = h, .task = t, .cause = cause});
}

void process_gone(struct world *w, struct sim_host *h, struct sim_task *t, int end_cause) {
    ended(w, h, t, (enum end_cause)end_cause);
    t->spawn++;
    t->children = 0;
    t->kill_asked = t->killing = t->waits_spawn = false;
    t->tick_us = TIME_NEVER_US;
}

/* ---- what the shim asks -------------------------------------------------------------------------------- */

void process_spawn(struct world *w, struct sim_host *h, struct sim_task *t) {
    int64_t us = prng_between(&w->task_prng, 200, 2000);
    if (is(t, "slow"))
        us += prng_between(&w->task_prng, 0, 4 * US_PER_S);
    t->spawn++;
    t->starts++;
    t->waits_spawn = true;
    task_push(w, h, t, EVENT_TASK_SPAWNED, us);
}

void process_signal(struct world *w, struct sim_host *h, struct sim_task *t, uint32_t signal) {
    if (t->pid == 0 || (is(t, "stubborn") && signal != 9))
        return;
    bool handles = prng_chance(&w->task_prng, 500000);
    int64_t us = prng_between(&w->task_prng, 100, handles ? 600 * US_PER_MS : 1000);
    end_push(w, h, t, us, 0, handles && signal != 9 ? 0 : signal, END_SHIM_STOP);
}

void process_kill_all(struct world *w, struct sim_host *h, struct sim_task *t) {
    t->kill_asked = true;
    if (t->killing)
        return;
    t->killing = true;
    int64_t us = prng_between(&w->task_prng, 50, 500);
    if ((t->pid != 0 || t->children > 0) && prng_chance(&w->task_prng, 20000))
        us += prng_between(&w->task_prng, 0, 5 * US_PER_S);
    task_push(w, h, t, EVENT_TASK_KILLED, us);
}

/* ---- what happens -------------------------------------------------------------------------------------- */

static void spawned(struct world *w, struct sim_host *h, struct sim_task *t) {
    t->waits_spawn = false;
    if (is(t, "missing") && !w->processes_well) {
        task_feed(
            w, h, t,
            &(struct shim_input){.kind = SHIM_SPAWN_FAILED, .text = bytes_str("there is no such file")});
        return;
    }
    uint64_t spawn = t->spawn;
    t->pid = h->pid_next++;
    if (is(t, "fork"))
        t->children = 1 + (uint32_t)prng_below(&w->task_prng, 3);
    checkers_see(w, &(struct sight){.kind = SIGHT_SPAWN, .host = h, .task = t});
    task_feed(w, h, t, &(struct shim_input){.kind = SHIM_SPAWNED, .pid = t->pid});
    if (t->spawn != spawn)
        return;
    int64_t us = prng_between(&w->task_prng, 1000, 2 * US_PER_S);
    if (is(t, "true"))
        end_push(w, h, t, us, 0, 0, END_OWN);
    if (is(t, "false") && !w->processes_well)
        end_push(w, h, t, us, 1, 0, END_OWN);
    if (is(t, "crash") && !w->processes_well)
        end_push(w, h, t, us / 100, 1, prng_chance(&w->task_prng, 500000) ? 11 : 0, END_OWN);
}

static void exited(struct world *w, struct sim_host *h, struct sim_task *t, uint8_t code, uint8_t signal,
                   enum end_cause cause) {
    if (t->pid == 0)
        return;
    ended(w, h, t, cause);
    task_feed(w, h, t, &(struct shim_input){.kind = SHIM_EXITED, .exit_code = code, .exit_signal = signal});
}

static void killed(struct world *w, struct sim_host *h, struct sim_task *t) {
    t->killing = false;
    t->children = 0;
    if (t->pid != 0) {
        exited(w, h, t, 128 + 9, 9, END_SHIM_STOP);
        return;
    }
    if (!t->kill_asked)
        return;
    t->kill_asked = false;
    task_feed(w, h, t, &(struct shim_input){.kind = SHIM_EMPTY});
}

void process_event(struct world *w, struct sim_host *h, struct sim_task *t, struct event *e) {
    if (e->kind == EVENT_TASK_SPAWNED && t->waits_spawn)
        spawned(w, h, t);
    else if (e->kind == EVENT_TASK_EXIT)
        exited(w, h, t, e->addr.b[0], e->addr.b[1], (enum end_cause)e->addr.b[2]);
    else if (e->kind == EVENT_TASK_KILLED)
        killed(w, h, t);
}

void process_crash(struct world *w, struct sim_host *h, struct sim_task *t) {
    if (t->pid != 0)
        end_push(w, h, t, 0, 0, 9, END_OWN);
}
