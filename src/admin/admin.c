/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CLIENTS_MAX     256u
#define REQUESTS_MAX    1024u
#define HALF_MESSAGE_US (30 * US_PER_S)
#define EVENTS_PER_POLL 64

static void options_default(struct admin_options *o) {
    if (o->clients_max == 0)
        o->clients_max = CLIENTS_MAX;
    if (o->requests_max == 0)
        o->requests_max = REQUESTS_MAX;
    if (o->half_message_timeout_us == 0)
        o->half_message_timeout_us = HALF_MESSAGE_US;
}

static char *text_copy(const char *text) {
    size_t size = strlen(text) + 1;
    return memcpy(mem_alloc(size), text, size);
}

static int group_set(struct admin *a, struct buf *ret_text) {
    if (!a->options.group)
        return 0;
    int error = admin_group_find("/etc/group", a->options.group, &a->gid);
    if (error == ERR_NOT_FOUND)
        buf_printf(ret_text, "there is no group %s in /etc/group", a->options.group);
    else if (error)
        buf_printf(ret_text, "cannot read /etc/group: %s", strerror(errno));
    return error;
}

static int start(struct admin *a, struct buf *ret_text) {
    int error = group_set(a, ret_text);
    if (error)
        return error;
    a->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (a->epoll < 0) {
        buf_printf(ret_text, "cannot make an epoll instance: %s", strerror(errno));
        return ERR_IO;
    }
    return admin_listen(a, ret_text);
}

struct admin *admin_new(const struct admin_options *options, char *ret_text, size_t text_size) {
    struct admin *a = mem_alloc(sizeof *a);
    struct buf text = {0};
    a->options = *options;
    options_default(&a->options);
    a->path = text_copy(options->path);
    a->options.path = a->path;
    a->options.group = options->group ? text_copy(options->group) : NULL;
    a->gid = ADMIN_NO_GROUP;
    a->epoll = a->listener = -1;
    a->client_next = a->request_next = 1;
    a->accept_again_us = TIME_NEVER_US;
    if (start(a, &text)) {
        if (text_size > 0) {
            size_t size = text.size < text_size - 1 ? text.size : text_size - 1;
            memcpy(ret_text, buf_str(&text), size);
            ret_text[size] = 0;
        }
        admin_free(a);
        a = NULL;
    }
    buf_done(&text);
    return a;
}

void admin_free(struct admin *a) {
    if (!a)
        return;
    while (a->clients.count > 0)
        admin_client_free(a, a->clients.entries[a->clients.count - 1].value);
    map_done(&a->clients);
    map_done(&a->requests);
    VEC_DONE(&a->ready);
    VEC_DONE(&a->late);
    VEC_DONE(&a->closed);
    arena_done(&a->scratch);
    admin_unlisten(a);
    if (a->epoll >= 0)
        close(a->epoll);
    mem_free((void *)(uintptr_t)a->options.group);
    mem_free(a->path);
    mem_free(a);
}

int admin_fd(const struct admin *a) { return a->epoll; }

/* ---- clients ------------------------------------------------------------------------------------------- */

static struct client *client_find(const struct admin *a, uint64_t id) {
    return map_get(&a->clients, bytes_of(&id, sizeof id));
}

static void clients_sweep(struct admin *a) {
    /* Backwards: a removal moves the last into the place of the removed. */
    for (size_t i = a->clients.count; i-- > 0 && a->gone_count > 0;) {
        struct client *c = a->clients.entries[i].value;
        if (c->state == CLIENT_GONE)
            admin_client_free(a, c);
    }
}

static void clients_time(struct admin *a) {
    for (size_t i = 0; i < a->clients.count; i++) {
        struct client *c = a->clients.entries[i].value;
        admin_client_time(a, c);
        if (c->state == CLIENT_OPEN && a->now_us >= c->scan_us)
            VEC_PUSH(&a->ready, ((struct ready){.client = c->id}));
    }
}

/* ---- the verbs ----------------------------------------------------------------------------------------- */

static bool is_drained(const struct admin *a) {
    return a->ready_at == a->ready.count && a->closed_at == a->closed.count && a->late.count == 0;
}

void admin_flush(struct admin *a) {
    for (size_t i = 0; i < a->late.count; i++) {
        struct client *c = client_find(a, a->late.data[i]);
        if (!c)
            continue;
        c->is_late = false;
        admin_client_flush(a, c);
    }
    a->late.count = 0;
}

int64_t admin_deadline(const struct admin *a) {
    if (!is_drained(a))
        return a->now_us;
    int64_t at = a->accept_again_us;
    for (size_t i = 0; i < a->clients.count; i++) {
        int64_t due = admin_client_deadline(a->clients.entries[i].value);
        at = due < at ? due : at;
    }
    return at;
}

static void accept_again(struct admin *a) {
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = TAG_LISTENER};
    if (epoll_ctl(a->epoll, EPOLL_CTL_MOD, a->listener, &e) == 0)
        a->accept_again_us = TIME_NEVER_US;
}

void admin_poll(struct admin *a, int64_t now_us) {
    struct epoll_event events[EVENTS_PER_POLL];
    a->now_us = now_us;
    admin_flush(a);
    clients_sweep(a);
    if (now_us >= a->accept_again_us)
        accept_again(a);
    if (a->ready_at < a->ready.count)
        return;
    a->ready.count = a->ready_at = 0;
    clients_time(a);
    int count = epoll_wait(a->epoll, events, EVENTS_PER_POLL, 0);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == TAG_LISTENER)
            admin_accept(a);
        else
            VEC_PUSH(&a->ready, ((struct ready){.client = events[i].data.u64, .events = events[i].events}));
    }
}

static void ready_carry_out(struct admin *a, struct client *c, struct ready *r) {
    bool is_hung_up = r->events & (EPOLLHUP | EPOLLERR);
    if (r->events & EPOLLOUT)
        admin_client_flush(a, c);
    if (c->is_ended && is_hung_up)
        admin_client_end(a, c);
    else if (r->events & ~(uint32_t)EPOLLOUT)
        admin_client_read(a, c, is_hung_up);
    r->events = 0;
}

static bool closed_next(struct admin *a, struct admin_event *ret_event) {
    if (a->closed_at == a->closed.count) {
        a->closed_at = a->closed.count = 0;
        return false;
    }
    *ret_event = (struct admin_event){.kind = ADMIN_CLOSED, .request = a->closed.data[a->closed_at++]};
    return true;
}

bool admin_next(struct admin *a, struct admin_event *ret_event) {
    *ret_event = (struct admin_event){0};
    clients_sweep(a);
    while (!closed_next(a, ret_event)) {
        if (a->ready_at == a->ready.count)
            return false;
        struct ready *r = &a->ready.data[a->ready_at];
        struct client *c = client_find(a, r->client);
        if (c && r->events != 0)
            ready_carry_out(a, c, r);
        if (c && admin_frame_next(a, c, ret_event))
            return true;
        if (c)
            admin_client_settle(a, c);
        a->ready_at++;
    }
    return true;
}
