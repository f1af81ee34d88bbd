/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A service that crashes is restarted by its policy, with a leader or without one, with an agent or without
 * one. The policy is reckoned here again: `attempts` restarts in an interval that begins with the first end,
 * each after `delay`; then, in mode delay, the next at the interval's end. The process must be there LATE_US
 * after that (what is left of it may take seconds to be killed, and a slow one seconds to begin), and not
 * before it. A stop, or the end of its shim, cancels it; a host that is suspended has the time from when it
 * goes on. Clocks may change their rate by an eighth.
 *
 * A shim hears of an end a little later than it comes. When an end falls on the end of an interval, its shim
 * alone knows whether another one has begun: nothing is expected until the process has run for longer than an
 * interval, as any that had begun before is over then.
 */
#include "processes.h"

#include <stdlib.h>

#define INTERVAL_MAX_MS (UINT64_C(7) * 86400 * 1000) /* for ever, as far as a run can tell */
#define LATE_US         (12 * US_PER_S)
#define EARLY_US        (10 * US_PER_MS)
#define NEAR_US         (20 * US_PER_MS)

struct plan {
    const struct process *process;
    bool window;             /* an interval is running */
    bool unsure;             /* or another one */
    int64_t window_us;       /* its begin, on the host's clock */
    uint32_t restarts;       /* in it */
    int64_t due_us, late_us; /* true time; 0: nothing is expected */
};
struct restart {
    VEC(struct plan) plans;
    int64_t next_us; /* earliest late_us */
};
extern const struct checker check_restart;

static struct plan *plan_of(struct restart *r, const struct process *p) {
    for (size_t i = r->plans.count; i-- > 0;)
        if (r->plans.data[i].process == p)
            return &r->plans.data[i];
    struct plan fresh = {.process = p};
    VEC_PUSH(&r->plans, fresh);
    return &r->plans.data[r->plans.count - 1];
}

static int64_t interval_of(const struct wire_restart_policy *policy) {
    uint64_t ms = policy->interval_ms < INTERVAL_MAX_MS ? policy->interval_ms : INTERVAL_MAX_MS;
    return (int64_t)ms * US_PER_MS;
}

/* false: no more restarts. */
static bool reckon(struct plan *p, const struct wire_restart_policy *policy, int64_t now_us,
                   int64_t *ret_at_us) {
    int64_t interval = interval_of(policy);
    *ret_at_us = now_us + (int64_t)policy->delay_ms * US_PER_MS;
    if (!p->window || (interval > 0 && now_us - p->window_us >= interval)) {
        p->window = true;
        p->window_us = now_us;
        p->restarts = 0;
    }
    if (p->restarts < policy->attempts) {
        p->restarts++;
        return true;
    }
    if (policy->attempts == 0 || policy->mode != RESTART_MODE_DELAY || interval == 0)
        return false;
    if (*ret_at_us < p->window_us + interval)
        *ret_at_us = p->window_us + interval;
    p->window_us = *ret_at_us;
    p->restarts = 1;
    return true;
}

static void expect(struct restart *r, struct plan *p, int64_t late_us) {
    p->late_us = late_us;
    if (late_us != 0 && (r->next_us == 0 || late_us < r->next_us))
        r->next_us = late_us;
}

static void see_end(struct restart *r, struct world *w, const struct sight *s,
                    const struct process *process) {
    struct plan *p = plan_of(r, process);
    int64_t at_us, now_us = host_now_us(w, s->host);
    int64_t interval_us = interval_of(&process->restart);
    int64_t near_us = NEAR_US + w->slack_us;
    p->late_us = 0;
    p->unsure &= process->ended_us - process->started_us <= interval_us + interval_us / 8 + near_us;
    p->unsure |= p->window && interval_us > 0 && llabs(now_us - p->window_us - interval_us) <= near_us;
    bool missing = bytes_is(s->task->spec.command, "missing"); /* its failed starts count, and are not seen */
    if (s->cause != END_OWN || process->stop_asked || process->type != JOB_TYPE_SERVICE || missing)
        return;
    if (!reckon(p, &process->restart, now_us, &at_us) || p->unsure)
        return;
    p->due_us = host_true_us(s->host, at_us);
    expect(r, p, p->due_us + LATE_US + w->slack_us + (p->due_us - w->now_us) / 8);
}

/*
 * The shim that saw the last end is gone, and an agent has asked for another one: that owes no restart, but a
 * first start, with a policy of its own. Nothing else tells of it when the old one had no process at its end.
 */
static bool has_new_shim(const struct process *process) {
    return process->start_asked_us >= process->ended_us;
}

static void see_spawn(struct restart *r, struct world *w, const struct sight *s,
                      const struct process *process) {
    struct plan *p = plan_of(r, process);
    if (has_new_shim(process))
        p->window = p->unsure = false;
    else if (p->late_us != 0 && w->now_us + EARLY_US + (p->due_us - process->ended_us) / 8 < p->due_us)
        check_fail(w, &check_restart, (int)s->host->index,
                   "h%u restarts a task of %.*s %lld ms before its policy", s->host->index,
                   BYTES_FMT(process->job), (long long)((p->due_us - w->now_us) / US_PER_MS));
    p->late_us = 0;
}

static const struct sim_task *task_of(const struct world *w, const struct process *p) {
    const struct sim_host *h = &w->hosts[p->host];
    for (size_t i = 0; i < h->tasks.count; i++)
        if (ID_EQUAL(h->tasks.data[i]->spec.instance, p->instance) &&
            bytes_equal(h->tasks.data[i]->spec.task, p->task))
            return h->tasks.data[i];
    return NULL;
}

static void look(struct restart *r, struct world *w) {
    r->next_us = 0;
    for (size_t i = 0; i < r->plans.count && !w->failed; i++) {
        struct plan *p = &r->plans.data[i];
        const struct sim_task *t = p->late_us != 0 ? task_of(w, p->process) : NULL;
        if (t == NULL || t->shim == NULL || has_new_shim(p->process) || p->process->stop_asked)
            p->late_us = 0;
        else if (w->hosts[p->process->host].suspended)
            expect(r, p, (w->now_us > p->due_us ? w->now_us : p->due_us) + LATE_US);
        else if (w->now_us < p->late_us)
            expect(r, p, p->late_us);
        else
            check_fail(w, &check_restart, (int)p->process->host,
                       "h%u: a task of %.*s[%u] should have been restarted %lld ms ago", p->process->host,
                       BYTES_FMT(p->process->job), p->process->slot,
                       (long long)((w->now_us - p->due_us) / US_PER_MS));
    }
}

static void see_resumed(struct restart *r, const struct world *w, const struct sim_host *h) {
    for (size_t i = 0; i < r->plans.count; i++)
        if (r->plans.data[i].late_us != 0 && r->plans.data[i].process->host == h->index &&
            r->plans.data[i].late_us < w->now_us + LATE_US)
            r->plans.data[i].late_us = w->now_us + LATE_US;
}

static void restart_see(void *self, struct world *w, const struct sight *s) {
    struct restart *r = self;
    if (s->kind == SIGHT_STEP) {
        if (r->next_us != 0 && w->now_us >= r->next_us)
            look(r, w);
        return;
    }
    if (s->kind == SIGHT_RESUMED) {
        see_resumed(r, w, s->host);
        return;
    }
    const struct process *p = process_find(processes_of(w), s->task->spec.instance, s->task->spec.task);
    if (p == NULL)
        return;
    if (s->kind == SIGHT_PROCESS_END)
        see_end(r, w, s, p);
    else
        see_spawn(r, w, s, p);
}

static void restart_done(void *self) {
    struct restart *r = self;
    VEC_DONE(&r->plans);
}

const struct checker check_restart = {
    .name = "restart-policy",
    .promise = "a crashed service is restarted when its policy says, alone or not (partition promise K3)",
    .size = sizeof(struct restart),
    .sees = SEES(SIGHT_SPAWN) | SEES(SIGHT_PROCESS_END) | SEES(SIGHT_STEP) | SEES(SIGHT_RESUMED),
    .see = restart_see,
    .done = restart_done,
};
