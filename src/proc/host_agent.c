/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The shim's end of its agent: the socket, the commands, the status told and written. */

#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SAVE_DELAY_US (250 * US_PER_MS) /* of a status that is not final, while an agent has it */
#define SYNC_DELAY_US US_PER_S /* an agent that is there takes the end into its journal within this */

/* ---- the agent ----------------------------------------------------------------------------------------- */

void host_later(int64_t *at_us, int64_t delay_us) {
    int64_t due_us = lease_now_us() + delay_us;
    if (due_us < *at_us)
        *at_us = due_us;
}

/* The directory is the current one: a path of any length fits the address. */
void host_listen(struct host *h) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = FILE_SOCKET};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(FILE_SOCKET);
    if (fd >= 0 &&
        (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 || listen(fd, LINKS_MAX) < 0))
        fd_close(&fd);
    h->listen_fd = fd;
    if (fd < 0)
        host_later(&h->listen_at_us, RETRY_US);
}

static void link_drop(struct host *h, size_t index) {
    link_close(&h->links[index].link);
    memmove(&h->links[index], &h->links[index + 1], (h->links_count - index - 1) * sizeof *h->links);
    h->links_count--;
    if (h->links_count > 0)
        return;
    if (h->unsaved)
        host_tell(h);
    if (h->listen_fd < 0)
        host_listen(h);
}

void host_link_add(struct host *h, int fd) {
    if (h->links_count == LINKS_MAX)
        link_drop(h, 0);
    h->links[h->links_count++] = (struct host_link){.link = {.fd = fd}, .behind = true};
}

void host_link_accept(struct host *h) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    int fd = accept4(h->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
        (peer.uid != 0 && peer.uid != geteuid())) {
        close(fd);
        return;
    }
    host_link_add(h, fd);
    host_tell(h);
}

/* One that does not read gets the newest status when it does, not each of them. */
static void tell(struct host *h, const struct wire_shim_status *status) {
    for (size_t i = h->links_count; i-- > 0;) {
        struct host_link *l = &h->links[i];
        if (!l->behind || l->link.out.size > 0)
            continue;
        link_put(&l->link, &wire_shim_status_type, status);
        l->behind = false;
        if (link_flush(&l->link))
            link_drop(h, i);
    }
}

static int link_messages(struct host *h, struct link *l) {
    struct bytes message;
    int error;
    while ((error = link_peek(l, &message)) == 0) {
        struct arena arena = {0};
        struct wire_shim_command command;
        error = codec_decode(&wire_shim_command_type, message, &arena, &command, NULL);
        link_pop(l);
        if (!error)
            host_feed(h, (struct shim_input){.kind = SHIM_COMMAND, .command = &command});
        arena_done(&arena);
        if (error)
            return error;
    }
    return error == ERR_BUSY ? 0 : error;
}

void host_link_ready(struct host *h, size_t index, short events) {
    struct host_link *l = &h->links[index];
    int error = 0;
    if (events & POLLOUT) {
        error = link_flush(&l->link);
        if (!error && l->behind && l->link.out.size == 0)
            host_tell(h);
    }
    if (!error && events & (POLLIN | POLLHUP | POLLERR)) {
        error = link_read(&l->link);
        error = error == ERR_BUSY ? 0 : error;
    }
    if (!error)
        error = link_messages(h, &l->link);
    if (error)
        link_drop(h, index);
}

/* ---- the status file ----------------------------------------------------------------------------------- */

/*
 * An agent that is there has the status already, so one that is not final waits a moment: most tasks that end
 * within it are never written as running, which halves the work for the disk. Until then an agent that comes
 * anew learns from the directory's lock that the shim lives, and the status from the shim.
 *
 * Only the end needs to survive a loss of power: the end of the host ends every task, and what ran then is
 * told as lost. And even the end only when there is no agent that takes it into its journal in good time.
 */
static void status_save(struct host *h, const struct wire_shim_status *status) {
    struct buf data = {0};
    bool final = status->fact.state == TASK_STATE_DEAD, sync = final && h->links_count == 0;
    codec_encode(&wire_shim_status_type, status, &data);
    h->unsaved = file_replace(AT_FDCWD, FILE_STATUS, buf_bytes(&data), sync) != 0;
    buf_done(&data);
    h->save_at_us = TIME_NEVER_US;
    if (h->unsaved)
        host_later(&h->save_at_us, RETRY_US);
    else if (final && !sync)
        host_later(&h->sync_at_us, SYNC_DELAY_US);
}

void host_status_sync(struct host *h) {
    struct buf data = {0};
    h->sync_at_us = TIME_NEVER_US;
    if (file_read(AT_FDCWD, FILE_STATUS, FRAME_MAX, &data) == 0)
        file_replace(AT_FDCWD, FILE_STATUS, buf_bytes(&data), true);
    buf_done(&data);
}

void host_status(struct host *h, struct wire_shim_status *status, bool is_new) {
    if (h->farewell)
        return;
    status->shim_pid = h->identity.shim_pid;
    status->pid_start = h->identity.pid_start;
    status->boot = h->identity.boot;
    h->unsaved = h->unsaved || is_new;
    if (h->unsaved && (h->links_count == 0 || status->fact.state == TASK_STATE_DEAD || h->save_due))
        status_save(h, status);
    else if (h->unsaved)
        host_later(&h->save_at_us, SAVE_DELAY_US);
    h->save_due = false;
    for (size_t i = 0; is_new && i < h->links_count; i++)
        h->links[i].behind = true;
    tell(h, status);
}

void host_tell(struct host *h) { host_feed(h, (struct shim_input){.kind = SHIM_ATTACHED}); }
