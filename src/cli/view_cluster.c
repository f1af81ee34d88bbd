/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The cluster as a whole: `status`, `voters`. */
#include "internal.h"

#include <stdlib.h>

/* ---- status -------------------------------------------------------------------------------------------- */

static void put_voters(const struct wire_admin_status *s, struct buf *out) {
    buf_printf(out, "voters   %u of %zu live:", s->voters_live, s->voters_count);
    for (size_t i = 0; i < s->voters_count; i++) {
        const struct wire_admin_voter *v = &s->voters[i];
        buf_append_byte(out, ' ');
        cli_put(out, v->name);
        if (v->state == MEMBER_STATE_DEAD || v->state == MEMBER_STATE_LEFT)
            buf_printf(out, " (not seen)");
        else if (v->state == MEMBER_STATE_SUSPECT)
            buf_printf(out, " (suspect)");
        else if (!v->caught_up)
            buf_printf(out, " (catching up)");
    }
    buf_append_byte(out, '\n');
}

static void put_survives(const struct wire_admin_status *s, struct buf *out) {
    if (s->voters_live < s->voters_count / 2 + 1)
        buf_printf(out, "writes   wait: too few voters are in sight\n");
    else if (s->survives == 0)
        buf_printf(out, "writes   stop when one more voter is lost\n");
    else
        buf_printf(out, "writes   go on when %u voter%s %s lost\n", s->survives, s->survives == 1 ? "" : "s",
                   s->survives == 1 ? "is" : "are");
}

static void put_self(const struct wire_admin_status *s, struct buf *out) {
    buf_printf(out, "host     ");
    cli_put(out, s->name);
    buf_printf(out, " (");
    cli_put_id(out, s->id.b);
    buf_printf(out, "), ");
    cli_put(out, s->role);
    buf_printf(out, ", covey ");
    cli_put(out, s->version);
    buf_append_byte(out, '\n');
    if (s->log_state.size == 0 || bytes_is(s->log_state, "ok"))
        return;
    buf_printf(out, "log      ");
    cli_put(out, s->log_state);
    buf_append_byte(out, '\n');
}

void cli_view_status(const struct wire_admin_status *s, struct buf *out) {
    if (bytes_is(s->role, "joining")) {
        put_self(s, out);
        buf_printf(out,
                   "cluster  none yet: this host waits to join; the agent's log says what it waits for\n");
        return;
    }
    buf_printf(out, "cluster  ");
    cli_put_id(out, s->cluster.b);
    buf_printf(out, ", %u of %u hosts live\n", s->nodes_live, s->nodes);
    put_self(s, out);
    buf_printf(out, "leader   ");
    if (ID_IS_ZERO(s->leader))
        buf_printf(out, "none known");
    else
        cli_put(out, s->leader_name);
    buf_printf(out, ", term %llu\n", (unsigned long long)s->term);
    put_voters(s, out);
    put_survives(s, out);
    buf_printf(out, "jobs     %u, %u instance%s running\n", s->jobs, s->instances_running,
               s->instances_running == 1 ? "" : "s");
    buf_printf(out, "state    ");
    cli_put_freshness(out, &s->freshness);
    buf_append_byte(out, '\n');
    if (s->advice.size == 0)
        return;
    buf_printf(out, "advice   ");
    cli_put(out, s->advice);
    buf_append_byte(out, '\n');
}

void cli_view_jobs(const struct wire_admin_jobs *jobs, struct buf *out) {
    static const char *const headers[] = {"JOB",     "TYPE",     "VERSION", "WANTED",
                                          "RUNNING", "COMPLETE", "FAILED"};
    struct cli_table t;
    cli_table_init(&t, headers, sizeof headers / sizeof headers[0]);
    for (size_t i = 0; i < jobs->jobs_count; i++) {
        const struct wire_admin_job_summary *j = &jobs->jobs[i];
        cli_table_text(&t, j->name);
        cli_table_cell(&t, "%s", job_type_str(j->type));
        cli_table_cell(&t, "%llu", (unsigned long long)j->version);
        if (j->stopped)
            cli_table_cell(&t, "stopped");
        else
            cli_table_cell(&t, "%u", j->count);
        cli_table_cell(&t, "%u", j->running);
        cli_table_cell(&t, "%u", j->complete);
        cli_table_cell(&t, "%u", j->failed);
    }
    cli_table_end(&t, out);
}

/* The answer to `status`, with its jobs in `job_list`. */
void cli_json_status(const struct wire_admin_status *s, const struct wire_admin_jobs *jobs, struct buf *out) {
    codec_to_json(&wire_admin_status_type, s, out);
    out->size--; /* the brace */
    buf_printf(out, ",\"job_list\":[");
    for (size_t i = 0; i < jobs->jobs_count; i++) {
        buf_printf(out, i > 0 ? "," : "");
        codec_to_json(&wire_admin_job_summary_type, &jobs->jobs[i], out);
    }
    buf_printf(out, "]}\n");
}

/* ---- voters -------------------------------------------------------------------------------------------- */

static const char *vote_str(const struct wire_admin_voter_host *h) {
    if (h->coming)
        return "coming";
    if (!h->voter)
        return "-";
    return h->leader ? "leads" : "votes";
}

static const char *voter_state_str(const struct wire_admin_voter_host *h) {
    if (h->state != MEMBER_STATE_ALIVE)
        return member_state_str(h->state);
    return h->caught_up ? "alive" : "behind";
}

void cli_view_voters(const struct wire_admin_voters *voters, struct buf *out) {
    static const char *const headers[] = {"HOST", "ZONE", "VOTE", "RULE", "STATE", "LAG", "WHY"};
    struct cli_table t;
    cli_table_init(&t, headers, sizeof headers / sizeof headers[0]);
    for (size_t i = 0; i < voters->hosts_count; i++) {
        const struct wire_admin_voter_host *h = &voters->hosts[i];
        cli_table_text(&t, h->name);
        cli_table_text(&t, h->zone.size > 0 ? h->zone : bytes_str("-"));
        cli_table_cell(&t, "%s", vote_str(h));
        cli_table_cell(&t, "%s", vote_rule_str(h->vote));
        cli_table_cell(&t, "%s", voter_state_str(h));
        cli_table_cell(&t, "%llu", (unsigned long long)h->lag);
        cli_table_text(&t, h->why);
    }
    cli_table_end(&t, out);
    buf_printf(out, "\n%u of %u voters wanted%s: ", voters->voters, voters->wanted,
               voters->changing ? ", a change is under way" : "");
    cli_put(out, voters->text);
    buf_append_byte(out, '\n');
    if (voters->leader_name.size == 0)
        buf_printf(out, "no leader answers; this is what this host knows by itself\n");
}
