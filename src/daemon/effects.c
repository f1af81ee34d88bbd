/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What node wants done, done: each effect goes to its shell. */
#include <stdio.h>

#include "daemon.h"

static void refuse(struct daemon *d, const struct wire_shim_spec *spec, int error, const char *text) {
    struct node_input in = {.kind = NODE_TASK_REFUSED,
                            .instance = spec->instance,
                            .task = spec->task,
                            .error = error,
                            .text = bytes_str(text)};
    daemon_feed(d, &in);
}

/* A port that a stranger holds is found out here, before the task fails on it. */
static void task_start(struct daemon *d, const struct wire_shim_spec *spec, bool ports_held) {
    char ip[ADDR_TEXT_SIZE], text[128];
    size_t size = spec->bind.size < sizeof ip - 1 ? spec->bind.size : sizeof ip - 1;
    memcpy(ip, spec->bind.data, size);
    ip[size] = 0;
    for (size_t i = 0; i < spec->ports_count && !ports_held; i++) {
        if (proc_port_free(ip, (uint16_t)spec->ports[i].port))
            continue;
        snprintf(text, sizeof text, "port %u on %s is held by a process that is not covey's",
                 spec->ports[i].port, ip);
        refuse(d, spec, ERR_EXISTS, text);
        return;
    }
    proc_start(d->proc, spec);
}

static void ready(struct daemon *d) {
    if (d->ready)
        return;
    d->ready = true;
    daemon_say(d, NODE_INFO, "ready");
}

static void submit(struct daemon *d, const struct disk_op *op) {
    int error = store_submit(d->store, op);
    if (error == 0)
        return;
    struct node_input in = {.kind = NODE_DISK_FAILED, .error = error, .text = bytes_str(err_str(error))};
    daemon_feed(d, &in);
}

static void disk_look(struct daemon *d) {
    daemon_feed(d, &(struct node_input){.kind = NODE_DISK_ROOM, .bytes = store_room(d->store)});
}

void daemon_effect(struct daemon *d, const struct node_effect *e) {
    switch (e->kind) {
    case NODE_SEND_DATAGRAM: net_datagram(d->net, &e->addr, e->data); break;
    case NODE_STREAM_CONNECT: stream_link_connect(d, e->stream, &e->addr, e->key_id); break;
    case NODE_STREAM_SEND: stream_link_send(d, e->stream, e->data); break;
    case NODE_STREAM_CLOSE: stream_link_close(d, e->stream); break;
    case NODE_DISK: submit(d, &e->op); break;
    case NODE_DISK_LOOK: disk_look(d); break;
    case NODE_TASK_START: task_start(d, e->spec, e->ports_held); break;
    case NODE_TASK_COMMAND: (void)proc_command(d->proc, e->instance, e->task, &e->command); break;
    case NODE_TASK_RELEASE: proc_release(d->proc, e->instance, e->task, true); break;
    case NODE_TASK_REMOVE: proc_remove(d->proc, e->instance); break;
    case NODE_REPLY: admin_reply(d->admin, e->request, e->error, e->text, e->data, e->follow); break;
    case NODE_NOTIFY: admin_notify(d->admin, e->request, e->data, e->end); break;
    case NODE_LOG_OPEN:
        proc_log_open(d->proc, e->handle, e->instance, e->task, e->is_stderr, e->follow, e->bytes);
        break;
    case NODE_LOG_CREDIT: proc_log_credit(d->proc, e->handle, e->bytes); break;
    case NODE_LOG_CLOSE: proc_log_close(d->proc, e->handle); break;
    case NODE_SAY: daemon_say(d, e->level, "%.*s", BYTES_FMT(e->text)); break;
    case NODE_READY: ready(d); break;
    case NODE_RESTART: daemon_restart(d); break;
    case NODE_EXIT:
        daemon_say(d, NODE_INFO, "ending: %.*s", BYTES_FMT(e->text));
        d->ending = true;
        d->exit_status = err_exit(e->error);
        break;
    }
}
