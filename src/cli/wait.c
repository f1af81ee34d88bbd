/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "wait.h"

#include <stdio.h>
#include <time.h>

#include <covey/client.h>

#define BREAK_PATIENCE_US (10 * US_PER_S) /* an agent that is upgraded is back by then */
#define ANSWER_MS         60000

/* ---- the line ------------------------------------------------------------------------------------------ */

void cli_line_show(struct cli *c, struct cli_line *l, const struct buf *text) {
    if (c->options.json || text->size == 0 || bytes_equal(buf_bytes(text), buf_bytes(&l->text)))
        return;
    buf_clear(&l->text);
    buf_append(&l->text, text->data, text->size);
    if (c->is_tty)
        printf("\r\033[K%s", buf_str(&l->text));
    else
        printf("%s\n", buf_str(&l->text));
    fflush(stdout);
    l->is_open = c->is_tty;
}

void cli_line_notice(struct cli *c, struct cli_line *l, const struct buf *notices) {
    if (l->is_open)
        printf("\n");
    l->is_open = false;
    if (notices != NULL && notices->size > 0)
        fwrite(notices->data, 1, notices->size, c->options.json ? stderr : stdout);
    fflush(stdout);
}

void cli_line_done(struct cli_line *l) {
    if (l->is_open)
        printf("\n");
    l->is_open = false;
    buf_done(&l->text);
}

/* ---- calls that are repeated --------------------------------------------------------------------------- */

static void pause_ms(long ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static int left_ms(int64_t deadline_us, int most_ms) {
    int64_t left = (deadline_us - cli_now_us()) / US_PER_MS;
    return left < 1 ? 1 : left < most_ms ? (int)left : most_ms;
}

int cli_write(struct cli *c, const char *method, const struct codec_type *params_type, const void *params,
              const struct codec_type *result_type, void *ret_result, int64_t deadline_us) {
    int64_t give_up_us = cli_now_us() + BREAK_PATIENCE_US;
    bool was_sent = false;
    if (give_up_us > deadline_us)
        give_up_us = deadline_us;
    for (;;) {
        int error = cli_connect(c);
        if (error == 0) {
            was_sent = true;
            error = cli_call(c, method, params_type, params, result_type, ret_result,
                             left_ms(deadline_us, ANSWER_MS));
        }
        if (!cli_is_broken(error) || !was_sent || cli_now_us() >= give_up_us)
            return error;
        pause_ms(200);
    }
}

/* Into another arena than the run's own: a wait of hours must not grow. */
static int job_ask(struct cli *c, const struct wire_admin_job_query *q, struct arena *a,
                   struct wire_admin_job_status *ret, int timeout_ms) {
    int error = cli_connect(c);
    if (error != 0)
        return error;
    struct arena own = c->arena;
    c->arena = *a;
    error = cli_call(c, "job", &wire_admin_job_query_type, q, &wire_admin_job_status_type, ret, timeout_ms);
    *a = c->arena;
    c->arena = own;
    return error;
}

int cli_poll_job(struct cli *c, struct bytes job, uint64_t *index, struct arena *a,
                 struct wire_admin_job_status *ret, int64_t deadline_us) {
    int64_t broken_since_us = 0;
    for (;;) {
        struct wire_admin_job_query q = {.name = job, .min_index = *index};
        q.wait_ms = (uint64_t)left_ms(deadline_us, CLI_POLL_MS);
        arena_reset(a);
        int error = job_ask(c, &q, a, ret, (int)q.wait_ms + ANSWER_MS);
        if (error == 0) {
            *index = ret->index;
            return 0;
        }
        if (!cli_is_broken(error))
            return error;
        if (broken_since_us == 0)
            broken_since_us = cli_now_us();
        if (cli_now_us() - broken_since_us >= BREAK_PATIENCE_US || cli_now_us() >= deadline_us)
            return error;
        pause_ms(200);
    }
}
