/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The socket file: made, guarded, removed. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LISTEN_BACKLOG 128
#define LOCK_STEP_NS   10000000 /* ten milliseconds ... */
#define LOCK_STEPS     200      /* ... so often */

static void address_of(const struct admin *a, struct sockaddr_un *ret) {
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, a->path, strlen(a->path));
}

/*
 * Agents that start at the same moment must not remove one another's fresh file: looking, removing and
 * binding are one step under a lock on the folder, which leaves no file behind. -1 with errno.
 */
static int folder_lock(const struct admin *a) {
    const char *slash = strrchr(a->path, '/');
    struct buf folder = {0};
    if (slash)
        buf_append(&folder, a->path, slash == a->path ? 1 : (size_t)(slash - a->path));
    else
        buf_append_byte(&folder, '.');
    int fd = open(buf_str(&folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    buf_done(&folder);
    /*
     * Held for a look, a removal and a bind: another agent's start in this folder is waited for. Whoever has
     * it for longer is no agent (anybody who may read the folder may lock it) and keeps none from starting.
     */
    const struct timespec step = {.tv_nsec = LOCK_STEP_NS};
    for (int i = 0; fd >= 0 && i < LOCK_STEPS && flock(fd, LOCK_EX | LOCK_NB); i++)
        nanosleep(&step, NULL);
    return fd;
}

/* errno of a connection to the socket file, 0 when somebody listens on it. */
static int living_check(const struct admin *a, long *ret_pid) {
    struct sockaddr_un address;
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    address_of(a, &address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int error = connect(fd, (struct sockaddr *)&address, sizeof address) ? errno : 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
        *ret_pid = peer.pid;
    close(fd);
    /* A full backlog is a sign of life, too. */
    return error == EAGAIN ? 0 : error;
}

/* Removes a socket file that nobody listens on. */
static int stale_remove(struct admin *a, struct buf *ret_text) {
    struct stat st;
    long pid = 0;
    if (lstat(a->path, &st) != 0)
        return 0;
    if (!S_ISSOCK(st.st_mode)) {
        buf_printf(ret_text, "%s exists and is no socket: remove it, or choose another path", a->path);
        return ERR_EXISTS;
    }
    int error = living_check(a, &pid);
    if (error == ECONNREFUSED && unlink(a->path) == 0)
        return 0;
    if (error)
        buf_printf(ret_text, "cannot replace the socket %s: %s", a->path, strerror(errno));
    else
        buf_printf(ret_text, "another agent listens on %s", a->path);
    if (!error && pid > 0)
        buf_printf(ret_text, " (process %ld)", pid);
    return ERR_EXISTS;
}

/* A socket's mode before bind becomes its file's, less the umask: the file is never open to all, not for a
 * moment. */
static bool file_make(struct admin *a) {
    struct sockaddr_un address;
    struct stat st;
    mode_t mode = a->gid == ADMIN_NO_GROUP ? 0600 : 0660;
    address_of(a, &address);
    (void)fchmod(a->listener, 0600);
    if (bind(a->listener, (struct sockaddr *)&address, sizeof address) || lstat(a->path, &st))
        return false;
    a->device = st.st_dev;
    a->inode = st.st_ino;
    if (a->gid != ADMIN_NO_GROUP && lchown(a->path, (uid_t)-1, a->gid))
        return false;
    return chmod(a->path, mode) == 0 && listen(a->listener, LISTEN_BACKLOG) == 0;
}

static int listen_locked(struct admin *a, struct buf *ret_text) {
    int error = stale_remove(a, ret_text);
    if (error)
        return error;
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = TAG_LISTENER};
    a->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (a->listener >= 0 && file_make(a) && epoll_ctl(a->epoll, EPOLL_CTL_ADD, a->listener, &e) == 0)
        return 0;
    buf_printf(ret_text, "cannot make the socket %s: %s", a->path, strerror(errno));
    return ERR_IO;
}

int admin_listen(struct admin *a, struct buf *ret_text) {
    struct sockaddr_un address;
    if (strlen(a->path) >= sizeof address.sun_path) {
        buf_printf(ret_text, "the path of the socket is longer than %zu bytes: %s",
                   sizeof address.sun_path - 1, a->path);
        return ERR_LIMIT;
    }
    int lock = folder_lock(a);
    if (lock < 0) {
        buf_printf(ret_text, "cannot make the socket %s: %s", a->path, strerror(errno));
        return ERR_IO;
    }
    int error = listen_locked(a, ret_text);
    close(lock);
    return error;
}

void admin_unlisten(struct admin *a) {
    struct stat st;
    if (a->inode != 0 && lstat(a->path, &st) == 0 && st.st_dev == a->device && st.st_ino == a->inode)
        (void)unlink(a->path);
    if (a->listener >= 0)
        close(a->listener);
}

/* ---- accepting ----------------------------------------------------------------------------------------- */

/* Its last words fit into the socket's buffer: nothing is kept of a client that is not let in. */
static void refuse(int fd, int error, struct bytes text) {
    struct buf frame = {0};
    admin_error_append(&frame, 0, error, text);
    (void)send(fd, frame.data, frame.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    buf_done(&frame);
    close(fd);
}

static void accepted(struct admin *a, int fd) {
    struct buf text = {0};
    uint32_t uid = 0;
    if (!admin_peer_check(a, fd, &uid, &text))
        refuse(fd, ERR_DENIED, buf_bytes(&text));
    else if (a->clients.count >= a->options.clients_max)
        refuse(fd, ERR_BUSY, bytes_str("too many clients are connected to the agent"));
    else
        (void)admin_client_new(a, fd, uid);
    buf_done(&text);
}

void admin_accept(struct admin *a) {
    for (unsigned i = 0; i < LISTEN_BACKLOG; i++) {
        int fd = accept4(a->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accepted(a, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* The listener stays ready: looking away for a while keeps the loop from spinning. */
            struct epoll_event none = {0};
            if (epoll_ctl(a->epoll, EPOLL_CTL_MOD, a->listener, &none) == 0)
                a->accept_again_us = a->now_us + ACCEPT_PAUSE_US;
        }
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}
