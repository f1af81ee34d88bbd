/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "rig.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <time.h>

int64_t rig_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

uint8_t rig_pattern(uint64_t at) { return (uint8_t)(at * 7 + (at >> 8) * 13 + (at >> 16)); }

struct addr rig_addr(const char *text) {
    struct addr a;
    cr_assert_eq(addr_parse(bytes_str(text), 0, &a), 0);
    return a;
}

struct rig_net *rig_add(struct rig *r, const struct net_options *options) {
    char text[256] = "";
    struct net_options o = options ? *options : (struct net_options){0};
    struct rig_net *n = &r->nets[r->count++];
    if (o.bind.size == 0)
        o.bind = rig_addr("127.0.0.1:0");
    n->net = net_new(&o, text, sizeof text);
    cr_assert_not_null(n->net, "%s", text);
    return n;
}

void rig_done(struct rig *r) {
    for (size_t i = 0; i < r->count; i++) {
        net_free(r->nets[i].net);
        buf_done(&r->nets[i].bytes);
    }
}

static void bytes_take(struct rig_net *n, struct bytes data) {
    for (size_t i = 0; n->discards && i < data.size; i++)
        n->mixes |= data.data[i] != rig_pattern(n->received + i);
    n->received += data.size;
    if (!n->discards)
        buf_append(&n->bytes, data.data, data.size);
}

static void event_take(struct rig_net *n, const struct net_event *e) {
    n->counts[e->kind]++;
    if (e->kind == NET_BYTES || e->kind == NET_DATAGRAM)
        bytes_take(n, e->data);
    if (n->is_echo && e->kind == NET_BYTES)
        net_send(n->net, e->conn, e->data);
    if (n->is_echo && e->kind == NET_DATAGRAM)
        net_datagram(n->net, &e->addr, e->data);
    if (e->kind == NET_BYTES || n->events_count == RIG_EVENT_MAX)
        return;
    struct rig_event *kept = &n->events[n->events_count++];
    *kept = (struct rig_event){.kind = e->kind, .conn = e->conn, .addr = e->addr, .error = e->error};
    kept->data_size = e->data.size;
    size_t size = e->text.size < sizeof kept->text ? e->text.size : sizeof kept->text - 1;
    if (size > 0)
        memcpy(kept->text, e->text.data, size);
}

void rig_turn(struct rig *r) {
    struct pollfd fds[RIG_NETS_MAX];
    int64_t now = rig_now(), at = now + 50 * US_PER_MS;
    nfds_t count = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (r->nets[i].is_paused)
            continue;
        int64_t deadline = net_deadline(r->nets[i].net);
        at = deadline < at ? deadline : at;
        fds[count++] = (struct pollfd){.fd = net_fd(r->nets[i].net), .events = POLLIN};
    }
    poll(fds, count, at > now ? (int)((at - now + 999) / 1000) : 0);
    for (size_t i = 0; i < r->count; i++) {
        struct net_event e;
        if (r->nets[i].is_paused)
            continue;
        net_poll(r->nets[i].net, rig_now());
        while (net_next(r->nets[i].net, &e))
            event_take(&r->nets[i], &e);
    }
}

void rig_until(struct rig *r, const unsigned *count, unsigned wanted) {
    int64_t end = rig_now() + RIG_WAIT_US;
    while (*count < wanted) {
        cr_assert_lt(rig_now(), end, "waited in vain");
        rig_turn(r);
    }
}

const struct rig_event *rig_find(const struct rig_net *n, enum net_event_kind kind) {
    for (size_t i = 0; i < n->events_count; i++)
        if (n->events[i].kind == kind)
            return &n->events[i];
    cr_assert_fail("no event %d", (int)kind);
    return NULL;
}
