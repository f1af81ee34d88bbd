/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The restart policy, with the words of Nomad's `restart` block: at most `attempts` restarts within
 * `interval`, each after `delay`. An interval begins with the first end that asks for a restart while no
 * interval runs. When the attempts are used up, mode `fail` ends the task, and mode `delay` waits for the
 * interval's end, where the next interval begins with that restart as its first. Unlike Nomad's there is no
 * jitter: a host's tasks rarely share an end, and a delay that is what the job file says is easier to reason
 * about.
 *
 * attempts 0 allows no restart in either mode. interval 0 never ends, so that `attempts` is a bound for ever,
 * and mode delay, with nothing to wait for, ends the task like fail.
 */

#include "core.h"

/* Far enough away to be never, near enough for sums of a few not to overflow. */
#define SPAN_MAX_MS (UINT64_C(100) * 365 * 86400 * 1000)

static int64_t span_us(uint64_t ms) { return (int64_t)(ms < SPAN_MAX_MS ? ms : SPAN_MAX_MS) * US_PER_MS; }

void shim_reason_set(struct shim *s, struct bytes text) {
    size_t size = text.size;
    if (size > WIRE_TEXT_MAX) {
        size = WIRE_TEXT_MAX;
        while (size > 0 && (text.data[size] & 0xc0) == 0x80)
            size--;
    }
    buf_clear(&s->reason);
    buf_append(&s->reason, text.data, size);
}

void shim_end_describe(const struct shim *s, struct buf *out) {
    if (!s->end.spawned)
        buf_append(out, s->reason.data, s->reason.size);
    else if (s->end.exit_signal)
        buf_printf(out, "killed by signal %u", s->end.exit_signal);
    else
        buf_printf(out, "exited with code %d", s->end.exit_code);
}

bool shim_end_success(const struct shim *s) {
    return s->end.spawned && s->end.exit_code == 0 && s->end.exit_signal == 0;
}

static void window_renew(struct shim *s, int64_t now_us, int64_t interval_us) {
    if (s->window_open && (interval_us == 0 || now_us - s->window_start_us < interval_us))
        return;
    s->window_open = true;
    s->window_start_us = now_us;
    s->window_restarts = 0;
}

/* "3 restarts within 1m used up" */
static void describe_used_up(const struct shim *s, struct buf *out) {
    const struct wire_restart_policy *policy = &s->spec.restart;
    if (policy->attempts == 0) {
        buf_printf(out, "no restarts are allowed");
        return;
    }
    buf_printf(out, policy->attempts == 1 ? "%u restart" : "%u restarts", policy->attempts);
    if (policy->interval_ms) {
        buf_printf(out, " within ");
        duration_append(out, span_us(policy->interval_ms));
    }
    buf_printf(out, " used up");
}

static void describe_wait(struct buf *out, int64_t wait_us) {
    buf_printf(out, "; restart in ");
    duration_append(out, wait_us);
}

bool shim_policy_restart(struct shim *s, int64_t now_us, int64_t *ret_at_us) {
    const struct wire_restart_policy *policy = &s->spec.restart;
    int64_t interval_us = span_us(policy->interval_ms), at_us = now_us + span_us(policy->delay_ms);
    struct buf text = {0};
    bool granted = true;
    shim_end_describe(s, &text);
    window_renew(s, now_us, interval_us);
    if (s->window_restarts < policy->attempts) {
        s->window_restarts++;
        describe_wait(&text, at_us - now_us);
    } else if (policy->attempts > 0 && policy->mode == RESTART_MODE_DELAY && interval_us > 0) {
        if (at_us < s->window_start_us + interval_us)
            at_us = s->window_start_us + interval_us;
        s->window_start_us = at_us;
        s->window_restarts = 1;
        buf_printf(&text, "; ");
        describe_used_up(s, &text);
        describe_wait(&text, at_us - now_us);
    } else {
        granted = false;
        buf_printf(&text, "; ");
        describe_used_up(s, &text);
    }
    shim_reason_set(s, buf_bytes(&text));
    buf_done(&text);
    if (granted)
        *ret_at_us = at_us;
    return granted;
}
