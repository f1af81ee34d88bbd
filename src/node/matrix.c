/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Who sees whom, from every member's own view. The members are asked over their streams, MATRIX_ASKED_MAX at
 * a time, and each answers with exceptions only: a cluster in which everybody sees everybody costs a few
 * bytes a member. Nothing of it goes through the log, so it works on any side of a split: whoever does not
 * answer is told with the reason.
 *
 * Which way a link is shut follows from two views. A probe needs both directions, so a link that passes
 * packets one way only looks broken from both ends; but the one who still gets packets from the other has
 * heard it since its probes began to fail, and not too long ago: each probes each once a lap.
 */
#include "internal.h"

#define MATRIX_ASKED_MAX 64              /* questions under way */
#define MATRIX_WAIT_US   (3 * US_PER_S)  /* [for all answers] */
#define MATRIX_LONG_US   (10 * US_PER_S) /* ... at most */
#define MATRIX_MAX       4               /* of these at a time */
#define HEARD_MARGIN_MS  1000            /* a packet that was under way when the link was cut */
#define HEARD_LAST_MS    10000           /* since the last one, and two periods for each member */
#define HEARD_EACH_MS    2000

enum row_state { ROW_UNASKED, ROW_ASKED, ROW_ANSWERED, ROW_FAILED };
struct row {
    struct node_id id;
    enum row_state state;
    struct bytes why;                 /* in the arena */
    struct wire_view_response answer; /* in the arena */
};
struct matrix_ask {
    uint64_t id, request;
    int64_t deadline_us;
    struct arena arena;
    struct row *rows; /* by id, as the table is */
    size_t rows_count, asked, open;
};

static void ask_free(struct node *n, size_t at) {
    arena_done(&n->matrices.data[at].arena);
    mem_free(n->matrices.data[at].rows);
    VEC_REMOVE(&n->matrices, at);
}

/* ---- asking ---- */

static const char *held_dead(struct node *n, struct matrix_ask *a, struct node_id id) {
    struct swim_member m;
    if (!node_member(n, id, &m))
        return "gossip has not told of it";
    if (m.state == MEMBER_STATE_LEFT)
        return "it has left";
    if (m.state != MEMBER_STATE_DEAD)
        return NULL;
    return arena_printf(&a->arena, "held dead for %lld s, accused by %.*s",
                        (long long)((n->now_us - m.changed_us) / US_PER_S),
                        BYTES_FMT(node_name_of(n, m.accuser)));
}

static void row_fail(struct matrix_ask *a, struct row *row, const char *why) {
    if (row->state == ROW_ASKED)
        a->open--;
    row->state = ROW_FAILED;
    row->why = arena_copy(&a->arena, bytes_str(why));
}

static void row_answer(struct matrix_ask *a, struct row *row, const struct wire_view_response *r) {
    if (row->state == ROW_ASKED)
        a->open--;
    row->state = ROW_ANSWERED;
    codec_copy(&wire_view_response_type, r, &a->arena, &row->answer);
}

static void row_ask(struct node *n, struct matrix_ask *a, struct row *row) {
    if (ID_EQUAL(row->id, n->identity.id)) {
        struct wire_view_response own;
        node_view_own(n, &own);
        row_answer(a, row, &own);
        return;
    }
    const char *dead = held_dead(n, a, row->id);
    if (dead != NULL) {
        row_fail(a, row, dead);
        return;
    }
    row->state = ROW_ASKED;
    a->open++;
    struct wire_view_request q = {.id = a->id};
    node_peer_send(n, row->id, &(struct wire_peer_message){.view_request = &q});
}

static void ask_on(struct node *n, struct matrix_ask *a) {
    while (a->asked < a->rows_count && a->open < MATRIX_ASKED_MAX)
        row_ask(n, a, &a->rows[a->asked++]);
}

static struct row *row_find(struct matrix_ask *a, struct node_id id) {
    size_t low = 0, high = a->rows_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ID_COMPARE(a->rows[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < a->rows_count && ID_EQUAL(a->rows[low].id, id) ? &a->rows[low] : NULL;
}

/* ---- telling ---- */

static bool still_hears(const struct wire_view_response *answer, const struct wire_view_entry *e) {
    return e->indirect_ms != 0 && !e->never && e->heard_ms + HEARD_MARGIN_MS < e->indirect_ms &&
           e->heard_ms < HEARD_LAST_MS + HEARD_EACH_MS * (uint64_t)answer->members;
}

static enum member_sight sight_of(const struct wire_view_response *answer, const struct wire_view_entry *e) {
    if (e->unknown)
        return MEMBER_SIGHT_UNKNOWN;
    switch (e->state) {
    case MEMBER_STATE_SUSPECT: return MEMBER_SIGHT_SUSPECT;
    case MEMBER_STATE_DEAD: return MEMBER_SIGHT_DEAD;
    case MEMBER_STATE_LEFT: return MEMBER_SIGHT_LEFT;
    case MEMBER_STATE_ALIVE: break;
    }
    if (e->indirect_ms == 0)
        return MEMBER_SIGHT_DIRECT;
    return still_hears(answer, e) ? MEMBER_SIGHT_HEARS : MEMBER_SIGHT_INDIRECT;
}

static void sights_tell(struct node *n, const struct wire_view_response *answer,
                        struct wire_admin_matrix_row *o) {
    o->sights = arena_alloc(&n->scratch, (answer->entries_count + 1) * sizeof *o->sights);
    for (size_t i = 0; i < answer->entries_count; i++) {
        const struct wire_view_entry *e = &answer->entries[i];
        if (state_node_find(n->state, e->id) == NULL)
            continue;
        struct wire_admin_sight *s = &o->sights[o->sights_count++];
        *s = (struct wire_admin_sight){
            .id = e->id,
            .name = node_name_of(n, e->id),
            .sight = sight_of(answer, e),
            .since_ms =
                e->indirect_ms > e->since_ms || e->state == MEMBER_STATE_ALIVE ? e->indirect_ms : e->since_ms,
            .heard_ms = e->heard_ms,
            .never = e->never};
        if (!ID_IS_ZERO(e->accuser))
            s->accuser = node_name_of(n, e->accuser);
    }
}

static void row_tell(struct node *n, const struct row *row, struct wire_admin_matrix_row *o) {
    *o = (struct wire_admin_matrix_row){
        .id = row->id, .name = node_name_of(n, row->id), .answered = row->state == ROW_ANSWERED};
    o->alive = row->answer.alive;
    o->members = row->answer.members;
    o->health = row->answer.health;
    o->more = row->answer.more;
    if (o->answered)
        sights_tell(n, &row->answer, o);
    else
        o->why = row->state == ROW_FAILED ? row->why
                 : row->state == ROW_ASKED
                     ? bytes_str("no answer in time")
                     : bytes_str("not asked in time: more hosts than can be asked at once");
}

/*
 * a hears b, and b does not answer a: what a sends does not arrive. Unless b says that it hears a as well:
 * then both ways pass something, and what is lost is lost by chance.
 */
static void one_way_tell(struct node *n, struct matrix_ask *a, struct wire_admin_matrix *r) {
    r->one_way = arena_alloc(&n->scratch, WIRE_SIGHTS_MAX * sizeof *r->one_way);
    for (size_t i = 0; i < a->rows_count; i++) {
        const struct row *to = &a->rows[i];
        for (size_t k = 0; k < to->answer.entries_count; k++) {
            const struct wire_view_entry *e = &to->answer.entries[k];
            struct row *from = row_find(a, e->id);
            bool is_mutual = false;
            for (size_t b = 0; from != NULL && b < from->answer.entries_count; b++)
                is_mutual |= ID_EQUAL(from->answer.entries[b].id, to->id) &&
                             still_hears(&from->answer, &from->answer.entries[b]);
            if (!still_hears(&to->answer, e) || is_mutual || from == NULL ||
                r->one_way_count == WIRE_SIGHTS_MAX)
                continue;
            r->one_way[r->one_way_count++] =
                (struct wire_admin_one_way){.from = node_name_of(n, from->id), .to = node_name_of(n, to->id)};
        }
    }
}

static void ask_tell(struct node *n, struct matrix_ask *a) {
    struct wire_admin_matrix r = {.rows = arena_alloc(&n->scratch, (a->rows_count + 1) * sizeof *r.rows)};
    node_freshness(n, &r.freshness);
    for (size_t i = 0; i < a->rows_count; i++) {
        r.answered += a->rows[i].state == ROW_ANSWERED;
        row_tell(n, &a->rows[i], &r.rows[r.rows_count++]);
    }
    one_way_tell(n, a, &r);
    node_reply(n, a->request, &wire_admin_matrix_type, &r);
}

/* ---- doors ---- */

void node_matrix_request(struct node *n, uint64_t request, struct bytes params) {
    struct wire_admin_matrix_query q;
    struct codec_fault fault = {0};
    int error = codec_decode_named(&wire_admin_matrix_query_type, params, &n->scratch, &q, &fault);
    if (error != 0) {
        node_reply_error(n, request, error, "%s: %s", fault.path, fault.what);
        return;
    }
    if (n->matrices.count >= MATRIX_MAX) {
        node_reply_error(n, request, ERR_BUSY, "this view is being gathered %d times already", MATRIX_MAX);
        return;
    }
    int64_t wait_us = MATRIX_WAIT_US;
    if (q.wait_ms != 0)
        wait_us = q.wait_ms < (uint64_t)(MATRIX_LONG_US / US_PER_MS) ? (int64_t)q.wait_ms * US_PER_MS
                                                                     : MATRIX_LONG_US;
    struct matrix_ask a = {.id = n->forward_next++, .request = request, .deadline_us = n->now_us + wait_us};
    a.rows_count = state_nodes_count(n->state);
    a.rows = mem_alloc((a.rows_count + 1) * sizeof *a.rows);
    for (size_t i = 0; i < a.rows_count; i++)
        a.rows[i] = (struct row){.id = state_node_at(n->state, i)->id};
    VEC_PUSH(&n->matrices, a);
}

void node_view_response(struct node *n, struct node_id from, const struct wire_view_response *r) {
    for (size_t i = 0; i < n->matrices.count; i++) {
        struct matrix_ask *a = &n->matrices.data[i];
        struct row *row = a->id == r->id ? row_find(a, from) : NULL;
        if (row != NULL && row->state == ROW_ASKED)
            row_answer(a, row, r);
    }
}

/* A stream to it was lost or could not be opened. */
void node_matrix_peer_gone(struct node *n, struct node_id peer, struct bytes text) {
    for (size_t i = 0; i < n->matrices.count; i++) {
        struct matrix_ask *a = &n->matrices.data[i];
        struct row *row = row_find(a, peer);
        if (row != NULL && row->state == ROW_ASKED)
            row_fail(a, row,
                     arena_printf(&a->arena, "no connection: %.*s",
                                  BYTES_FMT(bytes_empty(text) ? bytes_str("it was closed") : text)));
    }
}

void node_matrix_tick(struct node *n) {
    for (size_t i = n->matrices.count; i-- > 0;) {
        struct matrix_ask *a = &n->matrices.data[i];
        ask_on(n, a);
        bool is_over = (a->open == 0 && a->asked == a->rows_count) || n->now_us >= a->deadline_us;
        if (!is_over)
            continue;
        ask_tell(n, a);
        ask_free(n, i);
    }
}

int64_t node_matrix_deadline(const struct node *n) {
    int64_t at = TIME_NEVER_US;
    for (size_t i = 0; i < n->matrices.count; i++)
        at = min_us(at, n->matrices.data[i].deadline_us);
    return at;
}

void node_matrix_closed(struct node *n, uint64_t request) {
    for (size_t i = n->matrices.count; i-- > 0;)
        if (n->matrices.data[i].request == request)
            ask_free(n, i);
}

void node_matrix_done(struct node *n) {
    while (n->matrices.count > 0)
        ask_free(n, n->matrices.count - 1);
    VEC_DONE(&n->matrices);
}
