/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "town.h"

#include <stdio.h>

#define WIRE_US   US_PER_MS
#define REFUSE_US (1 * US_PER_S)

static struct town_event *push(struct town *t, enum town_event_kind kind, size_t host, int64_t delay_us) {
    struct town_event e = {.at_us = t->now_us + delay_us,
                           .seq = ++t->seq,
                           .kind = kind,
                           .host = host,
                           .run = t->hosts[host].runs};
    VEC_PUSH(&t->events, e);
    return &t->events.data[t->events.count - 1];
}

static void feed(struct town *t, size_t host, struct node_input in);

static void disk(struct town *t, size_t host, const struct disk_op *op) {
    struct town_host *h = &t->hosts[host];
    disk_obey(h->files, &h->files_count, op);
    if (op->ticket != 0)
        push(t, TOWN_DISK, host, h->disk_latency_us)->ticket = op->ticket;
}

/* ---- the wire ---- */

static size_t host_at(const struct town *t, const struct addr *addr) {
    for (size_t i = 0; i < t->count; i++)
        if (addr_equal(&t->hosts[i].addr, addr))
            return i;
    return TOWN_MAX;
}

static bool is_cut(const struct town *t, size_t a, size_t b) { return t->hosts[a].away || t->hosts[b].away; }

static void connect(struct town *t, size_t from, const struct node_effect *e) {
    size_t to = host_at(t, &e->addr);
    if (to == TOWN_MAX || is_cut(t, from, to) || t->hosts[to].node == NULL) {
        int64_t refuse_us = to != TOWN_MAX ? t->hosts[to].refuse_us : 0;
        struct town_event *closed = push(t, TOWN_CLOSE, from, refuse_us != 0 ? refuse_us : REFUSE_US);
        closed->stream = e->stream;
        closed->error = ERR_CLOSED;
        if (to != TOWN_MAX && t->hosts[to].resets > 0) {
            t->hosts[to].resets--;
            closed->error = ERR_DENIED;
        }
        return;
    }
    struct town_link link = {
        .host = {from, to}, .run = {t->hosts[from].runs, t->hosts[to].runs}, .key_id = e->key_id};
    link.name[0] = e->stream;
    link.name[1] = t->hosts[to].stream_next;
    t->hosts[to].stream_next += 2;
    VEC_PUSH(&t->links, link);
    push(t, TOWN_OPEN, to, 2 * WIRE_US)->link = t->links.count - 1;
}

static void open_side(struct town *t, size_t index, unsigned side) {
    struct town_link *l = &t->links.data[index];
    struct town_host *peer = &t->hosts[l->host[1 - side]];
    uint8_t hash[NOISE_HASH_SIZE] = {0};
    memcpy(hash, &index, sizeof index);
    if (peer->node == NULL || peer->runs != l->run[1 - side] || t->hosts[l->host[side]].runs != l->run[side])
        return;
    struct node_stream_keys keys = node_stream_keys(peer->node);
    feed(t, l->host[side],
         (struct node_input){.kind = NODE_STREAM_OPENED,
                             .stream = l->name[side],
                             .outgoing = side == 0,
                             .addr = peer->addr,
                             .key = keys.identity->static_key,
                             .key_id = l->key_id,
                             .hash = bytes_of(hash, sizeof hash)});
}

static struct town_link *link_of(struct town *t, size_t host, uint64_t name, unsigned *ret_side) {
    for (size_t i = t->links.count; i-- > 0;)
        for (unsigned side = 0; side < 2; side++) {
            struct town_link *l = &t->links.data[i];
            if (l->host[side] == host && l->name[side] == name && l->run[side] == t->hosts[host].runs) {
                *ret_side = side;
                return l;
            }
        }
    return NULL;
}

static void send(struct town *t, size_t from, uint64_t name, struct bytes data) {
    unsigned side;
    struct town_link *l = link_of(t, from, name, &side);
    if (l == NULL || !l->open || is_cut(t, l->host[0], l->host[1]))
        return;
    size_t to = l->host[1 - side], index = (size_t)(l - t->links.data);
    if (t->passes != NULL && !t->passes(t, from, to, data))
        return;
    struct town_event *e = push(t, TOWN_MESSAGE, to, WIRE_US);
    e->link = index;
    e->stream = l->name[1 - side];
    e->run = l->run[1 - side];
    buf_append(&e->data, data.data, data.size);
}

static void close_side(struct town *t, struct town_link *l, unsigned side, int error) {
    struct town_event *e = push(t, TOWN_CLOSE, l->host[side], WIRE_US);
    e->stream = l->name[side];
    e->run = l->run[side];
    e->error = error;
}

static void close(struct town *t, size_t from, uint64_t name) {
    unsigned side;
    struct town_link *l = link_of(t, from, name, &side);
    if (l == NULL || !l->open)
        return;
    l->open = false;
    close_side(t, l, 1 - side, ERR_CLOSED);
}

static void links_cut(struct town *t, size_t host, int error) {
    for (size_t i = 0; i < t->links.count; i++) {
        struct town_link *l = &t->links.data[i];
        if (!l->open || (l->host[0] != host && l->host[1] != host))
            continue;
        l->open = false;
        close_side(t, l, 0, error);
        close_side(t, l, 1, error);
    }
}

/* ---- effects ---- */

static void keep_reply(struct town_host *h, const struct node_effect *e) {
    struct town_reply reply = {.request = e->request, .error = e->error};
    buf_append(&reply.text, e->text.data, e->text.size);
    buf_append(&reply.data, e->data.data, e->data.size);
    VEC_PUSH(&h->replies, reply);
}

static void keep_change(struct town *t, struct town_host *h, struct bytes data) {
    struct wire_admin_chunk chunk;
    cr_assert_eq(codec_decode_named(&wire_admin_chunk_type, data, &t->arena, &chunk, NULL), 0);
    if (chunk.var == NULL)
        return;
    const struct wire_admin_var_change *c = chunk.var;
    buf_printf(&h->changes, "%s %.*s %.*s\n", var_change_kind_str(c->kind), BYTES_FMT(c->var.key),
               BYTES_FMT(c->var.value));
}

static void carry_out(struct town *t, size_t host) {
    struct town_host *h = &t->hosts[host];
    struct node_effect e;
    while (h->node != NULL && node_drain(h->node, &e)) {
        switch (e.kind) {
        case NODE_DISK: disk(t, host, &e.op); break;
        case NODE_REPLY: keep_reply(h, &e); break;
        case NODE_NOTIFY: keep_change(t, h, e.data); break;
        case NODE_STREAM_CLOSE: close(t, host, e.stream); break;
        case NODE_STREAM_SEND: send(t, host, e.stream, e.data); break;
        case NODE_STREAM_CONNECT: connect(t, host, &e); break;
        case NODE_SEND_DATAGRAM: {
            size_t to = host_at(t, &e.addr);
            if (to == TOWN_MAX || is_cut(t, host, to) || t->shut[host][to])
                break;
            struct town_event *d = push(t, TOWN_DATAGRAM, to, WIRE_US);
            d->addr = h->addr;
            buf_append(&d->data, e.data.data, e.data.size);
            break;
        }
        case NODE_RESTART: h->restarts++; break;
        case NODE_TASK_START:
            h->starts++;
            h->last_started = e.spec->instance;
            break;
        case NODE_SAY:
        case NODE_TASK_COMMAND:
        case NODE_TASK_RELEASE:
        case NODE_TASK_REMOVE:
        case NODE_EXIT:
        case NODE_READY:
        case NODE_DISK_LOOK:
        case NODE_LOG_OPEN:
        case NODE_LOG_CREDIT:
        case NODE_LOG_CLOSE: break;
        }
    }
}

static void arm(struct town *t, size_t host) {
    struct town_host *h = &t->hosts[host];
    int64_t at = node_deadline(h->node);
    h->ticks_at_once = at <= t->now_us ? h->ticks_at_once + 1 : 0;
    cr_assert_lt(h->ticks_at_once, 10000, "the deadline of host %zu does not move", host);
    if (at <= t->now_us)
        at = t->now_us + 1;
    if (at >= h->tick_us)
        return;
    h->tick_us = at;
    push(t, TOWN_TICK, host, at - t->now_us);
}

static void feed(struct town *t, size_t host, struct node_input in) {
    struct town_host *h = &t->hosts[host];
    if (h->node == NULL)
        return;
    in.wall_ms = t->now_us / 1000;
    node_feed(h->node, t->now_us, &in);
    carry_out(t, host);
    if (h->node != NULL)
        arm(t, host);
}

void town_feed(struct town *t, size_t host, const struct node_input *input) { feed(t, host, *input); }

/* ---- time ---- */

static void happen(struct town *t, struct town_event *e) {
    struct town_host *h = &t->hosts[e->host];
    struct bytes data = buf_bytes(&e->data);
    if (e->run != h->runs)
        return;
    switch (e->kind) {
    case TOWN_DATAGRAM:
        feed(t, e->host, (struct node_input){.kind = NODE_DATAGRAM, .addr = e->addr, .data = data});
        break;
    case TOWN_OPEN:
        t->links.data[e->link].open = true;
        open_side(t, e->link, 1);
        open_side(t, e->link, 0);
        break;
    case TOWN_MESSAGE:
        feed(t, e->host, (struct node_input){.kind = NODE_STREAM_MESSAGE, .stream = e->stream, .data = data});
        break;
    case TOWN_CLOSE:
        feed(t, e->host,
             (struct node_input){.kind = NODE_STREAM_CLOSED,
                                 .stream = e->stream,
                                 .error = e->error,
                                 .text = bytes_str("closed")});
        break;
    case TOWN_DISK: feed(t, e->host, (struct node_input){.kind = NODE_DISK_DONE, .ticket = e->ticket}); break;
    case TOWN_TICK:
        h->tick_us = INT64_MAX;
        feed(t, e->host, (struct node_input){.kind = NODE_TICK});
        break;
    }
}

void town_run(struct town *t, int64_t us) {
    int64_t end = t->now_us + us;
    for (;;) {
        size_t best = t->events.count;
        for (size_t i = 0; i < t->events.count; i++) {
            const struct town_event *e = &t->events.data[i];
            const struct town_event *b = best < t->events.count ? &t->events.data[best] : NULL;
            if (e->at_us <= end &&
                (b == NULL || e->at_us < b->at_us || (e->at_us == b->at_us && e->seq < b->seq)))
                best = i;
        }
        if (best == t->events.count)
            break;
        struct town_event e = t->events.data[best];
        t->events.data[best] = t->events.data[--t->events.count];
        t->now_us = e.at_us;
        happen(t, &e);
        buf_done(&e.data);
    }
    t->now_us = end;
}

/* ---- hosts ---- */

void town_start(struct town *t, size_t host) {
    struct town_host *h = &t->hosts[host];
    struct node_options o = {.name = bytes_str(h->name),
                             .addr = h->addr,
                             .bootstrap = host == 0,
                             .ports_low = 20000,
                             .ports_high = 20010,
                             .memory_mib = 1024,
                             .cpu_mhz = 1000,
                             .version = bytes_str("0.1.0"),
                             .task_root = bytes_str("/tasks"),
                             .snapshot_entries = t->snapshot_entries,
                             .swim_period_us = t->swim_period_us,
                             .pulls_max = t->pulls_max,
                             .chunk_size_bytes = t->chunk_size_bytes,
                             .copy_part_size_bytes = t->copy_part_size,
                             .trailing_entries = t->trailing_entries,
                             .format = h->format,
                             .marks = &h->marks,
                             .files = h->files,
                             .files_count = h->files_count};
    char why[200];
    if (h->zone.value.size > 0) {
        o.meta = &h->zone;
        o.meta_count = 1;
    }
    if (host > 0) {
        o.token = buf_bytes(&t->token);
        o.seeds = &t->hosts[0].addr;
        o.seeds_count = 1;
    }
    memset(o.identity_seed.b, h->key != 0 ? h->key : (int)(host + 1), sizeof o.identity_seed.b);
    memset(o.entropy.b, (int)(16 * host + ++h->runs), sizeof o.entropy.b);
    h->tick_us = INT64_MAX;
    h->stream_next = 1;
    cr_assert_eq(node_new(&o, t->now_us, t->now_us / 1000, &h->node, why, sizeof why), 0, "%s", why);
    feed(t, host, (struct node_input){.kind = NODE_SCAN_DONE});
}

void town_add(struct town *t, const char *zone) {
    size_t host = t->count++;
    struct town_host *h = &t->hosts[host];
    char text[32];
    cr_assert_lt(host, TOWN_MAX);
    snprintf(h->name, sizeof h->name, "h%zu", host);
    snprintf(text, sizeof text, "192.0.2.%zu:7370", host + 1);
    cr_assert_eq(addr_parse(bytes_str(text), 0, &h->addr), 0);
    h->zone = (struct wire_pair){.name = bytes_str("zone"), .value = bytes_str(zone)};
    h->disk_latency_us = 100;
    town_start(t, host);
}

static void token_ask(struct town *t) {
    struct wire_admin_token token;
    town_read(t, town_ask(t, 0, "token", &wire_empty_type, &(struct wire_empty){0}, 0),
              &wire_admin_token_type, &token);
    buf_append(&t->token, token.token.data, token.token.size);
}

void town_init(struct town *t, size_t count, const char *const *zones) {
    memset(t, 0, sizeof *t);
    t->now_us = 1000 * US_PER_S;
    t->request_next = 1;
    for (size_t i = 0; i < count; i++) {
        town_add(t, zones != NULL ? zones[i] : "");
        town_run(t, 3 * US_PER_S);
        if (i == 0)
            token_ask(t);
    }
    town_run(t, 30 * US_PER_S);
    cr_assert_neq(town_leader(t), TOWN_MAX);
}

size_t town_calm(struct town *t, size_t count) {
    town_init(t, count, NULL);
    town_run(t, 20 * US_PER_S);
    return town_leader(t);
}

void town_done(struct town *t) {
    for (size_t i = 0; i < t->count; i++) {
        struct town_host *h = &t->hosts[i];
        node_free(h->node);
        disk_clear(h->files, &h->files_count);
        for (size_t k = 0; k < h->replies.count; k++) {
            buf_done(&h->replies.data[k].text);
            buf_done(&h->replies.data[k].data);
        }
        VEC_DONE(&h->replies);
        buf_done(&h->changes);
    }
    for (size_t i = 0; i < t->events.count; i++)
        buf_done(&t->events.data[i].data);
    VEC_DONE(&t->events);
    VEC_DONE(&t->links);
    buf_done(&t->token);
    buf_done(&t->held);
    arena_done(&t->arena);
}

void town_kill(struct town *t, size_t host) {
    struct town_host *h = &t->hosts[host];
    links_cut(t, host, ERR_CLOSED);
    node_free(h->node);
    h->node = NULL;
}

void town_lose_disk(struct town *t, size_t host) {
    town_kill(t, host);
    disk_clear(t->hosts[host].files, &t->hosts[host].files_count);
}

void town_restart(struct town *t, size_t host) {
    town_kill(t, host);
    town_start(t, host);
}

void town_snapshots(struct town *t, uint32_t entries, uint32_t trailing) {
    t->snapshot_entries = entries;
    t->trailing_entries = trailing;
    for (size_t i = 0; i < t->count; i++) {
        town_restart(t, i);
        town_run(t, 10 * US_PER_S);
    }
}

void town_away(struct town *t, size_t host, bool away) {
    t->hosts[host].away = away;
    if (away)
        links_cut(t, host, ERR_TIMEOUT);
}

/* ---- looking ---- */

bool town_message(struct town *t, struct bytes data, struct wire_peer_message *ret) {
    return codec_decode(&wire_peer_message_type, data, &t->arena, ret, NULL) == 0;
}

bool town_deliver(struct town *t, size_t from, size_t to, struct bytes message) {
    for (size_t i = 0; i < t->links.count; i++) {
        const struct town_link *l = &t->links.data[i];
        unsigned side = l->host[0] == to ? 0 : 1;
        if (!l->open || l->host[side] != to || l->host[1 - side] != from)
            continue;
        feed(t, to,
             (struct node_input){.kind = NODE_STREAM_MESSAGE, .stream = l->name[side], .data = message});
        return true;
    }
    return false;
}

bool town_say(struct town *t, size_t from, size_t to, const struct wire_peer_message *message) {
    struct buf out = {0};
    codec_encode(&wire_peer_message_type, message, &out);
    bool said = town_deliver(t, from, to, buf_bytes(&out));
    buf_done(&out);
    return said;
}

size_t town_leader(const struct town *t) {
    size_t leader = TOWN_MAX;
    for (size_t i = 0; i < t->count; i++) {
        if (t->hosts[i].node == NULL || t->hosts[i].away || !node_leads(t->hosts[i].node))
            continue;
        if (leader != TOWN_MAX)
            return TOWN_MAX;
        leader = i;
    }
    return leader;
}

const char *town_voters(struct town *t, size_t host) {
    const struct wire_raft_config *config = raft_config_now(node_raft(t->hosts[host].node));
    struct buf out = {0};
    for (size_t i = 0; i < t->count; i++) {
        struct node_id id = {{0}};
        for (size_t k = 0; k < state_nodes_count(node_state(t->hosts[host].node)); k++) {
            const struct wire_node_record *r = state_node_at(node_state(t->hosts[host].node), k);
            if (bytes_is(r->name, t->hosts[i].name))
                id = r->id;
        }
        for (size_t v = 0; v < config->voters_count; v++)
            if (ID_EQUAL(config->voters[v].node, id))
                buf_printf(&out, "%s%s", out.size > 0 ? " " : "", t->hosts[i].name);
    }
    buf_append_byte(&out, 0);
    const char *copy = (const char *)arena_copy(&t->arena, buf_bytes(&out)).data;
    buf_done(&out);
    return copy;
}

size_t town_events(const struct town *t, size_t host, const char *kind) {
    const struct node *n = t->hosts[host].node;
    struct wire_event events[64];
    size_t of_kind = 0, count = node_events_after(n, 0, events, 64);
    for (uint64_t last = 0; count > 0; count = node_events_after(n, last, events, 64))
        for (size_t i = 0; i < count; i++) {
            last = events[i].index;
            of_kind += bytes_starts(events[i].kind, bytes_str(kind));
        }
    return of_kind;
}

uint64_t town_call(struct town *t, size_t host, const char *method, const struct codec_type *type,
                   const void *params) {
    struct buf out = {0};
    uint64_t request = t->request_next++;
    codec_encode_named(type, params, &out);
    feed(t, host,
         (struct node_input){
             .kind = NODE_REQUEST, .request = request, .method = bytes_str(method), .data = buf_bytes(&out)});
    buf_done(&out);
    return request;
}

const struct town_reply *town_ask(struct town *t, size_t host, const char *method,
                                  const struct codec_type *type, const void *params, int64_t us) {
    uint64_t request = town_call(t, host, method, type, params);
    town_run(t, us);
    return town_reply(t, host, request);
}

void town_read(struct town *t, const struct town_reply *reply, const struct codec_type *type, void *ret) {
    cr_assert(reply != NULL && reply->error == 0);
    cr_assert_eq(codec_decode_named(type, buf_bytes(&reply->data), &t->arena, ret, NULL), 0);
}

void town_credit(struct town *t, size_t host, uint64_t request, uint64_t bytes) {
    feed(t, host, (struct node_input){.kind = NODE_CREDIT, .request = request, .bytes = bytes});
}

const struct town_reply *town_reply(const struct town *t, size_t host, uint64_t request) {
    const struct town_host *h = &t->hosts[host];
    for (size_t i = 0; i < h->replies.count; i++)
        if (h->replies.data[i].request == request)
            return &h->replies.data[i];
    return NULL;
}

int town_put(struct town *t, size_t host, const char *key, const char *value) {
    struct wire_admin_var_put put = {.var = {.key = bytes_str(key), .remove = value == NULL}};
    if (value != NULL)
        put.var.value = bytes_str(value);
    uint64_t request = town_call(t, host, "var.put", &wire_admin_var_put_type, &put);
    for (unsigned i = 0; i < 2000 && town_reply(t, host, request) == NULL; i++)
        town_run(t, 10 * US_PER_MS);
    const struct town_reply *r = town_reply(t, host, request);
    return r != NULL ? r->error : ERR_TIMEOUT;
}
